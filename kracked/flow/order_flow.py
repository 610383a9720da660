"""The ledgers of all symbols of a feed, driven by its events."""

from __future__ import annotations

from kracked.book.l3 import DEPTHS, L3Book
from kracked.flow.facts import Outcome
from kracked.flow.ledger import Ledger, Row
from kracked.flow.links import HOLD_NS, SLACK_NS
from kracked.instruments import Precision
from kracked.protocol import events
from kracked.protocol.events import Event, OrderAction, OrderChange
from kracked.times import NotATime, parse_ns, try_parse_ns

LEVEL3 = "level3"


class OrderFlow:
    """The ledgers of a feed, symbol by symbol: level 3 events and trades in, facts out.

    Feed it every event, in the order in which they come; it picks what it needs. A symbol's
    ledger begins with the first level 3 snapshot.

    Attributes:
        ledgers: The ledgers by symbol.
    """

    def __init__(
        self, depth: int | None = None, *, hold_ns: int = HOLD_NS, slack_ns: int = SLACK_NS
    ) -> None:
        """Begin without any symbol.

        Args:
            depth: Price levels a side that level 3 shows; by default what the exchange
                acknowledges, else the smallest depth on offer that holds the snapshot.
            hold_ns: How long to wait for the other feed before a decision.
            slack_ns: How long after its instant a taker may still fill.
        """
        self.ledgers: dict[str, Ledger] = {}
        self._depth = depth
        self._depths: dict[str, int] = {}
        self._precisions: dict[str, Precision] = {}
        self._ignore_until: dict[str, int] = {}
        self._terms = (hold_ns, slack_ns)
        self._connections: set[str] = set()
        """The names of the connections that carry level 3."""

    def __getitem__(self, symbol: str) -> Ledger:
        """Return a symbol's ledger; raises KeyError before its first snapshot."""
        return self.ledgers[symbol]

    def apply(self, event: Event) -> list[Outcome]:
        """Apply one event; return what followed from it, usually one or two facts."""
        kind = type(event)
        if kind is events.L3Update:
            return self._update(event)  # type: ignore[arg-type]
        if kind is events.Trades:
            return self._trades(event)  # type: ignore[arg-type]
        if kind is events.L3Snapshot:
            return self._snapshot(event)  # type: ignore[arg-type]
        return self._apply_rare(event)

    def elapse(self, now: int) -> list[Outcome]:
        """Decide what has waited long enough; call it some times a second on a quiet feed.

        Args:
            now: On the clock of the events' `received`, ns since the Unix epoch.
        """
        return [outcome for ledger in self.ledgers.values() for outcome in ledger.elapse(now)]

    def restart(self, book: L3Book, now: int) -> list[Outcome]:
        """Begin a symbol anew from a verified book: after an `Overflow`, or in mid-stream.

        Events that came before the book's last message are ignored from here on.
        """
        bids, asks = (
            tuple((OrderAction.ADD, o.order_id, o.price, o.qty, o.exchange_time) for o in orders)
            for orders in (book.bids.orders(), book.asks.orders())
        )
        self._precisions[book.symbol] = book.precision
        ledger = self._ledger(book.symbol, book.depth)
        ledger.depth = book.depth
        self._ignore_until[book.symbol] = book.received
        return ledger.snapshot(bids, asks, book.exchange_time or 0, now)

    def _update(self, event: events.L3Update) -> list[Outcome]:
        symbol = event.symbol
        ledger, precision = self.ledgers.get(symbol), self._precisions.get(symbol)
        if ledger is None or precision is None:
            return []
        if self._ignore_until and event.received <= self._ignore_until.get(symbol, 0):
            return []
        if event.precision is not precision:
            if event.precision != precision:
                return ledger.lose(event.received)
            self._precisions[symbol] = event.precision
        bids, asks, text = event.bids, event.asks, event.timestamp
        at = try_parse_ns(text) or 0
        return ledger.update(
            _rows(bids, text, at) if bids else (),
            _rows(asks, text, at) if asks else (),
            at,
            event.received,
        )

    def _trades(self, event: events.Trades) -> list[Outcome]:
        ledger = self.ledgers.get(event.symbol)
        if ledger is None:  # level 3 may come later, with the orders that these trades filled
            ledger = self._ledger(event.symbol, 0)
        trades = [(parse_ns(trade.timestamp), trade) for trade in event.trades]
        return ledger.traded(trades, event.received)

    def _snapshot(self, event: events.L3Snapshot) -> list[Outcome]:
        symbol = event.symbol
        if event.precision != self._precisions.setdefault(symbol, event.precision):
            self.ledgers.pop(symbol, None)  # numbers of another scale compare with nothing
        self._precisions[symbol] = event.precision
        levels = max(len({order.price for order in side}) for side in (event.bids, event.asks))
        ledger = self._ledger(symbol, next((d for d in DEPTHS if d >= levels), levels))
        text, at = event.timestamp, event.exchange_time or 0
        bids, asks = (_rows(orders, text, at) for orders in (event.bids, event.asks))
        return ledger.snapshot(bids, asks, at, event.received)

    def _ledger(self, symbol: str, guess: int) -> Ledger:
        """Return a symbol's ledger; make it if there is none."""
        ledger = self.ledgers.get(symbol)
        if ledger is None:
            depth = self._depth or self._depths.get(symbol) or guess
            hold_ns, slack_ns = self._terms
            ledger = Ledger(symbol, depth, hold_ns=hold_ns, slack_ns=slack_ns)
            self.ledgers[symbol] = ledger
        elif not self._depth:
            ledger.depth = self._depths.get(symbol) or max(ledger.depth, guess)
        return ledger

    def _apply_rare(self, event: Event) -> list[Outcome]:
        match event:
            case events.Subscribed(channel="level3", symbol=str(symbol), depth=int(depth)) if depth:
                self._depths[symbol] = depth
                if symbol in self.ledgers and not self._depth:
                    self.ledgers[symbol].depth = depth  # cut with the next message
            case events.Resync(channel="level3") | events.Unsubscribed(channel="level3"):
                ledger = self.ledgers.get(event.symbol or "")
                return ledger.lose(event.received) if ledger is not None else []
            case events.Connected(connection=name) if name.startswith(LEVEL3):
                self._connections.add(name)
            case events.Reconnecting(connection=name) if name.startswith(LEVEL3):
                # Which symbols a connection carries is not told: of several, each symbol's next
                # snapshot tells by itself that there was a hole.
                if self._connections <= {name}:
                    return self._lose_all(event.received)
            case events.Overflow():
                return self._lose_all(event.received)
        return []

    def _lose_all(self, received: int) -> list[Outcome]:
        return [one for ledger in self.ledgers.values() for one in ledger.lose(received)]


def _rows(changes: tuple[OrderChange, ...], text: str | None, at: int) -> list[Row]:
    """Return the changes with their times as numbers; 0 for a time that cannot be read.

    Args:
        changes: The changes of a side.
        text: The time of their message, which is most orders' own too.
        at: The same as a number.
    """
    try:
        return [
            (
                c.action,
                c.order_id,
                c.price,
                c.qty,
                at if c.timestamp == text else parse_ns(c.timestamp),
            )
            for c in changes
        ]
    except NotATime:
        return [(c.action, c.order_id, c.price, c.qty, c.exchange_time) for c in changes]
