"""The SQLite form of a recording: where it is, and how it is read without a trace.

Beside `kracked.format.tables`, because its writer and its readers must not know each other.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path


def opened(path: Path) -> sqlite3.Connection:
    """The database, for reading alone, though a recorder may be adding to it.

    Raises `sqlite3.DatabaseError` for an empty file.
    """
    if not path.stat().st_size:
        # To open it would do away with the write-ahead log beside it.
        raise sqlite3.DatabaseError("it is empty")
    log = path.with_name(f"{path.name}-wal")
    # Of one that nobody writes to SQLite need make no index, which a read-only disk forbids.
    how = "mode=ro" if log.exists() and log.stat().st_size else "immutable=1"
    return sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True)
