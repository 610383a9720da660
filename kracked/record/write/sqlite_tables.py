"""The tables of a recording in one SQLite file, written in batches while it runs.

A table per CSV file, with the same names and columns. Prices, quantities and times
stay the exchange's text (times sort as text), counts are integers, absent values NULL.
Readers may query the file while it grows: it is in write-ahead mode.
"""

from __future__ import annotations

import csv
import errno
import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from kracked.errors import RecordError
from kracked.format import tables
from kracked.format.layout import DATABASE
from kracked.format.lazy_text import REST_S, whole
from kracked.format.tables import ColumnKind, Table
from kracked.record.write.session_folder import SessionFolder, SymbolicLink
from kracked.record.write.sinks import WriteBatch


class SqliteTables:
    """A store that keeps the market's tables in SQLite. Used by the writer's thread alone."""

    def __init__(self, folder: SessionFolder) -> None:
        """Raises `RecordError` for a file of an earlier recorder that nothing can be added to."""
        self._path = folder.path / DATABASE
        if self._path.is_symlink():
            raise SymbolicLink(self._path)
        if self._path.exists():
            _refuse_damaged(self._path)
        self._database: sqlite3.Connection | None = None
        self._inserts: dict[str, str] = {}
        self._pending: defaultdict[str, list[str]] = defaultdict(list)

    def prepare(self, batch: WriteBatch) -> None:
        for name in batch.rows:
            if name not in self._inserts:
                table = tables.named(name)
                self._execute(_create(table))
                self._inserts[name] = _insert(table)

    def write(self, batch: WriteBatch) -> None:
        for name, texts in batch.rows.items():
            self._pending[name].append(whole(texts, rest_s=REST_S))

    def flush(self) -> None:
        if not self._pending:
            return
        database = self._open()
        try:
            with database:
                for name, lines in self._pending.items():
                    database.executemany(self._inserts[name], _values(lines))
        except sqlite3.OperationalError as error:
            raise OSError(errno.ENOSPC, str(error)) from error
        self._pending.clear()

    def sync(self) -> None:
        # In write-ahead mode a commit is not yet on the disk; a checkpoint is.
        self._execute("PRAGMA wal_checkpoint(PASSIVE)")

    def abandon(self) -> int:
        lost = sum(len(line) for lines in self._pending.values() for line in lines)
        self._pending.clear()
        return lost

    def close(self) -> None:
        self.flush()
        if self._database:
            self._database.close()
            self._database = None

    def tidy(self) -> bool:
        return False

    def _open(self) -> sqlite3.Connection:
        if self._database is None:
            self._path.touch(mode=0o640)
            self._database = sqlite3.connect(self._path)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=NORMAL")
        return self._database

    def _execute(self, statement: str) -> None:
        try:
            self._open().execute(statement).fetchall()
        except sqlite3.OperationalError as error:
            raise OSError(errno.ENOSPC, str(error)) from error


def _refuse_damaged(path: Path) -> None:
    """Before anything is recorded: in the writer's thread it would end the raw log as well."""
    try:
        with closing(sqlite3.connect(path)) as database:
            database.execute("SELECT name FROM sqlite_master").fetchall()
    except sqlite3.Error as error:
        raise RecordError(f"{path}: {error}; remove it or record elsewhere") from error


def _values(texts: Iterable[str]) -> Iterable[list[str | None]]:
    """Cells of each line; empty ones are NULL."""
    lines = "".join(texts).split("\n")[:-1]  # there are other ends of lines, inside cells
    return ([cell or None for cell in row] for row in csv.reader(lines))


def _create(table: Table) -> str:
    columns = ", ".join(
        f'"{column.name}" {"INTEGER" if column.kind is ColumnKind.COUNT else "TEXT"}'
        for column in table.columns
    )
    return f'CREATE TABLE IF NOT EXISTS "{table.name}" ({columns})'


def _insert(table: Table) -> str:
    # Names come from our own tables, never from the exchange.
    marks = ", ".join("?" * len(table.columns))
    return f'INSERT INTO "{table.name}" VALUES ({marks})'  # noqa: S608
