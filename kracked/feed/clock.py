"""The clocks of a feed, its sleep, and whether a clock was set; tests bring their own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial

import msgspec

from kracked.times import NS_PER_S

_JUMP_NS = NS_PER_S // 20
"""Smaller steps of a clock are no jump: clocks are always being steered a little."""


def even_wall() -> Callable[[], int]:
    """Return a clock of ns since the Unix epoch that runs on evenly when the system's clock is set.

    Where the system can count it, the time that the machine is suspended passes too.
    """
    with_suspend = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    elapsed = partial(time.clock_gettime_ns, with_suspend)
    begun = time.time_ns() - elapsed()
    return lambda: begun + elapsed()


class Clock(msgspec.Struct, frozen=True):
    """The clocks of a feed: one for instants, one for durations."""

    wall: Callable[[], int] = msgspec.field(default_factory=even_wall)
    """Returns the time of day, ns since the Unix epoch."""
    steady: Callable[[], int] = time.monotonic_ns
    """Returns ns that only rise."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    """Waits for some seconds."""


class ClockComparison:
    """Compares the computer's clock with the clock that stamps messages.

    `ts_recv` goes on evenly from the computer's time at the start. When the computer's clock
    is set meanwhile, by a time server or by hand, the two part, and nobody knows which is
    right.
    """

    def __init__(
        self, stamps: Callable[[], int], computer: Callable[[], int] = time.time_ns
    ) -> None:
        """Take the two clocks; both return ns since the Unix epoch."""
        self._stamps, self._computer = stamps, computer
        self._offset_at_start = computer() - stamps()

    def jumped_ns(self) -> int:
        """Return how far the clock was set since the start: below 0 for back, 0 for not at all."""
        jump = self._computer() - self._stamps() - self._offset_at_start
        return jump if abs(jump) > _JUMP_NS else 0
