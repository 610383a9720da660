"""Which files to read, and of which rows: each row once, wherever it is kept twice.

A recording may be part Parquet and part CSV, and after a conversion it is both. Parquet
is read first. A message is wholly in one file or wholly not in it, and messages are
numbered, so of the live files only those are left whose numbers no Parquet file covers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from kracked.frames.read import open_files
from kracked.frames.read.query import TableQuery
from kracked.frames.read.table_files import parquet_files, recorder_files


class MessageSpan(NamedTuple):
    """From the first message to the last of which a Parquet file holds every row."""

    symbol: str
    """Empty for all."""
    first: int
    """The recorder's number of a message, rising through a recording."""
    last: int
    rows: int


class SelectedFile(NamedTuple):
    """A file to be read."""

    path: Path
    read_elsewhere: tuple[MessageSpan, ...] = ()
    """Messages that it holds too, but that are read from another file."""


def select_files(
    path: Path, query: TableQuery, spans: Callable[[Iterable[Path]], Sequence[MessageSpan]]
) -> list[SelectedFile]:
    """The files of one folder, or the file itself; `spans` looks into Parquet files."""
    table, start, end = query.table, query.start, query.end
    parts = parquet_files(path, table, query.symbols, start=start, end=end)
    found = [SelectedFile(part) for part in parts]
    lively = recorder_files(path, table, start=start, end=end)
    if not (parts and lively):
        return found or [SelectedFile(file) for file in lively]
    # Of all parts: what a live file holds may be in those that are not wanted.
    known = spans(parquet_files(path, table))
    for file in lively:
        with open_files.reporting_damage(file):
            extent = open_files.extent(file, table)
        if extent is None:
            continue
        touched = tuple(
            one for one in known if one.first <= extent.last and one.last >= extent.first
        )
        inside = all(extent.first <= one.first and one.last <= extent.last for one in touched)
        if not (inside and sum(one.rows for one in touched) == extent.rows):
            found.append(SelectedFile(file, touched))
    return found
