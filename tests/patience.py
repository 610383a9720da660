"""Waiting for the very thing, for as long as a busy machine may take."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

PATIENCE_S = 120.0
"""Only what never comes is waited for so long."""

Thing = TypeVar("Thing")


async def until(so: Callable[[], Thing]) -> Thing:
    """Let the loop turn until it is so; returns what it then is. Raises TimeoutError."""
    async with asyncio.timeout(PATIENCE_S):
        while not (thing := so()):  # noqa: ASYNC110  nothing announces it
            await asyncio.sleep(0.01)
    return thing
