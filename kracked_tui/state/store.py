"""The owner of what is shown besides the books: it changes by events and by nothing else.

The books belong to the source's keeper. Here are the tape, candles, traded quantities,
the connection's health and the log. Everything is bounded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from decimal import Decimal

from kracked import times
from kracked.feed.account import Account
from kracked.instruments import Instrument, Precision, similar_symbol
from kracked.protocol import events
from kracked.protocol.events import Event, Side
from kracked_tui.sources.base import TimeJump
from kracked_tui.view import format as fmt
from kracked_tui.view.chart.candles import Bar, merged
from kracked_tui.view.chrome.data_status import ONLINE, DataHealth, system_words
from kracked_tui.view.chrome.status import LogEntry
from kracked_tui.view.ladder.ladder import Traded
from kracked_tui.view.tape.tape import Print, prints

KEPT_PRINTS = 5_000
KEPT_BARS = 2_000
KEPT_PRICES = 20_000
"""Traded prices remembered; past it the oldest half is forgotten."""
KEPT_HAPPENINGS = 500
_FINEST_S = 5
_UNKNOWN_PAIR = "Currency pair not supported"
"""How the exchange refuses a pair it does not list, or no longer."""


class MarketState:
    """What is known of one symbol. Changed by its store only."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.precision: Precision | None = None
        self.ticker: events.Ticker | None = None
        self.last: int | None = None
        self.rising: bool | None = None
        self.prints: deque[Print] = deque(maxlen=KEPT_PRINTS)
        """Oldest first."""
        self.traded: dict[int, Traded] = {}
        self.session_bought = 0
        self.session_sold = 0
        self.exchange_bars: dict[int, dict[int, Bar]] = {}
        """By timeframe in seconds, then by begin."""
        self.finest: deque[Bar] = deque(maxlen=KEPT_BARS)
        self.resync = ""
        """Why its level 2 book waits for a snapshot."""
        self.level3_resync = ""
        self.level3_error = ""
        self.refused = ""
        """The exchange's words, where it does not know the pair."""

    @property
    def change(self) -> Decimal | None:
        return self.ticker.change_pct if self.ticker else None

    def bars(self, timeframe_s: int) -> Sequence[Bar]:
        """Oldest first: the exchange's own, or made from trades where it has none."""
        stated = self.exchange_bars.get(timeframe_s)
        if stated:
            return list(stated.values())
        return merged(self.finest, timeframe_s)

    # --- events -------------------------------------------------------------------

    def trade(self, event: events.Trades) -> None:
        self._learn(event.precision)
        if event.snapshot:
            self.prints.clear()
        for each in sorted(prints(event), key=lambda one: one.time):
            self.prints.append(each)
            self._priced(each.last_price)
            self._bar(each.time, each.last_price, each.qty)
        if event.snapshot:
            return
        for trade in event.trades:
            bought = trade.side is Side.BID
            was = self.traded.get(trade.price, Traded())
            self.traded[trade.price] = Traded(
                was.sold + (0 if bought else trade.qty), was.bought + (trade.qty if bought else 0)
            )
            if bought:
                self.session_bought += trade.qty
            else:
                self.session_sold += trade.qty
        if len(self.traded) > KEPT_PRICES:
            for price in list(self.traded)[: KEPT_PRICES // 2]:
                del self.traded[price]

    def tick(self, event: events.Ticker) -> None:
        self._learn(event.precision)
        self.ticker = event
        if not self.prints and event.last is not None:
            self._priced(event.last)

    def candles(self, event: events.Candles) -> None:
        """Set candles. One only grows: of two that begin together the smaller is old news.

        So it does not matter whether the stream or the history answered first.
        """
        self._learn(event.precision)
        for candle in event.candles:
            series = self.exchange_bars.setdefault(candle.interval * 60, {})
            bar = Bar(
                candle.begin, candle.open, candle.high, candle.low, candle.close, candle.volume
            )
            known = series.get(bar.begin)
            if known is None or bar.volume >= known.volume:
                series[bar.begin] = bar
            if len(series) > KEPT_BARS:
                del series[next(iter(series))]
        if event.snapshot:
            self.exchange_bars = {
                seconds: dict(sorted(series.items()))
                for seconds, series in self.exchange_bars.items()
            }

    def quote(self, bid: int, ask: int, now: int) -> None:
        """The best prices at a moment: the only prices there are where nothing trades."""
        if not self.prints and self.ticker is None:
            self._bar(now, (bid + ask) // 2, 0)

    def reset_traded(self) -> None:
        self.traded.clear()

    def _learn(self, precision: Precision) -> None:
        if self.precision != precision:
            self.precision = precision
            self.traded.clear()
            self.prints.clear()
            self.finest.clear()
            self.exchange_bars.clear()

    def _priced(self, price: int) -> None:
        if self.last is not None and price != self.last:
            self.rising = price > self.last
        self.last = price

    def _bar(self, time: int, price: int, qty: int) -> None:
        length = _FINEST_S * times.NS_PER_S
        begin = time // length * length
        if self.finest and self.finest[-1].begin >= begin:
            bar = self.finest[-1]
            self.finest[-1] = Bar(
                bar.begin,
                bar.open,
                max(bar.high, price),
                min(bar.low, price),
                price,
                bar.volume + qty,
            )
        else:
            self.finest.append(Bar(begin, price, price, price, price, qty))


class Store:
    """Everything shown that is not a book."""

    def __init__(self, mode: str) -> None:
        self.mode = mode
        self.markets: dict[str, MarketState] = {}
        self.instruments: dict[str, Instrument] = {}
        self.happenings: deque[LogEntry] = deque(maxlen=KEPT_HAPPENINGS)
        """Newest first."""
        self.messages = 0
        self.resyncs = 0
        self.gaps = 0
        self.dropped = 0
        self.started = 0
        self.last_heard = 0
        self._trouble: dict[str, str] = {}
        """Connection name to why it is down."""
        self._reasons: set[tuple[str, str]] = set()
        """Connection and reason, once told: retries repeat them."""
        self._connected: set[str] = set()
        self.ended = False
        self.system = ONLINE
        """The trading engine's state in the exchange's word."""
        self._announced = False
        self.account = Account()
        """As a recording tells it; live, the feed's own is the one to look at."""

    def market(self, symbol: str) -> MarketState:
        found = self.markets.get(symbol)
        if found is None:
            found = self.markets[symbol] = MarketState(symbol)
        return found

    def health(self, symbol: str, *, has_book: bool, verified: bool) -> DataHealth:
        return DataHealth(
            self.mode,
            bool(self._connected) and "public" not in self._trouble,
            self._trouble.get("public", ""),
            self.market(symbol).resync,
            has_book,
            verified,
            self.last_heard,
            self.ended,
            self.system,
            self.market(symbol).refused,
        )

    def apply(self, event: Event) -> None:
        if type(event) is TimeJump:
            vars(self).update(vars(Store(self.mode)))
            return
        self.messages += 1
        self.last_heard = event.received
        if not self.started:
            self.started = event.received
        match event:
            case events.BookUpdate() | events.L3Update() | events.Heartbeat():
                pass  # the keeper's, and nothing
            case events.Trades():
                self.market(event.symbol).trade(event)
            case events.Ticker():
                self.market(event.symbol).tick(event)
            case events.Candles():
                self.market(event.symbol).candles(event)
            case events.Instruments():
                self.instruments.update({pair.symbol: pair for pair in event.pairs})
            case events.Executions() | events.Balances():
                self.account.apply(event)
            case _:
                self._apply_condition(event)

    def tell(self, time: int, text: str, role: str = "dim", *, own: bool = False) -> None:
        """Write a line to the log of what happened."""
        self.happenings.appendleft(LogEntry(time, text, role, own))

    def _apply_condition(self, event: Event) -> None:
        """Events that say whether the data can be trusted."""
        match event:
            case events.Resync() | events.Verified():
                self._judged(event)
            case events.Connected() | events.Reconnected():
                self._connected.add(event.connection)
                self._trouble.pop(event.connection, None)
                self._reasons = {told for told in self._reasons if told[0] != event.connection}
                self.tell(event.received, f"{event.connection} connected", "good")
            case events.Reconnecting():
                self._lost(event)
            case events.Overflow():
                self.dropped += event.dropped
            case _:
                self._tell_of(event)

    def _judged(self, event: events.Resync | events.Verified) -> None:
        """A book fell out of trust, or is back in it."""
        reason = event.reason if isinstance(event, events.Resync) else ""
        market = self.market(event.symbol)
        if event.channel == "book":
            market.resync = reason
            market.refused = market.refused if reason else ""
        else:
            market.level3_resync = reason
        self.resyncs += bool(reason)
        word, role = (f"resync: {reason}", "warn") if reason else ("verified", "good")
        self.tell(event.received, f"{event.symbol} {event.channel} {word}", role)

    def _tell_of(self, event: Event) -> None:
        """Events that only the log wants to know."""
        match event:
            case events.Gap():
                self.gaps += 1
                missing = fmt.milliseconds(event.end - event.start)
                text = f"gap of {missing} in {event.channel}: {event.reason}"
                self.tell(event.received, text, "warn")
            case events.Stale():
                self.tell(event.received, f"{event.symbol} {event.channel} is stale", "warn")
            case events.Rejected():
                self._rejected(event)
            case events.Status():
                self._stated(event)

    def _stated(self, event: events.Status) -> None:
        """The engine's state comes with every connection: said when it is another one."""
        if event.system != self.system:
            well = event.system == ONLINE
            text = "the exchange is online again" if well else system_words(event.system)
            self.tell(event.received, text, "good" if well else "warn")
        announced = bool(event.upcoming_maintenance)
        if announced and not self._announced:
            self.tell(event.received, "the exchange announces maintenance", "warn")
        self.system, self._announced = event.system, announced

    def _lost(self, event: events.Reconnecting) -> None:
        host = event.url.partition("://")[2].partition("/")[0]
        reason = f"cannot reach {host} ({event.reason}); trying again"
        if self.mode == "REPLAY":
            reason = f"the recorder could not reach {host} ({event.reason})"
        if (told := (event.connection, event.reason)) not in self._reasons:
            self._reasons.add(told)
            self.tell(event.received, f"{event.connection} lost: {event.reason}", "warn")
        self._trouble[event.connection] = reason
        self._connected.discard(event.connection)

    def _rejected(self, event: events.Rejected) -> None:
        if event.channel == "level3" and event.symbol:
            self.market(event.symbol).level3_error = event.error
        elif event.symbol and event.error.startswith(_UNKNOWN_PAIR):
            listed = similar_symbol(event.symbol, self.instruments)
            hint = f" (did you mean {listed}?)" if listed else ""
            self.market(event.symbol).refused = event.error + hint
        self.tell(event.received, f"refused {event.channel or event.method}: {event.error}", "warn")
