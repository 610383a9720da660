"""Books rebuilt from a recording's lines, by the same keeper that kept them live.

Where messages are missing every book is distrusted until a snapshot or a keyframe verifies it
again. A keyframe of a trusted book must be equal to it, order by order.
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
from kracked.format.keyframe import Book, Snapshot
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
"""The channel of the books that a connection brings."""


class Recorded(NamedTuple):
    """A line of the raw log and the kind of its frame."""

    kind: FrameKind
    line: LogLine


class Verification(msgspec.Struct, kw_only=True):
    """The result of reading a recording from end to end."""

    messages: int
    lost: int
    """Messages whose numbers are missing."""
    keyframes: int
    keyframes_wrong: int
    """Keyframes that differ from the book rebuilt up to them: always 0."""
    books: list[BookStats]
    mismatches: list[events.Resync] = []
    """Messages that failed a checksum or contradicted the book, in order of time."""

    @property
    def proven(self) -> bool:
        """Whether messages are there, none is missing, and every checksum and keyframe matched."""
        wrong = any(book.mismatched for book in self.books)
        return bool(self.messages) and not (self.lost or self.keyframes_wrong or wrong)


def merge_verifications(parts: Sequence[Verification]) -> Verification:
    """Return the verifications of several partitions of one recording as one."""
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
    """Applies a recording's lines one by one, or frame by frame, to the books in `keeper`."""

    def __init__(
        self,
        info: SessionInfo,
        symbol: str = "",
        *,
        check_keyframes: bool = True,
        partition: Partition = ALL,
    ) -> None:
        """Begin before the first line, or anywhere that keyframes follow.

        Args:
            info: The recording's `session.json`.
            symbol: Keep the books of this symbol only; empty for all.
            check_keyframes: Compare every keyframe with the book rebuilt up to it.
            partition: Keep the books of its symbols only, and verify no others.
        """
        precisions = {name: known.first_precision for name, known in info.symbols.items()}
        self._stated_precisions: dict[str, Precision] = {
            name: precision for name, precision in precisions.items() if precision is not None
        }
        self.keeper = BookKeeper(precisions=self._stated_precisions)
        self._check_keyframes = check_keyframes
        self._partition = partition
        self._symbol = f'"{symbol}"'.encode() if symbol else b""
        self.seq = 0
        """Number of the message applied last, 0 before the first."""
        self._begun = False
        """Whether a line was applied: before the first one no message is missing."""
        self.lost = 0
        """Messages found missing so far."""
        self._messages = self._keyframes = self._wrong = 0
        self._mismatches: list[events.Resync] = []
        self._recorded: list[tuple[str, str]] = []
        """Symbol and channel of each recorded book."""
        for name, known in info.symbols.items():
            for channel, depth in (("book", known.book), ("level3", known.level3)):
                self.keeper.apply(events.Subscribed(0, channel, name, depth))
                self._recorded += [(name, channel)] if depth else []

    # --- lines and frames -----------------------------------------------------------------

    def apply(self, kind: FrameKind, entry: LogLine) -> list[Event]:
        """Apply the next line; return its events and their consequences for the books."""
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
        """Apply a whole frame, without its events: several times faster than line by line."""
        data = found.kind is FrameKind.DATA
        picked = batch_decode.lines_about(body, self._symbol) if data and self._symbol else body
        if data and self._partition is ALL and self.keeper.engine == "native":
            self._count(found.kind, found.first_seq, found.lines)
            self._run(picked)
            return
        logged = batch_decode.decode_lines(picked) if data else None
        if logged is None:
            for text in body.splitlines():
                self.apply(found.kind, line.unpack(text))
            return
        self._count(found.kind, found.first_seq, found.lines)
        read, apply = self.keeper.codec.events, self.keeper.apply
        without_books, skips = batch_decode.WITHOUT_BOOKS, self._partition.skips
        partial = self._partition is not ALL
        for number, entry in enumerate(logged):
            message = entry.msg
            if type(message) in without_books or (partial and skips(message)):
                continue
            try:
                for event in read(message, entry.ts_recv):
                    if consequences := apply(event):
                        self._note_mismatches(consequences)
            except ProtocolError:
                self._decode(line.unpack(picked.splitlines()[number]))

    def _run(self, body: bytes) -> None:
        """Apply a frame's lines with the compiled books, and the others one by one."""
        at = 0
        while at < len(body):
            at, _, happened = self.keeper.run(body, at)
            if happened:
                self._note_mismatches(happened)
            elif at < len(body):
                end = body.find(b"\n", at) + 1 or len(body)
                text, at = body[at:end].rstrip(b"\n"), end
                logged = batch_decode.decode_lines(text)
                if not logged or type(logged[0].msg) not in batch_decode.WITHOUT_BOOKS:
                    self._decode(line.unpack(text))

    def _decode(self, entry: LogLine) -> list[Event]:
        """Decode a message and apply its events; return them and their consequences."""
        decoded = self.keeper.codec.decode(entry.data, entry.received)
        for event in tuple(decoded):
            if type(event) is events.Status:
                continue  # the greeting of a connection, at which a keeper forgets every depth
            if type(event) is events.Malformed and event.channel is None:
                # Live, each connection has a keeper of its own; this one stands in for them all.
                channel = _CHANNELS.get(entry.connection.partition("-")[0])
                consequences = self.keeper.apply(msgspec.structs.replace(event, channel=channel))
            else:
                consequences = self.keeper.apply(event)
            self._note_mismatches(consequences)
            decoded.extend(consequences)
        return decoded

    def _note_mismatches(self, consequences: Iterable[Event]) -> None:
        self._mismatches += [
            event
            for event in consequences
            if isinstance(event, events.Resync) and event.reason in ("checksum", "impossible")
        ]

    def verification(self) -> Verification:
        """Return what was verified so far."""
        return Verification(
            messages=self._messages,
            lost=self.lost,
            keyframes=self._keyframes,
            keyframes_wrong=self._wrong,
            books=[
                tally
                for (symbol, _), tally in sorted(self.keeper.stats.items())
                if self._partition.includes(symbol)
            ],
            mismatches=sorted(
                (found for found in self._mismatches if self._partition.includes(found.symbol)),
                key=_by_time,
            ),
        )

    # --- missing messages -----------------------------------------------------------------

    def _count(self, kind: FrameKind, seq: int, count: int = 1) -> None:
        """Count so many messages from number `seq` on, and those missing before them."""
        if missing := self._missing_before(kind, seq):
            self.lost += missing
            self._distrust_all()
        self.seq, self._begun = seq + count - 1, True
        self._messages += count * (kind is FrameKind.DATA)

    def distrust_before(self, upcoming: Recorded) -> None:
        """Distrust the books if messages are missing before a line that is not applied yet.

        Distrust those of a gap too, if the line reports one.
        """
        kind, entry = upcoming
        if self._missing_before(kind, entry.seq):
            self._distrust_all()
        if kind is FrameKind.EVENT and isinstance(gap := decode_event(entry), events.Gap):
            self._distrust_gap(gap)

    def _missing_before(self, kind: FrameKind, seq: int) -> int:
        """Return how many messages are missing before a line of number `seq`.

        A line that is no message bears the number of the last one.
        """
        expected = self.seq + (kind is FrameKind.DATA)
        return max(0, seq - expected) if self._begun else 0

    def _apply_feed_event(self, entry: LogLine) -> Event:
        event = decode_event(entry)
        if isinstance(event, events.Gap):
            self._distrust_gap(event)
        elif isinstance(event, events.Reconnecting):
            # The books of several level3 connections are not told apart here.
            self._distrust_channel(_CHANNELS.get(event.connection.partition("-")[0], ""))
        elif isinstance(event, events.Resync):
            self.keeper.distrust(event.symbol, event.channel)
        return event

    def _distrust_gap(self, gap: events.Gap) -> None:
        """Distrust the books of a gap that no message has verified since it ended.

        Where a gap ends before it began the clock was set back, and its end proves nothing.
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
        """Return the books of a channel by symbol; none of a channel without books."""
        match channel:
            case "book":
                return self.keeper.l2.items()
            case "level3":
                return self.keeper.l3.items()
        return ()

    # --- keyframes and checkpoints --------------------------------------------------------

    def _apply_keyframe(self, entry: LogLine) -> list[Event]:
        """Compare a keyframe with its book if that is trusted, else replace the book."""
        message, symbol = entry.data, keyframe.symbol(entry.data)
        level2 = message.startswith(_LEVEL2)
        books: Mapping[str, Book] = self.keeper.l2 if level2 else self.keeper.l3
        book = books.get(symbol)
        trusted = book if book is not None and book.verified else None
        if self._symbol not in message or not (self._check_keyframes or trusted is None):
            return []
        if not self._partition.includes(symbol):
            return []
        self._keyframes += 1
        if trusted is not None:
            self._wrong += keyframe.encode(trusted) != message
            return []
        # Its numbers have the decimals of its time; `session.json` may state those of another.
        if (precision := keyframe.precision(message)) is not None:
            self.keeper.codec.restate(symbol, precision)
        [snapshot, *_] = self.keeper.codec.decode(keyframe.as_snapshot(message), entry.received)
        if not isinstance(snapshot, events.BookSnapshot | events.L3Snapshot):
            self._wrong += 1
            return [snapshot]
        consequences = self._place_book(snapshot, keyframe.depth(message))
        book = self._book(snapshot)
        self._wrong += book is None or not book.verified
        return [snapshot, *consequences]

    def _place_book(self, snapshot: Snapshot, depth: int) -> tuple[Event, ...]:
        """Replace a book by a snapshot of our own making, which is not counted as a message."""
        channel = "book" if isinstance(snapshot, events.BookSnapshot) else "level3"
        self.keeper.apply(events.Subscribed(snapshot.received, channel, snapshot.symbol, depth))
        consequences = self.keeper.apply(snapshot)
        tally = self.keeper.stats[snapshot.symbol, channel]
        tally.snapshots -= 1
        book = self._book(snapshot)
        if book is not None and book.verified:
            tally.verified -= 1
        else:
            tally.mismatched -= 1
        return consequences

    def _book(self, snapshot: Snapshot) -> Book | None:
        books: dict[str, L2Book] | dict[str, L3Book] = (
            self.keeper.l2 if isinstance(snapshot, events.BookSnapshot) else self.keeper.l3
        )
        return books.get(snapshot.symbol)

    @property
    def is_complete(self) -> bool:
        """Whether it has every recorded book: after a keyframe they come one by one."""
        books: Mapping[str, Mapping[str, Book]] = {
            "book": self.keeper.l2,
            "level3": self.keeper.l3,
        }
        return all(symbol in books[channel] for symbol, channel in self._recorded)

    def can_checkpoint(self, book: Book) -> bool:
        """Whether another rebuilder that resumes with this book will go on as this one."""
        now = self.keeper.codec.precision(book.symbol)
        return book.verified and book.symbol in self._stated_precisions and now == book.precision

    def resume(self, seq: int, books: Iterable[tuple[Snapshot, int]]) -> None:
        """Begin after message `seq`, with books that `can_checkpoint` and their depths."""
        codec = self.keeper.codec
        for snapshot, depth in books:
            codec.restate(snapshot.symbol, snapshot.precision)
            # The keeper tells precisions apart by identity.
            known = codec.precision(snapshot.symbol)
            self._place_book(msgspec.structs.replace(snapshot, precision=known), depth)
        self.seq, self._begun = seq, True
