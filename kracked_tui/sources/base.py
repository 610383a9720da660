"""The source of the data: the exchange, a simulated one, or a recording, all in one shape.

A source decides nothing about the screen. It gives the events, and the books that follow from
them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self

from kracked.protocol.events import Candles, Event
from kracked_tui.view.replay.timebar import TimeView

if TYPE_CHECKING:
    from kracked.book.l2 import L2Book
    from kracked.book.l3 import L3Book
    from kracked.book.queue import QueuePosition
    from kracked.feed.account import Account
    from kracked.feed.fanout import Consumer
    from kracked.feed.freshness import Freshness
    from kracked.feed_manager import FeedManager
    from kracked.protocol.maintenance.tracker import MaintenanceTracker
    from kracked.rest.client import RestClient


PaperPlace = Callable[[str], "tuple[int, QueuePosition] | None"]
"""The price and place of an order on paper, by its id; None where it rests in no known queue."""


class PaperMoney(NamedTuple):
    """An account on paper in place of one at the exchange."""

    place: PaperPlace
    level3: bool
    """Whether the exchange gives level 3, which the place of an order needs."""


class Access(NamedTuple):
    """Everything that an API key opens."""

    client: RestClient
    account: Account
    """The account's state as its streams report it."""
    reports: Consumer | None
    """Every event, none left out; None when orders may not be placed."""
    outbox: Path
    """The file that records the orders sent with this key."""
    freshness: Callable[[str], Freshness]
    """Whether the level 2 book of a symbol is current, by the feed's judge."""
    maintenance: MaintenanceTracker | None = None
    """What the exchange has announced, none left out."""
    paper: bool = False
    """Whether the account is one on paper: no order reaches the exchange."""
    paper_place: PaperPlace | None = None
    """The price and place of an order on paper, which no book holds."""


class Counters(NamedTuple):
    """Checksum counts of all books together, since the start."""

    verified: int = 0
    mismatched: int = 0


class TimeJump(Event, frozen=True, tag="cut"):
    """The events that follow belong to another moment: forget everything shown so far."""


class BooksJump(Event, frozen=True, tag="books_cut"):
    """The books are those of another moment, and nothing else is: forget only what follows them."""


class StateRestored(Event, frozen=True, tag="state_restored"):
    """Everything shown besides the books is as it was at a moment that was rebuilt elsewhere."""

    state: Any
    """The store of that moment; it belongs to whoever takes the event."""


class PlaybackControls(Protocol):
    """The controls of a recording: play, pause, speed, and going to another time."""

    def view(self) -> TimeView:
        """Return the time bar's data."""

    def toggle(self) -> None:
        """Play or pause."""

    def faster(self, by: int) -> None:
        """Take the next higher (1) or lower (-1) speed."""

    async def seek(self, to: int) -> None:
        """Go to an instant, ns; outside the recording, to its nearer end."""

    async def shift(self, by_ns: int) -> None:
        """Go this much time ahead, or back where it is negative."""

    async def step(self, symbol: str, by: int) -> None:
        """Pause, then go one order event of this symbol's book ahead (1) or back (-1)."""


class Source(Protocol):
    """A stream of events with the books they lead to. An async context manager."""

    mode: str
    """LIVE, DEMO or REPLAY: the word on the screen."""
    name: str
    """The host or recording it is connected to, for people."""

    @property
    def l2(self) -> Mapping[str, L2Book]:
        """The level 2 books by symbol."""

    @property
    def l3(self) -> Mapping[str, L3Book]:
        """The level 3 books by symbol."""

    @property
    def no_level3_reason(self) -> str:
        """The reason for no level 3 book, for people; shown only where there is none."""

    @property
    def access(self) -> Access | None:
        """Everything the API key opens; None without a key."""

    @property
    def feed(self) -> FeedManager | None:
        """The feed a recorder can consume; None where nothing can be recorded."""

    @property
    def playback(self) -> PlaybackControls | None:
        """The controls of a recording; None for an exchange."""

    def counters(self) -> Counters:
        """Return the checksum counts of all books since the start."""

    def now(self) -> int:
        """Return the present of the data, ns: the clock, or the position of a replay."""

    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
    def batches(self) -> AsyncIterator[list[Event]]:
        """Yield the events in order, each time all that have arrived."""

    async def show(self, symbol: str) -> None:
        """Subscribe everything the monitor shows of this symbol, and of no other.

        Raises:
            RequestRejected: The exchange refuses a channel.
        """

    async def follow(self, needed: Mapping[str, frozenset[str]]) -> None:
        """Subscribe what alerts need besides what is shown, and no more of what they needed before.

        Args:
            needed: The channels `book`, `trade` and `level3`, by symbol.

        Raises:
            RequestRejected: The exchange refuses a channel.
        """

    async def candles(self, symbol: str, timeframe_s: int) -> Candles | None:
        """Subscribe the exchange's own candles of this length, where it makes them.

        Returns:
            Past candles, once; None where they are there already or not made.

        Raises:
            KrackedError: The candles could not be fetched.
        """
