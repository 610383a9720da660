"""Which rows an event becomes, in which table, and how far they can be trusted.

Needs nothing but the events: the recorder uses it live, the converter on the raw log, and
both make the same rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from kracked.format.cells import is_plain_name
from kracked.format.keyframe import Snapshot
from kracked.format.lazy_text import LazyText, Text
from kracked.format.symbol_info import SymbolInfo
from kracked.format.tables import (
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
)
from kracked.protocol import events
from kracked.protocol.events import BookEvent, Event, MarketEvent
from kracked.record.raw_index import FOREVER
from kracked.record.write import rows
from kracked.record.write.wide_book import WideBook, WideState

_Make = Callable[[Any, int, int], Text]
_BOOK = BOOK.name


def _changes(event: events.L3Event | BookEvent) -> int:
    return len(event.bids) + len(event.asks)


class _Destination(NamedTuple):
    """Where the rows of a kind of event go, and what makes them."""

    table: str
    channel: str
    make: _Make
    rows: Callable[[Any], int]
    """How many, when they are text; counting line ends would look at each character."""
    snapshot: bool = False
    """Whether it tells a whole book."""


_DESTINATIONS: Mapping[type[Event], _Destination] = {
    events.L3Update: _Destination(ORDERS.name, "level3", rows.orders, _changes),
    events.L3Snapshot: _Destination(ORDERS.name, "level3", rows.orders_snapshot, _changes, True),
    events.BookUpdate: _Destination(_BOOK, "book", rows.book, _changes),
    events.BookSnapshot: _Destination(_BOOK, "book", rows.book_snapshot, _changes, True),
    events.Ticker: _Destination(TICKER.name, "ticker", rows.ticker, lambda _: 1),
    events.Trades: _Destination(TRADES.name, "trade", rows.trades, lambda event: len(event.trades)),
    events.Candles: _Destination(
        CANDLES.name, "ohlc", rows.candles, lambda event: len(event.candles)
    ),
}
MARKET = frozenset(_DESTINATIONS)
"""Kinds of event that become rows of one table, and nothing else."""
_SUSPECT = int(Flag.SUSPECT)
_BOOKS = (events.L3Event, BookEvent)
_UPDATES = (events.L3Update, events.BookUpdate)


class TableRows:
    """Gathers rows by table until they are taken; `stopped` keeps the market's out."""

    def __init__(self, symbols: Mapping[str, SymbolInfo]) -> None:
        self.symbols = dict(symbols)
        """What is known of each symbol recorded: goes into `session.json`."""
        self.info_changed = False
        """Whether `symbols` says more than it did; whoever writes it down sets it back."""
        self.count = 0
        """Rows made so far."""
        self.size = 0
        """About the characters gathered and not taken yet."""
        self.stopped = False
        self.bad_clock = 0
        """The flag of rows whose `ts_recv` is not to be trusted, while that is so."""
        self._books: dict[str, WideBook] = {}
        self._texts: defaultdict[str, list[Text]] = defaultdict(list)
        self._suspect_flags: defaultdict[str, dict[str, int]] = defaultdict(dict)
        """By channel and symbol, of all that had rows: the flag of rows that are suspect, or 0."""
        self._verified_at: dict[tuple[str, str], int] = {}
        """When each book's checksum last matched its snapshot."""
        self._guessed_precisions = {
            symbol
            for symbol, known in symbols.items()
            if (known.book, known.level3) == (None, None)
        }
        """Whose precision was read off digits: a ticker's may be fewer or more than its book's."""

    def add_event(self, event: Event, seq: int) -> None:
        """Make the rows of an event that came in the message of this number."""
        if self.add_market_events(iter([(event, seq)])) is not None:
            self._add_other_event(event, seq)

    def add_market_events(self, numbered: Iterator[tuple[Event, int]]) -> Event | None:
        """Make the rows of events, each with its message's number, while they are of the market.

        The first that is not is returned, and neither it nor what follows it is done.
        """
        suspect_flags, gathered, size, count = self._suspect_flags, self._texts, 0, 0
        other: Event | None = None
        for event, seq in numbered:
            destination = _DESTINATIONS.get(type(event))
            if destination is None:
                other = event
                break
            if self.stopped:
                continue
            table, channel, make, rows_of, snapshot = destination
            flags = suspect_flags[channel].get(event.symbol)  # type: ignore[attr-defined]
            if flags != 0 or snapshot:
                if not is_plain_name(event.symbol):  # type: ignore[attr-defined]
                    continue  # whoever sent that: the raw log has it
                flags = self._flags(event, channel, seq)  # type: ignore[arg-type]
            text = make(event, seq, flags | self.bad_clock)
            gathered[table].append(text)
            if isinstance(text, LazyText):
                size, count = size + text.size, count + text.rows
            else:
                size, count = size + len(text), count + rows_of(event)
            if table is _BOOK:
                self._add_wide_row(event, seq)  # type: ignore[arg-type]
        self.size, self.count = self.size + size, self.count + count
        return other

    def _add_other_event(self, event: Event, seq: int) -> None:
        match event:
            case events.Executions() if not self.stopped:
                self.add_lines(EXECUTIONS.name, rows.executions(event, seq, self.bad_clock))
            case events.Balances() if not self.stopped:
                self.add_lines(BALANCES.name, rows.balances(event, seq, self.bad_clock))
            case events.Instruments():
                self.add_lines(PAIRS.name, rows.pairs(event))
                self.add_lines(ASSETS.name, rows.assets(event))
            case events.Subscribed():
                self._subscribed(event, seq)
            case events.Verified(symbol=symbol, channel=channel, received=now):
                self._verified_at[channel, symbol] = now

    def add_book_if_suspect(self, snapshot: Snapshot, depth: int, seq: int) -> None:
        """Rows of a whole book, if its rows began without a snapshot or lost some."""
        channel, symbol = _DESTINATIONS[type(snapshot)].channel, snapshot.symbol
        if self._suspect_flags[channel].get(symbol, _SUSPECT):
            self._subscribed(events.Subscribed(snapshot.received, channel, symbol, depth), seq)
            self.add_event(snapshot, seq)

    def add_lines(self, table: str, text: Text) -> None:
        """Gather whole lines of a table."""
        if isinstance(text, LazyText):
            size, rows = text.size, text.rows
        else:
            size, rows = len(text), text.count("\n")
        if rows:
            self._texts[table].append(text)
            self.size += size
            self.count += rows

    def take(self) -> dict[str, list[Text]]:
        """All that was gathered, by table."""
        taken = dict(self._texts)
        self._texts, self.size = defaultdict(list), 0
        return taken

    def mark_suspect(self, channel: str, symbols: Iterable[str]) -> None:
        """Messages of these are missing: their rows are suspect until the next snapshot."""
        known = self._suspect_flags[channel]
        known.update((symbol, _SUSPECT) for symbol in symbols if symbol in known)

    def mark_gap(self, gap: events.Gap) -> None:
        """Messages were missing: what nothing has proven since is suspect.

        A gap is told when it has ended, often by the very snapshot that proves the book. One
        that ends before it began is between two clocks, of which no time can be told.
        """
        end = gap.end if gap.start <= gap.end else FOREVER
        for channel, known in self._suspect_flags.items():
            if gap.channel in ("", channel):
                symbols = gap.symbols or tuple(known)
                last = self._verified_at
                self.mark_suspect(channel, [s for s in symbols if last.get((channel, s), 0) < end])

    def mark_all_suspect(self) -> None:
        for channel, known in self._suspect_flags.items():
            self.mark_suspect(channel, tuple(known))

    def _flags(self, event: MarketEvent, channel: str, seq: int) -> int:
        """Of rows of a symbol that is new or in doubt, until there is a snapshot, and of that."""
        known = self._suspect_flags[channel]
        if event.symbol not in known or isinstance(event, _BOOKS):
            self._learn_precision(event, seq)
        # A recording that joins a running feed has no snapshot to begin with.
        known[event.symbol] = _SUSPECT if isinstance(event, _UPDATES) else 0
        return known[event.symbol]

    def _add_wide_row(self, event: BookEvent, seq: int) -> None:
        """The best ten levels as one row, when they changed."""
        book = self._book(event.symbol)
        if book.apply(event) and (row := book.row(seq)):
            self._texts[book.table].append(row)
            self.size, self.count = self.size + len(row), self.count + 1

    def _book(self, symbol: str) -> WideBook:
        if (book := self._books.get(symbol)) is None:
            book = self._books[symbol] = WideBook(symbol)
        return book

    @property
    def has_books(self) -> bool:
        """Whether anything was told of a level 2 book yet."""
        return bool(self._suspect_flags["book"])

    def trusted_books(self) -> list[WideState]:
        """The level 2 books that are beyond doubt, to be read later."""
        suspect = self._suspect_flags["book"]
        books = self._books.items()
        return [book.state() for name, book in books if book.verified and not suspect.get(name)]

    def _subscribed(self, event: events.Subscribed, seq: int) -> None:
        if event.symbol and event.depth and event.channel == "book":
            self._book(event.symbol).acknowledge(event.depth)
        if event.symbol and event.depth and event.channel in ("book", "level3"):
            info = self.symbols.setdefault(event.symbol, SymbolInfo())
            if info.update(seq, **{event.channel: event.depth}):
                self.info_changed = True
        if event.symbol and event.interval and event.channel == "ohlc":
            self._candles(event.symbol, event.interval)

    def add_state_snapshot(self, event: Event, seq: int) -> None:
        """Make the rows of what stood when a recording joined a feed: nobody subscribed to it."""
        self.add_event(event, seq)
        if isinstance(event, events.Candles):
            for interval in {candle.interval for candle in event.candles}:
                self._candles(event.symbol, interval)

    def _candles(self, symbol: str, interval: int) -> None:
        if self.symbols.setdefault(symbol, SymbolInfo()).add_candles(interval):
            self.info_changed = True

    def _learn_precision(self, event: MarketEvent, seq: int) -> None:
        info = self.symbols.setdefault(event.symbol, SymbolInfo())
        if isinstance(event, _BOOKS):
            if event.symbol in self._guessed_precisions:
                self._guessed_precisions.discard(event.symbol)
                info.forget_precision()
        elif info.price_precision is None:
            self._guessed_precisions.add(event.symbol)
        else:
            return
        price, qty = event.precision.price, event.precision.qty
        if info.update(seq, price_precision=price, qty_precision=qty):
            self.info_changed = True
