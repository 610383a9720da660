"""The state of one moment, as panes ask for it. Each answer is computed when it is first needed.

A new frame has computed nothing: own orders, flow and rates cost something only where a pane in
sight draws them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from kracked.flow import MarketFlow
from kracked.flow.measures.depth_history import DepthHistory
from kracked.instruments import Precision
from kracked.protocol.events import Level
from kracked.protocol.maintenance.trading_effect import TradingEffect
from kracked_tui.remembered import PairChoices
from kracked_tui.state.account_state import AccountState
from kracked_tui.state.sightings import Seen
from kracked_tui.state.user_columns import ColumnMarket, UserColumns
from kracked_tui.state.watch_rows import watch_rows
from kracked_tui.view import format as fmt
from kracked_tui.view.chrome.data_status import DataStatus
from kracked_tui.view.chrome.watchlist import WatchRow
from kracked_tui.view.ladder.l3_levels import FrameLevels, LevelBook
from kracked_tui.view.ladder.selection import Selection
from kracked_tui.view.replay.past import BufferFill, PastView
from kracked_tui.view.tape.flow import FlowView

if TYPE_CHECKING:
    from kracked.book.l2 import L2Book
    from kracked.book.l3 import L3Book
    from kracked_tui.alerts.session_alerts import SessionAlerts
    from kracked_tui.state.store import MarketState
    from kracked_tui.state.view_model import ViewModel

_UNKNOWN = Precision(2, 8)
"""The precision of a market before its first message."""

Select = Callable[[tuple[int, int]], Selection | None]
"""Returns the ladder's selected prices, given the best bid and ask."""
ChosenOrder = Callable[[], str]
"""Returns the id of the selected own order; empty for none."""


class FrameState:
    """The state of one moment. The books and the market belong to their owners: read only."""

    def __init__(self, model: ViewModel, select: Select, chosen_order: ChosenOrder) -> None:
        """
        Args:
            model: The source, the store and the choices behind the screen.
            select: The ladder's selection; called at most once.
            chosen_order: The order selected in the orders pane; its age sets the rates.
        """
        self._model, self._select = model, select
        self.source, self.store = model.source, model.store
        self.now = model.source.now()
        self.symbol = model.symbol
        self.timeframe_s = model.timeframe_s
        self.market: MarketState = model.store.market(self.symbol)
        self.l3_book: L3Book | None = model.source.l3.get(self.symbol)
        """The book of every order, where the key gives level 3."""
        self.book: L2Book | LevelBook | None = model.book(self.symbol)
        """The book by level: level 2, or where there is none the sums of level 3."""
        self._levels = FrameLevels(self.book)
        self.account = AccountState(model, self._levels, self.now, self.symbol, chosen_order)

    @property
    def choices(self) -> PairChoices:
        """What is remembered of the pair."""
        return self._model.pair_choices

    @property
    def levels(self) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """The bids and the asks of the book by level, best first."""
        return self._levels.both

    @property
    def no_level3_reason(self) -> str:
        """The reason for no level 3 book; empty where there is one."""
        return self.market.level3_error or self.source.no_level3_reason

    @cached_property
    def data_status(self) -> DataStatus:
        """Whether the data shown can be trusted."""
        return self._model.data_status(self.symbol, self.book, self.effect, self.now)

    @cached_property
    def effect(self) -> TradingEffect:
        """The effect of maintenance, incidents and the engine's state on orders."""
        return self.store.maintenance.effect(self.now)

    @cached_property
    def precision(self) -> Precision:
        """Decimals of prices and quantities."""
        return self.book.precision if self.book else self.market.precision or _UNKNOWN

    @cached_property
    def decimals(self) -> int:
        """Decimals of a quantity on the screen."""
        best = self.book.bids.best if self.book else None
        return fmt.qty_decimals(best.price if best else self.market.last or 0, self.precision)

    @property
    def tick(self) -> int:
        """The smallest price step, scaled."""
        instrument = self.store.instruments.get(self.symbol)
        return instrument.price_increment if instrument else 1

    @cached_property
    def quote(self) -> tuple[int, int] | None:
        """Best bid and ask; None while a side is empty."""
        bid, ask = (self.book.bids.best, self.book.asks.best) if self.book else (None, None)
        return (bid.price, ask.price) if bid and ask else None

    @cached_property
    def price_width(self) -> int:
        """Characters of a price of this market."""
        price = self.quote[1] if self.quote else self.market.last or 0
        return max(6, len(self.precision.price_text(price + price // 20)))

    @cached_property
    def selection(self) -> Selection | None:
        """The prices under the ladder's cursor."""
        return self._select(self.quote) if self.quote else None

    @cached_property
    def size(self) -> int:
        """The quantity of the next order, scaled; one unit where no order can be sent."""
        trader, market = self._model.trader, self.account.market
        if trader is not None and market is not None:
            return trader.presets.size(market)
        return int(10**self.precision.qty)

    @cached_property
    def past(self) -> PastView | None:
        """The moment shown while a live session goes on; None where the session is shown."""
        return self._model.past()

    @property
    def kept(self) -> BufferFill | None:
        """How much of the last minutes is kept; None where nothing is."""
        return self._model.kept() if self._model.kept is not None else None

    @cached_property
    def armed(self) -> bool:
        """Whether keys send orders of the shown pair."""
        trader = self._model.trader
        return trader is not None and trader.armed_for(self.symbol)

    @property
    def followed(self) -> Mapping[int, str]:
        """The letters of the sizes that are followed."""
        return self._model.followed.of(self.symbol)

    @property
    def alerts(self) -> SessionAlerts:
        """The alerts that are set, and what was told."""
        return self._model.alerts

    @property
    def measures(self) -> MarketFlow:
        """The measures of the pair's order flow. They belong to the store: read only."""
        return self.store.flows[self.symbol]

    @cached_property
    def seen(self) -> Seen:
        """The sightings of the pair."""
        return self._model.seen.of(self.measures)

    @cached_property
    def flow(self) -> FlowView:
        """Takers' purchases and sales over the last minutes."""
        return self._model.flow(self.market, self.now)

    @property
    def depths(self) -> DepthHistory:
        """The resting quantity at each price over time. It belongs to the view model: read only."""
        return self._model.depths

    @property
    def user_columns(self) -> UserColumns:
        """The user's own columns of the ladder."""
        return self._model.store.user_columns

    @cached_property
    def column_market(self) -> ColumnMarket:
        """The market as the user's columns see it."""
        book = self.l3_book
        l3 = book if book is not None and book.verified else None
        flow = self.measures
        return ColumnMarket(flow, self.precision, flow.now(self.now), self.quote, l3)

    @property
    def in_money(self) -> bool:
        """Whether the tape writes what was paid in place of quantities."""
        return self._model.memory.choices.units == "quote"

    @property
    def watch_order(self) -> str:
        """The column that sorts the watch list; empty for none."""
        return self._model.memory.choices.watch_order

    @cached_property
    def watch_rows(self) -> tuple[WatchRow, ...]:
        """A row for each subscribed symbol."""
        return watch_rows(self._model)
