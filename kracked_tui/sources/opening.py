"""How each source is opened, behind the first paint of the screen.

The libraries of a feed take longer to load than the screen takes to appear, and a simulated
market has a past to trade first: both happen in a thread.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

from kracked.credentials import Credentials
from kracked.endpoints import Endpoints
from kracked.protocol.events import Candles, Event
from kracked_tui.sources.base import Counters, Source

if TYPE_CHECKING:
    from kracked.book.l2 import L2Book
    from kracked.book.l3 import L3Book
    from kracked.sim.server import SimServer

SIMULATED = "simulated exchange"

Open = Callable[[], AbstractAsyncContextManager[Source]]


class Opening(NamedTuple):
    """A source to be opened once the screen is there."""

    mode: str
    """LIVE, DEMO or REPLAY."""
    name: str
    """What it connects to, for people."""
    open: Open


class EmptySource:
    """What is shown until the source is open: nothing yet."""

    level3 = ""
    access = feed = transport = None

    def __init__(self, mode: str, name: str) -> None:
        self.mode, self.name = mode, name
        self.l2: Mapping[str, L2Book] = {}
        self.l3: Mapping[str, L3Book] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    async def batches(self) -> AsyncIterator[list[Event]]:
        for batch in list[list[Event]]():
            yield batch

    def counters(self) -> Counters:
        return Counters()

    def now(self) -> int:
        return time.time_ns()

    async def show(self, symbol: str) -> None:
        """Subscribe nothing: the source does once it is open."""

    async def candles(self, symbol: str, timeframe_s: int) -> Candles | None:
        """Have no candles yet."""


def exchange(
    symbols: tuple[str, ...],
    endpoints: Endpoints,
    credentials: Credentials | None,
    *,
    trades: bool,
) -> Opening:
    """Watch an exchange. With `trades` the key may place orders, else they are only shown."""
    name = endpoints.public.split("/")[2]
    return Opening("LIVE", name, partial(_exchange, symbols, endpoints, credentials, trades))


def demo(symbols: tuple[str, ...], seed: int, *, trades: bool) -> Opening:
    """Watch a simulated exchange in this process and loop."""
    return Opening("DEMO", SIMULATED, partial(_demo, symbols, seed, trades))


def replay(path: Path) -> Opening:
    """Play a recording's folder, or a log of raw messages."""
    return Opening("REPLAY", path.name, partial(_replay, path))


@asynccontextmanager
async def _exchange(
    symbols: tuple[str, ...],
    endpoints: Endpoints,
    credentials: Credentials | None,
    trades: bool,
) -> AsyncIterator[Source]:
    def load() -> Source:
        from kracked_tui.sources.live import LiveSource  # noqa: PLC0415

        if credentials is not None:
            _load_trader()
        return LiveSource(symbols, endpoints, credentials, trades=trades)

    async with await asyncio.to_thread(load) as source:
        yield source


@asynccontextmanager
async def _demo(symbols: tuple[str, ...], seed: int, trades: bool) -> AsyncIterator[Source]:
    def load() -> SimServer:
        from kracked.sim.server import SimOptions, SimServer  # noqa: PLC0415
        from kracked_tui.sources import live  # noqa: F401, PLC0415

        _load_trader()
        return SimServer(SimOptions(seed=seed, symbols=symbols))

    async with await asyncio.to_thread(load) as server:
        from kracked_tui.sources.live import LiveSource  # noqa: PLC0415  loaded above

        # The key dies with the exchange, and what is kept for it goes too.
        with TemporaryDirectory(prefix="kracked-demo-") as state:
            live = LiveSource(
                symbols,
                Endpoints.at(server.endpoints.rest),
                Credentials(server.api_key, server.api_secret),
                state=Path(state),
                trades=trades,
                mode="DEMO",
                name=SIMULATED,
            )
            async with live as source:
                yield source


@asynccontextmanager
async def _replay(path: Path) -> AsyncIterator[Source]:
    def load() -> Source:
        from kracked_tui.sources.open import opened  # noqa: PLC0415
        from kracked_tui.sources.replay import ReplaySource  # noqa: PLC0415

        return ReplaySource(opened(path))

    async with await asyncio.to_thread(load) as source:
        yield source


def _load_trader() -> None:
    """Load the libraries of trading in this thread too."""
    from kracked_tui import trader  # noqa: F401, PLC0415
