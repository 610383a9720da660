"""How long each fault takes to be over: until every book it touched is proven again.

A book has recovered from a fault when it is verified by a message the exchange made
after the fault struck. Faults overlap, so a figure may hold another fault's trouble.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable
from statistics import median

from kracked.book.l2 import L2Book
from kracked.book.l3 import L3Book
from kracked.feed.fanout import Consumer
from kracked.manager import FeedManager
from kracked.protocol import events
from kracked.times import NS_PER_S

BOOK_EVENTS = {
    events.BookSnapshot: "book",
    events.BookUpdate: "book",
    events.OrdersSnapshot: "level3",
    events.OrdersUpdate: "level3",
}
PATIENCE_S = 120.0
SKEW_NS = 1800 * NS_PER_S
"""A message that says to be from this far ahead was stamped by a clock that jumped."""

Key = tuple[str, str]
"""Channel and symbol."""


class _Open:
    """A fault some books have not recovered from."""

    def __init__(self, kind: str, time_ns: int, keys: set[Key]) -> None:
        self.kind, self.time_ns, self.keys = kind, time_ns, keys
        self.begun = time.monotonic()


class Recoveries:
    """Watches a feed's books and times every fault it is told of."""

    def __init__(self, feed: FeedManager, keys: Iterable[Key]) -> None:
        self.feed, self.keys = feed, tuple(keys)
        self.struck: dict[str, int] = defaultdict(int)
        self.took_s: dict[str, list[float]] = defaultdict(list)
        self.failed: list[str] = []
        self.events = 0
        self._open: list[_Open] = []

    def book(self, key: Key) -> L2Book | L3Book | None:
        channel, symbol = key
        return (self.feed.books if channel == "book" else self.feed.orders).get(symbol)

    @property
    def waiting(self) -> bool:
        """Whether a fault is not over."""
        return bool(self._open)

    def begin(self, fault: dict) -> None:
        """A fault has struck."""
        kind = fault["kind"]
        self.struck[kind] += 1
        role = {"public": "book", "level3": "level3"}.get(fault["role"])
        keys = {
            (channel, symbol)
            for channel, symbol in self.keys
            if channel == (role or channel) and fault["symbol"] in ("", symbol)
        }
        self._open.append(_Open(kind, fault["time"], keys))

    async def watch(self, consumer: Consumer) -> None:
        """Follow the feed until it ends."""
        while batch := await consumer.batch():
            self.events += len(batch)
            if self._open:
                self._look({key for event in batch if (key := _key(event)) is not None})

    def _look(self, touched: set[Key]) -> None:
        now = time.monotonic()
        for fault in tuple(self._open):
            fault.keys -= {key for key in touched & fault.keys if self._proven(key, fault)}
            if not fault.keys:
                self.took_s[fault.kind].append(now - fault.begun)
                self._open.remove(fault)
            elif now - fault.begun > PATIENCE_S:
                self.failed.append(f"{fault.kind}: {sorted(fault.keys)}")
                self._open.remove(fault)

    def _proven(self, key: Key, fault: _Open) -> bool:
        book = self.book(key)
        if book is None or not book.verified or book.exchange_time is None:
            return False
        return fault.time_ns < book.exchange_time < fault.time_ns + SKEW_NS

    def lines(self) -> Iterable[str]:
        """A table: kind, count, recovered, median and longest time."""
        yield f"{'fault':14} {'struck':>6} {'recovered':>9} {'median s':>9} {'max s':>8}"
        for kind, count in sorted(self.struck.items()):
            took_s = self.took_s[kind] or [float("nan")]
            recovered = len(self.took_s[kind])
            yield f"{kind:14} {count:6} {recovered:9} {median(took_s):9.3f} {max(took_s):8.3f}"


def _key(event: events.Event) -> Key | None:
    channel = BOOK_EVENTS.get(type(event))
    return None if channel is None else (channel, event.symbol)  # type: ignore[attr-defined]


async def settle(done, timeout_s: float, step_s: float = 0.05) -> bool:
    """Wait until `done()`, at most so long; whether it came."""
    ends = time.monotonic() + timeout_s
    while not done():
        if time.monotonic() > ends:
            return False
        await asyncio.sleep(step_s)
    return True
