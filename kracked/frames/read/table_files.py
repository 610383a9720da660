"""Finding the files of a table: in a recording's folder, one file, or several of either.

Our recordings and the original project's folders are taken alike. The closed hours of a
recording have their hour in the name, so a time range skips most of them unopened.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol, runtime_checkable

from kracked import times
from kracked.errors import ConfigError
from kracked.format import layout, tables
from kracked.format.layout import FileHour
from kracked.format.tables import Table
from kracked.frames.read.database_rows import has_table

_SLACK_NS = 600 * times.NS_PER_S
"""A row's time and the hour of its file may disagree by this much."""
_FIRST = FileHour(-1, 0)
"""The hour of parts whose names have none: they sort first."""


@runtime_checkable
class HasPath(Protocol):
    """An open recording."""

    @property
    def path(self) -> Path:
        """Its folder."""


Source = str | Path | HasPath | Iterable[str | Path | HasPath]
"""A recording, its folder, one file of it, or any number of these."""


def paths(source: Source) -> list[Path]:
    """Return a source as a list of folders and files. Raises `ConfigError` for a URL."""
    if isinstance(source, str | Path):
        if "://" in str(source):
            raise ConfigError(f"{source} is not on this machine: copy it here, or mount it")
        return [Path(source)]
    # Before the iteration: a recording can be iterated too, over its messages.
    if isinstance(source, HasPath):
        return [source.path]
    return [path for one in source for path in paths(one)]


def recorder_files(
    path: Path, table: Table, *, start: int | None = None, end: int | None = None
) -> list[Path]:
    """Return the files the recorder wrote as it went: CSV, the oldest hour first, its database.

    Hours that cannot have rows from `start` until before `end` are left out.
    """
    if not path.is_dir():
        return [] if path.suffix == ".parquet" else [path]
    newest = [path / layout.table_file(table.name)]
    if not (table in tables.RECORDER and newest[0].exists()):  # the recorder writes these twice
        newest += [
            one for one in databases(path) if one.name == layout.DATABASE or has_table(one, table)
        ]
    return [
        *_original_parquet(path, table),
        *(file for file in layout.closed_hours(path, table) if _may_hold(file, table, start, end)),
        *(
            file
            for file in newest
            if file.exists() and (file.suffix != ".csv" or file.stat().st_size)  # has begun
        ),
    ]


def databases(path: Path) -> list[Path]:
    """Return the databases in a folder: the recorder's, then those of the original project."""
    ours = path / layout.DATABASE
    return [*([ours] if ours.exists() else []), *sorted(path.glob("*.db"))]


def _original_parquet(path: Path, table: Table) -> list[Path]:
    """Return the Parquet files of a table as the original project laid them out.

    Each table is a folder of parts, or one file; the folder can be named itself.
    """
    root = path if path.suffix == ".parquet" else path / f"{table.name}.parquet"
    return sorted(root.glob("*.parquet")) if root.is_dir() else [root] if root.exists() else []


def parquet_files(
    path: Path,
    table: Table,
    symbols: Iterable[str] = (),
    *,
    start: int | None = None,
    end: int | None = None,
) -> list[Path]:
    """Return the Parquet files of a table: of a converted recording, a Hive folder, or as named.

    Files that cannot have rows of `symbols` from `start` until before `end` are left out.
    """
    if not path.is_dir():
        return [path] if path.suffix == ".parquet" else []
    roots = (path / layout.PARQUET_FOLDER, path)
    root = next((root for root in roots if any(root.glob("channel=*"))), path)
    wide_symbol = tables.wide_symbol(table.name)
    pairs = set(map(layout.pair_folder, [wide_symbol] if wide_symbol else symbols))
    found = (
        file
        for file in root.glob(f"{layout.channel_folder(table)}/**/*.parquet")
        if not (pairs and file.parent.name.startswith("pair=") and file.parent.name not in pairs)
        and _may_hold(file, table, start, end)
    )
    return sorted(found, key=lambda file: (file.parent, layout.hour_of(file) or _FIRST, file.name))


def _may_hold(path: Path, table: Table, start: int | None, end: int | None) -> bool:
    """Whether a file can have rows of a range of time, by the hour in its name."""
    hour = layout.hour_of(path)
    if hour is None:
        return True
    if start is not None and hour.begin + layout.HOUR_NS + _SLACK_NS < start:
        return False
    # Files are of the hour of arrival: a row may be about an older time, but not a newer one.
    return not (table.clock == "ts_recv" and end is not None and hour.begin - _SLACK_NS > end)
