"""Books rebuilt from a recording's CSV tables alone, message by message.

Rows of one message share `seq`; the row with bit 128 of `flags` closes it and bears the
exchange's checksum. The rows become the events they were made of, exactly, and go
through the keeper that keeps live books: one reading of the rules, here as there.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec
import zstandard

from kracked import tables, units
from kracked.book.keeper import BookKeeper
from kracked.book.l2 import L2Book
from kracked.book.l3 import L3Book
from kracked.frames.files import Source, csv_files, paths
from kracked.instruments import Precision
from kracked.protocol import events
from kracked.protocol.events import OrderAction, OrderChange
from kracked.tables import Flag, Table
from kracked.times import parse_ns

Channel = Literal["level3", "book"]
Book = L2Book | L3Book
BookEvent = events.BookSnapshot | events.BookUpdate | events.OrdersSnapshot | events.OrdersUpdate

_ACTIONS = {"A": OrderAction.ADD, "C": OrderAction.DELETE, "M": OrderAction.MODIFY}
_TABLES: dict[Channel, Table] = {"level3": tables.ORDERS, "book": tables.BOOK}


class _Subject(msgspec.Struct):
    price_precision: int | None = None
    qty_precision: int | None = None
    book: int | None = None
    level3: int | None = None


class _Info(msgspec.Struct):
    symbols: dict[str, _Subject] = {}


def book_events(source: Source, symbol: str, *, channel: Channel = "level3") -> Iterator[BookEvent]:
    """The messages that a table's rows were made of, in order."""
    subject = _subject(source, symbol)
    precision = Precision(subject.price_precision or 0, subject.qty_precision or 0)
    make = _orders if channel == "level3" else _levels
    rows: list[dict[str, str]] = []
    for row in _rows(source, _TABLES[channel], symbol):
        rows.append(row)
        if int(row["flags"]) & Flag.LAST:
            yield make(rows, precision)
            rows = []


class Rebuild:
    """One symbol's book, from its rows: `events` in order, each to be applied by the caller."""

    def __init__(self, source: Source, symbol: str, channel: Channel = "level3") -> None:
        self._source, self._symbol, self._channel = source, symbol, channel
        self._keeper = BookKeeper()
        subject = _subject(source, symbol)
        depth = subject.level3 if channel == "level3" else subject.book
        self._keeper.apply(events.Subscribed(0, channel, symbol, depth))

    def events(self) -> Iterator[BookEvent]:
        return book_events(self._source, self._symbol, channel=self._channel)

    def apply(self, event: BookEvent) -> Book | None:
        """The book after the message; None while it is not verified."""
        self._keeper.apply(event)
        return self.book

    @property
    def book(self) -> Book | None:
        level3 = self._channel == "level3"
        kept = self._keeper.orders if level3 else self._keeper.books
        book: Book | None = kept.get(self._symbol)
        return book if book is not None and book.verified else None


def books(source: Source, symbol: str, *, channel: Channel = "level3") -> Iterator[Book]:
    """The verified book after each message: the same object every time, changed in between."""
    rebuild = Rebuild(source, symbol, channel)
    for event in rebuild.events():
        if (book := rebuild.apply(event)) is not None:
            yield book


def _orders(rows: list[dict[str, str]], precision: Precision) -> BookEvent:
    sides: dict[str, list[OrderChange]] = {"b": [], "a": []}
    for row in rows:
        if row["action"] in _ACTIONS:
            sides[row["side"]].append(
                OrderChange(
                    _ACTIONS[row["action"]],
                    row["order_id"],
                    units.scale(row["price"].encode(), precision.price),
                    units.scale(row["size"].encode(), precision.qty),
                    row["ts_event"],
                )
            )
    last = rows[-1]
    make = events.OrdersSnapshot if rows[0]["action"] == "R" else events.OrdersUpdate
    return make(
        parse_ns(last["ts_recv"]),
        last["symbol"],
        precision,
        tuple(sides["b"]),
        tuple(sides["a"]),
        int(last["checksum"]),
        last["ts_msg"] or None,
    )


def _levels(rows: list[dict[str, str]], precision: Precision) -> BookEvent:
    sides: dict[str, list[tuple[int, int]]] = {"b": [], "a": []}
    for row in rows:
        if row["side"] in sides:
            price = units.scale(row["price"].encode(), precision.price)
            sides[row["side"]].append((price, units.scale(row["qty"].encode(), precision.qty)))
    last = rows[-1]
    make = events.BookSnapshot if rows[0]["side"] == "n" else events.BookUpdate
    return make(
        parse_ns(last["ts_recv"]),
        last["symbol"],
        precision,
        tuple(sides["b"]),
        tuple(sides["a"]),
        int(last["checksum"]),
        last["ts_event"] or None,
    )


def _rows(source: Source, table: Table, symbol: str) -> Iterator[dict[str, str]]:
    for path in csv_files(source, table):
        with path.open("rb") as file:
            stream = zstandard.open(file) if path.suffix == ".zst" else io.TextIOWrapper(file)
            for row in csv.DictReader(stream):
                if row["symbol"] == symbol:
                    yield row


def _subject(source: Source, symbol: str) -> _Subject:
    """Precision and depth, from the `session.json` beside the tables."""
    for path in paths(source):
        file = Path(path) / "session.json"
        if file.exists():
            info = msgspec.json.decode(file.read_bytes(), type=_Info)
            if symbol in info.symbols:
                return info.symbols[symbol]
    raise KeyError(f"no session.json knows {symbol}")
