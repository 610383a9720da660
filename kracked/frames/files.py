"""Which files hold a table: a recording's folder, one file, or several of either.

Takes our recordings and the original project's folders alike. A recording's closed
hours carry their hour in the name, so a time range skips most of them unopened.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol, runtime_checkable

from kracked import times
from kracked.tables import Table

_HOUR = re.compile(r"-(\d{4})(\d\d)(\d\d)T(\d\d)Z(?:-\d+)?\.csv")
_HOUR_NS = 3600 * times.NS_PER_S
_SLACK_NS = 600 * times.NS_PER_S
"""A row's own time and the hour of its file may disagree by as much."""


@runtime_checkable
class HasPath(Protocol):
    """An open recording."""

    @property
    def path(self) -> Path: ...


Source = str | Path | HasPath | Iterable[str | Path]
"""A recording, its folder, one file of it, or any number of folders and files."""


def csv_files(
    source: Source, table: Table, *, start: int | None = None, end: int | None = None
) -> list[Path]:
    """Files with rows of `table` in order of time, those surely outside the range left out."""
    found: list[Path] = []
    for path in paths(source):
        if path.is_dir():
            found += sorted(
                [*path.glob(f"{table.name}-*.csv"), *path.glob(f"{table.name}-*.csv.zst")]
            )
            found += path.glob(f"{table.name}.csv")
        elif path.suffix != ".parquet":
            found.append(path)
    return [path for path in found if _may_hold(path, table, start, end)]


def parquet_files(source: Source, table: Table) -> list[Path]:
    """Parquet files of `table`: of a converted recording, of a Hive folder, or as named."""
    found: list[Path] = []
    for path in paths(source):
        if path.is_dir():
            roots = (path / "parquet", path)
            root = next((root for root in roots if any(root.glob("channel=*"))), path)
            found += sorted(root.glob(f"channel={table.channel}/**/*.parquet"))
        elif path.suffix == ".parquet":
            found.append(path)
    return found


def paths(source: Source) -> list[Path]:
    """The source as a list of folders and files."""
    if isinstance(source, str | Path):
        return [Path(source)]
    # First: a recording can be iterated too, over its messages.
    if isinstance(source, HasPath):
        return [source.path]
    return [Path(one) for one in source]


def _may_hold(path: Path, table: Table, start: int | None, end: int | None) -> bool:
    match = _HOUR.search(path.name)
    if match is None:
        return True
    begin = times.parse_ns("{}-{}-{}T{}:00:00Z".format(*match.groups()))
    if start is not None and begin + _HOUR_NS + _SLACK_NS < start:
        return False
    # What is filed by arrival may tell of something older, but not of something newer.
    return not (table.clock == "ts_recv" and end is not None and begin - _SLACK_NS > end)
