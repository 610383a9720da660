"""What takers bought and sold over time: seconds of the last quarter of an hour, and minutes.

Sums of any window are differences of running totals, at constant cost. A window of some
seconds is the present second and the whole ones before it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from kracked.protocol.events import Side
from kracked.times import NS_PER_S

SECONDS = 900
"""Seconds that are kept."""
MINUTES = 1_440
"""Minutes that are kept, a day."""


class TakerFlow(NamedTuple):
    """Sums over the takers of a window."""

    bought: int = 0
    sold: int = 0
    takers: int = 0
    notional: int = 0
    """Price times quantity."""
    square: int = 0
    """Squared price times quantity, for a `Vwap` that begins in the past."""

    @property
    def delta(self) -> int:
        """Bought minus sold."""
        return self.bought - self.sold

    def minus(self, other: TakerFlow) -> TakerFlow:
        """Return what these sums have more than others."""
        return TakerFlow(*(one - less for one, less in zip(self, other, strict=True)))


class MinuteDelta(NamedTuple):
    """A minute in which something traded."""

    begin: int
    """ns since the Unix epoch."""
    delta: int
    """Bought minus sold."""


class DeltaRing:
    """Running totals at the end of each second, and the delta of each minute.

    Times are the exchange's. A trade that comes late is counted in its own second.

    Attributes:
        since: When watching began, or began anew after trades were missing; None before.
    """

    def __init__(self) -> None:
        self.since: int | None = None
        self._minutes: dict[int, int] = {}
        """Bought minus sold by begin, ns."""
        self._totals = [TakerFlow()] * (SECONDS + 1)
        """At the end of each second, by its number modulo the length."""
        self._second = 0
        """The number of the newest second."""

    def begin(self, time: int) -> None:
        """Say that all trades are seen from an instant on: those before may be missing."""
        self.since = time if self.since is None else max(self.since, time)
        self._advance(time // NS_PER_S)

    def add(self, side: Side, price: int, qty: int, time: int, *, takers: int = 0) -> None:
        """Count a trade.

        Args:
            side: The taker's.
            price: Scaled.
            qty: Scaled.
            time: Its instant, ns since the Unix epoch.
            takers: 1 with the first trade of a taker, else 0.
        """
        if self.since is None:
            self.begin(time)
        second = time // NS_PER_S
        self._advance(second)
        bought, sold = (qty, 0) if side is Side.BID else (0, qty)
        notional = price * qty
        square = price * notional
        totals, length = self._totals, SECONDS + 1
        for late in range(max(second, self._second - SECONDS), self._second + 1):
            total = totals[late % length]
            totals[late % length] = TakerFlow(
                total[0] + bought,
                total[1] + sold,
                total[2] + takers,
                total[3] + notional,
                total[4] + square,
            )
        begin = second // 60 * 60 * NS_PER_S
        self._minutes[begin] = self._minutes.get(begin, 0) + bought - sold
        if len(self._minutes) > MINUTES:
            del self._minutes[min(self._minutes)]

    def window(self, seconds: int, now: int) -> TakerFlow:
        """Return the sums of the last seconds, the present one included.

        Args:
            seconds: At most `SECONDS`.
            now: On the exchange's clock, ns since the Unix epoch.
        """
        second = now // NS_PER_S
        return self._until(second).minus(self._until(second - seconds))

    def from_second(self, time: int) -> TakerFlow | None:
        """Return the sums since the second of an instant; None when it is too long ago."""
        before = time // NS_PER_S - 1
        if before < self._second - SECONDS or self.since is None or time < self.since:
            return None
        return self._totals[self._second % (SECONDS + 1)].minus(self._until(before))

    def deltas(self, seconds: int, count: int, now: int) -> tuple[int, ...]:
        """Return bought minus sold of buckets that end now, oldest first.

        Args:
            seconds: Length of a bucket.
            count: How many; together at most `SECONDS` seconds.
            now: On the exchange's clock, ns since the Unix epoch.
        """
        second = now // NS_PER_S
        edges = [self._until(second - seconds * back).delta for back in range(count, -1, -1)]
        return tuple(later - before for before, later in pairwise(edges))

    def minutes(self) -> list[MinuteDelta]:
        """Return the minutes in which something traded, oldest first, at most a day of them."""
        return [MinuteDelta(*each) for each in sorted(self._minutes.items())]

    def of_bars(self, begins: Sequence[int], seconds: int) -> list[int | None]:
        """Return bought minus sold of bars.

        Args:
            begins: When each begins, ns since the Unix epoch, rising.
            seconds: Their length: whole minutes, or a part of one.

        Returns:
            One for each bar; None where not every trade of it was seen, or is remembered.
        """
        length = seconds * NS_PER_S
        if seconds < 60:
            oldest = (self._second - SECONDS + 1) * NS_PER_S
            return [
                None
                if self.since is None or begin < max(self.since, oldest)
                else self._until((begin + length) // NS_PER_S - 1).delta
                - self._until(begin // NS_PER_S - 1).delta
                for begin in begins
            ]
        sums: dict[int, int] = {}
        for begin, delta in self._minutes.items():
            at = bisect_right(begins, begin) - 1
            if at >= 0 and begin < begins[at] + length:
                sums[at] = sums.get(at, 0) + delta
        full = len(self._minutes) >= MINUTES
        oldest = min(self._minutes, default=0) if full else 0
        return [
            None if self.since is None or begin < max(self.since, oldest) else sums.get(at, 0)
            for at, begin in enumerate(begins)
        ]

    def covers(self, seconds: int, now: int) -> bool:
        """Whether every trade of the last seconds was seen."""
        return self.since is not None and now - self.since >= seconds * NS_PER_S

    def _until(self, second: int) -> TakerFlow:
        """Return the totals at the end of a second."""
        oldest = self._second - SECONDS
        return self._totals[min(max(second, oldest), self._second) % (SECONDS + 1)]

    def _advance(self, second: int) -> None:
        """Begin seconds up to this one, each with the totals of the one before."""
        if second <= self._second:
            return
        totals, length = self._totals, SECONDS + 1
        total = totals[self._second % length]
        for each in range(max(self._second + 1, second - SECONDS), second + 1):
            totals[each % length] = total
        self._second = second
