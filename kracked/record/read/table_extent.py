"""The part of its raw log that the tables of a recording lack.

It looks at the newest row of each table and at the names of Parquet parts, and reads no table
through: rows that were taken out of the middle of a file are found by its seal.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from kracked import times
from kracked.format import cells, layout, sqlite
from kracked.format.layout import HOUR_NS
from kracked.format.raw_census import TABLE_OF, Census, ChannelCensus
from kracked.format.session_info import SessionInfo
from kracked.format.tables import Table

_LATE_NS = 5 * times.NS_PER_S
"""Rows that end this long before the messages do are missing: a kill costs a second of them."""
_TAIL = 1 << 16


def missing_tables(folder: Path, info: SessionInfo, census: Census) -> Iterator[str]:
    """Yield a sentence for each table that lacks rows of messages in the raw log."""
    if info.without_rows:
        yield f"{info.without_rows} messages have no rows: the tables had stopped"
    by_channel: dict[str, ChannelCensus] = {}
    for (channel, _), each in census.items():
        whole = by_channel.setdefault(channel, ChannelCensus())
        whole.messages += each.messages
        whole.last_received = max(whole.last_received, each.last_received)
        whole.segments |= each.segments
    for channel, each in by_channel.items():
        yield from _missing(folder, TABLE_OF[channel], each)


def _missing(folder: Path, table: Table, raw: ChannelCensus) -> Iterator[str]:
    hive = folder / layout.PARQUET_FOLDER / layout.channel_folder(table)
    found = hive.glob("date=*/pair=*/part-*.parquet")
    parts = {part.stem.removeprefix("part-") for part in found}
    last = max(_last_times(folder, table), default=None)
    if last is None and not parts:
        yield f"{table.name}: no rows, though the raw log has {raw.messages} messages of it"
    elif last is None and (without := raw.segments - parts):
        yield f"{table.name}: no rows of {', '.join(sorted(without))}"
    elif last is not None and raw.last_received - last > _LATE_NS and raw.segments - parts:
        lack_s = (raw.last_received - last) / times.NS_PER_S
        yield f"{table.name}: its rows end {lack_s:.0f} s before the messages"


def _last_times(folder: Path, table: Table) -> Iterator[int]:
    """Yield when the last row of each form of a table was received, ns since the Unix epoch."""
    for closed in layout.closed_hours(folder, table)[-1:]:
        if (hour := layout.hour_of(closed)) is not None:
            yield hour.begin + HOUR_NS
    with suppress(FileNotFoundError):
        yield from _last_row(folder / layout.table_file(table.name), table)
    database = folder / layout.DATABASE
    if database.exists():
        query = f'SELECT ts_recv FROM "{table.name}" ORDER BY rowid DESC LIMIT 1'  # noqa: S608
        with suppress(sqlite3.Error), closing(sqlite.open_to_read(database)) as opened:
            for (text,) in opened.execute(query):
                yield from filter(None, [times.try_parse_ns(text or "")])


def _last_row(path: Path, table: Table) -> Iterator[int]:
    """Yield the time of a file's last whole row, if it has one."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _TAIL))
        lines = file.read().decode(errors="replace").split("\n")[:-1]
    at = [column.name for column in table.columns].index("ts_recv")
    for text in reversed(lines):
        with suppress(Exception):
            row = cells.split_row(text)
            if len(row) > at and (moment := times.try_parse_ns(row[at])) is not None:
                yield moment
                return
