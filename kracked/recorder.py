"""The recorder of a feed: joins a `FeedManager` to a session on disk.

The recorder is one more consumer of the shared feed, with a tap for the raw bytes. It may join
a feed that has been running for hours: it begins with a snapshot of every book and of the
other state, and does so again after a gap. Nothing it does waits for the disk.

Executions and balances are recorded with the rest if the feed has a key, unless the caller
says otherwise. No key and no token is ever written.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from kracked.errors import KrackedError
from kracked.feed.clock import ClockComparison
from kracked.feed.fanout import Consumer, Policy
from kracked.feed.managed_connection import PRIVATE
from kracked.feed.stats import describe_missing
from kracked.feed.tap import Tap
from kracked.feed_manager import FeedManager
from kracked.format import keyframe
from kracked.format.cells import time_cell
from kracked.format.keyframe import Book
from kracked.format.session_info import SessionInfo
from kracked.protocol.events import Balances, Event, Executions
from kracked.record.closed_segments import finish_tables, tables_of_closed_segments
from kracked.record.trade_healing import NoPage, TradeHealer, TradePage
from kracked.record.write.ingest import HAND_OVER_EVERY_S
from kracked.record.write.session import (
    Format,
    JoinedState,
    RecorderStatus,
    RecordingSession,
    record_into,
)
from kracked.rest.client import RestClient
from kracked.rest.replies import ErrorClass, Refused
from kracked.stop_signals import stop_signals
from kracked.times import NS_PER_S

_PAUSE_S = 0.005
"""Length of the slices in which text is made, so that none holds up the event loop."""
_TELL_EVERY_S = 0.5
"""How often the progress is told while a recording ends."""
_OFFSETS_EVERY_NS = 60 * NS_PER_S
_LAST_TRY_S = 1.5
"""How long the end may wait for trades that are missing."""
_OWN = (Executions, Balances)


class Progress(NamedTuple):
    """The progress of a recording, for a status line."""

    path: Path
    elapsed_s: float
    rate: float
    """Messages a second since the last call of `progress`."""
    status: RecorderStatus
    missing: tuple[str, ...] = ()
    """Subscriptions that were not live when it ended, and why; refused ones are in `status`."""
    ending: bool = False
    """Whether it has stopped listening and writes what is left."""
    making_tables: bool = False
    """Whether everything is on the disk, and Parquet is being made of it."""
    tables_process: int = 0
    """The process that goes on making Parquet; the rows are in CSV until it is done."""


class Recorder:
    """A recording of a feed in progress; made by `recording`."""

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
        self.ended = asyncio.Event()
        """Set when it listens no more: the feed has ended, or nothing can be written any more.
        Leave the block of `recording` then; it raises the reason."""
        self._ending = self.making_tables = False
        self.tables_process = 0
        self._dropped_by_tap = 0
        self._missing: tuple[str, ...] = ()
        self._rest = RestClient(endpoints=feed.endpoints)
        """For public calls only; it connects when it is used."""
        self._healer = TradeHealer(
            session.ingest.trade_holes,
            partial(_past_trades, self._rest),
            session.ingest.take_event,
            instruments=feed.instruments,
            wall=feed.clock.wall,
            steady=feed.clock.steady,
            sleep=feed.clock.sleep,
        )
        self._clocks = ClockComparison(feed.clock.wall)
        self._offsets_due = 0
        self._started = self._last_progress = feed.clock.wall()
        self._last_messages = 0

    def progress(self) -> Progress:
        """Return the progress of this moment; the rate is that since the last call."""
        now = self._feed.clock.wall()
        status = self._session.status(now)
        since, self._last_progress = now - self._last_progress, now
        count, self._last_messages = status.messages - self._last_messages, status.messages
        rate = count * NS_PER_S / since if since > 0 else 0.0
        return Progress(
            path=self._session.folder.path,
            elapsed_s=(now - self._started) / NS_PER_S,
            rate=rate,
            status=status,
            missing=self._missing,
            ending=self._ending,
            making_tables=self.making_tables,
            tables_process=self.tables_process,
        )

    async def run(self) -> None:
        """Record until cancelled, the feed ends, or nothing can be written any more."""
        try:
            await self._listen()
        finally:
            self.ended.set()

    async def _listen(self) -> None:
        clock, handed, ended = self._feed.clock, self._started, False
        while not ended:
            events: list[Event] = []
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HAND_OVER_EVERY_S):
                    events = await self._consumer.batch()
                    ended = not events
            self.take(events)
            now = clock.wall()
            if not 0 <= now - handed < HAND_OVER_EVERY_S * NS_PER_S:
                self._note_clocks(now)
                if self._session.ingest.needs_state_snapshots:
                    # Every message that the state rests on has been taken.
                    state = _current_state(self._feed, own=self._own)
                    self._session.ingest.write_state_snapshots(state)
                self._session.hand_over(_books(self._feed), now)
                handed = now
                ended = ended or self._session.failed
            await clock.sleep(_PAUSE_S)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Record until the block ends, however it does, and everything that came by then."""
        failure: Exception | None = None
        try:
            async with asyncio.TaskGroup() as tasks:
                running = tasks.create_task(self.run())
                healing = tasks.create_task(self._healer.run())
                try:
                    yield
                except Exception as error:  # the caller's own: the group would wrap it
                    failure = error
                finally:
                    running.cancel()
                    healing.cancel()
        finally:
            self._ending = True
            self.take(self._consumer.take())
            gaps = self._feed.open_gaps()
            self._session.ingest.take([], gaps)
            missing = tuple(describe_missing(self._feed.stats(), gaps))
            self._session.info.missing += missing
            await self._heal_at_end()
            holes = map(str, self._session.ingest.trade_holes.open())
            self._missing = (*missing, *holes)
        if failure is not None:
            raise failure

    async def _heal_at_end(self) -> None:
        """Try once more to fetch the trades that are missing: later nobody does by itself."""
        try:
            async with asyncio.timeout(_LAST_TRY_S):
                await self._healer.finish()
        except TimeoutError:
            pass
        finally:
            await self._rest.close()

    def take(self, events: Sequence[Event]) -> None:
        """Record events, and the messages that brought them.

        Both were queued in the same steps of the loop, so the feed's books hold these messages
        and no more.
        """
        ingest, messages = self._session.ingest, self._tap.take()
        if not self._own:
            messages = [each for each in messages if not each.connection.startswith(PRIVATE)]
            events = _without_own(events)
        ingest.take(messages, events)
        if dropped := self._tap.dropped - self._dropped_by_tap:
            self._dropped_by_tap += dropped
            ingest.note_lost(dropped, self._feed.clock.wall())

    def _note_clocks(self, now: int) -> None:
        """Note whether the clock was set, and each minute how it differs from the exchange's."""
        self._session.ingest.note_clock_jump(self._clocks.jumped_ns(), now)
        if now < self._offsets_due:
            return
        self._offsets_due = now + NS_PER_S  # until a connection has measured it
        for connection in self._feed.stats().connections:
            if connection.clock_offset_ns is not None:
                self._offsets_due = now + _OFFSETS_EVERY_NS
                self._session.note_offset(connection.name, -connection.clock_offset_ns / 1e6, now)


async def _past_trades(rest: RestClient, symbol: str, since: int) -> TradePage:
    """Fetch a page of a symbol's trades after a time. Raises `NoPage`."""
    try:
        rows, last = await rest.trades(symbol, since=str(since))
    except Refused as refused:
        reason, useless = f"refused: {refused.error}", refused.kind is ErrorClass.CHANGE_REQUEST
        raise NoPage(reason, final=useless) from refused
    except KrackedError as error:
        raise NoPage(str(error), final=False) from error
    return TradePage(rows, int(last) if last.isdecimal() else since)


def _books(feed: FeedManager) -> list[Book]:
    return [*feed.l2.values(), *feed.l3.values()]


def _current_state(feed: FeedManager, *, own: bool) -> list[Event]:
    """Return the feed's state besides the books, as the events of snapshots."""
    state = feed.current_state()
    return state if own else _without_own(state)


def _without_own(events: Iterable[Event]) -> list[Event]:
    return [event for event in events if not isinstance(event, _OWN)]


@asynccontextmanager
async def recording(
    feed: FeedManager,
    out: Path | str,
    *,
    form: Format = Format.CSV,
    compress: bool = True,
    own: bool = True,
    tell_ending: Callable[[Progress], None] | None = None,
) -> AsyncIterator[Recorder]:
    """Record everything that a feed receives until the block ends.

        async with feed, kracked.recording(feed, "data/session") as recorder: ...

    Args:
        feed: The feed; it may be running already, and be shared.
        out: The folder; a recording in it goes on.
        form: Form of the tables beside the raw log.
        compress: Compress the tables of hours that are over.
        own: Record the account's executions and balances too.
        tell_ending: Called with the progress while, at the end, what is left is written.

    Raises:
        RecordError: The folder cannot be used or, at the end, something was not written.
    """
    endpoints = feed.endpoints
    info = SessionInfo(
        start=time_cell(feed.clock.wall()),
        kracked=version("kracked"),
        urls={
            "public": endpoints.public,
            "level3": endpoints.level3,
            "private": endpoints.private,
        },
    )
    with feed.tap() as tap, feed.consumer(Policy.NEVER_SKIP) as consumer:
        # The state of before the first tapped message. It is written before the books, so it
        # must bear the earlier time.
        state, clock = _current_state(feed, own=own), feed.clock.wall
        now = clock()
        joined = JoinedState(now, state, keyframe.frozen(_books(feed), now))
        opened = record_into(
            Path(out),
            info,
            form=form,
            compress=compress,
            clock=clock,
            joined=joined,
            private=own and feed.has_account,
        )
        # Making the folder waits for the disk, which the event loop must not.
        session = await asyncio.to_thread(opened.__enter__)
        recorder = Recorder(feed, session, consumer, tap, own=own)
        try:
            async with tables_of_closed_segments(Path(out), form), recorder.running():
                yield recorder
        finally:
            await _in_thread(lambda: opened.__exit__(None, None, None), recorder, tell_ending)
        if form is Format.PARQUET:
            recorder.making_tables = True
            recorder.tables_process = await asyncio.to_thread(finish_tables, Path(out))


async def _in_thread(
    finish: Callable[[], object], recorder: Recorder, tell: Callable[[Progress], None] | None
) -> None:
    """Run the end of a recording in a thread, and tell its progress meanwhile."""
    finishing = asyncio.ensure_future(asyncio.to_thread(finish))
    while not finishing.done():
        if tell is not None:
            tell(recorder.progress())
        await asyncio.wait([finishing], timeout=_TELL_EVERY_S)
    await finishing


async def record(
    feed: FeedManager,
    out: Path,
    *,
    form: Format = Format.CSV,
    compress: bool = True,
    duration_s: float | None = None,
    tell: Callable[[Progress], None] | None = None,
    tell_ending: Callable[[Progress], None] | None = None,
) -> Progress:
    """Open a feed and record it until the time is up, or SIGINT, SIGTERM or SIGHUP comes.

    It ends by itself when nothing can be written any more.

    Args:
        feed: The feed, not open yet.
        out: The folder.
        form: Form of the tables beside the raw log.
        compress: Compress the tables of hours that are over.
        duration_s: How long to record; without end by default.
        tell: Called once a second with the progress.
        tell_ending: Called with the progress while, at the end, what is left is written.

    Returns:
        The progress at the end.

    Raises:
        RecordError: The folder cannot be used or, at the end, something was not written.
    """
    with stop_signals() as stopped:
        async with (
            feed,
            recording(feed, out, form=form, compress=compress, tell_ending=tell_ending) as recorder,
        ):
            deadline = None if duration_s is None else feed.clock.wall() + duration_s * NS_PER_S
            while not (stopped.is_set() or recorder.ended.is_set()):
                left_s = 1.0 if deadline is None else (deadline - feed.clock.wall()) / NS_PER_S
                if left_s <= 0:
                    break
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(1.0, left_s)):
                        await stopped.wait()
                if tell is not None and not stopped.is_set():
                    tell(recorder.progress())
    return recorder.progress()
