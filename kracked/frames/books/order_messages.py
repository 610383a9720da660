"""Level 3 tables as messages for a ledger: rows of integers, a file at a time."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from kracked.book.l3 import DEPTHS
from kracked.flow.ledger import Row
from kracked.format.tables import Flag
from kracked.frames.books.order_rows import scaled
from kracked.frames.precision_periods import PrecisionPeriod, by_period
from kracked.frames.read.table_files import Source
from kracked.protocol.events import OrderAction

COLUMNS = ("side", "ts_event", "ts_recv", "price", "size", "action", "order_id", "ts_msg", "flags")
_ACTIONS = {"A": OrderAction.ADD, "C": OrderAction.DELETE, "M": OrderAction.MODIFY}


class OrderMessage(msgspec.Struct, frozen=True, gc=False):
    """One message of the `level3` channel. Times are ns since the Unix epoch, 0 for none."""

    received: int
    at: int
    """The exchange's time of the message."""
    bids: list[Row]
    asks: list[Row]
    snapshot: bool
    suspect: bool
    """Whether the recorder could not verify it."""


def order_messages(
    source: Source, symbol: str, *, exact: bool
) -> Iterator[tuple[PrecisionPeriod, Iterator[OrderMessage]]]:
    """Yield the messages of a symbol, file by file, with the decimals of their numbers.

    Args:
        source: The recording.
        symbol: The symbol.
        exact: Read decimals, not doubles: slower, and needed for numbers of many digits.

    Raises:
        TooManyDigits: Doubles do not hold the numbers.
        RecordError: The symbol was not recorded.
    """
    for frame, period in by_period(source, symbol, "level3", columns=COLUMNS, exact=exact):
        yield period, _messages(frame, period, exact=exact)


def depth_of(period: PrecisionPeriod, snapshot: OrderMessage) -> int:
    """Return the depth of a book: the acknowledged one, else the smallest that holds it."""
    if period.depth is not None:
        return period.depth
    levels = max(len({row[2] for row in side}) for side in (snapshot.bids, snapshot.asks))
    return next((depth for depth in DEPTHS if depth >= levels), levels)


def _messages(
    frame: pd.DataFrame, period: PrecisionPeriod, *, exact: bool
) -> Iterator[OrderMessage]:
    flags = frame["flags"].to_numpy("int64", na_value=0)
    lasts = np.flatnonzero(flags & Flag.LAST)
    if not len(lasts):
        return
    precision = period.precision
    rows = list(
        zip(
            [_ACTIONS.get(label) for label in frame["action"].tolist()],
            frame["order_id"].tolist(),
            _integers(frame["price"], precision.price, exact=exact),
            _integers(frame["size"], precision.qty, exact=exact),
            times_ns(frame["ts_event"]),
            strict=True,
        )
    )
    is_bid = (frame["side"] == "b").to_numpy()
    firsts = np.concatenate(([0], lasts[:-1] + 1))
    bids = np.add.reduceat(is_bid, firsts, dtype=np.int64)
    cleared = (frame["action"] == "R").to_numpy()[firsts]
    suspect = np.bitwise_or.reduceat(flags, firsts) & Flag.SUSPECT > 0
    columns = (
        firsts.tolist(),
        (lasts + 1).tolist(),
        bids.tolist(),
        cleared.tolist(),
        suspect.tolist(),
        times_ns(frame["ts_recv"].iloc[lasts]),
        times_ns(frame["ts_msg"].iloc[lasts]),
    )
    sides = is_bid.tolist()
    none: list[Row] = []
    for first, end, count, snapshot, doubtful, received, at in zip(*columns, strict=True):
        changes: Any = rows[first + snapshot : end]
        if not count:
            told = (none, changes)
        elif count == len(changes):
            told = (changes, none)
        else:
            which = sides[first + snapshot : end]
            told = (
                [row for row, bid in zip(changes, which, strict=True) if bid],
                [row for row, bid in zip(changes, which, strict=True) if not bid],
            )
        yield OrderMessage(received, at, *told, snapshot, doubtful)


def _integers(values: pd.Series[Any], decimals: int, *, exact: bool) -> list[int]:
    """Return numbers as scaled integers; 0 for none, in rows that clear a book."""
    if exact:
        return [
            int(value.scaleb(decimals)) if isinstance(value, Decimal) else 0 for value in values
        ]
    whole: list[int] = scaled(values.to_numpy("float64"), decimals).tolist()
    return whole


def times_ns(values: pd.Series[Any]) -> list[int]:
    """Return times as ns since the Unix epoch; 0 for none."""
    numbers = pd.DatetimeIndex(values).as_unit("ns").asi8
    known: list[int] = np.where(numbers < 0, 0, numbers).tolist()
    return known
