"""Messages as numbered lines, gathered into chunks for frames, and the segments they go to.

The hot path of a recording: plain text work, message by message, in the event loop.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence

from kracked.format import layout, line
from kracked.format.frame import FrameKind
from kracked.format.layout import HOUR_NS
from kracked.format.lazy_text import LazyText
from kracked.format.line import Message
from kracked.protocol.events import Event
from kracked.record.write.sinks import Chunk

_FRAME_LINES = 4096
"""Lines at which a chunk is closed: a frame's header counts to 65,535."""
_SEGMENT_BYTES = 512 * 1024 * 1024


class Segments:
    """The names of the raw log's segments: a new one each hour and 512 MB."""

    def __init__(self, exists: Callable[[str], bool]) -> None:
        """Begin before the first one; `exists` tells whether there is one of this name."""
        self._exists, self._hour = exists, -1
        self.name = ""
        """The segment for what comes now."""

    def advance(self, now: int, written: int) -> bool:
        """Begin a new segment if one is due, and return whether it was.

        Args:
            now: The time, ns since the Unix epoch.
            written: Bytes of the segment so far.
        """
        hour = now // HOUR_NS
        if hour == self._hour and written < _SEGMENT_BYTES:
            return False
        number = 0
        name = layout.segment(hour, number)
        while self._exists(name) or name == self.name:
            number += 1
            name = layout.segment(hour, number)
        self.name, self._hour = name, hour
        return True


class RawChunks:
    """The part of the raw log that the writer has not been given yet."""

    def __init__(self, next_seq: int) -> None:
        """Number messages from `next_seq` on."""
        self.next_seq = next_seq
        self.chunks: list[Chunk] = []
        self.size = 0
        """Approximate bytes gathered."""
        self.last_received = 0
        """Time of the last message, ns since the Unix epoch."""
        self._pack = line.block_packer()
        self._blocks: list[bytes] = []
        self._count = 0
        """Lines in the blocks."""
        self._first = (0, 0)
        # Times and numbers of the messages since the last `take`, and of those before it: an
        # event may come a step of the loop later than its message.
        self._received: list[int] = []
        self._seqs: list[int] = []
        self._previous: tuple[list[int], list[int]] = [], []

    def append(self, messages: Sequence[Message]) -> list[int]:
        """Append messages of the exchange, verbatim; return when each arrived."""
        times = [arrived for _, arrived, _ in messages]
        for first in range(0, len(messages), _FRAME_LINES):
            portion, seq = messages[first : first + _FRAME_LINES], self.next_seq
            if self._count >= _FRAME_LINES:
                self.close()
            block, received = self._pack(portion, seq), times[first : first + _FRAME_LINES]
            if not self._count:
                self._first = (received[0], seq)
            self._blocks.append(block)
            self._count += len(received)
            self.last_received = received[-1]
            self.size += len(block)
            self.next_seq = seq + len(received)
            self._received += received
            self._seqs += range(seq, self.next_seq)
        return times

    def skip(self, count: int) -> None:
        """Leave out the numbers of so many messages that were lost: a gap in the log."""
        self.close()
        self.next_seq += count

    def add(
        self, kind: FrameKind, received: int, lines: Sequence[bytes] | LazyText, size: int
    ) -> None:
        """Add a chunk that is no messages; it bears the number of the last message."""
        self.close()
        count = 1 if isinstance(lines, LazyText) else len(lines)
        self.chunks.append(Chunk(kind, (received, received), self.next_seq - 1, count, lines))
        self.size += size

    def close(self) -> None:
        """End the chunk of messages: what comes next begins another."""
        if self._count:
            received, seq = (self._first[0], self.last_received), self._first[1]
            self.chunks.append(Chunk(FrameKind.DATA, received, seq, self._count, self._blocks))
            self._blocks, self._count = [], 0

    def take(self) -> list[Chunk]:
        """Return the closed chunks and forget them."""
        chunks, self.chunks, self.size = self.chunks, [], 0
        self._previous = self._received, self._seqs
        self._received, self._seqs = [], []
        return chunks

    def seq_of(self, event: Event) -> int:
        """Return the number of the message that brought an event, else of the last message."""
        received = event.received
        for arrived, seqs in ((self._received, self._seqs), self._previous):
            at = bisect_right(arrived, received) - 1
            if at >= 0 and arrived[at] == received:
                return seqs[at]
        return self.next_seq - 1
