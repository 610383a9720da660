"""Bursts of volume: ten seconds far above the last hour."""

from __future__ import annotations

from collections import deque

from kracked.times import NS_PER_S

WINDOW_NS = 10 * NS_PER_S
WINDOWS = 360
"""Windows that the median is made of: an hour."""
LEAST_WINDOWS = 30
"""Below so many windows nothing is usual yet."""
MEDIANS = 5
TAKER_MEDIANS = 20


class Burst:
    """The volume of the last ten seconds, and what is usual. Times are the exchange's."""

    def __init__(self) -> None:
        self.volume = 0
        self._trades: deque[tuple[int, int]] = deque()
        self._windows: deque[int] = deque(maxlen=WINDOWS)
        self._window = 0
        self._sum = 0

    @property
    def learning(self) -> bool:
        """Whether too little was seen to say what is usual."""
        return len(self._windows) < LEAST_WINDOWS

    def add(self, time: int, qty: int) -> None:
        """Count a trade; windows without any count as 0."""
        window = time // WINDOW_NS
        if self._window and window > self._window:
            self._windows.append(self._sum)
            self._windows.extend([0] * min(window - self._window - 1, WINDOWS))
            self._sum = 0
        self._window = max(window, self._window)
        self._sum += qty
        self.volume += qty
        self._trades.append((time, qty))
        while self._trades[0][0] <= time - WINDOW_NS:
            self.volume -= self._trades.popleft()[1]

    def usual(self) -> int:
        """Return the median of the windows of the last hour."""
        return sorted(self._windows)[len(self._windows) // 2]

    def needed(self, median_taker: int) -> int:
        """Return the volume from which on it is a burst.

        Args:
            median_taker: The median quantity of a taker.
        """
        return max(MEDIANS * self.usual(), TAKER_MEDIANS * median_taker, 1)
