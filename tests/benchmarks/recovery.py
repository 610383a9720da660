"""How long each fault takes to be over: until all that it touched is proven again.

A book has recovered from a fault when it is verified by a message the exchange made
after the fault struck; half of the account when it is known, and a message of it came.
Faults overlap, so a figure may hold another fault's trouble.
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
from kracked.feed_manager import FeedManager
from kracked.protocol import events
from kracked.times import NS_PER_S

BOOK_EVENTS = {
    events.BookSnapshot: "book",
    events.BookUpdate: "book",
    events.L3Snapshot: "level3",
    events.L3Update: "level3",
}
ACCOUNT_EVENTS = {events.Executions: "executions", events.Balances: "balances"}
ACCOUNT = (("executions", ""), ("balances", ""))
ROLES = {"public": ("book",), "level3": ("level3",), "private": ("executions", "balances")}
PATIENCE_S = 120.0
SKEW_NS = 1800 * NS_PER_S
"""A message that says to be from this far ahead was stamped by a clock that jumped."""

Key = tuple[str, str]
"""Channel and symbol; of the account the symbol is empty."""


class _Open:
    """A fault some books have not recovered from."""

    def __init__(self, kind: str, time_ns: int, keys: set[Key]) -> None:
        self.kind, self.time_ns, self.keys = kind, time_ns, keys
        self.begun = time.monotonic()


class Recoveries:
    """Watches a feed's books and account, and times every fault it is told of."""

    def __init__(self, feed: FeedManager, keys: Iterable[Key]) -> None:
        self.feed, self.keys = feed, (*keys, *ACCOUNT)
        self.struck: dict[str, int] = defaultdict(int)
        self.took_s: dict[str, list[float]] = defaultdict(list)
        self.failed: list[str] = []
        self.events = 0
        self._open: list[_Open] = []

    def book(self, key: Key) -> L2Book | L3Book | None:
        channel, symbol = key
        return (self.feed.l2 if channel == "book" else self.feed.l3).get(symbol)

    def known(self, key: Key) -> bool:
        """Whether this half of the account is."""
        account = self.feed.account
        return account.orders_known if key[0] == "executions" else account.balances_known

    @property
    def waiting(self) -> bool:
        """Whether a fault is not over."""
        return bool(self._open)

    def begin(self, fault: dict) -> None:
        """A fault has struck."""
        kind = fault["kind"]
        self.struck[kind] += 1
        everything = {channel for channel, _ in self.keys}
        named = {fault["channel"]} & everything or ROLES.get(fault["role"], everything)
        keys = {
            (channel, symbol)
            for channel, symbol in self.keys
            if channel in named and fault["symbol"] in ("", symbol)
        }
        self._open.append(_Open(kind, fault["time"], keys))

    async def watch(self, consumer: Consumer) -> None:
        """Follow the feed until it ends."""
        while batch := await consumer.batch():
            self.events += len(batch)
            if self._open:
                self._look({key: event.received for event in batch if (key := _key(event))})

    def _look(self, touched: dict[Key, int]) -> None:
        """Some came of these, the last of them at these times."""
        now = time.monotonic()
        for fault in tuple(self._open):
            heard = touched.keys() & fault.keys
            fault.keys -= {key for key in heard if self._proven(key, fault, touched[key])}
            if not fault.keys:
                self.took_s[fault.kind].append(now - fault.begun)
                self._open.remove(fault)
            elif now - fault.begun > PATIENCE_S:
                self.failed.append(f"{fault.kind}: {sorted(fault.keys)}")
                self._open.remove(fault)

    def _proven(self, key: Key, fault: _Open, heard: int) -> bool:
        if key in ACCOUNT:
            return heard > fault.time_ns and self.known(key)
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
    if (channel := BOOK_EVENTS.get(type(event))) is not None:
        return (channel, event.symbol)  # type: ignore[attr-defined]
    channel = ACCOUNT_EVENTS.get(type(event))
    return None if channel is None else (channel, "")


async def settle(done, timeout_s: float, step_s: float = 0.05) -> bool:
    """Wait until `done()`, at most so long; whether it came."""
    ends = time.monotonic() + timeout_s
    while not done():
        if time.monotonic() > ends:
            return False
        await asyncio.sleep(step_s)
    return True
