"""Everything the panes draw from, at one moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from kracked.instruments import Precision
from kracked.protocol.events import OrderChange, Side
from kracked_tui.state.store import MarketState
from kracked_tui.view.account.account_view import AccountView
from kracked_tui.view.chrome.data_status import DataStatus
from kracked_tui.view.chrome.watchlist import WatchRow
from kracked_tui.view.ladder.selection import Selection
from kracked_tui.view.tape.flow import FlowView

if TYPE_CHECKING:
    from kracked.book.l2 import L2Book
    from kracked.book.l3 import L3Book
    from kracked.book.queue import LevelQueue
    from kracked_tui.view.ladder.l3_levels import LevelBook


@dataclass(frozen=True, slots=True)
class FrameState:
    """The books and the market are their owners': read, never changed, never kept."""

    now: int
    symbol: str
    market: MarketState
    state: DataStatus
    precision: Precision
    decimals: int = 4
    """Of a quantity on the screen."""
    tick: int = 1
    book: L2Book | LevelBook | None = None
    """Of levels: the level 2 book, or the sums of the level 3 one."""
    orders: L3Book | None = None
    level3: str = ""
    """Why there are no orders, when there are none."""
    selection: Selection | None = None
    timeframe_s: int = 60
    flow: FlowView = field(default_factory=FlowView)
    watched: Callable[[], Sequence[WatchRow]] = tuple
    """Every symbol's row: made when somebody draws them."""
    own: AccountView = field(default_factory=AccountView)

    @property
    def quote(self) -> tuple[int, int] | None:
        """Best bid and ask; None while a side is empty."""
        if self.book is None:
            return None
        bid, ask = self.book.best_bid, self.book.best_ask
        return (bid.price, ask.price) if bid and ask else None

    @property
    def price_width(self) -> int:
        """Characters of a price of this market."""
        quote = self.quote
        price = quote[1] if quote else self.market.last or 0
        return max(6, len(self.precision.price_text(price + price // 20)))

    def with_selection(self, selection: Selection | None) -> FrameState:
        return replace(self, selection=selection)

    def selected_queues(self) -> Iterator[LevelQueue]:
        """From the best selected price on, in the order they fill."""
        if self.selection is None or self.orders is None:
            return
        side, low, high = self.selection
        for queue in self.orders.side(side):
            if queue.price <= high if side is Side.BID else queue.price >= low:
                yield queue

    def selected_orders(self) -> list[OrderChange]:
        """The orders at the selected prices, in the order they fill."""
        found: list[OrderChange] = []
        if self.selection is not None:
            for queue in self.selected_queues():
                if not self.selection.low <= queue.price <= self.selection.high:
                    break
                found += queue
        return found
