"""Connections by the library `websockets`, and its only user."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidProxy, InvalidStatus, WebSocketException
from websockets.version import version as installed_version

from kracked.feed.transport import (
    DEFAULT_LIMITS,
    INTERNAL_ERROR,
    Closed,
    Limits,
    NotConnected,
    Socket,
    first_line,
)

MAX_MESSAGES_QUEUED = 1024
TURN = 100
"""Messages after which the rest of the program gets its turn: reading queued messages does not
wait, so a flood would hold up all other tasks for a tenth of a second."""


class _Connecting(connect):
    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class WebsocketsTransport:
    """Connects by `websockets`."""

    name = "websockets"
    version = installed_version

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self.limits = limits

    @asynccontextmanager
    async def connect(self, url: str, *, proxy: str | None, deflate: bool) -> AsyncIterator[Socket]:
        """Open a connection, as `Transport.connect` says."""
        try:
            connection = await _Connecting(
                url,
                compression="deflate" if deflate else None,
                proxy=proxy,
                open_timeout=self.limits.open_s,
                close_timeout=self.limits.close_s,
                ping_interval=None,  # the session pings in JSON and watches the heartbeats
                max_size=self.limits.message_bytes,
                max_queue=MAX_MESSAGES_QUEUED,
                user_agent_header="kracked",
            )
        except InvalidStatus as error:
            raise NotConnected.by_status(error.response.status_code) from error
        except InvalidProxy:
            # It quotes the address, which may hold a password.
            raise NotConnected("the proxy's address cannot be used") from None
        except (OSError, WebSocketException, ImportError, ValueError) as error:
            # TimeoutError is an OSError; the last two come from a proxy.
            raise NotConnected(first_line(error)) from error
        try:
            yield _Socket(connection)
        except Exception:
            await connection.close(INTERNAL_ERROR)
            raise
        finally:
            await connection.close()


class _Socket:
    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def listen(self, on_message: Callable[[bytes], None]) -> Closed:
        recv = self._connection.recv  # bound once: this loop runs for every single message
        turn = 0
        try:
            while True:
                on_message(await recv(decode=False))
                turn += 1
                if turn == TURN:
                    turn = 0
                    await asyncio.sleep(0)
        except ConnectionClosed as closed:
            return _end(closed)

    async def send(self, request: bytes) -> None:
        with suppress(ConnectionClosed):
            await self._connection.send(request, text=True)

    def abort(self) -> None:
        self._connection.transport.abort()


def _end(closed: ConnectionClosed) -> Closed:
    received, sent = closed.rcvd, closed.sent
    if received is not None and (closed.rcvd_then_sent or sent is None):
        return Closed.by_server(received.code, received.reason)
    if sent is not None:
        return Closed.by_us(sent.code, sent.reason)
    return Closed.without_a_word(first_line(closed.__cause__) if closed.__cause__ else "")
