"""A recording played again: the same bytes through the same keeper, at any speed.

`Player` is the tape: it moves by messages or by time, forth and back, and waits for
nothing. `Replay` turns its wheels against a clock: 1x, 10x, as fast as can be, paused.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

import msgspec

from kracked.book.keeper import BookKeeper
from kracked.format import keyframe
from kracked.format.frame import FrameKind
from kracked.format.keyframe import Book
from kracked.protocol.events import Event
from kracked.record.raw_index import FOREVER, LogPosition
from kracked.record.read.book_rebuilder import BookRebuilder, Recorded
from kracked.record.read.recording import Instant, Recording, to_ns
from kracked.times import NS_PER_S

MAX_SPEED = float("inf")
_ALL = LogPosition(FOREVER)
_SNAPSHOTS = (FrameKind.KEYFRAME, FrameKind.STATE)
_EARLY_S = 0.002
"""Nearer than this to its time, a message is played: sleeping is no more exact."""


class Moment(NamedTuple):
    """One line of the recording, played."""

    received: int
    """When it came, ns since the Unix epoch: what a replayed clock shows now."""
    seq: int
    connection: str
    """Empty for what is not the exchange's message: our own event, a picture after a seek."""
    data: bytes
    """The exchange's bytes; empty where there is no connection."""
    events: list[Event]
    """What it said, and what keeping the books brought about."""
    snapshots: Sequence[Event] = ()
    """What stood before it and no message tells: the recorder wrote that down here."""


class Playable(Protocol):
    """What `Replay` can turn: a `Player`, or anything else that is played message by message."""

    position: int
    """Time of the last message played, ns since the Unix epoch."""

    @property
    def next_due(self) -> int | None: ...
    def step(self) -> Moment | None: ...
    def seek(self, to: Instant) -> Moment: ...
    def back(self) -> Moment | None: ...


class Player:
    """A recording and a place in it. `keeper` has the books as of that place."""

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
        """What the recorder wrote down of the state before the next message."""
        self._advance()

    @property
    def keeper(self) -> BookKeeper:
        return self._rebuilder.keeper

    @property
    def next_due(self) -> int | None:
        """Recorded time of what comes next; None at the end."""
        ahead = self._next or next(iter(self._snapshots), None)
        return ahead.line.received if ahead else None

    @property
    def upcoming(self) -> bytes:
        """The exchange's message that comes next; empty when something else does."""
        following = self._next
        exchange = following is not None and following.kind is FrameKind.DATA
        return following.line.data if following is not None and exchange else b""

    def step(self) -> Moment | None:
        """Play one message or event; None at the end."""
        snapshots = self._apply_snapshots()
        if self._next is None:
            return Moment(self.position, self.seq, "", b"", [], snapshots) if snapshots else None
        kind, entry = self._next
        happened = self._rebuilder.apply(kind, entry)
        self._advance()
        self.position, self.seq = entry.received, entry.seq
        exchange = kind is FrameKind.DATA
        connection, data = (entry.connection, entry.data) if exchange else ("", b"")
        return Moment(entry.received, entry.seq, connection, data, happened, snapshots)

    def _advance(self) -> None:
        """Make the next message ready, and the pictures before it."""
        self._snapshots.clear()
        while (upcoming := next(self._lines, None)) and upcoming.kind in _SNAPSHOTS:
            self._snapshots.append(upcoming)
        self._next = upcoming

    def _apply_snapshots(self, goal: LogPosition = _ALL) -> list[Event]:
        """Take the pictures before the next message that lie before `goal`: usually no news."""
        restored: list[Event] = []
        while self._snapshots and goal.covers(*self._snapshots[0].line[:2]):
            restored += self._rebuilder.apply(*self._snapshots.popleft())
        return restored

    def seek(self, to: Instant) -> Moment:
        """Go to an instant: the books as they were then, as snapshots."""
        self.move_to(to)
        return self._snapshot_moment()

    def move_to(self, to: Instant) -> None:
        """The same for who looks at `keeper`: pictures of deep books cost milliseconds each."""
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
        """Go to where `seq` was the last message played."""
        self._move(LogPosition(seq))

    def _move(self, goal: LogPosition) -> None:
        """Go to a place, from the nearest one before it where all books are known."""
        self._rebuilder = BookRebuilder(self.recording.info(), check_keyframes=False)
        self.position, self.seq = self._begin, 0
        kept = self.recording.checkpoints
        near = kept.best(goal)
        known = near and kept.is_near(near, goal)
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
                kept.offer(self._rebuilder, first, last, goal)
        self._lines = self.recording.read(first)
        self._advance()
        while self._next is not None and goal.covers(self._next.line.received, self._next.line.seq):
            self.step()
        self._apply_snapshots(goal)

    def _snapshot_moment(self) -> Moment:
        """The books of this place, as the events a new subscriber would get."""
        books: tuple[Book, ...] = (*self.keeper.l2.values(), *self.keeper.l3.values())
        happened: list[Event] = [
            keyframe.snapshot(book, self.position) for book in books if book.verified
        ]
        return Moment(self.position, self.seq, "", b"", happened)


class ReplayClock(msgspec.Struct, frozen=True):
    """The time of the recording, for whatever would look at the wall clock live."""

    player: Playable

    def wall(self) -> int:
        """ns since the Unix epoch."""
        return self.player.position


class Replay:
    """Plays a recording in time; an async iterator of moments.

    `speed` is 1.0 for as it was and `MAX_SPEED` for as fast as can be; silences longer
    than `max_gap_s` recorded seconds are shortened to that. `pause`, `resume`, `seek`,
    `step`, `back` and a new `speed` may be used while it plays.
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
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        self._speed = speed
        self._restart_pacing()

    def pause(self) -> None:
        self.paused = True
        self._restart_pacing()

    def resume(self) -> None:
        self.paused = False
        self._restart_pacing()

    def seek(self, to: Instant) -> None:
        """Go on from another instant; the books of that instant come first."""
        self._pending = [self.player.seek(to)]
        self._restart_pacing()

    def continue_with(self, player: Playable, first: Moment) -> None:
        """Go on with another player, wound elsewhere meanwhile; `first` comes first."""
        self.player, self.clock = player, ReplayClock(player)
        self._pending = [first]
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
        """How long until what was recorded at `due` is to be played."""
        if self._speed == MAX_SPEED:
            return 0.0
        now = self._steady()
        if self._anchor is None:
            self._anchor = (now, self.player.position)
        began, first = self._anchor
        silent = due - self.player.position
        if silent < -NS_PER_S:  # a clock was set back, which took no time
            first += silent
            self._anchor = (began, first)
            self.player.position = due
        if self._max_gap_ns is not None and silent > self._max_gap_ns:
            # As if the recording had been that much shorter before this message.
            first += silent - self._max_gap_ns
            self._anchor = (began, first)
            self.player.position = due - self._max_gap_ns
        return ((due - first) / self._speed - (now - began)) / NS_PER_S

    async def _wait(self, delay_s: float | None) -> None:
        """Until then, or until something else is asked for."""
        self._changed.clear()
        if self._sleep is not None and delay_s is not None:
            await self._sleep(delay_s)
            return
        try:
            async with asyncio.timeout(delay_s):
                await self._changed.wait()
        except TimeoutError:
            pass
