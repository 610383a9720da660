"""A paper server over a simulated exchange that stands for the real one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

import kracked
from kracked.credentials import Credentials
from kracked.endpoints import Endpoints
from kracked.paper_server import PaperOptions, PaperServer
from kracked.sim.server import SimOptions, SimServer

BTC = "BTC/USD"

OpenPaper = Callable[..., AbstractAsyncContextManager[PaperServer]]


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
async def sim() -> AsyncIterator[SimServer]:
    async with SimServer(SimOptions(seed=3, symbols=[BTC], rate=4, faults="")) as running:
        yield running


@pytest.fixture
def open_paper(sim: SimServer) -> OpenPaper:
    """Opens paper servers on the simulated exchange."""

    @asynccontextmanager
    async def opened(*, key: bool = True, **options: object) -> AsyncIterator[PaperServer]:
        server = PaperServer(
            [BTC],
            PaperOptions(**options),  # type: ignore[arg-type]
            credentials=Credentials(sim.api_key, sim.api_secret) if key else None,
            endpoints=Endpoints.at(sim.endpoints.rest),
        )
        async with server:
            yield server

    return opened


@pytest.fixture
async def paper(open_paper: OpenPaper) -> AsyncIterator[PaperServer]:
    async with open_paper() as server:
        yield server


def credentials(server: PaperServer) -> Credentials:
    return Credentials(server.api_key, server.api_secret)


@asynccontextmanager
async def trader(server: PaperServer) -> AsyncIterator[kracked.RestClient]:
    """A REST client of a paper account."""
    endpoints = Endpoints.at(server.endpoints.rest)
    async with kracked.RestClient(credentials(server), endpoints) as rest:
        yield rest


@asynccontextmanager
async def listener(server: PaperServer, **channels: object) -> AsyncIterator[kracked.FeedManager]:
    """A feed of a paper server, account included, that is live."""
    async with kracked.FeedManager(
        [BTC],
        credentials=credentials(server),
        endpoints=Endpoints.at(server.endpoints.rest),
        account=True,
        **{"book": 10, **channels},  # type: ignore[arg-type]
    ) as feed:
        await feed.ready()
        yield feed
