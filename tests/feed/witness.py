"""The events of a feed during a test."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kracked.feed.fanout import Consumer
from kracked.feed_manager import FeedManager
from kracked.protocol.events import Event
from tests.patience import PATIENCE_S


class Witness:
    """Every event of a feed from one moment on."""

    def __init__(self, consumer: Consumer) -> None:
        self.seen: list[Event] = []
        self._consumer = consumer

    async def until(self, kind: type, is_it: Callable[..., bool] = lambda _: True) -> Event:
        """Wait for the first such event from now on, and return it."""
        async with asyncio.timeout(PATIENCE_S):
            async for event in self._consumer:
                self.seen.append(event)
                if isinstance(event, kind) and is_it(event):
                    return event
        raise AssertionError(f"the feed ended without {kind.__name__}")

    def all(self, *kinds: type) -> list:
        self.seen += self._consumer.take()
        return [event for event in self.seen if isinstance(event, kinds)]


@contextmanager
def watching(feed: FeedManager) -> Iterator[Witness]:
    with feed.consumer() as consumer:
        yield Witness(consumer)
