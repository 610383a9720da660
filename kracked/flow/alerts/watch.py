"""Alerts of a feed: every event in, what fires out. Live, in replay and in tests the same.

    watch = AlertWatch([parse_alert("price above 65000")], ["BTC/USD"], AlertMemory())
    async for event in feed:
        for alert in watch.apply(event):
            print(alert.words)

It keeps books of its own, so what is evaluated is what each message said, however late it is
read. It reads no clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kracked.book.l2 import DEPTHS, L2Book
from kracked.book.l3 import L3Book
from kracked.flow.alerts.market import Market
from kracked.flow.alerts.memory import Alert, AlertMemory, Armed
from kracked.flow.alerts.own_checks import OwnChecks
from kracked.flow.alerts.rule import AlertRule
from kracked.flow.alerts.trust import NOTHING_YET, Trust
from kracked.flow.facts import Outcome
from kracked.flow.market_flow import MarketFlows
from kracked.protocol import events
from kracked.protocol.events import Event
from kracked.protocol.own_orders import OwnOrders
from kracked.times import NS_PER_S

_CHECKSUM = frozenset(("checksum", "impossible", "precision", "sequence"))


class AlertWatch:
    """Alerts of some symbols, fed by every event of a feed, in order.

    Attributes:
        memory: What was told; keep it, and give it to the next watch.
        armed: Every alert on every symbol.
        flows: The measures that alerts look at.
        trust: Which data are believed.
    """

    def __init__(
        self,
        rules: Iterable[AlertRule],
        symbols: Sequence[str],
        memory: AlertMemory,
        *,
        flows: MarketFlows | None = None,
    ) -> None:
        """Arm alerts.

        Args:
            rules: What to wait for; a rule without a symbol waits on each.
            symbols: The pairs that are watched; those of rules come to them.
            memory: What was told before, as `kracked.flow.alerts.store` reads it; it is
                changed.
            flows: Measures that this alone feeds.
        """
        self.symbols = tuple(dict.fromkeys(symbols))
        self.memory = memory
        self.flows = flows or MarketFlows()
        self.trust = Trust()
        self.own = OwnOrders()
        self._markets = {symbol: Market(symbol) for symbol in self.symbols}
        self._own_checks = OwnChecks()
        self.armed: list[Armed] = []
        self._timed: list[Market] = []
        """The markets of alerts that time alone may let fire."""
        self.use(rules)

    def use(self, rules: Iterable[AlertRule], symbols: Iterable[str] = ()) -> None:
        """Wait for these rules from now on, and for no others; those kept go on as they are.

        Args:
            rules: What to wait for, see `__init__`.
            symbols: Pairs that are watched besides those before.
        """
        rules = tuple(rules)
        named = (rule.symbol for rule in rules if rule.symbol)
        self.symbols = tuple(dict.fromkeys((*self.symbols, *symbols, *named)))
        before = {one.name: one for one in self.armed}
        self.armed = []
        for symbol in self.symbols:
            market = self._markets.setdefault(symbol, Market(symbol))
            wanted = {one.text: one for one in rules if one.symbol in ("", symbol)}
            armed = [Armed(one, symbol, self.memory.of(symbol, one)) for one in wanted.values()]
            for one in armed:
                if one.name not in before:
                    one.forget_pending()
            seen = self.flows[symbol].detectors.context.time
            market.use([before.get(one.name, one) for one in armed], seen=seen)
            if not market.needs_book and market.book is not None:
                market.book = None
                self.trust.doubt("book", symbol, NOTHING_YET)
            if not market.needs_orders and not self.flows.is_lost(symbol):
                self.flows.order_flow[symbol].lose(market.heard)
                self.trust.doubt("level3", symbol, NOTHING_YET)
            self.armed += market.armed
        self._timed = [one for one in self._markets.values() if one.silence or one.held]
        self._own_checks.use(self.armed)

    @property
    def done(self) -> bool:
        """Whether nothing can fire any more: every alert was told for good."""
        return all(one.memory.off for one in self.armed)

    def apply(self, event: Event) -> list[Alert]:
        """Apply one event; return what fires, in order of time."""
        fired = self.elapse(event.received)
        market = None
        if isinstance(event, events.MarketEvent):
            market = self._markets.get(event.symbol)
            if market is not None:
                market.heard, market.precision = event.received, event.precision
                for one in market.silence:
                    one.memory.ready = True
        else:
            for channel, symbol in self.trust.take(event, self.symbols):
                self._lose(channel, symbol)
        match event:
            case events.BookSnapshot() | events.BookUpdate() if market and market.needs_book:
                fired += self._book(market, event)
                self.flows.apply(event)
            case events.Trades() if market is not None:
                fired += market.trades.see(event, self.flows[event.symbol])
                self.trust.believe("trade", event.symbol)
                self._follow(market, event, self.flows.apply(event), fired)
            case events.L3Snapshot() | events.L3Update() if market and market.needs_orders:
                self._follow(market, event, self.flows.apply(event), fired)
            case events.MarketEvent():
                pass
            case _:
                fired += self._rare(event)
        return fired

    def elapse(self, now: int) -> list[Alert]:
        """Return what is due by now: it does not matter how often one looks.

        Args:
            now: On the clock of the events' `received`, ns since the Unix epoch. Not later
                than an event that waits to be applied.
        """
        fired = self._own_checks.due(now)
        for market in self._timed:
            market.heard = market.heard or now
            for one in market.silence:
                due = market.heard + one.rule.hold_ns
                if one.memory.ready and due <= now:
                    one.memory.ready, one.memory.last = False, due
                    length = f"{one.rule.hold_ns / NS_PER_S:g} s"
                    said = f"nothing came for {length}"
                    fired.append(one.alert(due, said, key=str(due), silent=length))
            held = (one.due(now) for one in market.held if one.memory.since)
            fired += filter(None, held)
        fired.sort(key=lambda alert: alert.time)
        return fired

    def blind(self) -> dict[str, str]:
        """Return why alerts are not evaluated now, by symbol and text; the others are."""
        found: dict[str, str] = {}
        for market in self._markets.values():
            for one in market.armed:
                reasons = (
                    f"no {channel}: {why}"
                    for channel in one.rule.needs
                    if (why := self.trust.reason(channel, one.symbol))
                )
                reason = next(reasons, "") or market.learning(one, self.flows[market.symbol])
                if reason and not one.memory.off:
                    found[one.name] = reason
        return found

    # --- in mid-stream ----------------------------------------------------------------------

    def missing(self) -> list[tuple[str, str]]:
        """Return the books, as channel and symbol, that are needed and not known."""
        return [
            (channel, market.symbol)
            for market in self._markets.values()
            for channel, needed, known in (
                ("book", market.needs_book, market.book is not None),
                ("level3", market.needs_orders, not self.flows.is_lost(market.symbol)),
            )
            if needed and not known
        ]

    def join(self, book: L2Book | L3Book, now: int) -> list[Alert]:
        """Take a verified book as it stands, where its snapshot was not seen; return what fires.

        Events that came before the book's last message are ignored from here on.

        Args:
            book: A book of a symbol that is watched.
            now: On the clock of the events' `received`.
        """
        market = self._markets[book.symbol]
        if isinstance(book, L3Book):
            self.flows.restart(book, now)
            self.trust.believe("level3", book.symbol)
            return []
        bids, asks = (
            tuple((one.price, one.qty) for one in side) for side in (book.bids, book.asks)
        )
        time = book.last.timestamp if book.last is not None else ""
        snapshot = events.BookSnapshot(
            now, book.symbol, book.precision, bids, asks, checksum=book.computed, timestamp=time
        )
        market.depth = book.depth
        market.joined = book.last.received if book.last is not None else 0
        return self._book(market, snapshot)

    def lose_books(self, now: int) -> None:
        """Take no book as known: the data go on at another moment.

        Args:
            now: On the clock of the events' `received`.
        """
        self.flows.lose(now)
        for symbol in self.symbols:
            self._lose("book", symbol)
            self.trust.doubt("book", symbol, NOTHING_YET)

    # --- by event ---------------------------------------------------------------------------

    def _book(self, market: Market, event: events.BookEvent) -> list[Alert]:
        """Apply a message to the symbol's book; evaluate while it is verified."""
        if type(event) is events.BookSnapshot:
            levels = max(len(event.bids), len(event.asks))
            guess = next((one for one in DEPTHS if one >= levels), levels)
            market.book = L2Book(market.symbol, event.precision, market.depth or guess)
        book = market.book
        if book is None or (type(event) is events.BookUpdate and event.received <= market.joined):
            return []
        assert isinstance(event, events.BookSnapshot | events.BookUpdate)
        if book.precision != event.precision or not book.apply(event):
            self._lose("book", market.symbol)
            self.trust.doubt("book", market.symbol, "its checksum does not match")
            return []
        self.trust.believe("book", market.symbol)
        late = type(event) is events.BookSnapshot
        time = event.exchange_time or event.received
        self.flows[market.symbol].apply_book(book)
        fired = market.books.see(book, event, time, late=late)
        return fired + self._sightings(market, event)

    def _follow(
        self,
        market: Market,
        event: events.MarketEvent,
        outcomes: list[Outcome],
        fired: list[Alert],
    ) -> None:
        """Evaluate what the ledger and the detectors told of a message."""
        flow = self.flows[market.symbol]
        if isinstance(event, events.L3Event):
            if self.flows.is_lost(market.symbol):
                self.trust.doubt("level3", market.symbol, "its orders are not known")
            else:
                self.trust.believe("level3", market.symbol)
            ledger = flow.ledger
            if ledger is not None and not ledger.lost:
                time = event.exchange_time or event.received
                fired += market.orders.places(ledger, self.own, event.precision, time)
        fired += market.orders.orders(outcomes, flow, event.precision)
        fired += self._sightings(market, event)

    def _sightings(self, market: Market, event: events.MarketEvent) -> list[Alert]:
        flow = self.flows[market.symbol]
        return market.orders.sightings(flow.detectors.take_news(), flow, event.precision)

    def _rare(self, event: Event) -> list[Alert]:
        if not isinstance(event, events.MarketEvent):
            self.flows.apply(event)
        match event:
            case events.Subscribed(channel="book", symbol=str(symbol), depth=int(depth)):
                market = self._markets.get(symbol)
                if market is not None:
                    market.depth = depth
                    if market.book is not None:
                        market.book.set_depth(depth)
            case events.Executions():
                unreadable = self.own.unreadable
                self.own.apply(event)
                if self.own.unreadable > unreadable:
                    self.trust.doubt("executions", "", "a report could not be read")
                fired = self._own_checks.see(event, self.own)
                if self.own.unreadable > unreadable:
                    self._own_checks.doubt()
                return fired
        return self._data(event)

    def _lose(self, channel: str, symbol: str) -> None:
        """Take nothing of a channel as known: what was about to fire may not hold any more."""
        if channel == "executions":
            self._own_checks.doubt()
        market = self._markets.get(symbol)
        if market is None or channel != "book":
            return
        market.book = None
        for one in market.held:
            one.forget_pending()

    def _data(self, event: Event) -> list[Alert]:
        """Evaluate alerts of the data themselves: each state once, until it is over."""
        symbols = self.symbols
        match event:
            case events.Verified(channel=channel) | events.Subscribed(channel=channel):
                over = (f"{channel} checksum", f"{channel} stale")
                return self._forget(over, (event.symbol or "",))
            case events.Reconnected(connection=name) | events.Connected(connection=name):
                return self._forget((f"{name} reconnect",), self.symbols)
            case events.Resync():
                what = "checksum" if event.reason in _CHECKSUM else "stale"
                key, said = f"{event.channel} {what}", f"{event.channel} is renewed: {event.reason}"
                symbols = (event.symbol,)
            case events.Stale():
                what, key = "stale", f"{event.channel} stale"
                said = f"{event.channel} is stale: {event.reason or 'heartbeats are missing'}"
                symbols = (event.symbol,)
            case events.Reconnecting():
                what, key = "reconnect", f"{event.connection} reconnect"
                said = f"the {event.connection} connection is lost: {event.reason}"
                symbols = self.symbols
            case events.Gap():
                what, key = "gap", f"{event.channel} gap {event.start}"
                length = (event.end - event.start) / NS_PER_S
                said = f"{event.channel} may miss messages of {length:.1f} s: {event.reason}"
                symbols = event.symbols
            case events.Overflow():
                what, key = "gap", f"overflow {event.received}"
                said = f"{event.dropped} messages were left out: this program was too slow"
                symbols = self.symbols
            case _:
                return []
        markets = (self._markets[one] for one in symbols if one in self._markets)
        return [
            one.alert(event.received, said, key=key, what=what)
            for market in markets
            for one in market.data
            if one.rule.what in ("", what) and one.memory.tell_once(key, event.received)
        ]

    def _forget(self, keys: Iterable[str], symbols: Iterable[str]) -> list[Alert]:
        """Let states of the data be told again: they are over."""
        for symbol in symbols:
            market = self._markets.get(symbol)
            for one in market.data if market is not None else ():
                for key in keys:
                    one.memory.told.pop(key, None)
        return []
