"""A long recording of the simulated exchange: flat memory, every checksum, no row missing.

    python -m tests.benchmarks.recording_soak --minutes 10 --rate 20 --symbols 4

The exchange runs in a process of its own; a feed here records `book`, `level3`, trades
and tickers of every symbol. Afterwards every book is rebuilt twice, from the raw log
and from the CSV tables alone, and held against the exchange's checksum at every
message. Exit code 1 when memory grows, a checksum differs or a message is missing.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from kracked.book.keeper import BookKeeper
from kracked.feed_manager import FeedManager
from kracked.frames.books.table_replay import book_events
from kracked.frames.precision_periods import Channel
from kracked.record.check import RecordingHealth, check
from kracked.recorder import Recorder, recording
from kracked.sim.listings import listings
from tests.benchmarks.remote import Remote, exchange, resident_bytes

MIB = 2**20
LOOK_EVERY_S = 5.0
WARM_UP = 1 / 4
"""The part of the run after which memory must no longer grow."""
GROWTH = 1.05
CHANNELS: tuple[Channel, ...] = ("book", "level3")


async def record(options: argparse.Namespace, symbols: list[str], path: Path) -> list[int]:
    """Record for the time asked for; this process's memory at every look, in bytes."""
    arguments = ["--list", str(options.symbols), "--rate", str(options.rate)]
    async with exchange(*arguments, "--seed", str(options.seed)) as remote:
        listening = asyncio.create_task(_listen(remote))
        feed = FeedManager(
            symbols,
            book=options.depth,
            level3=options.depth,
            trade=True,
            ticker=True,
            endpoints=remote.endpoints,
            credentials=remote.credentials,
        )
        async with feed, recording(feed, path) as recorder:
            memory = await _watch(recorder, options.minutes * 60)
        listening.cancel()
    return memory


async def _listen(remote: Remote) -> None:
    async for _ in remote.faults():
        pass


async def _watch(recorder: Recorder, seconds: float) -> list[int]:
    memory, ends, told = [], time.monotonic() + seconds, 0.0
    while time.monotonic() < ends:
        await asyncio.sleep(LOOK_EVERY_S)
        memory.append(resident_bytes())
        if time.monotonic() - told >= 60:
            told, progress = time.monotonic(), recorder.progress()
            status = progress.status
            print(
                f"{progress.elapsed_s:5.0f} s  {progress.rate:6.0f} messages/s  {status.rows} rows"
                f"  {status.queued_bytes} bytes queued  {memory[-1] / MIB:.1f} MiB",
                flush=True,
            )
    return memory


def tables_tally(path: Path, symbol: str, channel: Channel, depth: int) -> tuple[int, int]:
    """Of the CSV tables alone: messages whose checksum is the book's, and whose is not."""
    keeper = BookKeeper(depth=depth)
    for event in book_events(path, symbol, channel=channel):
        keeper.apply(event)
    tally = keeper.stats[symbol, channel]
    return tally.verified, tally.mismatched + tally.ignored


def report(path: Path, symbols: list[str], depth: int, memory: list[int]) -> int:
    health: RecordingHealth = check(path)
    raw = {(book.symbol, book.channel): book for book in health.books}
    violations = [] if health.healthy and not health.lost else [str(health)]
    print(f"raw log: {health.messages} messages, {health.lost} lost, {health.keyframes} keyframes")
    for symbol in symbols:
        for channel in CHANNELS:
            verified, wrong = tables_tally(path, symbol, channel, depth)
            whole = raw[symbol, channel]
            print(f"  {symbol:9} {channel:7} raw {whole.verified} CSV {verified} wrong {wrong}")
            if wrong or whole.mismatched or verified != whole.verified:
                violations.append(f"{symbol} {channel}: {wrong} of the tables, {whole}")
    settled = memory[int(len(memory) * WARM_UP) :]
    half = len(settled) // 2
    early, late = median(settled[:half]), median(settled[half:])
    print(
        f"memory: {memory[0] / MIB:.1f} MiB at first, {early / MIB:.1f}, {late / MIB:.1f} at last"
    )
    if late > early * GROWTH:
        violations.append("memory grows")
    for violation in violations:
        print(f"VIOLATION: {violation}", file=sys.stderr)
    return 1 if violations else 0


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rate", type=float, default=20, help="times the natural speed")
    parser.add_argument("--symbols", type=int, default=4)
    parser.add_argument("--depth", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    symbols = [listing.symbol for listing in listings(count=options.symbols)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "session"
        memory = asyncio.run(record(options, symbols, path))
        return report(path, symbols, options.depth, memory)


if __name__ == "__main__":
    sys.exit(main())
