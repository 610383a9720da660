"""Connections by the library `picows`, and its only user.

picows reads frames in compiled code and hands each to a function, with no task in between. It
leaves whole messages, compression and the closing handshake to its user: they are here.

Source: RFC 6455; RFC 7692 for compression; picows.readthedocs.io
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import zlib
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import unquote, urlsplit

import picows
from picows import WSFrame, WSListener, WSMsgType, WSProtocolError, WSTransport
from python_socks import ProxyError, ProxyType
from python_socks.async_.asyncio import Proxy

from kracked.feed.transport import (
    DEFAULT_LIMITS,
    INTERNAL_ERROR,
    NO_CODE,
    NORMAL,
    PROTOCOL_ERROR,
    TOO_BIG,
    Closed,
    Limits,
    NotConnected,
    Socket,
    first_line,
)

logging.getLogger("picows").addHandler(logging.NullHandler())  # else it speaks on the screen

TURN, TURN_BYTES = 100, 32 * 1024
"""Messages, or bytes of one read, after which the rest of the program gets its turn."""
_CONTROL_BYTES = 125
"""The longest control frame."""
_OBJECT = ord("{")
_EXTENSIONS = "Sec-WebSocket-Extensions"
_DEFLATE = "permessage-deflate"
_DEFLATE_ANSWERS = re.compile(
    r"(?:server|client)_no_context_takeover|server_max_window_bits=\"?(?:[89]|1[0-5])\"?"
)
_DEFLATE_TAIL = b"\x00\x00\xff\xff"
"""The end of every compressed message; it is not sent."""
_STATUS = re.compile(rb"HTTP/\d(?:\.\d)? (\d{3})")
_SOCKS = {
    "socks5h": (ProxyType.SOCKS5, True),
    "socks5": (ProxyType.SOCKS5, False),
    "socks4a": (ProxyType.SOCKS4, True),
    "socks4": (ProxyType.SOCKS4, False),
}
"""The protocol of each scheme, and whether the proxy looks up the host's name."""


class PicowsTransport:
    """Connects by `picows`."""

    name = "picows"
    version = str(picows.__version__)

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self.limits = limits

    @asynccontextmanager
    async def connect(self, url: str, *, proxy: str | None, deflate: bool) -> AsyncIterator[Socket]:
        """Open a connection, as `Transport.connect` says."""
        connection = await _Dialling(url, proxy, self.limits, deflate=deflate).connection()
        try:
            yield connection
        except Exception:
            await connection.close(INTERNAL_ERROR)
            raise
        finally:
            await connection.close(NORMAL)


class _Dialling:
    """One attempt to connect.

    It is a task of its own, on a socket that is known here: when picows is cancelled during the
    handshake, it leaves its transport open.
    """

    def __init__(self, url: str, proxy: str | None, limits: Limits, *, deflate: bool) -> None:
        self._url, self._proxy, self._limits, self._deflate = url, proxy, limits, deflate
        self._socks = proxy is not None and proxy.startswith("socks")
        self._socket: socket.socket | None = None
        """The connected socket, once picows has it."""

    async def connection(self) -> _Connection:
        """Return the open connection.

        Raises:
            NotConnected: There is none.
        """
        dialling = asyncio.ensure_future(self._dial())
        try:
            await asyncio.wait([dialling], timeout=self._limits.open_s)
        finally:
            timely = dialling.done()
            if not timely:
                await self._hang_up(dialling)
        if not timely:
            raise NotConnected("timed out during opening handshake")
        return dialling.result()

    async def _hang_up(self, dialling: asyncio.Future[_Connection]) -> None:
        if self._socket is None:
            dialling.cancel()
        else:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        await asyncio.wait([dialling])
        if not dialling.cancelled() and dialling.exception() is None:
            await dialling.result().close(NORMAL)

    async def _dial(self) -> _Connection:
        headers = {"User-Agent": "kracked"} | ({_EXTENSIONS: _DEFLATE} if self._deflate else {})
        secure = (
            {"ssl_shutdown_timeout": self._limits.close_s} if self._url.startswith("wss") else {}
        )
        try:
            _, connection = await picows.ws_connect(
                self._upgraded,
                self._url,
                websocket_handshake_timeout=None,  # the whole attempt has one
                max_frame_size=self._limits.message_bytes,
                extra_headers=headers,
                max_redirects=0,
                proxy=None if self._socks else self._proxy,
                socket_factory=self._connected_socket,
                **secure,
            )
        except picows.WSHandshakeError as error:
            found = _STATUS.match(error.raw_header or b"")
            if found is not None and found[1] != b"101":
                raise NotConnected.by_status(int(found[1])) from error
            raise NotConnected(first_line(error)) from error
        except (OSError, picows.WSError, ProxyError, ValueError) as error:
            raise NotConnected(first_line(error)) from error
        if connection is None:
            raise NotConnected("the server hung up during the opening handshake")
        assert isinstance(connection, _Connection)
        return connection

    def _upgraded(
        self, _request: picows.WSUpgradeRequest, response: picows.WSUpgradeResponse
    ) -> _Connection:
        answer = ", ".join(response.headers.getall(_EXTENSIONS, ()))
        if not answer:
            return _Connection(self._limits, None)
        name, *options = [word.strip() for word in answer.split(";")]
        if not self._deflate or name != _DEFLATE:
            raise NotConnected(f"the server wants an extension that was not offered: {answer}")
        if not all(map(_DEFLATE_ANSWERS.fullmatch, options)):
            raise NotConnected(f"the server wants a compression that was not offered: {answer}")
        fresh = "server_no_context_takeover" in options
        return _Connection(self._limits, _Inflater(self._limits.message_bytes, fresh=fresh))

    async def _connected_socket(self, address: picows.WSParsedURL) -> socket.socket:
        """Connect to the server, through a SOCKS proxy where there is one, or to an HTTP proxy."""
        if self._socks:
            proxy = urlsplit(self._proxy or "")
            kind, looks_up = _SOCKS[proxy.scheme]
            user, password = (unquote(word or "") for word in (proxy.username, proxy.password))
            through = Proxy(kind, proxy.hostname, proxy.port or 1080, user, password, rdns=looks_up)
            self._socket = await through.connect(address.host, address.port)
        else:
            self._socket = await _connected(address.host, address.port)
        return self._socket


async def _connected(host: str, port: int) -> socket.socket:
    """Return a socket that is connected to the first address of a host that answers."""
    loop = asyncio.get_running_loop()
    failure = OSError(f"{host} has no address")
    for family, kind, protocol, _, address in await loop.getaddrinfo(
        host, port, type=socket.SOCK_STREAM
    ):
        connecting = socket.socket(family, kind, protocol)
        connecting.setblocking(False)
        try:
            await loop.sock_connect(connecting, address)
        except OSError as error:
            connecting.close()
            failure = error
        except asyncio.CancelledError:
            connecting.close()
            raise
        else:
            return connecting
    raise failure


class _Inflater:
    """Unpacks messages.

    Args:
        limit: Bytes of the largest message.
        fresh: Each message is packed by itself, without knowledge of those before.
    """

    def __init__(self, limit: int, *, fresh: bool) -> None:
        self._limit, self._fresh = limit, fresh
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)

    def unpacked(self, message: bytes) -> bytes:
        """Return a message as it was before it was packed.

        Raises:
            WSProtocolError: It cannot be unpacked, or is too big.
        """
        if self._fresh or self._inflate.eof:
            self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            plain = self._inflate.decompress(message + _DEFLATE_TAIL, self._limit + 1)
        except zlib.error as error:
            raise WSProtocolError(PROTOCOL_ERROR, "a message cannot be unpacked") from error
        _check_size(plain, self._limit)
        return plain


def _check_size(message: bytes | bytearray, limit: int) -> None:
    if len(message) > limit:
        raise WSProtocolError(TOO_BIG, f"a message has more than {limit} bytes")


def _ignore(_message: bytes) -> None:
    """Drop what comes after the end."""


class _Connection(WSListener):
    """An open connection; picows calls the methods whose names begin with `on_ws`.

    Messages go on as they are read. Where a single read brought many, and until somebody listens,
    they are queued and nothing more is read.
    """

    _transport: WSTransport

    def __init__(self, limits: Limits, inflater: _Inflater | None) -> None:
        self._limits, self._inflater = limits, inflater
        self._queue: deque[bytes] = deque()
        self._deliver: Callable[[bytes], None] = self._queue.append
        self._held = True
        """Whether messages are queued."""
        self._part: bytearray | None = None
        """The beginning of a message that is not whole yet; None between messages."""
        self._packed = False
        """Whether that message is compressed."""
        self._plain = inflater is None
        """Whether the next frame of data is a message, if it is not the beginning of one."""
        self._ended = False
        self._closed = Closed.without_a_word()
        self._stirred = asyncio.Event()
        """Messages are queued, or the connection has ended."""
        self._writable = asyncio.Event()
        self._writable.set()

    # --- the feed's side ------------------------------------------------------------------

    async def listen(self, on_message: Callable[[bytes], None]) -> Closed:
        reading = self._transport.underlying_transport
        while True:
            while self._queue:
                for _ in range(min(TURN, len(self._queue))):
                    on_message(self._queue.popleft())
                await asyncio.sleep(0)
            if self._transport.is_disconnected:
                break
            self._held = False
            if not self._ended:
                self._deliver = on_message
            reading.resume_reading()
            await self._stirred.wait()
            self._stirred.clear()
        try:
            await self._transport.wait_disconnected()
        except WSProtocolError as error:
            return Closed.by_us(int(error.code), str(error))
        return self._closed

    async def send(self, request: bytes) -> None:
        await self._writable.wait()
        self._transport.send(WSMsgType.TEXT, request)

    def abort(self) -> None:
        self._transport.disconnect(graceful=False)

    async def close(self, code: int) -> None:
        """Say farewell, and wait a moment for the server's; then end the connection."""
        self._end()
        self._transport.send_close(code)
        try:
            with suppress(Exception):  # time is up, or what `listen` has raised
                async with asyncio.timeout(self._limits.close_s):
                    await self._transport.wait_disconnected()
        finally:
            self.abort()
        with suppress(Exception):
            await self._transport.wait_disconnected()

    def _end(self) -> None:
        self._ended, self._plain, self._deliver = True, False, _ignore

    # --- picows' side ---------------------------------------------------------------------

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        # To ask picows for the kind of a frame takes as long as all the rest. What is longer than
        # a control frame and begins as an object does is data of some kind: that is enough.
        try:
            if frame.tail_size > TURN_BYTES and not self._held:
                self._hold_back(transport)
            if self._plain and frame.payload_size > _CONTROL_BYTES and frame.fin:
                message = frame.get_payload_as_bytes()
                if message[0] == _OBJECT:
                    self._deliver(message)
                    return
            self._take(transport, frame)
        except Exception:
            self._end()  # picows hangs up, and hands on what comes until then
            raise

    def _hold_back(self, transport: WSTransport) -> None:
        """Queue the messages of this read, so that others get their turn between them."""
        self._held = True
        if not self._ended:
            self._deliver = self._queue.append
        transport.underlying_transport.pause_reading()
        self._stirred.set()

    def on_ws_disconnected(self, _transport: WSTransport) -> None:
        self._writable.set()
        self._stirred.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def _take(self, transport: WSTransport, frame: WSFrame) -> None:
        """Take any frame.

        Raises:
            WSProtocolError: It may not come now.
        """
        kind = frame.msg_type
        if kind is WSMsgType.CLOSE:
            self._on_close(transport, frame)
            return
        if self._ended or kind is WSMsgType.PONG:
            return
        continues = kind is WSMsgType.CONTINUATION
        if continues is (self._part is None):
            raise WSProtocolError(PROTOCOL_ERROR, "a fragment of a message is out of place")
        if frame.rsv2 or frame.rsv3 or (frame.rsv1 and (continues or self._inflater is None)):
            raise WSProtocolError(PROTOCOL_ERROR, "a reserved bit is set")
        if self._part is None:
            self._part, self._packed, self._plain = bytearray(), bool(frame.rsv1), False
        self._part += frame.get_payload_as_memoryview()
        _check_size(self._part, self._limits.message_bytes)
        if frame.fin:
            message, self._part, self._plain = bytes(self._part), None, self._inflater is None
            if self._packed and self._inflater is not None:
                message = self._inflater.unpacked(message)
            self._deliver(message)

    def _on_close(self, transport: WSTransport, frame: WSFrame) -> None:
        if not transport.is_close_frame_sent:
            code = int(frame.get_close_code()) or NO_CODE
            self._closed = Closed.by_server(code, frame.get_close_reason() or "")
            transport.send_close(NORMAL if code == NO_CODE else code)
        self._end()
        transport.disconnect()
        # On a line that takes nothing, that would wait for ever.
        asyncio.get_running_loop().call_later(self._limits.close_s, transport.disconnect, False)
