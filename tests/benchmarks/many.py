"""A feed of 300 symbols, dropped and added while it runs: time, memory, right books.

    python -m tests.benchmarks.many --symbols 300 --depth 10 --cycles 5

The exchange runs in a process of its own. Half of the symbols leave and come back in
every cycle; at the end the market stops and all books are compared with the engine's.
Memory per symbol is this process's resident memory with all of them less that with one,
events queued for nobody included. Exit code 1 when a book is wrong or memory grows.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
import time
from collections.abc import Iterable

from kracked.feed_manager import FeedManager
from kracked.sim.listings import listings
from tests.benchmarks.recovery import settle
from tests.benchmarks.remote import Remote, exchange, resident_bytes
from tests.benchmarks.truth import differences

KIB = 1024
HOLD_S = 600
DRAIN_S = 10.0
GROWTH = 1.1
"""Memory after the last cycle, of that after the first."""


def memory() -> int:
    gc.collect()
    return resident_bytes()


async def add(feed: FeedManager, symbols: Iterable[str], depth: int) -> float:
    """Subscribe to all of them at once; seconds until every one is live."""
    begun = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        for symbol in symbols:
            tasks.create_task(feed.subscribe(symbol, book=depth))
    return time.monotonic() - begun


async def drop(feed: FeedManager, symbols: Iterable[str]) -> float:
    begun = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        for symbol in symbols:
            tasks.create_task(feed.unsubscribe(symbol))
    return time.monotonic() - begun


async def wrong_books(remote: Remote, feed: FeedManager, symbols: list[str], depth: int) -> int:
    """Stop the market and count the books that are not the engine's."""
    await remote.act("hold", seconds=HOLD_S)
    truths = {
        symbol: await remote.ask("truth", symbol=symbol, channel="book", depth=depth)
        for symbol in symbols
    }

    def wrong() -> list[str]:
        return [
            symbol
            for symbol, truth in truths.items()
            if not feed.l2[symbol].verified or differences(feed.l2[symbol], truth)
        ]

    await settle(lambda: not wrong(), DRAIN_S)
    return len(wrong())


async def run(options: argparse.Namespace) -> int:
    symbols = [listing.symbol for listing in listings(count=options.symbols)]
    one, others = symbols[0], symbols[1:]
    half = others[::2]
    arguments = ("--list", str(len(symbols)), "--rate", str(options.rate), "--faults", "")
    async with exchange(*arguments, "--seed", str(options.seed)) as remote:
        feed = FeedManager([one], book=options.depth, endpoints=remote.endpoints)
        async with feed:
            await feed.ready()
            alone = memory()
            print(f"{len(others)} symbols added in {await add(feed, others, options.depth):.1f} s")
            await asyncio.sleep(options.watch)
            with_all = [memory()]
            per_symbol = (with_all[0] - alone) / len(others) / KIB
            print(f"memory per symbol at depth {options.depth}: {per_symbol:.1f} KiB")
            for _ in range(options.cycles):
                dropped_s = await drop(feed, half)
                added_s = await add(feed, half, options.depth)
                with_all.append(memory())
                print(f"{len(half)} dropped in {dropped_s:.1f} s, added in {added_s:.1f} s")
            messages = feed.stats().messages
            wrong = await wrong_books(remote, feed, symbols, options.depth)
    sizes = ", ".join(f"{size / KIB / KIB:.1f}" for size in with_all)
    print(f"resident memory after each cycle, MiB: {sizes}")
    print(f"{messages} messages; books wrong or unverified: {wrong} of {len(symbols)}")
    grows = len(with_all) > 2 and with_all[-1] > with_all[1] * GROWTH
    return 1 if wrong or grows else 0


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--symbols", type=int, default=300)
    parser.add_argument("--depth", type=int, default=10)
    parser.add_argument("--cycles", type=int, default=5)
    parser.add_argument("--rate", type=float, default=0.2, help="times the natural speed")
    parser.add_argument("--watch", type=float, default=5.0, help="seconds before measuring")
    parser.add_argument("--seed", type=int, default=1)
    return asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
