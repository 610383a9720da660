"""A recording on disk, opened: what it holds, where its holes are, its books at any instant.

Nothing is loaded whole: headers are hopped over for an index, frames are read as they
are needed. A frame whose checksum differs is left out and shows as a hole; no book is
trusted across a hole before a snapshot or a keyframe has proven it again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from itertools import groupby, repeat
from operator import index as as_index
from pathlib import Path
from typing import NamedTuple

from kracked import times
from kracked.book.keeper import BookKeeper
from kracked.errors import ConfigError, RecordError, says
from kracked.format import frame, keyframe, line
from kracked.format.frame import Damage, Frame, FrameKind, mapped
from kracked.format.keyframe import Book
from kracked.format.line import LogLine
from kracked.format.session_info import SessionInfo, read_info
from kracked.record import raw_index
from kracked.record.raw_index import FrameLocation, LogPosition
from kracked.record.read import gaps, partitions
from kracked.record.read.book_rebuilder import (
    BookRebuilder,
    Recorded,
    Verification,
    merge_verifications,
)
from kracked.record.read.checkpoints import Checkpoints
from kracked.record.read.gaps import RecordedGap
from kracked.record.read.partitions import ALL, Partition

Instant = int | str | datetime
"""ns since the Unix epoch, ISO 8601 text, or a datetime, pandas' too; without a zone it is UTC."""


_CHANNELS = ("", "level3", "book")
_WORTH_SHARING = 500_000
"""Fewer messages are read before processes that start have made up for it."""
_SAMPLE = 64


@says("no verified book of {symbol} at {instant}")
class NotVerified(RecordError):
    """At that instant the recording knows no book that its checksum proves."""

    symbol: str
    time: int
    """ns since the Unix epoch."""

    @property
    def instant(self) -> str:
        """The time as text."""
        return times.to_rfc3339(self.time)


@says(
    "{path}: a process that read it was killed, for want of memory perhaps; "
    "one worker needs the least"
)
class WorkerLost(RecordError):
    """A process that read a recording's share ended before it was done."""

    path: Path


class OpenedFrame(NamedTuple):
    """A frame's number in the index, its header and its lines."""

    number: int
    frame: Frame
    body: bytes

    @property
    def last_seq(self) -> int:
        """Number of its last line."""
        if self.frame.kind is FrameKind.EVENT:  # they bear that of the message before each
            return line.unpack(self.body.splitlines()[-1]).seq
        return self.frame.first_seq + self.frame.lines - 1


def open_recording(path: Path | str) -> Recording:
    """Open a session's folder for reading; it may still be growing.

    Raises `NotARecording` when there is no `session.json`.
    """
    return Recording(Path(path))


class Recording:
    """One session, as it stood when it was opened. Iterates as (received, connection, bytes)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._info = read_info(path)
        self.checkpoints = Checkpoints()

    def info(self) -> SessionInfo:
        """What `session.json` says."""
        return self._info

    @property
    def logs(self) -> list[Path]:
        """Files of the raw log, in the order they were written."""
        return self._sorted_logs[0]

    @property
    def foreign_logs(self) -> list[Path]:
        """Files whose messages have numbers that are there already: they are not read."""
        return self._sorted_logs[1]

    @cached_property
    def _sorted_logs(self) -> tuple[list[Path], list[Path]]:
        return raw_index.sort_logs(self.path)

    @cached_property
    def frame_index(self) -> list[FrameLocation]:
        """Every frame, in the order of recording: the index."""
        return raw_index.locate_frames(self.logs)

    @cached_property
    def _earliest_times(self) -> list[int]:
        return raw_index.earliest_times(self.frame_index)

    def span(self) -> tuple[int, int]:
        """The earliest and the latest time in it, ns; raises `RecordError` when empty."""
        frames = [location.frame for location in self.frame_index]
        if not frames:
            raise RecordError(f"{self.path} holds no messages")
        return min(each.first_received for each in frames), max(
            each.last_received for each in frames
        )

    # --- reading straight through -------------------------------------------------------

    def __iter__(self) -> Iterator[tuple[int, str, bytes]]:
        """Every message of the exchange: when it came, over which connection, its bytes."""
        for kind, entry in self.read():
            if kind is FrameKind.DATA:
                yield entry.received, entry.connection, entry.data

    def read(self, first: int = 0, until: int | None = None) -> Iterator[Recorded]:
        """Every line, keyframes and our own events too, of the frames of these indexes."""
        for _, found, body in self.frames(first, until):
            for text in body.splitlines():
                yield Recorded(found.kind, line.unpack(text))

    def frames(self, first: int = 0, until: int | None = None) -> Iterator[OpenedFrame]:
        """The frames of these indexes, opened; a damaged one is left out.

        The numbers of the messages after that show the hole.
        """
        numbered_frames = enumerate(self.frame_index[first:until], first)
        for path, numbered in groupby(numbered_frames, key=lambda each: each[1].path):
            with mapped(path) as data:
                for number, (_, found) in numbered:
                    try:
                        yield OpenedFrame(number, found, frame.unpack_body(data, found))
                    except frame.DamagedFrame:
                        continue

    # --- health -------------------------------------------------------------------------

    def gaps(self) -> list[RecordedGap]:
        """Every hole: lost messages, damaged frames, time without a connection."""
        found_gaps: list[RecordedGap] = []
        before: Frame | None = None
        for path, found in self._scan(verify=True):
            if isinstance(found, Damage):
                continue  # what it cost shows in the numbers of the frames around it
            if found.kind is FrameKind.EVENT:
                found_gaps += gaps.reported_gaps(path, found)
            if found.kind is FrameKind.DATA:
                found_gaps += gaps.gap_between(before, found)
                before = found
        return sorted([*found_gaps, *gaps.gap_at_end(before, self._info)])

    def damages(self) -> list[tuple[Path, Damage]]:
        """Every stretch of a raw log that is no frame."""
        return [(path, item) for path, item in self._scan(verify=True) if isinstance(item, Damage)]

    def verify(self, *, executor: Executor | None = None, workers: int = 1) -> Verification:
        """Rebuild every book from the first message to the last and check each checksum.

        With an `executor` of so many `workers` (a process pool, a Dask cluster's) each keeps the
        books of some symbols; what they find together is what is found without. A short
        recording is read here all the same. Raises `WorkerLost` when one did not come back.
        """
        long = sum(location.frame.lines for location in self.frame_index) >= _WORTH_SHARING
        parts = partitions.divide(self._sample(), workers) if executor is not None and long else ()
        if executor is None or len(parts) < 2:
            return _verified(self, ALL)
        try:
            return merge_verifications([*executor.map(_verified, repeat(self), parts)])
        except BrokenExecutor as error:
            raise WorkerLost(self.path) from error

    def _sample(self) -> Iterator[bytes]:
        """Some frames of messages from all over the recording."""
        data = [
            at
            for at, location in enumerate(self.frame_index)
            if location.frame.kind is FrameKind.DATA
        ]
        for at in data[:: max(1, len(data) // _SAMPLE)]:
            yield from (opened.body for opened in self.frames(at, at + 1))

    def _scan(self, *, verify: bool) -> Iterator[tuple[Path, Frame | Damage]]:
        for path in self.logs:
            with mapped(path) as data:
                for found in frame.scan(data, verify=verify):
                    yield path, found

    # --- books at an instant --------------------------------------------------------------

    def at(self, time: Instant, symbol: str = "", *, channel: str = "") -> Book:
        """The book as it was at `time`, after every message that had come by then.

        Of `symbol`, which may be left out when only one was recorded; of `channel`
        `level3` or `book`, else of whichever was recorded, level3 first. Raises
        `NotVerified` when no checksum proves it: inside a hole, or before a snapshot;
        `NotATime` for what is no instant. After the end the last books stay.
        """
        if channel not in _CHANNELS:
            raise ConfigError(f"{channel!r} has no books; choose level3 or book")
        when = to_ns(time)
        symbol = symbol or self._only_symbol()
        if self._info.symbols and symbol not in self._info.symbols:
            raise RecordError(f"no book of {symbol}: recorded is {', '.join(self._info.symbols)}")
        keeper = self.keeper_at(when, symbol)
        for name, books in (("level3", keeper.l3), ("book", keeper.l2)):
            book: Book | None = books.get(symbol)
            if channel in ("", name) and book is not None and book.verified:
                return book
        raise NotVerified(symbol, when)

    def keeper_at(self, time: int, symbol: str = "") -> BookKeeper:
        """All books at `time`, or those of one symbol, rebuilt from the keyframes before."""
        rebuilder, goal, latest = (
            BookRebuilder(self._info, symbol, check_keyframes=False),
            self.position_at(time),
            time,
        )
        for opened in self.frames(self.first_frame_for(goal, symbol)):
            found, body = opened.frame, opened.body
            if goal.covers(found.last_received, opened.last_seq):
                rebuilder.apply_frame(found, body)
                latest = found.last_received
                continue
            for text in body.splitlines():
                recorded = Recorded(found.kind, line.unpack(text))
                if not goal.covers(recorded.line.received, recorded.line.seq):
                    if latest != time:
                        self.distrust_beyond(rebuilder, recorded)
                    return rebuilder.keeper
                rebuilder.apply(*recorded)
                latest = recorded.line.received
        if latest != time:
            self.distrust_beyond(rebuilder, None)
        return rebuilder.keeper

    def distrust_beyond(self, rebuilder: BookRebuilder, upcoming: Recorded | None) -> None:
        """Doubt books at an instant past which messages are missing: they may have come by then.

        `upcoming` is what comes next, None at the end.
        """
        if upcoming is None and self._info.last_seq is not None:
            upcoming = Recorded(FrameKind.DATA, LogLine(0, self._info.last_seq + 1, "", b""))
        if upcoming is not None:
            rebuilder.distrust_before(upcoming)

    def position_at(self, time: int) -> LogPosition:
        """The place of an instant: after the last message, by its number, stamped by then.

        So an instant that a clock set back makes come twice is the later one, and of two
        instants the later is never at an earlier place. Books there are those of a full
        replay up to that message.
        """
        at = bisect_right(self._earliest_times, time) - 1
        if at < 0:
            return LogPosition(0, time)
        path, found = self.frame_index[at]
        seq = found.first_seq + found.lines - 1
        with mapped(path) as data, suppress(frame.DamagedFrame):
            lines = [line.unpack(text) for text in frame.unpack(data, found)]
            seq = max((each.seq for each in lines if each.received <= time), default=seq)
        return LogPosition(seq, time)

    def first_frame_for(self, goal: LogPosition, symbol: str = "") -> int:
        """Index of the frame to read from, to know every book at a place.

        Back from there until each book has a keyframe; the first frame when one has none.
        """
        numbered_frames = self._books_of(symbol)
        at = (
            bisect_right(self.frame_index, goal.seq, key=lambda location: location.frame.first_seq)
            - 1
        )
        while at > 0 and numbered_frames:
            path, found = self.frame_index[at]
            if found.kind is FrameKind.KEYFRAME and goal.covers(
                found.last_received, found.first_seq
            ):
                # One that is damaged proves no book; one before it will.
                with mapped(path) as data, suppress(frame.DamagedFrame):
                    entry = line.unpack(frame.unpack(data, found)[0])
                    numbered_frames.discard(keyframe.symbol_and_channel(entry.data))
            at -= 1
        return max(0, at)

    def _books_of(self, symbol: str) -> set[tuple[str, str]]:
        return {
            (name, channel)
            for name, subject in self._info.symbols.items()
            for channel, depth in (("book", subject.book), ("level3", subject.level3))
            if depth and symbol in ("", name)
        } or {("", "")}  # not known: read from the beginning

    def _only_symbol(self) -> str:
        symbols = tuple(self._info.symbols)
        if len(symbols) != 1:
            raise RecordError(f"name a symbol; this recording has {', '.join(symbols) or 'none'}")
        return symbols[0]


def _verified(recording: Recording, partition: Partition) -> Verification:
    rebuilder = BookRebuilder(recording.info(), partition=partition)
    for _, found, body in recording.frames():
        rebuilder.apply_frame(found, body)
    return rebuilder.verification()


def to_ns(time: Instant) -> int:
    """An instant as integer ns since the Unix epoch; raises `NotATime` for anything else."""
    if isinstance(time, str):
        return _text_to_ns(time)
    if isinstance(time, datetime):
        # A pandas Timestamp is a datetime too, with more digits than `timestamp` keeps.
        aware = time if time.tzinfo else time.replace(tzinfo=UTC)
        try:
            return times.parse_ns(aware.astimezone(UTC).isoformat())
        except ValueError as error:  # pandas' NaT, which is no time
            raise times.NotATime(str(time)) from error
    try:
        return as_index(time)
    except TypeError as error:
        raise times.NotATime(repr(time)) from error


def _text_to_ns(text: str) -> int:
    """With nine digits as the exchange writes it; else ISO 8601, of any offset or none."""
    try:
        return times.parse_ns(text)
    except times.NotATime:
        try:
            return to_ns(datetime.fromisoformat(text))
        except ValueError:
            pass
        raise
