"""Events to rows of tables, with flags that say how far each row can be trusted.

It needs nothing but the events, so the recorder uses it live, the converter on the raw log,
and both make the same rows. It learns depths and decimals on the way, for `session.json`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from kracked.format.cells import is_plain_name
from kracked.format.keyframe import Snapshot
from kracked.format.lazy_text import LazyText, Text
from kracked.format.session_info import SymbolInfo
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
from kracked.record.write.books import native_rows
from kracked.record.write.books.live_books import WideState
from kracked.record.write.books.native_rows import NativeWideBook
from kracked.record.write.books.order_scope import OrderScope
from kracked.record.write.books.wide_book import WideBook

_Make = Callable[..., Text]
_BOOK, _ORDERS = BOOK.name, ORDERS.name


def _changes(event: events.L3Event | BookEvent) -> int:
    return len(event.bids) + len(event.asks)


class _Destination(NamedTuple):
    """The table for a type of event, and the function that makes its rows."""

    table: str
    channel: str
    make: _Make
    rows: Callable[[Any], int]
    """Counts the rows; counting line ends would look at each character of the text."""
    snapshot: bool = False
    """Whether the event is a whole book."""


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
"""Types of event that become rows of one table, and nothing else."""
CHANNEL_OF = {kind: destination.channel for kind, destination in _DESTINATIONS.items()}
"""The channel of each of these types of event."""
_SUSPECT = int(Flag.SUSPECT)
_BOOKS = (events.L3Event, BookEvent)
_UPDATES = (events.L3Update, events.BookUpdate)


class TableRows:
    """Gathers rows by table until they are taken."""

    def __init__(self, symbols: Mapping[str, SymbolInfo]) -> None:
        """Begin with what is known of each symbol; `session.json` of an earlier recording."""
        self.symbols = dict(symbols)
        """Depths and decimals of each recorded symbol, for `session.json`."""
        self.info_changed = False
        """Whether `symbols` has changed since it was written; the writer of it resets this."""
        self.count = 0
        """Rows made so far."""
        self.size = 0
        """Approximate characters gathered and not taken yet."""
        self.stopped = False
        """Whether rows of the market and the account are left out."""
        self.bad_clock = 0
        """`Flag.BAD_CLOCK` while `ts_recv` cannot be trusted, else 0."""
        self._engine = native_rows.load()
        self._order_rows = native_rows.order_rows(self._engine)
        self._books: dict[str, WideBook | NativeWideBook] = {}
        self._scopes: dict[str, OrderScope] = {}
        self._texts: defaultdict[str, list[Text]] = defaultdict(list)
        self._suspect_flags: defaultdict[str, dict[str, int]] = defaultdict(dict)
        """By channel, then symbol, of all that had rows: `Flag.SUSPECT` for their rows, or 0."""
        self._verified_at: dict[tuple[str, str], int] = {}
        """When the checksum of each book's snapshot last matched, by channel and symbol."""
        self._guessed_precisions = {
            symbol
            for symbol, known in symbols.items()
            if (known.book, known.level3) == (None, None)
        }
        """Symbols whose decimals were counted in a ticker or trade: their book's may differ."""

    def add_event(self, event: Event, seq: int) -> None:
        """Add the rows of an event; `seq` is the number of its message."""
        if self.add_market_events(iter([(event, seq)])) is not None:
            self._add_other_event(event, seq)

    def add_market_events(self, numbered: Iterator[tuple[Event, int]]) -> Event | None:
        """Add the rows of events with their messages' numbers, while they are market data.

        Return the first that is none; neither it nor what follows it is added. None at the end.
        """
        suspect_flags, gathered, size, count = self._suspect_flags, self._texts, 0, 0
        books, scopes, order_rows = self._books, self._scopes, self._order_rows
        bad_clock, stopped = self.bad_clock, self.stopped
        other: Event | None = None
        for event, seq in numbered:
            destination = _DESTINATIONS.get(type(event))
            if destination is None:
                other = event
                break
            if stopped:
                continue
            table, channel, make, rows_of, snapshot = destination
            flags = suspect_flags[channel].get(event.symbol)  # type: ignore[attr-defined]
            if flags != 0 or snapshot:
                if not is_plain_name(event.symbol):  # type: ignore[attr-defined]
                    continue  # a faulty exchange sent it; the raw log has it
                flags = self._flags(event, channel, seq)  # type: ignore[arg-type]
            marks = flags | bad_clock
            if table is _BOOK:
                book = books.get(event.symbol) or self._book(event.symbol)  # type: ignore[attr-defined]
                text, row, made = book.rows(event, seq, marks)  # type: ignore[arg-type]
                if row:
                    gathered[book.table].append(row)
                    size += len(row)
            elif table is _ORDERS:
                scope = scopes.get(event.symbol)  # type: ignore[attr-defined]
                if scope is None or flags or snapshot:
                    scope = self._scope_of(event, flags)  # type: ignore[arg-type]
                cut = () if snapshot else scope.apply(event) or ()  # type: ignore[arg-type]
                text = make(event, seq, marks) if snapshot else order_rows(event, seq, marks, cut)  # type: ignore[arg-type]
                made = rows_of(event) + snapshot + len(cut)
            else:
                text, made = make(event, seq, marks), rows_of(event)
            gathered[table].append(text)
            count += made
            size += text.size if isinstance(text, LazyText) else len(text)
        self.size, self.count = self.size + size, self.count + count
        return other

    def _scope_of(self, event: events.L3Event, flags: int) -> OrderScope:
        """Return what is kept of a level 3 book; a snapshot, or a hole before it, is applied."""
        scope = self._scopes.get(event.symbol)
        if scope is None:
            scope = self._scopes[event.symbol] = OrderScope()
            known = self.symbols.get(event.symbol)
            scope.depth = (known.level3 if known else None) or 0
        if flags:
            scope.forget()
        elif isinstance(event, events.L3Snapshot):
            scope.replace(event)
        return scope

    def _add_other_event(self, event: Event, seq: int) -> None:
        match event:
            case events.Executions() if not self.stopped:
                self.add_lines(EXECUTIONS.name, rows.executions(event, seq, self.bad_clock))
            case events.HealedTrades() if not self.stopped:
                self.add_lines(TRADES.name, rows.healed_trades(event, seq, self.bad_clock))
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
        """Add the rows of a whole book, if its rows began without a snapshot or lost some."""
        channel, symbol = _DESTINATIONS[type(snapshot)].channel, snapshot.symbol
        if self._suspect_flags[channel].get(symbol, _SUSPECT):
            self._subscribed(events.Subscribed(snapshot.received, channel, symbol, depth), seq)
            self.add_event(snapshot, seq)

    def add_lines(self, table: str, text: Text) -> None:
        """Add whole lines to a table."""
        if isinstance(text, LazyText):
            size, rows = text.size, text.rows
        else:
            size, rows = len(text), text.count("\n")
        if rows:
            self._texts[table].append(text)
            self.size += size
            self.count += rows

    def take(self) -> dict[str, list[Text]]:
        """Return all rows gathered, by table, and forget them."""
        taken = dict(self._texts)
        self._texts, self.size = defaultdict(list), 0
        return taken

    def mark_suspect(self, channel: str, symbols: Iterable[str]) -> None:
        """Flag the rows of these symbols until the next snapshot: messages are missing."""
        known = self._suspect_flags[channel]
        known.update((symbol, _SUSPECT) for symbol in symbols if symbol in known)

    def mark_gap(self, gap: events.Gap) -> None:
        """Flag the rows of a gap's symbols, except those that a snapshot has verified since.

        A gap is published when it has ended, often by the very snapshot that verifies the
        book. Where one ends before it began the clock was set back: its times prove nothing,
        so all its symbols are flagged.
        """
        end = gap.end if gap.start <= gap.end else FOREVER
        for channel, known in self._suspect_flags.items():
            if gap.channel in ("", channel):
                symbols = gap.symbols or tuple(known)
                last = self._verified_at
                self.mark_suspect(channel, [s for s in symbols if last.get((channel, s), 0) < end])

    def mark_all_suspect(self) -> None:
        """Flag the rows of every symbol until its next snapshot."""
        for channel, known in self._suspect_flags.items():
            self.mark_suspect(channel, tuple(known))

    def _flags(self, event: MarketEvent, channel: str, seq: int) -> int:
        """Return the flags for rows of a new or suspect symbol, or of its snapshot."""
        known = self._suspect_flags[channel]
        if event.symbol not in known or isinstance(event, _BOOKS):
            self._learn_precision(event, seq)
        # A recording that joins a running feed has no snapshot to begin with.
        known[event.symbol] = _SUSPECT if isinstance(event, _UPDATES) else 0
        return known[event.symbol]

    def _book(self, symbol: str) -> WideBook | NativeWideBook:
        if (book := self._books.get(symbol)) is None:
            engine = self._engine
            book = WideBook(symbol) if engine is None else NativeWideBook(engine, symbol)
            self._books[symbol] = book
        return book

    def channels(self) -> dict[str, tuple[str, ...]]:
        """Return the symbols of each channel that have had rows."""
        return {channel: tuple(symbols) for channel, symbols in self._suspect_flags.items()}

    @property
    def has_books(self) -> bool:
        """Whether a level 2 message has come yet."""
        return bool(self._suspect_flags["book"])

    def trusted_books(self) -> list[WideState]:
        """Return the level 2 books that are verified and not suspect, to be read later."""
        suspect = self._suspect_flags["book"]
        books = self._books.items()
        return [book.state() for name, book in books if book.verified and not suspect.get(name)]

    def _subscribed(self, event: events.Subscribed, seq: int) -> None:
        if event.symbol and event.depth and event.channel == "book":
            self._book(event.symbol).acknowledge(event.depth)
        if event.symbol and event.depth and event.channel == "level3":
            self._scopes.setdefault(event.symbol, OrderScope()).depth = event.depth
        if event.symbol and event.depth and event.channel in ("book", "level3"):
            info = self.symbols.setdefault(event.symbol, SymbolInfo())
            if info.update(seq, **{event.channel: event.depth}):
                self.info_changed = True
        if event.symbol and event.interval and event.channel == "ohlc":
            self._candles(event.symbol, event.interval)

    def add_state_snapshot(self, event: Event, seq: int) -> None:
        """Add the rows of a state snapshot, which no acknowledged subscription brought."""
        self.add_event(event, seq)
        if isinstance(event, events.Candles):
            for interval in {candle.interval for candle in event.candles}:
                self._candles(event.symbol, interval)

    def _candles(self, symbol: str, interval: int) -> None:
        if self.symbols.setdefault(symbol, SymbolInfo()).add_candles(interval):
            self.info_changed = True

    def _learn_precision(self, event: MarketEvent, seq: int) -> None:
        """Note the decimals of a symbol; those of a book replace a guess."""
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
