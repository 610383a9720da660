"""Clients of `tests.benchmarks.wire_server`, one a process: each prints what the stream cost it.

    python tests/benchmarks/wire_clients.py NAME URL --channel book --depth 10 --symbols 1

`kracked` is the whole way to your code: socket, session, verified book, typed event. A `yardstick`
is the least that reads the same with that library: decode, a book of floats, its checksum. The
others are other people's; each is used where it is installed, so that an interpreter of their own
will do. The line that is printed has the seconds of CPU from the first update to the last, the
updates, and the resident memory.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import time
from bisect import insort
from collections.abc import Awaitable, Callable
from zlib import crc32

PRICE, QTY = "%.1f", "%.8f"


class Meter:
    """Seconds of this process's CPU between the first update and the last."""

    def __init__(self, messages: int) -> None:
        self.wanted, self.seen, self.begun, self.ended = messages, 0, 0.0, 0.0

    def count(self, updates: int) -> bool:
        """Count updates; true when all have come."""
        if not self.seen and updates:
            self.begun = time.process_time()
        self.seen += updates
        if self.seen >= self.wanted:
            self.ended = time.process_time()
            return True
        return False


def names(count: int) -> list[str]:
    return ["BTC/USD", *(f"S{number:03}/USD" for number in range(1, count))][:count]


# --- kracked ----------------------------------------------------------------------------------


async def kracked(meter: Meter, options: argparse.Namespace) -> None:
    from kracked.endpoints import Endpoints
    from kracked.feed_manager import FeedManager
    from kracked.protocol.events import BookUpdate, L3Update

    async def token() -> str:
        return "token"

    url, kinds = options.url, (BookUpdate, L3Update)
    endpoints = Endpoints(public=url, level3=url, private=url)
    channel = {options.channel: options.depth}
    async with FeedManager(
        names(options.symbols), endpoints=endpoints, token=token, **channel
    ) as feed:
        with feed.consumer() as consumer:
            while True:
                batch = await consumer.batch()
                if meter.count(sum(type(event) in kinds for event in batch)):
                    break
        books = feed.l2 if options.channel == "book" else feed.l3
        assert len(books) == options.symbols
        assert all(book.verified for book in books.values())


# --- the least that reads the same ---------------------------------------------------------------


def digits(price: float, qty: float) -> str:
    """Return the digits of a level, as the checksum hashes them."""
    words = (PRICE % price, QTY % qty)
    return "".join(word.replace(".", "").lstrip("0") for word in words)


class FloatBook:
    """A level 2 or level 3 book of floats, with its checksum."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.levels: tuple[dict[float, str], dict[float, str]] = ({}, {})
        self.prices: tuple[list[float], list[float]] = ([], [])  # ascending towards the best
        self.orders: dict[str, tuple[int, float]] = {}
        self.queues: tuple[dict[float, dict[str, str]], dict[float, dict[str, str]]] = ({}, {})

    def put(self, side: int, price: float, qty: float) -> None:
        levels, key = self.levels[side], -price if side else price
        if not qty:
            if levels.pop(price, None) is not None:
                self.prices[side].remove(key)
            return
        if price not in levels:
            insort(self.prices[side], key)
        levels[price] = digits(price, qty)

    def order(self, side: int, row: object) -> None:
        price, key = row.limit_price, -row.limit_price if side else row.limit_price
        queues = self.queues[side]
        before = self.orders.pop(row.order_id, None)
        if before is not None and (row.event == "delete" or before[1] != price):
            queue = queues[before[1]]
            del queue[row.order_id]
            if not queue:
                del queues[before[1]]
                self.prices[side].remove(-before[1] if side else before[1])
        if row.event == "delete":
            return
        if price not in queues:
            queues[price] = {}
            insort(self.prices[side], key)
        self.orders[row.order_id] = (side, price)
        queues[price][row.order_id] = digits(price, row.order_qty)

    def cut(self) -> None:
        for side in (0, 1):
            while len(self.prices[side]) > self.depth:
                price = -self.prices[side][0] if side else self.prices[side][0]
                del self.prices[side][0]
                self.levels[side].pop(price, None)
                for order_id in self.queues[side].pop(price, ()):
                    del self.orders[order_id]

    def checksum(self) -> int:
        found = []
        for side in (1, 0):
            for key in self.prices[side][:-11:-1]:
                price = -key if side else key
                if price in self.queues[side]:
                    found += self.queues[side][price].values()
                else:
                    found.append(self.levels[side][price])
        return crc32("".join(found).encode())


def float_books(
    meter: Meter, options: argparse.Namespace
) -> tuple[Callable[[bytes], bool], list[bytes]]:
    """Return what takes a message and says whether it was the last, and the requests to send."""
    import msgspec

    numbers = [(name, float, 0.0) for name in ("price", "qty", "limit_price", "order_qty")]
    level = msgspec.defstruct("Level", [*numbers, ("order_id", str, ""), ("event", str, "add")])
    rows = [(name, list[level], []) for name in ("bids", "asks")]
    data = msgspec.defstruct("Data", [("symbol", str, ""), *rows, ("checksum", int, 0)])
    kinds = [(name, str, "") for name in ("channel", "type")]
    decode = msgspec.json.Decoder(
        msgspec.defstruct("Message", [*kinds, ("data", list[data], [])])
    ).decode
    books = {symbol: FloatBook(options.depth) for symbol in names(options.symbols)}
    level3 = options.channel == "level3"

    def take(raw: bytes) -> bool:
        if b'"channel":"' not in raw[:20]:
            return False
        message = decode(raw)
        if message.channel != options.channel:
            return False
        [told] = message.data
        book = books[told.symbol]
        for side, changes in enumerate((told.bids, told.asks)):
            for row in changes:
                if level3:
                    book.order(side, row)
                else:
                    book.put(side, row.price, row.qty)
        book.cut()
        if book.checksum() != told.checksum:
            raise ValueError("the checksum differs")
        return message.type == "update" and meter.count(1)

    params = {
        "channel": options.channel,
        "symbol": list(books),
        "depth": options.depth,
        "token": "t",
    }
    return take, [json.dumps({"method": "subscribe", "params": params, "req_id": 1}).encode()]


async def on_websockets(meter: Meter, options: argparse.Namespace) -> None:
    from websockets.asyncio.client import connect

    take, requests = float_books(meter, options)
    deflate = "deflate" if options.deflate else None
    async with connect(
        options.url, compression=deflate, max_size=2**26, ping_interval=None
    ) as socket:
        for request in requests:
            await socket.send(request, text=True)
        recv = socket.recv
        while not take(await recv(decode=False)):
            pass


async def on_aiohttp(meter: Meter, options: argparse.Namespace) -> None:
    import aiohttp

    take, requests = float_books(meter, options)
    compress = 15 if options.deflate else 0
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(options.url, max_msg_size=2**26, compress=compress) as socket,
    ):
        for request in requests:
            await socket.send_str(request.decode())
        async for message in socket:
            if take(message.data.encode()):
                break


async def on_picows(meter: Meter, options: argparse.Namespace) -> None:
    from picows import WSListener, WSMsgType, ws_connect

    take, requests = float_books(meter, options)
    done = asyncio.get_running_loop().create_future()

    class Listener(WSListener):
        def on_ws_frame(self, transport, frame) -> None:
            if not done.done() and take(frame.get_payload_as_bytes()):
                done.set_result(None)

    transport, _ = await ws_connect(Listener, options.url, max_frame_size=2**26)
    for request in requests:
        transport.send(WSMsgType.TEXT, request)
    await done
    transport.disconnect()


# --- other people's ---------------------------------------------------------------------------


async def ccxt(meter: Meter, options: argparse.Namespace) -> None:
    """`watch_order_book_for_symbols` of ccxt.pro; it verifies nothing."""
    import ccxt.pro

    exchange = ccxt.pro.kraken({"newUpdates": True})
    exchange.set_markets(
        [
            {
                "id": symbol.replace("/", ""),
                "symbol": symbol,
                "base": symbol.split("/")[0],
                "quote": "USD",
                "type": "spot",
                "spot": True,
                "active": True,
                "precision": {"price": 0.1, "amount": 1e-08},
                "limits": {},
                "info": {"wsname": symbol},
            }
            for symbol in names(options.symbols)
        ]
    )
    for name in list(exchange.urls["api"]["ws"]):
        exchange.urls["api"]["ws"][name] = options.url
    handle = exchange.handle_order_book

    def counted(client, message):
        handle(client, message)
        if message["type"] == "update" and meter.count(1):
            done.set_result(None)

    done = asyncio.get_running_loop().create_future()
    exchange.handle_order_book = counted
    watching = asyncio.ensure_future(
        exchange.watch_order_book_for_symbols(names(options.symbols), options.depth)
    )
    await done
    watching.cancel()
    await exchange.close()


async def python_kraken_sdk(meter: Meter, options: argparse.Namespace) -> None:
    """`SpotOrderBookClient`; it verifies updates, not the snapshot."""
    from kraken.spot import SpotOrderBookClient

    done = asyncio.get_running_loop().create_future()

    class Decimals:
        def get_asset_pairs(self, pair: str) -> dict:
            return {pair: {"pair_decimals": 1, "lot_decimals": 8}}

    class Books(SpotOrderBookClient):
        WS_URL = options.url

        async def on_book_update(self, pair: str, message: object) -> None:
            if message.get("type") == "update" and meter.count(1) and not done.done():
                done.set_result(None)

    books = Books(depth=options.depth)
    books._SpotOrderBookClient__market = Decimals()  # it would ask the exchange by REST
    await books.start()
    await books.add_book(pairs=names(options.symbols))
    await done
    await books.close()


Client = Callable[[Meter, argparse.Namespace], Awaitable[None]]
CLIENTS: dict[str, Client] = {
    "kracked": kracked,
    "yardstick on websockets": on_websockets,
    "yardstick on aiohttp": on_aiohttp,
    "yardstick on picows": on_picows,
    "ccxt": ccxt,
    "python-kraken-sdk": python_kraken_sdk,
}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", choices=CLIENTS)
    parser.add_argument("url")
    parser.add_argument("--channel", default="book")
    parser.add_argument("--depth", type=int, default=10)
    parser.add_argument("--symbols", type=int, default=1)
    parser.add_argument("--messages", type=int, default=40_000)
    parser.add_argument("--deflate", action="store_true")
    options = parser.parse_args()
    meter = Meter(options.messages)
    asyncio.run(CLIENTS[options.name](meter, options))
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = meter.ended - meter.begun
    print(json.dumps({"seconds": seconds, "messages": meter.seen, "memory_mb": peak_kb / 1024}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
