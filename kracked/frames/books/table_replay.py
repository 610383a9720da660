"""Books rebuilt from a recording's tables alone, message by message.

Rows of one message share `seq`; the row with bit 128 of `flags` ends it and has the exchange's
checksum. The rows become exactly the events from which they were made, and go through the same
keeper as live books.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from kracked.book.keeper import BookKeeper
from kracked.book.l2 import L2Book
from kracked.book.l3 import L3Book
from kracked.errors import ConfigError
from kracked.format.tables import Flag
from kracked.frames.precision_periods import (
    Channel,
    PrecisionPeriod,
    by_period,
    recorded_channel,
)
from kracked.frames.read.table_files import Source
from kracked.instruments import Precision
from kracked.protocol import events
from kracked.protocol.events import OrderAction, OrderChange

Book = L2Book | L3Book
BookEvent = events.BookSnapshot | events.BookUpdate | events.L3Snapshot | events.L3Update

_ACTIONS = {"A": OrderAction.ADD, "C": OrderAction.DELETE, "M": OrderAction.MODIFY}


def book_events(source: Source, symbol: str, *, channel: Channel = "level3") -> Iterator[BookEvent]:
    """Yield the messages from which a table's rows were made, in order."""
    for frame, period in by_period(source, symbol, channel, exact=True):
        yield from _events(frame, symbol, channel, period.precision)


def _events(
    frame: pd.DataFrame, symbol: str, channel: Channel, precision: Precision
) -> Iterator[BookEvent]:
    make = order_event if channel == "level3" else _level_event
    price = _scaled(frame["price"], precision.price)
    qty = _scaled(frame["size" if "size" in frame else "qty"], precision.qty)
    rows, first = MessageColumns(frame, symbol, price, qty), 0
    for last in np.flatnonzero(frame["flags"].to_numpy() & Flag.LAST).tolist():
        yield make(rows, last, range(first, last + 1), precision)
        first = last + 1


class MessageColumns:
    """The columns of a frame as lists of the values that events are made of."""

    def __init__(self, frame: pd.DataFrame, symbol: str, price: list[int], qty: list[int]) -> None:
        self.symbol, self.price, self.qty = symbol, price, qty
        self.side: list[str] = frame["side"].tolist()
        self.received: list[int] = pd.DatetimeIndex(frame["ts_recv"]).asi8.tolist()
        self.ts_event = _texts(frame, "ts_event")
        self.checksum: list[int] = frame["checksum"].tolist()
        if "action" in frame:
            self.action: list[str] = frame["action"].tolist()
            self.order_id: list[str] = frame["order_id"].tolist()
            self.ts_msg = _texts(frame, "ts_msg")


def _scaled(values: pd.Series[Any], decimals: int) -> list[int]:
    """Return decimals as scaled integers, exactly; 0 for none, in rows that clear a book."""
    return [int(value.scaleb(decimals)) if isinstance(value, Decimal) else 0 for value in values]


def _texts(frame: pd.DataFrame, column: str) -> list[str]:
    """Return times as the exchange writes them; empty for a missing time or column."""
    if column not in frame:
        return [""] * len(frame)
    plain = pd.DatetimeIndex(frame[column]).tz_localize(None).to_numpy()
    return ["" if text == "NaT" else f"{text}Z" for text in np.datetime_as_string(plain, unit="ns")]


class TableReplay:
    """A symbol's book rebuilt from its rows: the caller applies each of its `events`."""

    def __init__(self, source: Source, symbol: str, channel: Channel | None = None) -> None:
        """Choose the table of a channel, by default of whichever was recorded, level 3 first.

        Raises:
            ConfigError: There is no such channel.
            RecordError: The symbol was not recorded.
        """
        if channel not in (None, "level3", "book"):
            raise ConfigError(f"no books in channel {channel}: choose level3 or book")
        recorded = recorded_channel(source, symbol)
        self._source, self.symbol = source, symbol
        self.channel: Channel = channel or recorded
        self._keeper = BookKeeper()
        self._period: PrecisionPeriod | None = None
        self._period_of_last: PrecisionPeriod | None = None
        """The period of the event that came last."""

    def events(self) -> Iterator[BookEvent]:
        """Yield the events in order; `apply` each before the next."""
        for frame, period in by_period(self._source, self.symbol, self.channel, exact=True):
            self._period_of_last = period
            yield from _events(frame, self.symbol, self.channel, period.precision)

    def enter_period(self, period: PrecisionPeriod) -> None:
        """Set the decimals and depth of the events from now on."""
        if period == self._period:
            return
        if not period.continues(self._period):
            self._keeper.forget(self.symbol, self.channel)
        if period.depth is not None:
            self._keeper.expect(self.symbol, self.channel, period.depth)
        self._period = self._period_of_last = period

    def apply(self, event: BookEvent) -> Book | None:
        """Apply a message and return the book; None while it is not verified."""
        if self._period_of_last is not None:
            self.enter_period(self._period_of_last)
        self._keeper.apply(event)
        return self.book

    @property
    def book(self) -> Book | None:
        """The book as it is now; None while it is not verified."""
        level3 = self.channel == "level3"
        books = self._keeper.l3 if level3 else self._keeper.l2
        book: Book | None = books.get(self.symbol)
        return book if book is not None and book.verified else None

    @property
    def orders(self) -> L3Book:
        """The level 3 book, verified or not. Raises KeyError before a snapshot."""
        return self._keeper.l3[self.symbol]


def books(source: Source, symbol: str, *, channel: Channel | None = None) -> Iterator[Book]:
    """Yield the verified book after each message: the same object, changed in between."""
    replay = TableReplay(source, symbol, channel)
    for event in replay.events():
        if (book := replay.apply(event)) is not None:
            yield book


def order_event(rows: MessageColumns, last: int, span: range, precision: Precision) -> BookEvent:
    """Return the level 3 message of the rows in `span`, which end with row `last`."""
    sides: dict[str, list[OrderChange]] = {"b": [], "a": []}
    for at in span:
        if (action := _ACTIONS.get(rows.action[at])) is not None:
            change = OrderChange(
                action, rows.order_id[at], rows.price[at], rows.qty[at], rows.ts_event[at]
            )
            sides[rows.side[at]].append(change)
    make = events.L3Snapshot if rows.action[span[0]] == "R" else events.L3Update
    return make(
        received=rows.received[last],
        symbol=rows.symbol,
        precision=precision,
        bids=tuple(sides["b"]),
        asks=tuple(sides["a"]),
        checksum=rows.checksum[last],
        timestamp=rows.ts_msg[last] or None,
    )


def _level_event(rows: MessageColumns, last: int, span: range, precision: Precision) -> BookEvent:
    """Return the level 2 message of the rows in `span`, which end with row `last`."""
    sides: dict[str, list[tuple[int, int]]] = {"b": [], "a": []}
    for at in span:
        if rows.side[at] in sides:
            sides[rows.side[at]].append((rows.price[at], rows.qty[at]))
    make = events.BookSnapshot if rows.side[span[0]] == "n" else events.BookUpdate
    return make(
        received=rows.received[last],
        symbol=rows.symbol,
        precision=precision,
        bids=tuple(sides["b"]),
        asks=tuple(sides["a"]),
        checksum=rows.checksum[last],
        timestamp=rows.ts_event[last] or None,
    )
