"""Conversion of a recording's raw log into its tables: as Parquet, in Hive folders.

    parquet/channel=l3/date=2024-11-12/pair=BTC-USD/part-20241112T0600Z-00.parquet

There is one part per symbol and segment of the raw log, so converting again adds only what is
new, and a reader of one symbol or day opens only its files. The raw log is not changed.
"""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import msgspec

from kracked.errors import ConfigError, RecordError, says
from kracked.format import keyframe, layout, tables
from kracked.format.cells import is_plain_name, split_row
from kracked.format.frame import FrameKind
from kracked.format.layout import PARTS_INFO
from kracked.format.lazy_text import render
from kracked.format.session_info import FileSeal
from kracked.format.tables import Table
from kracked.protocol import events
from kracked.record import file_integrity
from kracked.record.read.book_rebuilder import BookRebuilder, Recorded
from kracked.record.read.recording import open_recording
from kracked.record.write.session_folder import SessionFolder
from kracked.record.write.table_writer import TableRows

log = logging.getLogger(__name__)

_CHARACTERS_AT_ONCE = 16 * 1024 * 1024


@says("Parquet needs pyarrow: pip install pyarrow")
class NeedsArrow(ConfigError):
    """Parquet is written by pyarrow, which is not installed."""


class PartKey(NamedTuple):
    """The table and symbol of a Parquet file."""

    table: Table
    symbol: str
    """Empty for rows without a symbol."""


def convert(
    path: Path | str, out: Path | str | None = None, *, tell: Callable[[str], None] = log.warning
) -> list[Path]:
    """Write a recording's tables as Parquet and return the files made.

    Files that exist are not made again. The segment that a recorder is writing just now is left
    for later. What a faulty exchange has sent and Parquet cannot hold is left out.

    Args:
        path: The recording's folder.
        out: The folder for `channel=...`; `parquet` in the recording by default.
        tell: Called with a sentence about every file that lacks something.

    Raises:
        NeedsArrow: pyarrow is not installed.
    """
    try:
        from kracked.record.parquet import Part  # noqa: PLC0415
    except ImportError as error:
        raise NeedsArrow from error
    root = Path(out) if out is not None else Path(path) / layout.PARQUET_FOLDER
    made: list[Path] = []
    for segment, batches in _segments(Path(path)):
        parts: dict[PartKey, Part] = {}
        for key, lines in batches:
            if key not in parts:
                parts[key] = Part(
                    root / layout.part_file(key.table, key.symbol, segment), key.table
                )
            parts[key].add(lines)
        written = [part for part in parts.values() if part.write()]
        os.sync()  # once for all: waiting for each of a thousand files takes ten times as long
        for part in written:
            part.place()
        new = [part.path for part in written]
        for part in parts.values():
            if any(part.unread):
                tell(f"{part.path}: {part.unread}")
        _add_seals(root, new)
        made += new
    return made


def read_seals(root: Path) -> dict[str, FileSeal]:
    """Return the seals of the parts in a Parquet folder; older conversions have none."""
    try:
        return msgspec.json.decode((root / PARTS_INFO).read_bytes(), type=dict[str, FileSeal])
    except FileNotFoundError:
        return {}
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RecordError(f"{root / PARTS_INFO} cannot be read: {error}; remove it") from error


def _add_seals(root: Path, parts: Iterable[Path]) -> None:
    """Add the seals of new parts to those of the parts before."""
    new = {str(part.relative_to(root)): file_integrity.seal(part) for part in parts}
    if new:
        aside = root / layout.temporary(PARTS_INFO)
        aside.write_bytes(msgspec.json.format(msgspec.json.encode(read_seals(root) | new)) + b"\n")
        aside.rename(root / PARTS_INFO)


def _segments(path: Path) -> Iterator[tuple[str, Iterator[tuple[PartKey, list[str]]]]]:
    """Yield the complete segments of the raw log, each with its rows in batches."""
    recording = open_recording(path)
    rebuilder, table_rows = BookRebuilder(recording.info()), TableRows(recording.info().symbols)
    growing = SessionFolder.is_held(path) and recording.info().end is None
    complete = {log.name for log in recording.logs[: -1 if growing else None]}
    numbered_frames = enumerate(recording.frame_index)
    for file, numbered in groupby(numbered_frames, key=lambda item: item[1].path):
        frames = [number for number, _ in numbered]
        if file.name in complete:
            rows = _rows_of(recording.read(frames[0], frames[-1] + 1), rebuilder, table_rows)
            yield layout.segment_of(file), rows


def _rows_of(
    entries: Iterator[Recorded], rebuilder: BookRebuilder, rows: TableRows
) -> Iterator[tuple[PartKey, list[str]]]:
    """Yield the rows that the recorder made, or would have made, of these lines."""
    lost = rebuilder.lost
    for kind, entry in entries:
        applied = rebuilder.apply(kind, entry)
        if rebuilder.lost != lost:
            lost = rebuilder.lost
            rows.mark_all_suspect()
        if kind is FrameKind.KEYFRAME and applied:  # its levels do not tell its depth
            rows.add_event(keyframe.subscription(entry.data, entry.received), entry.seq)
        for event in applied:
            if isinstance(event, events.Resync):
                rows.mark_suspect(event.channel, [event.symbol])
            elif isinstance(event, events.Gap):
                rows.mark_gap(event)
            else:
                rows.add_event(event, entry.seq)
        if rows.size > _CHARACTERS_AT_ONCE:
            yield from _take_by_part(rows)
    yield from _take_by_part(rows)


def _take_by_part(rows: TableRows) -> Iterator[tuple[PartKey, list[str]]]:
    """Take the rows gathered so far and yield those of each part."""
    parted: defaultdict[PartKey, list[str]] = defaultdict(list)
    for name, texts in rows.take().items():
        text = render(texts)
        table = tables.named(name)
        if table in tables.RECORDER:
            continue
        names = [column.name for column in table.columns]
        if "symbol" in names:
            at = names.index("symbol")
            for row in text[:-1].split("\n"):
                cells = split_row(row) if '"' in row else row.split(",")
                symbol = cells[at] if len(cells) == len(names) else ""
                # Rows whose symbol cannot name a folder go where those without one go.
                plain = is_plain_name(symbol) and "-" not in symbol
                parted[PartKey(table, symbol if plain else "")].append(f"{row}\n")
        else:
            parted[PartKey(table, tables.wide_symbol(name))].append(text)
    yield from parted.items()
