"""Key press to order received at the exchange: `python -m tests.benchmarks.orders`.

The monitor runs in a pseudo-terminal against an exchange in this process, on loopback.
A key is written to the terminal, and the clock stops when the exchange's REST address
has the request: the terminal, the toolkit, the checks, the line on the disk and the
network are all in between, and `stamped` tells how long each takes. Each order is taken
away at the exchange itself, so that no two are alike and the rate counter is left
to the presses: 500 of them take two minutes.
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
from itertools import pairwise
from statistics import median
from typing import Any

from kracked.gateway.auth import Call
from kracked.protocol.limits import PRO
from kracked.sim.server import SimOptions, SimServer
from tests.benchmarks.monitor import Screen
from tests.benchmarks.stamped import STATIONS

SYMBOL = "BTC/USD"
LEGS = ("terminal and toolkit", "key to desk", "checks", "disk", "turn and signature", "HTTP")
"""What lies between the press, the stations and the arrival, in this order."""
EVERY_S = 0.24
"""The pair's rate counter falls by nearly a unit meanwhile; its room of 144 takes the rest."""


class Stamped(Screen):
    """The monitor with stations on the way of an order."""

    module = "tests.benchmarks.stamped"

    def __init__(self, arguments: list[str], environment: dict[str, str]) -> None:
        self._stamps, inside = os.pipe()
        os.set_inheritable(inside, True)
        os.set_blocking(self._stamps, False)
        super().__init__(arguments, {**environment, "STAMPS": str(inside)})
        os.close(inside)
        self._text = b""

    def stations(self) -> list[int]:
        """When an order passed each station since the last call, in their order."""
        try:
            while data := os.read(self._stamps, 1 << 16):
                self._text += data
        except BlockingIOError:
            pass
        passed, wanted = [], list(STATIONS)
        for line in self._text.decode().splitlines():
            name, at = line.split()
            if wanted and name == wanted[0]:
                wanted.pop(0)
                passed.append(int(at))
        self._text = b""
        return passed


class Stopwatch:
    """Notes when a request arrived, ahead of what the exchange does with it."""

    def __init__(self, server: SimServer) -> None:
        self.arrived: dict[str, list[int]] = {}
        self._answer = server._rest.call
        server._rest.call = self._call

    def _call(self, method: str, call: Call, query: Any, now: int) -> Any:
        name = call.path.rpartition("/")[2]
        self.arrived.setdefault(name, []).append(time.perf_counter_ns())
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


async def measured(presses: int, rate: float) -> list[list[float]]:
    """Of each press: milliseconds of every leg of its way to the exchange."""
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
            with Stamped(arguments, environment) as screen:
                await _arm(screen, watch)
                return await _press(screen, watch, server, presses)


async def _arm(screen: Screen, watch: Stopwatch) -> None:
    await _until(lambda: watch.count("AssetPairs") > 0, screen)
    await asyncio.to_thread(screen.drain, 2.0)
    screen.press("A")
    await asyncio.to_thread(screen.drain, 1.0)
    screen.press("btc/usd\r")
    await _until(lambda: watch.count("CancelAllOrdersAfter") > 0, screen)
    await asyncio.to_thread(screen.drain, 1.0)


async def _press(
    screen: Stamped, watch: Stopwatch, server: SimServer, presses: int
) -> list[list[float]]:
    taken = []
    for press in range(presses):
        screen.stations()
        before, pressed = watch.count("AddOrder"), time.perf_counter_ns()
        screen.press("BS"[press % 2])
        await _until(lambda seen=before: watch.count("AddOrder") > seen, screen)
        taken.append(legs(pressed, screen.stations(), watch.arrived["AddOrder"][before]))
        left_s = EVERY_S / 2 - (time.perf_counter_ns() - pressed) / 1e9
        await asyncio.to_thread(screen.drain, max(0.02, left_s))
        _take_away(server)
        await asyncio.to_thread(screen.drain, EVERY_S / 2)
    return taken


def legs(pressed: int, stations: list[int], arrived: int) -> list[float]:
    """Milliseconds between one instant and the next: `LEGS`, then the whole."""
    instants = [pressed, *stations, arrived]
    return [(later - earlier) / 1e6 for earlier, later in (*pairwise(instants), (pressed, arrived))]


def _take_away(server: SimServer) -> None:
    brokerage = server.exchange.brokerage
    account = brokerage.accounts["main"]
    for order in list(account.orders.open()):
        brokerage.remove(account, order, "taken away", server._clock())


def _share(sorted_ms: list[float], percent: int) -> float:
    return sorted_ms[min(len(sorted_ms) - 1, -(-percent * len(sorted_ms) // 100) - 1)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--presses", type=int, default=500)
    parser.add_argument("--rate", type=float, default=0.2, help="of the market, against life")
    given = parser.parse_args()
    rows = asyncio.run(measured(given.presses, given.rate))
    names = (*LEGS, "whole")
    print(f"{'ms':24}{'median':>9}{'p99':>9}{'worst':>9}")
    for name, column in zip(names, zip(*rows, strict=True), strict=True):
        ordered = sorted(column)
        print(f"{name:24}{median(ordered):9.2f}{_share(ordered, 99):9.2f}{ordered[-1]:9.2f}")
    print(json.dumps({"presses": len(rows), "load": os.getloadavg()[0]}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
