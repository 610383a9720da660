"""Local copies of both rate counters, so that no call is sent that would be refused. Pure.

The rules are those of `kracked.protocol.limits`; the reserves are decided here.
"""

from __future__ import annotations

from decimal import Decimal

from kracked.protocol.limits import STARTER, RateCounter, Tier, cost_of_call
from kracked.rest.replies import DOMAIN_RATE, PAIR_RATE

_RISK_SHARE = Decimal("0.8")
"""Share of the threshold for adds and amends; the rest is left for cancels."""
_REST_RESERVE = Decimal(2)
"""Calls in reserve for one cancel-all and one renewal of the dead-man's switch."""
_TOKEN = Decimal(1)
"""Call in reserve besides, when orders are amended: a lost stream needs a token to come back."""


class RestLimiter:
    """The limits of one key's calls. `now` is ns of any clock that only rises."""

    def __init__(self, tier: Tier = STARTER) -> None:
        self.tier = tier
        self.counter = RateCounter(tier.rest_decay_per_s)
        """The calls counted."""
        self._closed_until = 0

    def wait_ns(self, endpoint: str, now: int) -> int:
        """Return the ns that a read should wait, so that the reserve is left for cancels."""
        counted_ns = self.counter.wait_ns(cost_of_call(endpoint), self._for_reads, now)
        return max(self.throttled_ns(now), counted_ns)

    def held_ns(self, endpoint: str, now: int) -> int:
        """Return the ns that an order or amend would have to wait; not 0 means: refuse it.

        It is not sent late, because the market may have moved.
        """
        cost = cost_of_call(endpoint)
        return self.counter.wait_ns(cost, self._for_reads - _TOKEN, now) if cost else 0

    def throttled_ns(self, now: int) -> int:
        """Return the ns in which the exchange wants no call at all."""
        return max(0, self._closed_until - now)

    def spend(self, endpoint: str, now: int) -> None:
        """Count a call."""
        self.counter.spend(cost_of_call(endpoint), now)

    def spend_on_write(self, endpoint: str, now: int) -> None:
        """Count a write the exchange might not charge; alone it never blocks reads or amends."""
        cost = cost_of_call(endpoint)
        room = self._for_reads - _TOKEN - cost - self.counter.value(now)
        self.counter.spend(min(cost, max(Decimal(0), room)), now)

    @property
    def _for_reads(self) -> Decimal:
        return Decimal(self.tier.rest_limit) - _REST_RESERVE

    def exceeded(self, now: int, until: int | None = None) -> None:
        """Believe the exchange's refusal over this count.

        Args:
            now: The present, by the limiter's clock.
            until: When a throttle ends; None when the counter is full.
        """
        if until is None:
            self.counter.raise_to(Decimal(self.tier.rest_limit), now)
        else:
            self._closed_until = max(self._closed_until, until)


class EngineLimiter:
    """The order counters of one account: one per pair, and one that holds for all pairs.

    Source: docs.kraken.com/api/docs/guides/spot-ratelimits; the refusal for all pairs is told by
    the exchange's own client libraries.
    """

    def __init__(self, tier: Tier = STARTER) -> None:
        self.tier = tier
        self.counters: dict[str, RateCounter] = {}
        self._every = RateCounter(tier.decay_per_s)
        """What a refusal for all pairs has shown; only such a refusal raises it."""

    def count(self, symbol: str, now: int) -> Decimal:
        """Return a pair's counter."""
        return max(self._of(symbol).value(now), self._every.value(now))

    def room(self, symbol: str, now: int) -> Decimal:
        """Return what adds and amends may still spend; the last fifth is left for cancels."""
        return max(Decimal(0), self.tier.threshold * _RISK_SHARE - self.count(symbol, now))

    def wait_ns(self, symbol: str, cost: Decimal, now: int) -> int:
        """Return the ns until an add or amend of this cost leaves the reserve untouched."""
        limit = self.tier.threshold * _RISK_SHARE
        counters = (self._of(symbol), self._every)
        return max(counter.wait_ns(cost, limit, now) for counter in counters)

    def spend(self, symbol: str, cost: Decimal, now: int) -> None:
        """Count a transaction of a pair."""
        self._of(symbol).spend(cost, now)

    def exceeded(self, symbol: str, now: int) -> None:
        """Raise a pair's counter to the threshold: the exchange refused for the rate."""
        self._of(symbol).raise_to(Decimal(self.tier.threshold), now)

    def all_exceeded(self, now: int) -> None:
        """Raise every pair's counter to the threshold: the exchange refused for the account."""
        self._every.raise_to(Decimal(self.tier.threshold), now)

    def heed(self, error: str, symbol: str, now: int) -> None:
        """Take over what an error text, or several joined, reveals about the engine's counters."""
        if DOMAIN_RATE in error:
            self.all_exceeded(now)
        if PAIR_RATE in error:
            self.exceeded(symbol, now)

    def _of(self, symbol: str) -> RateCounter:
        counter = self.counters.get(symbol)
        if counter is None:
            counter = self.counters[symbol] = RateCounter(self.tier.decay_per_s)
        return counter
