"""What takers sold and bought at each price since the last clear."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from kracked.protocol.events import Side, Trade
from kracked.times import NS_PER_S

MOST_PRICES = 20_000
"""Prices that are kept; above it the half that traded longest ago is let go."""
UNDO_NS = 5 * NS_PER_S
"""How long a clear can be undone."""


class Clear(StrEnum):
    """The prices that a clear empties."""

    ALL = "all"
    ABOVE = "above"
    """Prices above the best ask of that instant."""
    BELOW = "below"
    """Prices below the best bid of that instant."""


class PriceTrades(NamedTuple):
    """Quantities that takers traded at a price."""

    sold: int = 0
    """Sold into bids."""
    bought: int = 0
    """Bought from asks."""
    time: int = 0
    """When it traded last, ns since the Unix epoch."""


class TradedAtPrice:
    """Sold and bought quantities of every price since they were cleared.

    Attributes:
        forgotten: Whether prices were let go, so that the sums are of the others alone.
    """

    def __init__(self, *, most_prices: int = MOST_PRICES) -> None:
        """Begin with nothing traded.

        Args:
            most_prices: Prices that are kept.
        """
        self.forgotten = False
        self._most = most_prices
        self._prices: dict[int, PriceTrades] = {}
        """The price that traded last is last."""
        self._cleared: dict[int, PriceTrades] = {}
        self._cleared_at: int | None = None

    @property
    def prices(self) -> Mapping[int, PriceTrades]:
        """The quantities by price; what traded last is last."""
        return self._prices

    @property
    def sold(self) -> int:
        """All that was sold since the clear."""
        return sum(each.sold for each in self._prices.values())

    @property
    def bought(self) -> int:
        """All that was bought since the clear."""
        return sum(each.bought for each in self._prices.values())

    def add(self, trade: Trade, time: int) -> None:
        """Count a trade; `time` is its instant, ns since the Unix epoch."""
        sold, bought, _ = self._prices.pop(trade.price, _NOTHING)
        if trade.side is Side.BID:
            bought += trade.qty
        else:
            sold += trade.qty
        self._prices[trade.price] = PriceTrades(sold, bought, time)
        if len(self._prices) > self._most:
            for price in list(self._prices)[: self._most // 2]:
                del self._prices[price]
            self.forgotten = True

    def clear(
        self, which: Clear, now: int, *, bid: int | None = None, ask: int | None = None
    ) -> bool:
        """Forget what traded at some prices; one clear can be undone.

        Args:
            which: The prices.
            now: The present, on the clock of `undo`.
            bid: The best bid; without it nothing is below.
            ask: The best ask; without it nothing is above.

        Returns:
            Whether it could be told which prices are meant.
        """
        if (which is Clear.ABOVE and ask is None) or (which is Clear.BELOW and bid is None):
            return False
        self._cleared = {
            price: each
            for price, each in self._prices.items()
            if which is Clear.ALL
            or (ask is not None and which is Clear.ABOVE and price > ask)
            or (bid is not None and which is Clear.BELOW and price < bid)
        }
        self._cleared_at = now
        for price in self._cleared:
            del self._prices[price]
        if which is Clear.ALL:
            self.forgotten = False
        return True

    def undo(self, now: int) -> bool:
        """Bring back what the last clear forgot, beside what traded since.

        Returns:
            False when there was no clear within the last five seconds.
        """
        if self._cleared_at is None or not 0 <= now - self._cleared_at <= UNDO_NS:
            return False
        since, self._prices = self._prices, self._cleared
        for price, each in since.items():
            before = self._prices.pop(price, _NOTHING)
            self._prices[price] = PriceTrades(
                before.sold + each.sold, before.bought + each.bought, each.time
            )
        self._cleared, self._cleared_at = {}, None
        return True


_NOTHING = PriceTrades()
