"""The names of a recording's files: each is made and recognised here, and nowhere else.

    session.json  session.lock  L2_live_orderbooks.json  recording.sqlite
    raw/20241112T0600Z-00.jsonl.zst                      a segment of the raw log
    trades.csv                                           a table, as far as it has grown
    trades-20241112T06Z.csv  trades-20241112T06Z-01.csv.zst    its closed hours
    parquet/channel=l3/date=2024-11-12/pair=BTC-USD/part-20241112T0600Z-00.parquet
    parquet/parts.json

A file with any other name is somebody else's: never read it, change it or remove it. Hours
are those of UTC.
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
"""The level 2 books of this moment, replaced twice a second."""
DATABASE = "recording.sqlite"
RAW_FOLDER = "raw"
PARQUET_FOLDER = "parquet"
PARTS_INFO = "parts.json"
"""In the Parquet folder: size and checksum of every part."""

_STAMP = r"(\d{8}T\d\d)"
_LOG = re.compile(rf"({_STAMP}\d\dZ)-(\d{{2,}})\.jsonl\.zst")
_TABLE = re.compile(rf"(.+?)(?:-{_STAMP}Z(?:-(\d+))?)?\.csv(?:\.zst)?")
_PART = re.compile(rf"(part)-{_STAMP}\d\dZ-(\d+)\.parquet")


class FileHour(NamedTuple):
    """The hour a file is of; files sort by it in the order they were written."""

    begin: int
    """ns since the Unix epoch."""
    number: int
    """Which file of the hour it is: 0 for the first."""


def hour_of(path: Path) -> FileHour | None:
    """The hour of a closed table or a Parquet part; None for a file that may still grow."""
    match = _TABLE.fullmatch(path.name) or _PART.fullmatch(path.name)
    if match is None or match[2] is None:
        return None
    day, hour = match[2].split("T")
    begin = times.try_parse_ns(f"{day[:4]}-{day[4:6]}-{day[6:]}T{hour}:00:00Z")
    return None if begin is None else FileHour(begin, int(match[3] or 0))


def _stamp(hour: int) -> str:
    """An hour, counted from the Unix epoch, as it stands in names: `20241112T06`."""
    return times.to_rfc3339(hour * HOUR_NS, 0)[:13].replace("-", "")


# --- the raw log ---------------------------------------------------------------------


def segment(hour: int, number: int) -> str:
    """The name of a segment, without folder and suffix; hours count from the Unix epoch."""
    return f"{_stamp(hour)}00Z-{number:02}"


def log_file(segment: str) -> str:
    """The file of a segment, relative to the recording's folder."""
    return f"{RAW_FOLDER}/{segment}.jsonl.zst"


def segment_of(log: Path) -> str:
    """The segment that a file of the raw log is."""
    return log.name.removesuffix(".jsonl.zst")


def logs(folder: Path) -> list[Path]:
    """Files of the raw log, by hour and number."""
    return sorted(filter(is_log, folder.glob(f"{RAW_FOLDER}/*")), key=log_order)


def is_log(path: Path) -> bool:
    """Whether something is a file of the raw log, by its name."""
    return _LOG.fullmatch(path.name) is not None and path.is_file()


def log_order(log: Path) -> tuple[str, int]:
    """A log's hour, and its number in it: the hundredth comes after the eleventh."""
    match = _LOG.fullmatch(log.name)
    return (match[1], int(match[3])) if match else (log.name, 0)


# --- tables --------------------------------------------------------------------------


def table_file(name: str) -> str:
    """The file that a table grows in."""
    return f"{name}.csv"


def closed_hour(name: str, hour: int, number: int) -> str:
    """The file of a table's closed hour; hours count from the Unix epoch."""
    suffix = f"-{number:02}" if number else ""
    return f"{name}-{_stamp(hour)}Z{suffix}.csv"


def compressed(file: str) -> str:
    """The name of a closed hour once it is compressed."""
    return f"{file}.zst"


def table_files(folder: Path) -> list[Path]:
    """CSV files of all tables, those of closed hours and compressed ones too."""
    return sorted(path for path in folder.glob("*.csv*") if table_of(path) and path.is_file())


def table_of(path: Path) -> Table | None:
    """The table that a file is of, by its name."""
    try:
        return tables.named(_table_name(path))
    except KeyError:
        return None


def _table_name(path: Path) -> str:
    match = _TABLE.fullmatch(path.name)
    return match[1] if match else ""


def closed_hours(folder: Path, table: Table) -> list[Path]:
    """A table's closed hours, the oldest first.

    While an hour is being compressed it is there twice: only the table itself is listed.
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
    """The part that holds a segment's rows of a table and symbol, relative to the Hive folder.

    `symbol` is empty for a table of none. A segment is of one hour, so of one day.
    """
    day = f"{segment[:4]}-{segment[4:6]}-{segment[6:8]}"
    return f"{channel_folder(table)}/date={day}/{pair_folder(symbol)}/part-{segment}.parquet"


def channel_folder(table: Table) -> str:
    """The folder of a table's parts."""
    return f"channel={table.channel}"


def pair_folder(symbol: str) -> str:
    """The folder of a symbol's parts."""
    return f"pair={symbol.replace('/', '-') or 'none'}"


def pair_symbol(folder: str) -> str:
    """The symbol whose parts are in a folder of this name."""
    return folder.removeprefix("pair=").replace("-", "/")


# --- all of it -----------------------------------------------------------------------


def data_files(folder: Path) -> list[Path]:
    """Every file that holds what was recorded."""
    database = folder / DATABASE
    return [*logs(folder), *table_files(folder), *([database] if database.exists() else [])]


def unrecognised_files(folder: Path) -> list[str]:
    """What looks like a file of the recording but bears no name that a recorder gives."""
    ours = {*logs(folder), *table_files(folder)}
    alike = (f"{RAW_FOLDER}/*.jsonl.zst", "*.csv", "*.csv.zst")
    found = {path for pattern in alike for path in folder.glob(pattern)}
    return sorted(str(path.relative_to(folder)) for path in found - ours)


def temporary(file: str) -> str:
    """The name a file has until it is whole and takes its place."""
    return f".{file}.new"


def torn_end(path: Path) -> Path:
    """Where a repair moves the torn end of a file."""
    return path.with_name(f"{path.name}.torn")
