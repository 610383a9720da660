"""Where the data comes from: the exchange, one in this process, or a file. One shape for all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self

from kracked.protocol.events import Candles, Event
from kracked_tui.view.replay.timebar import TimeView

if TYPE_CHECKING:
    from kracked.book.l2 import L2Book
    from kracked.book.l3 import L3Book
    from kracked.feed.account import Account
    from kracked.feed.fanout import Consumer
    from kracked.feed_manager import FeedManager
    from kracked.rest.client import RestClient


class Access(NamedTuple):
    """What an API key opens."""

    client: RestClient
    account: Account
    """The account's state as its streams tell it."""
    reports: Consumer | None
    """Every event, none left out; None when nothing may be traded."""
    outbox: Path
    """The file orders of this key are written down in."""
    silent_ns: Callable[[], int | None]
    """Since anything came on the public connection; None while there is none."""


class Counters(NamedTuple):
    """Of every book together, since the start."""

    verified: int = 0
    mismatched: int = 0


class TimeJump(Event, frozen=True, tag="cut"):
    """What follows belongs to another moment: everything shown so far is to be forgotten."""


class PlaybackControls(Protocol):
    """What can be done to a source that is no exchange but a recording of one."""

    def view(self) -> TimeView: ...
    def toggle(self) -> None:
        """Play or pause."""

    def faster(self, by: int) -> None:
        """The next higher (1) or lower (-1) speed."""

    async def seek(self, to: int) -> None:
        """Go to an instant, ns; one out of reach is the end it is beyond."""

    async def shift(self, by_ns: int) -> None:
        """Go so far back or ahead."""

    async def step(self, symbol: str, by: int) -> None:
        """Pause, then go one order event of this symbol's book on (1) or back (-1)."""


class Source(Protocol):
    """A stream of events with the books they lead to. An async context manager."""

    mode: str
    """LIVE, DEMO or REPLAY: the word on the screen."""
    name: str
    """What it is connected to, for people."""

    @property
    def l2(self) -> Mapping[str, L2Book]: ...
    @property
    def l3(self) -> Mapping[str, L3Book]: ...
    @property
    def level3(self) -> str:
        """Why there are no orders, for people; said only when there are none."""

    @property
    def access(self) -> Access | None:
        """What the key opens; None without one."""

    @property
    def feed(self) -> FeedManager | None:
        """What a recorder can listen to; None where nothing can be recorded."""

    @property
    def transport(self) -> PlaybackControls | None:
        """The keys of a recording; None of an exchange."""

    def counters(self) -> Counters: ...
    def now(self) -> int:
        """The data's present, ns: the clock, or where a replay has come to."""

    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
    def batches(self) -> AsyncIterator[list[Event]]:
        """Events in order, as many at a time as there are."""

    async def show(self, symbol: str) -> None:
        """Have everything the monitor shows of this symbol, and of no other.

        Raises `RequestRejected` when the exchange refuses.
        """

    async def candles(self, symbol: str, timeframe_s: int) -> Candles | None:
        """Have the exchange's own candles of this length, where it makes them.

        Returns those of the past, once. Raises `KrackedError` when they cannot be had.
        """
