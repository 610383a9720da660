"""The names of a recording's files: each is made and recognised here, and nowhere else.

    session.json  session.lock  README.md  L2_live_orderbooks.json  recording.sqlite
    raw/20241112T0600Z-00.jsonl.zst                            a segment of the raw log
    trades.csv                                                 a table that grows
    trades-20241112T06Z.csv  trades-20241112T06Z-01.csv.zst    its closed hours
    parquet/channel=l3/date=2024-11-12/pair=BTC-USD/part-20241112T0600Z-00.parquet
    parquet/parts.json

A file of any other name is somebody else's: never read it, change it or remove it. Hours are
those of UTC.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from kracked import times
from kracked.format import tables
from kracked.format.tables import Table

HOUR_NS = 3600 * times.NS_PER_S

SESSION_INFO = "session.json"
SESSION_LOCK = "session.lock"
LIVE_BOOKS = "L2_live_orderbooks.json"
"""The level 2 books as they are now, replaced twice a second."""
DATABASE = "recording.sqlite"
RAW_FOLDER = "raw"
PARQUET_FOLDER = "parquet"
PARTS_INFO = "parts.json"
"""Size and checksum of every part; a file of the Parquet folder."""

_STAMP = r"(\d{8}T\d\d)"
_LOG = re.compile(rf"({_STAMP}\d\dZ)-(\d{{2,}})\.jsonl\.zst")
_TABLE = re.compile(rf"(.+?)(?:-{_STAMP}Z(?:-(\d+))?)?\.csv(?:\.zst)?")
_PART = re.compile(rf"(part)-{_STAMP}\d\dZ-(\d+)\.parquet")


class FileHour(NamedTuple):
    """The hour of a file and its number in it: files sort by both as they were written."""

    begin: int
    """ns since the Unix epoch."""
    number: int
    """0 for the first file of the hour."""


def hour_of(path: Path) -> FileHour | None:
    """Return the hour of a closed table or a Parquet part; None for any other file."""
    match = _TABLE.fullmatch(path.name) or _PART.fullmatch(path.name)
    if match is None or match[2] is None:
        return None
    day, hour = match[2].split("T")
    begin = times.try_parse_ns(f"{day[:4]}-{day[4:6]}-{day[6:]}T{hour}:00:00Z")
    return None if begin is None else FileHour(begin, int(match[3] or 0))


def _stamp(hour: int) -> str:
    """Return an hour, counted from the Unix epoch, as it is written in names: `20241112T06`."""
    return times.to_rfc3339(hour * HOUR_NS, 0)[:13].replace("-", "")


# --- the raw log ---------------------------------------------------------------------


def segment(hour: int, number: int) -> str:
    """Return the name of a segment, without folder and suffix.

    Args:
        hour: Its hour, counted from the Unix epoch.
        number: Its number in the hour, from 0.
    """
    return f"{_stamp(hour)}00Z-{number:02}"


def log_file(segment: str) -> str:
    """Return the file of a segment, relative to the recording's folder."""
    return f"{RAW_FOLDER}/{segment}.jsonl.zst"


def segment_of(log: Path) -> str:
    """Return the name of the segment in a file of the raw log."""
    return log.name.removesuffix(".jsonl.zst")


def logs(folder: Path) -> list[Path]:
    """Return the files of the raw log, sorted by hour and number."""
    return sorted(filter(is_log, folder.glob(f"{RAW_FOLDER}/*")), key=log_order)


def is_log(path: Path) -> bool:
    """Whether a path is a file with the name of a raw log."""
    return _LOG.fullmatch(path.name) is not None and path.is_file()


def log_order(log: Path) -> tuple[str, int]:
    """Return the key that sorts logs: the hour, then the number, so that 100 comes after 11."""
    match = _LOG.fullmatch(log.name)
    return (match[1], int(match[3])) if match else (log.name, 0)


def log_hour(log: Path) -> int:
    """Return when the hour of a raw log begins, ns since the Unix epoch."""
    day, hour = log_order(log)[0].split("T")
    return times.parse_ns(f"{day[:4]}-{day[4:6]}-{day[6:]}T{hour[:2]}:00:00Z")


# --- tables --------------------------------------------------------------------------


def table_file(name: str) -> str:
    """Return the file in which a table grows."""
    return f"{name}.csv"


def closed_hour(name: str, hour: int, number: int) -> str:
    """Return the file of a table's closed hour.

    Args:
        name: Name of the table.
        hour: The hour, counted from the Unix epoch.
        number: 0 for the first file of the hour; a recorder that starts again makes another.
    """
    suffix = f"-{number:02}" if number else ""
    return f"{name}-{_stamp(hour)}Z{suffix}.csv"


def compressed(file: str) -> str:
    """Return the name of a closed hour's file once it is compressed."""
    return f"{file}.zst"


def table_files(folder: Path) -> list[Path]:
    """Return the CSV files of all tables, closed hours and compressed ones included, sorted."""
    return sorted(path for path in folder.glob("*.csv*") if table_of(path) and path.is_file())


def table_of(path: Path) -> Table | None:
    """Return the table in a file, by the file's name; None for any other file."""
    try:
        return tables.named(_table_name(path))
    except KeyError:
        return None


def _table_name(path: Path) -> str:
    match = _TABLE.fullmatch(path.name)
    return match[1] if match else ""


def closed_hours(folder: Path, table: Table) -> list[Path]:
    """Return the files of a table's closed hours, the oldest first.

    An hour that is being compressed exists twice; only the uncompressed file is listed.
    """
    found = {
        file: hour
        for file in folder.glob(f"{table.name}-*.csv*")
        if _table_name(file) == table.name and (hour := hour_of(file)) is not None
    }
    once = [file for file in found if file.suffix != ".zst" or file.with_suffix("") not in found]
    return sorted(once, key=found.__getitem__)


# --- Parquet -------------------------------------------------------------------------


def part_file(table: Table, symbol: str, segment: str) -> str:
    """Return the part with a segment's rows of a table and symbol, relative to the Parquet folder.

    `symbol` is empty for a table without symbols. A segment is of one hour, so of one day.
    """
    day = f"{segment[:4]}-{segment[4:6]}-{segment[6:8]}"
    return f"{channel_folder(table)}/date={day}/{pair_folder(symbol)}/part-{segment}.parquet"


def channel_folder(table: Table) -> str:
    """Return the folder of a table's parts."""
    return f"channel={table.channel}"


def pair_folder(symbol: str) -> str:
    """Return the folder of a symbol's parts."""
    return f"pair={symbol.replace('/', '-') or 'none'}"


def pair_symbol(folder: str) -> str:
    """Return the symbol whose parts are in a folder of this name."""
    return folder.removeprefix("pair=").replace("-", "/")


def wide_books(folder: Path) -> set[str]:
    """Return the symbols of the wide books in a folder, as CSV or as Parquet."""
    files = (*folder.glob("L2_*_orderbook*.csv*"), *folder.glob("L2_*_orderbook.parquet"))
    hive = channel_folder(tables.wide("*"))
    pairs = folder.glob(f"**/{hive}/*/pair=*")
    return {tables.wide_symbol(file.name) for file in files} | {
        pair_symbol(pair.name) for pair in pairs
    }


# --- the folder ----------------------------------------------------------------------


def data_files(folder: Path) -> list[Path]:
    """Return every file with recorded data: logs, tables and the database."""
    database = folder / DATABASE
    return [*logs(folder), *table_files(folder), *([database] if database.exists() else [])]


def unrecognised_files(folder: Path) -> list[str]:
    """Return files that look like the recording's but have a name no recorder gives."""
    ours = {*logs(folder), *table_files(folder)}
    alike = (f"{RAW_FOLDER}/*.jsonl.zst", "*.csv", "*.csv.zst")
    found = {path for pattern in alike for path in folder.glob(pattern)}
    return sorted(str(path.relative_to(folder)) for path in found - ours)


def temporary(file: str) -> str:
    """Return the name a file has until it is whole and replaces the file of that name."""
    return f".{file}.new"


def torn_end(path: Path) -> Path:
    """Return the file to which a repair moves the torn end of another."""
    return path.with_name(f"{path.name}.torn")
