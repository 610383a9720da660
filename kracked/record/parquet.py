"""Rows of text to one Parquet file: typed, exact, and visible only when it is whole.

Times are nanoseconds in UTC. A price or quantity is a float64 while fifteen digits hold every
value, because then it gives back its text exactly; else a decimal128. The field's metadata
says how many decimals the text had. Labels are plain strings: in the dictionary form readers
could not skip the row groups without a symbol.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from kracked.errors import RecordError
from kracked.format.tables import ColumnKind, Table
from kracked.record import arrow_rows
from kracked.record.arrow_rows import Unread
from kracked.record.durable_files import (
    PRIVATE_FILE,
    PRIVATE_FOLDER,
    SHARED_FILE,
    SHARED_FOLDER,
    is_private,
    sync,
)

_ROW_GROUP = 100_000
_DELTA = ("ts_recv", "ts_msg", "seq")
_DICTIONARY = ("symbol", "side", "action", "flags", "price")


class Part:
    """One file in the making; it does not appear before `place` or `finish`."""

    def __init__(self, path: Path, table: Table) -> None:
        self.path = path
        self._table = table
        self._done = path.exists()
        self._tables: list[Any] = []
        self.unread = Unread()
        """Counts of what could not be read."""

    def add(self, lines: Sequence[str]) -> None:
        """Add CSV lines of the table, without its header."""
        if self._done:
            return
        rows, unread = arrow_rows.read(lines, self._table)
        self._tables.append(rows)
        self._count(unread)

    def write(self) -> bool:
        """Write and verify the file, which has another name until `place`.

        Return False if it was there already, or none of its lines was a row.
        """
        whole = pa.concat_tables(self._tables) if self._tables else pa.table({})
        if self._done or not len(whole):
            return False
        for at, column in enumerate(self._table.columns):
            if column.kind is ColumnKind.DECIMAL:
                numbers, decimals, unread = arrow_rows.numbers(whole.column(at))
                self._count(unread)
                field = pa.field(column.name, numbers.type, metadata={"decimals": str(decimals)})
                whole = whole.set_column(at, field, numbers)
        private = is_private(self._table.channel)
        for folder in (*reversed(self.path.parents[:3]), self.path.parent):
            folder.mkdir(PRIVATE_FOLDER if private else SHARED_FOLDER, parents=True, exist_ok=True)
        aside = self.path.with_suffix(".part")
        aside.unlink(missing_ok=True)
        aside.touch(PRIVATE_FILE if private else SHARED_FILE)
        names = set(whole.column_names)
        pq.write_table(
            whole,
            aside,
            compression="zstd",
            compression_level=1,
            row_group_size=_ROW_GROUP,
            use_dictionary=[name for name in _DICTIONARY if name in names],
            column_encoding={name: "DELTA_BINARY_PACKED" for name in _DELTA if name in names},
        )
        if pq.read_metadata(aside).num_rows != whole.num_rows:
            raise RecordError(f"{aside} does not hold what was written")
        return True

    def finish(self) -> bool:
        """Write the file, wait for the disk, and give it its name; return whether it is new."""
        if not self.write():
            return False
        sync(self.path.with_suffix(".part"))
        self.place()
        sync(self.path.parent)
        return True

    def place(self) -> None:
        """Give the file its name. Its bytes must be on the disk by then."""
        self.path.with_suffix(".part").rename(self.path)

    def _count(self, unread: Unread) -> None:
        cells, rows = self.unread
        self.unread = Unread(cells + unread.cells, rows + unread.rows)
