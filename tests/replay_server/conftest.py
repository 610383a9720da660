"""A recorded market, served; and a feed that listens to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

import kracked
from kracked.credentials import Credentials
from kracked.endpoints import Endpoints
from kracked.record.read.recording import Recording, open_recording
from kracked.record.replay import MAX_SPEED
from kracked.recorder import record
from kracked.replay_server.server import PlaybackOptions, PlaybackServer
from kracked.sim.server import SimOptions, SimServer

SYMBOLS = ("BTC/USD", "DOGE/USD")
SECONDS = 3.0

Serve = Callable[..., AbstractAsyncContextManager[PlaybackServer]]


def listener(
    server: SimServer | PlaybackServer, symbols: Sequence[str] = SYMBOLS, **channels: object
) -> kracked.FeedManager:
    """A feed from a simulated exchange or a served recording."""
    return kracked.FeedManager(
        symbols,
        credentials=Credentials(server.api_key, server.api_secret),
        endpoints=Endpoints.at(server.endpoints.rest),
        **channels,  # type: ignore[arg-type]
    )


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture(scope="session")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds of two markets: books of 25 levels, level3 of 100, trades, ticker, candles."""
    out = tmp_path_factory.mktemp("served") / "session"

    async def run() -> None:
        async with SimServer(SimOptions(seed=11, symbols=SYMBOLS, rate=4)) as sim:
            feed = listener(sim, book=25, level3=100, trade=True, ticker=True, ohlc=1)
            await record(feed, out, duration_s=SECONDS)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(out.parent / "state"))
        asyncio.run(run())
    return out


@pytest.fixture
def recorded(session: Path) -> Recording:
    return open_recording(session)


@pytest.fixture
def serve(session: Path) -> Serve:
    """Serves the session, or another, by default as fast as can be."""

    @asynccontextmanager
    async def serve(path: Path = session, **options: object) -> AsyncIterator[PlaybackServer]:
        chosen = PlaybackOptions(**{"speed": MAX_SPEED, **options})  # type: ignore[arg-type]
        async with PlaybackServer(path, chosen) as server:
            yield server

    return serve
