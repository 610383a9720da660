"""An exchange that sends as fast as it is read: `python -m tests.benchmarks.wire_server`.

It speaks as much of WebSocket v2 as a subscription to `instrument`, `book` or `level3` needs. When
every symbol is subscribed, it sends a seeded stream, the same of each symbol, ready made, in turns.
Its first line has the address. It serves until it is stopped; each connection gets the stream from
its start.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
import sys
from pathlib import Path

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests.benchmarks.streams import stream

CERTIFICATE = Path(__file__).parents[1] / "feed" / "transport" / "localhost.pem"
CHUNK_BYTES = 2**16
SETTLE_S = 0.3
LEVEL3_SYMBOLS = 200
"""The most on one connection."""
SOURCE = b"BTC/USD"


def frame(payload: bytes) -> bytes:
    """Return the frame of a text."""
    size = len(payload)
    if size < 126:
        return b"\x81" + bytes([size]) + payload
    if size < 2**16:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


def names(count: int) -> list[str]:
    """Return the symbols that it serves."""
    return ["BTC/USD", *(f"S{number:03}/USD" for number in range(1, count))][:count]


class Wire:
    """The exchange.

    Args:
        channel: `book` or `level3`.
        depth: Levels a side.
        symbols: How many.
        messages: Updates of all symbols together.
        rate: Messages a second; 0 for as fast as they are read.
    """

    def __init__(self, channel: str, depth: int, symbols: int, messages: int, rate: int) -> None:
        self.channel, self.depth, self.rate = channel, depth, rate
        self.symbols = names(symbols)
        self.snapshot, updates = stream(channel, depth, -(-messages // symbols))
        self.frames = [
            (symbol, frame(update.replace(SOURCE, symbol.encode())))
            for update in updates
            for symbol in self.symbols
        ][:messages]
        self.subscribed: dict[ServerConnection, set[str]] = {}
        """Of the connections that wait for the stream."""

    async def talk(self, socket: ServerConnection) -> None:
        """Answer requests until all symbols are subscribed; then send the stream."""
        flooding: list[asyncio.Task[None]] = []
        try:
            await socket.send(STATUS, text=True)
            async for text in socket:
                request = json.loads(text)
                for answer in self.answers(request):
                    await socket.send(answer, text=True)
                params = request.get("params", {})
                if params.get("channel") == self.channel:
                    self.subscribed.setdefault(socket, set()).update(params["symbol"])
                    flooding += self.floods(socket)
        except ConnectionClosed:
            pass
        finally:
            self.subscribed.pop(socket, None)
            for one in flooding:
                one.cancel()

    def answers(self, request: dict) -> list[bytes]:
        """Return the acknowledgements and snapshots of a request."""
        params, number = request.get("params", {}), request.get("req_id")
        if request.get("method") == "ping":
            return [json.dumps({"method": "pong", "req_id": number}).encode()]
        channel = params.get("channel")
        if channel == "instrument":
            return [acknowledged({"channel": channel}, number), instruments(self.symbols)]
        if channel != self.channel:
            return []
        found = []
        for symbol in params["symbol"]:
            result = {"channel": channel, "symbol": symbol, "depth": self.depth, "snapshot": True}
            found.append(acknowledged(result, number))
            found.append(self.snapshot.replace(SOURCE, symbol.encode()))
        return found

    def floods(self, socket: ServerConnection) -> list[asyncio.Task[None]]:
        """Start the stream where all symbols are subscribed.

        Many symbols of level 3 take a client several connections: they get their parts together.
        """
        several = self.channel == "level3" and len(self.symbols) > LEVEL3_SYMBOLS
        waiting = self.subscribed if several else {socket: self.subscribed.get(socket, set())}
        if set().union(*waiting.values()) != set(self.symbols):
            return []
        parts = [(one, self.subscribed.pop(one)) for one in tuple(waiting)]
        return [asyncio.ensure_future(self.flood(one, symbols)) for one, symbols in parts]

    async def flood(self, socket: ServerConnection, symbols: set[str]) -> None:
        """Send the stream past the library, which would take longer than its readers."""
        await asyncio.sleep(SETTLE_S)
        transport, frames = socket.transport, [one for of, one in self.frames if of in symbols]
        if self.rate:
            loop, begun = asyncio.get_running_loop(), asyncio.get_running_loop().time()
            for number, one in enumerate(frames):
                await asyncio.sleep(max(0.0, begun + number / self.rate - loop.time()))
                transport.write(one)
            return
        chunk = bytearray()
        for one in frames:
            chunk += one
            if len(chunk) > CHUNK_BYTES:
                transport.write(bytes(chunk))
                chunk.clear()
                # The library's own drain would wait for its own writes.
                while transport.get_write_buffer_size() > 4 * CHUNK_BYTES:  # noqa: ASYNC110
                    await asyncio.sleep(0.0005)
        transport.write(bytes(chunk))


STATUS = json.dumps(
    {
        "channel": "status",
        "type": "update",
        "data": [{"system": "online", "version": "2.0", "api_version": "v2", "connection_id": 1}],
    }
).encode()


def acknowledged(result: dict, number: object) -> bytes:
    body = {"method": "subscribe", "result": result, "success": True, "req_id": number}
    times = dict.fromkeys(("time_in", "time_out"), "2026-01-01T00:00:00.000000Z")
    return json.dumps(body | times).encode()


def instruments(symbols: list[str]) -> bytes:
    pairs = [
        {
            "symbol": symbol,
            "base": symbol.split("/")[0],
            "quote": "USD",
            "status": "online",
            "price_precision": 1,
            "qty_precision": 8,
            "price_increment": 0.1,
            "qty_increment": 1e-08,
            "qty_min": 0.0001,
        }
        for symbol in symbols
    ]
    body = {"channel": "instrument", "type": "snapshot", "data": {"assets": [], "pairs": pairs}}
    return json.dumps(body).encode()


async def run(options: argparse.Namespace) -> None:
    wire = Wire(options.channel, options.depth, options.symbols, options.messages, options.rate)
    context = None
    if options.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
    extension = "deflate" if options.deflate else None
    async with serve(
        wire.talk, "127.0.0.1", 0, ssl=context, compression=extension, ping_interval=None
    ) as server:
        port = server.sockets[0].getsockname()[1]
        scheme = "wss" if options.tls else "ws"
        print(json.dumps({"url": f"{scheme}://localhost:{port}/v2"}), flush=True)
        await asyncio.get_running_loop().create_future()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--channel", choices=("book", "level3"), default="book")
    parser.add_argument("--depth", type=int, default=10)
    parser.add_argument("--symbols", type=int, default=1)
    parser.add_argument("--messages", type=int, default=40_000)
    parser.add_argument("--rate", type=int, default=0)
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--deflate", action="store_true")
    asyncio.run(run(parser.parse_args()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
