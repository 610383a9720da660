"""An exchange in this process and loop, watched like any other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

from kracked.book.l2 import L2Book
from kracked.book.l3 import L3Book
from kracked.credentials import Credentials
from kracked.endpoints import Endpoints
from kracked.feed_manager import FeedManager
from kracked.protocol.events import Candles, Event
from kracked.sim.server import SimOptions, SimServer
from kracked_tui.sources.base import Access, Counters
from kracked_tui.sources.live import LiveSource


class DemoSource:
    """Starts the exchange, then is a `LiveSource` of it.

    Making one trades the market's past, which takes a moment.
    """

    mode = "DEMO"
    transport = None
    name = "simulated exchange"
    level3 = ""

    def __init__(self, symbols: tuple[str, ...], seed: int, *, trades: bool = True) -> None:
        self._symbols, self._trades = symbols, trades
        self._server = SimServer(SimOptions(seed=seed, symbols=symbols))
        self._live: LiveSource | None = None
        self._stack = AsyncExitStack()

    @property
    def live(self) -> LiveSource:
        """Raises RuntimeError before the exchange is open."""
        if self._live is None:
            raise RuntimeError("the exchange inside is not open yet")
        return self._live

    @property
    def l2(self) -> Mapping[str, L2Book]:
        return self.live.l2

    @property
    def l3(self) -> Mapping[str, L3Book]:
        return self.live.l3

    @property
    def access(self) -> Access | None:
        return self.live.access

    @property
    def feed(self) -> FeedManager | None:
        return self._live.feed if self._live else None

    def counters(self) -> Counters:
        return self.live.counters()

    def now(self) -> int:
        return self.live.now()

    async def __aenter__(self) -> Self:
        server = await self._stack.enter_async_context(self._server)
        endpoints = Endpoints.at(server.endpoints.rest)
        credentials = Credentials(server.api_key, server.api_secret)
        # The key dies with the exchange, and what is kept for it goes too.
        state = Path(self._stack.enter_context(TemporaryDirectory(prefix="kracked-demo-")))
        live = LiveSource(self._symbols, endpoints, credentials, state=state, trades=self._trades)
        self._live = await self._stack.enter_async_context(live)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    def batches(self) -> AsyncIterator[list[Event]]:
        return self.live.batches()

    async def show(self, symbol: str) -> None:
        await self.live.show(symbol)

    async def candles(self, symbol: str, timeframe_s: int) -> Candles | None:
        return await self.live.candles(symbol, timeframe_s)
