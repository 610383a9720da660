"""What a recorder writes as it goes: CSV that may still be growing, and SQLite."""

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
from kracked.format import layout, sqlite, tables
from kracked.format.cells import split_row
from kracked.format.layout import DATABASE
from kracked.format.session_info import read_table_info
from kracked.format.tables import Column, Table
from kracked.frames.read import table_detection
from kracked.frames.read.query import TableQuery

_BLOCK = 1 << 20
_DAMAGED = (
    OSError, EOFError, ValueError, IndexError, csv.Error, sqlite3.Error, zstandard.ZstdError,
)  # fmt: skip


@contextmanager
def reporting_damage(path: Path, *others: type[Exception]) -> Iterator[None]:
    """Turns what readers of a damaged file raise, and `others`, into a `RecordError`."""
    try:
        yield
    except Exception as error:
        unforeseen = not isinstance(error, _DAMAGED + others)
        if unforeseen or (isinstance(error, OSError) and error.errno):  # not there, not ours
            raise
        raise RecordError(f"{path} cannot be read: {error}") from error


class Extent(NamedTuple):
    """Numbers of the first and the last message of a file, and how many rows it has."""

    first: int
    last: int
    rows: int


def finished_rows(path: Path) -> Path | io.BytesIO:
    """The file, or the whole rows of one to which a recorder may be adding right now."""
    if path.suffix != ".csv" or layout.hour_of(path) or not _is_unfinished(path.parent):
        return path
    text = path.read_bytes()
    return io.BytesIO(text[: text.rfind(b"\n") + 1])


def header(path: Path) -> list[str]:
    """Names of a CSV file's columns; none of one without a first row."""
    with _open(path) as file:
        line = file.readline().decode("utf-8-sig", errors="replace")
    return split_row(line)


def ends_torn(path: Path) -> bool:
    """Whether a CSV file ends in the middle of a row: no line end, and cells are missing."""
    file = finished_rows(path)
    if path.suffix != ".csv" or isinstance(file, io.BytesIO):
        return False
    with file.open("rb") as text:
        text.seek(max(0, path.stat().st_size - _BLOCK))
        last = text.read().rpartition(b"\n")[2].decode(errors="replace")
    return last != "" and len(split_row(last)) < len(header(path))


def stored_columns(path: Path, query: TableQuery) -> dict[str, Column]:
    """The wanted columns of a CSV file, by the name they have there.

    None of an empty file; raises `RecordError` for one of another table.
    """
    names = header(path)
    table_detection.check_table(path, names, query.table)
    found = query.stored_columns(names)
    if names and not found.keys() - {"symbol"}:
        raise RecordError(f"{path} is no table of {query.table.name}")
    return found


def extent(path: Path, table: Table) -> Extent | None:
    """What a file holds of a table; None for nothing. Raises `RecordError` without numbers."""
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
    return Extent(_cell(first, at), _cell(last, at), rows) if first else None


def read_rows(path: Path, query: TableQuery) -> dict[str, list[Any]]:
    """The wanted cells of a recorder's database by column: numbers, or the exchange's text."""
    with closing(sqlite.open_to_read(path)) as database:
        present = sqlite.column_names(database, query.table)
        names = list(query.stored_columns(present))
        if not names:
            return {}
        statement, given = _select(query, names, present)
        found = database.execute(statement, given).fetchall()
    cells = zip(*found, strict=True) if found else ((),) * len(names)
    return {name: list(column) for name, column in zip(names, cells, strict=True)}


def database_wide_books(folder: Path) -> list[str]:
    """The wide books of a folder's database."""
    if not (folder / DATABASE).exists():
        return []
    with (
        reporting_damage(folder / DATABASE),
        closing(sqlite.open_to_read(folder / DATABASE)) as database,
    ):
        return [name for name in sqlite.table_names(database) if tables.wide_symbol(name)]


def _select(query: TableQuery, names: list[str], present: list[str]) -> tuple[str, list[Any]]:
    """Texts of times sort as the times do: all have nine decimals and the same zone."""
    rules, given = ["1"], list[Any]()
    if query.symbols and "symbol" in present:
        rules.append(f"symbol IN ({', '.join('?' * len(query.symbols))})")
        given += sorted(query.symbols)
    clock = query.time_column(present)
    for bound, sign in ((query.start, ">="), (query.end, "<")):
        if clock is not None and bound is not None:
            rules.append(f'"{clock}" {sign} ?')
            given.append(times.to_rfc3339(bound, 9))
    # Names come from our own tables, never from the outside.
    columns = ", ".join(f'"{name}"' for name in names)
    where = " AND ".join(rules)
    table = query.table.name
    return f'SELECT {columns} FROM "{table}" WHERE {where} ORDER BY rowid', given  # noqa: S608


def _open(path: Path) -> io.BufferedIOBase:
    file = finished_rows(path)
    if isinstance(file, io.BytesIO):
        return file
    if path.suffix == ".zst":
        return io.BufferedReader(cast("io.RawIOBase", zstandard.open(path)), _BLOCK)
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")


def _is_unfinished(folder: Path) -> bool:
    """Whether the folder is a recording without an end: in progress, or cut off."""
    info = read_table_info(folder)
    return info is not None and info.end is None


def _cell(row: bytes, at: int) -> int:
    return int(split_row(row.decode())[at])
