"""The tables of a recording in one SQLite file, written in batches while it runs.

Readers may query the file while it grows. Its form is that of `kracked.format.sqlite`. The
tables about the recording itself are in CSV files, whatever the form, and not here again.
"""

from __future__ import annotations

import errno
import sqlite3
from collections import defaultdict
from contextlib import closing, suppress

from kracked.errors import RecordError
from kracked.format import sqlite, tables
from kracked.format.layout import DATABASE
from kracked.format.lazy_text import PAUSE_S, render
from kracked.record.durable_files import SymbolicLink
from kracked.record.write.session_folder import SessionFolder
from kracked.record.write.sinks import ONE_FILE, WriteBatch


class SqliteTables:
    """The sink that keeps the market's tables in SQLite. Used by the writer's thread alone."""

    def __init__(self, folder: SessionFolder) -> None:
        """Check the database of an earlier recorder, if there is one.

        A damaged one is refused before anything is recorded: in the writer's thread its error
        would end the raw log as well. Raises `RecordError`.
        """
        self._path, self._mode = folder.path / DATABASE, folder.mode_of(DATABASE)
        if self._path.is_symlink():
            raise SymbolicLink(self._path)
        if self._path.exists():
            try:
                with closing(sqlite3.connect(self._path)) as database:
                    sqlite.table_names(database)
            except sqlite3.Error as error:
                message = f"{self._path}: {error}; remove it or record elsewhere"
                raise RecordError(message) from error
        # Before the first message: a kill would leave an empty file, which is no database.
        with suppress(OSError, sqlite3.OperationalError):  # a full disk, which `prepare` meets
            sqlite.open_to_write(self._path, self._mode).close()
        self._database: sqlite3.Connection | None = None
        self._inserts: dict[str, str] = {}
        self._pending: defaultdict[str, list[str]] = defaultdict(list)

    def prepare(self, batch: WriteBatch) -> None:
        """Make the batch's tables."""
        for name in self._tables_in(batch):
            if name not in self._inserts:
                table = tables.named(name)
                self._execute(sqlite.create(table))
                self._inserts[name] = sqlite.insert(table)

    def write(self, batch: WriteBatch) -> None:
        """Keep the batch's rows."""
        for name in self._tables_in(batch):
            self._pending[name].append(render(batch.rows[name], pause_s=PAUSE_S))

    @staticmethod
    def _tables_in(batch: WriteBatch) -> list[str]:
        return [name for name in batch.rows if name not in ONE_FILE]

    def flush(self) -> None:
        """Insert the rows, in one transaction."""
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
        """Wait until the rows are on the disk."""
        # In write-ahead mode a commit is not yet on the disk; a checkpoint is.
        self._execute("PRAGMA wal_checkpoint(PASSIVE)")

    def drop_pending(self) -> int:
        """Drop the rows that could not be inserted; return their bytes."""
        lost = sum(len(line) for lines in self._pending.values() for line in lines)
        self._pending.clear()
        return lost

    def close(self) -> None:
        """Insert the rest and close the database."""
        self.flush()
        if self._database:
            self._database.close()
            self._database = None

    def do_idle_work(self) -> bool:
        """Do nothing."""
        return False

    def _open(self) -> sqlite3.Connection:
        if self._database is None:
            self._database = sqlite.open_to_write(self._path, self._mode)
        return self._database

    def _execute(self, statement: str) -> None:
        try:
            self._open().execute(statement).fetchall()
        except sqlite3.OperationalError as error:
            raise OSError(errno.ENOSPC, str(error)) from error
