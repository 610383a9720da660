"""The two clocks of a feed, and waiting on them; tests bring their own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial

import msgspec


def even_wall() -> Callable[[], int]:
    """The time of day in ns, going on evenly from now even when the computer's clock is set.

    Where the system counts it, time asleep has passed too.
    """
    asleep_too = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    elapsed = partial(time.clock_gettime_ns, asleep_too)
    begun = time.time_ns() - elapsed()
    return lambda: begun + elapsed()


class Clock(msgspec.Struct, frozen=True):
    """`wall` says when things happened, `steady` how long they took; both in ns."""

    wall: Callable[[], int] = msgspec.field(default_factory=even_wall)
    steady: Callable[[], int] = time.monotonic_ns
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    """Waits, in seconds."""
