"""Rows of a level 3 table as integers, a file at a time: the input of the quick replay.

Prices and quantities are read as doubles. A double stands for exactly one decimal number of
up to fifteen digits. A file with longer numbers is refused here; then decimals must be read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kracked.format.tables import Flag
from kracked.frames.books.order_kernel import ADD, DELETE, LAST, MODIFY, UNKNOWN
from kracked.frames.precision_periods import PrecisionPeriod, by_period
from kracked.frames.read.table_files import Source

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

COLUMNS = ("side", "ts_recv", "price", "size", "action", "order_id", "flags", "checksum")
_EXACT = 10**15
_SIGNS = {"b": 1, "a": -1}
_ACTIONS = {"A": ADD, "C": DELETE, "M": MODIFY}


class TooManyDigits(Exception):
    """A number with more digits than a double gives back exactly."""


class OrderRows(NamedTuple):
    """The whole messages of one symbol in one file."""

    frame: pd.DataFrame
    period: PrecisionPeriod
    key: Ints
    """Price of each row; an ask's is negative, so that the better sorts later on either side."""
    qty: Ints
    """Quantity of each row."""
    action: Ints
    """The kernel's action of each row, plus LAST; UNKNOWN for what no valid message has."""
    ends: Ints
    """The row after each message's last one."""
    received: Ints
    """Time of each message, ns since the Unix epoch."""
    checksum: Ints
    """Checksum of each message."""
    snapshot: Bools
    """Whether each message is a whole book."""
    suspect: Bools
    """Whether the recorder flagged each message as suspect."""

    def begin(self, message: int) -> int:
        """Return the first row of a message."""
        return int(self.ends[message - 1]) if message else 0


def order_rows(source: Source, symbol: str) -> Iterator[OrderRows]:
    """Yield the rows of a symbol file by file. Raises `TooManyDigits`."""
    for frame, period in by_period(source, symbol, "level3", columns=COLUMNS):
        ends = np.flatnonzero(frame["flags"].to_numpy("int64", na_value=0) & Flag.LAST) + 1
        if len(ends):
            # The rows after the last end are of a message that was cut off.
            yield _rows(frame.iloc[: int(ends[-1])], ends.astype(np.int64), period)


def _rows(frame: pd.DataFrame, ends: Ints, period: PrecisionPeriod) -> OrderRows:
    begins, lasts = np.concatenate(([0], ends[:-1])), ends - 1
    price = scaled(frame["price"].to_numpy("float64"), period.precision.price)
    qty = scaled(frame["size"].to_numpy("float64"), period.precision.qty)
    key = price * _codes(frame["side"], _SIGNS, 0)
    action = _codes(frame["action"], _ACTIONS, UNKNOWN)
    invalid = (price <= 0) | (key == 0) | (qty < 0) | ((qty == 0) & (action != DELETE))
    action[invalid | frame["order_id"].isna().to_numpy()] = UNKNOWN
    action[lasts] += LAST
    suspect = frame["flags"].to_numpy("int64", na_value=0) & Flag.SUSPECT > 0
    return OrderRows(
        frame=frame,
        period=period,
        key=key,
        qty=qty,
        action=action,
        ends=ends,
        received=pd.DatetimeIndex(frame["ts_recv"].iloc[lasts]).as_unit("ns").asi8,
        checksum=frame["checksum"].iloc[lasts].to_numpy("int64", na_value=-1),
        snapshot=_codes(frame["action"].iloc[begins], {"R": 1}, 0) > 0,
        suspect=np.logical_or.reduceat(suspect, begins),
    )


def scaled(values: NDArray[np.float64], decimals: int) -> Ints:
    """Return the scaled integers of doubles; 0 for a missing one. Raises `TooManyDigits`."""
    whole = np.rint(values * 10.0**decimals)
    other = whole / 10.0**decimals != values
    if not np.isnan(values[other]).all() or (np.abs(whole) >= _EXACT).any():
        raise TooManyDigits
    whole[other] = 0
    return whole.astype(np.int64)


def _codes(labels: pd.Series[Any], codes: Mapping[str, int], other: int) -> Ints:
    """Return the code of each label; `other` for one without a code."""
    known = [codes.get(label, other) for label in labels.cat.categories]
    return np.array([*known, other], dtype=np.int64)[labels.cat.codes.to_numpy()]
