"""The visible part of one instrument's book, followed batch by batch.

The engine runs ahead of what has been published: a whole slice of market time is matched
before its first message goes out. So the public side has a book of its own, fed by the
engine's steps, and every message is cut from the state it belongs to. The book also
caches what is needed again and again: the digits of prices, and those a checksum hashes.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from zlib import crc32

from kracked.book.checksum import LEVELS_HASHED, level_digits
from kracked.instruments import Precision
from kracked.protocol.events import Level, Side


class VisibleLevel:
    """One price: its visible orders in queue order, as id -> (quantity, entered)."""

    __slots__ = ("_book_digits", "_order_digits", "orders", "price", "price_text", "qty")

    def __init__(self, price: int, price_text: str) -> None:
        self.price = price
        self.price_text = price_text
        self.orders: dict[str, tuple[int, int]] = {}
        self.qty = 0
        self._book_digits: str | None = None
        self._order_digits: str | None = None

    def put(self, order_id: str, qty: int, entered: int) -> None:
        """Put an order at the back of the queue, or change it in place."""
        before = self.orders.get(order_id)
        self.orders[order_id] = (qty, entered)
        self._change(qty - (before[0] if before else 0))

    def remove(self, order_id: str) -> None:
        """Take an order out of the queue."""
        qty, _ = self.orders.pop(order_id)
        self._change(-qty)

    def _change(self, by: int) -> None:
        self.qty += by
        self._book_digits = self._order_digits = None

    def book_digits(self) -> str:
        """Return what the level adds to the text of a `book` checksum."""
        text = self._book_digits
        if text is None:
            text = self._book_digits = level_digits(self.price, self.qty)
        return text

    def order_digits(self) -> str:
        """Return what the level's orders add to the text of a `level3` checksum."""
        text = self._order_digits
        if text is None:
            if len(self.orders) == 1:
                text = self._order_digits = self.book_digits()
                return text
            parts = [level_digits(self.price, qty) for qty, _ in self.orders.values()]
            text = self._order_digits = "".join(parts)
        return text


class VisibleSide:
    """The levels of one side by rank: 0 is the best."""

    __slots__ = ("_book_half", "_keys", "_levels", "_order_half", "_precision", "_sign", "side")

    def __init__(self, side: Side, precision: Precision) -> None:
        self.side = side
        self._precision = precision
        # As in the books: keys ascend towards the best level, because changes are near it.
        self._sign = 1 if side is Side.BID else -1
        self._keys: list[int] = []
        self._levels: dict[int, VisibleLevel] = {}
        self._book_half: bytes | None = None
        self._order_half: bytes | None = None

    def put(self, order_id: str, price: int, qty: int, entered: int) -> tuple[int, VisibleLevel]:
        """Put an order at the back of its level, or change it; return rank and level."""
        key = self._sign * price
        level = self._levels.get(key)
        if level is None:
            level = self._levels[key] = VisibleLevel(price, self._precision.price_text(price))
            insort(self._keys, key)
        level.put(order_id, qty, entered)
        return self._rank(key), level

    def remove(self, order_id: str, price: int) -> tuple[int, VisibleLevel]:
        """Take an order out, and its level if it was the last one; return rank and level."""
        key = self._sign * price
        level = self._levels[key]
        level.remove(order_id)
        rank = self._rank(key)
        if not level.orders:
            del self._levels[key]
            del self._keys[-1 - rank]
        return rank, level

    def _rank(self, key: int) -> int:
        """Return the rank of a level that changes."""
        rank = len(self._keys) - 1 - bisect_left(self._keys, key)
        if rank < LEVELS_HASHED:
            self._book_half = self._order_half = None
        return rank

    def level(self, price: int) -> VisibleLevel | None:
        """Return the level at a price; None when there is none."""
        return self._levels.get(self._sign * price)

    def at(self, rank: int) -> VisibleLevel | None:
        """Return the level of this rank; None when there are not so many."""
        if rank >= len(self._keys):
            return None
        return self._levels[self._keys[-1 - rank]]

    def best(self, count: int) -> Iterator[VisibleLevel]:
        """Iterate the best `count` levels, best first."""
        return (self._levels[key] for key in self._keys[: -count - 1 : -1])

    def __len__(self) -> int:
        return len(self._keys)

    def book_half(self) -> bytes:
        """Return the side's part of the text that a `book` checksum hashes."""
        half = self._book_half
        if half is None:
            levels = self._levels
            best = [levels[key].book_digits() for key in self._keys[: -LEVELS_HASHED - 1 : -1]]
            half = self._book_half = "".join(best).encode()
        return half

    def order_half(self) -> bytes:
        """Return the side's part of the text that a `level3` checksum hashes."""
        half = self._order_half
        if half is None:
            levels = self._levels
            best = [levels[key].order_digits() for key in self._keys[: -LEVELS_HASHED - 1 : -1]]
            half = self._order_half = "".join(best).encode()
        return half


class VisibleBook:
    """Both sides of one instrument, and the two checksums of the best ten levels."""

    __slots__ = ("asks", "bids")

    def __init__(self, precision: Precision) -> None:
        self.bids = VisibleSide(Side.BID, precision)
        self.asks = VisibleSide(Side.ASK, precision)

    def fill(self, side: Side, orders: Iterable[tuple[str, int, int, int]]) -> None:
        """Take in resting orders as (id, price, quantity, entered), in queue order."""
        visible = self.side(side)
        for order_id, price, qty, entered in orders:
            visible.put(order_id, price, qty, entered)

    def side(self, side: Side) -> VisibleSide:
        """Return one side."""
        return self.bids if side is Side.BID else self.asks

    def top(self, side: Side) -> Level | None:
        """Return a side's best price and total quantity; None when it is empty."""
        level = self.side(side).at(0)
        return None if level is None else Level(level.price, level.qty)

    def book_checksum(self) -> int:
        """Return the checksum of `book`."""
        return crc32(self.bids.book_half(), crc32(self.asks.book_half()))

    def order_checksum(self) -> int:
        """Return the checksum of `level3`."""
        return crc32(self.bids.order_half(), crc32(self.asks.order_half()))
