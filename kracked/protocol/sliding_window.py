"""How fast the exchange lets us ask: a sliding window of what was spent.

A sliding window is the strictest reading of "so many per second": whatever way the
exchange counts, fixed windows or a leaking bucket, staying inside it stays inside theirs.
"""

from __future__ import annotations

from collections import deque


class SlidingWindow:
    """At most `limit` spent in any `window_ns`."""

    def __init__(self, limit: int, window_ns: int) -> None:
        self.limit, self.window_ns = limit, window_ns
        self._spent: deque[tuple[int, int]] = deque()
        self._sum = 0

    def room(self, now: int) -> int:
        """What may still be spent at `now`, in ns of any steady clock."""
        while self._spent and self._spent[0][0] <= now - self.window_ns:
            self._sum -= self._spent.popleft()[1]
        return self.limit - self._sum

    def wait_ns(self, now: int) -> int:
        """How long until something may be spent."""
        if self.room(now) > 0:
            return 0
        return self._spent[0][0] + self.window_ns - now

    def spend(self, cost: int, now: int) -> None:
        self._spent.append((now, cost))
        self._sum += cost

    def fill(self, now: int) -> None:
        """Leave no room for a whole window: the exchange has complained."""
        self.spend(self.limit, now)
