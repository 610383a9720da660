"""A book read over a whole recording, as a frame: quickly, or with every checksum."""

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
from kracked.frames.books.order_replay import order_readings
from kracked.frames.books.order_rows import Ints, TooLong
from kracked.frames.books.table_replay import TableReplay
from kracked.frames.read.precision_periods import Channel
from kracked.frames.read.table_files import Source
from kracked.instruments import Precision

_EXACT = 1 << 53
"""Below it a double is every integer, and its quotient by a power of ten the nearest one."""


def readings(
    source: Source,
    symbol: str,
    look: Callable[[], Observable],
    *,
    channel: Channel | None,
    verify: bool,
    engine: Engine,
) -> pd.DataFrame:
    """What a look tells of a symbol's verified books, indexed by `ts_recv`."""
    rebuild, fresh = TableReplay(source, symbol, channel), look()
    if rebuild.channel == "level3" and not verify:
        try:
            return _whole(order_readings(source, symbol, fresh, engine), fresh)
        except TooLong:  # the keeper counts as far as Python does
            fresh = look()
    return _whole(_verified(rebuild, fresh), fresh)


def _verified(rebuild: TableReplay, look: Observable) -> Iterator[tuple[Precision, Ints]]:
    """Every message by the keeper."""
    for precision, rows in groupby(_rows(rebuild, look), key=itemgetter(0)):
        # Python's integers: sums of quantities may have more than 64 bits.
        whole = np.array([row for _, row in rows], dtype=object)
        yield precision, whole.reshape(-1, 1 + len(look.columns))


def _rows(rebuild: TableReplay, look: Observable) -> Iterator[tuple[Precision, tuple[int, ...]]]:
    for event in rebuild.events():
        book, instants = rebuild.book, look.instants(event.received)
        if book is not None:
            for instant in instants:
                yield book.precision, (instant, *look.of_book(book))
        book = rebuild.apply(event)
        if look.changes and book is not None and (values := look.of_book(book)):
            yield book.precision, (event.received, *values)


def _whole(found: Iterable[tuple[Precision, Ints]], look: Observable) -> pd.DataFrame:
    frames = [_frame([], look, Precision(0, 0))]
    for precision, of in groupby(found, key=itemgetter(0)):
        frame = _frame([part for _, part in of], look, precision)
        if look.changes and frame.iloc[:1].values.tolist() == frames[-1].iloc[-1:].values.tolist():
            frame = frame.iloc[1:]
        if len(frame):
            frames.append(frame)
    return pd.concat(frames[1:] or frames)


def _frame(found: Iterable[Ints], look: Observable, precision: Precision) -> pd.DataFrame:
    parts = [part for part in found if len(part)]
    whole = np.concatenate(parts) if parts else np.zeros((0, 1 + len(look.columns)), np.int64)
    if look.changes and len(whole):
        differs = (whole[1:, 1:] != whole[:-1, 1:]).any(axis=1)
        whole = whole[np.concatenate(([True], differs))]
    decimals = {PRICE: precision.price, QTY: precision.qty}
    columns = {
        name: _numbers(whole[:, at], decimals[kind])
        if kind in decimals
        else whole[:, at].astype(np.int64)
        for at, (name, kind) in enumerate(look.columns.items(), 1)
    }
    index = pd.to_datetime(whole[:, 0].astype(np.int64), unit="ns", utc=True)
    return pd.DataFrame(columns, index=pd.DatetimeIndex(index, name="ts_recv"))


def _numbers(scaled: Ints, decimals: int) -> NDArray[np.float64]:
    """The nearest doubles."""
    if scaled.dtype == np.int64 and (len(scaled) == 0 or scaled.max() < _EXACT):
        made = scaled / 10.0**decimals
    else:
        made = np.array([value / 10**decimals for value in scaled.tolist()])
    return np.where(scaled == NONE, np.nan, made)
