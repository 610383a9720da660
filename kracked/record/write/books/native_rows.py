"""Rows of `L2_updates`, of the wide books and of `L3_ticks` made in C, equal to the Python ones.

What the compiled functions do not hold (numbers of more than 62 bits, more than 18 decimals) is
made in Python from then on, by a `WideBook` or an `OrderScope` with the same content.
"""

from __future__ import annotations

from typing import Any

import msgspec

from kracked import _native
from kracked.book.native_sides import NativeSide
from kracked.format import tables
from kracked.format.cells import exchange_time_cell, text_cell, time_cell
from kracked.format.tables import Flag
from kracked.instruments import Precision
from kracked.protocol.events import BookSnapshot, BookUpdate, L3Snapshot, L3Update
from kracked.record.write import rows
from kracked.record.write.books.live_books import WideState
from kracked.record.write.books.order_scope import OrderScope, least_depth, rescaled
from kracked.record.write.books.wide_book import BookRows, WideBook, depth_of

_NO_PRECISION = Precision(0, 0)


def load() -> Any | None:
    """Return the compiled module, ready to make rows; None where Python's are asked for."""
    engine = _native.load()
    if engine is not None:
        marks = int(Flag.LAST), int(Flag.CUT)
        engine.use_cells(exchange_time_cell, time_cell, text_cell, *marks)
    return engine


def blocks(engine: Any | None) -> Any | None:
    """Return what gathers the rows of many updates in C; None without the compiled module."""
    return None if engine is None else engine.RowBlocks(BookUpdate, L3Update)


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
    def compiled(self) -> Any | None:
        """The rows in C, while they hold the book."""
        return None if self._python is not None else self._rows

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


class NativeOrderScope:
    """The orders in view of a level 3 book and their rows, in C; attributes as in `OrderScope`."""

    def __init__(self, engine: Any) -> None:
        self._orders = engine.OrderRows()
        self._precision = _NO_PRECISION
        self._python: OrderScope | None = None
        """Holds the orders from the first number on that C cannot."""

    @property
    def compiled(self) -> Any | None:
        """The rows in C, while they have all orders in view with these decimals."""
        return None if self._python is not None or not self._orders.whole else self._orders

    @property
    def depth(self) -> int:
        """Levels a side of the subscription; 0 before it is acknowledged."""
        depth: int = (self._python or self._orders).depth
        return depth

    @depth.setter
    def depth(self, depth: int) -> None:
        (self._python or self._orders).depth = depth

    def forget(self) -> None:
        """Trust nothing until the next snapshot: messages are missing."""
        self._orders.whole = False
        if self._python is not None:
            self._python.forget()

    def replace(self, event: L3Snapshot) -> None:
        """Hold a snapshot's orders and no others."""
        if self._python is None:
            try:
                self._orders.set_precision(event.precision)
                self._orders.replace(event)
            except OverflowError:
                self._python = self._python_scope()
            else:
                self._precision = event.precision
                if not self.depth:
                    self.depth = least_depth(max(map(self._orders.count, (0, 1))))
        if self._python is not None:
            self._python.replace(event)

    def rows(self, event: L3Update, seq: int, flags: int) -> tuple[str, int]:
        """Apply an update; return its rows, those of the orders that the depth cuts included."""
        if self._python is None:
            try:
                if event.precision is not self._precision:
                    self._refine(event)
                made: tuple[str, int] = self._orders.update(event, seq, flags)
            except OverflowError:
                self._python = self._python_scope()
            else:
                return made
        return self._python.rows(event, seq, flags)

    def _refine(self, event: L3Update) -> None:
        """Hold the orders with other decimals from now on; with fewer trust none of them."""
        before, precision = self._precision, event.precision
        price, qty = precision.price - before.price, precision.qty - before.qty
        self._orders.set_precision(precision)
        if price < 0 or qty < 0:
            self.forget()
        elif self._orders.whole and (price or qty):
            finer = [rescaled(self._orders.orders(side), 10**price, 10**qty) for side in (0, 1)]
            bids, asks = map(tuple, finer)
            self._orders.replace(msgspec.structs.replace(event, bids=bids, asks=asks))
        self._precision = precision

    def _python_scope(self) -> OrderScope:
        scope = OrderScope()
        scope.depth = self._orders.depth
        if self._orders.whole:
            scope.hold(self._precision, self._orders.orders(0), self._orders.orders(1))
        return scope
