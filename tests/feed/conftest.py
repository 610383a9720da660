"""Exchanges behind real sockets of this machine: a small one in memory, and the simulator."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from http import HTTPStatus
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from kracked.credentials import Credentials
from kracked.endpoints import Endpoints
from kracked.feed import connection
from kracked.feed.clock import Clock
from kracked.feed_manager import FeedManager
from kracked.sim.control_api import ControlApi
from kracked.sim.faults.schedule import Fault, FaultKind
from kracked.sim.server import SimOptions, SimServer
from kracked.times import NS_PER_S
from tests.benchmarks.truth import account_differences, differences
from tests.exchange import Exchange
from tests.feed.transports import transport
from tests.patience import PATIENCE_S

__all__ = ["faulty", "server", "transport"]


class Server:
    """Exchanges with the same markets, one for each connection."""

    def __init__(self) -> None:
        self.markets = Exchange().markets
        self.sockets: dict[ServerConnection, Exchange] = {}
        self.refusals = 0
        """Upgrades still to be refused."""
        self.connects: list[str] = []
        self.endpoints = Endpoints()

    async def talk(self, socket: ServerConnection) -> None:
        exchange = Exchange()
        exchange.markets = self.markets
        self.sockets[socket] = exchange
        self.connects.append(socket.request.path)
        try:
            await socket.send(exchange.status(), text=True)
            async for request in socket:
                for frame in exchange.answer([request]):
                    await socket.send(frame, text=True)
        except ConnectionClosed:
            pass
        finally:
            del self.sockets[socket]

    def admit(self, connection, _request):
        if self.refusals == 0:
            return None
        self.refusals -= 1
        return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "busy\n")

    async def push(self, make_frame: Callable[[Exchange], bytes]) -> None:
        """Send a frame on every connection."""
        for socket, exchange in tuple(self.sockets.items()):
            await socket.send(make_frame(exchange), text=True)

    def cut(self) -> None:
        """Cut every connection without a closing handshake."""
        for socket in tuple(self.sockets):
            socket.transport.abort()


@pytest.fixture
async def server(transport: str) -> AsyncIterator[Server]:
    server = Server()
    async with serve(
        server.talk, "127.0.0.1", 0, process_request=server.admit, compression=None
    ) as listening:
        port = listening.sockets[0].getsockname()[1]
        server.endpoints = Endpoints.at(f"http://127.0.0.1:{port}")
        yield server


class FastClock:
    """A clock that runs ten times as fast, for both ends of a conversation.

    On a busy machine it goes as slowly as the loop turns: a turn is a step at most, so
    what is late is late by the fault of the test, never by that of the machine.
    """

    SPEED = 10
    STEP_S = 0.05

    def __init__(self) -> None:
        self._wall, self._passed = time.time_ns(), 0

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self.STEP_S / self.SPEED)
            self._passed += round(self.STEP_S * NS_PER_S)

    def steady(self) -> int:
        return self._passed

    def wall(self) -> int:
        return self._wall + self._passed

    async def sleep(self, seconds: float) -> None:
        end = self._passed + seconds * NS_PER_S
        while self._passed < end:  # noqa: ASYNC110  it is the clock that announces
            await asyncio.sleep(self.STEP_S / self.SPEED)


class FaultyExchange:
    """The simulator with faults on demand, and feeds connected to it."""

    SYMBOLS = ("BTC/USD", "ETH/USD")

    def __init__(self, server: SimServer, clock: FastClock) -> None:
        self.server, self.clock = server, clock
        assert server.injector is not None
        self.injector = server.injector
        self._bench = ControlApi(server.exchange, server.injector)

    @property
    def endpoints(self) -> Endpoints:
        return Endpoints.at(self.server.endpoints.rest)

    def feed(self, *symbols: str, **options) -> FeedManager:
        options.setdefault("endpoints", self.endpoints)
        if "token" not in options:
            options["credentials"] = Credentials(self.server.api_key, self.server.api_secret)
        clock = Clock(self.clock.wall, self.clock.steady, self.clock.sleep)
        return FeedManager(symbols or self.SYMBOLS, clock=clock, **options)

    def strike(self, kind: FaultKind, where: str = "", detail: str = "") -> None:
        assert self.injector.inject(Fault(kind, where, detail))

    async def follow(self, feed: FeedManager) -> bool:
        """Stop trade, and wait until every book is verified and the engine's own."""
        self.injector.hold(10**13)
        with feed.consumer() as consumer:
            async with asyncio.timeout(PATIENCE_S):
                while not all(self._is_right(feed, *key) for key in self._books(feed)):
                    await consumer.batch()
        self.injector.release()
        return True

    def unlike(self, feed: FeedManager) -> list[tuple]:
        """Return how the known account differs from the exchange's own."""
        answer = self._bench.answer("GET", "/sim/account", {})
        truth = json.loads(answer, parse_float=Decimal, parse_int=Decimal)
        return account_differences(feed.account, truth["main"])

    def _books(self, feed: FeedManager) -> list[tuple[str, str]]:
        subscriptions = [one for link in feed.stats().connections for one in link.subscriptions]
        return [(one.channel, one.symbol) for one in subscriptions if one.depth is not None]

    def _is_right(self, feed: FeedManager, channel: str, symbol: str) -> bool:
        book = (feed.l2 if channel == "book" else feed.l3).get(symbol)
        if book is None or not book.verified:
            return False
        query = {"symbol": symbol, "channel": channel, "depth": str(book.depth)}
        truth = json.loads(self._bench.answer("GET", "/sim/truth", query))
        return not differences(book, truth)


@pytest.fixture
async def faulty(
    transport: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncIterator[FaultyExchange]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(connection, "TICK_S", connection.TICK_S / FastClock.SPEED)
    clock = FastClock()
    options = SimOptions(seed=5, symbols=FaultyExchange.SYMBOLS, rate=0.3, faults="")
    going = asyncio.create_task(clock.run())
    async with SimServer(options, clock=clock.wall) as server:
        yield FaultyExchange(server, clock)
    going.cancel()
