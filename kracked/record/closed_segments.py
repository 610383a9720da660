"""The Parquet tables of a recording, made of its closed segments in place of their CSV.

A Parquet file can be read only when it is whole, so the hour under way is CSV. Another process
makes Parquet of what is over, where it costs the event loop of the recorder nothing, and removes
the CSV of which every row is in Parquet then. The end of a recording waits for it a moment only:
until it is done the rows are in CSV.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from kracked.format import layout, tables
from kracked.format.layout import FileHour
from kracked.format.tables import Table
from kracked.record.convert import convert
from kracked.record.write.session import Format
from kracked.record.write.session_folder import FolderInUse, SessionFolder

log = logging.getLogger(__name__)

_LOOK_FOR_CLOSED_S = 60.0
_END_WAITS_S = 0.8
_POLL_S = 0.02
_REPLACE = """
import os, sys
from pathlib import Path
os.nice(10)
from kracked.record.closed_segments import replace_tables
replace_tables(Path(sys.argv[1]))
"""


@asynccontextmanager
async def tables_of_closed_segments(path: Path, form: Format) -> AsyncIterator[None]:
    """Make the Parquet tables of every segment that is closed, until the block ends."""
    if form is not Format.PARQUET:
        yield
        return
    making = asyncio.ensure_future(_make_tables_again_and_again(path))
    try:
        yield
    finally:
        making.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await making


async def _make_tables_again_and_again(path: Path) -> None:
    made = 1
    while True:
        await asyncio.sleep(_LOOK_FOR_CLOSED_S)
        segments = len(await asyncio.to_thread(layout.logs, path))
        if segments > made:
            await make_tables_so_far(path)
            made = segments


async def make_tables_so_far(path: Path) -> None:
    """Make the Parquet tables of a growing recording's closed segments, in another process.

    There it costs the event loop nothing. Cancelled it leaves whole files only, and
    `kracked convert` goes on with them.
    """
    process = _start(path)
    try:
        while process.poll() is None:  # noqa: ASYNC110  nothing announces it
            await asyncio.sleep(_POLL_S)
        if process.returncode:
            log.warning("tables of closed hours were not made", extra={"path": str(path)})
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()


def finish_tables(path: Path) -> int:
    """Make the Parquet tables of a recording that has ended, and wait for them a moment.

    Returns:
        The process that still makes them; 0 if they are done, or could not be made: then the
        CSV stays.
    """
    process = _start(path)
    waiting = threading.Thread(target=process.wait, daemon=True)  # it may outlive this program
    waiting.start()
    waiting.join(_END_WAITS_S)
    if process.poll() is None:
        return process.pid
    if process.returncode:
        log.warning("tables were not made: the rows are in CSV", extra={"path": str(path)})
    return 0


def _start(path: Path) -> subprocess.Popen[bytes]:
    """Start a process that replaces the tables, and does not end with this one."""
    return subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", _REPLACE, str(path)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def replace_tables(path: Path) -> None:
    """Make Parquet of every segment that is closed, and remove the CSV that it has whole.

    The CSV of an hour stays if Parquet has fewer rows of it.
    """
    convert(path)
    try:
        with SessionFolder.hold(path) as folder:
            for file in _replaced(path, layout.table_files(path), by_hour=False):
                file.unlink()
            folder.sync()
    except FolderInUse:
        growing = layout.log_hour(layout.logs(path)[-1])
        hours = {file: layout.hour_of(file) for file in layout.table_files(path)}
        over = [file for file, hour in hours.items() if hour and hour.begin < growing]
        for file in _replaced(path, over, by_hour=True):
            file.unlink()


def _replaced(path: Path, files: Iterable[Path], *, by_hour: bool) -> list[Path]:
    """Return the CSV files of which Parquet has every row, table by table, or hour by hour."""
    groups: defaultdict[tuple[str, int], list[Path]] = defaultdict(list)
    for file in files:
        table, hour = layout.table_of(file), layout.hour_of(file) if by_hour else None
        if table is not None and table not in tables.RECORDER and file.suffix == ".csv":
            groups[table.name, hour.begin if hour else 0].append(file)
    found: list[Path] = []
    for (name, begin), group in groups.items():
        rows = sum(map(_rows, group))
        if 0 < rows <= _parquet_rows(path, tables.named(name), begin if by_hour else None):
            found += group
    return found


def _rows(file: Path) -> int:
    """Return the rows of a CSV file, without its header."""
    with file.open("rb") as text:
        return sum(block.count(b"\n") for block in iter(lambda: text.read(1 << 20), b"")) - 1


def _parquet_rows(path: Path, table: Table, begin: int | None) -> int:
    """Return the rows that Parquet has of a table, all or those of the hour that begins then."""
    import pyarrow.parquet as pq  # noqa: PLC0415

    hive = path / layout.PARQUET_FOLDER / layout.channel_folder(table)
    symbol = tables.wide_symbol(table.name)
    pair = layout.pair_folder(symbol) if symbol else "pair=*"
    parts = hive.glob(f"date=*/{pair}/*.parquet")
    mine = (part for part in parts if begin in (None, (layout.hour_of(part) or _NEVER).begin))
    return sum(pq.read_metadata(part).num_rows for part in mine)


_NEVER = FileHour(-1, 0)
