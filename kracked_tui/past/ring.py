"""The last minutes of everything that a feed received, in bounded memory. Pure: no clock, no I/O.

Messages are kept as the lines of a raw log, compressed. A segment begins with a keyframe of
every book, so that any position is a keyframe and some thousand messages away. The events that
are not about books are kept as they came: with the state before the oldest segment they make
the state at any position.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
import zstandard

from kracked.book.l3 import L3Book
from kracked.format import keyframe, line
from kracked.format.frame import Frame, FrameKind
from kracked.format.keyframe import Book
from kracked.format.line import Message
from kracked.instruments import Precision
from kracked.protocol import events
from kracked.protocol.events import Event
from kracked.times import NS_PER_S

CHUNK_LINES = 256
"""Messages at which a chunk is compressed: it takes a quarter of a millisecond."""
_CHUNK_NS = NS_PER_S
"""Time after which one is compressed all the same: the past ends so long before the present."""
_SEGMENT_MESSAGES, _SEGMENT_NS = 2_000, 60 * NS_PER_S
_ROWS_PER_MESSAGE = 2
"""A segment is longer by half a message for each row of its books: larger keyframes are rarer."""
_LEVEL = 3
_EVENT_BYTES = 700
"""Memory of an event that is not about a book: measured, a trade with its texts."""
_CHUNK_BYTES = 250
"""Memory of a chunk besides its body."""
_ABOUT_BOOKS = frozenset(
    (events.BookUpdate, events.BookSnapshot, events.L3Update, events.L3Snapshot, events.Heartbeat)
)


class KnownBooks(msgspec.Struct):
    """Every book at one moment."""

    verified: list[tuple[events.L3Snapshot | events.BookSnapshot, int]]
    """Each as a snapshot, with its depth."""
    waiting: list[tuple[str, str, int]]
    """Channel, symbol and depth of those that waited for a snapshot."""


_encode, _decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(KnownBooks).decode


class Bound(NamedTuple):
    """The bounds of a ring; messages are kept while both hold."""

    span_ns: int
    size: int
    """Bytes."""


class KeptChunk(NamedTuple):
    """Some lines, compressed."""

    number: int
    """Counts all chunks from 1."""
    frame: Frame
    """Their kind, numbers and times, as a raw log states them."""
    last_seq: int
    """Number of the message of the last line."""
    packed: bytes

    def body(self) -> bytes:
        """Return the lines in one piece."""
        return zstandard.ZstdDecompressor().decompress(self.packed)

    def lines(self) -> list[line.LogLine]:
        """Return the lines, taken apart."""
        return [line.unpack(text) for text in self.body().splitlines()]


class Segment:
    """A keyframe and what came until the next one. It grows at its end, until another begins."""

    def __init__(
        self,
        after_chunk: int,
        seq: int,
        received: int,
        books: bytes,
        precisions: Mapping[str, Precision],
    ) -> None:
        self.after_chunk = after_chunk
        """The number of the last chunk before it."""
        self.precisions = precisions
        """The decimals of each pair at its beginning."""
        self.seq, self.received = seq, received
        """Number and time of the last message before it."""
        self.chunks: list[KeptChunk] = []
        self.others: list[tuple[int, Event]] = []
        """The events that are not about books, each with the number of its message."""
        self.gaps: list[tuple[int, int]] = []
        """Begin and end of each gap told in it, ns."""
        self._books = books
        self._packed = len(books) + _CHUNK_BYTES

    def books(self) -> KnownBooks:
        """Return the books at its beginning."""
        return _decode(zstandard.ZstdDecompressor().decompress(self._books))

    def add(self, chunk: KeptChunk) -> None:
        """Add a chunk at the end."""
        self.chunks.append(chunk)
        self._packed += len(chunk.packed) + _CHUNK_BYTES

    @property
    def last_chunk(self) -> int:
        """The number of its last chunk so far."""
        return self.chunks[-1].number if self.chunks else self.after_chunk

    @property
    def size(self) -> int:
        """The memory that it takes, bytes."""
        return self._packed + _EVENT_BYTES * len(self.others)


class MessageRing:
    """Everything received lately. `take` adds to it, and the oldest segments leave.

    Attributes:
        segments: The segments kept, oldest first. The list is replaced when one leaves, so that
            a reader in another thread may hold on to it.
        messages: Messages that were ever taken.
        lost: Messages that never reached it.
    """

    def __init__(self, bound: Bound, fold: Callable[[Event], object]) -> None:
        """Begin empty.

        Args:
            bound: How much is kept.
            fold: Takes each event that is not about a book when it leaves.
        """
        self.bound = bound
        self.segments: list[Segment] = []
        self.messages = self.lost = 0
        self._fold = fold
        self._precisions: Mapping[str, Precision] = {}
        """Replaced when one changes: segments share it."""
        self._seq = self._chunks = 0
        self._lines: list[bytes] = []
        self._raw = 0
        """Bytes of the lines that are not compressed yet."""
        self._first = (0, 0)
        """Time and number of the first of these lines."""
        self._received = 0
        self._since_keyframe = 0

    @property
    def start(self) -> int:
        """The time of the oldest message that is kept, ns; 0 while there is none."""
        return self.segments[0].received if self.segments else 0

    @property
    def end(self) -> int:
        """The time of the newest message that can be read, ns."""
        for segment in reversed(self.segments):
            if segment.chunks:
                return segment.chunks[-1].frame.last_received
        return self.start

    @property
    def size(self) -> int:
        """The memory that all of it takes, bytes."""
        return sum(segment.size for segment in self.segments) + self._raw

    # --- what arrives ---------------------------------------------------------------------

    def begin(self, state: Iterable[Event], books: Iterable[Book], now: int) -> None:
        """Begin with what is known of a feed: everything besides the books, and the books."""
        for event in state:
            if isinstance(event, events.Instruments):
                self._learn(event)
            self._fold(event)
        self.begin_segment(books, now)

    def take(self, messages: Sequence[Message], happened: Iterable[Event]) -> None:
        """Take messages and their events, each in order of arrival.

        It must have begun.
        """
        segment, first = self.segments[-1], self._seq + 1
        arrived = [received for _, received, _ in messages]
        taken = 0
        for event in happened:
            kind = type(event)
            if kind in _ABOUT_BOOKS:
                continue
            upto = max(taken, bisect_right(arrived, event.received))
            if kind in line.FEED_EVENTS:
                self._append(messages[taken:upto])
                taken = upto
                self._add_feed_event(event)
            elif kind is events.Instruments:
                self._learn(event)  # type: ignore[arg-type]
            segment.others.append((first + upto - 1, event))
        self._append(messages[taken:])
        if messages:
            self.messages += len(messages)
            self._since_keyframe += len(messages)

    def _learn(self, event: events.Instruments) -> None:
        told = {pair.symbol: pair.precision for pair in event.pairs}
        self._precisions = {**self._precisions, **told}

    def skip(self, count: int, now: int) -> None:
        """Leave out the numbers of messages that were lost, and tell the gap."""
        self.close_chunk()
        self.lost += count
        gap = events.Gap(now, "", (), self._received or now, now, "more came than could be kept")
        self._seq += count
        self._add_feed_event(gap)
        self.segments[-1].others.append((self._seq, gap))

    def _append(self, messages: Sequence[Message]) -> None:
        for begin in range(0, len(messages), CHUNK_LINES):
            portion = messages[begin : begin + CHUNK_LINES]
            if not self._lines:
                self._first = (portion[0][1], self._seq + 1)
            self._lines += line.pack_all(portion, self._seq + 1)
            self._raw += sum(len(data) for _, _, data in portion)
            self._seq += len(portion)
            self._received = portion[-1][1]
            if len(self._lines) >= CHUNK_LINES or self._received - self._first[0] >= _CHUNK_NS:
                self.close_chunk()

    def _add_feed_event(self, event: Event) -> None:
        self.close_chunk()
        packed = line.pack_event(self._seq, "", event)  # type: ignore[arg-type]
        self._add_chunk(FrameKind.EVENT, [packed], (event.received, self._seq), event.received)
        if isinstance(event, events.Gap):
            self.segments[-1].gaps.append((event.start, event.end))

    def close_chunk(self) -> None:
        """Compress the newest messages, so that they can be read."""
        if self._lines:
            self._add_chunk(FrameKind.DATA, self._lines, self._first, self._received)
            self._lines, self._raw = [], 0

    def _add_chunk(
        self, kind: FrameKind, lines: list[bytes], first: tuple[int, int], last: int
    ) -> None:
        packed = zstandard.ZstdCompressor(level=_LEVEL).compress(b"".join(lines))
        frame = Frame(kind, len(lines), first[0], last, first[1], offset=0, size=len(packed))
        self._chunks += 1
        self.segments[-1].add(KeptChunk(self._chunks, frame, self._seq, packed))

    # --- segments -------------------------------------------------------------------------

    def needs_segment(self, books: Iterable[Book], now: int) -> bool:
        """Whether a new segment is due."""
        if not self.segments or now - self.segments[-1].received >= _SEGMENT_NS:
            return True
        if self._since_keyframe < _SEGMENT_MESSAGES:
            return False
        rows = sum(
            len(book) if isinstance(book, L3Book) else len(book.bids) + len(book.asks)
            for book in books
        )
        return self._since_keyframe >= _SEGMENT_MESSAGES + rows // _ROWS_PER_MESSAGE

    def begin_segment(self, books: Iterable[Book], now: int) -> None:
        """Begin a segment with these books, which hold every message taken and no more.

        Whatever is beyond the bound then leaves.
        """
        self.close_chunk()
        received = max(now, self._received)
        known = KnownBooks([], [])
        for book in books:
            if book.verified:
                known.verified.append((keyframe.snapshot(book, book.received), book.depth))
            else:
                channel = "level3" if isinstance(book, L3Book) else "book"
                known.waiting.append((channel, book.symbol, book.depth))
        packed = zstandard.ZstdCompressor(level=_LEVEL).compress(_encode(known))
        self._since_keyframe = 0
        begun = Segment(self._chunks, self._seq, received, packed, self._precisions)
        self.segments = [*self.segments, begun]
        self._evict(now)

    def _evict(self, now: int) -> None:
        """Let the oldest segments leave; the newest one stays, whatever its size."""
        kept, size = self.segments, self.size
        leave = 0
        while len(kept) - leave > 1 and (
            size > self.bound.size or now - kept[leave + 1].received > self.bound.span_ns
        ):
            size -= kept[leave].size
            for _, event in kept[leave].others:
                self._fold(event)
            leave += 1
        if leave:
            self.segments = kept[leave:]
