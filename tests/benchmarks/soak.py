"""A feed in a storm of faults, held against the exchange's own books and accounts.

    python -m tests.benchmarks.soak --minutes 20 --rate 20 --symbols 6 --every 4s --seed 1

The exchange runs in a process of its own and fails at random; here a feed keeps `book`
and `level3` of every symbol, and an account that trades all the time. At quiet points the
market stops, and the account and every verified book are compared with the engine's, all
orders and all levels: some points in the midst of faults, some after the last fault is
over and two seconds of trade have passed, when everything must be known and verified.
Exit code 1 on any violation.

The checksum covers ten levels a side. At depth 10 it proves the whole book; a message
lost below the tenth level of a deeper one cannot be noticed by any client.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence

from kracked.feed.fanout import Policy
from kracked.feed.stats import FeedStats
from kracked.feed_manager import FeedManager
from kracked.protocol.client.subscription_stages import SubscriptionStage
from kracked.rest.client import RestClient
from kracked.sim.listings import listings
from kracked.times import NS_PER_S
from tests.benchmarks.memory import Memory
from tests.benchmarks.pace import natural_rate
from tests.benchmarks.recovery import ACCOUNT, Key, Recoveries, settle
from tests.benchmarks.remote import Remote, exchange, open_sockets, processor_s
from tests.benchmarks.trader import Trader
from tests.benchmarks.truth import account_differences, differences

WARM_UP_S = 5.0
POINT_EVERY_S = 15.0
CALM_EVERY = 2
"""Every so many quiet points one waits until all is well."""
HOLD_S = 600
"""Longer than any comparison takes: it is released."""
DRAIN_S = 8.0
CLEAN_S = 2.0
HEAL_S = 150.0
NUDGES = 8
"""Faults that may still wait for a message of the account."""
BOOKS = ("book", "level3")


class Soak:
    """One run: compares at quiet points and keeps the counts."""

    def __init__(
        self, remote: Remote, feed: FeedManager, trader: Trader, keys: Sequence[Key], depth: int
    ) -> None:
        self.remote, self.feed, self.keys, self.depth = remote, feed, keys, depth
        self.trader = trader
        self.recoveries = Recoveries(feed, keys)
        self.compared: Counter[str] = Counter()
        self.violations: list[str] = []
        self.ran_s = 0.0
        """How long the market was let run."""
        self.traded_s = 0.0
        """How much of that it managed; a slow machine makes it pause."""
        self.told = 0
        """Messages about books that came meanwhile."""
        self._since = 0.0
        self.spent_s = (0.0, 0.0)
        """Processor time of this process and of the exchange's."""

    async def listen(self) -> None:
        async for fault in self.remote.faults():
            self.recoveries.begin(fault)

    async def run(self, seconds: float) -> None:
        """Quiet points until the time is over, the last one in calm."""
        ends, point = time.monotonic() + seconds, 0
        before, told = await self.remote.ask("state"), self._messages()
        self._since = time.monotonic()
        while time.monotonic() < ends:
            await asyncio.sleep(min(POINT_EVERY_S, max(0.0, ends - time.monotonic())))
            point += 1
            await (self.calm_point() if point % CALM_EVERY == 0 else self.rough_point())
            await self._go_on()
        await self.calm_point()
        after = await self.remote.ask("state")
        rested_ns, passed_ns = (after[name] - before[name] for name in ("rested_ns", "time"))
        self.traded_s = (passed_ns - rested_ns) / NS_PER_S
        self.told = self._messages() - told

    def _messages(self) -> int:
        return sum(
            one.messages
            for link in self.feed.stats().connections
            for one in link.subscriptions
            if one.channel in BOOKS
        )

    async def rough_point(self) -> None:
        """Stop in the midst of everything: what is verified and up to date must be right."""
        await self._stop()
        await self._compare("rough")

    async def calm_point(self) -> None:
        """Let everything heal, then stop: every book must be verified and right."""
        await self.remote.act("calm", seconds=HEAL_S)
        if not await settle(self._is_well, HEAL_S):
            self.violations.append(f"not well after {HEAL_S:.0f} s of calm: {self._ill()}")
        await asyncio.sleep(CLEAN_S)
        await self._stop()
        await self._compare("calm")

    async def _stop(self) -> None:
        await self.trader.hold()
        await self.remote.act("hold", seconds=HOLD_S)
        self.ran_s += time.monotonic() - self._since

    async def _go_on(self) -> None:
        await self.remote.act("release")
        self._since = time.monotonic()
        self.trader.release()

    def _is_well(self) -> bool:
        return not self.recoveries.waiting and not self._ill()

    def _ill(self) -> list[str]:
        """What is not as it should be."""
        ill = [
            f"{one.name} {each.channel} {each.symbol} {each.state}"
            for one in self.feed.stats().connections
            for each in one.subscriptions
            if not one.open or each.state != SubscriptionStage.LIVE
        ]
        ill += [
            f"{one.name} is lost: {one.reason}"
            for one in self.feed.stats().connections
            if not one.open
        ]
        ill += [f"{key[0]} unknown" for key in ACCOUNT if not self.recoveries.known(key)]
        books = {key: self.recoveries.book(key) for key in self.keys}
        return ill + [
            f"{key} unverified" for key, book in books.items() if not (book and book.verified)
        ]

    def pace(self, natural: float, asked: float) -> Iterator[str]:
        """How busy it was, beside the `natural` rate of the market."""
        reached = self.told / self.ran_s
        yield f"natural: {natural:.0f} book messages/s, the same market at rate 1, no sockets"
        yield f"reached: {reached:.0f}/s, {reached / natural:.1f} times natural; asked: {asked}"
        yield f"the market ran {self.ran_s:.0f} s and kept up for {self.traded_s:.0f} s of them"
        here_s, there_s = self.spent_s
        each_us = here_s / self.told * 1e6
        yield f"processor: feed {here_s / self.ran_s:.0%} of a core, {each_us:.0f} us a message"
        yield f"processor: exchange {there_s / self.ran_s:.0%} of a core"

    # --- comparing ------------------------------------------------------------------------

    async def _compare(self, mood: str) -> None:
        await self._compare_account(mood)
        truths = {
            key: await self.remote.ask("truth", symbol=key[1], channel=key[0], depth=self.depth)
            for key in self.keys
        }
        await settle(lambda: all(self._verdict(*one) == "right" for one in truths.items()), DRAIN_S)
        for key, truth in truths.items():
            verdict = self._verdict(key, truth)
            self.compared[f"books, {mood} {verdict}"] += 1
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

    async def _compare_account(self, mood: str) -> None:
        """A message lost last shows when another follows, so a little is bought and sold.

        That message may be lost in turn, while a fault still waits for one.
        """
        for _ in range(NUDGES):
            truth = (await self.remote.ask("account"))["main"]
            if await settle(lambda: not account_differences(self.feed.account, truth), 2.0):  # noqa: B023
                break
            await self.trader.nudge()
        found = account_differences(self.feed.account, truth)
        known = all(self.recoveries.known(key) for key in ACCOUNT)
        verdict = "wrong" if found else "right" if known else "marked"
        self.compared[f"account, {mood} {verdict}"] += 1
        if verdict == "wrong" or (mood == "calm" and verdict != "right"):
            self.violations.append(f"{mood}: the account is {verdict}: {found[:3]}")


async def soak(options: argparse.Namespace) -> int:
    symbols = [listing.symbol for listing in listings(count=options.symbols)]
    keys = [(channel, symbol) for symbol in symbols for channel in BOOKS]
    arguments = ["--list", str(options.symbols), "--rate", str(options.rate)]
    arguments += ["--seed", str(options.seed), "--faults", f"{options.faults}:{options.every}"]
    natural = await natural_rate(options.symbols, options.depth, options.seed)
    # Under -X dev asyncio reports every step over 0.1 s: of the machine's load, not of faults.
    asyncio.get_running_loop().slow_callback_duration = 2.0
    before = asyncio.all_tasks(), open_sockets()
    async with (
        exchange(*arguments) as remote,
        RestClient(remote.credentials, remote.endpoints) as client,
    ):
        await remote.act("calm", seconds=WARM_UP_S * 2)
        feed = FeedManager(
            symbols,
            book=options.depth,
            level3=options.depth,
            account=True,
            endpoints=remote.endpoints,
            token=client.websockets_token,
        )
        run = Soak(remote, feed, Trader(client, feed, symbols, options.seed), keys, options.depth)
        memory, begun = Memory(remote.pid), time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            listening = tasks.create_task(run.listen())
            async with feed:
                stats = await endure(run, memory, options.minutes * 60)
            took_s = time.monotonic() - begun
            await client.close()
            await settle(lambda: False, 1.0)
            connections = (await remote.ask("state"))["connections"]
            listening.cancel()
    left = asyncio.all_tasks() - before[0], open_sockets() - before[1]
    return report(options, run, stats, took_s, natural, memory, (connections, *left))


async def endure(run: Soak, memory: Memory, seconds: float) -> FeedStats:
    """The run itself, while the feed is open; its counters at the end."""
    async with asyncio.TaskGroup() as tasks:
        with run.feed.consumer(Policy.NEVER_SKIP) as consumer:
            tasks.create_task(run.recoveries.watch(consumer))
            await run.feed.ready()
            trading = tasks.create_task(run.trader.run())
            await asyncio.sleep(WARM_UP_S)
            sampling = tasks.create_task(memory.watch())
            before_s = time.process_time(), processor_s(run.remote.pid)
            await run.run(seconds)
            after_s = time.process_time(), processor_s(run.remote.pid)
            run.spent_s = (after_s[0] - before_s[0], after_s[1] - before_s[1])
            sampling.cancel()
            trading.cancel()
            memory.take()
            return run.feed.stats()


def report(options, run: Soak, stats, took_s: float, natural: float, memory: Memory, left) -> int:
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
    connects = ", ".join(f"{one.name} {one.connects}" for one in stats.connections)
    print(f"{took_s / 60:.1f} minutes, depth {options.depth}, seed {options.seed}")
    print("\n".join(run.pace(natural, options.rate)))
    print(f"{stats.messages} messages, {stats.messages / took_s:.0f}/s; {recoveries.events} events")
    print("\n".join(recoveries.lines()))
    print(f"compared: {_counts(run.compared)}")
    print(f"traded: {_counts(run.trader.done)}")
    print(f"resyncs {stats.resyncs}; connects {connects}")
    print("\n".join(memory.lines()))
    print(f"left over: tasks {len(tasks)}, sockets {sockets}, connections {connections}")
    print(f"slow steps of the exchange's loop: {run.remote.slow_steps}")
    for violation in violations:
        print(f"VIOLATION: {violation}", file=sys.stderr)
    print("violations: " + str(len(violations)))
    return 1 if violations else 0


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))


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
