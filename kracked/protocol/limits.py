"""The exchange's two rate counters: tiers, what each call costs, and how a count falls. Pure.

They are unrelated: the *REST* counter belongs to a key and counts calls; the *engine*
counter belongs to an account and a pair, counts order transactions over every API, and
makes touching a young order dear. Both sides of the wire look here: the client's
limiter, which waits, and the simulated exchange, which refuses. Counts are exact:
integers of 1e-11, the decay of one nanosecond at 0.01 per second. Whether decay is
continuous is not documented; it is taken to be.

Sources: docs.kraken.com/api/docs/guides/spot-ratelimits, .../spot-rest-ratelimits
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from kracked.errors import ConfigError
from kracked.times import NS_PER_S

_UNIT = 10**11
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


def cost_of_call(endpoint: str) -> Decimal:
    """What a private call adds to its key's REST counter."""
    return Decimal(0) if endpoint in _FREE else Decimal(_DEAR.get(endpoint, 1))


class RateCounter:
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
