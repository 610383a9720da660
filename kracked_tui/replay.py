"""A raw message log as a source: real data at the pace it came."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from kracked import times
from kracked.book.keeper import BookKeeper
from kracked.book.l2 import L2Book
from kracked.book.l3 import L3Book
from kracked.protocol.events import Event
from kracked_tui.source import Counters

_PACE_NS = 100 * 1_000_000
"""Between messages of a log that says nothing about time."""
_LONGEST_WAIT_NS = 3 * times.NS_PER_S


class ReplaySource:
    """A raw message log, at the pace of its own timestamps."""

    mode = "REPLAY"
    access = None
    level3 = "This log has no level3 messages of this symbol."

    def __init__(self, path: Path, *, speed: float = 1.0) -> None:
        self.name = path.name
        self._path = path
        self._speed = speed
        self._keeper = BookKeeper()
        self._time = 0
        self._wall = 0

    @property
    def books(self) -> Mapping[str, L2Book]:
        return self._keeper.books

    @property
    def orders(self) -> Mapping[str, L3Book]:
        return self._keeper.orders

    feed = None

    def counters(self) -> Counters:
        tallies = self._keeper.tallies.values()
        return Counters(
            sum(tally.verified for tally in tallies), sum(tally.mismatched for tally in tallies)
        )

    def now(self) -> int:
        passed = time.monotonic_ns() - self._wall if self._wall else 0
        return self._time + int(min(passed, _LONGEST_WAIT_NS) * self._speed)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    async def batches(self) -> AsyncIterator[list[Event]]:
        for at, data in paced(self._path):
            wait = max(0, at - self._time) if self._time else 0
            if wait:
                await asyncio.sleep(min(wait, _LONGEST_WAIT_NS) / times.NS_PER_S / self._speed)
            self._time, self._wall = at, time.monotonic_ns()
            yield self._keeper.receive(data, at)

    async def show(self, symbol: str) -> None:
        """A log holds what it holds."""

    async def candles(self, symbol: str, timeframe_s: int) -> None:
        """A log holds what it holds."""


def paced(path: Path) -> Iterator[tuple[int, bytes]]:
    """Each message with the time it is due, ns, never falling.

    A message that states no time is due with the one before it, and what comes before
    the first that does, with that. In a log without any time all are equally far apart.
    """
    at = _first_time(path)
    pace = 0 if at else _PACE_NS
    with path.open("rb") as lines:
        for each in lines:
            data = each.strip()
            if data:
                stated = _stated_time(data)
                at = max(at, stated) if stated else at + pace
                yield at, data


def _first_time(path: Path) -> int:
    with path.open("rb") as lines:
        return next((stated for each in lines if (stated := _stated_time(each))), 0)


class _Timed(msgspec.Struct):
    timestamp: str | None = None


class _Message(msgspec.Struct):
    data: list[_Timed] | _Timed | None = None
    time_out: str | None = None


def _stated_time(data: bytes) -> int:
    """The newest time a message carries; 0 when it carries none."""
    try:
        message = msgspec.json.decode(data, type=_Message)
    except msgspec.DecodeError:
        return 0
    parts = message.data if isinstance(message.data, list) else []
    stated = [part.timestamp for part in parts if part.timestamp]
    text = stated[-1] if stated else message.time_out
    return times.parse_ns(text) if text else 0
