"""One recording from start to stop: its folder, its writer thread and its ingest.

However a recording stops, everything gathered is written and synced, and `session.json` says
how it ended. Reopening a folder cuts off what a crash left torn and goes on in new files.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from kracked import times
from kracked.errors import RecordError, says
from kracked.format import layout
from kracked.format.cells import time_cell
from kracked.format.coverage import Verdict
from kracked.format.keyframe import Book, BookState
from kracked.format.raw_census import last_trades
from kracked.format.schema import README, markdown
from kracked.format.session_info import SessionInfo, SymbolInfo, encode_info, read_info
from kracked.protocol.events import Event
from kracked.record import file_integrity, raw_index, repair
from kracked.record.raw_index import LastMessage
from kracked.record.write.ingest import Ingest
from kracked.record.write.session_folder import SessionFolder
from kracked.record.write.sinks import BatchSink, CsvTables
from kracked.record.write.sqlite_tables import SqliteTables
from kracked.record.write.writer import Writer
from kracked.times import NS_PER_S

LOW_DISK_BYTES = 2 * 1000**3
"""Free disk below which `RecorderStatus` warns. At 200 MB the tables pause; the log goes on."""


class Format(StrEnum):
    """The form of the tables kept beside the raw log."""

    CSV = "csv"
    SQLITE = "sqlite"
    PARQUET = "parquet"
    """CSV for the hour under way, which Parquet replaces: half a Parquet file cannot be read."""


@says("{path} is incomplete: {lost} messages and {lost_bytes} bytes were lost ({reason})")
class IncompleteRecording(RecordError):
    """A recording has ended without everything that came."""

    path: Path
    lost: int
    lost_bytes: int
    reason: object


@says(
    "{path}: every message is in the raw log, but {lost_bytes} bytes of rows were lost ({reason}); "
    "`kracked convert {path}` makes the tables anew"
)
class IncompleteTables(RecordError):
    """A recording has ended without all rows of its tables."""

    path: Path
    lost_bytes: int
    reason: object


@says(
    "{path} holds a recording of {recorded}, and {address} is another exchange: "
    "choose another folder for it"
)
class OtherExchange(RecordError):
    """A recording would go on with the messages of another exchange."""

    path: Path
    recorded: str
    address: str


class RecorderStatus(NamedTuple):
    """Counters of a recording, for a status line."""

    messages: int
    rows: int
    bytes: int
    """Bytes handed to the writer, before compression."""
    queued_bytes: int
    """Bytes of messages that are not in their file yet."""
    gaps: int
    lost: int
    """Messages that were lost; each gap is marked in the recording."""
    free_bytes: int
    """Free bytes of the disk."""
    trouble: str
    """Why nothing can be written just now, or empty."""
    refused: tuple[str, ...] = ()
    """Subscriptions that the exchange has refused, and its reasons."""
    lag_s: float = 0.0
    """How long the oldest message that is not in its file has waited."""
    tables_queued_bytes: int = 0
    """Bytes of rows that are not in their files yet."""
    tables_stopped: str = ""
    """Why no rows are written just now though the raw log goes on, or empty."""
    missing_trades: int = 0
    """Trades that are missing by their numbers."""
    healed_trades: int = 0
    """Trades that were missing and were fetched by REST."""
    without_rows: int = 0
    """Messages that have no rows, because the tables had stopped; the raw log has them."""
    verdict: Verdict = Verdict.EMPTY
    """What the recording would be worth if it ended now."""
    failed: bool = False
    """Whether the recorder can write no more: it ends, and `trouble` says why."""

    @property
    def warning(self) -> str:
        """A trouble that is near, or empty."""
        if self.tables_stopped:
            return f"the tables have stopped: {self.tables_stopped}"
        return "the disk is nearly full" if self.free_bytes < LOW_DISK_BYTES else ""

    @property
    def left_bytes(self) -> int:
        """Bytes that are still to be written before the recording can end."""
        return self.queued_bytes + self.tables_queued_bytes


class JoinedState(NamedTuple):
    """The state of a running feed when a recording joined it."""

    at: int
    """When it joined, ns since the Unix epoch."""
    state_snapshots: Sequence[Event]
    """The state besides the books, as the events of snapshots."""
    books: Sequence[BookState]


class RecordingSession:
    """A recording in progress; its `ingest` takes what arrives."""

    def __init__(
        self,
        folder: SessionFolder,
        info: SessionInfo,
        sinks: Sequence[BatchSink],
        now: int,
        *,
        after: int = 0,
        before: SessionInfo | None = None,
    ) -> None:
        """Start the writer's threads.

        Args:
            folder: The open folder; `session.json` is written already.
            info: What is known at the start; updated as the recording goes on.
            sinks: The forms kept beside the raw log.
            now: The time, ns since the Unix epoch.
            after: The highest number that an earlier recording here gave a message, lost or
                not.
            before: What an earlier recording here knew when it stopped.
        """
        self.folder = folder
        self.info = info
        self._writer = Writer(folder, sinks)
        # Where the clock was set back, the last message is not in the log of the last name.
        last = max(map(raw_index.last_of, layout.logs(folder.path)), default=LastMessage(0, 0))
        self.ingest = Ingest(
            self._writer,
            segment_exists=lambda segment: folder.exists(layout.log_file(segment)),
            next_seq=max(last.seq, after) + 1,
            symbols=info.symbols,
            trades=info.trades,
            info_files=self._info_files,
        )
        self._writer.start()
        if before is not None and before.tracks:
            self.ingest.coverage.resume(before.tracks)
        elif before is not None:
            started, ended = times.parse_ns(info.start), times.parse_ns(before.end or info.start)
            self.ingest.coverage.resume_percents(
                before.coverage, started, max(ended, last.received, started)
            )
        if last.received:  # the time of a keyframe, perhaps, and of no message
            self.ingest.note_resumed(last.received, now)

    def status(self, now: int = 0) -> RecorderStatus:
        """Return the counters of this moment, `now` in ns since the Unix epoch."""
        ingest, writer = self.ingest, self._writer
        oldest = writer.oldest
        return RecorderStatus(
            messages=ingest.messages,
            rows=ingest.tables.count,
            bytes=ingest.bytes,
            queued_bytes=writer.queued_bytes,
            gaps=ingest.gaps,
            lost=ingest.lost + writer.lost_messages,
            free_bytes=writer.free_bytes,
            trouble=str(writer.failure or writer.trouble),
            refused=tuple(sorted(ingest.rejections)),
            lag_s=0.0 if oldest is None else max(0, now - oldest) / NS_PER_S,
            tables_queued_bytes=writer.tables_queued_bytes,
            tables_stopped=ingest.pause.reason,
            failed=writer.failure is not None,
            missing_trades=ingest.trade_holes.missing,
            healed_trades=ingest.trade_holes.healed,
            without_rows=ingest.pause.without_rows(ingest.next_seq),
            verdict=self._verdict(ingest.lost + writer.lost_messages),
        )

    @property
    def failed(self) -> bool:
        """Whether nothing can be written any more: `close` raises the reason."""
        return self._writer.failure is not None

    def begin(self, joined: JoinedState) -> None:
        """Write the state that the recording joined, before any message."""
        self.ingest.write_state_snapshots(joined.state_snapshots)
        books = [state.book() for state in joined.books]
        for _ in books:  # deep ones are written one at a time
            self.ingest.write_keyframes(books, joined.at)

    def hand_over(self, books: Iterable[Book], now: int) -> None:
        """Pass what came to the writer; call sixteen times a second. Never waits.

        `books` are the feed's books: every message they hold must have been taken already.
        """
        self.ingest.write_keyframes(books, now)
        self.ingest.hand_over(now)

    def note_offset(self, feed: str, offset_ms: float, now: int) -> None:
        """Note how far our clock is ahead of the exchange's, as a connection measured it."""
        self.info.clock_offset_ms = round(offset_ms, 3)
        self.ingest.note_clock_offset(feed, offset_ms, now)

    def _info_files(self, symbols: Mapping[str, SymbolInfo]) -> dict[str, str]:
        self.info.symbols = dict(symbols)
        self.info.trades = self.ingest.trade_holes.known
        self.info.tracks = self.ingest.coverage.tracks
        return {layout.SESSION_INFO: encode_info(self.info).decode()}

    def close(self, now: int) -> None:
        """Write the rest and state how the recording ended.

        Raises `IncompleteRecording` if anything was lost.
        """
        self._writer.lift_bound()  # for the last batch, which says what was lost
        self.ingest.finish(now)
        self._writer.stop()
        writer, failure = self._writer, self._writer.failure
        lost = self.ingest.lost + writer.lost_messages
        whole = not (lost or failure or writer.lost_bytes)
        self.info.symbols = self.ingest.tables.symbols
        self.info.end, self.info.clean_stop = time_cell(now), whole
        self.info.lost += lost
        self.info.without_rows += self.ingest.pause.without_rows(self.ingest.next_seq)
        self.info.last_seq = self.ingest.next_seq - 1
        messages = self.ingest.next_seq - 1
        if writer.lost_messages:
            self.ingest.cover_gap(now)
        self.ingest.cover_all(now)
        kept = 1 - self.info.lost / messages if messages else 1.0
        self.info.coverage = self.ingest.coverage.percents(now, kept=kept)
        self.info.trades = self.ingest.trade_holes.known
        self.info.tracks = self.ingest.coverage.tracks
        self.info.verdict = self._verdict(lost)
        self.info.missing = sorted({*self.info.missing, *self.ingest.rejections})
        try:
            self.info.files = file_integrity.seal_files(self.folder.path)
            self.folder.write_info(self.info)
        except OSError as error:  # the disk is still full: `end` stays open in the file
            whole, failure = False, failure or error
        if not whole:
            reason = failure or self._writer.trouble or "the writer was too slow"
            raise IncompleteRecording(self.folder.path, lost, self._writer.lost_bytes, reason)
        if left := self._writer.tables_lost_bytes:
            why = self._writer.tables_failure or "the disk is full"
            raise IncompleteTables(self.folder.path, left, why)

    def _verdict(self, lost: int) -> Verdict:
        """Return what the recording is worth, as far as its recorder knows."""
        ingest, writer = self.ingest, self._writer
        if ingest.messages + ingest.first_seq - 1 <= lost or not ingest.coverage.known:
            return Verdict.EMPTY
        if (
            self.info.without_rows
            or ingest.pause.without_rows(ingest.next_seq)
            or writer.tables_lost_bytes
        ):
            return Verdict.TABLES_MISSING
        if writer.failure or writer.lost_bytes:
            return Verdict.INCOMPLETE_END
        gaps = ingest.gaps - ingest.coverage.closed_gaps, ingest.trade_holes.missing
        whole = not any((*gaps, self.info.lost, self.info.missing, ingest.rejections))
        return Verdict.COMPLETE if whole else Verdict.GAPS


def _resume(folder: SessionFolder, info: SessionInfo) -> SessionInfo:
    """Cut off what a crash left torn; let `info` go on from the earlier recording's, returned.

    Raises:
        OtherExchange: The earlier recording is of another address.
    """
    before = read_info(folder.path)
    recorded, address = before.urls.get("public"), info.urls.get("public")
    if recorded and address and recorded != address:
        raise OtherExchange(folder.path, recorded, address)
    for torn in repair.find_torn(folder.path):
        repair.cut(torn)
    info.start = before.start
    info.lost += before.lost
    info.without_rows += before.without_rows
    info.missing = before.missing
    # Stated at the end alone is what it knew of trades then.
    stated = before.end is not None and before.trades
    info.trades = before.trades if stated else last_trades(folder.path, before.trades)
    info.urls = before.urls | info.urls
    info.symbols = before.symbols | info.symbols
    return before


@contextmanager
def record_into(
    path: Path,
    info: SessionInfo,
    *,
    form: Format = Format.CSV,
    compress: bool = True,
    clock: Callable[[], int] = time.time_ns,
    joined: JoinedState | None = None,
    private: bool = False,
) -> Iterator[RecordingSession]:
    """Record into a new folder, or go on in one that holds a recording, until the block ends.

    Args:
        path: The folder.
        info: What is known at the start.
        form: Form of the tables beside the raw log.
        compress: Compress the tables of hours that are over.
        clock: Returns the time, ns since the Unix epoch.
        joined: The state of the running feed that is recorded: written before all else.
        private: Whether the account is recorded too, so that all files are the owner's alone.

    Raises:
        RecordError: The folder cannot be used.
        OtherExchange: It holds a recording of another exchange.
        IncompleteRecording: At the end, if anything was lost.
    """
    with SessionFolder.hold(path, private=private) as folder:
        before = _resume(folder, info) if folder.resumed else None
        info.host = info.host or socket.gethostname()
        folder.write_info(info)
        if not folder.exists(README):
            with suppress(OSError):  # a full disk; it explains, and holds no data
                folder.replace(README, markdown().encode())
        # Parquet takes the place of CSV when an hour is over.
        market, compress = form is not Format.SQLITE, compress and form is Format.CSV
        sinks: list[BatchSink] = [CsvTables(folder, market=market, compress=compress)]
        if form is Format.SQLITE:
            sinks.append(SqliteTables(folder))
        session = RecordingSession(
            folder,
            info,
            sinks,
            clock(),
            after=0 if before is None else before.last_seq or 0,
            before=before,
        )
        try:
            if joined is not None:
                session.begin(joined)
            yield session
        finally:
            session.close(clock())
