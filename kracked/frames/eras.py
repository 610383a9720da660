"""In how many decimals and how deep a symbol was recorded, and from when on.

Another recording may differ in both, and the exchange changes a market's decimals now and
then, even while it is recorded. Numbers are scaled by what held when their row came.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec
import numpy as np
import pandas as pd

from kracked import tables, times
from kracked.errors import RecordError
from kracked.frames import live
from kracked.frames.files import Source, paths
from kracked.frames.loaders import file_by_file
from kracked.instruments import Precision

Channel = Literal["level3", "book"]

_TABLES = {"level3": tables.ORDERS, "book": tables.BOOK}


class _Decimals(msgspec.Struct):
    since: str
    price_precision: int
    qty_precision: int


class _Subject(msgspec.Struct):
    """What `session.json` knows of a symbol."""

    price_precision: int | None = None
    qty_precision: int | None = None
    changed: list[_Decimals] = []
    book: int | None = None
    level3: int | None = None


class _Info(msgspec.Struct):
    symbols: dict[str, _Subject] = {}


class Era(NamedTuple):
    """How a symbol's books were told for some time."""

    precision: Precision
    depth: int | None
    """None where no subscription was acknowledged."""


def channel_of(source: Source, symbol: str) -> Channel:
    """The channel whose books were recorded, level 3 if both were. Raises `RecordError`."""
    known = [subject for path in paths(source) if (subject := _subject(path, symbol))]
    if not known:
        raise RecordError(f"{symbol} was not recorded: no session.json beside the tables knows it")
    return "level3" if any(subject.level3 for subject in known) else "book"


def by_era(
    source: Source,
    symbol: str,
    channel: Channel,
    *,
    columns: Sequence[str] | None = None,
    exact: bool = False,
) -> Iterator[tuple[pd.DataFrame, Era]]:
    """A table's rows a file at a time, one of an era's end in two. Raises `RecordError`."""
    places = paths(source)
    known = [_eras(path, symbol, channel) for path in places]
    other = next(filter(None, known), None)  # for a file that was taken from its folder
    if other is None:
        raise RecordError(f"the recording does not say how many decimals {symbol} has")
    for path, eras in zip(places, known, strict=True):
        files = file_by_file(_TABLES[channel], path, symbols=symbol, columns=columns, exact=exact)
        for frame in files:
            yield from _parted(frame, eras or other)


def _parted(
    frame: pd.DataFrame, eras: Sequence[tuple[int, Era]]
) -> Iterator[tuple[pd.DataFrame, Era]]:
    if len(eras) == 1:
        yield frame, eras[0][1]
        return
    begins = [since for since, _ in eras[1:]]
    received = pd.DatetimeIndex(frame["ts_recv"]).as_unit("ns").asi8
    which = np.searchsorted(begins, received, side="right")
    edges = [0, *(np.flatnonzero(which[1:] != which[:-1]) + 1).tolist(), len(frame)]
    for begin, end in pairwise(edges):
        yield frame.iloc[begin:end], eras[which[begin]][1]


def _eras(path: Path, symbol: str, channel: Channel) -> list[tuple[int, Era]]:
    """Each with its begin, ns since the Unix epoch; none where decimals are not known."""
    subject = _subject(path, symbol)
    if subject is None or subject.price_precision is None or subject.qty_precision is None:
        return []
    depth = subject.level3 if channel == "level3" else subject.book
    first = Era(Precision(subject.price_precision, subject.qty_precision), depth)
    later = (
        (times.parse_ns(one.since), Era(Precision(one.price_precision, one.qty_precision), depth))
        for one in subject.changed
    )
    return [(0, first), *later]


def _subject(path: Path, symbol: str) -> _Subject | None:
    """As the `session.json` beside the tables says; None where it does not know the symbol."""
    file = (path if path.is_dir() else path.parent) / "session.json"
    return live.said(file, _Info).symbols.get(symbol) if file.exists() else None
