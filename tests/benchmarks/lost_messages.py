"""How many lost messages a book notices: `python -m tests.benchmarks.lost_messages`.

A simulated market is published to one depth, and one update at a time is kept from a copy
of the book. The copy then follows for a while: it notices by the checksum, or because an
update contradicts what it holds, or the loss heals by itself, or it stays wrong unseen.
`unseen now` counts a book at every message after its loss: how much of that time it passed
for verified and was not right. An alarm of the book that lost nothing is a false one.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Sequence

from kracked.book.l2 import L2Book
from kracked.book.l3 import L3Book
from kracked.format import keyframe
from kracked.instruments import Precision
from kracked.protocol import events
from kracked.protocol.codec import Codec
from tests.benchmarks.streams import stream
from tests.benchmarks.truth import rows

Book = L2Book | L3Book
SETS = [
    ("book", 10),
    ("book", 100),
    ("book", 1000),
    ("level3", 10),
    ("level3", 100),
    ("level3", 1000),
]
PRECISION = Precision(1, 8)
LOOK_EVERY = 50
"""Messages between two comparisons with the right book."""


class Copy:
    """A book that has just missed an update."""

    def __init__(self, book: Book) -> None:
        self.book: Book = type(book)(book.symbol, book.precision, book.depth)
        self.book.apply(keyframe.snapshot(book, 0))  # type: ignore[arg-type]
        self.age = self.looks = self.unseen = 0
        self.noticed = ""

    def follow(self, event: events.Event, truth: Book) -> None:
        self.age += 1
        if not self.book.apply(event):  # type: ignore[arg-type]
            seen = self.book.computed != self.book.checksum
            self.noticed = "checksum" if seen else "contradiction"
        elif self.age % LOOK_EVERY == 1:
            self.looks += 1
            self.unseen += self.differs(truth)

    def differs(self, truth: Book) -> bool:
        return any(
            rows(ours) != rows(right)
            for ours, right in ((self.book.bids, truth.bids), (self.book.asks, truth.asks))
        )

    def fate(self, truth: Book) -> str:
        return self.noticed or ("wrong" if self.differs(truth) else "healed")


def lose(
    channel: str, depth: int, *, messages: int, losses: int, horizon: int, seed: int
) -> tuple[list[Copy], Counter[str], int]:
    """Copies that each lost one update, what became of them, and false alarms."""
    snapshot, updates = stream(channel, depth, messages, seed=seed)
    codec = Codec({"BTC/USD": PRECISION})
    [first] = codec.decode(snapshot)
    truth: Book = (L2Book if channel == "book" else L3Book)("BTC/USD", PRECISION, depth)
    truth.apply(first)  # type: ignore[arg-type]
    chosen = set(random.Random(seed).sample(range(messages - horizon), losses))
    alive: list[Copy] = []
    done: list[Copy] = []
    fates: Counter[str] = Counter()
    false_alarms = 0
    for number, data in enumerate(updates):
        [event] = codec.decode(data)
        new = [Copy(truth)] if number in chosen else []
        false_alarms += not truth.apply(event)  # type: ignore[arg-type]
        for copy in alive:
            copy.follow(event, truth)
        over = [copy for copy in alive if copy.noticed or copy.age >= horizon]
        fates.update(copy.fate(truth) for copy in over)
        done += over
        alive = [copy for copy in alive if copy not in over] + new
    return done, fates, false_alarms


def report(channel: str, depth: int, found: tuple[list[Copy], Counter[str], int]) -> None:
    copies, fates, false_alarms = found
    ages = sorted(copy.age for copy in copies if copy.noticed)
    looks, unseen = (sum(getattr(copy, name) for copy in copies) for name in ("looks", "unseen"))
    shares = "".join(
        f"{fates[fate] / len(copies):9.1%}"
        for fate in ("checksum", "contradiction", "healed", "wrong")
    )
    after = (
        f"{ages[len(ages) // 2]:6} {ages[-1 - len(ages) // 20]:6}" if ages else f"{'-':>6} {'-':>6}"
    )
    print(
        f"{channel:8}{depth:6}{len(copies):8}{shares}{unseen / (looks or 1):9.1%}"
        f"  {after}{false_alarms:8}"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--losses", type=int, default=400)
    parser.add_argument("--horizon", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args(arguments)
    print(
        "channel  depth  losses checksum contrad.   healed    wrong unseen now"
        "  median   95 % false alarms"
    )
    for channel, depth in SETS:
        found = lose(channel, depth, **vars(given))
        report(channel, depth, found)


if __name__ == "__main__":
    main()
