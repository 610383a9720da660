"""Both rate counters of the exchange, kept here by its documented rules. Pure.

They are unrelated: the *REST* counter belongs to a key and counts calls; the *engine*
counter belongs to an account and a pair, counts order transactions over every API, and
makes touching a young order dear. Counts are exact: integers of 1e-11, the decay
of one nanosecond at 0.01 per second. Whether decay is continuous is not documented;
it is taken to be.

Sources: docs.kraken.com/api/docs/guides/spot-ratelimits, .../spot-rest-ratelimits
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from kracked.errors import ConfigError
from kracked.times import NS_PER_S

_UNIT = 10**11
_RISK_SHARE = Decimal("0.8")
"""Adds and amends stop here; the rest of the threshold is left for cancels."""
_REST_RESERVE = Decimal(2)
"""Kept for one cancel-all and one turn of the dead-man's switch."""
_DEAR = {"ClosedOrders": 4, "TradesHistory": 4, "QueryTrades": 4, "Ledgers": 4, "QueryLedgers": 4}
"""Sources say 2 or 4 for calls into history; planning with 4 is right in both cases."""
_FREE = ("AddOrder", "CancelOrder")


class Tier(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of one verification level."""

    name: str
    rest_limit: int
    rest_decay_per_s: Decimal
    threshold: int
    """Of the engine counter, per pair; the `maxratecount` of an executions subscription."""
    decay_per_s: Decimal
    open_orders: int
    """Most open orders per pair."""


STARTER = Tier(
    name="starter",
    rest_limit=15,
    rest_decay_per_s=Decimal("0.33"),
    threshold=60,
    decay_per_s=Decimal(1),
    open_orders=60,
)
INTERMEDIATE = Tier(
    name="intermediate",
    rest_limit=20,
    rest_decay_per_s=Decimal("0.5"),
    threshold=125,
    decay_per_s=Decimal("2.34"),
    open_orders=80,
)
PRO = Tier(
    name="pro",
    rest_limit=20,
    rest_decay_per_s=Decimal(1),
    threshold=180,
    decay_per_s=Decimal("3.75"),
    open_orders=225,
)


def tier_of(max_rate_count: int) -> Tier:
    """The tier an engine threshold belongs to; the lowest if it belongs to none."""
    return next((tier for tier in (INTERMEDIATE, PRO) if tier.threshold == max_rate_count), STARTER)


def tier_named(name: str) -> Tier:
    """The tier of this name. Raises `ConfigError` for any other."""
    for tier in (STARTER, INTERMEDIATE, PRO):
        if tier.name == name:
            return tier
    raise ConfigError(f"no tier is called {name}; choose starter, intermediate or pro")


_AMEND = ((5, 3), (10, 2), (15, 1))
_EDIT = ((5, 6), (10, 5), (15, 4), (45, 2), (90, 1))
_CANCEL = ((5, 8), (10, 6), (15, 5), (45, 4), (90, 2), (300, 1))


def _by_age(bands: tuple[tuple[int, int], ...], age_ns: int) -> int:
    """The penalty of an order this old; an age on a band's edge belongs to the next band."""
    return next((cost for below_s, cost in bands if age_ns < below_s * NS_PER_S), 0)


def cost_of_add() -> Decimal:
    return Decimal(1)


def cost_of_batch_add(orders: int) -> Decimal:
    return Decimal(orders) / 2


def cost_of_amend(age_ns: int) -> Decimal:
    """`age_ns` since the order was placed or last amended, here and below."""
    return Decimal(1 + _by_age(_AMEND, age_ns))


def cost_of_edit(age_ns: int) -> Decimal:
    return Decimal(1 + _by_age(_EDIT, age_ns))


def cost_of_cancel(age_ns: int) -> Decimal:
    """Of one order, alone or in a batch."""
    return Decimal(_by_age(_CANCEL, age_ns))


class Counter:
    """A count that rises by what is spent and falls steadily to zero."""

    def __init__(self, decay_per_s: Decimal) -> None:
        self._decay = int(decay_per_s * 100)
        self._count = 0
        self._at = 0

    def value(self, now: int) -> Decimal:
        """The count at `now`, ns since the Unix epoch; a clock gone back leaves it as it was."""
        return Decimal(self._units(now)) / _UNIT

    def spend(self, cost: Decimal, now: int) -> None:
        self._count = self._units(now) + int(cost * _UNIT)
        self._at = max(self._at, now)

    def raise_to(self, value: Decimal, now: int) -> None:
        """The exchange counts at least this much."""
        self._count = max(self._units(now), int(value * _UNIT))
        self._at = max(self._at, now)

    def wait_ns(self, cost: Decimal, limit: Decimal, now: int) -> int:
        """How long until `cost` fits below `limit`; 0 if it does already."""
        excess = self._units(now) + int((cost - limit) * _UNIT)
        return -(-excess // self._decay) if excess > 0 else 0

    def _units(self, now: int) -> int:
        return max(0, self._count - self._decay * max(0, now - self._at))


class RestLimiter:
    """The call counter of one key."""

    def __init__(self, tier: Tier = STARTER) -> None:
        self.tier = tier
        self._counter = Counter(tier.rest_decay_per_s)
        self._closed_until = 0

    def cost(self, endpoint: str) -> Decimal:
        return Decimal(0) if endpoint in _FREE else Decimal(_DEAR.get(endpoint, 1))

    def count(self, now: int) -> Decimal:
        return self._counter.value(now)

    def wait_ns(self, endpoint: str, now: int) -> int:
        """How long a read should wait so that the reserve is left for calls that cancel."""
        limit = Decimal(self.tier.rest_limit) - _REST_RESERVE
        counted_ns = self._counter.wait_ns(self.cost(endpoint), limit, now)
        return max(self.throttled_ns(now), counted_ns)

    def throttled_ns(self, now: int) -> int:
        """How long the exchange wants no call at all."""
        return max(0, self._closed_until - now)

    def spend(self, endpoint: str, now: int) -> None:
        self._counter.spend(self.cost(endpoint), now)

    def exceeded(self, now: int, until: int | None = None) -> None:
        """The exchange said so: trust it over this count. `until` ends a throttle."""
        if until is None:
            self._counter.raise_to(Decimal(self.tier.rest_limit), now)
        else:
            self._closed_until = max(self._closed_until, until)


class EngineLimiter:
    """The order counters of one account, a counter per pair."""

    def __init__(self, tier: Tier = STARTER) -> None:
        self.tier = tier
        self._counters: dict[str, Counter] = {}

    def count(self, symbol: str, now: int) -> Decimal:
        return self._of(symbol).value(now)

    def room(self, symbol: str, now: int) -> Decimal:
        """What adding and amending may still spend; the last fifth is kept for cancels."""
        return max(Decimal(0), self.tier.threshold * _RISK_SHARE - self.count(symbol, now))

    def wait_ns(self, symbol: str, cost: Decimal, now: int) -> int:
        """How long until an add or amend of this cost leaves the reserve untouched."""
        return self._of(symbol).wait_ns(cost, self.tier.threshold * _RISK_SHARE, now)

    def spend(self, symbol: str, cost: Decimal, now: int) -> None:
        self._of(symbol).spend(cost, now)

    def exceeded(self, symbol: str, now: int) -> None:
        """The exchange refused for the rate: its count stands at the threshold at least."""
        self._of(symbol).raise_to(Decimal(self.tier.threshold), now)

    def _of(self, symbol: str) -> Counter:
        return self._counters.setdefault(symbol, Counter(self.tier.decay_per_s))
