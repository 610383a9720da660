"""A recording on disk, opened for reading: its messages, its gaps, its books at any instant.

Nothing is loaded whole: headers are hopped over for an index, and frames are read as they are
needed. A frame whose checksum differs is left out and shows as a gap; no book is trusted
across a gap before a snapshot or a keyframe has verified it again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor
from contextlib import suppress
from functools import cached_property
from itertools import groupby, repeat
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
from kracked.times import Instant, to_ns

_CHANNELS = ("", "level3", "book")
_WORTH_SHARING = 500_000
"""Messages from which on starting worker processes pays."""
_SAMPLED_FRAMES = 64


@says("no verified book of {symbol} at {instant}: {why}")
class NotVerified(RecordError):
    """The recording has no book at that instant that a checksum verifies."""

    symbol: str
    time: int
    """ns since the Unix epoch."""
    start: int = 0
    """The recording's first moment, ns since the Unix epoch."""
    end: int | None = None
    """Its last one; None for a recording without messages."""

    @property
    def instant(self) -> str:
        """The time as text."""
        return times.to_rfc3339(self.time)

    @property
    def why(self) -> str:
        """The place of the time in the recording, in words."""
        if self.end is None:
            return "the recording is empty"
        if self.start <= self.time <= self.end:
            return "it is in a gap or before a snapshot"
        start, end = times.to_rfc3339(self.start), times.to_rfc3339(self.end)
        return f"the recording goes from {start} to {end}"


@says(
    "{path}: a process that read it was killed, perhaps for lack of memory; "
    "one worker needs the least"
)
class WorkerLost(RecordError):
    """A process that read a part of the recording ended before it was done."""

    path: Path


class OpenedFrame(NamedTuple):
    """A frame with its lines."""

    number: int
    """Its number in the frame index."""
    frame: Frame
    body: bytes

    @property
    def last_seq(self) -> int:
        """Number of the message of its last line."""
        if self.frame.kind is FrameKind.EVENT:  # each bears the number of the message before it
            return line.unpack(self.body.splitlines()[-1]).seq
        return self.frame.first_seq + self.frame.lines - 1


def open_recording(path: Path | str) -> Recording:
    """Open a session's folder for reading; it may still be growing.

    Raises:
        NotARecording: The folder has no `session.json`.
        RecordError: Its `session.json` cannot be read.
    """
    return Recording(Path(path))


class Recording:
    """A recorded session as it was when it was opened.

    Iterating yields every message of the exchange as (received, connection, bytes).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._info = read_info(path)
        self.checkpoints = Checkpoints()

    def info(self) -> SessionInfo:
        """Return the content of `session.json`."""
        return self._info

    @property
    def logs(self) -> list[Path]:
        """Files of the raw log, in the order they were written."""
        return self._sorted_logs[0]

    @property
    def foreign_logs(self) -> list[Path]:
        """Files whose messages have numbers that other files have already: they are not read."""
        return self._sorted_logs[1]

    @cached_property
    def _sorted_logs(self) -> tuple[list[Path], list[Path]]:
        return raw_index.sort_logs(self.path)

    @cached_property
    def frame_index(self) -> list[FrameLocation]:
        """Every frame, in the order of recording."""
        return raw_index.locate_frames(self.logs)

    @cached_property
    def _earliest_times(self) -> list[int]:
        return raw_index.earliest_times(self.frame_index)

    def span(self) -> tuple[int, int]:
        """Return the earliest and the latest time in it, ns since the Unix epoch.

        Raises `RecordError` when it is empty.
        """
        frames = [location.frame for location in self.frame_index]
        if not frames:
            raise RecordError(f"{self.path} holds no messages")
        return min(each.first_received for each in frames), max(
            each.last_received for each in frames
        )

    # --- reading straight through -------------------------------------------------------

    def __iter__(self) -> Iterator[tuple[int, str, bytes]]:
        """Yield every message of the exchange: when it came, its connection, its bytes."""
        for kind, entry in self.read():
            if kind is FrameKind.DATA:
                yield entry.received, entry.connection, entry.data

    def read(self, first: int = 0, until: int | None = None) -> Iterator[Recorded]:
        """Yield every line of some frames, keyframes and feed events included.

        Args:
            first: Number of the first frame in `frame_index`.
            until: Number after the last; None for all the rest.
        """
        for _, found, body in self.frames(first, until):
            for text in body.splitlines():
                yield Recorded(found.kind, line.unpack(text))

    def frames(self, first: int = 0, until: int | None = None) -> Iterator[OpenedFrame]:
        """Yield some frames, opened; the arguments are those of `read`.

        A damaged frame is left out: the numbers of the messages after it show the gap.
        """
        chosen = enumerate(self.frame_index[first:until], first)
        for path, numbered in groupby(chosen, key=lambda each: each[1].path):
            with mapped(path) as data:
                for number, (_, found) in numbered:
                    try:
                        yield OpenedFrame(number, found, frame.unpack_body(data, found))
                    except frame.DamagedFrame:
                        continue

    # --- health -------------------------------------------------------------------------

    def gaps(self) -> list[RecordedGap]:
        """Return every gap: lost messages, damaged frames, time without a connection."""
        found_gaps: list[RecordedGap] = []
        before: Frame | None = None
        for path, found in self._scan():
            if isinstance(found, Damage):
                continue  # its cost shows in the numbers of the frames around it
            if found.kind is FrameKind.EVENT:
                found_gaps += gaps.reported_gaps(path, found)
            if found.kind is FrameKind.DATA:
                found_gaps += gaps.gap_between(before, found)
                before = found
        return sorted([*found_gaps, *gaps.gap_at_end(before, self._info)])

    def damages(self) -> list[tuple[Path, Damage]]:
        """Return every stretch of a raw log that is no frame."""
        return [(path, item) for path, item in self._scan() if isinstance(item, Damage)]

    def verify(self, *, executor: Executor | None = None, workers: int = 1) -> Verification:
        """Rebuild every book from the first message to the last and check each checksum.

        Args:
            executor: Runs the work in other processes (a process pool, a Dask cluster's), each
                with the books of some symbols; the result is the same. A short recording is
                read here all the same, and any with the compiled books: what each process
                would have to read of the others' books costs more than the books.
            workers: How many processes `executor` has.

        Raises:
            WorkerLost: A process of `executor` was killed.
        """
        long = sum(location.frame.lines for location in self.frame_index) >= _WORTH_SHARING
        shared = executor is not None and long and BookKeeper().engine == "python"
        parts = partitions.divide(self._sample(), workers) if shared else ()
        if executor is None or len(parts) < 2:
            verification = _verify_partition(self, ALL)
        else:
            try:
                verifications = executor.map(_verify_partition, repeat(self), parts)
                verification = merge_verifications([*verifications])
            except BrokenExecutor as error:
                raise WorkerLost(self.path) from error
        # The recorder may have had messages after the last one of the log.
        data = (each.frame for each in reversed(self.frame_index))
        last = next((found for found in data if found.kind is FrameKind.DATA), None)
        verification.lost += sum(gap.lost for gap in gaps.gap_at_end(last, self._info))
        return verification

    def _sample(self) -> Iterator[bytes]:
        """Yield the bodies of some frames of messages from all over the recording."""
        data = [
            number
            for number, location in enumerate(self.frame_index)
            if location.frame.kind is FrameKind.DATA
        ]
        for number in data[:: max(1, len(data) // _SAMPLED_FRAMES)]:
            yield from (opened.body for opened in self.frames(number, number + 1))

    def _scan(self) -> Iterator[tuple[Path, Frame | Damage]]:
        for path in self.logs:
            with mapped(path) as data:
                for found in frame.scan(data):
                    yield path, found

    # --- books at an instant --------------------------------------------------------------

    def at(self, time: Instant, symbol: str = "", *, channel: str = "") -> Book:
        """Return the book at an instant, after every message that had come by then.

        After the recording's end that is the last book.

        Args:
            time: The instant.
            symbol: May be left out when only one symbol was recorded.
            channel: `level3` or `book`; by default whichever was recorded, level3 first.

        Raises:
            NotVerified: No checksum verifies it: it is inside a gap, or before a snapshot, or
                outside the recording, whose range it says.
            NotATime: `time` is no instant.
            ConfigError: There is no such channel.
            RecordError: The symbol was not recorded, or none is named and there are several.
        """
        if channel not in _CHANNELS:
            raise ConfigError(f"{channel!r} has no books; choose level3 or book")
        when, recorded = to_ns(time), tuple(self._info.symbols)
        if not symbol:
            if len(recorded) != 1:
                names = ", ".join(recorded) or "none"
                raise RecordError(f"name a symbol; this recording has {names}")
            symbol = recorded[0]
        if recorded and symbol not in recorded:
            raise RecordError(f"no book of {symbol}: the recording has {', '.join(recorded)}")
        keeper = self.keeper_at(when, symbol)
        for name, books in (("level3", keeper.l3), ("book", keeper.l2)):
            book: Book | None = books.get(symbol)
            if channel in ("", name) and book is not None and book.verified:
                return book
        raise NotVerified(symbol, when, *(self.span() if self.frame_index else ()))

    def keeper_at(self, time: int, symbol: str = "") -> BookKeeper:
        """Return all books at an instant, or one symbol's, rebuilt from the keyframes before."""
        rebuilder = BookRebuilder(self._info, symbol, check_keyframes=False)
        goal, latest = self.position_at(time), time
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
        """Distrust books at an instant after which messages are missing.

        The missing ones may have come before that instant.

        Args:
            rebuilder: Holds the books.
            upcoming: The next line of the recording; None at its end.
        """
        if upcoming is None and self._info.last_seq is not None:
            upcoming = Recorded(FrameKind.DATA, LogLine(0, self._info.last_seq + 1, "", b""))
        if upcoming is not None:
            rebuilder.distrust_before(upcoming)

    def position_at(self, time: int) -> LogPosition:
        """Return the position of an instant: after the last message, by number, that came by then.

        Where a clock set back makes an instant come twice this is the later one, and of two
        instants the later never has the earlier position. Books there are those of a full
        replay up to that message.
        """
        number = bisect_right(self._earliest_times, time) - 1
        if number < 0:
            return LogPosition(0, time)
        path, found = self.frame_index[number]
        seq = found.first_seq + found.lines - 1
        with mapped(path) as data, suppress(frame.DamagedFrame):
            lines = [line.unpack(text) for text in frame.unpack(data, found)]
            seq = max((each.seq for each in lines if each.received <= time), default=seq)
        return LogPosition(seq, time)

    def first_frame_for(self, goal: LogPosition, symbol: str = "") -> int:
        """Return the number of the frame to read from, to know every book at a position.

        Looking back from the position, every book has a keyframe from there on; it is the
        first frame if one has none.
        """
        missing = {
            (name, channel)
            for name, known in self._info.symbols.items()
            for channel, depth in (("book", known.book), ("level3", known.level3))
            if depth and symbol in ("", name)
        } or {("", "")}  # not known: read from the beginning
        index = self.frame_index
        number = bisect_right(index, goal.seq, key=lambda location: location.frame.first_seq) - 1
        while number > 0 and missing:
            path, found = index[number]
            is_keyframe = found.kind is FrameKind.KEYFRAME
            if is_keyframe and goal.covers(found.last_received, found.first_seq):
                # A damaged one is no use; one before it will be.
                with mapped(path) as data, suppress(frame.DamagedFrame):
                    entry = line.unpack(frame.unpack(data, found)[0])
                    missing.discard(keyframe.symbol_and_channel(entry.data))
            number -= 1
        return max(0, number)


def _verify_partition(recording: Recording, partition: Partition) -> Verification:
    """Verify the books of a partition; runs in a process of its own."""
    rebuilder = BookRebuilder(recording.info(), partition=partition)
    for _, found, body in recording.frames():
        rebuilder.apply_frame(found, body)
    return rebuilder.verification()
