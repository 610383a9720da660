"""A long run through faults: `python -m tests.soak --minutes 20 --rate 3 --seed 1`.

A feed of every listed pair, L2 and L3, hears a simulated exchange through `Chaos`. A
random fault strikes every few seconds; how long until every book is verified again is
noted by kind. Now and then faults pause, market time stands still, and every book is
compared with a fresh snapshot taken straight from the exchange.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from kracked.credentials import Credentials
from kracked.endpoints import Endpoints
from kracked.feed.fanout import Consumer, Policy
from kracked.manager import FeedManager
from kracked.protocol.subscription import State
from kracked.rest.client import RestClient
from kracked.sim.server import SimOptions, SimServer
from tests.chaos import FAULTS, Chaos

CALM_S = 0.5
"""A feed is well again when it has been for this long."""
HALF_OPEN_S = 7.0
"""Silence takes this long to show."""
PATIENCE_S = 180.0
COMPARE_EVERY = 10
"""Faults between two comparisons."""


class MarketClock:
    """Real time, that can be made to stand still."""

    def __init__(self) -> None:
        self._stands_at: int | None = None
        self._behind = 0

    def __call__(self) -> int:
        return self._stands_at or time.time_ns() - self._behind

    def stop(self) -> None:
        self._stands_at = self()

    def go_on(self) -> None:
        assert self._stands_at is not None
        self._behind, self._stands_at = time.time_ns() - self._stands_at, None


class Soak:
    def __init__(self, feed: FeedManager, chaos: Chaos, clock: MarketClock, seed: int) -> None:
        self.feed, self.chaos, self.clock = feed, chaos, clock
        self.random = random.Random(seed)
        self.recovery_s: dict[str, list[float]] = {fault: [] for fault in FAULTS}
        self.compared = self.wrong = self.stuck = 0

    def is_well(self) -> bool:
        """Every connection open, every subscription live, every book verified."""
        connections = self.feed.stats().connections
        return all(
            one.open and all(each.state == State.LIVE for each in one.subscriptions)
            for one in connections
        ) and all(book.verified for book in self.books())

    def books(self) -> Iterator:
        yield from self.feed.books.values()
        yield from self.feed.orders.values()

    async def strike(self) -> None:
        fault = self.random.choice(FAULTS)
        begun = time.monotonic()
        await self.chaos.inject(fault)
        calm_s = HALF_OPEN_S if fault == "half-open" else CALM_S
        ill_until = begun
        while time.monotonic() - ill_until < calm_s:
            await asyncio.sleep(0.02)
            if not self.is_well():
                ill_until = time.monotonic()
            if ill_until - begun > PATIENCE_S:
                self.stuck += 1
                print(f"stuck after {fault}: {self.feed.stats()}", file=sys.stderr)
                return
        self.recovery_s[fault].append(ill_until - begun)

    async def compare(self, truth: FeedManager) -> None:
        """Let one clean stretch pass, then hold every book against a fresh snapshot."""
        await asyncio.sleep(2)
        self.clock.stop()
        await asyncio.sleep(1)
        async with truth:
            await truth.ready()
            for mine, theirs in ((self.feed.books, truth.books), (self.feed.orders, truth.orders)):
                for symbol, book in mine.items():
                    if book.verified:
                        self.compared += 1
                        self.wrong += contents(book) != contents(theirs[symbol])
        self.clock.go_on()


def contents(book) -> list:
    """Everything a book of either kind shows, as plain values."""
    return [
        [
            (level.price, level.qty, [order.order_id for order in level] if orders else None)
            for level in side
        ]
        for side in (book.bids, book.asks)
        for orders in (hasattr(side, "at"),)
    ]


async def drain(consumer: Consumer) -> None:
    while await consumer.batch():
        pass


async def run(minutes: float, rate: float, seed: int) -> bool:
    clock = MarketClock()
    state = Path(tempfile.mkdtemp(prefix="soak-"))
    started = time.monotonic()
    async with SimServer(SimOptions(seed=seed, rate=rate), clock=clock) as sim:
        direct = Endpoints.at(sim.endpoints.rest)
        credentials = Credentials(sim.api_key, sim.api_secret)
        client = RestClient(credentials, direct, state=state)
        channels = {"book": 25, "level3": 100, "trade": True, "token": client.websockets_token}
        async with client, Chaos(direct, seed) as chaos:
            symbols = await listed(direct)
            feed = FeedManager(symbols, endpoints=chaos.endpoints, account=True, **channels)
            async with feed, asyncio.TaskGroup() as tasks:
                with feed.consumer(Policy.NEVER_SKIP) as consumer:
                    drainer = tasks.create_task(drain(consumer))
                    await feed.ready()
                    soak, first = Soak(feed, chaos, clock, seed), memory_mb()
                    tasks_at_start, strikes = len(asyncio.all_tasks()), 0
                    while time.monotonic() - started < minutes * 60 and not soak.stuck:
                        await soak.strike()
                        await asyncio.sleep(soak.random.uniform(0.5, 3))
                        strikes += 1
                        if strikes % COMPARE_EVERY == 0:
                            truth = FeedManager(symbols, endpoints=direct, **channels)
                            await soak.compare(truth)
                    report(soak, first, tasks_at_start)
                    drainer.cancel()
    return soak.wrong == 0 and soak.stuck == 0


async def listed(endpoints: Endpoints) -> list[str]:
    async with FeedManager(["BTC/USD"], book=10, endpoints=endpoints) as feed:
        await feed.ready()
        return sorted(feed.instruments)


def memory_mb() -> float:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def report(soak: Soak, first_mb: float, tasks: int) -> None:
    stats = soak.feed.stats()
    print(f"messages {stats.messages:,}, resyncs {stats.resyncs:,}")
    print(f"books compared {soak.compared}, wrong though verified: {soak.wrong}")
    print(f"memory {first_mb:.0f} MB, then {memory_mb():.0f} MB")
    print(f"tasks {tasks}, then {len(asyncio.all_tasks())}; faults not recovered: {soak.stuck}")
    print(f"{'fault':20} {'times':>5} {'median s':>9} {'max s':>7}")
    for fault, seconds in soak.recovery_s.items():
        if seconds:
            middle = statistics.median(seconds)
            print(f"{fault:20} {len(seconds):5} {middle:9.2f} {max(seconds):7.2f}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--rate", type=float, default=3)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    return 0 if asyncio.run(run(options.minutes, options.rate, options.seed)) else 1


if __name__ == "__main__":
    sys.exit(main())
