"""A recorder of hundreds of symbols: how far behind it is, how soon it ends, what a kill costs.

    python -m tests.benchmarks.recording_many --symbols 300 --seconds 90 --rate 3 --kills 10

The exchange runs in a process of its own, and each recorder in another. One recording of the
whole time tells its queue each second and is ended by SIGINT. Then recorders are killed at
random moments: lost is the time from the kill back to the last message on the disk. Exit code
1 when the queue is not near 0, the end takes longer than 2 s, a kill costs more than 0.15 s,
or a recording is not whole.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from kracked.credentials import KEY_VARIABLE, SECRET_VARIABLE, Credentials
from kracked.endpoints import Endpoints
from kracked.feed_manager import FeedManager
from kracked.record.check import check
from kracked.record.read.recording import open_recording
from kracked.record.write.session import Format
from kracked.recorder import Progress, record
from kracked.sim.listings import listings
from kracked.times import NS_PER_S
from tests.benchmarks.remote import Remote, exchange, processor_s

GOAL_LOST_S, GOAL_END_S, GOAL_QUEUED_BYTES = 0.15, 2.0, 2_000_000
READY_S, LEAST_S = 180.0, 2.0
LEVEL3_DEPTH = 10


async def victim(options: argparse.Namespace) -> None:
    """Record until a signal comes; print each second's progress as a JSON object."""
    symbols = [listing.symbol for listing in listings(count=options.symbols)]
    feed = FeedManager(
        symbols,
        book=options.book,
        trade=True,
        endpoints=Endpoints.at(options.rest),
        credentials=Credentials.from_environment(),
    )

    open_, ready = asyncio.Event(), asyncio.Event()

    async def add_orders() -> None:
        await open_.wait()
        await feed.ready()
        for symbol in symbols[: options.level3]:
            await feed.subscribe(symbol, level3=LEVEL3_DEPTH)
        ready.set()

    def tell(progress: Progress) -> None:
        open_.set()
        counters = progress.status._asdict() | {"rate": progress.rate, "ready": ready.is_set()}
        print(json.dumps(counters, default=str), flush=True)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(add_orders())
        await record(feed, options.victim, form=Format(options.format), tell=tell)


@asynccontextmanager
async def recorder(
    options: argparse.Namespace, remote: Remote, path: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Record in another process, from the moment that every subscription is live."""
    words = ["--victim", str(path), "--rest", remote.rest, "--format", options.format]
    for name in ("symbols", "book", "level3"):
        words += [f"--{name}", str(getattr(options, name))]
    keys = {KEY_VARIABLE: remote.credentials.key, SECRET_VARIABLE: remote.credentials.secret}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __spec__.name, *words,
        stdout=asyncio.subprocess.PIPE, env=os.environ | keys,
    )  # fmt: skip
    try:
        async with asyncio.timeout(READY_S):
            while not (await counters(process))["ready"]:
                pass
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def counters(process: asyncio.subprocess.Process) -> dict[str, Any]:
    """Return the next progress that a recorder prints."""
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line:
        raise RuntimeError("the recorder ended")
    return json.loads(line)


async def watch(options: argparse.Namespace, remote: Remote, path: Path) -> list[str]:
    """Record for the whole time, end by a signal; print what came, return what is wrong."""
    async with recorder(options, remote, path) as process:
        begun, processor = time.monotonic(), processor_s(process.pid)
        queues, rates, tables, told = [], [], [], {}
        while time.monotonic() - begun < options.seconds:
            told = await counters(process)
            queues.append(told["queued_bytes"])
            tables.append(told.get("tables_queued_bytes", 0))
            rates.append(told["rate"])
        used = (processor_s(process.pid) - processor) / (time.monotonic() - begun)
        asked = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        await process.stdout.read()
        await process.wait()
        end_s = time.monotonic() - asked
    print(
        f"{sum(rates) / len(rates):.0f} messages/s, {used:.0%} of a core; queued at most "
        f"{max(queues)} bytes, at last {queues[-1]}; for tables at most {max(tables)}, "
        f"at last {tables[-1]}; ended in {end_s:.2f} s; lost {told['lost']}"
    )
    wrong = []
    if max(queues[len(queues) // 4 :]) > GOAL_QUEUED_BYTES:
        wrong.append(f"{max(queues)} bytes queued")
    if end_s > GOAL_END_S:
        wrong.append(f"the end took {end_s:.2f} s")
    health = check(path)
    if not health.healthy or health.lost:
        wrong.append(f"lost {health.lost}, unmarked {health.unmarked}, {health.damaged}")
    return wrong


async def kill(options: argparse.Namespace, remote: Remote, path: Path, after_s: float) -> float:
    """Let one record for so long, then kill it; return the seconds lost."""
    async with recorder(options, remote, path) as process:
        ends = time.monotonic() + after_s
        while time.monotonic() < ends - 1:
            await counters(process)
        await asyncio.sleep(max(0.0, ends - time.monotonic()))
        at = time.time_ns()
        process.kill()
    return (at - open_recording(path).span()[1]) / NS_PER_S


async def run(options: argparse.Namespace, folder: Path) -> int:
    chance, lost_s = random.Random(options.seed), []
    arguments = ["--list", str(options.symbols), "--rate", str(options.rate)]
    async with exchange(*arguments, "--seed", str(options.seed)) as remote:
        wrong = await watch(options, remote, folder / "whole")
        for number in range(options.kills):
            after_s = chance.uniform(LEAST_S, LEAST_S + options.spread)
            lost_s.append(await kill(options, remote, folder / f"killed-{number}", after_s))
            print(f"  killed after {after_s:.1f} s: {lost_s[-1]:.3f} s lost", flush=True)
    if lost_s:
        print(f"{len(lost_s)} kills, worst {max(lost_s):.3f} s, goal {GOAL_LOST_S} s")
        if max(lost_s) > GOAL_LOST_S:
            wrong.append(f"a kill cost {max(lost_s):.3f} s")
    for one in wrong:
        print(f"VIOLATION: {one}", file=sys.stderr)
    return 1 if wrong else 0


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--symbols", type=int, default=300)
    parser.add_argument("--book", type=int, default=100)
    parser.add_argument("--level3", type=int, default=24, help="symbols with their orders")
    parser.add_argument("--format", choices=[*Format], default="csv")
    parser.add_argument("--seconds", type=float, default=90)
    parser.add_argument("--rate", type=float, default=1, help="times the natural speed")
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--spread", type=float, default=20, help="seconds in which kills fall")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--victim", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--rest", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.victim:
        asyncio.run(victim(options))
        return 0
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        return asyncio.run(run(options, Path(folder)))


if __name__ == "__main__":
    sys.exit(main())
