"""The waits before connecting again, within what the exchange tolerates.

About 150 attempts in ten minutes get an address banned for ten minutes. A connection that is
suddenly lost is made again at once, then after a second or two, then ever more slowly.

Source: docs.kraken.com/exchange/guides/websockets/reconnection
"""

from __future__ import annotations

from collections.abc import Callable

from kracked.protocol.sliding_window import SlidingWindow
from kracked.times import NS_PER_S

STEPS_S = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 60.0)
AFTER_MAINTENANCE = 3
"""The step to start from when the exchange has closed for maintenance."""
AFTER_REFUSAL_S = 300.0
"""Wait between attempts with a key that the exchange has refused: its owner may correct it
there, and more attempts might lock it out."""
JITTER = 0.25
"""Waits are lengthened by up to this share, so that clients do not return in step."""
ATTEMPTS, WINDOW_S = 120, 600


def attempts_budget() -> SlidingWindow:
    """Return the attempts that all connections of a process may make together.

    They are fewer than the 150 that get an address banned: other programs may share it.
    """
    return SlidingWindow(ATTEMPTS, WINDOW_S * NS_PER_S)


class Backoff:
    """The waits of one connection.

    Args:
        random: Returns floats from 0 to 1.
    """

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._step = 0
        self.attempt = 0
        """Attempts since the connection was last good."""

    def next_delay_s(self, *, maintenance: bool = False, refused: bool = False) -> float:
        """Return the wait before the next attempt, and count the attempt.

        Args:
            maintenance: The exchange has closed for maintenance.
            refused: The exchange has refused the key.
        """
        if maintenance:
            self._step = max(self._step, AFTER_MAINTENANCE)
        delay_s = AFTER_REFUSAL_S if refused else STEPS_S[min(self._step, len(STEPS_S) - 1)]
        self._step += 1
        self.attempt += 1
        return delay_s * (1 + JITTER * self._random())

    def reset(self) -> None:
        """Start from the first step again: the connection has been good for a while."""
        self._step = self.attempt = 0
