"""The books of places shortly before a search's end, so that a step back has a short way.

Keyframes are on the disk and far between. These are in memory, a thousand messages apart,
and cost little: the orders in them are the books' own.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from kracked.format import keyframe
from kracked.format.keyframe import Book
from kracked.protocol.events import BookSnapshot, L3Snapshot
from kracked.record.raw_index import LogPosition
from kracked.record.read.book_rebuilder import BookRebuilder

_EVERY_MESSAGES, _KEPT = 1_000, 32
_STEPS = 3
"""How many are kept of one search, at most."""


class Checkpoint(NamedTuple):
    number: int
    """Of the frame that comes next."""
    received: int
    seq: int
    books: tuple[tuple[BookSnapshot | L3Snapshot, int], ...]
    """Every book and its depth."""


class Checkpoints:
    """The latest ones of a recording."""

    def __init__(self, *, every_messages: int = _EVERY_MESSAGES) -> None:
        self._every = every_messages
        self._kept: deque[Checkpoint] = deque(maxlen=_KEPT)

    def best(self, goal: LogPosition) -> Checkpoint | None:
        """The one nearest before the goal."""
        before = [each for each in tuple(self._kept) if goal.covers(each.received, each.seq)]
        return max(before, key=lambda each: each.number, default=None)

    def is_near(self, place: Checkpoint, goal: LogPosition) -> bool:
        """Whether it is so near that no keyframe needs to be looked for."""
        return goal.seq - place.seq < self._every

    def offer(
        self, rebuilder: BookRebuilder, number: int, received: int, goal: LogPosition
    ) -> None:
        """Keep this place, unless it is far, there is one near or a book is not to be trusted."""
        far = goal.seq - rebuilder.seq > _STEPS * self._every
        near = any(0 <= rebuilder.seq - each.seq < self._every for each in tuple(self._kept))
        books: tuple[Book, ...] = (*rebuilder.keeper.l2.values(), *rebuilder.keeper.l3.values())
        if far or near or not books or not all(rebuilder.can_checkpoint(book) for book in books):
            return
        pictures = tuple(
            (keyframe.lazy_snapshot(book, book.received), book.depth) for book in books
        )
        self._kept.append(Checkpoint(number, received, rebuilder.seq, pictures))
