"""Sinks of a recording: files that are only ever appended to.

A sink takes a batch in three steps, so that a full disk tears nothing: `prepare` opens and
closes files, `write` keeps the bytes in memory, `flush` moves them to the file. The first and
the last may raise `OSError` and be called again, any number of times; bytes already in the
file are never written twice.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from types import MappingProxyType
from typing import NamedTuple, Protocol

from kracked import times
from kracked.format import frame, layout, tables
from kracked.format.cells import named_rows
from kracked.format.layout import HOUR_NS, RAW_FOLDER
from kracked.format.lazy_text import PAUSE_S, LazyText, Text, render
from kracked.record.write.hour_compression import HourCompressor
from kracked.record.write.session_folder import SessionFolder

_SYNCED_TOGETHER = 16
ONE_FILE = frozenset(table.name for table in tables.RECORDER)
"""Tables about the recording itself: one CSV file each, whatever the form of the others."""


class Chunk(NamedTuple):
    """Lines that become one frame of the raw log."""

    kind: frame.FrameKind
    received: tuple[int, int]
    """Times of the first and the last line, ns since the Unix epoch."""
    seq: int
    """Number of the first line's message."""
    line_count: int
    lines: Sequence[bytes] | LazyText
    """Blocks of whole lines. A book's snapshot is one line, made when it is written."""


class WriteBatch(NamedTuple):
    """Everything gathered since the last batch; there are some sixteen a second."""

    received: int
    """When it was handed over, ns since the Unix epoch: decides which hour it belongs to."""
    size: int
    """Approximate bytes in memory."""
    segment: str
    """The raw log's segment."""
    chunks: Sequence[Chunk]
    rows: Mapping[str, Sequence[Text]]
    """Whole lines of each table, by its name."""
    files: Mapping[str, Text] = MappingProxyType({})
    """Small files to replace whole, by name."""
    raw_size: int = 0
    """Bytes of `size` that are the raw log's."""

    @property
    def messages(self) -> int:
        """Messages of the exchange in it."""
        data = frame.FrameKind.DATA
        return sum(chunk.line_count for chunk in self.chunks if chunk.kind is data)


class DroppedBatches(NamedTuple):
    """Batches in a row that the writer has refused."""

    at: int
    """When the last of them was handed over, ns since the Unix epoch."""
    seq: int
    """Number of the last message in them."""
    lost: int
    """How many messages were in them."""


class BatchSink(Protocol):
    """One form of a recording on disk."""

    def prepare(self, batch: WriteBatch) -> None:
        """Open and close files for a batch. May raise `OSError` and be called again."""

    def write(self, batch: WriteBatch) -> None:
        """Keep a batch in memory."""

    def flush(self) -> None:
        """Move everything in memory to the files. May raise `OSError` and be called again."""

    def sync(self) -> None:
        """Wait until everything flushed is on the disk."""

    def drop_pending(self) -> int:
        """Give up what could not be flushed; files end with whole rows. Return its bytes."""
        ...

    def close(self) -> None:
        """Flush, sync and close."""

    def do_idle_work(self) -> bool:
        """Do one small piece of work that can wait; return False when there is none."""
        ...


class AppendFile:
    """A file that grows by whole rows or frames, even when the disk is full in between."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._pending = b""
        self._whole = os.fstat(handle).st_size
        self._dirty = False

    @property
    def size(self) -> int:
        """Bytes of the file, unwritten ones included."""
        return self._whole + len(self._pending)

    def append(self, data: bytes) -> None:
        """Add bytes in memory."""
        self._pending += data

    def flush(self) -> None:
        """Write the bytes in memory. On `OSError` the rest stays there."""
        while self._pending:
            # A nearly full disk takes a part and reports no error.
            written = os.write(self._handle, self._pending)
            self._pending = self._pending[written:]
            self._dirty = True
            if not self._pending:
                self._whole = os.fstat(self._handle).st_size

    def sync(self) -> None:
        """Wait until the written bytes are on the disk."""
        if self._dirty:
            self._dirty = False  # before: another thread may write meanwhile
            try:
                os.fdatasync(self._handle)
            except OSError:
                self._dirty = True
                raise

    def drop_pending(self) -> int:
        """Drop the bytes in memory, and cut the file back to what was whole; return how many."""
        lost = len(self._pending)
        self._pending = b""
        if lost and os.fstat(self._handle).st_size > self._whole:
            os.ftruncate(self._handle, self._whole)
        return lost

    def close(self) -> None:
        """Flush, sync and close."""
        self.flush()
        self.sync()
        os.close(self._handle)


class RawLogSink:
    """The raw log: frames, in one file per segment. Any thread may `sync` it."""

    def __init__(self, folder: SessionFolder) -> None:
        self._folder = folder
        self._closing = Lock()
        """Held while the file is waited for or closed."""
        self._segment = ""
        self._file: AppendFile | None = None
        folder.make_folder(RAW_FOLDER)

    def bytes_of(self, segment: str) -> int:
        """Return the size of the segment being written, 0 of any other. Thread-safe."""
        file = self._file
        return file.size if file and segment == self._segment else 0

    def prepare(self, batch: WriteBatch) -> None:
        """Open the batch's segment, and close the one before."""
        if batch.segment == self._segment or not batch.chunks:
            return
        self.close()
        self._file = AppendFile(self._folder.open_to_append(layout.log_file(batch.segment)))
        if not self._file.size:
            self._file.append(frame.OPENING)
        self._segment = batch.segment

    def write(self, batch: WriteBatch) -> None:
        """Keep the batch's chunks as frames."""
        for kind, received, seq, count, lines in batch.chunks:
            assert self._file is not None
            if isinstance(lines, LazyText):
                lines = [render([lines], pause_s=PAUSE_S).encode()]  # noqa: PLW2901
            self._file.append(frame.pack(lines, kind=kind, count=count, received=received, seq=seq))

    def flush(self) -> None:
        """Write the frames."""
        if self._file:
            self._file.flush()

    def sync(self) -> None:
        """Wait until the frames are on the disk."""
        with self._closing:
            if self._file:
                self._file.sync()

    def drop_pending(self) -> int:
        """Drop the frames that could not be written; return their bytes."""
        return self._file.drop_pending() if self._file else 0

    def close(self) -> None:
        """Close the segment."""
        with self._closing:
            if self._file:
                self._file.close()
                self._file = None

    def do_idle_work(self) -> bool:
        """Do nothing."""
        return False


class CsvTables:
    """A CSV file per table; those that grow with the market are closed every hour."""

    def __init__(
        self, folder: SessionFolder, *, market: bool = True, compress: bool = True
    ) -> None:
        """Keep tables in a folder.

        Args:
            folder: The recording's.
            market: Keep the tables of the market and the account; else only those about the
                recording itself.
            compress: Compress closed hours when there is time.
        """
        self._folder = folder
        self._market = market
        self._compressor = HourCompressor(folder) if compress else None
        self._files: dict[str, AppendFile] = {}
        self._hours: dict[str, int] = {}

    def prepare(self, batch: WriteBatch) -> None:
        """Open the files of the batch's tables, and close those of an hour that is over."""
        hour = batch.received // HOUR_NS
        for name in self._tables_in(batch):
            if name not in self._files:
                self._open(name, hour)
            if name not in ONE_FILE and self._hours[name] != hour:
                self._rotate(name)
                self._open(name, hour)

    def write(self, batch: WriteBatch) -> None:
        """Keep the batch's rows."""
        for name in self._tables_in(batch):
            self._files[name].append(render(batch.rows[name], pause_s=PAUSE_S).encode())

    def _tables_in(self, batch: WriteBatch) -> list[str]:
        return [name for name in batch.rows if self._market or name in ONE_FILE]

    def flush(self) -> None:
        """Write the rows."""
        for file in self._files.values():
            file.flush()

    def sync(self) -> None:
        """Wait until the rows are on the disk."""
        # Each wait is one of the journal: together hundreds of files take as long as a few.
        with ThreadPoolExecutor(_SYNCED_TOGETHER) as pool:
            for _ in pool.map(AppendFile.sync, self._files.values()):
                pass

    def drop_pending(self) -> int:
        """Drop the rows that could not be written; return their bytes."""
        return sum(file.drop_pending() for file in self._files.values())

    def close(self) -> None:
        """Close every file."""
        while self._files:
            _, file = self._files.popitem()
            file.close()

    def do_idle_work(self) -> bool:
        """Compress a little of a closed hour."""
        return self._compressor.do_idle_work() if self._compressor else False

    def _open(self, name: str, hour: int) -> None:
        handle = self._folder.open_to_append(layout.table_file(name))
        table = tables.named(name)
        file = self._files[name] = AppendFile(handle)
        self._hours[name] = hour if name in ONE_FILE else _first_hour(handle) or hour
        if not file.size:
            file.append(f"{table.header}\n".encode())

    def _rotate(self, name: str) -> None:
        """Close a table's file and give it the name of its hour."""
        self._files[name].flush()
        self._files[name].sync()
        number, exists = 0, self._folder.exists
        while exists(closed := layout.closed_hour(name, self._hours[name], number)) or exists(
            layout.compressed(closed)
        ):
            number += 1
        self._folder.rename(layout.table_file(name), closed)
        self._files.pop(name).close()
        if self._compressor:
            self._compressor.waiting.append(closed)


def _first_hour(handle: int) -> int | None:
    """Return the hour of a table's first row; None without rows."""
    start = os.pread(handle, 4096, 0).decode(errors="replace")
    row = next(named_rows(start.splitlines()), None)
    received = row and row.get("ts_recv")
    return times.parse_ns(received) // HOUR_NS if received else None
