"""The path of a mid, with its holes: what a fill is marked against."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from kracked.times import NS_PER_S

HORIZONS_S = (1, 10, 60)
"""Seconds after a fill at which it is marked."""
KEPT_NS = 120 * NS_PER_S
"""How long a mid is remembered: a fill that is told later than this is marked missing."""
_TRIM = 4_096


class MarkState(StrEnum):
    """Whether a mark is known."""

    KNOWN = "known"
    PENDING = "pending"
    """Its time has not come, or the data ended before."""
    MISSING = "missing"
    """The book was not known at some time between the fill and the mark."""


class Mark(NamedTuple):
    """The mid some time after a fill."""

    state: MarkState
    mid: Decimal | None


PENDING = Mark(MarkState.PENDING, None)
MISSING = Mark(MarkState.MISSING, None)


class MidPath:
    """The mid of a symbol's verified book over time, on the exchange's clock.

    Attributes:
        now: The newest time at which the book was told, or was known to be as before.
    """

    def __init__(self, kept_ns: int | None = KEPT_NS) -> None:
        """Begin without a book.

        Args:
            kept_ns: How long a mid is remembered; None remembers all.
        """
        self.now = 0
        self._kept = kept_ns
        self._times: list[int] = []
        self._mids: list[Decimal | None] = []

    def tell(self, time: int, mid: Decimal | None) -> None:
        """Take the mid from a time on; None where it is not known any more."""
        time = self.now = max(self.now, time)
        if self._times and self._times[-1] == time:
            broken = self._mids[-1] is None or mid is None
            # A hole counts, however short it was: it stays beside what ended it.
            if not broken:
                self._mids[-1] = mid
                return
        if not self._mids or self._mids[-1] != mid:
            self._times.append(time)
            self._mids.append(mid)
            if self._kept is not None and len(self._times) > _TRIM:
                keep = max(0, bisect_left(self._times, time - self._kept) - 1)
                del self._times[:keep]
                del self._mids[:keep]

    def pass_time(self, now: int) -> None:
        """Take that the book is as it was, up to a time."""
        if self._mids and self._mids[-1] is not None:
            self.now = max(self.now, now)

    def at(self, time: int) -> Decimal | None:
        """Return the mid of the last verified book at or before a time; None in a hole."""
        at = bisect_right(self._times, time) - 1
        return self._mids[at] if at >= 0 else None

    def mark(self, filled: int, horizon_ns: int) -> Mark:
        """Return the mid that long after a fill. A hole between makes it missing for good."""
        due = filled + horizon_ns
        if self.now <= due:
            return PENDING
        begin = bisect_right(self._times, filled) - 1
        end = bisect_right(self._times, due)
        if begin < 0 or any(mid is None for mid in self._mids[begin:end]):
            return MISSING
        return Mark(MarkState.KNOWN, self._mids[end - 1])
