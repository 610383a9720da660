"""The last message that any table of a recording has, found without reading the tables."""

from __future__ import annotations

import io
from pathlib import Path

from kracked.format import frame, layout, tables
from kracked.format.cells import split_row
from kracked.format.frame import Frame, FrameKind, mapped
from kracked.frames.read.database_rows import last_message
from kracked.frames.read.table_files import databases
from kracked.frames.read.table_text import TableText

_TAIL = 1 << 20


def newest_message(path: Path) -> int:
    """Return the number of the last message of which a table in a folder has rows; 0 if none.

    A closed hour has every message of its hour, and a Parquet part those of its segment.
    """
    growing = [path / layout.table_file(table.name) for table in tables.MARKET]
    wide = (path / layout.table_file(tables.wide(one).name) for one in layout.wide_books(path))
    found = [_last_in_text(file) for file in (*growing, *wide) if file.exists()]
    found += [last_message(file) for file in databases(path)]
    found.append(_last_in_closed(path))
    return max(found)


def _last_in_text(file: Path) -> int:
    """Return the number of the last whole row of a CSV file; 0 without one."""
    with TableText(file) as text:
        names = text.first.cells
    if "seq" not in names:
        return 0
    with file.open("rb") as rows:
        size = rows.seek(0, io.SEEK_END)
        rows.seek(max(0, size - _TAIL))
        lines = rows.read().split(b"\n")[:-1]
    for line in reversed(lines):
        cells = split_row(line.decode(errors="replace"))
        if len(cells) == len(names) and (cell := cells[names.index("seq")]).isdecimal():
            return int(cell)
    return 0


def _last_in_closed(path: Path) -> int:
    """Return the number of the last message of the closed hours and the Parquet parts."""
    hours = [hour.begin for file in layout.table_files(path) if (hour := layout.hour_of(file))]
    parts = {file.stem.removeprefix("part-") for file in path.glob("parquet/**/*.parquet")}
    for log in reversed(layout.logs(path)):
        began = layout.log_hour(log)
        if layout.segment_of(log) in parts or (hours and began <= max(hours)):
            return _last_in_log(log)
    return 0


def _last_in_log(log: Path) -> int:
    with mapped(log) as data:
        ends = [
            found.first_seq + found.lines - 1
            for found in frame.scan(data, verify=False)
            if isinstance(found, Frame) and found.kind is FrameKind.DATA
        ]
    return max(ends, default=0)
