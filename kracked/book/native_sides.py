"""The sides of the compiled books under the names of the Python ones.

The levels and orders are held by `kracked._native.engine`; these classes read them.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

from kracked.book import l3, side
from kracked.book.checksum import LEVELS_HASHED
from kracked.book.l3 import OrderSide
from kracked.book.queue import LevelQueue
from kracked.book.side import BookSide
from kracked.protocol.events import Level, OrderChange, Side

WORDS = (
    "",
    side.NEGATIVE,
    side.NOT_HELD,
    side.BEYOND_DEPTH,
    l3.HELD_ALREADY,
    l3.NO_QUANTITY,
    l3.OTHER_NUMBERS,
    l3.NOT_HELD,
    l3.BEYOND_DEPTH,
)
"""The sentence of each contradiction, in the order of `Contradiction` in core.h."""
SIDES = (Side.BID, Side.ASK)
LARGEST = 1 << 62
"""The largest number that a compiled book holds, as in core.h."""


class _SideView:
    """The readings of the compiled book that both kinds of side share."""

    __slots__ = ()
    _core: Any
    _at: int

    @property
    def limit(self) -> int:
        """Levels that the exchange shows; 0 while that is not known. Both sides share it."""
        found: int = self._core.limit(self._at)
        return found

    @limit.setter
    def limit(self, limit: int) -> None:
        self._core.set_limit(limit)

    @property
    def contradiction(self) -> tuple[str, int] | None:
        """A statement of an update that cannot be true of what is held; None forgets it."""
        found = self._core.contradiction(self._at)
        return (WORDS[found[0]], found[1]) if found else None

    @contradiction.setter
    def contradiction(self, _none: None) -> None:
        self._core.forgive(self._at)

    def __len__(self) -> int:
        """Return the number of price levels."""
        count: int = self._core.count(self._at)
        return count


class NativeSide(_SideView, BookSide):
    """The price levels of one side of a compiled level 2 book. Iterates best first."""

    __slots__ = ("_at", "_core")

    def __init__(self, core: Any, at: int) -> None:
        self._core, self._at = core, at
        self.side = SIDES[at]

    def copy(self) -> NativeSide:
        """Return a copy to be read later."""
        return NativeSide(self._core.copy(), self._at)

    def sorted_lists(self) -> tuple[list[int], list[str]]:
        """Return the keys, ascending towards the best level, and the digits of each level."""
        sign = 1 if self.side is Side.BID else -1
        levels = self._core.levels(self._at, 0, len(self))
        levels.reverse()
        return [sign * price for price, _ in levels], [f"{price}{qty}" for price, qty in levels]

    @property
    def digits(self) -> bytes:  # type: ignore[override]
        """This side's part of the text that the checksum hashes."""
        digits: bytes = self._core.digits(self._at)
        return digits

    def __iter__(self) -> Iterator[Level]:
        """Iterate over the levels, best first."""
        return iter(self.top(len(self)))

    def __getitem__(self, rank: int) -> Level:
        """Return the level of this rank; 0 is the best.

        Raises:
            IndexError: There are not that many levels.
        """
        if not 0 <= rank < len(self):
            raise IndexError(rank)
        return Level(*self._core.levels(self._at, rank, rank + 1)[0])

    @property
    def best(self) -> Level | None:
        """The best level; None for an empty side."""
        found = self._core.levels(self._at, 0, 1)
        return Level(*found[0]) if found else None

    def qty_at(self, price: int) -> int:
        """Return the total quantity at a price, both scaled; 0 where there is no level."""
        qty: int = self._core.qty_at(self._at, price) if abs(price) <= LARGEST else 0
        return qty

    def top(self, count: int) -> list[Level]:
        """Return the best `count` levels, best first."""
        if count < 0:
            raise ValueError(f"{count} levels")
        return [Level(*found) for found in self._core.levels(self._at, 0, count)]

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the Python side that holds the same levels."""
        return _python_side, (self.side, list(self))


def _python_side(side: Side, levels: list[Level]) -> BookSide:
    made = BookSide(side)
    made.replace(levels, len(levels))
    return made


def _python_order_side(side: Side, orders: list[OrderChange]) -> OrderSide:
    made = OrderSide(side, {})
    made.replace(orders, len(orders))
    return made


class NativeOrderSide(_SideView, OrderSide):
    """The price levels of one side of a compiled level 3 book. Iterates best first.

    The queues that it returns are copies: they stay as they were.
    """

    __slots__ = ("_at", "_core")

    def __init__(self, core: Any, at: int) -> None:
        self._core, self._at = core, at
        self.side = SIDES[at]

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the Python side that holds the same orders."""
        return _python_order_side, (self.side, list(self.orders()))

    @property
    def digits(self) -> bytes:  # type: ignore[override]
        """This side's part of the text that the checksum hashes."""
        levels = (self[rank].digits() for rank in range(min(len(self), LEVELS_HASHED)))
        return "".join(levels).encode()

    def __iter__(self) -> Iterator[LevelQueue]:
        """Iterate over the levels, best first."""
        return map(self.__getitem__, range(len(self)))

    def orders(self) -> Iterator[OrderChange]:
        """Iterate over every order: best level first, in queue order."""
        level = self._core.level
        return chain.from_iterable(level(self._at, rank)[2] for rank in range(len(self)))

    def __getitem__(self, rank: int) -> LevelQueue:
        """Return the level of this rank; 0 is the best.

        Raises:
            IndexError: There are not that many levels.
        """
        if not 0 <= rank < len(self):
            raise IndexError(rank)
        return queue_of(self._core.level(self._at, rank))

    def at(self, price: int) -> LevelQueue | None:
        """Return the queue at a scaled price; None where there is no level."""
        found = self._core.at(self._at, price) if abs(price) <= LARGEST else None
        return queue_of(found) if found else None

    @property
    def best(self) -> Level | None:
        """The best price and its total quantity; None for an empty side."""
        return Level(self[0].price, self[0].qty) if len(self) else None


def queue_of(found: tuple[int, int, list[OrderChange]]) -> LevelQueue:
    """Return a level of the compiled book as a queue: a copy, which stays as it is."""
    at, price, orders = found
    queue = LevelQueue(SIDES[at], price)
    queue.orders = {order.order_id: order for order in orders}
    return queue
