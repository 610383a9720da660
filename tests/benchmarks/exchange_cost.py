"""What the simulated exchange costs: messages it sends per second of its CPU time.

    python -m tests.benchmarks.exchange_cost --rate 20 --seconds 20

The exchange runs in a process of its own; a client that reads and throws away subscribes
to six symbols of `book` and `level3`. `trading` is the part of the time the market kept up
with the rate. Without sockets: `--alone`, the same messages in this process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import aiohttp

from kracked.gateway.auth import ApiKey, ApiKeys
from kracked.gateway.channels import Socket
from kracked.gateway.client_session import ClientSession
from kracked.sim.agents.market import SimulatedMarket
from kracked.sim.exchange import Exchange
from kracked.sim.listings import LISTED
from kracked.times import NS_PER_S
from tests.benchmarks.remote import Remote, exchange
from tests.benchmarks.streams import START

WARM_UP_S = 3.0
SLICE_NS = NS_PER_S // 100
SYMBOLS = [listing.symbol for listing in LISTED]


def requests(depths: tuple[int, int], token: str) -> list[str]:
    """Subscriptions to both channels; depth 0 leaves one out."""
    terms = [
        {"channel": "book", "symbol": SYMBOLS, "depth": depths[0]},
        {"channel": "level3", "symbol": SYMBOLS, "depth": depths[1], "token": token},
    ]
    return [json.dumps({"method": "subscribe", "params": one}) for one in terms if one["depth"]]


def line(name: str, messages: int, cpu_s: float, seconds: float, rest: str = "") -> str:
    return (
        f"{name}: {messages / seconds:.0f} messages/s, {cpu_s / seconds:.0%} of a core, "
        f"{messages / cpu_s:.0f} messages per CPU second{rest}"
    )


def joined(
    rate: float, depths: tuple[int, int], send: Callable[[bytes], None] = lambda _: None
) -> tuple[Exchange, ClientSession]:
    """An exchange without sockets, and its one client."""
    market = SimulatedMarket(LISTED, seed=1, rate=rate).opened(START)
    accounts, key = ApiKeys(), ApiKey("key", "c2VjcmV0")
    accounts.add(key)
    venue = Exchange(market, accounts, START)
    client = venue.connect(Socket.ALL, send, START)
    for request in requests(depths, accounts.issue(key, START)):
        client.receive(request, START)
    return venue, client


def alone(rate: float, depths: tuple[int, int], seconds: float) -> str:
    """Without sockets, market time as fast as it goes."""
    sent: list[int] = []
    venue, _ = joined(rate, depths, lambda message: sent.append(len(message)))
    venue.advance(START + NS_PER_S)
    before, begun = len(sent), time.process_time()
    for step in range(int(seconds * NS_PER_S / SLICE_NS)):
        venue.advance(START + NS_PER_S + (step + 1) * SLICE_NS)
    return line("alone", len(sent) - before, time.process_time() - begun, seconds)


def cpu_seconds(pid: int) -> float:
    """User and system time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def served(rate: float, depths: tuple[int, int], seconds: float) -> str:
    """The exchange with sockets, in real time."""
    arguments = ("--rate", str(rate), "--seed", "1", "--faults", "")
    async with (
        exchange(*arguments) as remote,
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{remote.rest.replace('http', 'ws', 1)}/v2", max_msg_size=0) as socket,
    ):
        for request in requests(depths, await _token(remote)):
            await socket.send_str(request)
        await _count(socket, WARM_UP_S)
        before, cpu = await remote.ask("state"), cpu_seconds(remote.pid)
        begun = time.monotonic()
        messages = await _count(socket, seconds)
        cpu_s, took_s = cpu_seconds(remote.pid) - cpu, time.monotonic() - begun
        after = await remote.ask("state")
    rested, passed = (after[name] - before[name] for name in ("rested_ns", "time"))
    return line("served", messages, cpu_s, took_s, f", trading {1 - rested / passed:.0%}")


async def _token(remote: Remote) -> str:
    from kracked.rest.client import RestClient

    async with RestClient(remote.credentials, remote.endpoints) as client:
        return await client.websockets_token()


async def _count(socket: aiohttp.ClientWebSocketResponse, seconds: float) -> int:
    count, ends = 0, time.monotonic() + seconds
    while time.monotonic() < ends:
        await socket.receive()
        count += 1
    return count


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--depths", type=int, nargs=2, default=(10, 10), help="book, level3")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--alone", action="store_true", help="without sockets")
    given = parser.parse_args()
    depths = (given.depths[0], given.depths[1])
    if given.alone:
        print(alone(given.rate, depths, given.seconds))
    else:
        print(asyncio.run(served(given.rate, depths, given.seconds)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
