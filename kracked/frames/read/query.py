"""What is wanted of a table, and the types its columns have in a frame.

The readers, with pyarrow or without, take a `TableQuery` and agree on what comes out.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple, cast

import pandas as pd

from kracked.format.tables import Column, ColumnKind, Table

OLD_ACTIONS = {"add": "A", "delete": "C", "modify": "M"}
"""Words of the original project's first recordings."""
_OFFSET = r"[+-]\d\d:?\d\d$"


class TableQuery(NamedTuple):
    """Rows and columns of one table."""

    table: Table
    columns: tuple[Column, ...]
    """Those asked for, and those needed to choose and to order the rows."""
    symbols: frozenset[str] = frozenset()
    """Empty for all."""
    start: int | None = None
    """ns since the Unix epoch, by the table's clock."""
    end: int | None = None
    """Not taken itself."""
    exact: bool = False
    """Prices and quantities as decimals, not floats."""
    tz: str = "UTC"
    """Zone of times that name none."""

    @property
    def clock(self) -> str:
        return self.table.clock

    def stored_columns(self, present: Iterable[Any]) -> dict[str, Column]:
        """The wanted ones of a file's columns, by the name they have there."""
        renamed, by_name = dict(self.table.renamed), {one.name: one for one in self.columns}
        return {
            name: by_name[renamed.get(name, name)]
            for name in present
            if renamed.get(name, name) in by_name
        }

    def time_column(self, present: Iterable[Any]) -> str | None:
        """The column that a range of time goes by; older files lack ours."""
        names = set(present)
        return next((name for name in (self.clock, "timestamp") if name in names), None)


def empty_column(column: Column, *, exact: bool = False) -> pd.Series[Any]:
    """A column of nothing, of its right type."""
    match column.kind:
        case ColumnKind.TIME:
            return pd.Series(dtype="datetime64[ns, UTC]")
        case ColumnKind.DECIMAL:
            return pd.Series(dtype="object" if exact else "float64")
        case ColumnKind.COUNT:
            return pd.Series(dtype="Int64")
        case ColumnKind.LABEL:
            return pd.Series(dtype="category")
        case ColumnKind.TEXT:
            return pd.Series(dtype="str")


def parse_times(values: pd.Series[Any], tz: str) -> pd.Series[Any]:
    """Text as UTC at ns; rows of one file may have a zone or none, a fraction or none.

    Clocks that are set back tell an hour twice: which of the two it was is told by the
    other times of the file, or not at all, which raises ValueError.
    """
    times = pd.to_datetime(values, format="ISO8601", utc=True)
    bare = values[~values.str.endswith("Z", na=True)]
    bare = bare[~bare.str.contains(_OFFSET)]
    if len(bare):
        local = times[bare.index].dt.tz_localize(None).dt.tz_localize(tz, ambiguous="infer")
        times = local.dt.tz_convert("UTC").reindex(times.index).fillna(times)
    return cast("pd.Series[Any]", times.dt.as_unit("ns"))


def parse_decimals(values: pd.Series[Any]) -> pd.Series[Any]:
    """Text as decimals of the same digits."""
    return values.astype(object).map(Decimal, na_action="ignore").astype(object)
