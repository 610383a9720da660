"""The level 2 book: total quantity per price, by the exchange's own rules.

A whole message is applied in array order, then cut to the depth, then verified; half-way
through a message nothing may be read, and no cross may be mended.

Source: docs.kraken.com/api/docs/guides/spot-ws-book-v2
"""

from __future__ import annotations

from zlib import crc32

from kracked.book.base import Book
from kracked.book.side import BookSide
from kracked.book.stats import BookStats
from kracked.instruments import Precision
from kracked.protocol.events import BookEvent, BookSnapshot, BookUpdate, Side

DEPTHS = (10, 25, 100, 500, 1000)
"""Levels a side that the `book` channel offers."""


class L2Book(Book[BookSide, BookEvent]):
    """The best `depth` price levels a side of one instrument; attributes as in `Book`."""

    __slots__ = ()

    def __init__(self, symbol: str, precision: Precision, depth: int) -> None:
        sides = BookSide(Side.BID), BookSide(Side.ASK)
        super().__init__(symbol, precision, depth, sides, BookStats(symbol, "book"))

    def apply(self, event: BookSnapshot | BookUpdate) -> bool:
        """Apply one message; return whether the book is verified after it."""
        bids, asks, depth = self.bids, self.asks, self.depth
        if type(event) is BookSnapshot:
            bids.replace(event.bids, depth)
            asks.replace(event.asks, depth)
            self._hash()
        else:
            # A third of deep updates change no hashed level, and most change one side only.
            touched = bids.apply(event.bids, depth) if event.bids else False
            if event.asks and asks.apply(event.asks, depth):
                self._asks_crc = crc32(asks.digits)
                touched = True
            if touched:
                self.computed = crc32(bids.digits, self._asks_crc)
        self.last = event
        self.verified = (
            self.computed == event.checksum
            and bids.contradiction is None
            and asks.contradiction is None
        )
        return self.verified

    def set_depth(self, depth: int) -> None:
        """Cut to the depth in force, when the acknowledgement comes after its snapshot."""
        self.depth = depth
        self.set_limit(depth)
        self.bids.cut(depth)
        self.asks.cut(depth)
        self._hash()

    def rescale(self, precision: Precision) -> None:
        """Hold the same levels in a wider precision."""
        by_price = 10 ** (precision.price - self.precision.price)
        by_qty = 10 ** (precision.qty - self.precision.qty)
        for side in (self.bids, self.asks):
            levels = [(level.price * by_price, level.qty * by_qty) for level in side]
            side.replace(levels, self.depth)
        self._hash()
        self.precision = precision
