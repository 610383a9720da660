"""Bars that reach into a time of which a recording may lack trades.

Where trades are numbered on both sides of a gap the numbers prove what is missing, and the
trade after a hole is flagged. Here are the times without such a proof: before the first trade,
after the last one, and gaps between trades without numbers or of another count.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kracked.format.tables import Flag
from kracked.frames.trade_arrays import Ints, TradeArrays
from kracked.frames.trade_coverage import TradeCoverage

_Bools = NDArray[np.bool_]


class Uncovered(NamedTuple):
    """One symbol's bars that are not covered whole."""

    before: _Bools
    """Whether its bar reaches before the time that is known: the first bar may."""
    after: _Bools
    """Whether it reaches beyond it: the last bar may."""
    between: _Bools
    """Whether it reaches into a gap of which the numbers prove nothing."""


def uncovered(
    arrays: TradeArrays,
    begins: Ints,
    ends: Ints,
    coverage: TradeCoverage | None,
    *,
    left_out: int | None,
    by_time: bool,
) -> Uncovered:
    """Return which bars are not covered whole.

    Args:
        arrays: The trades of the bars.
        begins: When the bars begin, ns since the Unix epoch.
        ends: When they end: before this instant for bars of time, with a trade of it for others.
        coverage: The time for which there are trades; None if nothing is known of it.
        left_out: When the trade was made whose number is the one before the first, if a snapshot
            told of it: it is in no bar, and between the two there is none.
        by_time: Whether they are bars of time: others begin and end with trades of the recording.
    """
    found = Uncovered(*(np.zeros(len(begins), dtype=bool) for _ in range(3)))
    if coverage is None or not len(begins):
        return found
    first, last = int(arrays.times[0]), int(arrays.times[-1])
    if by_time:
        known_from = coverage.known_from(first) if left_out is None else left_out + 1
        found.before[0] = begins[0] < known_from
        found.after[-1] = ends[-1] > coverage.known_until(last)
    for start, end in coverage.gaps:
        if start < last and end > first and not _numbers_tell(arrays, start, end):
            found.between[:] |= (begins < end) & (ends > start)
    return found


def _numbers_tell(arrays: TradeArrays, start: int, end: int) -> bool:
    """Whether the trades before and after a gap are of one count, and all between are numbered."""
    if arrays.numbers is None:
        return False
    at = max(0, int(np.searchsorted(arrays.times, start, side="right")) - 1)
    until = min(len(arrays.times) - 1, int(np.searchsorted(arrays.times, end)))
    across = arrays.numbers[at : until + 1]
    return bool((across >= 0).all() and across[-1] > across[0])


class LeftOut:
    """The trades that came with snapshots or from REST: those before the first live one are in
    no bar."""

    def __init__(self, trades: pd.DataFrame) -> None:
        """Find them in the rows of `load_trades`."""
        self._trades: dict[str, pd.DataFrame] = {}
        if {"flags", "trade_id"}.issubset(trades):
            flags = trades["flags"].to_numpy("int64", na_value=0)
            mine = flags & (Flag.SNAPSHOT | Flag.HEALED) > 0
            told = trades.loc[mine, ["symbol", "trade_id", "ts_event"]]
            groups = told.groupby("symbol", observed=True)
            self._trades = {str(symbol): rows for symbol, rows in groups}

    def time_of(self, symbol: str, number: int) -> int | None:
        """Return when a trade was made, ns since the Unix epoch; None if it is none of them."""
        rows = self._trades.get(symbol)
        if rows is None or number < 0:
            return None
        times = rows.loc[rows["trade_id"] == number, "ts_event"].dropna()
        return int(pd.DatetimeIndex(times).as_unit("ns").asi8[0]) if len(times) else None
