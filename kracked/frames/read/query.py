"""The query of a table, and the types its columns have in a frame.

Both readers, with pyarrow and without, take a `TableQuery` and return the same frame.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import pandas as pd

from kracked.format.tables import Column, ColumnKind, Table


class TableQuery(NamedTuple):
    """The rows and columns asked for of one table."""

    table: Table
    columns: tuple[Column, ...]
    """Columns asked for, and those needed to choose and to sort the rows."""
    symbols: frozenset[str] = frozenset()
    """Empty for all."""
    start: int | None = None
    """First time of the table's clock, ns since the Unix epoch."""
    end: int | None = None
    """The time before which rows end."""
    exact: bool = False
    """Whether prices and quantities are decimals, not floats."""
    tz: str = "UTC"
    """Zone of times that name none."""

    @property
    def reads_all(self) -> bool:
        """Whether no row is left out on purpose."""
        return not self.symbols and self.start is None and self.end is None

    def stored_columns(self, present: Iterable[Any]) -> dict[str, Column]:
        """Return the columns asked for that a file has, by their names in it."""
        renamed, by_name = dict(self.table.renamed), {one.name: one for one in self.columns}
        return {
            name: by_name[renamed.get(name, name)]
            for name in present
            if renamed.get(name, name) in by_name
        }

    def time_column(self, present: Iterable[Any]) -> str | None:
        """Return the column that a range of time goes by: older files lack the table's clock."""
        names = set(present)
        return next((name for name in (self.table.clock, "timestamp") if name in names), None)


def empty_column(column: Column, *, exact: bool = False) -> pd.Series[Any]:
    """Return a column without rows, with its type."""
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
