"""Rows of text to one Parquet file: typed, exact, and there only when it is whole.

Times are nanoseconds in UTC. A price or quantity is a float64 while fifteen digits hold
every value, because then it gives back its text exactly; else a decimal128. How many
decimals the text had stands in the field's metadata. Labels are plain strings: in the
dictionary form readers could not skip the parts without a symbol.
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from kracked.errors import RecordError
from kracked.tables import Kind, Table

_EXACT_DIGITS = 15
"""Any decimal number of so many digits survives the way to a double and back."""
_ROW_GROUP = 100_000
_DELTA = ("ts_recv", "ts_msg", "seq")
_DICTIONARY = ("symbol", "side", "action", "flags", "price")
_TYPES = {
    Kind.TIME: pa.timestamp("ns", tz="UTC"),
    Kind.DECIMAL: pa.string(),
    Kind.LABEL: pa.string(),
    Kind.TEXT: pa.string(),
    Kind.COUNT: pa.int64(),
}


class Part:
    """One file in the making; nothing of it shows before `finish`."""

    def __init__(self, path: Path, table: Table) -> None:
        self.path = path
        self._table = table
        self._done = path.exists()
        self._pieces: list[Any] = []

    def add(self, lines: Sequence[str]) -> None:
        """Take CSV lines of the table, without its header."""
        if self._done:
            return
        types = {column.name: _TYPES[column.kind] for column in self._table.columns}
        self._pieces.append(
            pyarrow.csv.read_csv(
                io.BytesIO("".join(lines).encode()),
                read_options=pyarrow.csv.ReadOptions(column_names=list(types)),
                convert_options=pyarrow.csv.ConvertOptions(
                    column_types=types,
                    null_values=[""],
                    strings_can_be_null=True,
                ),
            )
        )

    def finish(self) -> bool:
        """Write the file, read it back, and put it in its place; False when it was there."""
        if self._done:
            return False
        whole = self._typed(pa.concat_tables(self._pieces))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        aside = self.path.with_suffix(".part")
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
        _sync(aside)
        if pq.read_metadata(aside).num_rows != whole.num_rows:
            raise RecordError(f"{aside} does not hold what was written")
        aside.rename(self.path)
        _sync(self.path.parent)
        return True

    def _typed(self, whole: Any) -> Any:
        for at, column in enumerate(self._table.columns):
            if column.kind is Kind.DECIMAL:
                numbers, decimals = _numbers(whole.column(at))
                field = pa.field(column.name, numbers.type, metadata={"decimals": str(decimals)})
                whole = whole.set_column(at, field, numbers)
        return whole


def _numbers(texts: Any) -> tuple[Any, int]:
    """Decimal text as the narrowest type that is exact, and its decimals."""
    digits = pc.max(pc.utf8_length(pc.replace_substring_regex(texts, "[-.]", ""))).as_py() or 0
    fractions = pc.utf8_length(pc.replace_substring_regex(texts, r"^[^.]*\.?", ""))
    decimals = pc.max(fractions).as_py() or 0
    exact = digits <= _EXACT_DIGITS
    return pc.cast(texts, pa.float64() if exact else pa.decimal128(38, decimals)), decimals


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
