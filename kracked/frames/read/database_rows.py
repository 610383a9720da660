"""Rows of SQLite databases: the recorder's, and the original project's.

Only real tables are read: a view or a virtual table may compute for ever. A query is stopped
after more steps than reading the file could take, and a cell has a greatest length.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from kracked import times
from kracked.errors import RecordError
from kracked.format import sqlite
from kracked.format.layout import DATABASE
from kracked.format.tables import Table, wide_symbol
from kracked.frames.read.losses import Losses
from kracked.frames.read.query import TableQuery
from kracked.frames.read.table_detection import stored_columns
from kracked.frames.read.text_reader import choose_rows, frame_of_cells, join_frames

ORIGINAL_DATABASE = "kracked_outputs.db"
"""The original project's database in its folder."""

_MAGIC = b"SQLite format 3\0"
_ROWS = 1 << 16
_LONGEST_CELL = 16 << 20
_STEPS_AT_ONCE = 1 << 16
_STEPS_PER_BYTE = 50
_FREE_STEPS = 1 << 24
_ORIGINAL = {"L3_ticks": "L3"}
"""Our table's name and the original project's; its `L2` has the wide books of all symbols."""


def is_database(path: Path) -> bool:
    """Whether a file is an SQLite database, by its first bytes; an empty one by its name."""
    with path.open("rb") as file:
        head = file.read(len(_MAGIC))
    return head == _MAGIC or path.name in (DATABASE, ORIGINAL_DATABASE)


def read_database(path: Path, query: TableQuery, losses: Losses) -> pd.DataFrame:
    """Return the queried rows of a table, with the columns that it has.

    An empty frame if there is no such table. Raises `RecordError`, `sqlite3.Error`.
    """
    with _opened(path) as database:
        name, symbol = _find(database, query.table)
        if not name:
            _explain_nothing(path, database, query.table)
            return pd.DataFrame()
        present = _columns(database, name)
        hidden = ["symbol"] if symbol else []  # each wide book has the rows of one symbol
        stored = stored_columns(path, [one for one in present if one not in hidden], query, losses)
        ours = {stored.names[at]: column.name for at, column in stored.places.items()}
        if not ours:
            return pd.DataFrame()
        statement, given = _select(path, query, name, list(ours), symbol)
        frames, rows = [], database.execute(statement, given)
        while found := rows.fetchmany(_ROWS):
            cells = dict(zip(ours.values(), zip(*found, strict=True), strict=True))
            frames.append(choose_rows(frame_of_cells(cells, query, losses), query))
    return join_frames(frames, query) if frames else pd.DataFrame()


def has_table(path: Path, table: Table) -> bool:
    """Whether a database has a table; True for a file that cannot be read: reading it says why."""
    try:
        with _opened(path) as database:
            return bool(_find(database, table)[0])
    except (sqlite3.Error, RecordError):
        return True


def database_wide_books(path: Path) -> set[str]:
    """Return the symbols of the wide books in a database."""
    with _opened(path) as database:
        names = _tables(database)
        books = {symbol for name in names if (symbol := wide_symbol(name))}
        if "L2" in names and "symbol" in _columns(database, "L2"):
            found = database.execute("SELECT DISTINCT symbol FROM L2").fetchall()
            books |= {str(symbol) for (symbol,) in found if symbol}
    return books


def database_tables(path: Path) -> list[str]:
    """Return the names of the real tables in a database."""
    with _opened(path) as database:
        return _tables(database)


def last_message(path: Path) -> int:
    """Return the number of the last message of which a database has rows; 0 without any."""
    found = [0]
    with _opened(path) as database:
        for name in _tables(database):
            if "seq" in _columns(database, name):
                query = f'SELECT seq FROM "{name}" ORDER BY rowid DESC LIMIT 1'  # noqa: S608
                found += [seq for (seq,) in database.execute(query) if isinstance(seq, int)]
    return max(found)


def extent_of(path: Path, table: Table) -> tuple[int, int, int] | None:
    """Return the numbers of a table's first and last message, and its rows; None without any."""
    with _opened(path) as database:
        name, _ = _find(database, table)
        if not name or "seq" not in _columns(database, name):
            return None
        query = f'SELECT min(seq), max(seq), count(*) FROM "{name}"'  # noqa: S608
        first, last, rows = database.execute(query).fetchone()
    return (first, last, rows) if rows else None


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database whose queries end, whatever is in it."""
    with closing(sqlite.open_to_read(path)) as database:
        database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_CELL)
        database.execute("PRAGMA trusted_schema = OFF")
        steps = (_FREE_STEPS + _STEPS_PER_BYTE * path.stat().st_size) // _STEPS_AT_ONCE
        left = iter(range(steps))
        database.set_progress_handler(lambda: next(left, None) is None, _STEPS_AT_ONCE)
        try:
            yield database
        except sqlite3.OperationalError as error:
            if "interrupted" in str(error):
                raise RecordError("reading it takes longer than its size explains") from error
            raise


def _tables(database: sqlite3.Connection) -> list[str]:
    """Return the names of the real tables: a virtual one has no pages of its own."""
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0 ORDER BY name"
    return [name for (name,) in database.execute(query)]


def _columns(database: sqlite3.Connection, name: str) -> list[str]:
    """Return the names of a real table's columns."""
    return [row[1] for row in database.execute(f'PRAGMA table_info("{name}")')]


def _find(database: sqlite3.Connection, table: Table) -> tuple[str, str]:
    """Return the name of a table in a database, empty without one, and a symbol to choose."""
    names, symbol = _tables(database), wide_symbol(table.name)
    if table.name in names:
        return table.name, ""
    if symbol and "L2" in names and "symbol" in _columns(database, "L2"):
        return "L2", symbol
    original = _ORIGINAL.get(table.name, "")
    return (original if original in names else ""), ""


def _explain_nothing(path: Path, database: sqlite3.Connection, table: Table) -> None:
    """Return if the recorder's database has no row of a table yet; else say why there is none."""
    query = "SELECT type FROM sqlite_master WHERE name = ?"
    if database.execute(query, [table.name]).fetchone():
        raise RecordError(f"its {table.name} is computed: only real tables are read")
    if path.name != DATABASE:
        held = ", ".join(_tables(database)) or "no tables"
        raise RecordError(f"it has no {table.name}; it has {held}")


def _select(
    path: Path, query: TableQuery, name: str, columns: list[str], symbol: str
) -> tuple[str, list[Any]]:
    """Return the SQL of a query and its values.

    Times of our own recordings are compared as text: all have nine decimals and one zone.
    """
    rules, given = ["1"], list[Any]()
    symbols = [symbol] if symbol else sorted(query.symbols) if "symbol" in columns else []
    if symbols:
        rules.append(f"symbol IN ({', '.join('?' * len(symbols))})")
        given += symbols
    clock = query.time_column(columns) if path.name == DATABASE else None
    for bound, sign in ((query.start, ">="), (query.end, "<")):
        if clock is not None and bound is not None:
            rules.append(f'"{clock}" {sign} ?')
            given.append(times.to_rfc3339(bound, 9))
    names = ", ".join(f'"{column}"' for column in columns)
    return f'SELECT {names} FROM "{name}" WHERE {" AND ".join(rules)} ORDER BY rowid', given  # noqa: S608
