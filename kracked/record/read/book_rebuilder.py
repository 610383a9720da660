"""A recording read in order: its books, kept by the same keeper that kept them live.

Where messages are missing every book is doubted until a snapshot, or a keyframe, proves
it again. A keyframe that meets a trusted book must be equal to it, order by order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

import msgspec

from kracked.book.keeper import BookKeeper
from kracked.book.l2 import L2Book
from kracked.book.l3 import L3Book
from kracked.book.stats import BookStats
from kracked.errors import ProtocolError
from kracked.format import keyframe, line
from kracked.format.frame import Frame, FrameKind
from kracked.format.keyframe import Book
from kracked.format.line import LogLine, decode_event
from kracked.format.session_info import SessionInfo
from kracked.instruments import Precision
from kracked.protocol import events
from kracked.protocol.events import Event
from kracked.record.raw_index import FOREVER
from kracked.record.read import batch_decode
from kracked.record.read.partitions import ALL, Partition

_MARKET = tuple(
    f'{{"channel":"{channel}"'.encode()
    for channel in ("book", "level3", "ticker", "trade", "ohlc", "heartbeat")
)

_LEVEL2 = b'{"channel":"book"'

_CHANNELS = {"public": "book", "level3": "level3"}
"""Whose books each connection brings."""


class Recorded(NamedTuple):
    """One line of the raw log and the kind of frame it came in."""

    kind: FrameKind
    line: LogLine


class Verification(msgspec.Struct, kw_only=True):
    """What reading a recording from end to end proved."""

    messages: int
    lost: int
    """Messages whose numbers are missing."""
    keyframes: int
    keyframes_wrong: int
    """Keyframes that differ from the book rebuilt up to them: always 0."""
    books: list[BookStats]
    mismatches: list[events.Resync] = []
    """Every message that a book's checksum, or the book itself, was against, in order of time."""

    @property
    def proven(self) -> bool:
        """Whether every checksum and every keyframe matched."""
        return not self.keyframes_wrong and not any(book.mismatched for book in self.books)


def merge_verifications(parts: Sequence[Verification]) -> Verification:
    """What several walks proved, each of its share of the books, as one."""
    return Verification(
        messages=parts[0].messages,
        lost=parts[0].lost,
        keyframes=sum(part.keyframes for part in parts),
        keyframes_wrong=sum(part.keyframes_wrong for part in parts),
        books=sorted(
            chain(*(part.books for part in parts)), key=lambda book: (book.symbol, book.channel)
        ),
        mismatches=sorted(chain(*(part.mismatches for part in parts)), key=_by_time),
    )


def _by_time(found: events.Resync) -> tuple[int, str, str]:
    return found.received, found.symbol, found.channel


class BookRebuilder:
    """Takes a recording's lines one by one and keeps the books; of one symbol, or of all."""

    def __init__(
        self,
        info: SessionInfo,
        symbol: str = "",
        *,
        check_keyframes: bool = True,
        partition: Partition = ALL,
    ) -> None:
        """`proving`: compare every keyframe with the book it meets.

        Of books outside `share` nothing is known, or told in the verification.
        """
        self._stated = _precisions(info)
        self.keeper = BookKeeper(precisions=self._stated)
        self._check_keyframes = check_keyframes
        self._partition = partition
        self._symbol = f'"{symbol}"'.encode() if symbol else b""
        self.seq = 0
        """Number of the message taken last, 0 before the first."""
        self._begun = False
        """Whether anything was taken: who begins in the middle misses nothing before it."""
        self.lost = 0
        """Messages found missing so far."""
        self._messages = self._keyframes = self._wrong = 0
        self._mismatches: list[events.Resync] = []
        self._recorded: list[tuple[str, str]] = []
        for name, known in info.symbols.items():
            for channel, depth in (("book", known.book), ("level3", known.level3)):
                self.keeper.apply(events.Subscribed(0, channel, name, depth))
                self._recorded += [(name, channel)] if depth else []

    def apply(self, kind: FrameKind, entry: LogLine) -> list[Event]:
        """Take the next line; what it says and what keeping the books brought about."""
        self._count(kind, max(self.seq, entry.seq))
        if kind is FrameKind.EVENT:
            return [self._apply_feed_event(entry)]
        if kind is FrameKind.KEYFRAME:
            return self._apply_keyframe(entry)
        if kind is FrameKind.STATE:
            entry = entry._replace(data=keyframe.as_snapshot(entry.data))
        if self._symbol and self._symbol not in entry.data and entry.data.startswith(_MARKET):
            return []
        return self._decode(entry)

    def apply_frame(self, found: Frame, body: bytes) -> None:
        """Take a whole frame; nothing is told of what it says."""
        data = found.kind is FrameKind.DATA
        picked = batch_decode.lines_about(body, self._symbol) if data and self._symbol else body
        logged = batch_decode.decode_lines(picked) if data else None
        if logged is None:
            for text in body.splitlines():
                self.apply(found.kind, line.unpack(text))
            return
        self._count(found.kind, found.first_seq, found.lines)
        read, keep, passed = self.keeper.codec.events, self.keeper.apply, batch_decode.WITHOUT_BOOKS
        shared, passed_over = self._partition is not ALL, self._partition.skips
        for number, entry in enumerate(logged):
            message = entry.msg
            if type(message) in passed or (shared and passed_over(message)):
                continue
            try:
                for event in read(message, entry.ts_recv):
                    if consequences := keep(event):
                        self._note_mismatches(consequences)
            except ProtocolError:
                self._decode(line.unpack(picked.splitlines()[number]))

    def _decode(self, entry: LogLine) -> list[Event]:
        happened = self.keeper.codec.decode(entry.data, entry.received)
        for event in tuple(happened):
            if type(event) is events.Status:
                continue  # a connection's greeting, by which the keeper forgets every depth
            consequences = self.keeper.apply(_with_channel(event, entry.connection))
            self._note_mismatches(consequences)
            happened.extend(consequences)
        return happened

    def _note_mismatches(self, consequences: Iterable[Event]) -> None:
        self._mismatches += [
            event
            for event in consequences
            if isinstance(event, events.Resync) and event.reason in ("checksum", "impossible")
        ]

    def _count(self, kind: FrameKind, seq: int, count: int = 1) -> None:
        """Count so many messages from number `seq` on, and those missing before them."""
        if missing := self._missing_before(kind, seq):
            self.lost += missing
            self._distrust_all()
        self.seq, self._begun = seq + count - 1, True
        self._messages += count * (kind is FrameKind.DATA)

    def distrust_before(self, upcoming: Recorded) -> None:
        """Doubt the books if messages are missing before `upcoming`, which is not taken yet.

        Or if it is what tells of a hole.
        """
        kind, entry = upcoming
        if self._missing_before(kind, entry.seq):
            self._distrust_all()
        if kind is FrameKind.EVENT and isinstance(gap := decode_event(entry), events.Gap):
            self._distrust_gap(gap)

    def _missing_before(self, kind: FrameKind, seq: int) -> int:
        """How many messages are missing before this; what is no message bears the last one's."""
        expected = self.seq + (kind is FrameKind.DATA)
        return max(0, seq - expected) if self._begun else 0

    def verification(self) -> Verification:
        return Verification(
            messages=self._messages,
            lost=self.lost,
            keyframes=self._keyframes,
            keyframes_wrong=self._wrong,
            books=[
                tally
                for (symbol, _), tally in sorted(self.keeper.tallies.items())
                if self._partition.includes(symbol)
            ],
            mismatches=sorted(
                (found for found in self._mismatches if self._partition.includes(found.symbol)),
                key=_by_time,
            ),
        )

    def _apply_keyframe(self, entry: LogLine) -> list[Event]:
        """Compare with a trusted book, or put it in the place of one that is not."""
        book = self._trusted_book(entry.data)
        if self._symbol not in entry.data or not (self._check_keyframes or book is None):
            return []
        if not self._partition.includes(keyframe.symbol(entry.data)):
            return []
        self._keyframes += 1
        if book is not None:
            self._wrong += keyframe.encode(book) != entry.data
            return []
        self._recall_precision(entry.data)
        [snapshot, *_] = self.keeper.codec.decode(keyframe.as_snapshot(entry.data), entry.received)
        if not isinstance(snapshot, events.BookSnapshot | events.L3Snapshot):
            self._wrong += 1
            return [snapshot]
        return self._restore(snapshot, entry)

    def _recall_precision(self, message: bytes) -> None:
        """A keyframe has the decimals of its time; those the recording states may be of another."""
        if (precision := keyframe.precision(message)) is not None:
            self.keeper.codec.restate(keyframe.symbol(message), precision)

    def _trusted_book(self, message: bytes) -> Book | None:
        """The book of a keyframe as it is here, if it is trusted."""
        symbol, level2 = keyframe.symbol(message), message.startswith(_LEVEL2)
        books: Mapping[str, Book] = self.keeper.l2 if level2 else self.keeper.l3
        book = books.get(symbol)
        return book if book is not None and book.verified else None

    def _restore(
        self, snapshot: events.BookSnapshot | events.L3Snapshot, entry: LogLine
    ) -> list[Event]:
        happened = self.place_book(snapshot, keyframe.depth(entry.data))
        book = self._book(snapshot)
        self._wrong += book is None or not book.verified
        return [snapshot, *happened]

    def place_book(
        self, snapshot: events.BookSnapshot | events.L3Snapshot, depth: int
    ) -> tuple[Event, ...]:
        """Put a book of our own making in place; the exchange's messages alone are counted."""
        channel = "book" if isinstance(snapshot, events.BookSnapshot) else "level3"
        self.keeper.apply(events.Subscribed(snapshot.received, channel, snapshot.symbol, depth))
        happened = self.keeper.apply(snapshot)
        tally = self.keeper.tallies[snapshot.symbol, channel]
        tally.snapshots -= 1
        book = self._book(snapshot)
        if book is not None and book.verified:
            tally.verified -= 1
        else:
            tally.mismatched -= 1
        return happened

    @property
    def is_complete(self) -> bool:
        """Whether it has every book of the recording: from a keyframe on they come one by one."""
        kept: Mapping[str, Mapping[str, Book]] = {
            "book": self.keeper.l2,
            "level3": self.keeper.l3,
        }
        return all(symbol in kept[channel] for symbol, channel in self._recorded)

    def can_checkpoint(self, book: Book) -> bool:
        """Whether it can be put in place in another walk, and will go on there as here."""
        now = self.keeper.codec.precision(book.symbol)
        return book.verified and book.symbol in self._stated and now == book.precision

    def resume(
        self, seq: int, books: Iterable[tuple[events.BookSnapshot | events.L3Snapshot, int]]
    ) -> None:
        """Begin after message `seq`, with settled books and their depths."""
        codec = self.keeper.codec
        for snapshot, depth in books:
            codec.restate(snapshot.symbol, snapshot.precision)
            # The keeper tells precisions apart by identity.
            known = codec.precision(snapshot.symbol)
            self.place_book(msgspec.structs.replace(snapshot, precision=known), depth)
        self.seq, self._begun = seq, True

    def _book(self, snapshot: events.BookSnapshot | events.L3Snapshot) -> Book | None:
        books: dict[str, L2Book] | dict[str, L3Book] = (
            self.keeper.l2 if isinstance(snapshot, events.BookSnapshot) else self.keeper.l3
        )
        return books.get(snapshot.symbol)

    def _apply_feed_event(self, entry: LogLine) -> Event:
        event = decode_event(entry)
        if isinstance(event, events.Gap):
            self._distrust_gap(event)
        elif isinstance(event, events.Reconnecting):
            # Of several connections for level3 the books are not told apart here.
            self._distrust_channel(_CHANNELS.get(event.connection.partition("-")[0], ""))
        elif isinstance(event, events.Resync):
            self.keeper.distrust(event.symbol, event.channel)
        return event

    def _distrust_gap(self, gap: events.Gap) -> None:
        """Doubt the books of a gap that nothing has proven since: it is told when it has ended.

        One that ends before it began is between two clocks, of which no time can be told.
        """
        end = gap.end if gap.start <= gap.end else FOREVER
        for channel in (gap.channel,) if gap.channel else ("book", "level3"):
            for symbol, book in self._books(channel):
                if (not gap.symbols or symbol in gap.symbols) and book.received < end:
                    self.keeper.distrust(symbol, channel)

    def _distrust_all(self) -> None:
        for channel in ("book", "level3"):
            self._distrust_channel(channel)

    def _distrust_channel(self, channel: str) -> None:
        for symbol, _ in self._books(channel):
            self.keeper.distrust(symbol, channel)

    def _books(self, channel: str) -> Iterable[tuple[str, Book]]:
        """Those of a channel, by symbol; none of a channel without books."""
        match channel:
            case "book":
                return self.keeper.l2.items()
            case "level3":
                return self.keeper.l3.items()
        return ()


def _with_channel(event: Event, connection: str) -> Event:
    """The event; one that could not be read is of the channel its connection brings.

    Live, every connection has a keeper of its own, and this one stands for them all.
    """
    if type(event) is not events.Malformed or event.channel is not None:
        return event
    return msgspec.structs.replace(event, channel=_CHANNELS.get(connection.partition("-")[0]))


def _precisions(info: SessionInfo) -> dict[str, Precision]:
    first = {symbol: known.first_precision for symbol, known in info.symbols.items()}
    return {symbol: precision for symbol, precision in first.items() if precision is not None}
