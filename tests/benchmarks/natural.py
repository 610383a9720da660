"""How busy the simulated market is beside recordings of the real one, pair by pair.

    python -m tests.benchmarks.natural --minutes 10 --seed 7

Of the recordings kept here the message files are counted anew; what only a survey of
recordings says is written down in `SURVEYED`, as ranges over different days. The market
runs at rate 1 without sockets, so it takes far less than the minutes it simulates.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from kracked.sim.agents.market import SimulatedMarket
from kracked.sim.engine.orders import OrderFilled
from kracked.sim.listings import LISTED, Listing
from kracked.sim.market_data.book_publisher import BOOK, LEVEL3, BookPublisher
from kracked.times import NS_PER_S
from tests.benchmarks.streams import START, public_book
from tests.shared import CAPTURES

DEPTHS = ((BOOK, 10), (BOOK, 25), (BOOK, 100), (BOOK, 1000), (LEVEL3, 10))


class Activity(NamedTuple):
    """What one channel at one depth told of one pair; None where nobody counted."""

    rate: tuple[float, float] | None = None
    """Messages a second: least and most of several days."""
    entries: float | None = None
    """Levels or orders a message."""
    removals: float | None = None
    """Share of entries that take a level away, or delete an order."""
    modified: float | None = None
    """Share of entries that change an order in place."""
    peak: int | None = None
    """Messages of the busiest second."""


SURVEYED: dict[tuple[str, str, int], Activity] = {
    ("BTC/USD", BOOK, 10): Activity((4.9, 15.6)),
    ("BTC/USD", BOOK, 25): Activity((30.9, 40.5), peak=356),
    ("BTC/USD", BOOK, 100): Activity((49.0, 49.0)),
    ("BTC/USD", BOOK, 1000): Activity((73.0, 96.0)),
    ("BTC/USD", LEVEL3, 10): Activity((53.0, 80.0), 1.42, 0.35, 0.003),
    ("ETH/USD", BOOK, 25): Activity((29.0, 29.0), peak=214),
    ("XRP/USD", BOOK, 25): Activity((27.0, 27.0), peak=235),
    ("ETH/USD", LEVEL3, 10): Activity((131.0, 131.0), 1.42, 0.35, 0.003),
    ("DOGE/USD", LEVEL3, 10): Activity((124.0, 124.0), 1.42, 0.35, 0.003),
    ("SOL/USD", LEVEL3, 10): Activity((57.0, 57.0), 1.42, 0.35, 0.003),
}
"""The `level3` rates are of one very busy hour, the `book` rates of ordinary days."""
FILLS_PER_S = {"BTC/USD": (0.6, 2.1), "DOGE/USD": (1.8, 1.8)}
"""BTC/USD: 0.9 and 1.6 as a mean of a whole day, the rest of short stretches."""
FILES = {
    ("ETH/USD", BOOK, 25): "crossbook_book_ethusd_d25.jsonl",
    ("BTC/USD", BOOK, 10): "crossbook_book_btcusd_d10_resync.jsonl",
}


class Count:
    """Messages of one channel, counted."""

    def __init__(self) -> None:
        self.messages: Counter[int] = Counter()
        """By second."""
        self.kinds: Counter[str] = Counter()

    def add(self, second: int, data: dict[str, Any]) -> None:
        self.messages[second] += 1
        for entry in (*data["bids"], *data["asks"]):
            self.kinds[entry.get("event") or ("level" if entry["qty"] else "delete")] += 1

    def activity(self, seconds: float) -> Activity:
        messages, entries = self.messages.total(), self.kinds.total()
        rate = messages / seconds
        return Activity(
            (rate, rate),
            entries / messages,
            self.kinds["delete"] / entries,
            self.kinds["modify"] / entries,
            max(self.messages.values()),
        )


def recorded(name: str) -> Activity:
    """What a file of recorded `book` messages holds."""
    count, times = Count(), []
    for line in (CAPTURES / name).read_text().splitlines():
        message = json.loads(line)
        if message.get("channel") == BOOK and message["type"] == "update":
            (data,) = message["data"]
            times.append(datetime.fromisoformat(data["timestamp"]).timestamp())
            count.add(int(times[-1]), data)
    return count.activity(times[-1] - times[0])


def simulated(
    listing: Listing, minutes: float, seed: int
) -> tuple[dict[tuple[str, int], Activity], float]:
    """Each channel's activity, and trades a second."""
    market = SimulatedMarket([listing], seed=seed).opened(START)
    book = public_book(market.matcher(listing.symbol), listing.instrument.precision)
    publisher = BookPublisher(listing.instrument, book, START)
    counts = {each: Count() for each in DEPTHS}
    for channel, depth in DEPTHS:
        publisher.watch(channel, depth)
    fills, seconds = 0, minutes * 60
    for _, batch in market.advance(START + int(seconds * NS_PER_S)):
        fills += sum(type(step) is OrderFilled for step in batch.steps)
        for channel, depth, text in publisher.apply(batch):
            (data,) = json.loads(text)["data"]
            counts[channel, depth].add(batch.time // NS_PER_S, data)
    return {each: one.activity(seconds) for each, one in counts.items()}, fills / seconds


def row(name: str, activity: Activity) -> str:
    low, high = activity.rate or (0.0, 0.0)
    rate = f"{low:.1f}" if low == high else f"{low:.1f}-{high:.1f}"
    shares = [activity.entries, activity.removals, activity.modified]
    columns = ["" if one is None else f"{one:.3f}" for one in shares]
    peak = "" if activity.peak is None else str(activity.peak)
    return f"  {name:24}{rate:>12}" + "".join(f"{one:>10}" for one in (*columns, peak))


def rows(listing: Listing, minutes: float, seed: int) -> Iterator[str]:
    """One pair's table."""
    channels, fills_per_s = simulated(listing, minutes, seed)
    for (channel, depth), activity in channels.items():
        key = (listing.symbol, channel, depth)
        yield row(f"{channel} {depth} simulated", activity)
        if key in SURVEYED:
            yield row("  surveyed", SURVEYED[key])
        if key in FILES and CAPTURES.exists():
            yield row("  recorded file", recorded(FILES[key]))
    low, high = FILLS_PER_S.get(listing.symbol, (0.0, 0.0))
    surveyed = f", recorded {low}-{high}" if high else ""
    yield f"  trades a second: simulated {fills_per_s:.2f}{surveyed}"


def report(chosen: Iterable[Listing], minutes: float, seed: int) -> None:
    names = ("entries", "removed", "modified", "peak s")
    print(f"{'':26}{'messages/s':>12}" + "".join(f"{name:>10}" for name in names))
    for listing in chosen:
        print(listing.symbol)
        for line in rows(listing, minutes, seed):
            print(line)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--symbols", nargs="+", default=[one.symbol for one in LISTED])
    given = parser.parse_args()
    report([one for one in LISTED if one.symbol in given.symbols], given.minutes, given.seed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
