"""Records what a feed hears: joins the shared feed to a session on disk.

The recorder is one more consumer of a `FeedManager`, with a tap for the raw bytes. It
may join a feed that has been running for hours: it begins with a picture of every book and
with what else stands, and so it goes on after a hole.
Nothing it does waits for the disk.

What a feed with a key hears of the account (executions, balances) is recorded with the
rest, unless told not to. No key and no token is ever written.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from kracked.feed.fanout import Consumer, Policy
from kracked.feed.managed_connection import PRIVATE
from kracked.feed.stats import describe_missing
from kracked.feed.tap import Tap
from kracked.feed_manager import FeedManager
from kracked.format import keyframe
from kracked.format.cells import instant
from kracked.format.keyframe import Book
from kracked.protocol.events import Balances, Event, Executions
from kracked.record.convert import convert
from kracked.record.write.clock_jump import ClockWatch
from kracked.record.write.ingest import HAND_OVER_EVERY_S
from kracked.record.write.session import (
    Format,
    JoinedState,
    RecorderStatus,
    RecordingSession,
    record_into,
)
from kracked.record.write.session_folder import SessionInfo
from kracked.times import NS_PER_S

_PAUSE_S = 0.005
"""Text is made in slices of this length, so that no slice holds up the event loop."""
_OFFSETS_EVERY_NS = 60 * NS_PER_S
_OWN = (Executions, Balances)


class Progress(NamedTuple):
    """A recording's status line."""

    path: Path
    elapsed_s: float
    rate: float
    """Messages per second since the last look."""
    status: RecorderStatus
    missing: tuple[str, ...] = ()
    """What had been asked for and did not come when it ended, and why; what is refused is in
    `status`."""


class Recorder:
    """One recording of one feed; made by `recording`."""

    def __init__(
        self,
        feed: FeedManager,
        session: RecordingSession,
        consumer: Consumer,
        tap: Tap,
        *,
        own: bool,
    ) -> None:
        self._feed, self._session = feed, session
        self._consumer, self._tap = consumer, tap
        self._own = own
        self._missed = 0
        self._missing: tuple[str, ...] = ()
        self._watch = ClockWatch(feed.clock.wall)
        self._offsets_due = 0
        self._started = self._looked = feed.clock.wall()
        self._counted = 0

    def progress(self) -> Progress:
        """How it stands; the rate is that since the last call."""
        now, status = self._feed.clock.wall(), self._session.status()
        since, self._looked = now - self._looked, now
        count, self._counted = status.messages - self._counted, status.messages
        rate = count * NS_PER_S / since if since > 0 else 0.0
        path, elapsed_s = self._session.folder.path, (now - self._started) / NS_PER_S
        return Progress(path, elapsed_s, rate, status, self._missing)

    async def run(self) -> None:
        """Take in what comes until cancelled, or until the feed ends."""
        clock, handed, ended = self._feed.clock, self._started, False
        while not ended:
            happened: list[Event] = []
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HAND_OVER_EVERY_S):
                    happened = await self._consumer.batch()
                    ended = not happened
            self.take(happened)
            now = clock.wall()
            if not 0 <= now - handed < HAND_OVER_EVERY_S * NS_PER_S:
                self._note_clocks(now)
                if self._session.intake.wants_standing:
                    # All that it rests on was taken in.
                    self._session.intake.stand(_standing(self._feed, own=self._own))
                self._session.hand_over(_books(self._feed), now)
                handed = now
            await clock.sleep(_PAUSE_S)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Take in what comes until the block ends, however it does, and all that came by then."""
        failure: Exception | None = None
        try:
            async with asyncio.TaskGroup() as tasks:
                running = tasks.create_task(self.run())
                try:
                    yield
                except Exception as error:  # the caller's own, which the group would wrap
                    failure = error
                finally:
                    running.cancel()
        finally:
            self._finish()
        if failure is not None:
            raise failure

    def _finish(self) -> None:
        """Take in what is still queued, and what is missing to the end."""
        self.take(self._consumer.take())
        gaps = self._feed.open_gaps()
        self._session.intake.take([], gaps)
        self._missing = tuple(describe_missing(self._feed.stats(), gaps))

    def take(self, happened: Sequence[Event]) -> None:
        """Take in events, and the frames that came with them.

        Both were queued in the same steps of the loop, so the books now hold these
        frames and no more.
        """
        intake, frames = self._session.intake, self._tap.take()
        if not self._own:
            frames = [frame for frame in frames if not frame.connection.startswith(PRIVATE)]
            happened = _without_own(happened)
        intake.take(frames, happened)
        if missed := self._tap.dropped - self._missed:
            self._missed += missed
            intake.miss(missed, self._feed.clock.wall())

    def _note_clocks(self, now: int) -> None:
        """See whether the clock was set; note each minute how it differs from the exchange's."""
        self._session.intake.clock(self._watch.jumped_ns(), now)
        if now < self._offsets_due:
            return
        self._offsets_due = now + NS_PER_S  # until something answers
        for connection in self._feed.stats().connections:
            if connection.clock_offset_ns is not None:
                self._offsets_due = now + _OFFSETS_EVERY_NS
                self._session.note_offset(connection.name, -connection.clock_offset_ns / 1e6, now)


def _books(feed: FeedManager) -> list[Book]:
    return [*feed.l2.values(), *feed.l3.values()]


def _standing(feed: FeedManager, *, own: bool) -> list[Event]:
    """What stands besides the books."""
    standing = feed.current_state()
    return standing if own else _without_own(standing)


def _joined(feed: FeedManager, *, own: bool) -> JoinedState:
    """What stands now, books included."""
    standing = _standing(feed, own=own)  # it bears a time, and is written before the books
    now = feed.clock.wall()
    return JoinedState(now, standing, keyframe.stood(_books(feed), now))


def _without_own(happened: Iterable[Event]) -> list[Event]:
    return [event for event in happened if not isinstance(event, _OWN)]


@asynccontextmanager
async def recording(
    feed: FeedManager,
    out: Path | str,
    *,
    form: Format = Format.CSV,
    compress: bool = True,
    own: bool = True,
) -> AsyncIterator[Recorder]:
    """Record everything `feed` hears into the folder `out` until the block ends.

    With `compress` tables of hours that are over are compressed; without `own` nothing of
    the account is kept, whatever the feed hears of it. Raises `RecordError` when the
    folder cannot be used, or, at the end, when something could not be written.
    """
    endpoints = feed.endpoints
    info = SessionInfo(
        start=instant(feed.clock.wall()),
        kracked=version("kracked"),
        urls={
            "public": endpoints.public,
            "level3": endpoints.level3,
            "private": endpoints.private,
        },
    )
    with feed.tap() as tap, feed.consumer(Policy.NEVER_SKIP) as consumer:
        joined = _joined(feed, own=own)  # before the first frame that is tapped
        clock = feed.clock.wall
        opened = record_into(
            Path(out), info, form=form, compress=compress, clock=clock, joined=joined
        )
        # Making the folder waits for the disk, which the event loop must not.
        session = await asyncio.to_thread(opened.__enter__)
        try:
            recorder = Recorder(feed, session, consumer, tap, own=own)
            async with recorder.running():
                yield recorder
        finally:
            await asyncio.to_thread(opened.__exit__, None, None, None)
        if form is Format.PARQUET:
            await asyncio.to_thread(convert, Path(out))


async def record(
    feed: FeedManager,
    out: Path,
    *,
    form: Format = Format.CSV,
    compress: bool = True,
    duration_s: float | None = None,
    tell: Callable[[Progress], None] | None = None,
) -> Progress:
    """Open `feed` and record it until the time is up, or SIGINT, SIGTERM or SIGHUP comes.

    `tell` is called once a second with the progress; the last one is returned. Raises
    `RecordError` like `recording`.
    """
    with _stop_signals() as stopped:
        async with feed, recording(feed, out, form=form, compress=compress) as recorder:
            deadline = None if duration_s is None else feed.clock.wall() + duration_s * NS_PER_S
            while not stopped.is_set():
                left_s = 1.0 if deadline is None else (deadline - feed.clock.wall()) / NS_PER_S
                if left_s <= 0:
                    break
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(1.0, left_s)):
                        await stopped.wait()
                if tell is not None and not stopped.is_set():
                    tell(recorder.progress())
    return recorder.progress()


@contextlib.contextmanager
def _stop_signals() -> Iterator[asyncio.Event]:
    """An event that a signal to end the program sets, once; a second one kills as ever."""
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def stop() -> None:
        stopped.set()
        for number in signals:
            loop.remove_signal_handler(number)

    for number in signals:
        loop.add_signal_handler(number, stop)
    try:
        yield stopped
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
