"""The exchange's clock, as its answers have shown it.

The exchange measures deadlines by its own clock. By a clock of ours that is ten seconds slow
every order would come too late; by one that is a minute fast every deadline would be refused.

Source: docs.kraken.com/api/docs/rest-api/get-server-time
"""

from __future__ import annotations

from collections.abc import Callable

from kracked.times import NS_PER_S


class ExchangeClock:
    """The exchange's clock: bounded by each answer, and this computer's as long as that fits.

    Args:
        clock: Returns this computer's time, ns since the Unix epoch.
        ticks: Returns ns that only rise, so that a clock that is set in between does no harm.
    """

    def __init__(self, clock: Callable[[], int], ticks: Callable[[], int]) -> None:
        self._clock, self._ticks = clock, ticks
        self._bounds: tuple[int, int] | None = None
        """The least and the most by which the exchange's clock can be ahead of the ticks, ns."""

    @property
    def known(self) -> bool:
        """Whether the exchange has told its time."""
        return self._bounds is not None

    def learn(self, told_s: int, sent: int, received: int) -> None:
        """Take over a time that the exchange has told.

        Args:
            told_s: Whole seconds since the Unix epoch.
            sent: The tick at which it was asked for.
            received: The tick at which it came.
        """
        least, most = told_s * NS_PER_S - received, (told_s + 1) * NS_PER_S - sent
        if self._bounds is not None:
            low, high = max(least, self._bounds[0]), min(most, self._bounds[1])
            if low <= high:
                least, most = low, high
        self._bounds = least, most

    def now(self) -> int:
        """Return the exchange's time, ns since the Unix epoch; this computer's while unknown."""
        own = self._clock()
        if self._bounds is None:
            return own
        ticks, (least, most) = self._ticks(), self._bounds
        return min(max(own, ticks + least), ticks + most)

    @property
    def ahead_ns(self) -> int:
        """The lead of the exchange's clock over this computer's; 0 while they may agree."""
        return self.now() - self._clock()
