"""A source opened behind the first paint, what is shown until then, and what to open next."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

from kracked.protocol.events import Candles, Event
from kracked_tui.sources.base import Counters, Source

if TYPE_CHECKING:
    from kracked.book.l2 import L2Book
    from kracked.book.l3 import L3Book

Open = Callable[[], AbstractAsyncContextManager[Source]]


class Opening(NamedTuple):
    """A source to be opened once the screen is painted."""

    mode: str
    """LIVE, DEMO or REPLAY."""
    name: str
    """The host or recording it connects to, for people."""
    open: Open


class Destination(NamedTuple):
    """The source to open when this monitor has ended."""

    path: Path | None
    """A recording; None for the source watched before."""
    ends_recording: bool = False
    """Whether this ends a recording in progress."""
    other_account: bool = False
    """Whether to go on with paper money in place of the real account, or the other way."""


class EmptySource:
    """Stands in until the source is open: no books and no events."""

    no_level3_reason = ""
    access = feed = playback = None

    def __init__(self, mode: str, name: str) -> None:
        self.mode, self.name = mode, name
        self.l2: Mapping[str, L2Book] = {}
        self.l3: Mapping[str, L3Book] = {}

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
        """Yield nothing."""
        for batch in list[list[Event]]():
            yield batch

    def counters(self) -> Counters:
        """Return zero counts."""
        return Counters()

    def now(self) -> int:
        """Return the wall clock, ns."""
        return time.time_ns()

    async def show(self, symbol: str) -> None:
        """Subscribe nothing: the source does once it is open."""

    async def follow(self, needed: Mapping[str, frozenset[str]]) -> None:
        """Subscribe nothing."""

    async def candles(self, symbol: str, timeframe_s: int) -> Candles | None:
        """Return no candles."""
