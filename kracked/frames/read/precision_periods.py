"""In how many decimals and how deep a symbol was recorded, and from when on.

Another recording may differ in both, and the exchange changes a market's decimals now and
then, even while it is recorded. Numbers are scaled by what held when their row came.
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
from kracked.format.session_info import read_table_info
from kracked.format.symbol_info import SymbolInfo
from kracked.frames.loaders import file_by_file
from kracked.frames.read.table_files import Source, paths
from kracked.instruments import Precision

Channel = Literal["level3", "book"]

_TABLES = {"level3": tables.ORDERS, "book": tables.BOOK}


class PrecisionPeriod(NamedTuple):
    """How a symbol's books were told for some time."""

    precision: Precision
    depth: int | None
    """None where no subscription was acknowledged."""

    def continues(self, before: PrecisionPeriod | None) -> bool:
        """Whether a book can be kept on from there; else only a snapshot can be believed."""
        known = before is not None and self.precision == before.precision
        return known and (self.depth is not None or self == before)


class _Periods(NamedTuple):
    periods: Sequence[PrecisionPeriod]
    until: Sequence[int]
    """Of all but the last: the number of the first message after it."""


def recorded_channel(source: Source, symbol: str) -> Channel:
    """The channel whose books were recorded, level 3 if both were. Raises `RecordError`."""
    known = [info for path in paths(source) if (info := _symbol_info(path, symbol))]
    if not known:
        raise RecordError(f"{symbol} was not recorded: no session.json beside the tables knows it")
    return "level3" if any(info.level3 for info in known) else "book"


def by_period(
    source: Source,
    symbol: str,
    channel: Channel,
    *,
    columns: Sequence[str] | None = None,
    exact: bool = False,
) -> Iterator[tuple[pd.DataFrame, PrecisionPeriod]]:
    """A table's rows a file at a time, one of an era's end in two. Raises `RecordError`."""
    folders = paths(source)
    known = [_periods(path, symbol, channel) for path in folders]
    other = next(filter(None, known), None)  # for a file that was taken from its folder
    if other is None:
        raise RecordError(f"the recording does not say how many decimals {symbol} has")
    for path, found in zip(folders, known, strict=True):
        files = file_by_file(_TABLES[channel], path, symbols=symbol, columns=columns, exact=exact)
        for frame in files:
            yield from _split(frame, found or other)


def _split(frame: pd.DataFrame, found: _Periods) -> Iterator[tuple[pd.DataFrame, PrecisionPeriod]]:
    if len(found.periods) == 1:
        yield frame, found.periods[0]
        return
    # By the messages' numbers: a clock may be set back.
    numbers = frame["seq"].to_numpy("int64", na_value=0)
    which = np.searchsorted(found.until, numbers, side="right")
    edges = sorted({0, *(np.flatnonzero(which[1:] != which[:-1]) + 1).tolist(), len(frame)})
    for begin, end in pairwise(edges):
        yield frame.iloc[begin:end], found.periods[which[begin]]


def _periods(path: Path, symbol: str, channel: Channel) -> _Periods | None:
    """None where decimals are not known."""
    info = _symbol_info(path, symbol)
    if info is None or info.precision is None:
        return None
    was = [earlier for earlier in info.was if earlier.precision is not None]
    periods = [
        PrecisionPeriod(state.precision, state.level3 if channel == "level3" else state.book)
        for state in (*was, info)
        if state.precision is not None
    ]
    return _Periods(periods, [earlier.until for earlier in was])


def _symbol_info(path: Path, symbol: str) -> SymbolInfo | None:
    """As the `session.json` beside the tables says; None where it does not know the symbol."""
    info = read_table_info(path if path.is_dir() else path.parent)
    return info.symbols.get(symbol) if info is not None else None
