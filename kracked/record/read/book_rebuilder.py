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
from kracked.format.line import LogLine, event_of
from kracked.instruments import Precision
from kracked.protocol import events
from kracked.protocol.events import Event
from kracked.record.read import batch_decode
from kracked.record.read.partitions import ALL, Partition
from kracked.record.read.raw_index import FOREVER
from kracked.record.write.session_folder import SessionInfo

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


def together(parts: Sequence[Verification]) -> Verification:
    """What several walks proved, each of its share of the books, as one."""
    return Verification(
        messages=parts[0].messages,
        lost=parts[0].lost,
        keyframes=sum(part.keyframes for part in parts),
        keyframes_wrong=sum(part.keyframes_wrong for part in parts),
        books=sorted(
            chain(*(part.books for part in parts)), key=lambda book: (book.symbol, book.channel)
        ),
        mismatches=sorted(chain(*(part.mismatches for part in parts)), key=_in_time),
    )


def _in_time(found: events.Resync) -> tuple[int, str, str]:
    return found.received, found.symbol, found.channel


class BookRebuilder:
    """Takes a recording's lines one by one and keeps the books; of one symbol, or of all."""

    def __init__(
        self, info: SessionInfo, symbol: str = "", *, proving: bool = True, share: Partition = ALL
    ) -> None:
        """`proving`: compare every keyframe with the book it meets.

        Of books outside `share` nothing is known, or told in the verification.
        """
        self._stated = _precisions(info)
        self.keeper = BookKeeper(precisions=self._stated)
        self._proving = proving
        self._share = share
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
        for name, subject in info.symbols.items():
            for channel, depth in (("book", subject.book), ("level3", subject.level3)):
                self.keeper.apply(events.Subscribed(0, channel, name, depth))
                self._recorded += [(name, channel)] if depth else []

    def take(self, kind: FrameKind, entry: LogLine) -> list[Event]:
        """Take the next line; what it says and what keeping the books brought about."""
        self._number(kind, max(self.seq, entry.seq))
        if kind is FrameKind.EVENT:
            return [self._ours(entry)]
        if kind is FrameKind.KEYFRAME:
            return self._keyframe(entry)
        if kind is FrameKind.STANDING:
            entry = entry._replace(data=keyframe.as_snapshot(entry.data))
        if self._symbol and self._symbol not in entry.data and entry.data.startswith(_MARKET):
            return []
        return self._decode(entry)

    def take_all(self, found: Frame, body: bytes) -> None:
        """Take a whole frame; nothing is told of what it says."""
        data = found.kind is FrameKind.DATA
        picked = batch_decode.about(body, self._symbol) if data and self._symbol else body
        logged = batch_decode.entries(picked) if data else None
        if logged is None:
            for text in body.splitlines():
                self.take(found.kind, line.unpack(text))
            return
        self._number(found.kind, found.first_seq, found.lines)
        read, keep, passed = self.keeper.codec.events, self.keeper.apply, batch_decode.NOT_OF_BOOKS
        shared, passed_over = self._share is not ALL, self._share.passes_over
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
            consequences = self.keeper.apply(_placed(event, entry.connection))
            self._note_mismatches(consequences)
            happened.extend(consequences)
        return happened

    def _note_mismatches(self, consequences: Iterable[Event]) -> None:
        self._mismatches += [
            event
            for event in consequences
            if isinstance(event, events.Resync) and event.reason in ("checksum", "impossible")
        ]

    def _number(self, kind: FrameKind, seq: int, count: int = 1) -> None:
        """Count so many messages from number `seq` on, and those missing before them."""
        if hole := self._hole_before(kind, seq):
            self.lost += hole
            self._doubt_all()
        self.seq, self._begun = seq + count - 1, True
        self._messages += count * (kind is FrameKind.DATA)

    def foresee(self, upcoming: Recorded) -> None:
        """Doubt the books if messages are missing before `upcoming`, which is not taken yet.

        Or if it is what tells of a hole.
        """
        kind, entry = upcoming
        if self._hole_before(kind, entry.seq):
            self._doubt_all()
        if kind is FrameKind.EVENT and isinstance(gap := event_of(entry), events.Gap):
            self._gap(gap)

    def _hole_before(self, kind: FrameKind, seq: int) -> int:
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
                for (symbol, _), tally in sorted(self.keeper.stats.items())
                if self._share.holds(symbol)
            ],
            mismatches=sorted(
                (found for found in self._mismatches if self._share.holds(found.symbol)),
                key=_in_time,
            ),
        )

    def _keyframe(self, entry: LogLine) -> list[Event]:
        """Compare with a trusted book, or put it in the place of one that is not."""
        book = self._trusted(entry.data)
        if self._symbol not in entry.data or not (self._proving or book is None):
            return []
        if not self._share.holds(keyframe.symbol(entry.data)):
            return []
        self._keyframes += 1
        if book is not None:
            self._wrong += keyframe.encode(book) != entry.data
            return []
        self._recall_precision(entry.data)
        [picture, *_] = self.keeper.codec.decode(keyframe.as_snapshot(entry.data), entry.received)
        if not isinstance(picture, events.BookSnapshot | events.L3Snapshot):
            self._wrong += 1
            return [picture]
        return self._restore(picture, entry)

    def _recall_precision(self, message: bytes) -> None:
        """A keyframe has the decimals of its time; those the recording states may be of another."""
        if (precision := keyframe.precision(message)) is not None:
            self.keeper.codec.restate(keyframe.symbol(message), precision)

    def _trusted(self, message: bytes) -> Book | None:
        """The book of a keyframe as it is here, if it is trusted."""
        symbol, level2 = keyframe.symbol(message), message.startswith(_LEVEL2)
        books: Mapping[str, Book] = self.keeper.l2 if level2 else self.keeper.l3
        book = books.get(symbol)
        return book if book is not None and book.verified else None

    def _restore(
        self, picture: events.BookSnapshot | events.L3Snapshot, entry: LogLine
    ) -> list[Event]:
        happened = self.put(picture, keyframe.depth(entry.data))
        book = self._book(picture)
        self._wrong += book is None or not book.verified
        return [picture, *happened]

    def put(
        self, picture: events.BookSnapshot | events.L3Snapshot, depth: int
    ) -> tuple[Event, ...]:
        """Put a book of our own making in place; the exchange's messages alone are counted."""
        channel = "book" if isinstance(picture, events.BookSnapshot) else "level3"
        self.keeper.apply(events.Subscribed(picture.received, channel, picture.symbol, depth))
        happened = self.keeper.apply(picture)
        tally = self.keeper.stats[picture.symbol, channel]
        tally.snapshots -= 1
        book = self._book(picture)
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

    def is_settled(self, book: Book) -> bool:
        """Whether it can be put in place in another walk, and will go on there as here."""
        now = self.keeper.codec.precision(book.symbol)
        return book.verified and book.symbol in self._stated and now == book.precision

    def resume(
        self, seq: int, books: Iterable[tuple[events.BookSnapshot | events.L3Snapshot, int]]
    ) -> None:
        """Begin after message `seq`, with settled books and their depths."""
        codec = self.keeper.codec
        for picture, depth in books:
            codec.restate(picture.symbol, picture.precision)
            # The keeper tells precisions apart by identity.
            known = codec.precision(picture.symbol)
            self.put(msgspec.structs.replace(picture, precision=known), depth)
        self.seq, self._begun = seq, True

    def _book(self, picture: events.BookSnapshot | events.L3Snapshot) -> Book | None:
        books: dict[str, L2Book] | dict[str, L3Book] = (
            self.keeper.l2 if isinstance(picture, events.BookSnapshot) else self.keeper.l3
        )
        return books.get(picture.symbol)

    def _ours(self, entry: LogLine) -> Event:
        event = event_of(entry)
        if isinstance(event, events.Gap):
            self._gap(event)
        elif isinstance(event, events.Reconnecting):
            # Of several connections for level3 the books are not told apart here.
            self._doubt(_CHANNELS.get(event.connection.partition("-")[0], ""))
        elif isinstance(event, events.Resync):
            self.keeper.distrust(event.symbol, event.channel)
        return event

    def _gap(self, gap: events.Gap) -> None:
        """Doubt the books of a gap that nothing has proven since: it is told when it has ended.

        One that ends before it began is between two clocks, of which no time can be told.
        """
        end = gap.end if gap.start <= gap.end else FOREVER
        for channel in (gap.channel,) if gap.channel else ("book", "level3"):
            for symbol, book in self._books(channel):
                if (not gap.symbols or symbol in gap.symbols) and book.received < end:
                    self.keeper.distrust(symbol, channel)

    def _doubt_all(self) -> None:
        for channel in ("book", "level3"):
            self._doubt(channel)

    def _doubt(self, channel: str) -> None:
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


def _placed(event: Event, connection: str) -> Event:
    """The event; one that could not be read is of the channel its connection brings.

    Live, every connection has a keeper of its own, and this one stands for them all.
    """
    if type(event) is not events.Malformed or event.channel is not None:
        return event
    return msgspec.structs.replace(event, channel=_CHANNELS.get(connection.partition("-")[0]))


def _precisions(info: SessionInfo) -> dict[str, Precision]:
    first = {symbol: subject.first_precision for symbol, subject in info.symbols.items()}
    return {symbol: precision for symbol, precision in first.items() if precision is not None}
