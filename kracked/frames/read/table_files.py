"""Which files hold a table: a recording's folder, one file, or several of either.

Takes our recordings and the original project's folders alike. A recording's closed
hours carry their hour in the name, so a time range skips most of them unopened.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from kracked import times
from kracked.errors import ConfigError
from kracked.format.sqlite import DATABASE
from kracked.format.tables import Table

_HOUR = re.compile(r"-(\d{4})(\d\d)(\d\d)T(\d\d)(?:\d\d)?Z(?:-(\d+))?\.")
_WIDE = re.compile(r"L2_(.+)_orderbook")
_HOUR_NS = 3600 * times.NS_PER_S
_SLACK_NS = 600 * times.NS_PER_S
"""A row's own time and the hour of its file may disagree by as much."""


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


def live_files(
    path: Path, table: Table, *, start: int | None = None, end: int | None = None
) -> list[Path]:
    """What the recorder wrote as it went: CSV, the oldest hour first, and its database.

    Hours surely outside the range are left out.
    """
    if not path.is_dir():
        return [] if path.suffix == ".parquet" else [path]
    found = {*path.glob(f"{table.name}-*.csv"), *path.glob(f"{table.name}-*.csv.zst")}
    # While an hour is being compressed it is there twice.
    once = [file for file in found if file.suffix != ".zst" or file.with_suffix("") not in found]
    hours = sorted((file for file in once if is_hour(file)), key=_hour)
    newest = [path / f"{table.name}.csv", path / DATABASE]
    return [
        *(file for file in hours if _may_hold(file, table, start, end)),
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
    roots = (path / "parquet", path)
    root = next((root for root in roots if any(root.glob("channel=*"))), path)
    of = [wide_symbol(table.name)] if _WIDE.fullmatch(table.name) else symbols
    pairs = {f"pair={symbol.replace('/', '-')}" for symbol in of}
    found = (
        file
        for file in root.glob(f"channel={table.channel}/**/*.parquet")
        if not (pairs and file.parent.name.startswith("pair=") and file.parent.name not in pairs)
        and (not is_hour(file) or _may_hold(file, table, start, end))
    )
    return sorted(found, key=lambda file: (file.parent, _hour(file), file.name))


def wide_files(path: Path) -> Sequence[str]:
    """Names, as of tables, of every wide book in a folder."""
    files = [*path.glob("L2_*_orderbook*.csv*"), *path.glob("**/channel=l2_wide/*/pair=*")]
    return [file.name for file in files]


def wide_symbol(name: str) -> str:
    """Whose wide book it is, by a file's name or that of a Hive folder: `BTC/USD`."""
    if name.startswith("pair="):
        return name.removeprefix("pair=").replace("-", "/")
    match = _WIDE.match(name)
    return match[1].replace("_", "/") if match else Path(name).stem


def is_hour(path: Path) -> bool:
    """Whether a file is that of an hour; the recorder writes no more to it."""
    return _HOUR.search(path.name) is not None


def _hour(path: Path) -> tuple[int, ...]:
    """Sorts files by hour; within one the first has no number of its own."""
    match = _HOUR.search(path.name)
    return tuple(map(int, match.groups(default="0"))) if match else ()


def _may_hold(path: Path, table: Table, start: int | None, end: int | None) -> bool:
    begin = times.parse_ns("{:04}-{:02}-{:02}T{:02}:00:00Z".format(*_hour(path)))
    if start is not None and begin + _HOUR_NS + _SLACK_NS < start:
        return False
    # What is filed by arrival may tell of something older, but not of something newer.
    return not (table.clock == "ts_recv" and end is not None and begin - _SLACK_NS > end)
