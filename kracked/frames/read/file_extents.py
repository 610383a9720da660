"""The messages of which a file that the recorder wrote has rows."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from kracked.errors import RecordError
from kracked.format.cells import split_row
from kracked.format.tables import Table
from kracked.frames.read.database_rows import extent_of
from kracked.frames.read.file_forms import FileForm, form_of
from kracked.frames.read.losses import Losses
from kracked.frames.read.table_text import TableText

_PIECE = 1 << 20


class Extent(NamedTuple):
    """Numbers of the first and the last message in a file, and its rows."""

    first: int
    last: int
    rows: int


def extent(path: Path, table: Table) -> Extent | None:
    """Return the messages and rows of a table in a file; None if it has none.

    Raises `RecordError` for a file that does not number its messages.
    """
    if form_of(path) is FileForm.DATABASE:
        found = extent_of(path, table)
        return Extent(*found) if found else None
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
    return Extent(first_seq, last_seq, rows)
