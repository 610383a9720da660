"""An exchange in this process and loop, watched like any other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from kracked.book.l2 import L2Book
from kracked.book.l3 import L3Book
from kracked.credentials import Credentials
from kracked.endpoints import Endpoints
from kracked.protocol.events import Event
from kracked_tui.live import LiveSource
from kracked_tui.source import Counters


class DemoSource:
    """Starts the exchange, then is a `LiveSource` of it."""

    mode = "DEMO"
    name = "simulated exchange"
    level3 = ""

    def __init__(self, symbols: tuple[str, ...], seed: int) -> None:
        self._symbols, self._seed = symbols, seed
        self._live: LiveSource | None = None
        self._stack = AsyncExitStack()

    @property
    def books(self) -> Mapping[str, L2Book]:
        return self._live.books if self._live else {}

    @property
    def orders(self) -> Mapping[str, L3Book]:
        return self._live.orders if self._live else {}

    def counters(self) -> Counters:
        return self._live.counters() if self._live else Counters()

    def now(self) -> int:
        return time.time_ns()

    async def __aenter__(self) -> Self:
        # The market opens with its past already traded: seconds of work, off the loop.
        from kracked.sim.server import SimOptions, SimServer  # noqa: PLC0415

        options = SimOptions(seed=self._seed, symbols=self._symbols)
        server = await asyncio.to_thread(SimServer, options)
        await self._stack.enter_async_context(server)
        endpoints = Endpoints.at(server.endpoints.rest)
        credentials = Credentials(server.api_key, server.api_secret)
        live = LiveSource(self._symbols, endpoints, credentials)
        self._live = await self._stack.enter_async_context(live)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    async def batches(self) -> AsyncIterator[list[Event]]:
        assert self._live is not None
        async for batch in self._live.batches():
            yield batch

    async def show(self, symbol: str) -> None:
        if self._live:
            await self._live.show(symbol)

    async def candles(self, symbol: str, timeframe_s: int) -> None:
        if self._live:
            await self._live.candles(symbol, timeframe_s)
