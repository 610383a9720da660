"""A manager on a scripted exchange, with its outbox in a real file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from kracked.credentials import Credentials
from kracked.endpoints import Endpoints
from kracked.orders import OrderManager, open_order_manager
from kracked.protocol.limits import PRO
from kracked.rest.client import RestClient
from kracked.rest.request_executor import RequestTiming
from kracked.rest.transport import HttpTransport
from kracked.sim.server import SimOptions, SimServer
from tests.orders.scripted_exchange import Market
from tests.orders.sim_setup import SYMBOL, Clock, Stage
from tests.rest.conftest import FrozenTime, call_timeout_s
from tests.rest.scripted_http import CREDENTIALS, serve

__all__ = ["call_timeout_s"]
OpenManager = Callable[[], AbstractContextManager[OrderManager]]


@pytest.fixture
def frozen() -> FrozenTime:
    return FrozenTime()


@pytest.fixture
async def market(frozen: FrozenTime) -> AsyncIterator[Market]:
    async with serve() as exchange:
        yield Market(exchange, frozen.clock)


@pytest.fixture
async def client(
    market: Market, frozen: FrozenTime, tmp_path: Path, call_timeout_s: float
) -> AsyncIterator[RestClient]:
    async with RestClient(
        CREDENTIALS,
        market.exchange.endpoints,
        state=tmp_path,
        transport=HttpTransport(timeout_s=call_timeout_s),
        timing=frozen.timing,
    ) as client:
        yield client


@pytest.fixture
def outbox_file(tmp_path: Path) -> Path:
    return tmp_path / "outbox.jsonl"


@pytest.fixture
def opened(client: RestClient, frozen: FrozenTime, outbox_file: Path) -> OpenManager:
    """Return a function that opens a manager; twice in a row is a restart of the program."""
    return lambda: open_order_manager(client, outbox_file, timing=frozen.timing)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    # Agents hardly move, so that the books stand still.
    options, clock = SimOptions(seed=4, symbols=[SYMBOL], rate=0.001), Clock()
    async with SimServer(options, clock=clock) as server:
        credentials = Credentials(server.api_key, server.api_secret)
        endpoints = Endpoints.at(server.endpoints.rest)
        async with RestClient(
            credentials,
            endpoints,
            tier=PRO,
            state=tmp_path,
            timing=RequestTiming(clock=clock, ticks=clock),
        ) as client:
            yield Stage(server, client, clock, tmp_path)
