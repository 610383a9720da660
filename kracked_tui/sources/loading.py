"""A source that is loaded after the first paint.

The libraries of a feed take longer to load than the screen takes to appear, and a
simulated market has a past to trade first: both happen in a thread, behind the screen.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Self

from kracked.protocol.events import Candles, Event
from kracked_tui.sources.base import Access, Counters, PlaybackControls, Source

if TYPE_CHECKING:
    from kracked.book.l2 import L2Book
    from kracked.book.l3 import L3Book
    from kracked.feed_manager import FeedManager


class Deferred:
    """`build` makes the real source; it runs in a thread and may import what it likes."""

    def __init__(self, mode: str, name: str, build: Callable[[], Source]) -> None:
        self.mode, self.name = mode, name
        self._build = build
        self._source: Source | None = None
        self._stack = AsyncExitStack()

    @property
    def l2(self) -> Mapping[str, L2Book]:
        return self._source.l2 if self._source else {}

    @property
    def l3(self) -> Mapping[str, L3Book]:
        return self._source.l3 if self._source else {}

    @property
    def level3(self) -> str:
        return self._source.level3 if self._source else ""

    @property
    def access(self) -> Access | None:
        return self._source.access if self._source else None

    @property
    def feed(self) -> FeedManager | None:
        return self._source.feed if self._source else None

    @property
    def transport(self) -> PlaybackControls | None:
        return self._source.transport if self._source else None

    def counters(self) -> Counters:
        return self._source.counters() if self._source else Counters()

    def now(self) -> int:
        return self._source.now() if self._source else time.time_ns()

    async def __aenter__(self) -> Self:
        source = await asyncio.to_thread(self._build)
        self._source = await self._stack.enter_async_context(source)
        self.name = source.name
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    async def batches(self) -> AsyncIterator[list[Event]]:
        if self._source:
            async for batch in self._source.batches():
                yield batch

    async def show(self, symbol: str) -> None:
        if self._source:
            await self._source.show(symbol)

    async def candles(self, symbol: str, timeframe_s: int) -> Candles | None:
        return await self._source.candles(symbol, timeframe_s) if self._source else None
