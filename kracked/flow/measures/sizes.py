"""Large sizes by a stated rate: thresholds that follow the sizes of the market.

Sizes have heavy tails, so a mean and its deviation follow the last whale. A threshold here is a
quantile of the sizes of the last minutes: a histogram by eighths of an octave, which loses a
tenth of its weight each minute. What is in sight does not matter.
"""

from __future__ import annotations

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
FIXED_POINT = 16

Share = tuple[int, int]
LARGE: Share = (10, 1_000)
"""The part of all sizes that is marked as large."""
HUGE: Share = (2, 1_000)
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
        self._minute = 0

    def add(self, size: int, time: int) -> None:
        """Count a size, scaled and above 0, at an instant of the exchange's clock."""
        minute = time // MINUTE_NS
        if minute > self._minute:
            self._decay(minute)
        self._weights[_bucket(size)] += 1 << FIXED_POINT
        self.samples += 1

    def above(self, share: Share) -> int | None:
        """Return the size that this part of all sizes reaches; None before the first.

        Within a bucket the sizes are taken as evenly spread.
        """
        total = sum(self._weights)
        if not total:
            return None
        part, whole = share
        wanted, seen = total * part // whole, 0
        for bucket in range(BUCKETS - 1, -1, -1):
            weight = self._weights[bucket]
            if weight and seen + weight >= wanted:
                low, high = _begin(bucket), _begin(bucket + 1)
                return high - (high - low) * (wanted - seen) // weight
            seen += weight
        return None

    def dump(self) -> list[int]:
        """Return all of it as numbers, to be kept until another session."""
        return [self.samples, self._minute, *self._weights]

    def load(self, numbers: list[int]) -> None:
        """Go on from what `dump` returned."""
        self.samples, self._minute, *self._weights = numbers

    def _decay(self, minute: int) -> None:
        passed = minute - self._minute if self._minute else 0
        for _ in range(min(passed, 256)):
            self._weights = [weight * 9 // 10 for weight in self._weights]
        self._minute = minute


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
        self.histogram = SizeHistogram()
        self._detector = detector
        self._thresholds: Thresholds | None = None
        self._second = 0

    def add(self, size: int, time: int) -> None:
        """Count a size at an instant of the exchange's clock."""
        second = time // NS_PER_S
        if second > self._second:
            self._second = second
            self._make()
        self.histogram.add(size, time)

    def thresholds(self) -> Thresholds | None:
        """Return the thresholds in force; None before the first second of samples is over."""
        if self._thresholds is None or self.pinned is None:
            return self._thresholds
        return self._thresholds._replace(large=self.pinned, huge=4 * self.pinned)

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

    def _make(self) -> None:
        histogram = self.histogram
        median = histogram.above((1, 2))
        if median is None:
            return
        if histogram.samples < LEAST_SAMPLES:
            fixed = LEARNING_MEDIANS * median
            self._thresholds = Thresholds(fixed, fixed, fixed, median, learning=True)
            return
        large, huge, detector = (
            max(LEAST_MEDIANS * median, histogram.above(share) or 0)
            for share in (LARGE, HUGE, self._detector)
        )
        self._thresholds = Thresholds(large, huge, detector, median, learning=False)


def _bucket(size: int) -> int:
    """Return the bucket of a size; the last one holds all that is larger."""
    length = size.bit_length()
    mantissa = size >> (length - 8) if length > 8 else size << (8 - length)
    return min((length - 1) * OCTAVE + _EIGHTH_OF[mantissa - 128], BUCKETS - 1)


def _begin(bucket: int) -> int:
    """Return the smallest size of a bucket."""
    octave, eighth = divmod(bucket, OCTAVE)
    return -(-(_EIGHTHS[eighth] << octave) // 128)
