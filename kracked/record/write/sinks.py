"""Where a recorder's bytes end up: files that are only ever added to.

A store takes a batch in three steps, so that a full disk tears nothing: `prepare`
opens and closes files, `write` keeps the bytes in memory, `flush` moves them to the
file. The first and the last may raise `OSError` and be tried again, any number of
times; bytes already taken by the file are never written twice.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, Protocol

from kracked import times
from kracked.format import frame, layout, tables
from kracked.format.cells import named_rows
from kracked.format.layout import HOUR_NS, RAW_FOLDER
from kracked.format.lazy_text import PAUSE_S, LazyText, Text, render
from kracked.record.write.hour_compression import HourCompressor
from kracked.record.write.session_folder import SessionFolder

_ONE_FILE = frozenset(table.name for table in tables.RECORDER)


class Chunk(NamedTuple):
    """Lines that become one frame of the raw log."""

    kind: frame.FrameKind
    received: tuple[int, int]
    """Of the first and the last line."""
    seq: int
    """Of the first line."""
    lines: Sequence[bytes] | LazyText
    """A picture of a book is one line, made when it is written."""


class WriteBatch(NamedTuple):
    """What the event loop hands to the writer, some ten times a second."""

    received: int
    """Its first message's time: decides which hour it belongs to."""
    size: int
    """About the bytes it keeps in memory."""
    segment: str
    """The raw log's file, without folder and suffix."""
    chunks: Sequence[Chunk]
    rows: Mapping[str, Sequence[Text]]
    """Whole lines of each table, by its name."""
    files: Mapping[str, Text] = MappingProxyType({})
    """Small files to replace whole, by name."""


class BatchSink(Protocol):
    """One form a recording takes on disk."""

    def prepare(self, batch: WriteBatch) -> None: ...
    def write(self, batch: WriteBatch) -> None: ...
    def flush(self) -> None: ...
    def sync(self) -> None: ...
    def drop_pending(self) -> int:
        """Give up what does not fit, leaving whole rows behind; how many bytes that were."""
        ...

    def close(self) -> None: ...
    def do_idle_work(self) -> bool:
        """One small piece of work that can wait; False when there is none."""
        ...


class AppendFile:
    """A file that grows by whole rows or frames, whatever the disk does in between."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._pending = b""
        self._whole = os.fstat(handle).st_size
        self._dirty = False

    @property
    def size(self) -> int:
        """Bytes of the file, those not yet written included."""
        return self._whole + len(self._pending)

    def append(self, data: bytes) -> None:
        self._pending += data

    def flush(self) -> None:
        """Write what is pending. On `OSError` the rest stays pending."""
        while self._pending:
            # A nearly full disk takes a part and says nothing.
            written = os.write(self._handle, self._pending)
            self._pending = self._pending[written:]
            self._dirty = True
            if not self._pending:
                self._whole = os.fstat(self._handle).st_size

    def sync(self) -> None:
        if self._dirty:
            os.fdatasync(self._handle)
            self._dirty = False

    def drop_pending(self) -> int:
        lost = len(self._pending)
        self._pending = b""
        if lost and os.fstat(self._handle).st_size > self._whole:
            os.ftruncate(self._handle, self._whole)
        return lost

    def close(self) -> None:
        self.flush()
        self.sync()
        os.close(self._handle)


class RawLogSink:
    """The exchange's words, as frames, in one file per segment."""

    def __init__(self, folder: SessionFolder) -> None:
        self._folder = folder
        self._segment = ""
        self._file: AppendFile | None = None
        folder.make_folder(RAW_FOLDER)

    def bytes_of(self, segment: str) -> int:
        """Size of a segment, while it is the one that is written; may be asked by any thread."""
        file = self._file
        return file.size if file and segment == self._segment else 0

    def prepare(self, batch: WriteBatch) -> None:
        if batch.segment == self._segment or not batch.chunks:
            return
        if self._file:
            self._file.close()
            self._file = None
        self._file = AppendFile(self._folder.open_to_append(layout.log_file(batch.segment)))
        self._segment = batch.segment

    def write(self, batch: WriteBatch) -> None:
        for kind, received, seq, lines in batch.chunks:
            assert self._file is not None
            if isinstance(lines, LazyText):
                lines = [render([lines], pause_s=PAUSE_S).encode()]  # noqa: PLW2901
            self._file.append(
                frame.pack(lines, kind=kind, count=len(lines), received=received, seq=seq)
            )

    def flush(self) -> None:
        if self._file:
            self._file.flush()

    def sync(self) -> None:
        if self._file:
            self._file.sync()

    def drop_pending(self) -> int:
        return self._file.drop_pending() if self._file else 0

    def close(self) -> None:
        if self._file:
            self._file.close()
            self._file = None

    def do_idle_work(self) -> bool:
        return False


class CsvTables:
    """A CSV file per table; those that grow with the market are closed every hour."""

    def __init__(
        self, folder: SessionFolder, *, market: bool = True, compress: bool = True
    ) -> None:
        """Without `market` only the tables about the recording itself are kept.

        With `compress` closed hours are compressed, when there is time.
        """
        self._folder = folder
        self._market = market
        self._closed = HourCompressor(folder) if compress else None
        self._files: dict[str, AppendFile] = {}
        self._hours: dict[str, int] = {}

    def prepare(self, batch: WriteBatch) -> None:
        hour = batch.received // HOUR_NS
        for name in self._kept(batch):
            if name not in self._files:
                self._open(name, hour)
            if name not in _ONE_FILE and self._hours[name] != hour:
                self._rotate(name)
                self._open(name, hour)

    def write(self, batch: WriteBatch) -> None:
        for name in self._kept(batch):
            self._files[name].append(render(batch.rows[name], pause_s=PAUSE_S).encode())

    def _kept(self, batch: WriteBatch) -> list[str]:
        return [name for name in batch.rows if self._market or name in _ONE_FILE]

    def flush(self) -> None:
        for file in self._files.values():
            file.flush()

    def sync(self) -> None:
        for file in self._files.values():
            file.sync()

    def drop_pending(self) -> int:
        return sum(file.drop_pending() for file in self._files.values())

    def close(self) -> None:
        while self._files:
            _, file = self._files.popitem()
            file.close()

    def do_idle_work(self) -> bool:
        return self._closed.do_idle_work() if self._closed else False

    def _open(self, name: str, hour: int) -> None:
        handle = self._folder.open_to_append(layout.table_file(name))
        table = tables.named(name)
        file = self._files[name] = AppendFile(handle)
        self._hours[name] = hour if name in _ONE_FILE else _first_hour(handle) or hour
        if not file.size:
            file.append(f"{table.header}\n".encode())

    def _rotate(self, name: str) -> None:
        """Close the file under its hour's name: `trades-20241112T06Z.csv`."""
        self._files[name].flush()
        self._files[name].sync()
        number, exists = 0, self._folder.exists
        while exists(closed := layout.closed_hour(name, self._hours[name], number)) or exists(
            layout.compressed(closed)
        ):
            number += 1
        self._folder.rename(layout.table_file(name), closed)
        self._files.pop(name).close()
        if self._closed:
            self._closed.waiting.append(closed)


def _first_hour(handle: int) -> int | None:
    """The hour of a table's first row, None without rows."""
    start = os.pread(handle, 4096, 0).decode(errors="replace")
    row = next(named_rows(start.splitlines()), None)
    received = row and row.get("ts_recv")
    return times.parse_ns(received) // HOUR_NS if received else None
