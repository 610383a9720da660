"""The clocks of a feed, and its sleep; tests bring their own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial

import msgspec


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
