"""Key press to order received at the exchange: `python -m tests.benchmarks.orders`.

The monitor runs in a pseudo-terminal against an exchange in this process, on loopback.
A key is written to the terminal, and the clock stops when the exchange's REST address
has the request: the terminal, the toolkit, the checks, the line on the disk and the
network are all in between. Every second press is a cancel, so that no two orders are alike.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from kracked.protocol.limits import PRO
from kracked.sim.account import Call
from kracked.sim.server import SimOptions, SimServer
from tests.benchmarks.monitor import Screen

SYMBOL = "BTC/USD"


class Stopwatch:
    """Notes when a request arrived, ahead of what the exchange does with it."""

    def __init__(self, server: SimServer) -> None:
        self.arrived: dict[str, list[float]] = {}
        self._answer = server._rest.call
        server._rest.call = self._call

    def _call(self, method: str, call: Call, query: Any, now: int) -> Any:
        name = call.path.rpartition("/")[2]
        self.arrived.setdefault(name, []).append(time.perf_counter())
        return self._answer(method, call, query, now)

    def count(self, name: str) -> int:
        return len(self.arrived.get(name, ()))


async def _until(so: Callable[[], bool], screen: Screen, timeout_s: float = 20) -> None:
    """The screen is drained meanwhile: a terminal nobody reads would hold the monitor up."""
    end = time.perf_counter() + timeout_s
    while not so():
        if time.perf_counter() > end:
            raise TimeoutError
        await asyncio.to_thread(screen.drain, 0.02)


async def measured(presses: int, rate: float) -> list[float]:
    """Seconds from each press of `B` to its AddOrder at the exchange."""
    options = SimOptions(seed=7, symbols=(SYMBOL,), rate=rate, tier=PRO.name)
    with tempfile.TemporaryDirectory() as state:
        async with SimServer(options) as server:
            watch = Stopwatch(server)
            environment = {
                "KRAKEN_API_KEY": server.api_key,
                "KRAKEN_API_SECRET": server.api_secret,
                "XDG_STATE_HOME": state,
                "XDG_CONFIG_HOME": state,
            }
            arguments = ["--endpoint", server.endpoints.rest, SYMBOL]
            with Screen(arguments, environment) as screen:
                return await _press(screen, watch, server, presses)


async def _press(screen: Screen, watch: Stopwatch, server: SimServer, presses: int) -> list[float]:
    orders = server.exchange.brokerage.account("main").orders
    await _until(lambda: watch.count("AssetPairs") > 0, screen)
    await asyncio.to_thread(screen.drain, 2.0)
    screen.press("A")
    await asyncio.to_thread(screen.drain, 1.0)
    screen.press("btc/usd\r")
    await _until(lambda: watch.count("CancelAllOrdersAfter") > 0, screen)
    await asyncio.to_thread(screen.drain, 1.0)
    taken = []
    for _ in range(presses):
        before = watch.count("AddOrder")
        pressed = time.perf_counter()
        screen.press("B")
        await _until(lambda seen=before: watch.count("AddOrder") > seen, screen)
        taken.append(watch.arrived["AddOrder"][before] - pressed)
        await _until(lambda: bool(orders.open()), screen)
        # Old enough that its cancel is cheap, and the rate counter never fills.
        await asyncio.to_thread(screen.drain, 0.5)
        screen.press("X")
        await asyncio.to_thread(screen.drain, 0.1)
        screen.press("y")
        await _until(lambda: not orders.open(), screen)
        await asyncio.to_thread(screen.drain, 2.0)
    return taken


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--presses", type=int, default=40)
    parser.add_argument("--rate", type=float, default=0.2, help="of the market, against life")
    given = parser.parse_args()
    taken = sorted(asyncio.run(measured(given.presses, given.rate)))
    worst = taken[min(len(taken) - 1, -(-99 * len(taken) // 100) - 1)]
    print(
        json.dumps(
            {
                "presses": len(taken),
                "median_ms": round(median(taken) * 1000, 2),
                "p99_ms": round(worst * 1000, 2),
                "load": os.getloadavg()[0],
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
