"""The ring as a recording that plays from any position, like one on disk."""

from __future__ import annotations

import pickle
import threading
from bisect import bisect_right
from collections.abc import Sequence

from kracked.format.frame import FrameKind
from kracked.protocol.events import Event
from kracked.record.replay import Moment
from kracked_tui.past.player import BufferPlayer
from kracked_tui.past.ring import KeptChunk, MessageRing, Segment
from kracked_tui.sources.base import StateRestored
from kracked_tui.sources.recording import VERDICTS, MessagePlace, SeekablePlayer, update_marks
from kracked_tui.state.store import Store

_MOST_TIMES = 2
"""A view keeps what it began with, up to so many times the bound of the ring."""
_MOST_STATES = 4


class BufferRecording:
    """The content of a ring, from when this view was opened on, and what comes while it is open.

    Looking never ends what is looked at: segments that leave the ring stay here, until both
    take twice the bound.
    """

    name = "the buffer"

    def __init__(self, ring: MessageRing, base: Store) -> None:
        """Open a view.

        Args:
            ring: What is kept; its newest messages become readable now.
            base: The state before its oldest segment. It is copied.
        """
        ring.close_chunk()
        self._lock = threading.RLock()
        """Held while segments come and leave: the screen and two threads ask for them."""
        self._ring, self._moving_base = ring, base
        self._segments: list[Segment] = ring.segments
        self._base = dump_state(base)
        self._states: dict[int, bytes] = {}
        """The state before some segments, by the number of the chunk before each."""

    @property
    def segments(self) -> list[Segment]:
        """The segments that can be read, oldest first: those of the ring, and older ones."""
        with self._lock:
            mine, ring = self._segments, self._ring.segments
            if mine[-1] is ring[-1]:
                return mine
            newer = [each for each in ring if each.after_chunk > mine[-1].after_chunk]
            if newer[0].after_chunk != mine[-1].last_chunk:  # nobody looked, and some have left
                self._base, self._states = dump_state(self._moving_base), {}
                mine, newer = [], ring
            self._segments = mine = mine + newer
            return mine

    def _prune(self) -> list[Segment]:
        """Let go of the oldest segments beyond the view's own bound; return the others."""
        with self._lock:
            mine = self.segments
            size, most = sum(each.size for each in mine), _MOST_TIMES * self._ring.bound.size
            while size > most and len(mine) > 1:
                size -= mine[0].size
                self._base, mine = self._state_before(mine, 1), mine[1:]
            self._segments = mine
            return mine

    @property
    def start(self) -> int:
        """The oldest instant, ns. The screen asks with every frame, so no segment is missed."""
        return self.segments[0].received

    @property
    def end(self) -> int:
        """The newest instant that can be read, ns: it goes on with the session."""
        return self._ring.end

    @property
    def gaps(self) -> Sequence[tuple[int, int]]:
        """Begin and end of each gap."""
        return [gap for segment in self._segments for gap in segment.gaps]

    # --- players --------------------------------------------------------------------------

    def player(self) -> SeekablePlayer:
        """Return a player at the beginning."""
        return BufferPlayer(self, self._prune()[0])

    def player_at(self, time: int) -> SeekablePlayer:
        """Return a player that has played everything received until `time`, ns."""
        segments = self._prune()
        at = bisect_right(segments, time, key=lambda each: each.received) - 1
        player = BufferPlayer(self, segments[max(0, at)])
        player.play_while(lambda received, _: received <= time)
        player.stand_at(time)
        return player

    def player_before(self, place: MessagePlace) -> SeekablePlayer:
        """Return a player that has played everything before that message."""
        segments = self._prune()
        at = bisect_right(segments, place.seq - 1, key=lambda each: each.seq) - 1
        player = BufferPlayer(self, segments[max(0, at)])
        player.play_while(lambda _, seq: seq < place.seq)
        return player

    def chunk_after(self, number: int) -> KeptChunk | None:
        """Return the chunk after one of this number; None where it has not come yet.

        Where that one is no longer kept it is the oldest that is: its numbers show the gap.
        """
        segments = self.segments
        at = bisect_right(segments, number, key=lambda each: each.after_chunk) - 1
        for segment in segments[max(0, at) :]:
            found = bisect_right(segment.chunks, number, key=lambda each: each.number)
            if found < len(segment.chunks):
                return segment.chunks[found]
        return None

    # --- what the screen asks of a recording ------------------------------------------------

    def last_update(self, seq: int, symbol: str, channel: str) -> MessagePlace | None:
        """Find the last update of a book up to message `seq`; None when there is none."""
        marks = update_marks(symbol, channel)
        for segment in reversed(self.segments):
            for chunk in reversed(segment.chunks):
                if chunk.frame.kind is not FrameKind.DATA or chunk.frame.first_seq > seq:
                    continue
                for entry in reversed(chunk.lines()):
                    if entry.seq <= seq and all(mark in entry.data for mark in marks):
                        return MessagePlace(entry.seq, entry.received)
        return None

    def events_until(self, place: MessagePlace) -> list[Event]:
        """Return the state at a place, as one event."""
        return [StateRestored(place.received, self.state_at(place))]

    def state_at(self, place: MessagePlace) -> Store:
        """Return everything shown at a place besides the books."""
        segments = self.segments
        at = bisect_right(segments, place, key=_place) - 1
        store = load_state(self._state_before(segments, max(0, at)))
        for seq, event in tuple(segments[max(0, at)].others):
            if seq > place.seq or (seq == place.seq and event.received > place.received):
                break  # a gap is known at its end: a place within it comes before it
            store.apply(event)
        return store

    def _state_before(self, segments: Sequence[Segment], at: int) -> bytes:
        """Return the state before a segment, by the nearest one known before it."""
        first = at
        while first and segments[first].after_chunk not in self._states:
            first -= 1
        dumped = self._states[segments[first].after_chunk] if first else self._base
        if first == at:
            return dumped
        store = load_state(dumped)
        for segment in segments[first:at]:
            for _, event in segment.others:
                store.apply(event)
        dumped = dump_state(store)
        if len(self._states) >= _MOST_STATES:
            del self._states[next(iter(self._states))]
        self._states[segments[at].after_chunk] = dumped
        return dumped

    def only_books_between(self, first: MessagePlace, second: MessagePlace) -> bool:
        """Whether nothing but books changed between two places, in either order."""
        low, high = sorted((first, second))
        return not any(
            low < (seq, event.received) <= high
            for segment in self.segments
            if segment.seq <= high.seq
            for seq, event in segment.others
        )

    def events_of(self, moment: Moment) -> list[Event]:
        """Return the events the screen applies for a moment; verdicts are the live feed's own."""
        if not moment.connection:
            return moment.events
        return [each for each in moment.events if type(each) not in VERDICTS]


def _place(segment: Segment) -> MessagePlace:
    return MessagePlace(segment.seq, segment.received)


def dump_state(store: Store) -> bytes:
    """Return a state as bytes, without what is of no moment: odds, and what to look back for."""
    kept = {name: each for name, each in vars(store).items() if name not in ("odds", "moments")}
    return pickle.dumps(kept, pickle.HIGHEST_PROTOCOL)


def load_state(dumped: bytes) -> Store:
    """Return a state of its own."""
    store = Store("REPLAY")
    vars(store).update(pickle.loads(dumped))  # noqa: S301  this program's own, of a moment ago
    return store
