"""The aiohttp shell around a server: REST and every WebSocket address on one port.

The only module that touches sockets. Each client has a reader, a writer and a bounded
send queue, so that a client that stops reading stops nobody else. The module knows no rule
of the exchange: the `Service` behind the shell answers.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractContextManager, AsyncExitStack
from http import HTTPStatus
from typing import Any, Protocol, Self, TypeAlias

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from kracked.gateway.auth import Call
from kracked.gateway.channels import Socket
from kracked.gateway.rest import HttpAnswer, Params
from kracked.gateway.send_queue import LIMIT_BYTES, SendQueue
from kracked.times import NS_PER_S

log = logging.getLogger(__name__)

MAX_REQUEST_BYTES = 2**20
_PING = b"in step?"
"""A queued message that is sent as a ping."""
FAREWELL_S = 2.0
"""How long a client that is being disconnected may take to read why."""
PATHS = {
    "/public/v2": Socket.PUBLIC,
    "/level3/v2": Socket.LEVEL3,
    "/private/v2": Socket.PRIVATE,
    "/v2": Socket.ALL,
}
"""The socket that each path serves."""

Clock: TypeAlias = Callable[[], int]
Receive: TypeAlias = Callable[[str | bytes, int], None]
"""Takes one frame of a client's and the time."""


class ServerEndpoints(msgspec.Struct, frozen=True):
    """The addresses of a running server; `all` takes every channel."""

    rest: str
    public: str
    level3: str
    private: str
    all: str

    @classmethod
    def on(cls, host: str, port: int) -> ServerEndpoints:
        """Return the addresses of a server that listens on this host and port."""
        public, level3, private, every = (f"ws://{host}:{port}{path}" for path in PATHS)
        return cls(f"http://{host}:{port}", public, level3, private, every)


class ClientConnection:
    """One client's WebSocket connection, as a service uses it. Nothing here waits."""

    def __init__(self, transport: asyncio.Transport | None, backlog_bytes: int) -> None:
        self.queue = SendQueue(backlog_bytes)
        self._transport = transport
        self.ponged = asyncio.Event()
        """Set when the client answers a ping, and when it is gone."""
        self.send = self.queue.put
        """Queues one message."""
        self.close = self.queue.close
        """Sends what is queued, then closes the connection with a reason."""

    def ping(self) -> None:
        """Queue a ping behind what waits; `ponged` is set when the client has come to it."""
        self.ponged.clear()
        self.queue.put(_PING)

    def abort(self) -> None:
        """End the connection without a word."""
        if self._transport is not None:
            self._transport.abort()

    def write(self, data: bytes) -> None:
        """Send raw bytes that are no frame of ours, ahead of everything queued."""
        if self._transport is not None:
            self._transport.write(data)


class Service(Protocol):
    """The server behind a shell. Only `admits` and `call` may wait."""

    async def admits(self, socket: Socket, transport: asyncio.Transport | None, /) -> bool:
        """Whether to complete a WebSocket handshake; a refused one is answered with 503."""

    def session(
        self, socket: Socket, connection: ClientConnection, now: int
    ) -> AbstractContextManager[Receive]:
        """Serve a client while the block lasts; it yields the function that takes its frames."""

    async def call(self, http_method: str, call: Call, query: Params, now: int) -> HttpAnswer:
        """Answer one HTTP call."""


class HttpShell:
    """A server on a port: ``async with HttpShell(service, ...) as shell``."""

    def __init__(
        self,
        service: Service,
        *,
        host: str,
        port: int,
        clock: Clock,
        tasks: Mapping[str, Callable[[], Coroutine[Any, Any, None]]],
        farewell: str,
        backlog_bytes: int = LIMIT_BYTES,
    ) -> None:
        """Prepare a server; entering the block raises OSError when the port is taken.

        Args:
            service: What answers.
            host: The address to listen on.
            port: The port; 0 takes any free one.
            clock: Returns the time in ns since the Unix epoch.
            tasks: Work that runs while the server does, by name. A task that fails ends the
                block with its error, as tasks of a TaskGroup do.
            farewell: The reason connections are closed with when the block ends.
            backlog_bytes: How much a client may leave unread before it is disconnected.
        """
        self.connections: set[ClientConnection] = set()
        self._service, self._clock = service, clock
        self._host, self._port = host, port
        self._tasks, self._farewell = tasks, farewell
        self._backlog_bytes = backlog_bytes
        application = web.Application(client_max_size=MAX_REQUEST_BYTES)
        for path in PATHS:
            application.router.add_get(path, self._serve_socket)
        application.router.add_route("*", "/{tail:.*}", self._answer_call)
        self._runner = web.AppRunner(
            application, access_log=None, handle_signals=False, shutdown_timeout=FAREWELL_S
        )
        self._running = AsyncExitStack()

    @property
    def endpoints(self) -> ServerEndpoints:
        """The addresses; the port is known once the server runs."""
        return ServerEndpoints.on(self._host, self._port)

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._runner.cleanup)
            await self._runner.setup()
            await web.TCPSite(self._runner, self._host, self._port).start()
            self._port = self._runner.addresses[0][1]
            stack.callback(self._close_connections)
            tasks = await stack.enter_async_context(asyncio.TaskGroup())
            for name, work in self._tasks.items():
                stack.callback(tasks.create_task(work(), name=name).cancel)
            self._running = stack.pop_all()
        return self

    async def __aexit__(self, *exc_info: object) -> bool | None:
        return await self._running.__aexit__(*exc_info)  # type: ignore[arg-type]

    def _close_connections(self) -> None:
        """Say goodbye; the runner's clean-up waits until clients have read it."""
        for connection in self.connections:
            connection.close(self._farewell)

    async def _serve_socket(self, request: web.Request) -> web.StreamResponse:
        """Serve one WebSocket connection until either side ends it."""
        if not await self._service.admits(PATHS[request.path], request.transport):
            return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE)
        socket = web.WebSocketResponse(
            compress=False, max_msg_size=MAX_REQUEST_BYTES, autoping=False
        )
        try:
            await socket.prepare(request)
        except ConnectionError:
            return web.Response()  # the client left during the handshake and reads nothing
        connection = ClientConnection(request.transport, self._backlog_bytes)
        with self._service.session(PATHS[request.path], connection, self._clock()) as receive:
            self.connections.add(connection)
            try:
                async with asyncio.TaskGroup() as tasks:
                    writer = tasks.create_task(
                        _send_queued(socket, connection, request.remote), name="socket writer"
                    )
                    async for message in socket:
                        if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                            receive(message.data, self._clock())
                        elif message.type is WSMsgType.PING:
                            await socket.pong(message.data)
                        elif message.type is WSMsgType.PONG:
                            connection.ponged.set()
                    writer.cancel()
            finally:
                self.connections.discard(connection)
                connection.ponged.set()
        return socket

    async def _answer_call(self, request: web.Request) -> web.Response:
        call = Call(request.path, request.headers, await request.read())
        answer = await self._service.call(request.method, call, dict(request.query), self._clock())
        if answer.delay_ns:
            await asyncio.sleep(answer.delay_ns / NS_PER_S)
        if answer.dropped and request.transport is not None:
            request.transport.abort()
        if answer.body is None:
            return web.Response(status=answer.status)
        return web.Response(
            body=answer.body, status=answer.status, content_type=answer.content_type
        )


async def _send_queued(
    socket: web.WebSocketResponse, connection: ClientConnection, peer: str | None
) -> None:
    """Send what is queued until the queue is closed, then close the socket and say why."""
    queue = connection.queue
    try:
        while (message := await queue.take()) is not None:
            kind = WSMsgType.TEXT if message is not _PING else WSMsgType.PING
            await socket.send_frame(message, kind)
        log.info("closing a connection", extra={"peer": peer, "reason": queue.ending})
        async with asyncio.timeout(FAREWELL_S):
            await socket.close(code=WSCloseCode.GOING_AWAY, message=queue.ending.encode())
    except TimeoutError:
        connection.abort()
    except ConnectionError:
        return  # the reader sees the end too, and cleans up


def set_on_signals(event: asyncio.Event) -> None:
    """Let SIGINT and SIGTERM set the event. Call it in the running loop."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, event.set)


def announcement(
    endpoints: ServerEndpoints, api_key: str, api_secret: str, **besides: object
) -> str:
    """Return the line of JSON that a server command prints first: its addresses and a key.

    Args:
        endpoints: The addresses.
        api_key: The key.
        api_secret: Its secret.
        besides: More members.
    """
    keys = {"api_key": api_key, "api_secret": api_secret}
    return json.dumps(msgspec.structs.asdict(endpoints) | keys | besides)
