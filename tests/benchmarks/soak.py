"""A feed in a storm of faults, held against the exchange's own books.

    python -m tests.benchmarks.soak --minutes 20 --rate 20 --symbols 6 --every 4s --seed 1

The exchange runs in a process of its own and fails at random; here a feed keeps `book`
and `level3` of every symbol. At quiet points the market stops and every verified book is
compared with the engine's, all levels and all orders: some points in the midst of
faults, some after the last fault is over and two seconds of trade have passed, when every
book must be verified. Exit code 1 on any violation.

The checksum covers ten levels a side. At depth 10 it proves the whole book; a message
lost below the tenth level of a deeper one cannot be noticed by any client.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
import time
from collections import Counter
from collections.abc import Sequence

from kracked.feed.fanout import Policy
from kracked.manager import FeedManager
from kracked.protocol.subscription import State
from kracked.sim.catalogue import listings
from kracked.times import NS_PER_S
from tests.benchmarks.recovery import Key, Recoveries, settle
from tests.benchmarks.remote import Remote, exchange, open_sockets, resident_bytes
from tests.benchmarks.truth import differences

WARM_UP_S = 5.0
POINT_EVERY_S = 15.0
CALM_EVERY = 2
"""Every so many quiet points one waits until all is well."""
HOLD_S = 600
"""Longer than any comparison takes: it is released."""
DRAIN_S = 8.0
CLEAN_S = 2.0
HEAL_S = 150.0
MIB = 2**20


class Soak:
    """One run: compares at quiet points and keeps the counts."""

    def __init__(self, remote: Remote, feed: FeedManager, keys: Sequence[Key], depth: int) -> None:
        self.remote, self.feed, self.keys, self.depth = remote, feed, keys, depth
        self.recoveries = Recoveries(feed, keys)
        self.compared: Counter[str] = Counter()
        self.violations: list[str] = []
        self.trading = 0.0
        """The part of the time in which the market traded."""
        self.memory: list[int] = []
        """This process's at every quiet point, in bytes."""

    async def listen(self) -> None:
        async for fault in self.remote.faults():
            self.recoveries.begin(fault)

    async def run(self, seconds: float) -> None:
        """Quiet points until the time is over, the last one in calm."""
        ends, point = time.monotonic() + seconds, 0
        before = await self.remote.ask("state")
        while time.monotonic() < ends:
            await asyncio.sleep(min(POINT_EVERY_S, max(0.0, ends - time.monotonic())))
            point += 1
            await (self.calm_point() if point % CALM_EVERY == 0 else self.rough_point())
            self.memory.append(resident_bytes())
            await self.remote.act("release")
        await self.calm_point()
        after = await self.remote.ask("state")
        rested_ns, passed_ns = (after[name] - before[name] for name in ("rested_ns", "time"))
        self.trading = 1 - rested_ns / passed_ns

    async def rough_point(self) -> None:
        """Stop in the midst of everything: what is verified and up to date must be right."""
        await self.remote.act("hold", seconds=HOLD_S)
        await self._compare("rough")

    async def calm_point(self) -> None:
        """Let everything heal, then stop: every book must be verified and right."""
        await self.remote.act("calm", seconds=HEAL_S)
        if not await settle(self._is_well, HEAL_S):
            self.violations.append(f"not well after {HEAL_S:.0f} s of calm: {self._ill()}")
        await asyncio.sleep(CLEAN_S)
        await self.remote.act("hold", seconds=HOLD_S)
        await self._compare("calm")

    def _is_well(self) -> bool:
        return not self.recoveries.waiting and not self._ill()

    def _ill(self) -> list[str]:
        """What is not as it should be."""
        ill = [
            f"{one.name} {each.channel} {each.symbol} {each.state}"
            for one in self.feed.stats().connections
            for each in one.subscriptions
            if not one.open or each.state != State.LIVE
        ]
        books = {key: self.recoveries.book(key) for key in self.keys}
        return ill + [
            f"{key} unverified" for key, book in books.items() if not (book and book.verified)
        ]

    # --- comparing ------------------------------------------------------------------------

    async def _compare(self, mood: str) -> None:
        truths = {
            key: await self.remote.ask("truth", symbol=key[1], channel=key[0], depth=self.depth)
            for key in self.keys
        }
        await settle(lambda: all(self._verdict(*one) == "right" for one in truths.items()), DRAIN_S)
        for key, truth in truths.items():
            verdict = self._verdict(key, truth)
            self.compared[f"{mood} {verdict}"] += 1
            if verdict == "wrong" or (mood == "calm" and verdict != "right"):
                self.violations.append(
                    f"{mood}: {key} is {verdict}: {self._difference(key, truth)}"
                )

    def _verdict(self, key: Key, truth: dict) -> str:
        """`right` or `wrong`; `marked` unverified; `behind` the exchange's last message."""
        book = self.recoveries.book(key)
        if book is None or not book.verified:
            return "marked"
        if not differences(book, truth):
            return "right"
        stamp, told = book.exchange_time or 0, truth["told"] or 0
        skewed = abs(stamp - truth["time"]) > 1800 * NS_PER_S
        return "behind" if skewed or stamp < told // 1000 * 1000 else "wrong"

    def _difference(self, key: Key, truth: dict) -> list:
        book = self.recoveries.book(key)
        return [] if book is None else differences(book, truth)[:3]


async def soak(options: argparse.Namespace) -> int:
    symbols = [listing.symbol for listing in listings(count=options.symbols)]
    keys = [(channel, symbol) for symbol in symbols for channel in ("book", "level3")]
    arguments = ["--list", str(options.symbols), "--rate", str(options.rate)]
    arguments += ["--seed", str(options.seed), "--faults", f"{options.faults}:{options.every}"]
    # Under -X dev asyncio reports every step over 0.1 s: of the machine's load, not of faults.
    asyncio.get_running_loop().slow_callback_duration = 2.0
    before = asyncio.all_tasks(), open_sockets()
    async with exchange(*arguments) as remote:
        await remote.act("calm", seconds=WARM_UP_S * 2)
        feed = FeedManager(
            symbols,
            book=options.depth,
            level3=options.depth,
            endpoints=remote.endpoints,
            credentials=remote.credentials,
        )
        run = Soak(remote, feed, keys, options.depth)
        begun = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            listening = tasks.create_task(run.listen())
            async with feed:
                with feed.consumer(Policy.NEVER_SKIP) as consumer:
                    watching = tasks.create_task(run.recoveries.watch(consumer))
                    await feed.ready()
                    await asyncio.sleep(WARM_UP_S)
                    gc.collect()
                    start = resident_bytes(), resident_bytes(remote.pid)
                    await run.run(options.minutes * 60)
                    gc.collect()
                    end = resident_bytes(), resident_bytes(remote.pid)
                    stats, took_s = feed.stats(), time.monotonic() - begun
            await watching
            await settle(lambda: False, 1.0)
            connections = (await remote.ask("state"))["connections"]
            listening.cancel()
    left = asyncio.all_tasks() - before[0], open_sockets() - before[1]
    return report(options, run, stats, took_s, (start, end), (connections, *left))


def report(options, run: Soak, stats, took_s: float, memory, left) -> int:
    """Print every figure; 1 when something is not as it must be."""
    recoveries, violations = run.recoveries, run.violations
    connections, tasks, sockets = left
    violations += [f"never recovered from {one}" for one in recoveries.failed]
    violations += [f"the exchange complained: {line}" for line in run.remote.complaints]
    violations += [f"left over: task {task}" for task in tasks]
    violations += [f"left over: {sockets} sockets here"] * bool(sockets)
    violations += [f"left over: {connections} connections there"] * bool(connections)
    dropped = sum(one.dropped for one in stats.consumers)
    violations += [f"{dropped} events were left out"] * bool(dropped)
    (here, there), (here_after, there_after) = [
        [f"{one / MIB:.1f}" for one in pair] for pair in memory
    ]
    connects = ", ".join(f"{one.name} {one.connects}" for one in stats.connections)
    compared = ", ".join(f"{name} {count}" for name, count in sorted(run.compared.items()))
    print(f"{took_s / 60:.1f} minutes, depth {options.depth}, seed {options.seed}")
    print(f"rate {options.rate}, trading {run.trading:.0%} of the time")
    print(f"{stats.messages} messages, {stats.messages / took_s:.0f}/s; {recoveries.events} events")
    print("\n".join(recoveries.lines()))
    print(f"books compared: {compared}")
    print(f"resyncs {stats.resyncs}; connects {connects}")
    print(f"memory in MiB: feed {here} -> {here_after}, exchange {there} -> {there_after}")
    course = [f"{one / MIB:.1f}" for one in run.memory[:: max(1, len(run.memory) // 10)]]
    print(f"memory of the feed over time: {' '.join(course)}")
    print(f"left over: tasks {len(tasks)}, sockets {sockets}, connections {connections}")
    print(f"slow steps of the exchange's loop: {run.remote.slow_steps}")
    for violation in violations:
        print(f"VIOLATION: {violation}", file=sys.stderr)
    print("violations: " + str(len(violations)))
    return 1 if violations else 0


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--rate", type=float, default=20, help="times the natural speed")
    parser.add_argument("--symbols", type=int, default=6)
    parser.add_argument("--every", default="4s", help="mean time between faults")
    parser.add_argument("--faults", default="all", help="which: a kind, or all")
    parser.add_argument("--depth", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    return asyncio.run(soak(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
