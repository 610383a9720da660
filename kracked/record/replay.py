"""Replay of a recording: the same bytes through the same keeper, at any speed.

`Player` moves through the recording by messages or by time, forth and back, and waits for
nothing. `Replay` paces a player by a clock: at 1x, 10x, as fast as possible, or paused.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec

from kracked.book.keeper import BookKeeper
from kracked.errors import RecordError, says
from kracked.format import keyframe
from kracked.format.frame import FrameKind
from kracked.format.keyframe import Book
from kracked.protocol.events import Event
from kracked.record.raw_index import FOREVER, LogPosition
from kracked.record.read.book_rebuilder import BookRebuilder, Recorded
from kracked.record.read.recording import Recording
from kracked.times import NS_PER_S, Instant, to_ns, to_rfc3339

MAX_SPEED = float("inf")
_ALL = LogPosition(FOREVER)
_SNAPSHOTS = (FrameKind.KEYFRAME, FrameKind.STATE)
_EARLY_S = 0.002
"""A message is played when its time is nearer than this: sleeping is no more exact."""


@says("{path} has nothing after {asked}: the recording ends at {end}")
class BeyondEnd(RecordError):
    """A replay was to begin after the end of its recording."""

    path: Path
    asked: str
    """RFC 3339."""
    end: str
    """When its last line came."""


class Moment(NamedTuple):
    """One line of the recording, played."""

    received: int
    """When it came, ns since the Unix epoch: the time of the replayed clock."""
    seq: int
    """Number of the message, or of the last one before it."""
    connection: str
    """The message's connection; empty for a feed event, and for the books after a seek."""
    data: bytes
    """The exchange's bytes; empty without a connection."""
    events: list[Event]
    """Its events, and their consequences for the books."""
    snapshots: Sequence[Event] = ()
    """The state before it that the recorder wrote here, because no message tells it."""


class Playable(Protocol):
    """A source that `Replay` can pace: a `Player`, or another that plays message by message."""

    position: int
    """Time of the last message played, ns since the Unix epoch."""

    @property
    def next_due(self) -> int | None:
        """Recorded time of the next line, ns since the Unix epoch; None at the end."""

    def step(self) -> Moment | None:
        """Play the next line; None at the end."""

    def seek(self, to: Instant) -> Moment:
        """Go to an instant and return the state there."""
        ...

    def back(self) -> Moment | None:
        """Go to before the last message; None at the beginning."""


class Player:
    """A recording and a position in it; `keeper` has the books of that position."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.start, self.end = recording.span()
        self._begin = recording.frame_index[0].frame.first_received
        self.position = self._begin
        """Time of the last message played, ns since the Unix epoch."""
        self.seq = 0
        """Number of that message, 0 before the first."""
        self._rebuilder = BookRebuilder(recording.info(), check_keyframes=False)
        self._lines: Iterator[Recorded] = recording.read()
        self._next: Recorded | None = None
        self._snapshots: deque[Recorded] = deque()
        """Keyframes and state snapshots before the next message."""
        self._advance()

    @property
    def keeper(self) -> BookKeeper:
        """The books as they are at the position."""
        return self._rebuilder.keeper

    @property
    def next_due(self) -> int | None:
        """Recorded time of the next line, ns since the Unix epoch; None at the end."""
        ahead = self._next or next(iter(self._snapshots), None)
        return ahead.line.received if ahead else None

    @property
    def upcoming(self) -> bytes:
        """The exchange's message that comes next; empty if a feed event does, or nothing."""
        following = self._next
        exchange = following is not None and following.kind is FrameKind.DATA
        return following.line.data if following is not None and exchange else b""

    def step(self) -> Moment | None:
        """Play one message or feed event; None at the end."""
        snapshots = self._apply_snapshots()
        if self._next is None:
            return Moment(self.position, self.seq, "", b"", [], snapshots) if snapshots else None
        kind, entry = self._next
        events = self._rebuilder.apply(kind, entry)
        self._advance()
        self.position, self.seq = entry.received, entry.seq
        exchange = kind is FrameKind.DATA
        connection, data = (entry.connection, entry.data) if exchange else ("", b"")
        return Moment(entry.received, entry.seq, connection, data, events, snapshots)

    def _advance(self) -> None:
        """Read up to the next message or feed event, and the snapshots before it."""
        self._snapshots.clear()
        while (upcoming := next(self._lines, None)) and upcoming.kind in _SNAPSHOTS:
            self._snapshots.append(upcoming)
        self._next = upcoming

    def _apply_snapshots(self, goal: LogPosition = _ALL) -> list[Event]:
        """Apply the snapshots before the next message, up to a position; return their events.

        There are none of a book that is trusted already.
        """
        restored: list[Event] = []
        while self._snapshots and goal.covers(*self._snapshots[0].line[:2]):
            restored += self._rebuilder.apply(*self._snapshots.popleft())
        return restored

    def seek(self, to: Instant) -> Moment:
        """Go to an instant and return its books, as snapshots."""
        self.move_to(to)
        return self._snapshot_moment()

    def begin_at(self, at: Instant) -> Moment:
        """Go to the instant at which a replay begins and return its books, as snapshots.

        An instant before the recording is its beginning.

        Raises:
            BeyondEnd: The recording ends before it: nothing would be played.
            NotATime: It is no time.
        """
        if (when := to_ns(at)) > self.end:
            raise BeyondEnd(self.recording.path, to_rfc3339(when, 9), to_rfc3339(self.end, 9))
        return self.seek(when)

    def move_to(self, to: Instant) -> None:
        """Go to an instant without making snapshots, which cost milliseconds for deep books."""
        when = min(max(to_ns(to), self.start), self.end)
        self._move(self.recording.position_at(when))
        if self.position != when:
            self.recording.distrust_beyond(self._rebuilder, self._next)
        self.position = when

    def back(self) -> Moment | None:
        """Go to before the last message played; None at the beginning."""
        if self.seq < 2:
            return None
        self.move_to_message(self.seq - 1)
        return self._snapshot_moment()

    def move_to_message(self, seq: int) -> None:
        """Go to where `seq` is the number of the last message played."""
        self._move(LogPosition(seq))

    def _move(self, goal: LogPosition) -> None:
        """Go to a position, from the nearest one before it where all books are known."""
        self._rebuilder = BookRebuilder(self.recording.info(), check_keyframes=False)
        self.position, self.seq = self._begin, 0
        checkpoints = self.recording.checkpoints
        near = checkpoints.best(goal)
        known = near and checkpoints.is_near(near, goal)
        first = near.number if near and known else self.recording.first_frame_for(goal)
        complete = first == 0
        if near is not None and near.number >= first:
            self._rebuilder.resume(near.seq, near.books)
            first, self.position, self.seq = near.number, near.received, near.seq
            complete = True
        for opened in self.recording.frames(first):
            last = opened.frame.last_received
            if not goal.covers(last, opened.last_seq):
                break
            self._rebuilder.apply_frame(opened.frame, opened.body)
            first, self.position, self.seq = opened.number + 1, last, self._rebuilder.seq
            complete = complete or self._rebuilder.is_complete
            if complete:
                checkpoints.offer(self._rebuilder, first, last, goal)
        self._lines = self.recording.read(first)
        self._advance()
        while self._next is not None and goal.covers(self._next.line.received, self._next.line.seq):
            self.step()
        self._apply_snapshots(goal)

    def _snapshot_moment(self) -> Moment:
        """Return the verified books, as the events a new subscriber would get."""
        books: tuple[Book, ...] = (*self.keeper.l2.values(), *self.keeper.l3.values())
        snapshots: list[Event] = [
            keyframe.snapshot(book, self.position) for book in books if book.verified
        ]
        return Moment(self.position, self.seq, "", b"", snapshots)


class ReplayClock(msgspec.Struct, frozen=True):
    """The time of the recording, in place of a feed's clock."""

    player: Playable

    def wall(self) -> int:
        """Return the time of the last message played, ns since the Unix epoch."""
        return self.player.position


class Replay:
    """Plays a recording in time; an async iterator of moments.

    `pause`, `resume`, `seek`, `step`, `back` and a new `speed` may be used while it plays.

    Args:
        player: The source, at the position to begin at.
        speed: 1.0 for the recorded pace, `MAX_SPEED` for as fast as possible.
        max_gap_s: Longer silences, in recorded seconds, are shortened to this.
        steady: Returns a time in ns that never jumps; tests bring their own.
        sleep: Waits so many seconds; tests bring their own.
    """

    def __init__(
        self,
        player: Playable,
        *,
        speed: float = 1.0,
        max_gap_s: float | None = None,
        steady: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], Awaitable[None]] | None = None,
    ) -> None:
        self.player = player
        self.clock = ReplayClock(player)
        self.paused = False
        self._speed = speed
        self._max_gap_ns = None if max_gap_s is None else int(max_gap_s * NS_PER_S)
        self._steady = steady
        self._sleep = sleep
        self._changed = asyncio.Event()
        self._pending: list[Moment] = []
        self._anchor: tuple[int, int] | None = None

    @property
    def speed(self) -> float:
        """Recorded seconds a second."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        """Go on at another pace."""
        self._speed = speed
        self._restart_pacing()

    def pause(self) -> None:
        """Stop until `resume`."""
        self.paused = True
        self._restart_pacing()

    def resume(self) -> None:
        """Go on after `pause`."""
        self.paused = False
        self._restart_pacing()

    def seek(self, to: Instant) -> None:
        """Go on from another instant; the books of that instant come first."""
        self._pending = [self.player.seek(to)]
        self._restart_pacing()

    def continue_with(self, player: Playable, first: Moment) -> None:
        """Go on with another player, which was moved meanwhile.

        `first` comes before what it plays, and after what was played and not taken yet: `first`
        may tell less than a whole state.
        """
        self.player, self.clock = player, ReplayClock(player)
        self._pending.append(first)
        self._restart_pacing()

    def step(self) -> None:
        """Play one message, paused or not."""
        self._pending += filter(None, [self.player.step()])
        self._restart_pacing()

    def back(self) -> None:
        """Go back by one message."""
        self._pending += filter(None, [self.player.back()])
        self._restart_pacing()

    def _restart_pacing(self) -> None:
        """Measure time from now and wake the iterator: something has changed."""
        self._anchor = None
        self._changed.set()

    async def __aiter__(self) -> AsyncIterator[Moment]:
        while True:
            while self._pending:
                yield self._pending.pop(0)
            if self.paused:
                await self._wait(None)
                continue
            due = self.player.next_due
            if due is None:
                return
            delay_s = self._delay_s(due)
            if delay_s > _EARLY_S:
                await self._wait(delay_s)
                continue
            moment = self.player.step()
            if moment is not None:
                yield moment

    def _delay_s(self, due: int) -> float:
        """Return the seconds until a line recorded at `due` must be played."""
        if self._speed == MAX_SPEED:
            return 0.0
        now = self._steady()
        if self._anchor is None:
            self._anchor = (now, self.player.position)
        began, first = self._anchor
        silent = due - self.player.position
        if silent < -NS_PER_S:  # the clock was set back, which took no time
            first += silent
            self._anchor = (began, first)
            self.player.position = due
        if self._max_gap_ns is not None and silent > self._max_gap_ns:
            # Play on as if the recording were that much shorter before this message.
            first += silent - self._max_gap_ns
            self._anchor = (began, first)
            self.player.position = due - self._max_gap_ns
        return ((due - first) / self._speed - (now - began)) / NS_PER_S

    async def _wait(self, delay_s: float | None) -> None:
        """Wait so many seconds, or until something changes; without a delay for that alone."""
        self._changed.clear()
        if self._sleep is not None and delay_s is not None:
            await self._sleep(delay_s)
            return
        try:
            async with asyncio.timeout(delay_s):
                await self._changed.wait()
        except TimeoutError:
            pass
