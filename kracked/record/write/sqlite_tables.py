"""The tables of a recording in one SQLite file, written in batches while it runs.

Readers may query the file while it grows. Its form is that of `kracked.format.sqlite`.
"""

from __future__ import annotations

import errno
import sqlite3
from collections import defaultdict
from contextlib import closing
from pathlib import Path

from kracked.errors import RecordError
from kracked.format import sqlite, tables
from kracked.format.layout import DATABASE
from kracked.format.lazy_text import PAUSE_S, render
from kracked.record.durable_files import SymbolicLink
from kracked.record.write.session_folder import SessionFolder
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
                self._execute(sqlite.create(table))
                self._inserts[name] = sqlite.insert(table)

    def write(self, batch: WriteBatch) -> None:
        for name, texts in batch.rows.items():
            self._pending[name].append(render(texts, pause_s=PAUSE_S))

    def flush(self) -> None:
        if not self._pending:
            return
        database = self._open()
        try:
            with database:
                for name, lines in self._pending.items():
                    database.executemany(self._inserts[name], sqlite.row_values("".join(lines)))
        except sqlite3.OperationalError as error:
            raise OSError(errno.ENOSPC, str(error)) from error
        self._pending.clear()

    def sync(self) -> None:
        # In write-ahead mode a commit is not yet on the disk; a checkpoint is.
        self._execute("PRAGMA wal_checkpoint(PASSIVE)")

    def drop_pending(self) -> int:
        lost = sum(len(line) for lines in self._pending.values() for line in lines)
        self._pending.clear()
        return lost

    def close(self) -> None:
        self.flush()
        if self._database:
            self._database.close()
            self._database = None

    def do_idle_work(self) -> bool:
        return False

    def _open(self) -> sqlite3.Connection:
        if self._database is None:
            self._database = sqlite.open_to_write(self._path)
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
            sqlite.table_names(database)
    except sqlite3.Error as error:
        raise RecordError(f"{path}: {error}; remove it or record elsewhere") from error
