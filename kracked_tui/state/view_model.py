"""The content of the screen: the source, the store, and the choices that outlive a frame.

It holds no rule of drawing and knows no widget. A `FrameState` computes one frame from it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from kracked import times
from kracked.errors import ConfigError, KrackedError, RequestRejected
from kracked.flow.measures.depth_history import DepthHistories, DepthHistory
from kracked.protocol.maintenance.trading_effect import NewOrders, TradingEffect
from kracked_tui.alerts.session_alerts import SessionAlerts
from kracked_tui.config import Alerting
from kracked_tui.keys import Key, first_shown
from kracked_tui.remembered import Memory, PairChoices
from kracked_tui.sources.base import Source
from kracked_tui.state.frame_state import ChosenOrder, FrameState, Select
from kracked_tui.state.moments import Moments
from kracked_tui.state.session_positions import SessionPositions
from kracked_tui.state.sightings import SeenMarkets
from kracked_tui.state.store import MarketState, Store
from kracked_tui.view import format as fmt
from kracked_tui.view.chart.candles import TIMEFRAMES
from kracked_tui.view.chrome.data_status import DataStatus, data_status
from kracked_tui.view.chrome.status import LogEntry, foremost
from kracked_tui.view.chrome.trading_status import TradingStatus
from kracked_tui.view.ladder.l3_levels import FrameLevels, LevelBook
from kracked_tui.view.queue.followed import Followed
from kracked_tui.view.replay.past import Bookmark, BufferFill, PastView
from kracked_tui.view.tape.flow import FlowView, flow_view
from kracked_tui.view.ticket.ticket import TicketMarket

if TYPE_CHECKING:
    from kracked.book.l2 import L2Book
    from kracked_tui.trader import Trader

_FIRST_STARTS = 3
_FIRST_HINT = "{help} shows every key, {command} takes commands, {jump} and a letter goes to a pane"
"""Told in the log at the first starts."""
_FLOW_EVERY_NS = times.NS_PER_S // 2
_RECENT_ENTRIES = 8
_MOST_BOOKMARKS = 20


class ViewModel:
    """One per monitor."""

    def __init__(
        self,
        source: Source,
        store: Store,
        symbols: tuple[str, ...],
        memory: Memory | None = None,
        alerting: Alerting | None = None,
    ) -> None:
        """
        Args:
            source: Where the data comes from; replaced once the real one is open.
            store: The owner of everything shown besides the books.
            symbols: Pairs to watch; the first is shown.
            memory: What earlier starts left; None remembers nothing.
            alerting: The settings of alerts.
        """
        self.source = source
        self.store = store
        self.memory = memory or Memory()
        self.symbol = symbols[0] if symbols else ""
        """The pair shown; empty until a source names one."""
        remembered_s = self.memory.choices.timeframe_s
        self.timeframe_s = remembered_s if remembered_s in TIMEFRAMES else 60
        """Length of the candles shown."""
        self.trader: Trader | None = None
        """None where no order can be sent."""
        self.status_without_trader = TradingStatus()
        self.depths = DepthHistory()
        """What rested at each price of the pair shown, over time."""
        self._histories, self._histories_of = DepthHistories(), store.flows
        """Those of the pairs shown before too, and the measures whose clock they go by."""
        self.alerts = SessionAlerts(
            alerting or Alerting(), self.memory, tell=self.tell, last=self._last_price
        )
        self.seen = SeenMarkets()
        """What the detectors saw of the pair shown."""
        self.followed = Followed()
        """Sizes of orders that are followed."""
        self.saving = asyncio.Lock()
        """Held while what is to be remembered is being written."""
        self.positions = SessionPositions()
        """What own fills have made since the start."""
        self.bookmarks: list[Bookmark] = []
        """The moments that were marked, the newest last."""
        self.applying: Callable[[], bool] = bool
        """Returns whether a batch of events is not applied to its end."""
        self.kept: Callable[[], BufferFill] | None = None
        """Returns how much of the last minutes is kept; None where nothing is."""
        self.scanned: Moments | None = None
        """The moments of a recording; None where the store notes those of a session."""
        self._flow: tuple[int, str, int, FlowView] = (0, "", 0, FlowView())
        """When it was made, of which pair, after how many messages, and the view."""

    @property
    def market(self) -> MarketState:
        """The state of the pair shown."""
        return self.store.market(self.symbol)

    def tell(self, text: str, role: str = "dim") -> None:
        """Write an entry to the log: the answer to a key, or the outcome of an order."""
        self.store.tell(self.source.now(), text, role, own=True)

    def look_at_alerts(self) -> None:
        """Evaluate what alerts wait for that no event tells."""
        sent = self.trader.sent() if self.trader is not None else ()
        self.alerts.look(self.source.now(), self.store.markets, sent)

    def _last_price(self, symbol: str) -> Decimal | None:
        market = self.store.markets.get(symbol)
        if market is None or market.last is None or market.precision is None:
            return None
        return market.precision.price_decimal(market.last)

    # --- choosing ---------------------------------------------------------------------

    @property
    def pair_choices(self) -> PairChoices:
        """The remembered choices of the pair shown."""
        return self.memory.choices.pair(self.symbol)

    def remember_pairs(self) -> None:
        """Remember the pair shown, and those watched with it: the next start shows them.

        A recording says itself what it shows, and a pair that is not listed is no choice.
        """
        if self.source.mode == "REPLAY" or self.symbol not in self.store.instruments:
            return
        watched = [symbol for symbol in self.store.markets if symbol in self.store.instruments]
        self.memory.change_exchange(self.source.name, self.symbol, watched)

    def first_words(self, table: Sequence[Key]) -> Iterator[tuple[str, str]]:
        """Yield what is told at the start, and its role: where to begin, and what was forgotten.

        Args:
            table: The keys as they are set.
        """
        if 0 < self.memory.choices.starts <= _FIRST_STARTS:
            shown = {key.id: first_shown(key.keys) for key in table}
            yield _FIRST_HINT.format_map(shown), "dim"
        if self.memory.problem:
            yield self.memory.problem, "warn"

    async def save_choices(self) -> None:
        """Save what is to be remembered; the first failure is told, all are tried again."""
        memory, before = self.memory, self.memory.problem
        async with self.saving:
            try:
                if problem := await asyncio.to_thread(self.store.odds.save):
                    self.tell(problem, "warn")
                await asyncio.to_thread(memory.save)
            except OSError as error:
                memory.problem = memory.problem or f"not remembered: {error}"
        if memory.problem != before:
            self.tell(memory.problem, "warn")

    async def show(self, symbol: str) -> None:
        """Subscribe everything that is shown of a symbol; the log says what is refused."""
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
        """Return every symbol that could be shown, those with a book first."""
        with_book = list(dict.fromkeys((*self.source.l2, *self.source.l3)))
        return with_book + sorted(set(self.store.instruments) - set(with_book))

    # --- the present ------------------------------------------------------------------

    def frame_state(self, select: Select, chosen_order: ChosenOrder) -> FrameState:
        """Return the state of this moment; its parts are computed when they are needed."""
        if not self.symbol:
            known = (*self.source.l2, *self.source.l3, *self.store.markets)
            self.symbol = next(filter(None, known), "")
        return FrameState(self, select, chosen_order)

    def go_on(self, frame: FrameState) -> None:
        """Do what every frame does besides drawing, while another screen has them."""
        self.follow(frame)
        if self.source.access is not None:
            self.positions.look(self.source.access.account, frame.now)

    def follow(self, frame: FrameState) -> None:
        """Bring what follows the books of the pair shown to the present, once with each frame.

        The order flow comes from its book where it must be: after a jump in time or an overflow
        no snapshot comes by itself.
        """
        book, flows, now = frame.l3_book, self.store.flows, frame.now
        if book is not None and book.verified and flows.is_lost(self.symbol):
            flows.restart(book, now)
        market = flows[self.symbol]
        market.advance(market.now(now))
        self.store.reviews.pass_time(
            self.symbol,
            market.now(now),
            followed=book is not None and book.verified and not flows.is_lost(self.symbol),
            book=self.source.l2.get(self.symbol),
        )
        self._see_depth(frame)
        if frame.quote is not None:
            self.market.apply_quote(*frame.quote, now)

    def _see_depth(self, frame: FrameState) -> None:
        """Let the depth of this moment count. A jump in time makes all measures anew."""
        flow, book = self.store.flows[self.symbol], frame.book
        now, jumped = flow.now(frame.now), self._histories_of is not self.store.flows
        waits = not flow.has_clock or (jumped and self.applying())
        if jumped and not waits:
            self._histories_of = self.store.flows
            self._histories.jump(now)
        self.depths = self._histories.of(self.symbol, book.precision if book else None)
        if waits:
            return
        if book is None or not frame.data_status.usable:
            self.depths.lose(now)
        else:
            self.depths.see(now, *frame.levels, last=frame.market.last)

    def book(self, symbol: str) -> L2Book | LevelBook | None:
        """Return the level 2 book, or where there is none the level 3 book's levels."""
        l2_book, l3_book = self.source.l2.get(symbol), self.source.l3.get(symbol)
        return LevelBook(l3_book) if l2_book is None and l3_book is not None else l2_book

    def data_status(
        self, symbol: str, book: L2Book | LevelBook | None, effect: TradingEffect, now: int
    ) -> DataStatus:
        """Return whether a symbol's data can be trusted, by its book and its connection.

        Args:
            symbol: The pair.
            book: Its book by level.
            effect: What maintenance, incidents and the engine's state mean for orders.
            now: The present, ns.
        """
        verified = book is not None and book.verified
        connection = "level3" if isinstance(book, LevelBook) else "public"
        health = self.store.health(
            symbol, has_book=book is not None, verified=verified, connection=connection
        )
        if effect.new_orders is NewOrders.REFUSED and not effect.forced:
            health = health._replace(barred=effect.reason)
        if isinstance(book, LevelBook):
            health = health._replace(resync=self.store.market(symbol).level3_resync)
        if self.source.mode == "REPLAY" and self.source.playback is None:
            health = health._replace(trouble=f"reading {self.source.name}")
        return data_status(health, now)

    def effect(self) -> TradingEffect:
        """Return what maintenance, incidents and the engine's state mean for orders now."""
        return self.store.maintenance.effect(self.source.now())

    @property
    def has_account(self) -> bool:
        """Whether there is a key, or a recording that was made with one."""
        return self.source.access is not None or self.store.account.orders_known

    @property
    def paused(self) -> bool:
        """Whether this is a replay that does not play: no later frame will catch up."""
        playback = self.source.playback
        return playback is not None and not playback.view().playing

    def ticket_market(self, symbol: str, levels: FrameLevels | None = None) -> TicketMarket | None:
        """Return the market an order is checked against; None before it is known.

        Args:
            symbol: The pair.
            levels: The levels of a frame of this pair, which are not read again.
        """
        instrument, book = self.store.instruments.get(symbol), self.source.l2.get(symbol)
        if instrument is None or book is None:
            return None
        now = self.source.now()
        status = self.data_status(symbol, book, self.store.maintenance.effect(now), now)
        bids, asks = (levels or FrameLevels(book)).both
        return TicketMarket(
            instrument,
            bids[0][0] if bids else None,
            asks[0][0] if asks else None,
            verified=status.usable,
            bids=bids,
            asks=asks,
        )

    def session_position(self, symbol: str) -> Decimal | str:
        """Return what own fills of this session made of a pair, or why that is not known."""
        if self.source.access is None:
            return "there is no account"
        self.positions.look(self.source.access.account, self.source.now())
        return self.positions.unknown or self.positions.of(symbol).qty

    def flow(self, market: MarketState, now: int) -> FlowView:
        """Return takers' purchases and sales over the last minutes, made anew twice a second.

        While a replay is paused they are made anew with every frame that has something new.
        """
        made, symbol, messages, view = self._flow
        due = not 0 <= now - made < _FLOW_EVERY_NS
        due = due or (self.paused and self.store.messages != messages)
        if due or symbol != market.symbol:
            session = (market.session_bought, market.session_sold)
            flows = self.store.flows[market.symbol]
            view = flow_view(flows.ring, flows.now(now), session=session)
            self._flow = (now, market.symbol, self.store.messages, view)
        return view

    async def watch(self, symbol: str) -> None:
        """Add a pair to the watch list; the log says what is refused."""
        if self.source.feed is None:
            self.tell("a recording shows what was recorded, and nothing else", "warn")
            return
        try:
            await self.source.feed.subscribe(symbol, trade=True, ticker=True)
        except (RequestRejected, ConfigError) as error:
            self.tell(str(error), "warn")
        else:
            self.store.market(symbol)
            self.tell(f"{symbol} is watched")

    @property
    def moments(self) -> Moments:
        """The moments that one may jump to."""
        return self.store.moments if self.scanned is None else self.scanned

    def add_bookmark(self) -> str:
        """Mark the moment shown, for the pair shown; return what was done."""
        mark = Bookmark(self.source.now(), self.symbol)
        if mark in self.bookmarks:
            return "this moment has a bookmark"
        if len(self.bookmarks) >= _MOST_BOOKMARKS:
            del self.bookmarks[0]
        self.bookmarks.append(mark)
        return f"bookmark {len(self.bookmarks)}: {mark.symbol} {fmt.moment(mark.time, 3)}"

    def past(self) -> PastView | None:
        """Return the moment shown beside a live session; None where this is the session."""
        return None

    def log_now(self) -> int:
        """Return the present of the log's entries, ns."""
        return self.source.now()

    def recent_log(self) -> Sequence[LogEntry]:
        """Return the latest log entries, the foremost first."""
        return foremost(self.store.log_entries, self.source.now())[:_RECENT_ENTRIES]
