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
from kracked.record.cells import instant, nine_decimals, texts_of
from kracked.tables import WIDE_LEVELS

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
        self._price, self._qty = texts_of(precision)
        self._width = self._low = self._high = 0

    def best(self, side: BookSide) -> list[str]:
        """The best levels of a side, always as many."""
        first, last, digits = side.best_digits(WIDE_LEVELS)
        if not self._fit(first, last) or len(self) > _REMEMBERED:
            self.clear()
            self._width = len(str(first))
            self._low, self._high = 10 ** (self._width - 1), 10**self._width
        if self._fit(first, last):
            cells = list(map(self.__getitem__, digits))
        else:  # where a price ends and its quantity begins is another place in each
            price, qty = self._price, self._qty
            cells = [f"{price[level.price]},{qty[level.qty]}" for level in side.top(WIDE_LEVELS)]
        if len(cells) < WIDE_LEVELS:
            cells += [_NO_LEVEL] * (WIDE_LEVELS - len(cells))
        return cells

    def _fit(self, first: int, last: int) -> bool:
        """Whether these prices, and so all between them, have as many digits as those known."""
        return self._low <= first < self._high and self._low <= last < self._high

    def __missing__(self, digits: str) -> str:
        price, qty = digits[: self._width], digits[self._width :]
        text = self[digits] = f"{self._price[int(price)]},{self._qty[int(qty)]}"
        return text
