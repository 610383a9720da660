"""Observables: the values that are read from a book while a recording is replayed, and when.

They are read from the keeper's books and from the quick replay's arrays alike, as scaled
integers, so two readings can be compared exactly. They become floats at the very end.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple, Protocol

import numpy as np

from kracked.book.l3 import L3Book
from kracked.errors import ConfigError
from kracked.frames.books.order_arrays import NONE, OrderArrays
from kracked.frames.books.order_rows import Ints, OrderRows
from kracked.frames.books.table_replay import Book

PRICE, QTY, COUNT = "price", "qty", "count"
_LEVEL = ((PRICE, "px"), (QTY, "sz"))


class ReadTimes(NamedTuple):
    """The points of a file's replay at which the book is read."""

    after: Ints
    """How many of the file's messages are applied by then; rising."""
    times: Ints
    """The time of each reading, ns since the Unix epoch."""
    crowding: Ints | None = None
    """How many messages are applied after each row that may push a level towards the cut at the
    depth, which no row tells of; rising. None if that changes nothing."""


class Observable(Protocol):
    """Values of a book over time."""

    @property
    def columns(self) -> dict[str, str]:
        """Name of each value, and whether it is PRICE, QTY or COUNT."""

    @property
    def on_change(self) -> bool:
        """Whether it is read after every message, without repeats; else at the times `due`."""

    def due(self, received: int) -> Iterable[int]:
        """Return the times to read before a message of time `received` is applied."""

    def next_reading(self, time: int) -> int:
        """Return when it would be read first from `time` on."""
        ...

    def from_book(self, book: Book) -> list[int]:
        """Return the values, NONE for a missing one; an empty list for no reading at all."""
        ...

    def from_arrays(self, arrays: OrderArrays) -> list[int]:
        """Return the same values of the quick replay's book."""
        ...

    def room(self, arrays: OrderArrays) -> int | None:
        """Return how many rows of `crowding` change nothing; None if none of them can."""
        ...

    def read_times(self, rows: OrderRows, arrays: OrderArrays) -> ReadTimes | None:
        """Return when to read in a file; None to read whenever the touch changes.

        Messages that cannot change the values may be left out.
        """


class BestBidOffer:
    """Best bid and ask with their quantities."""

    columns: Final = {"bid": PRICE, "bid_qty": QTY, "ask": PRICE, "ask_qty": QTY}
    on_change = True

    def due(self, received: int) -> Iterable[int]:
        """Return none: it is read on change."""
        del received
        return ()

    def next_reading(self, time: int) -> int:
        """Return the time itself."""
        return time

    def from_book(self, book: Book) -> list[int]:
        """Return the best level of each side."""
        return _levels(book, 1)

    def from_arrays(self, arrays: OrderArrays) -> list[int]:
        """Return the same of the quick replay's book."""
        return arrays.levels(1)

    def room(self, arrays: OrderArrays) -> None:
        """Return None: what is cut is not read."""
        del arrays

    def read_times(self, rows: OrderRows, arrays: OrderArrays) -> None:
        """Return None: it is the touch."""
        del rows, arrays


class BookSamples:
    """The best levels of each side at whole intervals."""

    on_change = False

    def __init__(self, step: int, levels: int) -> None:
        """Read `levels` a side every `step` ns."""
        if levels < 1 or step < 1:
            raise ConfigError(f"{levels} levels every {step} ns: both must be 1 or more")
        self._step, self._levels = step, levels
        self._due = 0
        self.columns = {
            f"{side}_{what}_{rank}": kind
            for rank in range(levels)
            for side in ("bid", "ask")
            for kind, what in _LEVEL
        }

    def due(self, received: int) -> Iterable[int]:
        """Return the whole intervals before `received` that have not been read."""
        self._due = self._due or -(-received // self._step) * self._step
        times = range(self._due, received, self._step)
        self._due += len(times) * self._step
        return times

    def next_reading(self, time: int) -> int:
        """Return the next whole interval."""
        return -(-time // self._step) * self._step

    def from_book(self, book: Book) -> list[int]:
        """Return the best levels of each side."""
        return _levels(book, self._levels)

    def from_arrays(self, arrays: OrderArrays) -> list[int]:
        """Return the same of the quick replay's book."""
        return arrays.levels(self._levels)

    def room(self, arrays: OrderArrays) -> None:
        """Return None: it is read at its intervals anyway."""
        del arrays

    def read_times(self, rows: OrderRows, arrays: OrderArrays) -> ReadTimes:
        """Return the whole intervals of the file."""
        del arrays
        reached = np.maximum.accumulate(rows.received)
        ends = (int(reached[0]), int(reached[-1]))
        times = np.array([due for end in ends for due in self.due(end)], dtype=np.int64)
        return ReadTimes(np.searchsorted(reached, times, side="right"), times)


class QueuePositions:
    """An order's place in its level while it rests."""

    columns: Final = {
        "price": PRICE, "qty": QTY, "qty_ahead": QTY, "level_qty": QTY, "position": COUNT,
        "orders": COUNT,
    }  # fmt: skip
    on_change = True

    def __init__(self, order_id: str) -> None:
        self._order_id = order_id
        self._rested = False
        """Whether it rested when it was read last."""

    def due(self, received: int) -> Iterable[int]:
        """Return none: it is read on change."""
        del received
        return ()

    def next_reading(self, time: int) -> int:
        """Return the time itself."""
        return time

    def from_book(self, book: Book) -> list[int]:
        """Return the order's place, NONE once it is gone; an empty list before it came."""
        assert isinstance(book, L3Book)
        order, place = book.order(self._order_id), book.place(self._order_id)
        if order is None or place is None:
            return self._gone()
        self._rested = True
        return [order.price, order.qty, place.qty_ahead, place.level_qty, place.position, place.of]

    def from_arrays(self, arrays: OrderArrays) -> list[int]:
        """Return the same of the quick replay's book."""
        place = arrays.queue_position(self._order_id)
        if not place:
            return self._gone()
        self._rested = True
        return place

    def room(self, arrays: OrderArrays) -> int | None:
        """Return how many better levels may come before the order's own is cut."""
        return arrays.room_before_cut(self._order_id)

    def _gone(self) -> list[int]:
        return [NONE] * len(self.columns) if self._rested else []

    def read_times(self, rows: OrderRows, arrays: OrderArrays) -> ReadTimes:
        """Return the messages that may change the order's place."""
        messages = arrays.messages_near(self._order_id)
        crowding = arrays.messages_crowding(self._order_id) + 1
        return ReadTimes(messages + 1, rows.received[messages], crowding)


def _levels(book: Book, count: int) -> list[int]:
    """Return price and quantity of the best levels, bid and ask in turn."""
    cells: list[int] = []
    for rank in range(count):
        for side in (book.bids, book.asks):
            level = side[rank] if rank < len(side) else None
            cells += (level.price, level.qty) if level else (NONE, NONE)
    return cells
