"""Quick replay of level 3 tables, and the reason why its result is right.

The recorder verified each message when it came, and flagged those it could not verify
(`Flag.SUSPECT`, from a mismatch or a gap to the next snapshot). So a run of messages without
the flag is trusted: the kernel applies it without checksums, and only the book at its end must
have the recorded checksum. A run ends at a snapshot, where the flag begins or ends, at the end
of a file, and after so many rows. Everything else goes through the keeper, message by message
with every checksum: snapshots, suspect messages, a message that the kernel cannot apply, a run
whose end does not match.

This does not find rows that were damaged after they were recorded, in a run whose end is right
all the same. Verifying every message (`verify=True`) finds those too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise

import numpy as np

from kracked.frames.books.numba_engine import Engine, kernel
from kracked.frames.books.observables import Observable
from kracked.frames.books.order_arrays import BookOrder, OrderArrays, UnexpectedRow
from kracked.frames.books.order_rows import Ints, OrderRows, order_rows
from kracked.frames.books.quote_ends import QuoteEnds
from kracked.frames.books.table_replay import BookEvent, MessageColumns, TableReplay, order_event
from kracked.frames.read.table_files import Source
from kracked.instruments import Precision
from kracked.protocol.events import L3Snapshot, OrderAction, OrderChange

_RUN_ROWS = 1 << 17
"""Rows of a run at most: as many are replayed again when its end does not match."""


def sample_orders(
    source: Source,
    symbol: str,
    observable: Observable,
    engine: Engine = "auto",
    ends: QuoteEnds | None = None,
) -> Iterator[tuple[Precision, Ints]]:
    """Yield the readings of an observable from a symbol's verified level 3 book.

    They come as rows of a time and the values, with the decimals of the values. `ends` learns
    when the book was not verified. Raises `TooManyDigits`, maybe only at a later file.
    """
    ends = QuoteEnds() if ends is None else ends
    replay = TableReplay(source, symbol, "level3")
    resting: list[BookOrder] | None = None
    seen = 0
    file: _FileReplay | None = None
    for rows in order_rows(source, symbol):
        seen += len(rows.frame)
        if file and resting is not None and not rows.period.continues(file.period):
            yield file.period.precision, file.until(int(rows.received[0]))
            ends.wrong(int(rows.received[0]), snapshot=True)
            resting = None
        replay.enter_period(rows.period)
        arrays = OrderArrays(rows, resting or [], kernel(engine, seen))
        file = _FileReplay(rows, arrays, replay, observable, ends)
        for found in file.sample(trusted=resting is not None):
            yield rows.period.precision, found
        resting = arrays.resting() if file.trusted else None


class _FileReplay:
    """The replay of one file, run by run."""

    def __init__(
        self,
        rows: OrderRows,
        arrays: OrderArrays,
        replay: TableReplay,
        observable: Observable,
        ends: QuoteEnds,
    ) -> None:
        self._ends = ends
        self._rows, self._arrays, self._replay, self._observable = rows, arrays, replay, observable
        self._read_times = observable.read_times(rows, arrays)
        self.period = rows.period
        self.trusted = False
        """Whether `arrays` hold the verified book."""

    def sample(self, *, trusted: bool) -> Iterator[Ints]:
        """Yield the readings; `trusted` says whether the book is verified at the beginning."""
        rows, self.trusted = self._rows, trusted
        if trusted:
            self._arrays.match_limits(self._replay.orders)
            yield self._read(0, partial(self._observable.from_arrays, self._arrays))
        # A run begins at and after a snapshot, where suspicion begins or ends, and after so
        # many rows.
        snapshots = np.flatnonzero(rows.snapshot)
        flag_edges = np.flatnonzero(rows.suspect[1:] != rows.suspect[:-1]) + 1
        longest = np.searchsorted(rows.ends, np.arange(_RUN_ROWS, rows.ends[-1], _RUN_ROWS))
        starts = {0, len(rows.ends), *snapshots, *(snapshots + 1), *flag_edges, *longest}
        for first, last in pairwise(sorted(starts)):
            if rows.snapshot[first] or (self.trusted and rows.suspect[first]):
                yield self._replay_by_keeper(first, last)
            elif self.trusted:
                yield from self._replay_trusted(first, last)

    def until(self, time: int) -> Ints:
        """Return the readings between the end of the file and a message of this time."""
        times = list(self._observable.due(time))
        values = self._observable.from_arrays(self._arrays) if times else []
        found = np.array([(time, *values) for time in times], dtype=np.int64)
        return found.reshape(-1, 1 + len(self._observable.columns))

    def _replay_trusted(self, first: int, last: int) -> Iterator[Ints]:
        """Replay a run by the kernel; only messages it fails at go through the keeper."""
        while first < last and self.trusted:
            found, failed = self._attempt(first, last)
            if failed is None:
                yield from found
                self._note_right(first, last)
                return
            found, damaged = self._attempt(first, failed)
            if damaged is None:
                yield from found
                self._note_right(first, failed)
                first = failed
            yield self._replay_by_keeper(first, failed + 1)
            first = failed + 1

    def _note_right(self, first: int, last: int) -> None:
        """Note that the book is verified after the messages from `first` until before `last`."""
        if first < last:
            self._ends.right(int(self._rows.received[last - 1]))

    def _attempt(self, first: int, last: int) -> tuple[list[Ints], int | None]:
        """Return the readings of a run and None, or nothing and the message at which it failed.

        After a failure the book is as it was before.
        """
        if first == last:
            return [], None
        before, rows = self._arrays.queued_orders(), self._rows
        try:
            found = self._advance(first, last)
        except UnexpectedRow as unexpected:
            failed = int(np.searchsorted(rows.ends, unexpected.row, side="right"))
        else:
            if self._arrays.checksum() == rows.checksum[last - 1]:
                return found, None
            failed = last - 1
        self._arrays.restore(before)
        return [], failed

    def _advance(self, first: int, last: int) -> list[Ints]:
        """Apply messages by the kernel and return the readings on the way."""
        arrays, found = self._arrays, list[Ints]()
        if self._read_times is None:
            touches = arrays.touches(first, last)
            touches[:, 0] = self._rows.received[touches[:, 0]]
            return [touches]
        after = self._read_times.after
        within = slice(*np.searchsorted(after, (first, last), side="right"))
        stops = np.unique(after[within]).tolist()
        for stop in stops:
            first = self._advance_crowded(first, stop, found)
            if first < stop:
                arrays.advance(first, stop)
            found.append(self._read(stop, partial(self._observable.from_arrays, arrays)))
            first = stop
        first = self._advance_crowded(first, last, found)
        if first < last:
            arrays.advance(first, last)
        return found

    def _advance_crowded(self, first: int, last: int, found: list[Ints]) -> int:
        """Apply messages and read wherever a cut may change something; return where that ends."""
        times, arrays = self._read_times, self._arrays
        if times is None or times.crowding is None:
            return first
        while (room := self._observable.room(arrays)) is not None:
            at = int(np.searchsorted(times.crowding, first, side="right")) + room
            if at >= len(times.crowding) or (stop := int(times.crowding[at])) > last:
                break
            arrays.advance(first, stop)
            values = self._observable.from_arrays(arrays)
            if values:
                found.append(np.array([(self._rows.received[stop - 1], *values)], dtype=np.int64))
            first = stop
        return first

    def _replay_by_keeper(self, first: int, last: int) -> Ints:
        """Apply messages by the keeper, with every checksum, until one fails."""
        rows, replay, found = self._rows, self._replay, list[Ints]()
        if not rows.snapshot[first]:
            # Applied to the book itself, which keeps its depth; the keeper would set it anew.
            replay.orders.apply(self._snapshot())
        for message, event in enumerate(self._events(first, last), first):
            if rows.snapshot[message]:
                self._ends.wrong(event.received, snapshot=True)
            book = replay.apply(event)
            self.trusted = book is not None
            if book is None:
                self._ends.wrong(event.received)
                break
            self._ends.right(event.received)
            found.append(self._read(message + 1, partial(self._observable.from_book, book)))
        else:
            self._arrays.load_book(replay.orders, first, last)
        return np.concatenate(found) if found else self._nothing()

    def _events(self, first: int, last: int) -> Iterator[BookEvent]:
        """Yield messages as the events they were recorded from."""
        rows, begin = self._rows, self._rows.begin(first)
        part, precision = slice(begin, rows.begin(last)), rows.period.precision
        price, qty = np.abs(rows.key[part]).tolist(), rows.qty[part].tolist()
        lists = MessageColumns(rows.frame.iloc[part], self._replay.symbol, price, qty)
        for message in range(first, last):
            span = range(rows.begin(message) - begin, rows.begin(message + 1) - begin)
            yield order_event(lists, span[-1], span, precision)

    def _snapshot(self) -> L3Snapshot:
        """Return the book in `arrays` as a snapshot."""
        arrays, precision = self._arrays, self._rows.period.precision
        sides: tuple[list[OrderChange], list[OrderChange]] = ([], [])
        for one in arrays.resting():
            order = OrderChange(OrderAction.ADD, one.order_id, abs(one.key), one.qty, "")
            sides[one.key < 0].append(order)
        bids, asks = map(tuple, sides)
        return L3Snapshot(0, self._replay.symbol, precision, bids, asks, arrays.checksum())

    def _read(self, applied: int, read: Callable[[], list[int]]) -> Ints:
        """Return the readings due after `applied` messages."""
        if self._read_times is None:
            times = self._rows.received[applied - 1 : applied]
        else:
            here = np.searchsorted(self._read_times.after, (applied, applied + 1))
            times = self._read_times.times[slice(*here)]
            if self._read_times.crowding is not None:
                times = self._rows.received[applied - 1 : applied]
        values = read() if len(times) else []
        if not values:
            return self._nothing()
        return np.array([(time, *values) for time in times.tolist()], dtype=np.int64)

    def _nothing(self) -> Ints:
        return np.zeros((0, 1 + len(self._observable.columns)), dtype=np.int64)
