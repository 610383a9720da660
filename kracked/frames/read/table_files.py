"""Which files hold a table: a recording's folder, one file, or several of either.

Takes our recordings and the original project's folders alike. A recording's closed
hours carry their hour in the name, so a time range skips most of them unopened.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from kracked import times
from kracked.errors import ConfigError
from kracked.format import layout, tables
from kracked.format.layout import FileHour
from kracked.format.tables import Table

_SLACK_NS = 600 * times.NS_PER_S
"""A row's own time and the hour of its file may disagree by as much."""
_FIRST = FileHour(-1, 0)
"""For parts whose name tells no hour."""


@runtime_checkable
class HasPath(Protocol):
    """An open recording."""

    @property
    def path(self) -> Path: ...


Source = str | Path | HasPath | Iterable[str | Path | HasPath]
"""A recording, its folder, one file of it, or any number of these."""


def paths(source: Source) -> list[Path]:
    """The source as a list of folders and files. Raises `ConfigError` for a URL."""
    if isinstance(source, str | Path):
        return [_local(source)]
    # First: a recording can be iterated too, over its messages.
    if isinstance(source, HasPath):
        return [source.path]
    return [path for one in source for path in paths(one)]


def _local(path: str | Path) -> Path:
    if "://" in str(path):
        raise ConfigError(f"{path} is not on this machine: copy it here, or mount it")
    return Path(path)


def recorder_files(
    path: Path, table: Table, *, start: int | None = None, end: int | None = None
) -> list[Path]:
    """What the recorder wrote as it went: CSV, the oldest hour first, and its database.

    Hours surely outside the range are left out.
    """
    if not path.is_dir():
        return [] if path.suffix == ".parquet" else [path]
    newest = [path / layout.table_file(table.name), path / layout.DATABASE]
    return [
        *(file for file in layout.closed_hours(path, table) if _may_hold(file, table, start, end)),
        *(file for file in newest if file.exists()),
    ]


def parquet_files(
    path: Path,
    table: Table,
    symbols: Iterable[str] = (),
    *,
    start: int | None = None,
    end: int | None = None,
) -> list[Path]:
    """Parquet files of `table`: of a converted recording, of a Hive folder, or as named.

    Those surely without any of `symbols`, or outside the range, are left out.
    """
    if not path.is_dir():
        return [path] if path.suffix == ".parquet" else []
    roots = (path / layout.PARQUET_FOLDER, path)
    root = next((root for root in roots if any(root.glob("channel=*"))), path)
    of = [symbol] if (symbol := tables.wide_symbol(table.name)) else symbols
    pairs = set(map(layout.pair_folder, of))
    found = (
        file
        for file in root.glob(f"{layout.channel_folder(table)}/**/*.parquet")
        if not (pairs and file.parent.name.startswith("pair=") and file.parent.name not in pairs)
        and _may_hold(file, table, start, end)
    )
    return sorted(found, key=lambda file: (file.parent, layout.hour_of(file) or _FIRST, file.name))


def wide_book_names(path: Path) -> Sequence[str]:
    """Names, as of tables, of every wide book in a folder."""
    files = [*path.glob("L2_*_orderbook*.csv*"), *path.glob("**/channel=l2_wide/*/pair=*")]
    return [file.name for file in files]


def wide_book_symbol(name: str) -> str:
    """Whose wide book it is, by a file's name or that of a Hive folder: `BTC/USD`."""
    if name.startswith("pair="):
        return layout.pair_symbol(name)
    return tables.wide_symbol(name) or Path(name).stem


def _may_hold(path: Path, table: Table, start: int | None, end: int | None) -> bool:
    hour = layout.hour_of(path)
    if hour is None:
        return True
    if start is not None and hour.begin + layout.HOUR_NS + _SLACK_NS < start:
        return False
    # What is filed by arrival may tell of something older, but not of something newer.
    return not (table.clock == "ts_recv" and end is not None and hour.begin - _SLACK_NS > end)
