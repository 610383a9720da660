"""The shell around a service: what it passes on, what it refuses, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import aiohttp
import pytest

from kracked.gateway.auth import Call
from kracked.gateway.channels import Socket
from kracked.gateway.http_shell import ClientConnection, HttpShell, Receive
from kracked.gateway.rest import HttpAnswer, Params
from tests.patience import PATIENCE_S

NOW = 1_790_000_000_000_000_000


class Echo:
    """A service that sends every frame back, and answers every call with `reply`."""

    def __init__(self) -> None:
        self.open = True
        self.reply = HttpAnswer(b"{}")
        self.calls: list[tuple[str, str, Params, int]] = []
        self.sockets: list[Socket] = []
        self.connection: ClientConnection | None = None
        self.failed = asyncio.Event()

    async def admits(self, socket: Socket, _transport: asyncio.Transport | None, /) -> bool:
        self.sockets.append(socket)
        return self.open

    @contextmanager
    def session(self, socket: Socket, connection: ClientConnection, now: int) -> Iterator[Receive]:
        assert now == NOW
        self.connection = connection
        try:
            yield lambda data, _: connection.send(str(data).encode())
        finally:
            self.connection = None

    async def call(self, http_method: str, call: Call, query: Params, now: int) -> HttpAnswer:
        self.calls.append((http_method, call.path, query, now))
        return self.reply

    async def work(self) -> None:
        await self.failed.wait()
        raise RuntimeError("the work has failed")


@pytest.fixture
def echo() -> Echo:
    return Echo()


def shell(echo: Echo, **options: int) -> HttpShell:
    return HttpShell(
        echo,
        host="127.0.0.1",
        port=0,
        clock=lambda: NOW,
        tasks={"work": echo.work},
        farewell="closing time",
        **options,
    )


@pytest.fixture
async def running(echo: Echo) -> AsyncIterator[HttpShell]:
    async with shell(echo) as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_a_call_is_passed_on_with_its_query_and_the_time(
    echo: Echo, running: HttpShell, http: aiohttp.ClientSession
) -> None:
    async with http.get(running.endpoints.rest + "/0/public/Time?a=1") as response:
        assert (response.status, await response.read()) == (200, b"{}")
    assert echo.calls == [("GET", "/0/public/Time", {"a": "1"}, NOW)]


async def test_an_answer_without_a_body_is_a_status_alone(
    echo: Echo, running: HttpShell, http: aiohttp.ClientSession
) -> None:
    echo.reply = HttpAnswer(None, 404)
    async with http.post(running.endpoints.rest + "/x") as response:
        assert (response.status, await response.read()) == (404, b"")
        assert "Content-Type" not in response.headers


async def test_a_dropped_answer_ends_the_connection(
    echo: Echo, running: HttpShell, http: aiohttp.ClientSession
) -> None:
    echo.reply = HttpAnswer(b"", dropped=True)
    with pytest.raises(aiohttp.ClientConnectionError):
        await http.post(running.endpoints.rest + "/x")


@pytest.mark.parametrize("name", ["public", "level3", "private", "all"])
async def test_every_address_is_a_socket_of_its_own(
    echo: Echo, running: HttpShell, http: aiohttp.ClientSession, name: str
) -> None:
    async with http.ws_connect(getattr(running.endpoints, name)) as ws:
        await ws.send_str("hello")
        assert await ws.receive_str(timeout=PATIENCE_S) == "hello"
    assert echo.sockets == [Socket(name)]


async def test_a_service_may_refuse_a_handshake(
    echo: Echo, running: HttpShell, http: aiohttp.ClientSession
) -> None:
    echo.open = False
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await http.ws_connect(running.endpoints.all)
    assert refused.value.status == 503


async def test_a_client_is_served_while_it_is_connected(
    echo: Echo, running: HttpShell, http: aiohttp.ClientSession
) -> None:
    async with http.ws_connect(running.endpoints.all):
        assert running.connections == {echo.connection}
    while echo.connection is not None:  # noqa: ASYNC110
        await asyncio.sleep(0)
    assert running.connections == set()


async def test_a_client_that_does_not_read_is_told_why_it_is_disconnected(
    echo: Echo, http: aiohttp.ClientSession
) -> None:
    async with (
        shell(echo, backlog_bytes=10) as running,
        http.ws_connect(running.endpoints.all) as ws,
    ):
        await ws.send_str("more than ten bytes")
        await ws.receive(timeout=PATIENCE_S)
        assert ws.close_code == 1001


async def test_clients_are_sent_the_farewell(echo: Echo, http: aiohttp.ClientSession) -> None:
    async with shell(echo) as running:
        ws = await http.ws_connect(running.endpoints.all)
        reading = asyncio.ensure_future(ws.receive(timeout=PATIENCE_S))
    assert ((await reading).type, ws.close_code) == (aiohttp.WSMsgType.CLOSE, 1001)


async def test_work_that_fails_ends_the_block(echo: Echo) -> None:
    async def serve() -> None:
        async with shell(echo):
            echo.failed.set()
            await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup) as failed:
        await serve()
    assert failed.group_contains(RuntimeError, match="the work has failed")
