"""A position in the ring: the books there, and the messages that follow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from kracked.book.keeper import BookKeeper
from kracked.format.frame import FrameKind
from kracked.format.session_info import SessionInfo, SymbolInfo
from kracked.protocol import events
from kracked.record.read.book_rebuilder import BookRebuilder, Recorded
from kracked.record.replay import Moment
from kracked.times import Instant, to_ns, to_rfc3339
from kracked_tui.past.ring import KeptChunk, Segment

Covers = Callable[[int, int], bool]
"""Whether a line of this time and number is to be played."""


class Chunks(Protocol):
    """A source of chunks for a player."""

    def chunk_after(self, number: int) -> KeptChunk | None:
        """Return the chunk after one of this number; None where it has not come yet."""


class BufferPlayer:
    """Plays message by message. At the end it looks again: more may have come."""

    def __init__(self, chunks: Chunks, segment: Segment) -> None:
        """Begin at the beginning of a segment; what follows comes from `chunks`."""
        self._chunks, self._chunk = chunks, segment.after_chunk
        self._lines: Iterator[Recorded] = iter(())
        self._ahead: Recorded | None = None
        self.seq, self.position = segment.seq, segment.received
        books = segment.books()
        precisions = {each.symbol: each.precision for each, _ in books.verified}
        symbols = {
            symbol: SymbolInfo(price_precision=known.price, qty_precision=known.qty)
            for symbol, known in {**segment.precisions, **precisions}.items()
        }
        info = SessionInfo(start=to_rfc3339(segment.received), symbols=symbols)
        self._rebuilder = BookRebuilder(info, check_keyframes=False)
        self._rebuilder.resume(segment.seq, books.verified)
        for channel, symbol, depth in books.waiting:
            self.keeper.apply(events.Subscribed(0, channel, symbol, depth))

    @property
    def keeper(self) -> BookKeeper:
        """The books at this place."""
        return self._rebuilder.keeper

    @property
    def next_due(self) -> int | None:
        """The time of the next line; None while there is none."""
        following = self._look_ahead()
        return following.line.received if following else None

    @property
    def upcoming(self) -> bytes:
        """The exchange's message that comes next; empty where none does."""
        following = self._look_ahead()
        is_message = following is not None and following.kind is FrameKind.DATA
        return following.line.data if following is not None and is_message else b""

    def _look_ahead(self) -> Recorded | None:
        """Return the next line, read when it is asked for."""
        if self._ahead is None:
            self._ahead = next(self._lines, None)
        if self._ahead is None and (chunk := self._chunks.chunk_after(self._chunk)):
            self._chunk, kind = chunk.number, chunk.frame.kind
            self._lines = iter([Recorded(kind, entry) for entry in chunk.lines()])
            self._ahead = next(self._lines)
        return self._ahead

    def step(self) -> Moment | None:
        """Play one message or feed event; None at the end."""
        following, self._ahead = self._look_ahead(), None
        if following is None:
            return None
        kind, entry = following
        happened = self._rebuilder.apply(kind, entry)
        self.position, self.seq = entry.received, entry.seq
        told = (entry.connection, entry.data) if kind is FrameKind.DATA else ("", b"")
        return Moment(self.position, self.seq, *told, happened)

    def play_while(self, covers: Covers) -> None:
        """Play as long as the next line is covered; whole chunks without making events."""
        while chunk := self._chunks.chunk_after(self._chunk):
            if not covers(chunk.frame.last_received, chunk.last_seq):
                break
            self._rebuilder.apply_frame(chunk.frame, chunk.body())
            self._chunk, self.seq = chunk.number, chunk.last_seq
            self.position = chunk.frame.last_received
        while (following := self._look_ahead()) and covers(*following.line[:2]):
            self.step()

    def stand_at(self, time: int) -> None:
        """Go to an instant before the next line; distrust the books if it lies in a gap."""
        if self._ahead is not None and self.position != time:
            self._rebuilder.distrust_before(self._ahead)
        self.position = max(self.position, time)

    # --- as `Replay` asks of every player; the screen seeks by a player of its own ------------

    def seek(self, to: Instant) -> Moment:
        """Play on until an instant."""
        when = to_ns(to)
        self.play_while(lambda received, _: received <= when)
        return Moment(self.position, self.seq, "", b"", [])

    def back(self) -> Moment | None:
        """Stay: a player of the ring goes ahead alone."""
        return None
