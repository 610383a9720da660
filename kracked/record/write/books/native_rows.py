"""Rows of `L2_updates`, of the wide books and of `L3_ticks` made in C, equal to the Python ones.

What the compiled functions do not hold (numbers of more than 62 bits, more than 18 decimals) is
made in Python: by a `WideBook` with the same levels from then on, or by `rows.orders`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kracked import _native
from kracked.book.native_sides import NativeSide
from kracked.format import tables
from kracked.format.cells import exchange_time_cell, text_cell, time_cell
from kracked.format.tables import Flag
from kracked.instruments import Precision
from kracked.protocol.events import BookSnapshot, BookUpdate, L3Update
from kracked.record.write import rows
from kracked.record.write.books.live_books import WideState
from kracked.record.write.books.order_scope import CutOrder
from kracked.record.write.books.wide_book import BookRows, WideBook, depth_of

_NO_PRECISION = Precision(0, 0)

OrderRows = Callable[[L3Update, int, int, Sequence[CutOrder]], str]
"""Makes the rows of a level 3 update: as `rows.orders`."""


def load() -> Any | None:
    """Return the compiled module, ready to make rows; None where Python's are asked for."""
    engine = _native.load()
    if engine is not None:
        marks = int(Flag.LAST), int(Flag.CUT)
        engine.use_cells(exchange_time_cell, time_cell, text_cell, *marks)
    return engine


def order_rows(engine: Any | None) -> OrderRows:
    """Return the function that makes the rows of level 3 updates."""
    if engine is None:
        return rows.orders
    compiled = engine.order_rows

    def made(event: L3Update, seq: int, flags: int, cut: Sequence[CutOrder]) -> str:
        """Return an update's rows, those of odd numbers from Python."""
        try:
            text: str = compiled(event, seq, flags, cut)
        except OverflowError:
            return rows.orders(event, seq, flags, cut)
        return text

    return made


class NativeWideBook:
    """One symbol's book, its levels and rows in C; attributes as in `WideBook`."""

    def __init__(self, engine: Any, symbol: str) -> None:
        self.symbol, self.table = symbol, tables.wide(symbol).name
        self.acknowledged = 0
        self._levels = engine.LevelBook()
        self._rows = engine.BookRows(symbol, self._levels)
        self._precision = _NO_PRECISION
        self._python: WideBook | None = None
        """Holds the book from the first number on that C cannot."""

    @property
    def verified(self) -> bool:
        """Whether the levels have the checksum of the last message."""
        verified: bool = (self._python or self._levels).verified
        return verified

    def acknowledge(self, depth: int) -> None:
        """Set the depth of the subscription, and cut a snapshot that came before it."""
        self.acknowledged = self._levels.depth = depth
        self._levels.cut()
        if self._python is not None:
            self._python.acknowledge(depth)

    def rows(self, event: BookSnapshot | BookUpdate, seq: int, flags: int) -> BookRows:
        """Apply message number `seq`; return its rows, marked with the flags."""
        if self._python is None:
            try:
                if isinstance(event, BookUpdate):
                    return self._updated(event, seq, flags)
                return self._replaced(event, seq, flags)
            except OverflowError:
                self._python = self._python_book()
        return self._python.rows(event, seq, flags)

    def _updated(self, event: BookUpdate, seq: int, flags: int) -> BookRows:
        if event.precision is not self._precision:
            self._refine(event.precision)
        made: BookRows = self._rows.update(event, seq, flags)
        return made

    def _replaced(self, event: BookSnapshot, seq: int, flags: int) -> BookRows:
        levels, bids, asks = self._levels, tuple(event.bids), tuple(event.asks)
        depth, levels.depth = levels.depth, depth_of(event, self.acknowledged)
        try:
            levels.replace(bids, asks)
            self._rows.set_decimals(event.precision)
        except OverflowError:
            levels.depth, levels.verified = depth, False
            raise
        self._precision = event.precision
        levels.verified = levels.computed == event.checksum
        row = self._rows.row(event.received, event.timestamp, seq) if levels.verified else ""
        text = rows.book_snapshot(event, seq, flags)
        return text, row, text.rows + bool(row)

    def _refine(self, precision: Precision) -> None:
        """Hold the levels with other decimals from now on; with fewer they are not verified."""
        levels, before = self._levels, self._precision
        if levels.verified:
            price, qty = precision.price - before.price, precision.qty - before.qty
            if price < 0 or qty < 0:
                levels.verified = False
            elif price or qty:
                finer = [
                    [(at * 10**price, total * 10**qty) for at, total in NativeSide(levels, side)]
                    for side in (0, 1)
                ]
                levels.replace(*finer)
        self._rows.set_decimals(precision)
        self._precision = precision

    def _python_book(self) -> WideBook:
        levels = self._levels
        book = WideBook(self.symbol)
        book.acknowledge(self.acknowledged)
        if levels.verified:
            book.hold(self._precision, levels.depth, NativeSide(levels, 0), NativeSide(levels, 1))
        return book

    def state(self) -> WideState:
        """Return the levels as they are now, to be read later."""
        if self._python is not None:
            return self._python.state()
        levels = self._levels.copy()
        sides = NativeSide(levels, 0), NativeSide(levels, 1)
        return WideState(self.symbol, self._precision, *sides)
