"""A scripted exchange and its client, with a frozen clock and pauses that take no time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kracked.rest.client import RestClient
from kracked.rest.request_executor import RequestTiming
from kracked.rest.transport import HttpTransport
from tests.rest.scripted_http import CREDENTIALS, Exchange, serve, silence


class FrozenTime:
    """A clock that advances only by sleeping."""

    def __init__(self) -> None:
        self.now = 1_754_000_000_000_000_000
        self.slept_s: list[float] = []

    def clock(self) -> int:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.now += round(seconds * 1e9)

    @property
    def timing(self) -> RequestTiming:
        return RequestTiming(self.clock, self.sleep, lambda: 1.0, self.clock)


@pytest.fixture
def frozen() -> FrozenTime:
    return FrozenTime()


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    async with serve() as exchange:
        yield exchange


@pytest.fixture
def call_timeout_s(request: pytest.FixtureRequest) -> float:
    """Return how long a call may take: not long where a parameter keeps the exchange silent."""
    parameters = getattr(request.node, "callspec", None)
    silent = parameters is not None and silence in parameters.params.values()
    return 0.3 if silent else 5.0


@pytest.fixture
async def client(
    exchange: Exchange, frozen: FrozenTime, tmp_path: Path, call_timeout_s: float
) -> AsyncIterator[RestClient]:
    async with RestClient(
        CREDENTIALS,
        exchange.endpoints,
        state=tmp_path,
        transport=HttpTransport(timeout_s=call_timeout_s),
        timing=frozen.timing,
    ) as client:
        yield client
