"""Everything the panes draw from, at one moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from kracked.instruments import Precision
from kracked.protocol.events import OrderChange, Side
from kracked_tui.store import Market
from kracked_tui.view.condition import Condition
from kracked_tui.view.watchlist import WatchRow

if TYPE_CHECKING:
    from kracked.book.l2 import L2Book
    from kracked.book.l3 import L3Book


@dataclass(frozen=True, slots=True)
class Selection:
    """What the ladder's cursor is on: a range of prices of one side."""

    side: Side
    low: int
    """Scaled, included; a row of grouped prices covers several."""
    high: int


@dataclass(frozen=True, slots=True)
class Scene:
    """The books and the market are their owners': read, never changed, never kept."""

    now: int
    symbol: str
    market: Market
    state: Condition
    precision: Precision
    decimals: int = 4
    """Of a quantity on the screen."""
    tick: int = 1
    book: L2Book | None = None
    orders: L3Book | None = None
    level3: str = ""
    """Why there are no orders, when there are none."""
    selection: Selection | None = None
    timeframe_s: int = 60
    since: int = 0
    watched: Sequence[WatchRow] = field(default_factory=tuple)

    @property
    def quote(self) -> tuple[int, int] | None:
        """Best bid and ask; None while a side is empty."""
        if self.book is None:
            return None
        bid, ask = self.book.best_bid, self.book.best_ask
        return (bid.price, ask.price) if bid and ask else None

    @property
    def price_width(self) -> int:
        """Characters of a price of this market, with a digit to grow."""
        quote = self.quote
        price = quote[1] if quote else self.market.last or 0
        return max(7, len(self.precision.price_text(price)) + 1)

    def with_selection(self, selection: Selection | None) -> Scene:
        return replace(self, selection=selection)

    def selected_orders(self) -> tuple[int, Sequence[OrderChange]]:
        """The best price under the cursor that has orders, and its orders in queue order."""
        if self.selection is None or self.orders is None:
            return 0, ()
        low, high = self.selection.low, self.selection.high
        side = self.orders.side(self.selection.side)
        for queue in side:
            if low <= queue.price <= high:
                return queue.price, tuple(queue)
            past = queue.price < low if self.selection.side is Side.BID else queue.price > high
            if past:
                break
        return (low if self.selection.side is Side.BID else high), ()
