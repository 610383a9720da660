"""What is being looked at: joins the source and the store into the scene the panes draw.

Holds the choices that outlive a frame (symbol, timeframe) and no rule of drawing.
"""

from __future__ import annotations

import os
from collections import deque
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from kracked import times
from kracked.errors import ConfigError, KrackedError, RequestRejected
from kracked.instruments import Precision
from kracked_tui.sources.base import Source
from kracked_tui.sources.record_switch import RecordSwitch, sessions_folder
from kracked_tui.state.candle_plot import Plotter
from kracked_tui.state.frame_state import FrameState
from kracked_tui.state.store import MarketState, Store
from kracked_tui.view import format as fmt
from kracked_tui.view.account.account_view import AccountView, own_of
from kracked_tui.view.chart.candles import ChartView
from kracked_tui.view.chrome.data_status import DataHealth, data_status
from kracked_tui.view.chrome.header import HeaderView
from kracked_tui.view.chrome.status import FeedView, LogEntry, foremost
from kracked_tui.view.chrome.trading_status import TradingStatus
from kracked_tui.view.chrome.watchlist import WatchRow
from kracked_tui.view.ladder.l3_levels import LevelBook
from kracked_tui.view.replay.record_status import RecordView
from kracked_tui.view.replay.sessions import SessionRow
from kracked_tui.view.tape.flow import FlowView, flow_view
from kracked_tui.widgets.ladder import LadderPane

if TYPE_CHECKING:
    from kracked.book.l2 import L2Book
    from kracked_tui.trader import MarketMoment, Trader

_UNKNOWN = Precision(2, 8)
_MOST_WATCHED = 40
_FLOW_EVERY_NS = times.NS_PER_S // 2


class ViewModel:
    """One per program."""

    def __init__(self, source: Source, store: Store, symbols: tuple[str, ...]) -> None:
        self.source = source
        self.store = store
        self.symbol = symbols[0] if symbols else ""
        self.timeframe_s = 60
        self.armed_min = 0
        self.trader: Trader | None = None
        """None where no order can be sent."""
        self.idle = TradingStatus()
        """What is said without a trader."""
        self.recording = RecordSwitch()
        self.sessions_folder = sessions_folder(os.environ)
        self.before: tuple[SessionRow, ...] = ()
        """What was watched before this recording was opened, to go back to."""
        self._plotter = Plotter()
        self._heard: deque[tuple[int, int]] = deque(maxlen=40)
        """(time, messages so far), to tell the rate."""
        self.frames = 0
        self._flowing: tuple[int, str, int, FlowView] = (0, "", 0, FlowView())
        self._drawn: deque[tuple[int, int]] = deque(maxlen=40)

    @property
    def market(self) -> MarketState:
        return self.store.market(self.symbol)

    def tell(self, text: str, role: str = "dim") -> None:
        """Answer to what was done here, or say what became of it."""
        self.store.tell(self.source.now(), text, role, own=True)

    async def show(self, symbol: str) -> None:
        """Subscribe what is shown of a symbol; a refusal goes to the log."""
        try:
            await self.source.show(symbol)
        except (RequestRejected, ConfigError) as error:
            self.tell(str(error), "warn")
        await self.load_candles()

    async def load_candles(self) -> None:
        """The candles shown, those of the past too; the chart does without what cannot be had."""
        try:
            past = await self.source.candles(self.symbol, self.timeframe_s)
        except KrackedError as error:
            self.tell(f"no candles: {error}")
            return
        if past is not None:
            self.store.apply(past)

    async def plot(self, view: ChartView) -> str:
        return await self._plotter.candles(view)

    async def abandon(self) -> None:
        """Nobody watches any more: own orders are dealt with as the settings say."""
        if self.trader is not None:
            await self.trader.abandon()

    def close(self) -> None:
        self._plotter.close()

    def symbols(self) -> list[str]:
        """Every symbol that could be shown, those already here first."""
        known = list(dict.fromkeys((*self.source.l2, *self.source.l3)))
        return known + sorted(set(self.store.instruments) - set(known))

    def recorded(self) -> RecordView | None:
        return self.recording.view(self.source.now())

    def recent(self) -> list[LogEntry]:
        """What happened last, foremost first."""
        return foremost(self.store.happenings, self.source.now())[:8]

    # --- views ------------------------------------------------------------------------

    def scene(self, ladder: LadderPane, chosen: str = "") -> FrameState:
        """The present. The ladder's cursor says which level is selected; `chosen` an order."""
        if not self.symbol:
            self.symbol = next(iter((*self.source.l2, *self.source.l3)), "")
        now, symbol, market = self.source.now(), self.symbol, self.market
        book, orders = self._book(symbol), self.source.l3.get(symbol)
        health = self._health(symbol, book)
        precision = book.precision if book else market.precision or _UNKNOWN
        best = book.best_bid if book else None
        price = best.price if best else market.last or 0
        if book and book.best_bid and book.best_ask:
            market.quote(book.best_bid.price, book.best_ask.price, now)
        instrument = self.store.instruments.get(symbol)
        scene = FrameState(
            now=now,
            symbol=symbol,
            market=market,
            state=data_status(health, now),
            precision=precision,
            decimals=fmt.qty_decimals(price, precision),
            tick=instrument.price_increment if instrument else 1,
            book=book,
            orders=orders,
            level3=market.level3_error or self.source.level3,
            timeframe_s=self.timeframe_s,
            flow=self._flow(market, now),
            watched=self.watched,
            own=self._own(symbol, precision, chosen, now),
        )
        return scene.with_selection(ladder.selection(scene))

    def _book(self, symbol: str) -> L2Book | LevelBook | None:
        """The level 2 book, or where there is none the level 3 book's levels."""
        book, orders = self.source.l2.get(symbol), self.source.l3.get(symbol)
        return LevelBook(orders) if book is None and orders is not None else book

    def _health(self, symbol: str, book: L2Book | LevelBook | None) -> DataHealth:
        health = self.store.health(
            symbol, has_book=book is not None, verified=book is not None and book.verified
        )
        if isinstance(book, LevelBook):
            health = health._replace(resync=self.store.market(symbol).level3_resync)
        if self.source.mode == "REPLAY" and self.source.transport is None:
            return health._replace(trouble=f"reading {self.source.name}")
        return health

    @property
    def has_account(self) -> bool:
        """A key gives one; a recording has one when it was recorded with a key."""
        return self.source.access is not None or self.store.account.orders_known

    def _own(self, symbol: str, precision: Precision, chosen: str, now: int) -> AccountView:
        access, trader = self.source.access, self.trader
        if not self.has_account:
            return AccountView(self.idle)
        account = access.account if access else self.store.account
        own = own_of(
            account,
            trader.sent() if trader else (),
            symbol=symbol,
            precision=precision,
            books=self.source.l3,
            instruments=self.store.instruments,
            fee_percent=trader.dearest_fee if trader else Decimal(0),
            now=now,
        )
        if access is None:
            return replace(own, standing=self.idle, idle="No order of yours was open then.")
        if trader is None:
            return replace(own, standing=self.idle, idle="No order of yours is open.")
        order = account.orders.get(chosen)
        rates = trader.rates(symbol, order.touched if order else None)
        standing = trader.standing()
        # Who is told that b buys must find that it does.
        idle = own.idle if trader.open else standing.reason
        return replace(own, standing=standing, rates=rates, idle=idle)

    def moment(self, symbol: str) -> MarketMoment | None:
        """The market an order is checked against; None before it is known."""
        instrument, book = self.store.instruments.get(symbol), self.source.l2.get(symbol)
        if instrument is None or book is None or self.trader is None:
            return None
        health = self.store.health(symbol, has_book=True, verified=book.verified)
        usable = data_status(health, self.source.now()).usable
        bid, ask = book.best_bid, book.best_ask
        return self.trader.moment(
            instrument, bid.price if bid else None, ask.price if ask else None, trusted=usable
        )

    @property
    def resting(self) -> bool:
        """A replay that does not play: no frame follows soon that would catch up with it."""
        transport = self.source.transport
        return transport is not None and not transport.view().playing

    def _flow(self, market: MarketState, now: int) -> FlowView:
        """Sums over minutes of trades: made anew twice a second, not with every frame.

        While a replay rests, no later frame would mend what this one left out.
        """
        made, symbol, messages, view = self._flowing
        heard = self.store.messages
        due = not 0 <= now - made < _FLOW_EVERY_NS or (self.resting and heard != messages)
        if due or symbol != market.symbol:
            session = (market.session_bought, market.session_sold)
            view = flow_view(
                reversed(market.prints), now, since=self.store.started, session=session
            )
            self._flowing = (now, market.symbol, heard, view)
        return view

    def header(self, scene: FrameState) -> HeaderView:
        market, quote = scene.market, scene.quote
        ticker = market.ticker
        stated = scene.book.exchange_time if scene.book else None
        latency = scene.book.received - stated if scene.book and stated else None
        return HeaderView(
            scene.symbol or "no symbol",
            scene.precision,
            scene.state,
            market.last,
            market.rising,
            market.change,
            ticker.high if ticker else None,
            ticker.low if ticker else None,
            ticker.volume if ticker else None,
            quote[1] - quote[0] if quote else None,
            sum(quote) if quote else 0,
            int(scene.book is not None and scene.book.verified),
            latency if latency and self.source.mode != "REPLAY" else None,
            self._clock(scene.now),
            scene.own.standing,
        )

    def _clock(self, now: int) -> str:
        """Of a recording the day is news too."""
        if self.source.mode != "REPLAY":
            return fmt.clock(now)
        return times.to_rfc3339(now, 0)[:-1].replace("T", " ")

    def feed(self, scene: FrameState) -> FeedView:
        now, counters = self.source.now(), self.source.counters()
        return FeedView(
            self.source.name,
            _rate(self._heard, now, self.store.messages),
            self.store.messages,
            counters.verified,
            counters.mismatched,
            self.store.resyncs,
            self.store.gaps,
            self.store.dropped,
            _rate(self._drawn, now, self.frames),
            now - self.store.started if self.store.started else 0,
            scene.own.rates,
        )

    def watched(self) -> tuple[WatchRow, ...]:
        held = (*self.source.l2, *self.source.l3)
        symbols = list(dict.fromkeys((*self.store.markets, *held)))
        return tuple(self._watched(symbol) for symbol in symbols[:_MOST_WATCHED] if symbol)

    def _watched(self, symbol: str) -> WatchRow:
        market, book = self.store.market(symbol), self._book(symbol)
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
            precision.price_text(last) if last is not None else "",
            market.change,
            tuple(bar.close for bar in list(market.finest)[-24:]),
            precision.price_text(spread) if spread is not None else "",
            fmt.compact(ticker.volume, precision.qty) if ticker else "",
            "RESYNC" if market.resync else "",
            symbol == self.symbol,
        )


def _rate(samples: deque[tuple[int, int]], now: int, count: int) -> int:
    """Per second, over about the last two."""
    if samples and now < samples[-1][0]:
        samples.clear()  # a replay has gone back
    if not samples or now - samples[-1][0] >= times.NS_PER_S // 10:
        samples.append((now, count))
    while len(samples) > 1 and now - samples[0][0] > 2 * times.NS_PER_S:
        samples.popleft()
    passed = now - samples[0][0]
    # On a recording that stands still there is no rate.
    steady = passed > times.NS_PER_S // 10
    return (count - samples[0][1]) * times.NS_PER_S // passed if steady else 0
