"""Choice of the files to read, so that each row is read once, wherever it is stored twice.

A recording may be part Parquet and part CSV, and after a conversion it is both. Parquet is
read first. A message is wholly in one file or wholly not in it, and messages are numbered, so
of the recorder's own files only the messages that no Parquet file covers are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from kracked.errors import RecordError
from kracked.format.cells import split_row
from kracked.format.tables import Table
from kracked.frames.read.database_rows import extent_of
from kracked.frames.read.file_forms import FileForm, form_of, reporting_damage
from kracked.frames.read.losses import Losses
from kracked.frames.read.query import TableQuery
from kracked.frames.read.table_files import parquet_files, recorder_files
from kracked.frames.read.table_text import TableText

_PIECE = 1 << 20


class MessageSpan(NamedTuple):
    """A span of messages of which a Parquet file has every row."""

    symbol: str
    """Empty for all symbols."""
    first: int
    """The recorder's number of the first message."""
    last: int
    rows: int
    """How many rows they are."""


class SelectedFile(NamedTuple):
    """A file to read."""

    path: Path
    read_elsewhere: tuple[MessageSpan, ...] = ()
    """Messages in it that are read from another file."""


class _Extent(NamedTuple):
    """Numbers of the first and the last message in a file that the recorder wrote, and its rows."""

    first: int
    last: int
    rows: int


def select_files(
    path: Path, query: TableQuery, spans: Callable[[Iterable[Path]], Sequence[MessageSpan]]
) -> list[SelectedFile]:
    """Return the files to read of a folder, or the file itself.

    Args:
        path: The folder or file.
        query: The rows asked for.
        spans: Returns the messages in Parquet files.
    """
    table, start, end = query.table, query.start, query.end
    parts = parquet_files(path, table, query.symbols, start=start, end=end)
    found = [SelectedFile(part) for part in parts]
    written = recorder_files(path, table, start=start, end=end)
    if not (parts and written):
        return found or [SelectedFile(file) for file in written]
    # Of all parts: messages of the recorder's file may be in parts of other symbols or hours.
    known = spans(parquet_files(path, table))
    for file in written:
        with reporting_damage(file):
            found_in = _extent(file, table)
        if found_in is None:
            continue
        touched = tuple(
            one for one in known if one.first <= found_in.last and one.last >= found_in.first
        )
        inside = all(found_in.first <= one.first and one.last <= found_in.last for one in touched)
        if not (inside and sum(one.rows for one in touched) == found_in.rows):
            found.append(SelectedFile(file, touched))
    return found


def _extent(path: Path, table: Table) -> _Extent | None:
    """Return the messages and rows of a table in a file; None if it has none.

    Raises `RecordError` for a file that does not number its messages.
    """
    if form_of(path) is FileForm.DATABASE:
        found = extent_of(path, table)
        return _Extent(*found) if found else None
    with TableText(path) as text:
        names = text.first.cells
        if not names:
            return None
        if "seq" not in names:
            raise RecordError("it does not number its messages; keep it apart from Parquet")
        first = last = b""
        rows = 0
        while piece := text.read_lines(_PIECE):
            lines = piece.strip(b"\n")
            first = first or lines.partition(b"\n")[0]
            last = lines.rpartition(b"\n")[2] or last
            rows += piece.count(b"\n")
        text.damage(Losses(path))
    if not first:
        return None
    at = names.index("seq")
    first_seq, last_seq = (int(split_row(row.decode())[at]) for row in (first, last))
    return _Extent(first_seq, last_seq, rows)
