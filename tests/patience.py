"""Waits for conditions, for as long as a busy machine may take."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from subprocess import Popen
from typing import Any, TypeVar

PATIENCE_S = 20.0
"""Only what never comes is waited for so long."""

Thing = TypeVar("Thing")


async def until(so: Callable[[], Thing]) -> Thing:
    """Let the loop run until a condition is true, and return its value. Raises TimeoutError."""
    async with asyncio.timeout(PATIENCE_S):
        while not (thing := so()):  # noqa: ASYNC110  nothing announces it
            await asyncio.sleep(0.01)
    return thing


def let_run(process: Popen[Any], so: Callable[[], object]) -> None:
    """Let a program run until a condition is true; it must not end before."""
    end = time.monotonic() + PATIENCE_S
    while not so():
        assert process.poll() is None, f"ended with {process.returncode}"
        assert time.monotonic() < end
        time.sleep(0.05)
