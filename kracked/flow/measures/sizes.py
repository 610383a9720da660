"""Large sizes by a stated rate: thresholds that follow the sizes of the market.

Sizes have heavy tails, so a mean and its deviation follow the last whale. A threshold here is a
quantile of the sizes of the last minutes: a histogram by eighths of an octave, which loses a
tenth of its weight each minute. What is in sight does not matter.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from typing import NamedTuple

from kracked.times import NS_PER_S

OCTAVE = 8
"""Buckets per doubling of the size."""
BUCKETS = 65 * OCTAVE
MINUTE_NS = 60 * NS_PER_S
LEAST_SAMPLES = 500
"""Below so many samples the threshold is a fixed multiple of the median."""
LEARNING_MEDIANS = 10
LEAST_MEDIANS = 5
"""A threshold is never below so many medians."""
KEEP = (8, 10)
"""A mark stays until the size falls below this part of its threshold."""
_ONE = 1 << 16
"""The weight of one size, in fixed point."""

Share = tuple[int, int]
LARGE: Share = (10, 1_000)
"""The part of all sizes that is marked as large."""
HUGE: Share = (2, 1_000)
MEDIAN: Share = (1, 2)
LARGE_ORDER: Share = (5, 1_000)
"""The part of new orders that detectors take as large."""
LARGE_TAKER: Share = (10, 1_000)

_EIGHTHS = [128, 140, 153, 167, 182, 198, 216, 235, 256]
"""128 * 2 ** (n / 8), rounded up: the beginnings of the buckets of an octave."""
_EIGHTH_OF = [sum(mantissa >= begin for begin in _EIGHTHS[1:]) for mantissa in range(128, 256)]


class SizeHistogram:
    """Weights of sizes by eighths of an octave; 0.9 of them stays after each minute.

    Attributes:
        samples: How many sizes were counted, whatever has become of their weight.
    """

    def __init__(self) -> None:
        self.samples = 0
        self._weights = [0] * BUCKETS
        self._highest = 0
        self._minute = 0
        self._next = 0
        """When the next minute begins."""

    def add(self, size: int, time: int) -> None:
        """Count a size, scaled and above 0, at an instant of the exchange's clock."""
        self.add_all((size,), time)

    def add_all(self, sizes: Iterable[int], time: int) -> None:
        """Count many sizes of one instant."""
        if time >= self._next:
            minute = time // MINUTE_NS
            for _ in range(min(minute - self._minute if self._minute else 0, 256)):
                self._weights = [weight * 9 // 10 for weight in self._weights]
            self._minute = minute
            self._next = (minute + 1) * MINUTE_NS
        weights, eighths, highest = self._weights, _EIGHTH_OF, self._highest
        for size in sizes:
            length = size.bit_length()
            mantissa = size >> (length - 8) if length > 8 else size << (8 - length)
            bucket = (length - 1) * OCTAVE + eighths[mantissa - 128]
            if bucket > highest:
                bucket = highest = min(bucket, BUCKETS - 1)
            weights[bucket] += _ONE
            self.samples += 1
        self._highest = highest

    def above(self, *shares: Share) -> list[int]:
        """Return the sizes that these parts of all sizes reach, the smallest part first.

        Within a bucket the sizes are taken as evenly spread. Before the first size it is empty.
        """
        found: list[int] = []
        weights, bucket, seen, weight = self._weights, self._highest + 1, 0, 0
        total = sum(weights)
        for part, whole in shares if total else ():
            wanted = total * part // whole
            while seen + weight < wanted or not weight:
                seen += weight
                bucket -= 1
                weight = weights[bucket]
            low, high = _begin(bucket), _begin(bucket + 1)
            found.append(high - (high - low) * (wanted - seen) // weight)
        return found

    def dump(self) -> list[int]:
        """Return all of it as numbers, to be kept until another session."""
        return [self.samples, self._minute, *self._weights]

    def load(self, numbers: list[int]) -> None:
        """Go on from what `dump` returned."""
        self.samples, self._minute, *self._weights = numbers
        self._highest = BUCKETS - 1


class Thresholds(NamedTuple):
    """The sizes from which on something is large."""

    large: int
    huge: int
    detector: int
    """What detectors take as large."""
    median: int
    learning: bool
    """Whether there are too few samples for quantiles."""


class AdaptiveSizes:
    """The thresholds of one kind of size: new orders, levels, or takers.

    They are made anew once a second of the exchange's clock, by the samples alone.

    Attributes:
        pinned: A size that a person has set; the thresholds of marks are it and four times it.
    """

    def __init__(self, detector: Share = LARGE) -> None:
        """Begin with nothing.

        Args:
            detector: The part of all sizes that detectors take as large.
        """
        self.pinned: int | None = None
        self._histogram = SizeHistogram()
        self._waiting: list[int] = []
        """Sizes of the present second, which are counted when it is over."""
        self._shares = sorted(
            {LARGE, HUGE, detector, MEDIAN}, key=lambda share: share[0] / share[1]
        )
        self._detector = detector
        self._in_force: Thresholds | None = None
        self._next = 0
        self._older = False
        """Whether a second of sizes is over that the thresholds do not know of."""

    def add(self, size: int, time: int) -> None:
        """Count a size at an instant of the exchange's clock."""
        if time >= self._next:
            self._begin_second(time)
        self._waiting.append(size)

    def add_all(self, sizes: Iterable[int], time: int) -> None:
        """Count many sizes of one instant."""
        if time >= self._next:
            self._begin_second(time)
        self._waiting += sizes

    @property
    def histogram(self) -> SizeHistogram:
        """The weights of all sizes so far."""
        found = deepcopy(self._histogram)
        found.add_all(self._waiting, self._next - 1)
        return found

    @property
    def in_force(self) -> Thresholds | None:
        """The thresholds by the samples, for detectors; None before the first second is over."""
        if self._older:
            self._make()
        return self._in_force

    def thresholds(self) -> Thresholds | None:
        """Return the thresholds in force; None before the first second of samples is over."""
        found = self.in_force
        if found is None or self.pinned is None:
            return found
        return found._replace(large=self.pinned, huge=4 * self.pinned)

    def weight(self, size: int, before: int = 0) -> int:
        """Return 2 for a huge size, 1 for a large one, else 0.

        Args:
            size: Scaled.
            before: What the same row had before: it stays until the size is well below.
        """
        found = self.thresholds()
        if found is None:
            return 0
        keep, whole = KEEP
        for weight, threshold in ((2, found.huge), (1, found.large)):
            reached = size * whole >= threshold * keep if before >= weight else size >= threshold
            if reached:
                return weight
        return 0

    def _begin_second(self, time: int) -> None:
        """Count the sizes of the second before that of `time`."""
        if self._waiting:
            self._histogram.add_all(self._waiting, self._next - 1)
            self._waiting = []
            self._older = True
        self._next = (time // NS_PER_S + 1) * NS_PER_S

    def _make(self) -> None:
        """Make the thresholds anew, by all sizes before the present second."""
        self._older = False
        histogram = self._histogram
        sizes = dict(zip(self._shares, histogram.above(*self._shares), strict=False))
        median = sizes[MEDIAN]
        if histogram.samples < LEAST_SAMPLES:
            fixed = LEARNING_MEDIANS * median
            self._in_force = Thresholds(fixed, fixed, fixed, median, learning=True)
            return
        least = LEAST_MEDIANS * median
        large, huge, detector = (
            max(least, sizes[share]) for share in (LARGE, HUGE, self._detector)
        )
        self._in_force = Thresholds(large, huge, detector, median, learning=False)


def _begin(bucket: int) -> int:
    """Return the smallest size of a bucket."""
    octave, eighth = divmod(bucket, OCTAVE)
    return -(-(_EIGHTHS[eighth] << octave) // 128)
