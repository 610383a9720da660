"""The books of places a search has passed lately, so that a step back has a short way.

Keyframes are on the disk and far between. These are in memory, a thousand messages apart,
and cost nothing to speak of: the orders in them are the books' own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from kracked.protocol.events import BookSnapshot, OrdersSnapshot
from kracked.record import keyframe
from kracked.record.keyframe import Book
from kracked.record.walk import Walk

_EVERY_MESSAGES, _KEPT = 1_000, 32

Passed = Callable[[int, int], bool]
"""Whether a place lies before the goal, by the time and the number of its last message."""


class Checkpoint(NamedTuple):
    number: int
    """Of the frame that comes next."""
    received: int
    seq: int
    books: tuple[tuple[BookSnapshot | OrdersSnapshot, int], ...]
    """Every book and its depth."""


class Checkpoints:
    """The latest ones of a recording."""

    def __init__(self, *, every_messages: int = _EVERY_MESSAGES) -> None:
        self._every = every_messages
        self._kept: deque[Checkpoint] = deque(maxlen=_KEPT)

    def best(self, passed: Passed) -> Checkpoint | None:
        """The one nearest before the goal."""
        before = [each for each in tuple(self._kept) if passed(each.received, each.seq)]
        return max(before, key=lambda each: each.number, default=None)

    def offer(self, walk: Walk, number: int, received: int) -> None:
        """Keep this place, unless there is one near or a book is not to be trusted."""
        near = any(0 <= walk.seq - each.seq < self._every for each in tuple(self._kept))
        books: tuple[Book, ...] = (*walk.keeper.books.values(), *walk.keeper.orders.values())
        if near or not books or not all(walk.is_settled(book) for book in books):
            return
        pictures = tuple((keyframe.picture(book, book.received), book.depth) for book in books)
        self._kept.append(Checkpoint(number, received, walk.seq, pictures))
