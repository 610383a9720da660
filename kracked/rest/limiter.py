"""Both rate counters kept locally, so that no call is sent that would be refused. Pure.

The rules are `kracked.protocol.limits`; what is kept in reserve is decided here.
"""

from __future__ import annotations

from decimal import Decimal

from kracked.protocol.limits import STARTER, RateCounter, Tier, cost_of_call

_RISK_SHARE = Decimal("0.8")
"""Adds and amends stop here; the rest of the threshold is left for cancels."""
_REST_RESERVE = Decimal(2)
"""Kept for one cancel-all and one turn of the dead-man's switch."""
_TOKEN = Decimal(1)
"""Kept besides when orders are amended: a stream that is lost needs a token to come back."""


class RestLimiter:
    """The call counter of one key. `now` is ns of any clock that only rises."""

    def __init__(self, tier: Tier = STARTER) -> None:
        self.tier = tier
        self._counter = RateCounter(tier.rest_decay_per_s)
        self._closed_until = 0

    def count(self, now: int) -> Decimal:
        return self._counter.value(now)

    def wait_ns(self, endpoint: str, now: int) -> int:
        """How long a read should wait so that the reserve is left for calls that cancel."""
        counted_ns = self._counter.wait_ns(cost_of_call(endpoint), self._for_reads, now)
        return max(self.throttled_ns(now), counted_ns)

    def held_ns(self, endpoint: str, now: int) -> int:
        """How long an order or amend would have to wait; none is sent late, so it is refused."""
        cost = cost_of_call(endpoint)
        return self._counter.wait_ns(cost, self._for_reads - _TOKEN, now) if cost else 0

    def throttled_ns(self, now: int) -> int:
        """How long the exchange wants no call at all."""
        return max(0, self._closed_until - now)

    def spend(self, endpoint: str, now: int) -> None:
        self._counter.spend(cost_of_call(endpoint), now)

    def spend_on_write(self, endpoint: str, now: int) -> None:
        """Count what may not count at the exchange: by itself it holds up no read and no amend."""
        cost = cost_of_call(endpoint)
        room = self._for_reads - _TOKEN - cost - self._counter.value(now)
        self._counter.spend(min(cost, max(Decimal(0), room)), now)

    @property
    def _for_reads(self) -> Decimal:
        return Decimal(self.tier.rest_limit) - _REST_RESERVE

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
        self._counters: dict[str, RateCounter] = {}

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

    def _of(self, symbol: str) -> RateCounter:
        return self._counters.setdefault(symbol, RateCounter(self.tier.decay_per_s))
