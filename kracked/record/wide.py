"""The best ten levels of a level 2 book as one row: the original project's table.

Nearly every message changes them, so a row of forty numbers is made for nearly every one.
Nine of ten levels are as they were: their text is remembered by the digits that the
checksum hashes, and only the side that changed is put together again.
"""

from __future__ import annotations

from kracked import tables
from kracked.book.l2 import L2Book
from kracked.book.side import BookSide
from kracked.instruments import Precision
from kracked.record.cells import instant, nine_decimals, prices
from kracked.tables import WIDE_LEVELS
from kracked.units import to_text

_REMEMBERED = 1 << 10
"""Levels of a side: the best ten and what was there lately."""
_NO_LEVEL = ","


class Touch:
    """Makes the rows of one symbol's book."""

    def __init__(self, symbol: str) -> None:
        self.table = tables.wide(symbol).name
        self._asks = self._bids = b"-"
        """The digits of the row before: kept for the checksum, they are of just these levels."""
        self._cells = [_NO_LEVEL] * (2 * WIDE_LEVELS)
        """Ask, bid, next ask, next bid, ...: of each the price and the quantity."""
        self._known: tuple[_Levels, _Levels] | None = None

    def row(self, book: L2Book, seq: int) -> str:
        """The book's row; empty when its best levels are as they were."""
        known, asks, bids, last = self._known, book.asks, book.bids, book.last
        if known is None or known[0].precision is not book.precision:
            known = self._known = _Levels(book.precision), _Levels(book.precision)
        if last is None or (asks.digits == self._asks and bids.digits == self._bids):
            return ""
        if asks.digits != self._asks:
            self._asks, self._cells[0::2] = asks.digits, known[0].best(asks)
        if bids.digits != self._bids:
            self._bids, self._cells[1::2] = bids.digits, known[1].best(bids)
        ours, engine = instant(last.received), nine_decimals(last.timestamp)
        return f"{engine or ours},{ours},{','.join(self._cells)},{seq}\n"


class _Levels(dict[str, str]):
    """Price and quantity as text, by a level's digits, of prices that all have so many digits."""

    def __init__(self, precision: Precision) -> None:
        super().__init__()
        self.precision = precision
        self._price, self._qty_decimals = prices(precision.price), precision.qty
        self._width, self._like = 0, range(0)
        """Digits of these prices, and all prices that have as many."""

    def best(self, side: BookSide) -> list[str]:
        """The best levels of a side, always as many."""
        first, last, digits = side.best_digits(WIDE_LEVELS)
        if first not in self._like or last not in self._like:
            self.clear()
            self._width = len(str(first))
            self._like = range(10 ** (self._width - 1), 10**self._width)
        if last in self._like:
            cells = list(map(self.__getitem__, digits))
        else:  # where a price ends and its quantity begins is another place in each
            price, decimals = self._price, self._qty_decimals
            best = side.top(WIDE_LEVELS)
            cells = [f"{price[level.price]},{to_text(level.qty, decimals)}" for level in best]
        if len(cells) < WIDE_LEVELS:
            cells += [_NO_LEVEL] * (WIDE_LEVELS - len(cells))
        return cells

    def __missing__(self, digits: str) -> str:
        if len(self) >= _REMEMBERED:
            self.clear()
        price, qty = int(digits[: self._width]), int(digits[self._width :])
        text = self[digits] = f"{self._price[price]},{to_text(qty, self._qty_decimals)}"
        return text
