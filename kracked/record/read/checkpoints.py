"""Books in memory from shortly before the end of a search, so that a step back is quick.

Keyframes are on the disk and far apart. Checkpoints are in memory, a thousand messages apart,
and cost little: they share their orders with the books.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from kracked.format import keyframe
from kracked.format.keyframe import Book, Snapshot
from kracked.record.raw_index import LogPosition
from kracked.record.read.book_rebuilder import BookRebuilder

_EVERY_MESSAGES, _MOST = 1_000, 32
_MOST_PER_SEARCH = 3


class Checkpoint(NamedTuple):
    """Every book at the end of a frame."""

    number: int
    """Number of the next frame in the frame index."""
    received: int
    """Time of the last line before it, ns since the Unix epoch."""
    seq: int
    """Number of the last message before it."""
    books: tuple[tuple[Snapshot, int], ...]
    """Every book and its depth."""


class Checkpoints:
    """The latest checkpoints of a recording, shared by its players."""

    def __init__(self, *, every_messages: int = _EVERY_MESSAGES) -> None:
        self._every = every_messages
        self._checkpoints: deque[Checkpoint] = deque(maxlen=_MOST)

    def best(self, goal: LogPosition) -> Checkpoint | None:
        """Return the nearest checkpoint before a position; None if there is none."""
        # A copy: the player of another thread may add one meanwhile.
        before = [each for each in tuple(self._checkpoints) if goal.covers(each.received, each.seq)]
        return max(before, key=lambda each: each.number, default=None)

    def is_near(self, checkpoint: Checkpoint, goal: LogPosition) -> bool:
        """Whether a checkpoint is so near that looking for keyframes would not pay."""
        return goal.seq - checkpoint.seq < self._every

    def offer(
        self, rebuilder: BookRebuilder, number: int, received: int, goal: LogPosition
    ) -> None:
        """Add a checkpoint, unless it is far, another is near, or a book is not verified.

        Args:
            rebuilder: Holds the books.
            number: Number of the next frame.
            received: Time of the last line applied, ns since the Unix epoch.
            goal: The position that the search goes to.
        """
        seq = rebuilder.seq
        far = goal.seq - seq > _MOST_PER_SEARCH * self._every
        near = any(0 <= seq - each.seq < self._every for each in tuple(self._checkpoints))
        books: tuple[Book, ...] = (*rebuilder.keeper.l2.values(), *rebuilder.keeper.l3.values())
        if far or near or not books or not all(rebuilder.can_checkpoint(book) for book in books):
            return
        snapshots = tuple(
            (keyframe.lazy_snapshot(book, book.received), book.depth) for book in books
        )
        self._checkpoints.append(Checkpoint(number, received, seq, snapshots))
