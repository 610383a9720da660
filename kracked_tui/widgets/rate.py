"""The rate at which a count rises."""

from __future__ import annotations

from collections import deque

from kracked.times import NS_PER_S


class Rate:
    """The rate at which a count rises, over about the last two seconds."""

    def __init__(self) -> None:
        self._samples: deque[tuple[int, int]] = deque(maxlen=40)
        """Time and count, at most ten a second."""

    def per_second(self, now: int, count: int) -> int:
        """Take a sample at `now`, ns, and return the rate."""
        samples = self._samples
        if samples and now < samples[-1][0]:
            samples.clear()  # a replay has gone back
        if not samples or now - samples[-1][0] >= NS_PER_S // 10:
            samples.append((now, count))
        while len(samples) > 1 and now - samples[0][0] > 2 * NS_PER_S:
            samples.popleft()
        passed = now - samples[0][0]
        # A paused replay has no rate.
        steady = passed > NS_PER_S // 10
        return (count - samples[0][1]) * NS_PER_S // passed if steady else 0
