"""Observables over a whole recording, as a frame: read quickly, or with every checksum."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from operator import itemgetter

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kracked.frames.books.numba_engine import Engine
from kracked.frames.books.observables import PRICE, QTY, Observable
from kracked.frames.books.order_arrays import NONE
from kracked.frames.books.order_replay import sample_orders
from kracked.frames.books.order_rows import Ints, TooManyDigits
from kracked.frames.books.table_replay import TableReplay
from kracked.frames.read.precision_periods import Channel
from kracked.frames.read.table_files import Source
from kracked.instruments import Precision

_EXACT = 1 << 53
"""Below it a double is exact for every integer, and its quotient by a power of ten nearest."""


def sample(
    source: Source,
    symbol: str,
    observable: Callable[[], Observable],
    *,
    channel: Channel | None,
    verify: bool,
    engine: Engine,
) -> pd.DataFrame:
    """Return an observable of a symbol's verified books, indexed by `ts_recv`.

    Args:
        source: A recording, its folder, files, or several of these.
        symbol: The symbol.
        observable: Makes a new observable.
        channel: `level3` or `book`; None for whichever was recorded, level3 first.
        verify: Compute every checksum.
        engine: Engine of the quick replay.
    """
    replay, fresh = TableReplay(source, symbol, channel), observable()
    if replay.channel == "level3" and not verify:
        try:
            return _join(sample_orders(source, symbol, fresh, engine), fresh)
        except TooManyDigits:  # the keeper's integers have no limit
            fresh = observable()
    # As Python's integers: sums of quantities may have more than 64 bits.
    width = 1 + len(fresh.columns)
    rows_by_precision = groupby(_sample_verified(replay, fresh), key=itemgetter(0))
    verified = (
        (precision, np.array([row for _, row in rows], dtype=object).reshape(-1, width))
        for precision, rows in rows_by_precision
    )
    return _join(verified, fresh)


def _sample_verified(
    replay: TableReplay, observable: Observable
) -> Iterator[tuple[Precision, tuple[int, ...]]]:
    """Yield the readings with every message applied by the keeper."""
    for event in replay.events():
        book, instants = replay.book, observable.due(event.received)
        if book is not None:
            for instant in instants:
                yield book.precision, (instant, *observable.from_book(book))
        book = replay.apply(event)
        if observable.on_change and book is not None and (values := observable.from_book(book)):
            yield book.precision, (event.received, *values)


def _join(found: Iterable[tuple[Precision, Ints]], observable: Observable) -> pd.DataFrame:
    """Return the readings of all precisions as one frame."""
    frames = [_to_frame([], observable, Precision(0, 0))]
    for precision, of in groupby(found, key=itemgetter(0)):
        frame = _to_frame([part for _, part in of], observable, precision)
        if (
            observable.on_change
            and frame.iloc[:1].values.tolist() == frames[-1].iloc[-1:].values.tolist()
        ):
            frame = frame.iloc[1:]
        if len(frame):
            frames.append(frame)
    return pd.concat(frames[1:] or frames)


def _to_frame(found: Iterable[Ints], observable: Observable, precision: Precision) -> pd.DataFrame:
    parts = [part for part in found if len(part)]
    whole = np.concatenate(parts) if parts else np.zeros((0, 1 + len(observable.columns)), np.int64)
    if observable.on_change and len(whole):
        differs = (whole[1:, 1:] != whole[:-1, 1:]).any(axis=1)
        whole = whole[np.concatenate(([True], differs))]
    decimals = {PRICE: precision.price, QTY: precision.qty}
    columns = {
        name: _unscale(whole[:, at], decimals[kind])
        if kind in decimals
        else whole[:, at].astype(np.int64)
        for at, (name, kind) in enumerate(observable.columns.items(), 1)
    }
    index = pd.to_datetime(whole[:, 0].astype(np.int64), unit="ns", utc=True)
    return pd.DataFrame(columns, index=pd.DatetimeIndex(index, name="ts_recv"))


def _unscale(scaled: Ints, decimals: int) -> NDArray[np.float64]:
    """Return the nearest doubles of scaled integers; NaN for NONE."""
    if scaled.dtype == np.int64 and (len(scaled) == 0 or scaled.max() < _EXACT):
        values = scaled / 10.0**decimals
    else:
        values = np.array([value / 10**decimals for value in scaled.tolist()])
    return np.where(scaled == NONE, np.nan, values)
