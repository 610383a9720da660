"""What rested at each price over time: the columns of a heat strip, sampled from a verified book.

A column holds the time-weighted mean of each level, not its last value: a wall of 50 ms must
not look like one of five seconds. Each column says how much of it the book was known: what was
not known is unknown, and never empty.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from kracked.instruments import Precision
from kracked.times import NS_PER_S

LENGTHS_S = (1, 5, 30)
"""Lengths of columns, each a multiple of the one before."""
KEPT = 240
"""Columns of each length that are kept."""
HOLD_NS = 2 * NS_PER_S
"""How long a book is taken to be as it was seen: a longer silence is a hole."""
MARKETS = 8
"""Markets whose histories are kept."""
_PEAK = 3
"""A level that had so many times its mean for a moment is marked."""

Levels = Iterable[tuple[int, int]]


class DepthColumn(NamedTuple):
    """The levels over one stretch of time. Asks have quantities below zero."""

    begin: int
    """ns since the Unix epoch, on the exchange's clock."""
    known_ns: int
    """How much of it the book was known."""
    prices: Sequence[int] = ()
    """Rising."""
    means: Sequence[int] = ()
    """The mean quantity over the time known, for each price."""
    peaks: frozenset[int] = frozenset()
    """Prices with far more than their mean for a moment."""
    low: int = 0
    """Levels below this price were out of view."""
    high: int = 0
    last: int | None = None
    """The price of the last trade at its end."""


class DepthHistory:
    """Owner of the columns of one market. Give it the book, or its loss, with every frame."""

    def __init__(self) -> None:
        self._columns: tuple[deque[DepthColumn], ...] = tuple(deque(maxlen=KEPT) for _ in LENGTHS_S)
        self._levels: dict[int, int] | None = None
        """The book as it was seen last; None while it is not known."""
        self._window = (0, 0)
        """The prices in view."""
        self._at = self._begin = 0
        """When the book was seen last, and when the present column began."""
        self._sums: dict[int, int] = {}
        self._most: dict[int, int] = {}
        self._known = 0
        self._low, self._high = 0, 0
        self._last: int | None = None

    def see(self, now: int, bids: Levels, asks: Levels, *, last: int | None) -> None:
        """Take the verified book of an instant.

        Args:
            now: On the exchange's clock, which is known through messages that take now longer,
                now shorter: an earlier instant than before counts as that one.
            bids: Prices and quantities, best first.
            asks: As `bids`.
            last: The price of the last trade; None before one.
        """
        self._pass(now)
        levels = dict(bids)
        low = min(levels, default=0)
        for price, qty in asks:
            levels[price] = -qty
        self._levels, self._last = levels, last
        self._window = (low, max(levels, default=0))
        if not self._known:
            self._low, self._high = self._window

    def lose(self, now: int) -> None:
        """Take that the book is not known from an instant on; before the first it never was."""
        if self._at:
            self._pass(now)
        self._levels = None

    def reaches_beyond(self, now: int) -> bool:
        """Whether it has anything of after an instant."""
        return self._at > now

    def columns(self, length_s: int) -> list[DepthColumn]:
        """Return the columns of a length, oldest first; the present one is the last."""
        at = LENGTHS_S.index(length_s)
        made = list(self._columns[at])
        begun = [each for finer in range(at) for each in self._unfinished(at - 1 - finer)]
        present = _merged([*begun, self._present()], self._begin_of(self._begin, length_s))
        return [*made, present] if self._at else []

    def _unfinished(self, finer: int) -> list[DepthColumn]:
        """Return the columns of a finer length that no column of the next length has yet."""
        begin = self._begin_of(self._begin, LENGTHS_S[finer + 1])
        return [each for each in self._columns[finer] if each.begin >= begin]

    @staticmethod
    def _begin_of(time: int, length_s: int) -> int:
        return time // (length_s * NS_PER_S) * (length_s * NS_PER_S)

    def _pass(self, now: int) -> None:
        """Let the book as it was seen count until now."""
        if not self._at:
            self._at, self._begin = now, self._begin_of(now, 1)
        now = max(now, self._at)
        if now - self._at > HOLD_NS:
            self._levels = None
        if now - self._at > KEPT * LENGTHS_S[-1] * NS_PER_S:
            self._at = self._begin = self._begin_of(now, 1)  # no column of before is kept
            for each in self._columns:
                each.clear()
        while now >= (end := self._begin + NS_PER_S):
            self._count(end)
            self._close(end)
        self._count(now)

    def _count(self, until: int) -> None:
        elapsed, self._at = until - self._at, until
        levels, sums, most = self._levels, self._sums, self._most
        if levels is None or elapsed <= 0:
            return
        low, high = self._window
        self._low = max(self._low, low) if self._known else low
        self._high = min(self._high, high) if self._known else high
        self._known += elapsed
        for price, qty in levels.items():
            sums[price] = sums.get(price, 0) + qty * elapsed
            if abs(qty) > abs(most.get(price, 0)):
                most[price] = qty

    def _present(self) -> DepthColumn:
        sums, known = self._sums, self._known
        prices = sorted(sums) if known else []
        means = [sums[price] // known for price in prices]
        peaks = frozenset(
            price
            for price, mean in zip(prices, means, strict=True)
            if abs(self._most.get(price, 0)) > _PEAK * abs(mean) > 0
        )
        return DepthColumn(
            self._begin,
            known,
            array("q", prices),
            array("q", means),
            peaks=peaks,
            low=self._low,
            high=self._high,
            last=self._last,
        )

    def _close(self, end: int) -> None:
        """End the present column, and the longer ones that end with it."""
        self._columns[0].append(self._present())
        self._sums, self._most, self._known = {}, {}, 0
        for at in range(1, len(LENGTHS_S)):
            length_ns = LENGTHS_S[at] * NS_PER_S
            if end % length_ns:
                break
            begin = end - length_ns
            finer = [each for each in self._columns[at - 1] if each.begin >= begin]
            self._columns[at].append(_merged(finer, begin))
        self._begin = end


class DepthHistories:
    """Owner of the histories of the markets that were looked at last."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Precision | None, DepthHistory]] = {}
        """By symbol, the newest last, with the decimals of its numbers."""

    def of(self, symbol: str, precision: Precision | None) -> DepthHistory:
        """Return the history of a market, a new one where its decimals are others than before.

        Args:
            symbol: The pair.
            precision: The decimals of its book; None while there is none.
        """
        before, history = self._kept.pop(symbol, (None, None))
        precision = precision or before
        if history is None or before not in (None, precision):
            history = DepthHistory()
        self._kept[symbol] = precision, history
        if len(self._kept) > MARKETS:
            del self._kept[next(iter(self._kept))]
        return history

    def jump(self, now: int) -> None:
        """Take that the data go on at another instant: what is later did not happen yet."""
        self._kept = {
            symbol: kept for symbol, kept in self._kept.items() if not kept[1].reaches_beyond(now)
        }


def _merged(columns: Sequence[DepthColumn], begin: int) -> DepthColumn:
    """Return one column for several, each weighed by the time it was known."""
    known = sum(each.known_ns for each in columns)
    told = [each for each in columns if each.known_ns]
    if not told:
        newest = columns[-1] if columns else DepthColumn(begin, 0)
        return newest._replace(begin=begin)
    sums: dict[int, int] = {}
    for each in told:
        for price, mean in zip(each.prices, each.means, strict=True):
            sums[price] = sums.get(price, 0) + mean * each.known_ns
    prices = sorted(sums)
    return DepthColumn(
        begin,
        known,
        array("q", prices),
        array("q", [sums[price] // known for price in prices]),
        peaks=frozenset().union(*(each.peaks for each in told)),
        low=max(each.low for each in told),
        high=min(each.high for each in told),
        last=columns[-1].last,
    )


def rows_of(column: DepthColumn, low: int, step: int, rows: int) -> list[int]:
    """Return the sums of a column's levels by row, the lowest first; asks are below zero.

    A row where bids and asks both rested has what is more.

    Args:
        column: The column.
        low: The lowest price of the lowest row.
        step: Prices of a row.
        rows: Their number.
    """
    bids, asks = [0] * rows, [0] * rows
    prices, means = column.prices, column.means
    begin, end = bisect_left(prices, low), bisect_left(prices, low + step * rows)
    for at in range(begin, end):
        row, mean = (prices[at] - low) // step, means[at]
        if mean > 0:
            bids[row] += mean
        else:
            asks[row] += mean
    return [bid if bid >= -ask else ask for bid, ask in zip(bids, asks, strict=True)]
