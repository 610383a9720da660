"""Opens each source behind the first paint of the screen.

The libraries of a feed take longer to load than the screen takes to appear, and a simulated
market trades its past first: both happen in a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from kracked.credentials import Credentials
from kracked.endpoints import Endpoints
from kracked_tui.sources.base import PaperMoney, Source
from kracked_tui.sources.opening import Opening

if TYPE_CHECKING:
    from kracked.paper_server.server import PaperServer
    from kracked.sim.server import SimServer

SIMULATED = "simulated exchange"


def host(endpoints: Endpoints) -> str:
    """Return the name of an exchange for people, and for what is remembered of it."""
    return endpoints.public.split("/")[2]


def paper_name(endpoints: Endpoints) -> str:
    """Return the name of an exchange's market with an account on paper."""
    return f"paper on {host(endpoints)}"


def exchange(
    symbols: tuple[str, ...],
    endpoints: Endpoints,
    credentials: Credentials | None,
    *,
    trades: bool,
) -> Opening:
    """Return an exchange to watch; `trades` says whether the key may place orders."""
    name = host(endpoints)
    return Opening("LIVE", name, partial(_exchange, symbols, endpoints, credentials, trades))


def demo(symbols: tuple[str, ...], seed: int, *, trades: bool) -> Opening:
    """Return a simulated exchange to watch, which runs in this process and loop."""
    return Opening("DEMO", SIMULATED, partial(_demo, symbols, seed, trades))


def paper(
    symbols: tuple[str, ...],
    endpoints: Endpoints,
    credentials: Credentials | None,
    *,
    trades: bool,
) -> Opening:
    """Return an exchange to watch with an account on paper, which a server in this loop keeps."""
    name = paper_name(endpoints)
    return Opening("PAPER", name, partial(_paper, symbols, endpoints, credentials, trades, name))


def replay(path: Path) -> Opening:
    """Return a recording to play: a session's folder, or a log of raw messages."""
    return Opening("REPLAY", path.name, partial(_replay, path))


@asynccontextmanager
async def _exchange(
    symbols: tuple[str, ...],
    endpoints: Endpoints,
    credentials: Credentials | None,
    trades: bool,
) -> AsyncIterator[Source]:
    def load() -> Source:
        """Load the libraries and make the source."""
        from kracked_tui.sources.live import LiveSource  # noqa: PLC0415

        if credentials is not None:
            _load_trader()
        return LiveSource(symbols, endpoints, credentials, trades=trades)

    async with await asyncio.to_thread(load) as source:
        yield source


@asynccontextmanager
async def _demo(symbols: tuple[str, ...], seed: int, trades: bool) -> AsyncIterator[Source]:
    def load() -> SimServer:
        """Load the libraries and trade the market's past."""
        from kracked.sim.server import SimOptions, SimServer  # noqa: PLC0415
        from kracked_tui.sources import live  # noqa: F401, PLC0415

        _load_trader()
        return SimServer(SimOptions(seed=seed, symbols=symbols))

    async with await asyncio.to_thread(load) as server:
        from kracked_tui.sources.live import LiveSource  # noqa: PLC0415  loaded above

        # The key ends with the exchange, and so do the files of its state.
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
async def _paper(
    symbols: tuple[str, ...],
    endpoints: Endpoints,
    credentials: Credentials | None,
    trades: bool,
    name: str,
) -> AsyncIterator[Source]:
    def load() -> PaperServer:
        """Load the libraries and the account."""
        from kracked.paper_server.own_account import account_file, account_key  # noqa: PLC0415
        from kracked.paper_server.server import PaperOptions, PaperServer  # noqa: PLC0415
        from kracked_tui.sources import live  # noqa: F401, PLC0415

        _load_trader()
        account = account_file(endpoints)
        key, secret = account_key(account)
        options = PaperOptions(account=account, api_key=key, api_secret=secret)
        return PaperServer(symbols, options, credentials=credentials, endpoints=endpoints)

    async with await asyncio.to_thread(load) as server:
        from kracked_tui.sources.live import LiveSource  # noqa: PLC0415  loaded above

        live = LiveSource(
            symbols,
            Endpoints.at(server.endpoints.rest),
            Credentials(server.api_key, server.api_secret),
            trades=trades,
            mode="PAPER",
            name=name,
            paper=PaperMoney(server.exchange.broker.engine.place, server.has_level3),
        )
        async with live as source:
            yield source


@asynccontextmanager
async def _replay(path: Path) -> AsyncIterator[Source]:
    def load() -> Source:
        """Load the libraries and open the recording."""
        from kracked_tui.past.whole_state import replaying  # noqa: PLC0415
        from kracked_tui.sources.open import open_playable  # noqa: PLC0415

        return replaying(open_playable(path))

    async with await asyncio.to_thread(load) as source:
        yield source


def _load_trader() -> None:
    """Load the libraries of trading in this thread too."""
    from kracked_tui import trader  # noqa: F401, PLC0415
