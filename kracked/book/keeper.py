"""Keeps every book of a stream of messages, and reports when one can no longer be trusted.

This is the whole path of a message (decode, apply, cut, verify) without a socket or a clock.
A book that fails its checksum is never marked as verified again before a fresh snapshot has
proven it. That the caller should request one is reported exactly once, as a `Resync`.

Source: docs.kraken.com/api/docs/guides/spot-ws-book-v2, .../spot-ws-l3-v2
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kracked import _native
from kracked.book import l2, l3
from kracked.book.l2 import L2Book
from kracked.book.l3 import L3Book
from kracked.book.native import NativeL2Book, NativeL3Book
from kracked.book.stats import BookStats
from kracked.instruments import Precision
from kracked.protocol import events
from kracked.protocol.codec import Codec
from kracked.protocol.events import Event

BOOK, LEVEL3 = "book", "level3"
NO_EVENTS: tuple[Event, ...] = ()


class BookKeeper:
    """Owner of the books; changes them by `receive` or `apply` and by nothing else.

    A book whose `verified` is False waits for a snapshot and ignores updates until it comes.

    Args:
        precisions: Decimals of symbols that no instrument message will state.
        depth: Depth of every book; overrules what the stream states.
        depths: Depth by symbol; overrules `depth`.
        codec: A codec to share, in place of one with `precisions`.

    Attributes:
        l2: Level 2 books by symbol.
        l3: Level 3 books by symbol.
        codec: Decodes the messages, and knows the precisions.

    Raises:
        ConfigError: `KRACKED_ENGINE` asks for an engine that there is not.
    """

    def __init__(
        self,
        *,
        precisions: Mapping[str, Precision] | None = None,
        depth: int | None = None,
        depths: Mapping[str, int] | None = None,
        codec: Codec | None = None,
    ) -> None:
        self.codec = codec or Codec(dict(precisions or {}))
        self.l2: dict[str, L2Book] = {}
        self.l3: dict[str, L3Book] = {}
        self._stats: dict[tuple[str, str], BookStats] = {}
        self._stated_depth = depth
        self._stated_depths = dict(depths or {})
        self._depths: dict[tuple[str, str], int] = {}
        """Acknowledged depths, by symbol and channel."""
        self._connection = 0
        self._start_engine()

    def _start_engine(self) -> None:
        self._native = _native.load()
        self._watched: dict[tuple[str, str], NativeL2Book | NativeL3Book] = {}
        """The books that the compiled reader changes, by symbol and channel."""
        self._reader: Any = None
        if self._native is not None:
            self._native.use_actions(*events.OrderAction, events.OrderChange)
            kinds = events.BookUpdate, events.L3Update, events.OrderChange
            # For what it does not understand the reader calls the method that it replaces.
            self._reader = self._native.Reader(*kinds, self.receive, self._refuted)
            self.receive = self._reader.receive  # type: ignore[method-assign]
            self.codec.on_change(self._leave)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the compiled reader out of a pickle: books come back as Python's."""
        kept = {**vars(self), "_stats": dict(self.stats)}
        for name in ("_native", "_reader", "_watched", "receive"):
            kept.pop(name, None)
        return kept

    def __setstate__(self, kept: dict[str, Any]) -> None:
        """Start a reader of its own."""
        vars(self).update(kept)
        self._start_engine()

    @property
    def engine(self) -> str:
        """`native` when the compiled books are used, else `python`; the answers are the same."""
        return "python" if self._native is None else "native"

    @property
    def stats(self) -> dict[tuple[str, str], BookStats]:
        """Counts of messages by symbol and channel (`book` or `level3`), as they are now.

        Read them anew each time: what was read before does not count on.
        """
        for book in self._watched.values():
            book.stats  # noqa: B018 (counts what the reader applied)
        return self._stats

    def receive(self, raw: bytes, received: int = 0) -> list[Event]:
        """Decode one message and apply its events. Raises nothing for what the exchange sends.

        Args:
            raw: The message as it came.
            received: When it came, ns since the Unix epoch.

        Returns:
            The events of the message; then a `Resync` when a book has just become
            untrustworthy, and a `Verified` when a snapshot has proven it.
        """
        happened = self.codec.decode(raw, received)
        for event in tuple(happened):
            if consequences := self.apply(event):
                happened.extend(consequences)
        return happened

    def run(self, block: bytes, start: int = 0) -> tuple[int, int, list[Event]]:
        """Apply the updates at the start of a block of lines; make no events of them.

        It stops before the first line that is no update of a verified book or is not
        understood, and after one that refutes its book. The Python engine takes no line.

        Args:
            block: Messages, one a line, bare or as a raw log has them.
            start: Offset of the first line to take.

        Returns:
            The offset of the first line that was not taken, the lines taken, and the last
            update with its `Resync` when it refuted its book.
        """
        if self._reader is None:
            return start, 0, []
        stopped, lines, symbol, level3 = self._reader.run(block, start)
        if symbol is None:
            return stopped, lines, []
        books: Mapping[str, L2Book | L3Book] = self.l3 if level3 else self.l2
        return stopped, lines, self._refuted(books[symbol].last)  # type: ignore[arg-type]

    def apply(self, event: Event) -> tuple[Event, ...]:
        """Apply one decoded event; return what followed from it, usually nothing."""
        kind = type(event)
        book: L2Book | L3Book | None
        if kind is events.BookUpdate:
            book = self.l2.get(event.symbol)  # type: ignore[attr-defined]
        elif kind is events.L3Update:
            book = self.l3.get(event.symbol)  # type: ignore[attr-defined]
        else:
            return self._apply_rare(event)
        if book is None or not book.verified or event.precision is not book.precision:  # type: ignore[attr-defined]
            return self._update_without_book(event, book)  # type: ignore[arg-type]
        try:
            verified = book.apply(event)  # type: ignore[arg-type]
        except OverflowError:
            book = self._python_book(book)
            verified = book.apply(event)  # type: ignore[arg-type]
        if verified:
            book.stats.verified += 1
            if self._reader is not None:
                self._watch(book)
            return NO_EVENTS
        book.stats.mismatched += 1
        return (self._resync(book),)

    def _apply_rare(self, event: Event) -> tuple[Event, ...]:
        match event:
            case events.BookSnapshot() | events.L3Snapshot():
                return self._snapshot(event)
            case events.Status(connection_id=connection) if connection != self._connection:
                # Acknowledgements die with their connection; a log may hold several.
                self._connection = connection
                self._depths.clear()
            case events.Subscribed(channel=channel, symbol=str(symbol), depth=int(depth)) if (
                depth > 0  # with depth 0 an empty book would pass for proven
            ):
                self.expect(symbol, channel, depth)
            case events.Unsubscribed(channel=channel, symbol=str(symbol)):
                self.distrust(symbol, channel)
            case events.Instruments():
                return self._on_instruments(event)
            case events.Malformed():
                return self._on_malformed(event)
        return NO_EVENTS

    # --- updates ------------------------------------------------------------------

    def _update_without_book(
        self, event: events.BookUpdate | events.L3Update, book: L2Book | L3Book | None
    ) -> tuple[Event, ...]:
        """Handle an update without a trusted book, or with another precision than the book."""
        channel = BOOK if isinstance(event, events.BookUpdate) else LEVEL3
        if book is None or not book.verified:
            self._stats_of(event.symbol, channel).ignored += 1
            return NO_EVENTS
        now, was = event.precision, book.precision
        if now.price >= was.price and now.qty >= was.qty:  # read off the digits: it can only grow
            self._leave(event.symbol)
            try:
                book.rescale(now)
            except OverflowError:
                self._python_book(book).rescale(now)
            return self.apply(event)
        book.stats.ignored += 1
        return self.doubt(event.symbol, channel, "precision", event.received)

    # --- snapshots ------------------------------------------------------------------

    def _snapshot(self, event: events.BookSnapshot | events.L3Snapshot) -> tuple[Event, ...]:
        symbol = event.symbol
        offered: tuple[int, ...]
        if isinstance(event, events.BookSnapshot):
            channel, offered = BOOK, l2.DEPTHS
            levels = max(len(event.bids), len(event.asks))
        else:
            channel, offered = LEVEL3, l3.DEPTHS
            sides = (event.bids, event.asks)
            levels = max(len({order.price for order in side}) for side in sides)
        depth, known = self._depth(symbol, channel, levels, offered)
        stats = self._stats_of(symbol, channel)
        stats.depth = depth
        stats.snapshots += 1
        if depth > offered[-1] and not known:
            stats.mismatched += 1
            self.distrust(symbol, channel)
            detail = f"{levels} levels a side, and at most {offered[-1]} are offered"
            return (events.Resync(event.received, symbol, channel, "impossible", detail),)
        self._leave(symbol)
        books: dict[str, L2Book | L3Book] = self.l2 if channel == BOOK else self.l3  # type: ignore[assignment]
        book = books.get(symbol)
        if book is None:
            if self._native is None:
                book = (L2Book if channel == BOOK else L3Book)(symbol, event.precision, depth)
            else:
                kind = NativeL2Book if channel == BOOK else NativeL3Book
                book = kind(self._native, symbol, event.precision, depth)
            books[symbol] = book
        book.depth, book.precision = depth, event.precision
        book.set_limit(depth if known else 0)
        book.stats = stats
        try:
            verified = book.apply(event)  # type: ignore[arg-type]
        except OverflowError:
            book = self._python_book(book)
            verified = book.apply(event)  # type: ignore[arg-type]
        if verified:
            stats.verified += 1
            return (events.Verified(event.received, symbol, channel),)
        stats.mismatched += 1
        return (self._resync(book),)

    def _depth(
        self, symbol: str, channel: str, levels: int, offered: tuple[int, ...]
    ) -> tuple[int, bool]:
        """Return the depth of a snapshot, and whether it is known or only a guess.

        The depth is the caller's, else the acknowledged one, else the smallest depth on offer
        that holds the snapshot.
        """
        stated = self._stated_depths.get(symbol) or self._stated_depth
        if stated:
            return stated, True
        acknowledged = self._depths.get((symbol, channel), 0)
        if acknowledged >= levels > 0 or (acknowledged and not levels):
            return acknowledged, True
        return next((depth for depth in offered if depth >= levels), levels), False

    def expect(self, symbol: str, channel: str, depth: int) -> None:
        """Set the depth that was requested or acknowledged; cut a snapshot that came before.

        Args:
            symbol: The pair.
            channel: `book` or `level3`.
            depth: Price levels a side.
        """
        self._depths[symbol, channel] = depth
        books: Mapping[str, L2Book | L3Book] = self.l2 if channel == BOOK else self.l3
        book = books.get(symbol)
        stated = self._stated_depth or self._stated_depths.get(symbol)
        if book is not None and not stated:
            book.set_depth(depth)
            book.stats.depth = depth

    # --- doubt ----------------------------------------------------------------------

    def doubt(
        self, symbol: str, channel: str, reason: str, received: int, detail: str = ""
    ) -> tuple[Event, ...]:
        """Stop trusting one book; return a `Resync`, or nothing when it was not trusted."""
        if not self.distrust(symbol, channel):
            return NO_EVENTS
        return (events.Resync(received, symbol, channel, reason, detail),)

    def distrust(self, symbol: str, channel: str) -> bool:
        """Stop trusting one book without a `Resync`; return whether it had been trusted."""
        books: Mapping[str, L2Book | L3Book] = self.l2 if channel == BOOK else self.l3
        book = books.get(symbol)
        if book is None or not book.verified:
            return False
        book.verified = False
        return True

    def forget(self, symbol: str, channel: str) -> None:
        """Drop one book and what is known of its subscription."""
        self._leave(symbol)
        (self.l2 if channel == BOOK else self.l3).pop(symbol, None)
        self._depths.pop((symbol, channel), None)

    # --- the compiled books -----------------------------------------------------------

    def _watch(self, book: L2Book | L3Book) -> None:
        """Let the reader change a book, when its precision is the one that the codec reads with."""
        if not isinstance(book, NativeL2Book | NativeL3Book):
            return
        precision = book.precision
        self._watched[book.symbol, book.stats.channel] = book
        self._reader.watch(book.symbol, book.core, precision, precision.price, precision.qty)

    def _leave(self, symbol: str) -> None:
        """Leave the books of a symbol to the codec, until an update has been verified again."""
        for channel in (BOOK, LEVEL3):
            book = self._watched.pop((symbol, channel), None)
            if book is not None:
                book.stats  # noqa: B018 (counts what the reader applied)
                self._reader.forget(symbol, channel == LEVEL3)

    def _refuted(self, event: events.BookUpdate | events.L3Update) -> list[Event]:
        """Count an update that the reader applied and that did not prove its book."""
        books: Mapping[str, L2Book | L3Book] = (
            self.l2 if type(event) is events.BookUpdate else self.l3
        )
        book = books[event.symbol]
        book.stats.mismatched += 1
        return [event, self._resync(book)]

    def _python_book(self, book: L2Book | L3Book) -> L2Book | L3Book:
        """Take a Python book in place of one that cannot hold numbers as large as those that came.

        Whoever still holds the compiled one sees it as not verified.
        """
        self._leave(book.symbol)
        twin: L2Book | L3Book = book.python_twin()  # type: ignore[union-attr]
        book.verified = False
        if isinstance(twin, L2Book):
            self.l2[book.symbol] = twin
        else:
            self.l3[book.symbol] = twin
        return twin

    def _resync(self, book: L2Book | L3Book) -> events.Resync:
        reason, detail = "impossible", book.contradiction
        if not detail:
            reason, detail = "checksum", f"stated {book.checksum}, computed {book.computed}"
        return events.Resync(book.received, book.symbol, book.stats.channel, reason, detail)

    def _on_instruments(self, event: events.Instruments) -> tuple[Event, ...]:
        """Stop trusting the books whose instruments have other decimals now."""
        resyncs: list[Event] = []
        for instrument in event.pairs:
            for channel, books in ((BOOK, self.l2), (LEVEL3, self.l3)):
                book: L2Book | L3Book | None = books.get(instrument.symbol)
                if book is not None and book.precision != instrument.precision:
                    resyncs += self.doubt(instrument.symbol, channel, "precision", event.received)
        return tuple(resyncs)

    def _on_malformed(self, event: events.Malformed) -> tuple[Event, ...]:
        """Stop trusting the books that an unreadable message may have been about.

        A change below the tenth level is not in the checksum, so waiting for the next
        mismatch would not do.
        """
        if event.symbol and event.channel in (BOOK, LEVEL3):
            self._stats_of(event.symbol, event.channel).unreadable += 1
        channels = (event.channel,) if event.channel else (BOOK, LEVEL3)
        resyncs: list[Event] = []
        for channel in channels:
            if channel not in (BOOK, LEVEL3):
                continue
            books: Mapping[str, L2Book | L3Book] = self.l2 if channel == BOOK else self.l3
            for symbol in (event.symbol,) if event.symbol else tuple(books):
                resyncs += self.doubt(symbol, channel, "impossible", event.received, event.reason)
        return tuple(resyncs)

    def _stats_of(self, symbol: str, channel: str) -> BookStats:
        key = (symbol, channel)
        stats = self._stats.get(key)
        if stats is None:
            stats = self._stats[key] = BookStats(symbol, channel)
        return stats
