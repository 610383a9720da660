"""Events to rows of tables, with flags that say how far each row can be trusted.

It needs nothing but the events, so the recorder uses it live, the converter on the raw log,
and both make the same rows. It learns depths and decimals on the way, for `session.json`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
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
from kracked.record.write.books.native_rows import NativeOrderScope, NativeWideBook
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
_BookEvents = events.L3Update | events.L3Snapshot | events.BookUpdate | events.BookSnapshot
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
        self._blocks: Any = native_rows.blocks(self._engine)
        self._books: dict[str, WideBook | NativeWideBook] = {}
        self._scopes: dict[str, OrderScope | NativeOrderScope] = {}
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
        if not self.add_market_events([event], [seq]):
            self._add_other_event(event, seq)

    def add_market_events(self, decoded: list[Event], seqs: Sequence[int], at: int = 0) -> int:
        """Add the rows of events from the one `at` on, while they are market data.

        Args:
            decoded: The events.
            seqs: The number of each one's message.
            at: Where to begin.

        Returns:
            Where the first event is that is no market data, else how many there are.
        """
        blocks, end = self._blocks, len(decoded)
        if blocks is None:
            return self._add_each(decoded, seqs, at, end)
        while at < end:
            if not (self.bad_clock or self.stopped):
                at, made, size = blocks.add(decoded, at, seqs)
                self.count, self.size = self.count + made, self.size + size
            stop = at + 1
            while stop < end and type(decoded[stop]) not in _UPDATES:
                stop += 1
            if at == end or (at := self._add_each(decoded, seqs, at, stop)) < stop:
                break
        return at

    def _add_each(self, decoded: list[Event], seqs: Sequence[int], at: int, end: int) -> int:
        """Add the rows of events one by one; return where one is that is no market data."""
        suspect_flags, gathered, size, count = self._suspect_flags, self._texts, 0, 0
        bad_clock, stopped = self.bad_clock, self.stopped
        for event, seq in zip(decoded[at:end], seqs[at:end], strict=True):
            destination = _DESTINATIONS.get(type(event))
            if destination is None:
                break
            at += 1
            if stopped:
                continue
            table, channel, make, rows_of, snapshot = destination
            flags = suspect_flags[channel].get(event.symbol)  # type: ignore[attr-defined]
            if flags != 0 or snapshot:
                if not is_plain_name(event.symbol):  # type: ignore[attr-defined]
                    continue  # a faulty exchange sent it; the raw log has it
                flags = self._flags(event, channel, seq)  # type: ignore[arg-type]
            if table is _BOOK or table is _ORDERS:
                text, made = self._book_rows(event, seq, flags, destination)  # type: ignore[arg-type]
            else:
                text, made = make(event, seq, flags | bad_clock), rows_of(event)
            gathered[table].append(text)
            count += made
            size += text.size if isinstance(text, LazyText) else len(text)
        self.size, self.count = self.size + size, self.count + count
        return at

    def _book_rows(
        self, event: _BookEvents, seq: int, flags: int, destination: _Destination
    ) -> tuple[Text, int]:
        """Return the rows of a book's event and how many there are; add its wide row."""
        marks, symbol, level3 = flags | self.bad_clock, event.symbol, destination.table is _ORDERS
        if self._blocks is not None:
            self._take_blocks()
        held: Any = (self._scopes if level3 else self._books).get(symbol)
        text: Text
        if not level3:
            held = held or self._book(symbol)
            text, row, made = held.rows(event, seq, marks)
            if row:
                self._texts[held.table].append(row)
                self.size += len(row)
        else:
            if held is None or flags or destination.snapshot:
                held = self._scope_of(event, flags)  # type: ignore[arg-type]
            if destination.snapshot:
                text, made = destination.make(event, seq, marks), destination.rows(event) + 1
            else:
                text, made = held.rows(event, seq, marks)
        if self._blocks is not None:
            self._watch(symbol, level3, None if flags else held.compiled)
        return text, made

    def _watch(self, symbol: str, level3: bool, rows_in_c: Any | None) -> None:
        """Have the rows of a book's next updates made in blocks, or by Python without any."""
        if rows_in_c is None:
            self._blocks.forget(symbol, level3)
        else:
            self._blocks.watch(symbol, rows_in_c)

    def _take_blocks(self) -> None:
        """Gather what was made in blocks: what comes next follows it."""
        book, orders, wide = self._blocks.take()
        for table, text in ((_BOOK, book), (_ORDERS, orders)):
            if text:
                self._texts[table].append(text)
        for symbol, text in wide:
            self._texts[self._books[symbol].table].append(text)

    def _scope(self, symbol: str) -> OrderScope | NativeOrderScope:
        if (scope := self._scopes.get(symbol)) is None:
            engine = self._engine
            scope = OrderScope() if engine is None else NativeOrderScope(engine)
            self._scopes[symbol] = scope
            known = self.symbols.get(symbol)
            scope.depth = (known.level3 if known else None) or 0
        return scope

    def _scope_of(self, event: events.L3Event, flags: int) -> OrderScope | NativeOrderScope:
        """Return what is kept of a level 3 book; a snapshot, or a hole before it, is applied."""
        scope = self._scope(event.symbol)
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
        if self._blocks is not None:
            self._take_blocks()
        taken = dict(self._texts)
        self._texts, self.size = defaultdict(list), 0
        return taken

    def mark_suspect(self, channel: str, symbols: Iterable[str]) -> None:
        """Flag the rows of these symbols until the next snapshot: messages are missing."""
        known = self._suspect_flags[channel]
        marked = [symbol for symbol in symbols if symbol in known]
        known.update(dict.fromkeys(marked, _SUSPECT))
        if self._blocks is not None and channel in ("book", "level3"):
            for symbol in marked:
                self._blocks.forget(symbol, channel == "level3")

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
            self._scope(event.symbol).depth = event.depth
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
