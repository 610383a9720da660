"""The owner of everything shown besides the books: it changes by events and by nothing else.

The books belong to the source's keeper. Here are the trade tape, candles, traded quantities,
the health of the connections and the log. Everything is bounded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from decimal import Decimal

from kracked import times
from kracked.feed.account import Account
from kracked.flow import MarketFlows
from kracked.instruments import Instrument, Precision, similar_symbol
from kracked.protocol import events
from kracked.protocol.events import Event, Side
from kracked.protocol.maintenance.tracker import MaintenanceNews, MaintenanceTracker
from kracked.protocol.maintenance.words import clock_text
from kracked.untrusted import printable
from kracked_tui.sources.base import BooksJump, StateRestored, TimeJump
from kracked_tui.state.fill_reviews import FillReviews
from kracked_tui.state.market_odds import MarketOdds
from kracked_tui.state.moments import Moments
from kracked_tui.state.user_columns import UserColumns
from kracked_tui.view import format as fmt
from kracked_tui.view.chart.candles import Bar, merged
from kracked_tui.view.chrome.data_status import ONLINE, DataHealth, system_words
from kracked_tui.view.chrome.status import LogEntry
from kracked_tui.view.tape.tape import Print, prints

MAX_PRINTS = 5_000
MAX_BARS = 2_000
MAX_LOG_ENTRIES = 500
_SAID_BEFORE = 3
"""Entries among which one that is said again is counted instead."""
_FINEST_S = 5
_UNKNOWN_PAIR = "Currency pair not"
"""The exchange's refusal of a pair it does not list: not supported, or written differently."""


class MarketState:
    """Everything shown of one symbol besides its books. Only its store changes it."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.precision: Precision | None = None
        self.ticker: events.Ticker | None = None
        self.last: int | None = None
        self.rising: bool | None = None
        self.prints: deque[Print] = deque(maxlen=MAX_PRINTS)
        """Oldest first."""
        self.missing_trades = 0
        """Trades that never came before the next print."""
        self.session_bought = 0
        self.session_sold = 0
        self.exchange_bars: dict[int, dict[int, Bar]] = {}
        """By timeframe in seconds, then by begin."""
        self.trade_bars: deque[Bar] = deque(maxlen=MAX_BARS)
        """Bars of five seconds made from trades, oldest first."""
        self.resync = ""
        """Why its level 2 book waits for a snapshot."""
        self.stale = ""
        """What contradicts its level 2 book, which waits for a snapshot."""
        self.level3_resync = ""
        self.level3_error = ""
        self.refused = ""
        """The exchange's words, where it does not know the pair."""

    @property
    def change(self) -> Decimal | None:
        """The price change in 24 hours, per cent."""
        return self.ticker.change_pct if self.ticker else None

    def bars(self, timeframe_s: int) -> Sequence[Bar]:
        """Return the exchange's own bars, or bars made from trades where it has none.

        They are ordered oldest first.
        """
        from_exchange = self.exchange_bars.get(timeframe_s)
        if from_exchange:
            return list(from_exchange.values())
        return merged(self.trade_bars, timeframe_s)

    # --- events -------------------------------------------------------------------

    def apply_trades(self, event: events.Trades) -> None:
        """Put trades on the tape and count them; a snapshot replaces the tape uncounted."""
        self._set_precision(event.precision)
        if event.snapshot:
            self.prints.clear()
        missing, self.missing_trades = self.missing_trades, 0
        for each in sorted(prints(event), key=lambda one: one.time):
            self.prints.append(each._replace(missing=missing) if missing else each)
            missing = 0
            self._set_last(each.last_price)
            self._extend_bar(each.time, each.last_price, each.qty, each.notional)
        if event.snapshot:
            return
        for trade in event.trades:
            if trade.side is Side.BID:
                self.session_bought += trade.qty
            else:
                self.session_sold += trade.qty

    def apply_ticker(self, event: events.Ticker) -> None:
        """Set the ticker, and the last price where no trade has come yet."""
        self._set_precision(event.precision)
        self.ticker = event
        if not self.prints and event.last is not None:
            self._set_last(event.last)

    def apply_candles(self, event: events.Candles) -> None:
        """Set candles; of two that begin together the one with the larger volume is the newer.

        A candle only grows, so it does not matter whether the stream or REST answered first.
        """
        self._set_precision(event.precision)
        for candle in event.candles:
            series = self.exchange_bars.setdefault(candle.interval * 60, {})
            bar = Bar(
                begin=candle.begin,
                open=candle.open,
                high=candle.high,
                low=candle.low,
                close=candle.close,
                volume=candle.volume,
                notional=candle.vwap * candle.volume,
            )
            known = series.get(bar.begin)
            if known is None or bar.volume >= known.volume:
                series[bar.begin] = bar
            if len(series) > MAX_BARS:
                del series[next(iter(series))]
        if event.snapshot:
            self.exchange_bars = {
                seconds: dict(sorted(series.items()))
                for seconds, series in self.exchange_bars.items()
            }

    def apply_quote(self, bid: int, ask: int, now: int) -> None:
        """Chart the middle of the best prices, where neither trades nor a ticker came yet."""
        if not self.prints and self.ticker is None:
            self._extend_bar(now, (bid + ask) // 2, 0)

    def _set_precision(self, precision: Precision) -> None:
        """Drop everything that was scaled by another precision."""
        if self.precision != precision:
            self.precision = precision
            self.prints.clear()
            self.trade_bars.clear()
            self.exchange_bars.clear()

    def _set_last(self, price: int) -> None:
        if self.last is not None and price != self.last:
            self.rising = price > self.last
        self.last = price

    def _extend_bar(self, time: int, price: int, qty: int, notional: int = 0) -> None:
        length = _FINEST_S * times.NS_PER_S
        begin = time // length * length
        if self.trade_bars and self.trade_bars[-1].begin >= begin:
            bar = self.trade_bars[-1]
            self.trade_bars[-1] = bar._replace(
                high=max(bar.high, price),
                low=min(bar.low, price),
                close=price,
                volume=bar.volume + qty,
                notional=bar.notional + notional,
            )
        else:
            begun = Bar(begin, price, price, price, price, volume=qty, notional=notional)
            self.trade_bars.append(begun)


class Store:
    """Everything shown that is not a book."""

    def __init__(self, mode: str) -> None:
        self.mode = mode
        self.markets: dict[str, MarketState] = {}
        self.flows = MarketFlows()
        """The measures of each market's order flow, and its orders where level 3 comes."""
        self.user_columns = UserColumns()
        """The user's own columns of the ladder."""
        self.moments = Moments()
        """What one looks back for."""
        self.reviews = FillReviews()
        """What own fills were worth."""
        self.odds = MarketOdds()
        """The odds of orders, where the user fitted a table."""
        self.instruments: dict[str, Instrument] = {}
        self.log_entries: deque[LogEntry] = deque(maxlen=MAX_LOG_ENTRIES)
        """Newest first."""
        self.messages = 0
        self.resyncs = 0
        self.gaps = 0
        self.dropped = 0
        self.started = 0
        self.last_received = 0
        self._connected: set[str] = set()
        self._down_reasons: dict[str, str] = {}
        """Why a connection is down, by its name."""
        self._down_since: dict[str, int] = {}
        """When its first loss was received."""
        self._logged_losses: set[tuple[str, str]] = set()
        """Connection and reason of losses in the log: retries repeat them."""
        self.ended = False
        self.system = ONLINE
        """The trading engine's state in the exchange's word."""
        self.maintenance = MaintenanceTracker()
        """Planned maintenance and incidents, by the events that came."""
        self.account = Account()
        """The account as a recording holds it; live, the feed's own account is shown."""

    def market(self, symbol: str) -> MarketState:
        """Return the state of a symbol; a new one for a symbol not seen before."""
        found = self.markets.get(symbol)
        if found is None:
            found = self.markets[symbol] = MarketState(symbol)
        return found

    def health(
        self, symbol: str, *, has_book: bool, verified: bool, connection: str = "public"
    ) -> DataHealth:
        """Return what is known about a symbol's data and the connection that its book comes by."""
        market, down_reason = self.market(symbol), self._down_reasons.get(connection, "")
        # The list of pairs may come after the refusal.
        listed = similar_symbol(symbol, self.instruments) if market.refused else None
        return DataHealth(
            mode=self.mode,
            connected=bool(self._connected) and connection not in self._down_reasons,
            trouble=down_reason,
            resync=market.resync,
            stale=market.stale,
            has_book=has_book,
            verified=verified,
            last_received=self.last_received,
            ended=self.ended,
            system=self.system,
            refused=f"{market.refused}; did you mean {listed}?" if listed else market.refused,
        )

    def apply(self, event: Event) -> None:
        """Take in one event of the source. A `TimeJump` forgets all that came before."""
        if type(event) is TimeJump or type(event) is StateRestored:
            kept = {"odds": self.odds.anew(), "user_columns": self.user_columns}
            anew = event.state if type(event) is StateRestored else Store(self.mode)
            vars(self).update({**vars(anew), **kept})
            return
        if type(event) is BooksJump:
            self.reviews.take(self.flows.lose(event.received), self.flows.order_flow.ledgers)
            return
        self._measure(event)
        self.messages += 1
        self.last_received = event.received
        if not self.started:
            self.started = event.received
        match event:
            case events.BookUpdate() | events.L3Update() | events.Heartbeat():
                pass  # the keeper applies the first two
            case events.Trades():
                self.market(event.symbol).apply_trades(event)
            case events.Ticker():
                self.market(event.symbol).apply_ticker(event)
            case events.Candles():
                self.market(event.symbol).apply_candles(event)
            case events.Instruments():
                self.instruments.update({pair.symbol: pair for pair in event.pairs})
            case events.Executions() | events.Balances():
                self.account.apply(event)
            case _:
                self._apply_condition(event)

    def _measure(self, event: Event) -> None:
        outcomes = self.flows.apply(event)
        self.moments.see(event, outcomes, self.flows)
        self.reviews.follow(event, outcomes, self.flows.order_flow.ledgers)
        if self.user_columns:
            self.user_columns.follow(outcomes)
        if isinstance(event, events.L3Update | events.L3Snapshot | events.Trades):
            ledger = self.flows.order_flow.ledgers.get(event.symbol)
            self.odds.follow(ledger, outcomes, qty_decimals=event.precision.qty)
        elif isinstance(event, events.Executions):
            self.odds.learn_own(event, self.flows.order_flow.ledgers)

    def tell(self, time: int, text: str, role: str = "dim", *, own: bool = False) -> None:
        """Write an entry to the log.

        Args:
            time: When it happened, ns.
            text: The words shown.
            role: `good`, `warn` or `dim`.
            own: About an order of ours, or the answer to a key.
        """
        entry = LogEntry(time, printable(text), role, own)
        for at, before in zip(range(_SAID_BEFORE), self.log_entries, strict=False):
            if before[1:4] == entry[1:4]:
                del self.log_entries[at]
                entry = entry._replace(said=before.said + 1)
                break
        self.log_entries.appendleft(entry)

    # --- whether the data can be trusted ------------------------------------------

    def _apply_condition(self, event: Event) -> None:
        match event:
            case events.Resync() | events.Verified():
                self._apply_verdict(event)
            case events.Connected() | events.Reconnected():
                name = event.connection
                self._connected.add(name)
                self._down_reasons.pop(name, None)
                self._down_since.pop(name, None)
                self._logged_losses = {loss for loss in self._logged_losses if loss[0] != name}
                self.tell(event.received, f"{name} connected", "good")
            case events.Reconnecting():
                self._apply_loss(event)
            case events.Overflow():
                self.dropped += event.dropped
            case events.Gap():
                self.gaps += 1
                if event.first_id is not None and event.last_id is not None:
                    missing = event.last_id - event.first_id + 1
                    self.market(event.symbols[0]).missing_trades += missing
                length = fmt.milliseconds(event.end - event.start)
                text = f"gap of {length} in {event.channel}: {event.reason}"
                self.tell(event.received, text, "warn")
            case events.Stale():
                why = f": {event.reason}" if event.reason else ""
                self.tell(event.received, f"{event.symbol} {event.channel} is stale{why}", "warn")
            case events.Rejected():
                self._apply_rejection(event)
            case events.Status():
                self._apply_status(event)

    def _apply_verdict(self, event: events.Resync | events.Verified) -> None:
        """Note that a book lost its trust, or regained it."""
        reason = event.reason if isinstance(event, events.Resync) else ""
        market = self.market(event.symbol)
        if event.channel == "book":
            market.resync = reason
            market.stale = event.detail if isinstance(event, events.Resync) else ""
            market.stale = market.stale if reason == "stale" else ""
            market.refused = market.refused if reason else ""
        elif event.channel == "level3":
            market.level3_resync = reason
        self.resyncs += bool(reason)
        word, role = (f"resync: {reason}", "warn") if reason else ("verified", "good")
        self.tell(event.received, f"{event.symbol} {event.channel} {word}", role)

    def _apply_status(self, event: events.Status) -> None:
        """Note the engine's state, and what is announced. It comes with every connection.

        A change of the state is logged, and each thing announced once a phase.
        """
        now, changed = event.received, event.system != self.system
        self.system = event.system
        for news in self.maintenance.apply(event):
            if changed and news.news in (MaintenanceNews.BEGUN, MaintenanceNews.OVER):
                continue  # the state says it
            role = "good" if news.good else "warn"
            self.tell(now, news.text(), role, own=news.urgent)
        if changed:
            well, until = event.system == ONLINE, self.maintenance.effect(now).until
            text = "the exchange is online again" if well else system_words(event.system)
            if not well and until is not None:
                text += f", until about {clock_text(until, now)}"
            self.tell(now, text, "good" if well else "warn")

    def catch_up(self, status: events.Status | None) -> None:
        """Take in the last status after events were skipped: it may have been among them."""
        if status is not None:
            self._apply_status(status)

    def _apply_loss(self, event: events.Reconnecting) -> None:
        host = event.url.partition("://")[2].partition("/")[0]
        since = fmt.moment(self._down_since.setdefault(event.connection, event.received))
        reason = f"cannot reach {host} since {since} ({event.reason}); trying again"
        if self.mode == "REPLAY":
            reason = f"the recorder could not reach {host} ({event.reason})"
        if (loss := (event.connection, event.reason)) not in self._logged_losses:
            self._logged_losses.add(loss)
            self.tell(event.received, f"{event.connection} lost: {event.reason}", "warn")
        self._down_reasons[event.connection] = reason
        self._connected.discard(event.connection)
        if event.connection == "public":
            self.odds.lose_trades()

    def _apply_rejection(self, event: events.Rejected) -> None:
        if event.channel == "level3" and event.symbol:
            self.market(event.symbol).level3_error = event.error
        elif event.symbol and event.error.startswith(_UNKNOWN_PAIR):
            self.market(event.symbol).refused = event.error
        self.tell(event.received, f"refused {event.channel or event.method}: {event.error}", "warn")
