"""The best ten levels of a level 2 book as one row: the original project's table.

Nearly every message changes them, so a row of forty numbers is made for nearly every one.
The feed's own book may be ahead of the message whose row is made, so the levels are kept here
once more, as cells: a row is only joined, and only the side that changed. The checksum of
each message verifies them; a mismatch ends the rows until the next snapshot.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from zlib import crc32

from kracked.book import l2
from kracked.book.checksum import LEVELS_HASHED
from kracked.book.side import BookSide
from kracked.format import tables
from kracked.format.cells import exchange_time_cell, price_cells, time_cell
from kracked.format.lazy_text import Text
from kracked.format.tables import WIDE_LEVELS
from kracked.instruments import Precision
from kracked.protocol.events import BookEvent, BookSnapshot, BookUpdate, Side
from kracked.record.write import rows
from kracked.record.write.books.live_books import WideState
from kracked.units import to_text

_NO_LEVEL = ","
_NO_PRECISION = Precision(0, 0)


BookRows = tuple[Text, str, int]
"""A message's rows of `L2_updates`, the wide row of the book after it, and how many they are.

The wide row is empty when the best levels are as in the last one, or not verified.
"""


def depth_of(snapshot: BookSnapshot, acknowledged: int) -> int:
    """Return the depth of a snapshot's book: without one the least offered that holds it."""
    levels = max(len(snapshot.bids), len(snapshot.asks))
    if acknowledged >= levels:
        return acknowledged or l2.DEPTHS[0]
    return next((depth for depth in l2.DEPTHS if depth >= levels), levels)


class WideBook:
    """One symbol's book as the cells of its rows."""

    def __init__(self, symbol: str) -> None:
        self.symbol, self.table = symbol, tables.wide(symbol).name
        self.verified = False
        """Whether the levels have the checksum of the last message."""
        self.acknowledged = 0
        """Depth of the subscription; 0 before it is acknowledged."""
        self._depth, self._precision = 0, _NO_PRECISION
        self._bids, self._asks = _Side(Side.BID), _Side(Side.ASK)
        self._asks_crc = 0
        self._last: BookEvent | None = None
        self.cut: list[tuple[str, int]] = []
        """Side and price of each level that the depth has cut after the last message."""
        self._cells = [""] * (2 * WIDE_LEVELS)
        """Cells of ask, bid, next ask, next bid, ...: each a price and a quantity."""

    def acknowledge(self, depth: int) -> None:
        """Set the depth of the subscription, and cut a snapshot that came before it."""
        self.acknowledged = self._depth = depth
        for side in (self._bids, self._asks):
            side.cut(depth)

    def apply(self, event: BookEvent) -> bool:
        """Apply one message; return whether the levels have its checksum."""
        if self.cut:
            self.cut = []
        if type(event) is BookSnapshot:
            self._replace(event)
        elif not self.verified:
            return False
        elif event.precision is not self._precision and not self._refine(event.precision):
            self.verified = False
            return False
        else:
            bids, asks = self._bids, self._asks
            if event.bids:
                bids.apply(event.bids, self._depth)
                if bids.surplus:
                    self.cut += [("b", price) for price in bids.take_surplus()]
            if event.asks:
                if asks.apply(event.asks, self._depth):
                    self._asks_crc = crc32(asks.digits)
                if asks.surplus:
                    self.cut += [("a", price) for price in asks.take_surplus()]
        self._last = event
        self.verified = crc32(self._bids.digits, self._asks_crc) == event.checksum
        return self.verified

    def rows(self, event: BookSnapshot | BookUpdate, seq: int, flags: int) -> BookRows:
        """Apply message number `seq`; return its rows, marked with the flags."""
        verified, made = self.apply(event), len(event.bids) + len(event.asks)
        text: Text
        if isinstance(event, BookUpdate):
            cut = self.cut if verified else ()
            text, made = rows.book(event, seq, flags, cut), made + len(cut)
        else:
            text, made = rows.book_snapshot(event, seq, flags), made + 1
        row = self.row(seq) if verified else ""
        return text, row, made + bool(row)

    def _replace(self, event: BookSnapshot) -> None:
        self._depth = depth_of(event, self.acknowledged)
        self._precision = event.precision
        for side, sent in ((self._bids, event.bids), (self._asks, event.asks)):
            side.set_precision(event.precision)
            side.replace(sent, self._depth)
        self._asks_crc = crc32(self._asks.digits)

    def _refine(self, precision: Precision) -> bool:
        """Hold the levels with more decimals from now on; False if there are fewer."""
        price, qty = precision.price - self._precision.price, precision.qty - self._precision.qty
        if price < 0 or qty < 0:
            return False
        self._precision = precision
        for side in (self._bids, self._asks):
            finer = [(at * 10**price, total * 10**qty) for at, total in side]
            side.set_precision(precision)
            side.replace(finer, self._depth)
        self._asks_crc = crc32(self._asks.digits)
        return True

    def row(self, seq: int) -> str:
        """Return the row after message `seq`; empty if the best levels are as before."""
        cells, changed, last = self._cells, False, self._last
        for first, side in ((0, self._asks), (1, self._bids)):
            if side.touched and (best := side.best_cells()) != cells[first::2]:
                cells[first::2], changed = best, True
        if last is None or not changed:
            return ""
        ours, engine = time_cell(last.received), exchange_time_cell(last.timestamp)
        return f"{engine or ours},{ours},{','.join(cells)},{seq}\n"

    def hold(
        self,
        precision: Precision,
        depth: int,
        bids: Iterable[tuple[int, int]],
        asks: Iterable[tuple[int, int]],
    ) -> None:
        """Hold these verified levels, whose row is made already."""
        self._precision, self._depth, self.verified = precision, depth, True
        for side, levels in ((self._bids, bids), (self._asks, asks)):
            side.set_precision(precision)
            side.replace(levels, depth)
        self._asks_crc = crc32(self._asks.digits)
        self._cells[::2], self._cells[1::2] = self._asks.best_cells(), self._bids.best_cells()

    def state(self) -> WideState:
        """Return the levels as they are now, to be read later."""
        return WideState(self.symbol, self._precision, self._bids.copy(), self._asks.copy())


class _Side(BookSide):
    """The levels of a side, and the cell of each."""

    __slots__ = ("_cells", "_prices", "_qty_decimals", "surplus", "touched")

    def __init__(self, side: Side) -> None:
        super().__init__(side)
        self._cells: list[str] = []
        """Cells of the levels, worst first; empty for those never among the best."""
        self._prices, self._qty_decimals = price_cells(0), 0
        self.surplus: list[int] = []
        """Keys of the levels that the depth has cut since `take_surplus`."""
        self.touched = False
        """Whether one of the best levels may have changed since `best_cells`."""

    def set_precision(self, precision: Precision) -> None:
        """Set the decimals of the levels; `replace` must follow."""
        self._prices, self._qty_decimals = price_cells(precision.price), precision.qty

    def replace(self, levels: Iterable[tuple[int, int]], depth: int) -> None:
        """Hold these levels and no others."""
        super().replace(levels, depth)
        self._cells, self.touched = [""] * len(self._keys), True

    def apply(self, changes: Iterable[tuple[int, int]], depth: int) -> bool:
        """Set quantities, zero removing a level, then cut; return whether a hashed level changed.

        Updates that contradict a deep book are the feed's to find and to report.
        """
        keys, texts, cells, sign = self._keys, self._texts, self._cells, self._sign
        count, touched = len(keys), False
        for price, qty in changes:
            key = sign * price
            at = bisect_left(keys, key)
            cell = ""
            if at >= count - LEVELS_HASHED:
                touched = True
                cell = f"{self._prices[price]},{to_text(qty, self._qty_decimals)}"
            if at < count and keys[at] == key:
                if qty > 0:
                    texts[at], cells[at] = f"{price}{qty}", cell
                else:
                    del keys[at], texts[at], cells[at]
                    count -= 1
            elif qty > 0:
                keys.insert(at, key)
                texts.insert(at, f"{price}{qty}")
                cells.insert(at, cell)
                count += 1
        surplus = count - depth
        if surplus > 0:
            self.surplus = keys[:surplus]
            del keys[:surplus], texts[:surplus], cells[:surplus]
        if touched:
            self.touched = True
            self._join()
        return touched

    def take_surplus(self) -> list[int]:
        """Return the prices of the levels that were cut, and forget them."""
        prices, self.surplus = [self._sign * key for key in self.surplus], []
        return prices

    def _cut(self, depth: int, far: tuple[int, ...] = ()) -> bool:
        del self._cells[: max(0, len(self._keys) - depth)]
        return super()._cut(depth, far)

    def best_cells(self) -> list[str]:
        """Return the cells of the best levels, best first, always as many."""
        self.touched, best = False, self._cells[: -1 - WIDE_LEVELS : -1]
        if "" in best:  # a level that was not among the best until now
            for rank, (price, qty) in enumerate(self.top(len(best))):
                best[rank] = f"{self._prices[price]},{to_text(qty, self._qty_decimals)}"
            self._cells[: -1 - WIDE_LEVELS : -1] = best
        if len(best) < WIDE_LEVELS:
            best += [_NO_LEVEL] * (WIDE_LEVELS - len(best))
        return best
