"""The SQLite form of a recording: a table per CSV table, with the same names and columns.

Prices and quantities are there twice: as the exchange's text in `price_text`, and under their
own names as numbers, so that `price > 7000` is right; these are computed when they are read.
Times sort as text, because all have nine decimals and the same zone. Counts are integers, an
empty cell is NULL. Names come from
`kracked.format.tables`, never from the exchange, so statements may contain them as they are.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import assert_never

from kracked.format.cells import split_rows
from kracked.format.tables import Column, ColumnKind, Table, exact_name


def open_to_write(path: Path, mode: int = 0o600) -> sqlite3.Connection:
    """Open a database for writing and make it if it is missing; others may read it meanwhile."""
    path.touch(mode=mode)
    database = sqlite3.connect(path)
    try:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=NORMAL")
    except sqlite3.Error:
        database.close()
        raise
    return database


def open_to_read(path: Path) -> sqlite3.Connection:
    """Open a database for reading only and leave no trace; a recorder may be adding to it.

    Raises `sqlite3.DatabaseError` for an empty file.
    """
    if not path.stat().st_size:
        # Opening it would delete the write-ahead log beside it.
        raise sqlite3.DatabaseError("it is empty")
    log = path.with_name(f"{path.name}-wal")
    # Without a log nobody writes to it, and `immutable` spares SQLite the index file that a
    # read-only disk would refuse.
    how = "mode=ro" if log.exists() and log.stat().st_size else "immutable=1"
    return sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True)


def create(table: Table) -> str:
    """Return the statement that makes a table unless it exists."""
    columns = ", ".join(map(_definition, table.columns))
    return f'CREATE TABLE IF NOT EXISTS "{table.name}" ({columns})'


def _definition(column: Column) -> str:
    match column.kind:
        case ColumnKind.COUNT:
            return f'"{column.name}" INTEGER'
        case ColumnKind.DECIMAL:
            text, name = f'"{exact_name(column.name)}"', f'"{column.name}"'
            return f"{text} TEXT, {name} REAL GENERATED ALWAYS AS (CAST({text} AS REAL)) VIRTUAL"
        case ColumnKind.TIME | ColumnKind.LABEL | ColumnKind.TEXT:
            return f'"{column.name}" TEXT'
    assert_never(column.kind)


def insert(table: Table) -> str:
    """Return the statement that adds a row of `row_values`."""
    marks = ", ".join("?" * len(table.columns))
    return f'INSERT INTO "{table.name}" VALUES ({marks})'  # noqa: S608


def row_values(text: str) -> Iterator[list[str | None]]:
    """Return the values of each whole CSV line; an empty cell is None."""
    return ([cell or None for cell in row] for row in split_rows(text))


def table_names(database: sqlite3.Connection) -> list[str]:
    """Return the names of a database's tables, sorted."""
    query = "SELECT name FROM sqlite_master WHERE type = 'table'"
    return sorted(name for (name,) in database.execute(query))


def column_names(database: sqlite3.Connection, table: Table) -> list[str]:
    """Return the names of a table's stored columns in a database; none without such a table."""
    return [row[1] for row in database.execute(f'PRAGMA table_info("{table.name}")')]
