"""The exchange's two rate counters: tiers, the cost of each call, and the decay. Pure.

They are unrelated: the *REST* counter belongs to a key and counts calls; the *engine*
counter belongs to an account and a pair, counts order transactions over every API, and
charges more for changing a young order. Both sides of the wire use this module: the client's
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
_EXPENSIVE = {
    "ClosedOrders": 4,
    "TradesHistory": 4,
    "QueryTrades": 4,
    "Ledgers": 4,
    "QueryLedgers": 4,
}
"""Sources say 2 or 4 for calls into history; to plan with 4 is safe in both cases."""
_FREE = ("AddOrder", "CancelOrder")


class Tier(msgspec.Struct, frozen=True, kw_only=True):
    """The rate limits of one verification level."""

    name: str
    rest_limit: int
    rest_decay_per_s: Decimal
    threshold: int
    """Limit of the engine counter, per pair; `maxratecount` of an executions subscription."""
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
    """Return the tier of an engine threshold; the lowest when no tier has this threshold."""
    return next((tier for tier in (INTERMEDIATE, PRO) if tier.threshold == max_rate_count), STARTER)


def tier_named(name: str) -> Tier:
    """Return the tier of this name.

    Raises:
        ConfigError: No tier has this name.
    """
    for tier in (STARTER, INTERMEDIATE, PRO):
        if tier.name == name:
            return tier
    raise ConfigError(f"no tier is called {name}; choose starter, intermediate or pro")


_AMEND = ((5, 3), (10, 2), (15, 1))
_EDIT = ((5, 6), (10, 5), (15, 4), (45, 2), (90, 1))
_CANCEL = ((5, 8), (10, 6), (15, 5), (45, 4), (90, 2), (300, 1))


def _by_age(bands: tuple[tuple[int, int], ...], age_ns: int) -> int:
    """Return the penalty for an order of this age; an age on an edge is in the older band."""
    return next((cost for below_s, cost in bands if age_ns < below_s * NS_PER_S), 0)


def cost_of_add() -> Decimal:
    """Return what placing one order adds to the engine counter."""
    return Decimal(1)


def cost_of_batch_add(orders: int) -> Decimal:
    """Return what placing a batch of orders adds to the engine counter."""
    return Decimal(orders) / 2


def cost_of_amend(age_ns: int) -> Decimal:
    """Return what an amend adds to the engine counter.

    Args:
        age_ns: Time since the order was placed or last amended, here and below.
    """
    return Decimal(1 + _by_age(_AMEND, age_ns))


def cost_of_edit(age_ns: int) -> Decimal:
    """Return what an edit adds to the engine counter."""
    return Decimal(1 + _by_age(_EDIT, age_ns))


def cost_of_cancel(age_ns: int) -> Decimal:
    """Return what cancelling one order, alone or in a batch, adds to the engine counter."""
    return Decimal(_by_age(_CANCEL, age_ns))


def cost_of_call(endpoint: str) -> Decimal:
    """Return what a private call adds to the REST counter of its key."""
    return Decimal(0) if endpoint in _FREE else Decimal(_EXPENSIVE.get(endpoint, 1))


class RateCounter:
    """A count that rises by the costs that are spent and falls steadily to zero."""

    def __init__(self, decay_per_s: Decimal) -> None:
        self._decay = int(decay_per_s * 100)
        self._count = 0
        self._at = 0

    def value(self, now: int) -> Decimal:
        """Return the count at `now`, ns of any clock; a clock that went back changes nothing."""
        return Decimal(self._units(now)) / _UNIT

    def spend(self, cost: Decimal, now: int) -> None:
        """Add a cost to the count."""
        self._count = self._units(now) + int(cost * _UNIT)
        self._at = max(self._at, now)

    def raise_to(self, value: Decimal, now: int) -> None:
        """Raise the count to what the exchange has shown that it counts, at least."""
        self._count = max(self._units(now), int(value * _UNIT))
        self._at = max(self._at, now)

    def wait_ns(self, cost: Decimal, limit: Decimal, now: int) -> int:
        """Return the ns until `cost` fits below `limit`; 0 if it does already."""
        excess = self._units(now) + int((cost - limit) * _UNIT)
        return -(-excess // self._decay) if excess > 0 else 0

    def _units(self, now: int) -> int:
        return max(0, self._count - self._decay * max(0, now - self._at))
