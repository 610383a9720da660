"""The exchange's side of both rate limits: it counts, and refuses above the threshold.

Cancels are always let through: that a batch cancel is, is documented; that a single one
is, is this simulator's choice. A call that is refused for its rate is not counted, so a
client that waits comes back in.

Sources: docs.kraken.com/api/docs/guides/spot-ratelimits, .../spot-rest-ratelimits
"""

from __future__ import annotations

from decimal import Decimal

from kracked.gateway import order_words
from kracked.gateway.refusals import Refusal
from kracked.protocol.limits import RateCounter, Tier, cost_of_call


class OrderCounts:
    """One account's engine counters, one per pair."""

    def __init__(self, tier: Tier) -> None:
        self.tier = tier
        self._counters: dict[str, RateCounter] = {}

    def count(self, symbol: str, now: int) -> Decimal:
        """Return a pair's count."""
        return self._counter(symbol).value(now)

    def charge(self, symbol: str, cost: Decimal, now: int) -> None:
        """Count a transaction.

        Raises:
            Refusal: It would lift the count above the threshold; nothing is counted.
        """
        if self.count(symbol, now) + cost > self.tier.threshold:
            raise Refusal(order_words.ORDER_RATE)
        self.spend(symbol, cost, now)

    def spend(self, symbol: str, cost: Decimal, now: int) -> None:
        """Count a transaction, whatever the count."""
        self._counter(symbol).spend(cost, now)

    def _counter(self, symbol: str) -> RateCounter:
        return self._counters.setdefault(symbol, RateCounter(self.tier.decay_per_s))


class CallCounts:
    """The REST counters, one per key."""

    def __init__(self) -> None:
        self._counters: dict[str, RateCounter] = {}

    def charge(self, key: str, tier: Tier, method: str, now: int) -> None:
        """Count a call.

        Raises:
            Refusal: It would lift the count above the limit; nothing is counted.
        """
        counter = self._counters.setdefault(key, RateCounter(tier.rest_decay_per_s))
        cost = cost_of_call(method)
        if cost and counter.value(now) + cost > tier.rest_limit:
            raise Refusal(order_words.CALL_RATE)
        counter.spend(cost, now)
