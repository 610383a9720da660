"""Reading the files that a recorder writes as it goes: CSV that may be growing, and SQLite."""

from __future__ import annotations

import csv
import gzip
import io
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, cast

import zstandard

from kracked import times
from kracked.errors import RecordError
from kracked.format import layout, sqlite
from kracked.format.cells import split_row
from kracked.format.layout import DATABASE
from kracked.format.session_info import read_table_info
from kracked.format.tables import Column, Table, wide_symbol
from kracked.frames.read import table_detection
from kracked.frames.read.query import TableQuery

_BLOCK = 1 << 20
_DAMAGED = (
    OSError, EOFError, ValueError, IndexError, csv.Error, sqlite3.Error, zstandard.ZstdError,
)  # fmt: skip


@contextmanager
def reporting_damage(path: Path, *others: type[Exception]) -> Iterator[None]:
    """Turn the errors of reading a damaged file, and `others`, into a `RecordError`."""
    try:
        yield
    except Exception as error:
        unknown = not isinstance(error, _DAMAGED + others)
        if unknown or (isinstance(error, OSError) and error.errno):  # missing, or not readable
            raise
        raise RecordError(f"{path} cannot be read: {error}") from error


class Extent(NamedTuple):
    """Numbers of the first and the last message in a file, and its rows."""

    first: int
    last: int
    rows: int


def finished_rows(path: Path) -> Path | io.BytesIO:
    """Return the file, or the whole rows of one to which a recorder may be adding right now."""
    if path.suffix != ".csv" or layout.hour_of(path):
        return path
    info = read_table_info(path.parent)
    if info is None or info.end is not None:  # the recording has ended
        return path
    text = path.read_bytes()
    return io.BytesIO(text[: text.rfind(b"\n") + 1])


def header(path: Path) -> list[str]:
    """Return the names of a CSV file's columns; none of an empty file."""
    with _open(path) as file:
        line = file.readline().decode("utf-8-sig", errors="replace")
    return split_row(line)


def ends_torn(path: Path) -> bool:
    """Whether a CSV file ends in the middle of a row: without line end and with cells missing."""
    file = finished_rows(path)
    if path.suffix != ".csv" or isinstance(file, io.BytesIO):
        return False
    with file.open("rb") as text:
        text.seek(max(0, path.stat().st_size - _BLOCK))
        last = text.read().rpartition(b"\n")[2].decode(errors="replace")
    return last != "" and len(split_row(last)) < len(header(path))


def stored_columns(path: Path, query: TableQuery) -> dict[str, Column]:
    """Return the queried columns of a CSV file by their names in it; none of an empty file.

    Raises `RecordError` for a file of another table.
    """
    names = header(path)
    table_detection.check_table(path, names, query.table)
    found = query.stored_columns(names)
    if names and not found.keys() - {"symbol"}:
        raise RecordError(f"{path} is no table of {query.table.name}")
    return found


def extent(path: Path, table: Table) -> Extent | None:
    """Return the messages and rows of a table in a file; None if it has none.

    Raises `RecordError` for a file that does not number its messages.
    """
    if path.name == DATABASE:
        with closing(sqlite.open_to_read(path)) as database:
            if "seq" not in sqlite.column_names(database, table):
                return None
            query = f'SELECT min(seq), max(seq), count(*) FROM "{table.name}"'  # noqa: S608
            first, last, rows = database.execute(query).fetchone()
            return Extent(first, last, rows) if rows else None
    names = header(path)
    if not names:
        return None
    if "seq" not in names:
        raise RecordError(f"{path} does not number its messages; keep it apart from Parquet")
    at = names.index("seq")
    with _open(path) as file:
        file.readline()
        first = tail = file.readline()
        rows = 1 if first else 0
        while block := file.read(_BLOCK):
            rows += block.count(b"\n")
            tail = (tail + block)[-_BLOCK:]
    last = tail.rstrip(b"\n").rpartition(b"\n")[2]
    if not first:
        return None
    first_seq, last_seq = (int(split_row(row.decode())[at]) for row in (first, last))
    return Extent(first_seq, last_seq, rows)


def read_rows(path: Path, query: TableQuery) -> dict[str, list[Any]]:
    """Return the queried cells of a database by column: numbers, or the exchange's text."""
    with closing(sqlite.open_to_read(path)) as database:
        present = sqlite.column_names(database, query.table)
        stored = query.stored_columns(present)
        names = list(stored)
        if not names:
            return {}
        statement, given = _select(query, names, present)
        found = database.execute(statement, given).fetchall()
    cells = zip(*found, strict=True) if found else ((),) * len(names)
    return {stored[name].name: list(each) for name, each in zip(names, cells, strict=True)}


def database_wide_books(folder: Path) -> set[str]:
    """Return the symbols of the wide books in a folder's database."""
    path = folder / DATABASE
    if not path.exists():
        return set()
    with reporting_damage(path), closing(sqlite.open_to_read(path)) as database:
        return {symbol for name in sqlite.table_names(database) if (symbol := wide_symbol(name))}


def _select(query: TableQuery, names: list[str], present: list[str]) -> tuple[str, list[Any]]:
    """Return the SQL of a query and its values; times are compared as text."""
    rules, given = ["1"], list[Any]()
    if query.symbols and "symbol" in present:
        rules.append(f"symbol IN ({', '.join('?' * len(query.symbols))})")
        given += sorted(query.symbols)
    clock = query.time_column(present)
    for bound, sign in ((query.start, ">="), (query.end, "<")):
        if clock is not None and bound is not None:
            rules.append(f'"{clock}" {sign} ?')
            given.append(times.to_rfc3339(bound, 9))
    columns = ", ".join(f'"{name}"' for name in names)
    where = " AND ".join(rules)
    table = query.table.name
    return f'SELECT {columns} FROM "{table}" WHERE {where} ORDER BY rowid', given  # noqa: S608


def _open(path: Path) -> io.BufferedIOBase:
    """Open the content of a CSV file, compressed or not."""
    file = finished_rows(path)
    if isinstance(file, io.BytesIO):
        return file
    if path.suffix == ".zst":
        return io.BufferedReader(cast("io.RawIOBase", zstandard.open(path)), _BLOCK)
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")
