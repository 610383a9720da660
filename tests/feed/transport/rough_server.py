"""Servers of bytes: they do what no library would, and proxies that pass bytes on."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

CERTIFICATE = Path(__file__).with_name("localhost.pem")
"""Of the name `localhost`, signed by itself, and good for these tests alone."""
TEXT, BINARY, CLOSE, PING, PONG, CONTINUATION = 1, 2, 8, 9, 10, 0

Talk = Callable[["Line"], Awaitable[None]]


class Line:
    """The server's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def upgrade(self, *headers: str, more: bytes = b"") -> str:
        """Answer the handshake, with the first frames right behind it; return the request."""
        request = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        lines = dict(line.split(": ", 1) for line in request.splitlines() if ": " in line)
        key = {name.lower(): value for name, value in lines.items()}["sec-websocket-key"]
        magic = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key.encode() + magic).digest()).decode()
        answer = [
            "HTTP/1.1 101 Switching Protocols",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Accept: {accept}",
            *headers,
        ]
        self.writer.write("\r\n".join([*answer, "", ""]).encode() + more)
        return request

    async def frame(self) -> tuple[int, bytes]:
        """Return the kind and the payload of the client's next frame, all of which are short."""
        first, second = await self.reader.readexactly(2)
        mask = await self.reader.readexactly(4)
        payload = await self.reader.readexactly(second & 0x7F)
        return first & 0xF, bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


def frame(kind: int, payload: bytes, *, fin: bool = True, reserved: int = 0) -> bytes:
    """Return a frame of the server; `reserved` has the three reserved bits."""
    first = bytes([fin << 7 | reserved << 4 | kind])
    size = len(payload)
    if size < 126:
        return first + bytes([size]) + payload
    if size < 2**16:
        return first + b"\x7e" + size.to_bytes(2, "big") + payload
    return first + b"\x7f" + size.to_bytes(8, "big") + payload


def close_frame(code: int | None, text: str = "") -> bytes:
    return frame(CLOSE, b"" if code is None else code.to_bytes(2, "big") + text.encode())


@asynccontextmanager
async def serving(talk: Talk, *, tls: bool = False) -> AsyncIterator[int]:
    """Serve connections by a function; yield the port."""
    talking: set[asyncio.Task] = set()

    async def on_line(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talking.add(asyncio.current_task())
        try:
            await talk(Line(reader, writer))
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    context = None
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
    server = await asyncio.start_server(on_line, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in talking:
            task.cancel()
        await asyncio.gather(*talking, return_exceptions=True)


async def pass_on(line: Line, port: int) -> None:
    """Join a line to a port of this machine, until one side ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def one_way(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(2**16):
            target.write(data)

    ways = [
        asyncio.ensure_future(one_way(line.reader, writer)),
        asyncio.ensure_future(one_way(reader, line.writer)),
    ]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        writer.transport.abort()
        for way in ways:
            way.cancel()
