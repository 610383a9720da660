"""What a verified book costs, against merely reading the JSON: `python -m tests.benchmarks.books`.

Messages per second of this process's own CPU time, contenders in turns within one run,
the best of many short rounds of each: the machine's noise only ever adds. Compare the
ratios; absolute figures mean little from one machine to the next.
"""

from __future__ import annotations

import argparse
import gc
import json
from collections.abc import Callable
from time import process_time

import msgspec

from kracked.book.keeper import BookKeeper
from kracked.instruments import Precision
from kracked.protocol import wire
from tests.benchmarks.streams import stream
from tests.shared import CAPTURES

GOALS = {("book", 10): 0.75, ("book", 1000): 0.55, ("level3", 10): 0.6, ("level3", 1000): 0.45}
INFERRED = 0.9
PRECISIONS = {"BTC/USD": Precision(1, 8), "ETH/USD": Precision(2, 8)}
MESSAGES, ROUNDS = 4_000, 25
RECORDED = ("crossbook_book_btcusd_d10_resync", "crossbook_book_ethusd_d25")

decode = msgspec.json.Decoder(wire.ChannelMessage).decode


def each(work: Callable[[bytes], object], updates: list[bytes]) -> float:
    """CPU seconds to do the work on every message."""
    started = process_time()
    for update in updates:
        work(update)
    return process_time() - started


def keep(snapshot: bytes, updates: list[bytes], precisions: dict[str, Precision]) -> float:
    """CPU seconds of the whole path; the snapshot is not measured. Fails on a mismatch."""
    keeper = BookKeeper(precisions=precisions)
    keeper.receive(snapshot)
    spent = each(keeper.receive, updates)
    [stats] = keeper.stats.values()
    if stats.verified != len(updates) + 1:
        raise SystemExit(f"not a benchmark: {stats}")
    return spent


def measure(snapshot: bytes, updates: list[bytes], rounds: int) -> dict[str, float]:
    """Best CPU seconds of each contender, in turns."""
    contenders: dict[str, Callable[[], float]] = {
        "json.loads": lambda: each(json.loads, updates),
        "msgspec": lambda: each(decode, updates),
        "BookKeeper.receive": lambda: keep(snapshot, updates, PRECISIONS),
        "precision inferred": lambda: keep(snapshot, updates, {}),
    }
    best = dict.fromkeys(contenders, float("inf"))
    for _ in range(rounds):
        for name, run in contenders.items():
            gc.collect()
            best[name] = min(best[name], run())
    return best


def report(title: str, updates: list[bytes], best: dict[str, float], goal: float | None) -> None:
    count, floor = len(updates), best["json.loads"]
    size = sum(map(len, updates)) / count
    print(f"{title}: {count} updates of {size:.0f} bytes")
    for name, spent in best.items():
        rate = count / spent / 1000
        line = f"  {name:20} {rate:8.0f} thousand/s   {floor / spent:5.2f} of json.loads"
        print(line + (f"   goal {goal:.2f}" if goal and name == "BookKeeper.receive" else ""))
    inferred = best["BookKeeper.receive"] / best["precision inferred"]
    print(f"  inferred / stated {inferred:.2f}   goal {INFERRED}")


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
    for (channel, depth), goal in GOALS.items():
        snapshot, updates = stream(channel, depth, options.messages)
        best = measure(snapshot, updates, options.rounds)
        report(f"simulated {channel} BTC/USD depth {depth}", updates, best, goal)
    for name in RECORDED:
        if CAPTURES.is_dir():
            snapshot, updates = recorded(name)
            report(f"recorded {name}", updates, measure(snapshot, updates, options.rounds), None)


if __name__ == "__main__":
    main()
