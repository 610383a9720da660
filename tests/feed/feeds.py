"""Feeds that do not wait between attempts, and their events up to a moment."""

from __future__ import annotations

import asyncio

from kracked.feed.clock import Clock
from kracked.feed_manager import FeedManager
from tests.patience import PATIENCE_S


async def no_wait(_seconds: float) -> None:
    await asyncio.sleep(0)


async def token() -> str:
    return "a-token"


def feed(server, *symbols: str, **options) -> FeedManager:
    options.setdefault("clock", Clock(sleep=no_wait))
    return FeedManager(symbols, endpoints=server.endpoints, token=token, **options)


async def seen(stream, *kinds: type) -> list:
    """Return the events of a stream up to the first of each of these kinds, in this order."""
    found = []
    for kind in kinds:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                event = await anext(stream)
                found.append(event)
                if type(event) is kind:
                    break
    return found
