"""Choice of the files to read, so that each row is read once, wherever it is stored twice.

A recording may be part Parquet and part CSV, and after a conversion it is both. Parquet is
read first. A message is wholly in one file or wholly not in it, and messages are numbered, so
of the recorder's own files only the messages that no Parquet file covers are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from kracked.frames.read.file_extents import extent
from kracked.frames.read.file_forms import reporting_damage
from kracked.frames.read.query import TableQuery
from kracked.frames.read.table_files import parquet_files, recorder_files


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
            found_in = extent(file, table)
        if found_in is None:
            continue
        touched = tuple(
            one for one in known if one.first <= found_in.last and one.last >= found_in.first
        )
        inside = all(found_in.first <= one.first and one.last <= found_in.last for one in touched)
        if not (inside and sum(one.rows for one in touched) == found_in.rows):
            found.append(SelectedFile(file, touched))
    return found
