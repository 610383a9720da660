"""A quote stuffer: a thousand messages about one book in a tenth of a second.

It places and cancels real orders in the real engine, at the best bid, so that books and
checksums stay right.
"""

from __future__ import annotations

from kracked.protocol.events import Side
from kracked.sim.engine.exchange_ids import ExchangeIds
from kracked.sim.engine.orders import NewOrder
from kracked.sim.exchange import Exchange
from kracked.times import NS_PER_S

MESSAGES = 1_000
LENGTH_NS = NS_PER_S // 10


class Burst:
    """Places and cancels one small order, again and again."""

    def __init__(self, exchange: Exchange, symbol: str, ids: ExchangeIds, now: int) -> None:
        self.symbol = symbol
        self._exchange, self._ids, self._begun = exchange, ids, now
        self._sent = 0
        self._resting: str | None = None

    def advance(self, now: int) -> bool:
        """Send what is due; return False once everything has been sent."""
        share = min(1.0, (now - self._begun) / LENGTH_NS)
        while self._sent < round(MESSAGES * share):
            self._sent += 1
            self._send()
        return self._sent < MESSAGES

    def _send(self) -> None:
        """Cancel the order that rests, or place the next one."""
        matcher, time = self._exchange.matcher(self.symbol), self._exchange.time
        if self._resting is not None:
            batch = matcher.cancel(self._resting, time)
            self._resting = None
        else:
            price = matcher.best_price(Side.BID)
            if price is None:
                return
            self._resting = self._ids.take()
            # Small, but not a quantity others are likely to have: the level must change.
            order = NewOrder(self._resting, Side.BID, 12_345, price, post_only=True)
            batch = matcher.submit(order, time)
        self._exchange.publish(self.symbol, batch)
