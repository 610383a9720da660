"""The rows that the raw log of a recording holds beyond its tables, and the gaps noted in it.

The raw log is the truth, and tables can be behind it: the recorder was killed before it made
them, or a nearly full disk paused them. A loader reads tables, so it asks here what they lack.
"""

from __future__ import annotations

import fcntl
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from kracked import times
from kracked.errors import RecordError
from kracked.format import frame, layout, line, tables
from kracked.format.cells import split_row
from kracked.format.frame import Frame, FrameKind, mapped
from kracked.format.raw_census import TABLE_OF, LoggedFrame, count_frames, frames_of
from kracked.format.session_info import read_table_info
from kracked.format.tables import Table
from kracked.frames.read.database_rows import last_message
from kracked.frames.read.file_forms import reporting_damage
from kracked.frames.read.table_files import Source, databases, paths
from kracked.frames.read.table_text import TableText
from kracked.protocol.events import Gap

CHANNELS = {table.channel: channel for channel, table in TABLE_OF.items()} | {"l2_wide": "book"}
"""The exchange's channel of each table's rows; the rows of other tables are the recorder's."""
_MOST_FRAMES = 4096
"""Frames that are counted, evenly spread: to see that rows are missing takes no more."""
_IN_FLIGHT_NS = 5 * times.NS_PER_S
"""How far the tables of a running recorder may be behind its raw log."""
_TAIL = 1 << 20
"""Bytes of a CSV file in which its last row is looked for."""


class MissingRows(NamedTuple):
    """Messages of a channel that no table has."""

    messages: int
    since: int
    """When the first of them came, ns since the Unix epoch."""
    counted_all: bool

    def __str__(self) -> str:
        count = f"{self.messages}" if self.counted_all else f"more than {self.messages}"
        return f"{count} messages from {times.to_rfc3339(self.since, 0)} on"


def rows_missing(path: Path, table: Table, *, has_files: bool) -> MissingRows | None:
    """Return the messages of a table that its files lack; None without any.

    Only the raw log after the end of all tables is read, which is next to nothing in a sound
    recording; or some of all its frames where there is no file of this table.
    """
    channel = CHANNELS.get(table.channel)
    if channel is None or not (path / layout.RAW_FOLDER).is_dir():
        return None
    with reporting_damage(path):
        after = _newest_message(path) if has_files else 0
    frames = _frames_after(path, after)
    if frames and has_files and _is_being_recorded(path):
        newest = frames[-1].frame.last_received
        frames = [one for one in frames if one.frame.last_received < newest - _IN_FLIGHT_NS]
    step = -(-len(frames) // _MOST_FRAMES) or 1
    census = count_frames(frames[::step], after=after)
    counted = [each for (name, _), each in census.items() if name == channel]
    if not counted:
        return None
    total, since = sum(each.messages for each in counted), min(e.first_received for e in counted)
    return MissingRows(total, since, step == 1)


def _frames_after(path: Path, seq: int) -> Sequence[LoggedFrame]:
    """Return the frames with messages after a number, in order."""
    newest_first: list[list[LoggedFrame]] = []
    for log in reversed(layout.logs(path)):
        frames = [one for one in frames_of(log) if one.frame.kind is FrameKind.DATA]
        newer = [one for one in frames if one.frame.first_seq + one.frame.lines - 1 > seq]
        newest_first.append(newer)
        if len(newer) < len(frames):
            break
    return [one for found in reversed(newest_first) for one in found]


def _is_being_recorded(path: Path) -> bool:
    """Whether a recorder holds the folder right now."""
    info = read_table_info(path)
    if info is None or info.end is not None:
        return False
    try:
        with (path / layout.SESSION_LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _newest_message(path: Path) -> int:
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
        whole_rows = rows.read().split(b"\n")[:-1]
    for row in reversed(whole_rows):
        cells = split_row(row.decode(errors="replace"))
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
            with mapped(log) as data:
                ends = [
                    found.first_seq + found.lines - 1
                    for found in frame.scan(data, verify=False)
                    if isinstance(found, Frame) and found.kind is FrameKind.DATA
                ]
            return max(ends, default=0)
    return 0


def gaps_of(source: Source, symbol: str, channel: str) -> list[tuple[int, int]] | None:
    """Return when the gaps of a symbol's channel that the recorder noted began and ended.

    Times are ns since the Unix epoch. After the end of a recording is a gap too, if another
    follows. Returns None for tables apart from their recording: they tell of none.
    """
    found: list[tuple[int, int]] = []
    for path in paths(source):
        logs = layout.logs(path) if path.is_dir() else []
        if not logs:
            return None
        for log in logs:
            gaps = (gap for gap in gaps_in(log) if gap.channel in ("", channel))
            mine = (gap for gap in gaps if not gap.symbols or symbol in gap.symbols)
            found += [(gap.start, gap.end) for gap in mine]
        with mapped(logs[-1]) as data:
            frames = frame.scan(data, verify=False)
            end = max((one.last_received for one in frames if isinstance(one, Frame)), default=0)
        found.append((end, end + 1))
    return found


def gaps_in(log: Path) -> Iterator[Gap]:
    """Yield the gaps that the recorder noted in a file of its raw log."""
    with mapped(log) as data:
        for found in frame.scan(data, verify=False):
            if not isinstance(found, Frame) or found.kind is not FrameKind.EVENT:
                continue
            try:
                events = [line.decode_event(line.unpack(one)) for one in frame.unpack(data, found)]
            except RecordError:
                continue  # a damaged frame, which `kracked check` tells of
            yield from (event for event in events if isinstance(event, Gap))
