"""Books seen by their levels, level 3 too: what a ladder needs where there is no level 2 book."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

from kracked.book.l3 import L3Book, OrderSide
from kracked.instruments import Precision
from kracked.protocol.events import Level

if TYPE_CHECKING:
    from kracked.book.l2 import L2Book


class LevelSide:
    """One side's levels, best first; each is summed when it is reached."""

    def __init__(self, side: OrderSide) -> None:
        self._side = side

    @property
    def best(self) -> Level | None:
        """The best level."""
        return self._side.best

    def top(self, count: int) -> list[Level]:
        """Return the best `count` levels."""
        return list(islice(self, count))

    def __iter__(self) -> Iterator[Level]:
        return (Level(queue.price, queue.qty) for queue in self._side)


class LevelBook:
    """Reads the level 3 book below it and keeps nothing; made anew for every frame."""

    def __init__(self, book: L3Book) -> None:
        self._book = book
        self.bids, self.asks = LevelSide(book.bids), LevelSide(book.asks)

    @property
    def precision(self) -> Precision:
        """Decimals of prices and quantities."""
        return self._book.precision

    @property
    def depth(self) -> int:
        """Levels a side, as subscribed."""
        return self._book.depth

    @property
    def verified(self) -> bool:
        """Whether the last checksum matched."""
        return self._book.verified

    @property
    def best_bid(self) -> Level | None:
        """The best bid."""
        return self._book.best_bid

    @property
    def best_ask(self) -> Level | None:
        """The best ask."""
        return self._book.best_ask

    @property
    def spread(self) -> int | None:
        """Best ask minus best bid; None while a side is empty."""
        return self._book.spread

    @property
    def exchange_time(self) -> int | None:
        """The exchange's time of the last message, ns."""
        return self._book.exchange_time

    @property
    def received(self) -> int:
        """Local time of the last message, ns."""
        return self._book.received


class FrameLevels:
    """The levels of a book, read once however many panes of a frame ask for them."""

    def __init__(self, book: L2Book | LevelBook | None) -> None:
        self.book = book

    @cached_property
    def both(self) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """The bids and the asks, best first; none without a book."""
        return (tuple(self.book.bids), tuple(self.book.asks)) if self.book else ((), ())
