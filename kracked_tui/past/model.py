"""The content of a screen that shows the past, beside the model of the live session."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kracked.feed.account import Account
from kracked_tui.sources.base import Source
from kracked_tui.state.moments import Moments
from kracked_tui.state.session_positions import RecordedPositions, SessionPositions
from kracked_tui.state.sightings import SightingsThen
from kracked_tui.state.store import Store
from kracked_tui.state.view_model import ViewModel
from kracked_tui.view.chrome.status import LogEntry
from kracked_tui.view.replay.past import Bookmark, BufferFill, PastView


class PastModel(ViewModel):
    """The past of a session, or a recording opened beside it.

    It has no trader: nothing on its screen can send an order. What is told goes to the log of
    the live session, whose entries are also those at the foot of its screen.
    """

    def __init__(
        self,
        live: ViewModel,
        source: Source,
        *,
        recording: str = "",
        begun: int = 0,
        moments: Moments,
        bookmarks: list[Bookmark],
        fill: Callable[[], BufferFill] | None = None,
    ) -> None:
        """
        Args:
            live: The session that goes on.
            source: What is shown.
            recording: The name of the recording; empty for the past of this session.
            begun: When the recording begins, ns.
            moments: What one may jump to.
            bookmarks: The marked moments; new ones are added to it.
            fill: Returns how much of the session's past is kept.
        """
        self.live = live
        """The session that goes on."""
        super().__init__(source, Store("REPLAY"), (live.symbol,), live.memory)
        self.timeframe_s, self.followed = live.timeframe_s, live.followed
        self.alerts = live.alerts
        # A recording may be of another account: nothing of the session's is known of it.
        self.positions = RecordedPositions(begun) if recording else _PositionsThen(live.positions)
        self.scanned, self.bookmarks = moments, bookmarks
        if not recording:
            self.seen = SightingsThen(live.store.flows, source.now)
        self._recording, self.kept = recording, fill

    def past(self) -> PastView:
        """Return the moment shown, and what goes on meanwhile."""
        now, live = self.source.now(), self.live
        book = self.book(self.symbol)
        trading = live.trader.status(live.symbol) if live.trader else live.status_without_trader
        return PastView(
            now,
            max(0, live.source.now() - now),
            live.source.mode,
            self._recording,
            trading._replace(size=""),
            panic=live.symbol if self._recording else self.symbol,
            unverified=book is not None and not book.verified,
            fill=self.kept() if self.kept is not None else None,
        )

    def tell(self, text: str, role: str = "dim") -> None:
        """Write an entry to the log of the session that goes on."""
        self.live.tell(text, role)

    def recent_log(self) -> Sequence[LogEntry]:
        """Return the latest entries of the session that goes on."""
        return self.live.recent_log()

    def log_now(self) -> int:
        """Return the present, by which those entries are new or old."""
        return self.live.source.now()

    def remember_pairs(self) -> None:
        """Remember nothing: the live session does."""


class _PositionsThen(SessionPositions):
    """The positions at the instant shown, as the session knew them."""

    def __init__(self, live: SessionPositions) -> None:
        super().__init__()
        self._live, self._unknown = live, ""

    @property
    def unknown(self) -> str:
        """The reason for no position."""
        return self._unknown

    def look(self, account: Account, now: int) -> None:
        """Take the account of an instant, and what the session's positions were then."""
        found, self._unknown = self._live.then(account, now)
        self._positions = dict(found)
