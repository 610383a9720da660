"""What is looked at: the source, the store, and the choices that outlive a frame.

It holds no rule of drawing and knows no widget. A frame is a `FrameState`, which asks here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kracked import times
from kracked.errors import ConfigError, KrackedError, RequestRejected
from kracked_tui.sources.base import Source
from kracked_tui.state.frame_state import ChosenOrder, FrameState, Select
from kracked_tui.state.store import MarketState, Store
from kracked_tui.view import format as fmt
from kracked_tui.view.chrome.data_status import DataHealth, data_status
from kracked_tui.view.chrome.status import LogEntry, foremost
from kracked_tui.view.chrome.trading_status import TradingStatus
from kracked_tui.view.chrome.watchlist import WatchRow
from kracked_tui.view.ladder.l3_levels import LevelBook
from kracked_tui.view.tape.flow import FlowView, flow_view

if TYPE_CHECKING:
    from kracked.book.l2 import L2Book
    from kracked_tui.trader import MarketMoment, Trader

_MOST_WATCHED = 40
_FLOW_EVERY_NS = times.NS_PER_S // 2
_LOG_ENTRIES = 8


class ViewModel:
    """One per monitor."""

    def __init__(self, source: Source, store: Store, symbols: tuple[str, ...]) -> None:
        self.source = source
        self.store = store
        self.symbol = symbols[0] if symbols else ""
        """The pair shown; empty until a source names one."""
        self.timeframe_s = 60
        """Length of the candles shown."""
        self.trader: Trader | None = None
        """None where no order can be sent."""
        self.idle = TradingStatus()
        """The trading status without a trader."""
        self._flow: tuple[int, str, int, FlowView] = (0, "", 0, FlowView())
        """When it was made, of which pair, after how many messages."""

    @property
    def market(self) -> MarketState:
        return self.store.market(self.symbol)

    def tell(self, text: str, role: str = "dim") -> None:
        """Write a line to the log: the answer to a key, or what became of an order."""
        self.store.tell(self.source.now(), text, role, own=True)

    # --- choosing ---------------------------------------------------------------------

    async def show(self, symbol: str) -> None:
        """Subscribe what is shown of a symbol; a refusal goes to the log."""
        try:
            await self.source.show(symbol)
        except (RequestRejected, ConfigError) as error:
            self.tell(str(error), "warn")
        await self.load_candles()

    async def load_candles(self) -> None:
        """Load the candles shown, past ones too; where that fails the log says so."""
        try:
            past = await self.source.candles(self.symbol, self.timeframe_s)
        except KrackedError as error:
            self.tell(f"no candles: {error}")
            return
        if past is not None:
            self.store.apply(past)

    def known_symbols(self) -> list[str]:
        """Return every symbol that could be shown, those already here first."""
        here = list(dict.fromkeys((*self.source.l2, *self.source.l3)))
        return here + sorted(set(self.store.instruments) - set(here))

    # --- the present ------------------------------------------------------------------

    def frame_state(self, select: Select, chosen_order: ChosenOrder) -> FrameState:
        """Return the present, of which nothing is computed before it is asked for."""
        if not self.symbol:
            self.symbol = next(iter((*self.source.l2, *self.source.l3)), "")
        frame = FrameState(self, select, chosen_order)
        if frame.quote:
            self.market.quote(*frame.quote, frame.now)
        return frame

    def book(self, symbol: str) -> L2Book | LevelBook | None:
        """Return the level 2 book, or where there is none the level 3 book's levels."""
        l2_book, l3_book = self.source.l2.get(symbol), self.source.l3.get(symbol)
        return LevelBook(l3_book) if l2_book is None and l3_book is not None else l2_book

    def health(self, symbol: str, book: L2Book | LevelBook | None) -> DataHealth:
        """Return what is known about a symbol's data and its connection."""
        health = self.store.health(
            symbol, has_book=book is not None, verified=book is not None and book.verified
        )
        if isinstance(book, LevelBook):
            health = health._replace(resync=self.store.market(symbol).level3_resync)
        if self.source.mode == "REPLAY" and self.source.playback is None:
            return health._replace(trouble=f"reading {self.source.name}")
        return health

    @property
    def has_account(self) -> bool:
        """Whether there is a key, or a recording that was made with one."""
        return self.source.access is not None or self.store.account.orders_known

    @property
    def at_rest(self) -> bool:
        """Whether this is a replay that does not play: no later frame will catch up."""
        playback = self.source.playback
        return playback is not None and not playback.view().playing

    def market_moment(self, symbol: str) -> MarketMoment | None:
        """Return the market an order is checked against; None before it is known."""
        instrument, book = self.store.instruments.get(symbol), self.source.l2.get(symbol)
        if instrument is None or book is None or self.trader is None:
            return None
        status = data_status(self.health(symbol, book), self.source.now())
        bid, ask = book.best_bid, book.best_ask
        return self.trader.market_moment(
            instrument,
            bid.price if bid else None,
            ask.price if ask else None,
            trusted=status.usable,
        )

    def flow(self, market: MarketState, now: int) -> FlowView:
        """Return what takers bought and sold: sums over minutes, made anew twice a second.

        While a replay rests they are made with every frame that has something new.
        """
        made, symbol, messages, view = self._flow
        due = not 0 <= now - made < _FLOW_EVERY_NS
        due = due or (self.at_rest and self.store.messages != messages)
        if due or symbol != market.symbol:
            session = (market.session_bought, market.session_sold)
            view = flow_view(
                reversed(market.prints), now, since=self.store.started, session=session
            )
            self._flow = (now, market.symbol, self.store.messages, view)
        return view

    def watched(self) -> tuple[WatchRow, ...]:
        """Return a row for each subscribed symbol."""
        held = (*self.source.l2, *self.source.l3)
        symbols = list(dict.fromkeys((*self.store.markets, *held)))
        return tuple(self._watch_row(symbol) for symbol in symbols[:_MOST_WATCHED] if symbol)

    def _watch_row(self, symbol: str) -> WatchRow:
        market, book = self.store.market(symbol), self.book(symbol)
        precision = book.precision if book else market.precision
        if precision is None:
            return WatchRow(symbol, shown=symbol == self.symbol)
        last = market.last
        if last is None and book and book.best_bid:
            last = book.best_bid.price
        ticker = market.ticker
        spread = book.spread if book else None
        if spread is None and ticker and ticker.ask is not None and ticker.bid is not None:
            spread = ticker.ask - ticker.bid
        return WatchRow(
            symbol,
            price=precision.price_text(last) if last is not None else "",
            change=market.change,
            spark=tuple(bar.close for bar in list(market.finest)[-24:]),
            spread=precision.price_text(spread) if spread is not None else "",
            volume=fmt.compact(ticker.volume, precision.qty) if ticker else "",
            word="RESYNC" if market.resync else "",
            shown=symbol == self.symbol,
        )

    def recent_log(self) -> Sequence[LogEntry]:
        """Return the latest log entries, the foremost first."""
        return foremost(self.store.happenings, self.source.now())[:_LOG_ENTRIES]
