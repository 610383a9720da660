"""A limit on the pace of requests: a sliding window.

A sliding window is the strictest reading of "so many per second": whatever way the exchange
counts, by fixed windows or a leaking bucket, a client inside this window is inside that limit.
"""

from __future__ import annotations

from collections import deque


class SlidingWindow:
    """Allows to spend at most `limit` in any `window_ns`. `now` is ns of any steady clock."""

    def __init__(self, limit: int, window_ns: int) -> None:
        self.limit, self.window_ns = limit, window_ns
        self._spent: deque[tuple[int, int]] = deque()
        self._sum = 0

    def room(self, now: int) -> int:
        """Return how much may still be spent at `now`."""
        while self._spent and self._spent[0][0] <= now - self.window_ns:
            self._sum -= self._spent.popleft()[1]
        return self.limit - self._sum

    def wait_ns(self, now: int) -> int:
        """Return the ns until something may be spent."""
        if self.room(now) > 0:
            return 0
        return self._spent[0][0] + self.window_ns - now

    def spend(self, cost: int, now: int) -> None:
        """Note a cost that is spent."""
        self._spent.append((now, cost))
        self._sum += cost

    def fill(self, now: int) -> None:
        """Leave no room for a whole window, because the exchange has complained."""
        self.spend(self.limit, now)
