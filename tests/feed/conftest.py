"""The exchange in memory behind real sockets of this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from http import HTTPStatus

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from kracked.endpoints import Endpoints
from tests.exchange import Exchange


class Server:
    """One exchange per connection, all of the same markets."""

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
        """Every connection is gone without a word."""
        for socket in tuple(self.sockets):
            socket.transport.abort()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    async with serve(
        server.talk, "127.0.0.1", 0, process_request=server.admit, compression=None
    ) as listening:
        port = listening.sockets[0].getsockname()[1]
        server.endpoints = Endpoints.at(f"http://127.0.0.1:{port}")
        yield server
