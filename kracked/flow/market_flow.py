"""All measures of a market's order flow, fed once by its events, for whoever shows them.

    flows = MarketFlows()
    async for event in feed:
        flows.apply(event)
    flows["BTC/USD"].session.profile.poc

The same code runs live, in a replay and over a recording. It reads no clock.
"""

from __future__ import annotations

from collections.abc import Sequence

from kracked.book.l2 import L2Book
from kracked.book.l3 import L3Book
from kracked.flow.detectors.context import OwnIds
from kracked.flow.detectors.detectors import Detectors
from kracked.flow.detectors.numbers import DetectorNumbers
from kracked.flow.facts import Outcome
from kracked.flow.ledger import Ledger
from kracked.flow.measures.delta import DeltaRing
from kracked.flow.measures.price_changes import PriceChanges
from kracked.flow.measures.session import TradingSession, session_start
from kracked.flow.measures.touch import OrderFlowImbalance, Touch, lean_percent, quantities_near
from kracked.flow.measures.traded_at_price import TradedAtPrice
from kracked.flow.measures.vwap import AnchoredVwaps, Vwap
from kracked.flow.order_flow import OrderFlow
from kracked.instruments import Instrument, Precision
from kracked.protocol import events
from kracked.protocol.events import Event, Side, Trade
from kracked.times import parse_ns


class MarketFlow:
    """The measures of one symbol. `MarketFlows` feeds it; reading changes nothing.

    Attributes:
        symbol: The pair.
        precision: The decimals of its numbers; None before the first of them.
        changes: Pulling and stacking by price; empty without level 3.
        traded: Sold and bought by price since the last clear.
        session: Profile, average price and delta of the session; None before its first trade.
        anchored: Averages from chosen instants on.
        ring: Bought and sold by second.
        flow_imbalance: The order flow imbalance at the touch.
        ledger: The orders; None without level 3.
        missing: Trades that never came, told by their numbers.
        detectors: What looks for patterns; its `take_news` has the sightings.
    """

    def __init__(
        self,
        symbol: str,
        *,
        session_offset_ns: int | None = 0,
        tick: int = 1,
        numbers: DetectorNumbers | None = None,
        own: OwnIds | None = None,
    ) -> None:
        """Begin with nothing.

        Args:
            symbol: The pair.
            session_offset_ns: The time of day at which sessions begin, after 00:00 UTC; None
                for one session that begins with the first trade.
            tick: The instrument's price increment, scaled.
            numbers: The limits that detectors go by.
            own: Ids of own orders, which detectors leave out.
        """
        self.symbol = symbol
        self._numbers = numbers
        self._own = OwnIds() if own is None else own
        self.tick = tick
        self._least_qty = 0
        self.ledger: Ledger | None = None
        self._offset = session_offset_ns
        self.precision: Precision | None = None
        self._clear()

    def _clear(self) -> None:
        self.changes = PriceChanges()
        self.traded = TradedAtPrice()
        self.session: TradingSession | None = None
        self.anchored = AnchoredVwaps()
        self.ring = DeltaRing()
        self.flow_imbalance = OrderFlowImbalance()
        self.missing = 0
        self.detectors = Detectors(self.symbol, self._numbers)
        self.detectors.context.least_qty = self._least_qty
        self.detectors.context.own = self._own
        self._newest_id: int | None = None
        self._time = self._received = 0
        """The newest time of the exchange, and when it came."""

    # --- events -----------------------------------------------------------------------------

    def apply_trades(self, event: events.Trades) -> None:
        """Count trades, each once.

        A first snapshot is where watching begins: its trades are the last ones without a gap, and
        count in all but the sold and bought columns.
        """
        self._use_precision(event.precision)
        first_snapshot = event.snapshot and self._newest_id is None
        taker: tuple[str, Side] | None = None
        fresh: list[tuple[int, Trade]] = []
        for trade in event.trades:
            time = parse_ns(trade.timestamp)
            newest = self._newest_id
            if newest is None or trade.trade_id > newest:
                self._newest_id = trade.trade_id
            if newest is not None and trade.trade_id <= newest:
                continue
            if newest is not None and trade.trade_id > newest + 1:
                self.missing += trade.trade_id - newest - 1
                self.ring.begin(time)
                self.detectors.miss_trades()
            self._pass(time, event.received)
            first = (trade.timestamp, trade.side) != taker
            taker = (trade.timestamp, trade.side)
            self.ring.add(trade.side, trade.price, trade.qty, time, takers=int(first))
            if not first_snapshot:
                self.traded.add(trade, time)
            fresh.append((time, trade))
            self.anchored.add(trade.price, trade.qty, time)
            self._session(time, trade.price).add(trade.side, trade.price, trade.qty)
        if not event.snapshot:
            self.detectors.trades(fresh)

    def apply_level3(self, ledger: Ledger, event: events.L3Event) -> None:
        """Look at the best prices after a level 3 message that the ledger has applied."""
        self.ledger = ledger
        if event.precision is not self.precision:
            self._use_precision(event.precision)
        time = ledger.linker.level3_time
        if time >= self._time:
            self._time, self._received = time, event.received
        bids, asks = ledger.bids, ledger.asks
        if ledger.lost or not (bids.keys and asks.keys):
            self.flow_imbalance.lose()
            return
        bid, ask = bids.keys[-1], -asks.keys[-1]
        if bid < ask:  # a taker at work is shown across the spread
            touch = self.flow_imbalance.touch
            now = (bid, bids.levels[bid].qty, ask, asks.levels[ask].qty)
            if touch != now:
                touch = Touch._make(now)
                self.flow_imbalance.take(touch, self._time)
            if touch is not None:
                self.detectors.see(touch, self._time)

    def apply_book(self, book: L2Book) -> None:
        """Look at a level 2 book after a message, where there is no level 3.

        What rests at the best prices of a book that is not verified is not known.
        """
        if self.ledger is not None:
            return
        bid, ask, last = book.best_bid, book.best_ask, book.last
        if book.verified and bid and ask and last is not None and bid.price < ask.price:
            self._use_precision(book.precision)
            touch = Touch(*bid, *ask)
            self._pass(last.exchange_time or last.received, last.received)
            self.flow_imbalance.take(touch, self._time)
            self.detectors.see(touch, self._time)
        else:
            self.flow_imbalance.lose()
            self.detectors.context.lose()

    def take(self, outcomes: Sequence[Outcome], ledger: Ledger | None) -> None:
        """Take what this symbol's ledger told."""
        context = self.detectors.context
        context.ledger = ledger
        if outcomes:
            self.changes.take(outcomes)
            self.detectors.take(outcomes)
        if ledger is not None and not context.touch:
            self.flow_imbalance.lose()

    def use_rules(self, pair: Instrument) -> None:
        """Take the rules of the pair: its price increment and its smallest order."""
        self.tick = pair.price_increment
        self._least_qty = pair.qty_min
        self.detectors.context.least_qty = pair.qty_min

    def _session(self, time: int, price: int) -> TradingSession:
        """Return the session of a trade; begin one when its day has come."""
        session = self.session
        start = time if self._offset is None else session_start(time, self._offset)
        if session is None:
            session = self.session = TradingSession(start, time, price, self.tick)
        elif self._offset is not None and start > session.start:
            session = self.session = TradingSession(start, start, price, self.tick)
        return session

    def _pass(self, time: int, received: int) -> None:
        if time >= self._time:
            self._time, self._received = time, received

    def _use_precision(self, precision: Precision) -> None:
        """Drop everything that was scaled by another precision."""
        if precision is not self.precision and precision != self.precision:
            if self.precision is not None:
                self._clear()
            self.precision = precision

    # --- reading ------------------------------------------------------------------------------

    @property
    def has_clock(self) -> bool:
        """Whether anything came that tells the exchange's time."""
        return self._time > 0

    def now(self, received: int) -> int:
        """Return the present on the exchange's clock.

        Args:
            received: The present, on the clock of the events' `received`.
        """
        return self._time + max(0, received - self._received)

    def advance(self, now: int) -> None:
        """Let what is too old leave the windows: call it once before each frame.

        Args:
            now: On the exchange's clock, see `now`.
        """
        self.changes.advance(now)
        self.flow_imbalance.advance(now)

    def anchor_vwap(self, time: int) -> str | None:
        """Anchor an average at an instant; return its letter.

        It is exact from the second of the instant on. None where the trades since are not
        known: before the last quarter of an hour.
        """
        vwap = Vwap(time)
        if time <= self._time:
            sums = self.ring.from_second(time)
            if sums is None:
                return None
            vwap.add_sums(sums.bought + sums.sold, sums.notional, sums.square)
        return self.anchored.place(vwap)

    def queue_lean(self) -> int | None:
        """Return how the quantities at the touch lean, -100 to 100 %; None while unknown."""
        touch = self.flow_imbalance.touch
        return lean_percent(touch.bid_qty, touch.ask_qty) if touch is not None else None

    def near_lean(self) -> int | None:
        """Return how the quantities within 10 bp of the mid lean, by level 3; None without."""
        touch, ledger = self.flow_imbalance.touch, self.ledger
        if touch is None or ledger is None or ledger.lost:
            return None
        near = quantities_near(ledger.bids, ledger.asks, touch.bid + touch.ask, ledger.depth)
        return lean_percent(near.bids, near.asks)


class MarketFlows:
    """The measures of every symbol of a feed. Give it every event, in order.

    Attributes:
        order_flow: The ledgers.
        markets: The measures by symbol.
    """

    def __init__(
        self,
        order_flow: OrderFlow | None = None,
        *,
        session_offset_ns: int | None = 0,
        numbers: DetectorNumbers | None = None,
    ) -> None:
        """Begin without any symbol.

        Args:
            order_flow: The ledgers; whoever shares them feeds them through `apply` alone.
            session_offset_ns: The time of day at which sessions begin, after 00:00 UTC; None
                for one session that begins with the first trade.
            numbers: The limits that detectors go by.
        """
        self.order_flow = order_flow or OrderFlow()
        self._numbers = numbers
        self.markets: dict[str, MarketFlow] = {}
        self._offset = session_offset_ns
        self._pairs: dict[str, Instrument] = {}
        self._own = OwnIds()

    def __getitem__(self, symbol: str) -> MarketFlow:
        """Return a symbol's measures; empty ones where nothing came yet."""
        market = self.markets.get(symbol)
        if market is None:
            market = self.markets[symbol] = MarketFlow(
                symbol, session_offset_ns=self._offset, numbers=self._numbers, own=self._own
            )
            if symbol in self._pairs:
                market.use_rules(self._pairs[symbol])
        return market

    def apply(self, event: Event) -> list[Outcome]:
        """Apply one event; return what the ledgers told.

        What was due before it is decided first. So a feed that is looked at often and the replay
        of its recording come to the same measures.
        """
        kind = type(event)
        if kind is events.Heartbeat:
            return self.elapse(event.received)
        if kind is events.L3Update or kind is events.L3Snapshot:
            return self._level3(event)  # type: ignore[arg-type]
        if kind is events.Trades:
            return self._trades(event)  # type: ignore[arg-type]
        if kind is events.Instruments:
            for pair in event.pairs:  # type: ignore[attr-defined]
                self._pairs[pair.symbol] = pair
                if pair.symbol in self.markets:
                    self.markets[pair.symbol].use_rules(pair)
        if kind is events.Executions:
            self._own.learn(event)  # type: ignore[arg-type]
            for market in self.markets.values():
                market.detectors.learn_own()
        outcomes = self.order_flow.apply(event)
        self._hand_out(outcomes)
        return outcomes

    def elapse(self, now: int) -> list[Outcome]:
        """Decide what has waited long enough: every event does, heartbeats too.

        Args:
            now: On the clock of the events' `received`, ns since the Unix epoch. Not later than
                an event that waits to be applied: what it tells would come too late.
        """
        ledgers = self.order_flow.ledgers.values()
        outcomes = [one for ledger in ledgers for one in _decided(ledger, now)]
        self._hand_out(outcomes)
        return outcomes

    def is_lost(self, symbol: str) -> bool:
        """Whether nothing is known of a symbol's orders before the next snapshot or `restart`."""
        ledger = self.order_flow.ledgers.get(symbol)
        return ledger is None or ledger.lost

    def lose(self, received: int) -> list[Outcome]:
        """Trust no ledger until its next snapshot or `restart`."""
        ledgers = self.order_flow.ledgers.values()
        outcomes = [one for ledger in ledgers for one in ledger.lose(received)]
        self._hand_out(outcomes)
        return outcomes

    def restart(self, book: L3Book, now: int) -> list[Outcome]:
        """Begin a symbol's orders anew from a verified book, see `OrderFlow.restart`."""
        outcomes = self.order_flow.restart(book, now)
        self[book.symbol].take(outcomes, self.order_flow[book.symbol])
        return outcomes

    def _level3(self, event: events.L3Event) -> list[Outcome]:
        symbol, order_flow = event.symbol, self.order_flow
        market = self.markets.get(symbol) or self[symbol]
        ledger = order_flow.ledgers.get(symbol)
        due_at = ledger.linker.due_at if ledger is not None else None
        due = self._due(event) if due_at is not None and due_at <= event.received else []
        outcomes = order_flow.apply(event)
        ledger = order_flow.ledgers.get(symbol)
        market.take(outcomes, ledger)
        if ledger is not None:
            market.apply_level3(ledger, event)
        return due + outcomes if due else outcomes

    def _trades(self, event: events.Trades) -> list[Outcome]:
        market, due = self[event.symbol], self._due(event)
        outcomes = self.order_flow.apply(event)
        market.apply_trades(event)
        market.take(outcomes, self.order_flow.ledgers.get(event.symbol))
        return due + outcomes if due else outcomes

    def _due(self, event: events.MarketEvent) -> list[Outcome]:
        """Decide what was due before an event, while the market is as it was."""
        ledger = self.order_flow.ledgers.get(event.symbol)
        if ledger is None:
            return []
        due = _decided(ledger, event.received)
        if due:
            self[event.symbol].take(due, ledger)
        return due

    def _hand_out(self, outcomes: Sequence[Outcome]) -> None:
        for symbol in dict.fromkeys(outcome.symbol for outcome in outcomes):
            told = [one for one in outcomes if one.symbol == symbol]
            self[symbol].take(told, self.order_flow.ledgers.get(symbol))


def _decided(ledger: Ledger, now: int) -> list[Outcome]:
    """Decide what is due by now, each at its own time: then it does not matter when one looks."""
    outcomes: list[Outcome] = []
    linker, last = ledger.linker, 0
    while (due := linker.due_at) is not None and last < due <= now:
        last = due
        outcomes += ledger.elapse(due)
    return outcomes
