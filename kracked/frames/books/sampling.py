"""Observables over a whole recording, as a frame: read quickly, or with every checksum."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kracked.frames.books.numba_engine import Engine
from kracked.frames.books.observables import COUNT, PRICE, QTY, Observable
from kracked.frames.books.order_arrays import NONE
from kracked.frames.books.order_replay import sample_orders
from kracked.frames.books.order_rows import Ints, TooManyDigits
from kracked.frames.books.quote_ends import QuoteEnds, UnknownSpan
from kracked.frames.books.table_replay import TableReplay
from kracked.frames.precision_periods import Channel
from kracked.frames.read.raw_coverage import gaps_of
from kracked.frames.read.table_files import Source
from kracked.instruments import Precision
from kracked.protocol import events

_EXACT = 1 << 53
"""Below it a double is exact for every integer, and its quotient by a power of ten nearest."""


class Sampled(NamedTuple):
    """The readings of an observable."""

    frame: pd.DataFrame
    observable: Observable
    spans: Sequence[UnknownSpan]
    """When the book was not verified."""


def sample(
    source: Source,
    symbol: str,
    observable: Callable[[], Observable],
    *,
    channel: Channel | None,
    verify: bool,
    engine: Engine,
) -> Sampled:
    """Return an observable of a symbol's verified books, indexed by `ts_recv`.

    A row of missing values, with `suspect`, ends what is known at each gap.

    Args:
        source: A recording, its folder, files, or several of these.
        symbol: The symbol.
        observable: Makes a new observable.
        channel: `level3` or `book`; None for whichever was recorded, level3 first.
        verify: Compute every checksum.
        engine: Engine of the quick replay.
    """
    replay, fresh, ends = TableReplay(source, symbol, channel), observable(), QuoteEnds()
    if replay.channel == "level3" and not verify:
        try:
            found = [*sample_orders(source, symbol, fresh, engine, ends)]
            spans = _spans(ends, source, symbol, replay.channel)
            return Sampled(_join(found, fresh, spans), fresh, spans)
        except TooManyDigits:  # the keeper's integers have no limit
            fresh, ends = observable(), QuoteEnds()
    # As Python's integers: sums of quantities may have more than 64 bits.
    width = 1 + len(fresh.columns)
    rows_by_precision = groupby(_sample_verified(replay, fresh, ends), key=itemgetter(0))
    verified = [
        (precision, np.array([row for _, row in rows], dtype=object).reshape(-1, width))
        for precision, rows in rows_by_precision
    ]
    spans = _spans(ends, source, symbol, replay.channel)
    return Sampled(_join(verified, fresh, spans), fresh, spans)


def _spans(ends: QuoteEnds, source: Source, symbol: str, channel: Channel) -> Sequence[UnknownSpan]:
    return ends.spans(gaps_of(source, symbol, channel)) if ends else ()


def _sample_verified(
    replay: TableReplay, observable: Observable, ends: QuoteEnds
) -> Iterator[tuple[Precision, tuple[int, ...]]]:
    """Yield the readings with every message applied by the keeper."""
    for event in replay.events():
        book, instants = replay.book, observable.due(event.received)
        if book is not None:
            for instant in instants:
                yield book.precision, (instant, *observable.from_book(book))
        if isinstance(event, events.BookSnapshot | events.L3Snapshot):
            ends.wrong(event.received, snapshot=True)
        book = replay.apply(event)
        if book is None:
            ends.wrong(event.received)
        else:
            ends.right(event.received)
        if observable.on_change and book is not None and (values := observable.from_book(book)):
            yield book.precision, (event.received, *values)


def _join(
    found: Iterable[tuple[Precision, Ints]], observable: Observable, spans: Sequence[UnknownSpan]
) -> pd.DataFrame:
    """Return the readings of all precisions as one frame."""
    resumed = [span.until for span in spans]
    frames = [_to_frame([], observable, Precision(0, 0))]
    for precision, of in groupby(found, key=itemgetter(0)):
        frame = _to_frame([part for _, part in of], observable, precision, resumed)
        if (
            observable.on_change
            and len(frame)
            and frame.index[0].value not in resumed
            and frame.iloc[:1].values.tolist() == frames[-1].iloc[-1:].values.tolist()
        ):
            frame = frame.iloc[1:]
        if len(frame):
            frames.append(frame)
    whole = pd.concat(frames[1:] or frames)
    return _end_at(whole.assign(suspect=False), spans, observable)


def _end_at(
    frame: pd.DataFrame, spans: Sequence[UnknownSpan], observable: Observable
) -> pd.DataFrame:
    """Return the frame with a row of missing values where each span begins, and none within."""
    times = pd.DatetimeIndex(frame.index).as_unit("ns").asi8
    rises = bool((times[1:] >= times[:-1]).all())
    kept = np.ones(len(frame), dtype=bool)
    places, starts = list[int](), list[int]()
    for span in spans:
        # Where a clock was set back times do not rise: the first row that is late enough counts.
        later = (
            [np.searchsorted(times, span.until)] if rises else np.flatnonzero(times >= span.until)
        )
        at, start = int(later[0]) if len(later) else len(frame), observable.next_reading(span.start)
        if at and start < span.until:
            kept[:at] &= (times[:at] < start) | (np.arange(at) < (places[-1] if places else 0))
            places.append(at)
            starts.append(start)
    if not places:
        return frame
    missing = {PRICE: np.nan, QTY: np.nan, COUNT: NONE}
    columns = {
        name: np.insert(frame[name].to_numpy(), places, missing[kind])
        for name, kind in observable.columns.items()
    }
    columns["suspect"] = np.insert(np.zeros(len(frame), dtype=bool), places, values=True)
    index = pd.to_datetime(np.insert(times, places, starts), unit="ns", utc=True)
    chosen = np.insert(kept, places, values=True)
    return pd.DataFrame(columns, index=pd.DatetimeIndex(index, name="ts_recv"))[chosen]


def _to_frame(
    found: Iterable[Ints],
    observable: Observable,
    precision: Precision,
    resumed: Sequence[int] = (),
) -> pd.DataFrame:
    parts = [part for part in found if len(part)]
    whole = np.concatenate(parts) if parts else np.zeros((0, 1 + len(observable.columns)), np.int64)
    if observable.on_change and len(whole):
        differs = np.concatenate(([True], (whole[1:, 1:] != whole[:-1, 1:]).any(axis=1)))
        if resumed:  # the same values, but not known in between
            differs |= np.isin(whole[:, 0].astype(np.int64), resumed)
        whole = whole[differs]
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
