"""What is read off a book while a recording is replayed, and when.

Off the keeper's books and off the quick replay's arrays alike, as integers: they become
numbers of a currency at the very end, so two readings are equal or they are not.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple, Protocol

import numpy as np

from kracked.book.l3 import L3Book
from kracked.frames.books.order_arrays import NONE, OrderArrays
from kracked.frames.books.order_rows import Ints, OrderRows
from kracked.frames.books.table_replay import Book

PRICE, QTY, COUNT = "price", "qty", "count"
_LEVEL = ((PRICE, "px"), (QTY, "sz"))


class ReadTimes(NamedTuple):
    """When the book is read as a file is replayed."""

    after: Ints
    """When so many of the file's messages have been applied; rising."""
    times: Ints
    """What that instant is called, ns since the Unix epoch."""


class Observable(Protocol):
    """What somebody wants to know of a book as time goes by."""

    @property
    def columns(self) -> dict[str, str]:
        """Names of what is read, and whether each is PRICE, QTY or COUNT."""

    @property
    def on_change(self) -> bool:
        """Read after every message, what is as before left out; else at `instants`."""

    def due(self, received: int) -> Iterable[int]:
        """Those until a message that came at this time, which is not applied yet."""

    def from_book(self, book: Book) -> list[int]:
        """NONE for what is not there; an empty list when there is nothing to be told."""

    def from_arrays(self, arrays: OrderArrays) -> list[int]: ...

    def read_times(self, rows: OrderRows, arrays: OrderArrays) -> ReadTimes | None:
        """When to read in a file: what does not change may be left out; None for the touch."""


class BestBidOffer:
    """Best bid and ask with their quantities."""

    columns: Final = {"bid": PRICE, "bid_qty": QTY, "ask": PRICE, "ask_qty": QTY}
    on_change = True

    def due(self, received: int) -> Iterable[int]:
        del received
        return ()

    def from_book(self, book: Book) -> list[int]:
        return _levels(book, 1)

    def from_arrays(self, arrays: OrderArrays) -> list[int]:
        return arrays.levels(1)

    def read_times(self, rows: OrderRows, arrays: OrderArrays) -> None:
        del rows, arrays


class BookSamples:
    """The best levels at whole intervals."""

    on_change = False

    def __init__(self, step: int, levels: int) -> None:
        self._step, self._levels = step, levels
        self._due = 0
        self.columns = {
            f"{side}_{what}_{rank}": kind
            for rank in range(levels)
            for side in ("bid", "ask")
            for kind, what in _LEVEL
        }

    def due(self, received: int) -> Iterable[int]:
        self._due = self._due or -(-received // self._step) * self._step
        times = range(self._due, received, self._step)
        self._due += len(times) * self._step
        return times

    def from_book(self, book: Book) -> list[int]:
        return _levels(book, self._levels)

    def from_arrays(self, arrays: OrderArrays) -> list[int]:
        return arrays.levels(self._levels)

    def read_times(self, rows: OrderRows, arrays: OrderArrays) -> ReadTimes:
        del arrays
        reached = np.maximum.accumulate(rows.received)
        ends = (int(reached[0]), int(reached[-1]))
        times = np.array([due for end in ends for due in self.due(end)], dtype=np.int64)
        return ReadTimes(np.searchsorted(reached, times, side="right"), times)


class QueuePositions:
    """Where an order stands in its level while it rests."""

    columns: Final = {
        "price": PRICE, "qty": QTY, "qty_ahead": QTY, "level_qty": QTY, "position": COUNT,
        "orders": COUNT,
    }  # fmt: skip
    on_change = True

    def __init__(self, order_id: str) -> None:
        self._order_id = order_id

    def due(self, received: int) -> Iterable[int]:
        del received
        return ()

    def from_book(self, book: Book) -> list[int]:
        assert isinstance(book, L3Book)
        order, place = book.order(self._order_id), book.place(self._order_id)
        if order is None or place is None:
            return []
        return [order.price, order.qty, place.qty_ahead, place.level_qty, place.position, place.of]

    def from_arrays(self, arrays: OrderArrays) -> list[int]:
        return arrays.queue_position(self._order_id)

    def read_times(self, rows: OrderRows, arrays: OrderArrays) -> ReadTimes:
        messages = arrays.messages_near(self._order_id)
        return ReadTimes(messages + 1, rows.received[messages])


def _levels(book: Book, count: int) -> list[int]:
    """Price and quantity of the best levels, bid and ask in turn."""
    cells: list[int] = []
    for rank in range(count):
        for side in (book.bids, book.asks):
            level = side[rank] if rank < len(side) else None
            cells += (level.price, level.qty) if level else (NONE, NONE)
    return cells
