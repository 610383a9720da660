"""Whether the computer's clock was set while it was recorded.

`ts_recv` goes on evenly from the clock's time at the start. When the clock is set
meanwhile, by a time server or by hand, the two part, and which is right no one knows.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from kracked.times import NS_PER_S

PARTED_NS = NS_PER_S // 20
"""Clocks are always being steered a little: less than this is no jump."""


class ClockWatch:
    """Compares the computer's clock with the one that messages are stamped by."""

    def __init__(
        self, stamps: Callable[[], int], computer: Callable[[], int] = time.time_ns
    ) -> None:
        self._stamps, self._computer = stamps, computer
        self._begun = computer() - stamps()

    def jumped_ns(self) -> int:
        """How far the clock was set forward since the beginning, less than 0 for back, or 0."""
        jump = self._computer() - self._stamps() - self._begun
        return jump if abs(jump) > PARTED_NS else 0
