"""Which rows an event becomes, in which table, and how far they can be trusted.

Needs nothing but the events: the recorder uses it live, the converter on the raw log, and
both make the same rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kracked.book.keeper import BookKeeper
from kracked.protocol import events
from kracked.protocol.events import Event
from kracked.record import keyframe, rows
from kracked.record.folder import Subject
from kracked.record.keyframe import Book
from kracked.tables import (
    ASSETS,
    BALANCES,
    BOOK,
    CANDLES,
    EXECUTIONS,
    ORDERS,
    PAIRS,
    TICKER,
    TRADES,
    Flag,
    wide,
)

Rows = Callable[[Any, int, int], str]

_TABLES: Mapping[type[Event], tuple[str, str, Rows]] = {
    events.OrdersUpdate: (ORDERS.name, "level3", rows.orders),
    events.OrdersSnapshot: (ORDERS.name, "level3", rows.orders),
    events.BookUpdate: (BOOK.name, "book", rows.book),
    events.BookSnapshot: (BOOK.name, "book", rows.book),
    events.Ticker: (TICKER.name, "ticker", rows.ticker),
    events.Trades: (TRADES.name, "trade", rows.trades),
    events.Candles: (CANDLES.name, "ohlc", rows.candles),
    events.Executions: (EXECUTIONS.name, "executions", rows.executions),
    events.Balances: (BALANCES.name, "balances", rows.balances),
}
_SUSPECT = int(Flag.SUSPECT)
_UPDATES = (events.OrdersUpdate, events.BookUpdate)


class TableRows:
    """Gathers rows by table until they are taken; `stopped` keeps the market's out."""

    def __init__(self, symbols: Mapping[str, Subject]) -> None:
        self.symbols = dict(symbols)
        """What is known of each symbol recorded: goes into `session.json`."""
        self.news = False
        """Whether `symbols` says more than it did; whoever writes it down sets it back."""
        self.count = 0
        """Rows made so far."""
        self.size = 0
        """Characters gathered and not taken yet."""
        self.stopped = False
        # Its own L2 books: the feed's may be ahead of the event whose row is made.
        self.keeper = BookKeeper()
        self._lines: defaultdict[str, list[str]] = defaultdict(list)
        self._suspect: set[tuple[str, str]] = set()
        self._seen: set[tuple[str, str]] = set()
        self._wide_checksums: dict[str, int] = {}

    def event(self, event: Event, seq: int) -> None:
        """Make the rows of an event that came in the message of this number."""
        table = _TABLES.get(type(event))
        if table is not None:
            self._market(event, seq, *table)
        elif isinstance(event, events.Instruments):
            now = event.received
            self.add(PAIRS.name, "".join(rows.pair(pair, now) for pair in event.pairs))
            self.add(ASSETS.name, "".join(rows.asset(asset, now) for asset in event.assets))
        elif isinstance(event, events.Subscribed):
            self._subscribed(event)

    def begin(self, book: Book, now: int, seq: int) -> None:
        """Rows of the whole book, if its rows began without a snapshot or lost some."""
        key = (book.symbol, book.tally.channel)
        if key not in self._seen or key in self._suspect:
            self._subscribed(events.Subscribed(now, key[1], book.symbol, book.depth))
            self.event(keyframe.picture(book, now), seq)

    def add(self, table: str, text: str) -> None:
        """Gather whole lines of a table."""
        if text:
            self._lines[table].append(text)
            self.count += text.count("\n")
            self.size += len(text)

    def take(self) -> Mapping[str, list[str]]:
        """All that was gathered, by table: texts of one or more lines."""
        taken, self._lines, self.size = self._lines, defaultdict(list), 0
        return taken

    def doubt(self, channel: str, symbols: Sequence[str]) -> None:
        """Messages of these are missing: their rows are suspect until the next snapshot."""
        self._suspect.update((symbol, channel) for symbol in symbols)

    def doubt_all(self) -> None:
        self._suspect |= self._seen

    def _market(self, event: Event, seq: int, table: str, channel: str, make: Rows) -> None:
        if self.stopped:
            return
        key = (getattr(event, "symbol", ""), channel)
        if key not in self._seen:
            # A recording that joins a running feed has no snapshot to begin with.
            self._seen.add(key)
            self._suspect.add(key)
            if isinstance(event, events.MarketEvent):
                self._learn_precision(event)
        if not isinstance(event, _UPDATES):
            self._suspect.discard(key)
        self.add(table, make(event, seq, _SUSPECT if key in self._suspect else 0))
        if isinstance(event, events.BookUpdate | events.BookSnapshot):
            self._wide(event, seq)

    def _wide(self, event: events.BookUpdate | events.BookSnapshot, seq: int) -> None:
        """The best ten as one row, when they changed: the checksum covers just these."""
        self.keeper.apply(event)
        book = self.keeper.books.get(event.symbol)
        if book is None or not book.verified:
            return
        if self._wide_checksums.get(event.symbol) != event.checksum:
            self._wide_checksums[event.symbol] = event.checksum
            self.add(wide(event.symbol).name, rows.wide(book, event.received, seq))

    def _subscribed(self, event: events.Subscribed) -> None:
        self.keeper.apply(event)
        if event.symbol and event.depth and event.channel in ("book", "level3"):
            subject = self.symbols.setdefault(event.symbol, Subject())
            if getattr(subject, event.channel) != event.depth:
                setattr(subject, event.channel, event.depth)
                self.news = True

    def _learn_precision(self, event: events.MarketEvent) -> None:
        subject = self.symbols.setdefault(event.symbol, Subject())
        price, qty = event.precision.price, event.precision.qty
        if (subject.price_precision, subject.qty_precision) != (price, qty):
            subject.price_precision, subject.qty_precision = price, qty
            self.news = True
