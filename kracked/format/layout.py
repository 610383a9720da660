"""What a recorder calls its files. All else in a recording's folder is somebody else's."""

from __future__ import annotations

import re
from pathlib import Path

from kracked.format import tables
from kracked.format.sqlite import DATABASE
from kracked.format.tables import Table

RAW_FOLDER = "raw"
_LOG = re.compile(r"(\d{8}T\d{4}Z)-(\d{2,})\.jsonl\.zst")
_TABLE = re.compile(r"(.+?)(-\d{8}T\d\dZ(?:-\d+)?)?\.csv(?:\.zst)?")


def logs(folder: Path) -> list[Path]:
    """Files of the raw log, by hour and number."""
    return sorted(filter(is_log, folder.glob(f"{RAW_FOLDER}/*")), key=place)


def is_log(path: Path) -> bool:
    """Whether something is a file of the raw log, by its name."""
    return _LOG.fullmatch(path.name) is not None and path.is_file()


def place(log: Path) -> tuple[str, int]:
    """A log's hour, and its number in it: the hundredth comes after the eleventh."""
    match = _LOG.fullmatch(log.name)
    return (match[1], int(match[2])) if match else (log.name, 0)


def table_files(folder: Path) -> list[Path]:
    """CSV files of all tables, those of closed hours and compressed ones too."""
    return sorted(path for path in folder.glob("*.csv*") if table_of(path) and path.is_file())


def is_hour(path: Path) -> bool:
    """Whether a table's file is that of an hour that is over."""
    match = _TABLE.fullmatch(path.name)
    return match is not None and match[2] is not None


def recorded(folder: Path) -> list[Path]:
    """Every file that holds what was recorded."""
    database = folder / DATABASE
    return [*logs(folder), *table_files(folder), *([database] if database.exists() else [])]


def strangers(folder: Path) -> list[str]:
    """What looks like a file of the recording but bears no name that a recorder gives."""
    ours = {*logs(folder), *table_files(folder)}
    alike = (f"{RAW_FOLDER}/*.jsonl.zst", "*.csv", "*.csv.zst")
    found = {path for pattern in alike for path in folder.glob(pattern)}
    return sorted(str(path.relative_to(folder)) for path in found - ours)


def table_of(path: Path) -> Table | None:
    """The table that a file is of, by its name."""
    match = _TABLE.fullmatch(path.name)
    try:
        return tables.named(match[1]) if match else None
    except KeyError:
        return None
