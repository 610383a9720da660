"""One recording from start to stop: folder, writer thread and intake, joined.

A recording that stops for any reason is whole: everything gathered is written and
synced, and `session.json` says how it ended. Reopening a folder mends what a crash
left torn and goes on in new files.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from kracked.errors import RecordError
from kracked.format import layout
from kracked.format.cells import time_cell
from kracked.format.keyframe import Book, BookState
from kracked.format.session_info import SessionInfo, encode_info, read_info
from kracked.format.symbol_info import SymbolInfo
from kracked.protocol.events import Event
from kracked.record import file_integrity, raw_index, repair
from kracked.record.raw_index import LastMessage
from kracked.record.write.ingest import Ingest
from kracked.record.write.session_folder import SessionFolder
from kracked.record.write.sinks import BatchSink, CsvTables
from kracked.record.write.sqlite_tables import SqliteTables
from kracked.record.write.writer import Writer

LOW_DISK_BYTES = 2 * 1000**3
"""Less than this is warned of. At 200 MB the tables stop, and the raw log goes on to the end."""


class Format(StrEnum):
    """The form of the tables kept beside the raw log."""

    CSV = "csv"
    SQLITE = "sqlite"
    PARQUET = "parquet"
    """Made from the raw log when the recording ends: a file half written is no file."""


class RecorderStatus(NamedTuple):
    """How a recording is doing, for a status line."""

    messages: int
    rows: int
    bytes: int
    """Handed to the writer, before compression."""
    queued_bytes: int
    gaps: int
    lost: int
    """Messages that could not be kept; each hole is marked in the recording."""
    free_bytes: int
    """Of the disk."""
    trouble: str
    """What keeps the writer from writing just now, or empty."""
    refused: tuple[str, ...] = ()
    """What the exchange would not let us record, and why."""

    @property
    def warning(self) -> str:
        """What will keep it from writing soon, or empty."""
        return "the disk is nearly full" if self.free_bytes < LOW_DISK_BYTES else ""


class JoinedState(NamedTuple):
    """What was known at the instant a recording joined a feed that runs."""

    at: int
    """ns since the Unix epoch."""
    state_snapshots: Sequence[Event]
    """What stood besides the books, as snapshots."""
    books: Sequence[BookState]


class RecordingSession:
    """A recording in progress; `intake` takes what arrives."""

    def __init__(
        self,
        folder: SessionFolder,
        info: SessionInfo,
        sinks: Sequence[BatchSink],
        now: int,
        *,
        after: int = 0,
    ) -> None:
        """`after` is the highest number an earlier recording here gave a message, lost or not."""
        self.folder = folder
        self.info = info
        self._writer = Writer(folder, sinks)
        last = _last(folder.path)
        self.ingest = Ingest(
            self._writer,
            segment_exists=lambda segment: folder.exists(layout.log_file(segment)),
            next_seq=max(last.seq, after) + 1,
            symbols=info.symbols,
            info_files=self._described,
        )
        self._writer.start()
        if last.received:  # of no message, perhaps, but of books as they stood
            self.ingest.note_resumed(last.received, now)

    def status(self) -> RecorderStatus:
        ingest, writer = self.ingest, self._writer
        return RecorderStatus(
            messages=ingest.messages,
            rows=ingest.tables.count,
            bytes=ingest.bytes,
            queued_bytes=writer.queued_bytes,
            gaps=ingest.gaps,
            lost=ingest.lost,
            free_bytes=writer.free_bytes,
            trouble=str(writer.failure or writer.trouble),
            refused=tuple(sorted(ingest.rejections)),
        )

    def begin(self, joined: JoinedState) -> None:
        """Write what stood when the recording joined, before any message."""
        self.ingest.write_state_snapshots(joined.state_snapshots)
        books = [state.book() for state in joined.books]
        for _ in books:  # of deep ones one is written at a time
            self.ingest.write_keyframes(books, joined.at)

    def hand_over(self, books: Iterable[Book], now: int) -> None:
        """Pass on what came, ten times a second. Never waits.

        `books` are the books kept now; every message they hold must have been taken in.
        """
        self.ingest.write_keyframes(books, now)
        self.ingest.hand_over(now)

    def note_offset(self, feed: str, offset_ms: float, now: int) -> None:
        """Note how far our clock is ahead of the exchange's."""
        self.info.clock_offset_ms = round(offset_ms, 3)
        self.ingest.note_clock_offset(feed, offset_ms, now)

    def _described(self, symbols: Mapping[str, SymbolInfo]) -> dict[str, str]:
        self.info.symbols = dict(symbols)
        return {layout.SESSION_INFO: encode_info(self.info).decode()}

    def close(self, now: int) -> None:
        """Write the rest and say how it ended. Raises `RecordError` if anything was lost."""
        self._writer.lift_bound()  # for the last batch, which tells what is lost
        self.ingest.finish(now)
        self._writer.stop()
        lost, failure = self.ingest.lost, self._writer.failure
        whole = not (lost or failure or self._writer.lost_bytes)
        self.info.symbols = self.ingest.tables.symbols
        self.info.end, self.info.lost, self.info.clean_stop = time_cell(now), lost, whole
        self.info.last_seq = self.ingest.next_seq - 1
        try:
            self.info.files = file_integrity.left(self.folder.path)
            self.folder.write_info(self.info)
        except OSError as error:  # the disk is full to the end: `end` stays open there
            whole, failure = False, failure or error
        if not whole:
            reason = failure or self._writer.trouble or "the writer was too slow"
            raise RecordError(
                f"{self.folder.path} is incomplete: {lost} messages and"
                f" {self._writer.lost_bytes} bytes were lost ({reason})"
            )


@contextmanager
def record_into(
    path: Path,
    info: SessionInfo,
    *,
    form: Format = Format.CSV,
    compress: bool = True,
    clock: Callable[[], int] = time.time_ns,
    joined: JoinedState | None = None,
) -> Iterator[RecordingSession]:
    """Record into a new folder, or go on in one that holds a recording.

    What a recording has `joined` is written before all else.
    With `compress` the tables of hours that are over are compressed. Raises `RecordError`
    when the folder cannot be used, or, at the end, when something could not be written.
    """
    with SessionFolder.hold(path) as folder:
        after = 0
        if folder.resumed:
            _mend(folder.path)
            before = read_info(folder.path)
            _continue(info, before)
            after = before.last_seq or 0
        info.host = info.host or socket.gethostname()
        folder.write_info(info)
        session = RecordingSession(
            folder, info, _sinks(folder, form, compress=compress), clock(), after=after
        )
        try:
            if joined is not None:
                session.begin(joined)
            yield session
        finally:
            session.close(clock())


def _sinks(folder: SessionFolder, form: Format, *, compress: bool) -> list[BatchSink]:
    tables = CsvTables(folder, market=form is Format.CSV, compress=compress)
    return [tables, SqliteTables(folder)] if form is Format.SQLITE else [tables]


def _continue(info: SessionInfo, before: SessionInfo) -> None:
    """What an earlier recording of the folder knew stays known."""
    info.start = before.start
    info.lost += before.lost
    info.urls = before.urls | info.urls
    info.symbols = before.symbols | info.symbols


def _mend(path: Path) -> None:
    for torn in repair.find_torn(path):
        repair.cut(torn)


def _last(path: Path) -> LastMessage:
    """The last message recorded. With a clock set back it is in no last file."""
    return max(map(raw_index.last_of, layout.logs(path)), default=LastMessage(0, 0))
