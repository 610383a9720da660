"""What a verified book costs, against merely reading the JSON: `python -m tests.benchmarks.books`.

Messages per second of this process's own CPU time, contenders in turns within one run,
the best of many short rounds of each: the machine's noise only ever adds. Compare the
ratios; absolute figures mean little from one machine to the next.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
from collections.abc import Callable
from time import process_time
from zlib import crc32

import msgspec

from kracked import _native
from kracked.book.keeper import BookKeeper
from kracked.instruments import Precision
from kracked.protocol import wire
from tests.benchmarks.streams import stream
from tests.shared import CAPTURES

STREAMS = (("book", 10), ("book", 1000), ("level3", 10), ("level3", 1000))
COMPILED, DECODED, JSON = "native", "decode + crc32", "json.loads"
GOALS = {
    "book": {(COMPILED, DECODED): 1.1, (COMPILED, JSON): 5.5},
    "level3": {(COMPILED, DECODED): 0.75, (COMPILED, JSON): 3.5},
}
"""Least speed of the first as a multiple of the second's."""
BOTH = {(COMPILED, "python"): 6.0, ("inferred", "python"): 0.9}
DEEP = 0.95
"""Least speed at depth 1000 as a multiple of that at depth 10."""
PRECISIONS = {"BTC/USD": Precision(1, 8), "ETH/USD": Precision(2, 8)}
MESSAGES, ROUNDS = 4_000, 25
RECORDED = ("crossbook_book_btcusd_d10_resync", "crossbook_book_ethusd_d25")

HASHED = b"0123456789" * 30
"""As much text as the checksum of a level 2 book hashes."""

decode = msgspec.json.Decoder(wire.ChannelMessage).decode


def each(work: Callable[[bytes], object], updates: list[bytes]) -> float:
    """CPU seconds to do the work on every message."""
    started = process_time()
    for update in updates:
        work(update)
    return process_time() - started


def keep(
    snapshot: bytes, updates: list[bytes], engine: str, precisions: dict[str, Precision]
) -> float:
    """CPU seconds of the whole path; the snapshot is not measured. Fails on a mismatch."""
    os.environ[_native.VARIABLE] = engine
    keeper = BookKeeper(precisions=precisions)
    keeper.receive(snapshot)
    spent = each(keeper.receive, updates)
    [stats] = keeper.stats.values()
    if stats.verified != len(updates) + 1:
        raise SystemExit(f"not a benchmark: {stats}")
    return spent


def decode_and_hash(raw: bytes) -> None:
    """What anyone pays who reads a message into objects and computes one checksum."""
    decode(raw)
    crc32(HASHED)


def measure(snapshot: bytes, updates: list[bytes], rounds: int) -> dict[str, float]:
    """Best CPU seconds of each contender, in turns."""
    contenders: dict[str, Callable[[], float]] = {
        JSON: lambda: each(json.loads, updates),
        DECODED: lambda: each(decode_and_hash, updates),
        "python": lambda: keep(snapshot, updates, "python", PRECISIONS),
        "inferred": lambda: keep(snapshot, updates, "python", {}),
    }
    if _native.load() is not None:
        contenders[COMPILED] = lambda: keep(snapshot, updates, "native", PRECISIONS)
    best = dict.fromkeys(contenders, float("inf"))
    for _ in range(rounds):
        for name, run in contenders.items():
            gc.collect()
            best[name] = min(best[name], run())
    return best


def report(
    title: str, updates: list[bytes], best: dict[str, float], goals: dict[tuple[str, str], float]
) -> None:
    """Print each contender's speed, and the ratios that have a goal."""
    size = sum(map(len, updates)) / len(updates)
    print(f"{title}: {len(updates)} updates of {size:.0f} bytes")
    for name, spent in best.items():
        rate = len(updates) / spent / 1000
        print(f"  {name:15} {rate:8.0f} thousand/s   {best[JSON] / spent:5.2f} of {JSON}")
    for (one, other), goal in goals.items():
        if one in best:
            print(f"  {one} / {other}: {best[other] / best[one]:.2f}   goal {goal}")


def recorded(name: str) -> tuple[bytes, list[bytes]]:
    """The first unbroken run of a recording: a snapshot and its updates."""
    lines = (CAPTURES / f"{name}.jsonl").read_bytes().splitlines()
    first = next(n for n, line in enumerate(lines) if b'"type":"snapshot"' in line)
    run: list[bytes] = []
    for line in lines[first + 1 :]:
        if b'"type":"snapshot"' in line or b'"unsubscribe"' in line:
            break
        if b'"channel":"book","type":"update"' in line:
            run.append(line)
    return lines[first], run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=MESSAGES)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    _native.load()
    speeds: dict[tuple[str, int], float] = {}
    for channel, depth in STREAMS:
        snapshot, updates = stream(channel, depth, options.messages)
        best = measure(snapshot, updates, options.rounds)
        report(f"simulated {channel} BTC/USD depth {depth}", updates, best, GOALS[channel] | BOTH)
        speeds[channel, depth] = 1 / best.get(COMPILED, best["python"])
    for channel in GOALS:
        deep = speeds[channel, 1000] / speeds[channel, 10]
        print(f"{channel}: depth 1000 / depth 10: {deep:.2f}   goal {DEEP}")
    for name in RECORDED:
        if CAPTURES.is_dir():
            snapshot, updates = recorded(name)
            report(f"recorded {name}", updates, measure(snapshot, updates, options.rounds), BOTH)


if __name__ == "__main__":
    main()
