"""The state of a place with its order flow, for which the minutes before it are played.

A jump has its books at once. What owners and takers did at each price, what detectors saw and
how orders came to their places follow from messages, and no keyframe holds them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from kracked.book.keeper import BookKeeper
from kracked.flow.links import MEMORY_NS
from kracked.flow.measures.price_changes import WINDOWS
from kracked.protocol.events import BookSnapshot, BookUpdate
from kracked.record.replay import Moment
from kracked_tui.past.recording import dump_state, load_state
from kracked_tui.sources.base import StateRestored
from kracked_tui.sources.recording import MessagePlace, PlayableRecording, SeekablePlayer
from kracked_tui.sources.replay import ReplaySource
from kracked_tui.state.store import Store

SPAN_NS = max(length for length in WINDOWS if length is not None) + MEMORY_NS
"""The longest window, and how long an order's next part may take to show what filled it."""
MOST_MESSAGES = 100_000
"""Messages that are played for one place at most; with more of them the span is cut in half."""
TURN = 50
"""Messages until it is asked whether the place is still wanted."""
_NEAR = 1_000
"""Messages before a place at which its state is kept: the places around it take little then."""


class _Kept(NamedTuple):
    """A state on the way to a place."""

    begun: int
    """When the messages begin that were played for it, ns."""
    place: MessagePlace
    dumped: bytes


class WholeStates:
    """Makes whole states of one recording, one at a time: call it in a thread."""

    def __init__(
        self,
        recording: PlayableRecording,
        *,
        span_ns: int = SPAN_NS,
        most_messages: int = MOST_MESSAGES,
        near: int = _NEAR,
    ) -> None:
        """
        Args:
            recording: What is played.
            span_ns: How long before a place to begin, where the recording reaches so far.
            most_messages: Messages that are played for one place at most.
            near: Messages before a place at which its state is kept for the next one.
        """
        self._recording = recording
        self._span_ns, self._most, self._near = span_ns, most_messages, near
        self._kept: _Kept | None = None

    def at(self, place: MessagePlace, goes_on: Callable[[], bool]) -> StateRestored | None:
        """Return the state at a place; None once it is not wanted, or where it cannot be made.

        Args:
            place: The last message before it, and its time.
            goes_on: Whether the state is still wanted; asked often.
        """
        begun, player, store = self._begin(place)
        played, kept = 0, False
        while not _is_at(player, place):
            moment = player.step()
            if moment is None:
                break
            _apply(self._recording, store, player.keeper, moment)
            played += 1
            if not kept and player.seq >= place.seq - self._near:
                kept = True
                here = MessagePlace(player.seq, player.position)
                self._kept = _Kept(begun, here, dump_state(store))
            if played % TURN == 0 and not goes_on():
                return None
        there = player.seq == place.seq and goes_on()
        return StateRestored(place.received, store) if there else None

    def _begin(self, place: MessagePlace) -> tuple[int, SeekablePlayer, Store]:
        """Return the beginning of what is played, a player there, and the state there."""
        kept, recording = self._kept, self._recording
        wanted = max(recording.start, place.received - self._span_ns)
        if (
            kept is not None
            and kept.begun <= wanted
            and (kept.place.seq <= place.seq <= kept.place.seq + 3 * self._near)
        ):
            player = recording.player_before(MessagePlace(kept.place.seq + 1, 0))
            if player.seq == kept.place.seq:
                return kept.begun, player, load_state(kept.dumped)
        span = self._span_ns
        player = recording.player_at(max(recording.start, place.received - span))
        while place.seq - player.seq > self._most and span:
            span //= 2
            player = recording.player_at(max(recording.start, place.received - span))
        here, store = MessagePlace(player.seq, player.position), Store("REPLAY")
        for event in recording.events_until(here):
            store.apply(event)
        for book in player.keeper.l3.values():
            if book.verified:
                store.flows.restart(book, here.received)
        return here.received, player, store


def _is_at(player: SeekablePlayer, place: MessagePlace) -> bool:
    """Whether a player has played all that comes before a place."""
    if player.seq < place.seq:
        return False
    due = player.next_due
    return due is None or due > place.received or bool(player.upcoming)


def _apply(recording: PlayableRecording, store: Store, keeper: BookKeeper, moment: Moment) -> None:
    """Apply a moment as a screen that plays it does."""
    for event in recording.events_of(moment):
        store.apply(event)
        if isinstance(event, BookSnapshot | BookUpdate) and event.symbol in keeper.l2:
            store.flows[event.symbol].apply_book(keeper.l2[event.symbol])


def replaying(recording: PlayableRecording, *, at: int | None = None) -> ReplaySource:
    """Return a source that plays a recording, and restores the whole state after each jump.

    Args:
        recording: What is played.
        at: Where to begin, paused, ns; None to play from the beginning.
    """
    return ReplaySource(recording, at=at, make_state=WholeStates(recording).at)
