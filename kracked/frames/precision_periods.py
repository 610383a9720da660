"""The periods in which a symbol's decimals and depth stay the same.

Recordings may differ in both, and the exchange changes a market's decimals now and then, even
while it is recorded. Numbers are scaled by the decimals that held when their row came.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from kracked.errors import RecordError
from kracked.format import tables
from kracked.format.session_info import SymbolInfo, read_table_info
from kracked.format.tables import Flag
from kracked.frames.loaders import file_by_file
from kracked.frames.read.absences import check_symbols, recorded_symbols
from kracked.frames.read.table_files import Source, paths
from kracked.instruments import Precision

Channel = Literal["level3", "book"]

_TABLES = {"level3": tables.ORDERS, "book": tables.BOOK}


class PrecisionPeriod(NamedTuple):
    """Decimals and depth of a symbol's books for some time."""

    precision: Precision
    depth: int | None
    """None if no subscription was acknowledged."""

    def continues(self, before: PrecisionPeriod | None) -> bool:
        """Whether a book of the period before can be kept; else a snapshot must come first."""
        known = before is not None and self.precision == before.precision
        return known and (self.depth is not None or self == before)


class _Periods(NamedTuple):
    """The periods of one recording, in order."""

    periods: Sequence[PrecisionPeriod]
    until: Sequence[int]
    """Number of the first message after each period but the last."""


def recorded_channel(source: Source, symbol: str) -> Channel:
    """Return the channel whose books were recorded, level 3 if both were.

    Raises `RecordError` for a symbol that was not recorded.
    """
    folders = paths(source)
    known = [info for path in folders if (info := _symbol_info(path, symbol))]
    if not known and (recorded := recorded_symbols(folders)):
        check_symbols([symbol], recorded, ", ".join(map(str, folders)))
    if not known:
        raise RecordError(f"{symbol} was not recorded: no session.json beside the tables has it")
    return "level3" if any(info.level3 for info in known) else "book"


def by_period(
    source: Source,
    symbol: str,
    channel: Channel,
    *,
    columns: Sequence[str] | None = None,
    exact: bool = False,
) -> Iterator[tuple[pd.DataFrame, PrecisionPeriod]]:
    """Yield a table's rows a file at a time, and apart where a period ends.

    Raises `RecordError` if no `session.json` states the symbol's decimals.
    """
    folders = paths(source)
    known = [_periods(path, symbol, channel) for path in folders]
    other = next(filter(None, known), None)  # for a file outside of its recording
    if other is None:
        raise RecordError(f"the recording does not state the decimals of {symbol}")
    for path, found in zip(folders, known, strict=True):
        files = file_by_file(_TABLES[channel], path, symbol=symbol, columns=columns, exact=exact)
        periods, until = found or other
        for frame in map(_without_cut_rows, files):
            if len(periods) == 1:
                yield frame, periods[0]
                continue
            # By the messages' numbers: a clock may be set back.
            numbers = frame["seq"].to_numpy("int64", na_value=0)
            which = np.searchsorted(until, numbers, side="right")
            edges = sorted({0, *(np.flatnonzero(which[1:] != which[:-1]) + 1).tolist(), len(frame)})
            for begin, end in pairwise(edges):
                yield frame.iloc[begin:end], periods[which[begin]]


def _without_cut_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the exchange's messages: those of what the depth cut are left out.

    Each message ends in a row of its own again, which has the checksum.
    """
    flags = frame["flags"].to_numpy("int64", na_value=0)
    cut = flags & Flag.CUT > 0
    if not cut.any():
        return frame
    own = ~cut
    before = np.maximum.accumulate(np.where(own, np.arange(len(frame)), -1))
    ends = np.flatnonzero(cut & (flags & Flag.LAST > 0))
    ends = ends[before[ends] >= 0]
    frame = frame.copy()
    if "checksum" in frame:
        checksum = frame["checksum"].to_numpy(copy=True)
        checksum[before[ends]] = checksum[ends]
        frame["checksum"] = pd.Series(checksum, frame.index, dtype=frame["checksum"].dtype)
    flags = flags.copy()
    flags[before[ends]] |= int(Flag.LAST)
    frame["flags"] = pd.Series(flags, frame.index).astype(frame["flags"].dtype)
    return frame[own]


def _periods(path: Path, symbol: str, channel: Channel) -> _Periods | None:
    """Return the periods of a symbol's books; None if its decimals are not known."""
    info = _symbol_info(path, symbol)
    if info is None or info.precision is None:
        return None
    earlier = [terms for terms in info.was if terms.precision is not None]
    periods = [
        PrecisionPeriod(terms.precision, terms.level3 if channel == "level3" else terms.book)
        for terms in (*earlier, info)
        if terms.precision is not None
    ]
    return _Periods(periods, [terms.until for terms in earlier])


def _symbol_info(path: Path, symbol: str) -> SymbolInfo | None:
    """Return a symbol's entry in the `session.json` beside the tables; None without one."""
    info = read_table_info(path if path.is_dir() else path.parent)
    return info.symbols.get(symbol) if info is not None else None
