"""Lines of CSV as typed columns of Arrow, whatever an exchange gone wrong has said in them.

Arrow refuses all lines for one bad cell. Then they are read one by one: a cell that is no
time or number costs that cell, a line that is no row that row. Both are counted, and the raw
log still has them.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from kracked import times
from kracked.format.cells import split_row
from kracked.format.tables import Column, ColumnKind, Table

_TYPES = {
    ColumnKind.TIME: pa.timestamp("ns", tz="UTC"),
    ColumnKind.DECIMAL: pa.string(),
    ColumnKind.LABEL: pa.string(),
    ColumnKind.TEXT: pa.string(),
    ColumnKind.COUNT: pa.int64(),
}
_EXACT_DIGITS = 15
"""Any decimal number of so many digits survives the way to a double and back."""
_MOST_DIGITS = 38
_FITS = r"^-?[0-9]{1,20}(\.[0-9]{0,18})?$"
"""Of numbers too long for a decimal of so many digits, what is still taken for one."""
_WHOLE = re.compile(r"-?[0-9]{1,19}")


class Unread(NamedTuple):
    """What could not be read."""

    cells: int = 0
    """Left empty."""
    rows: int = 0
    """Left out."""

    def __str__(self) -> str:
        return f"{self.cells} cells cannot be read and are empty, {self.rows} rows are left out"


def read(lines: Sequence[str], table: Table) -> tuple[Any, Unread]:
    """CSV lines of the table, without its header; prices and quantities are still text."""
    text = "".join(lines)
    # A quote that nothing closes would swallow the rows after it.
    if '"' not in text:
        try:
            return _read(text, table), Unread()
        except pa.ArrowInvalid:
            pass
    return _read_each(text, table)


def numbers(texts: Any) -> tuple[Any, int, Unread]:
    """Decimal text as the narrowest type that is exact, its decimals, and what is no number."""
    try:
        return *_numbers(texts), Unread()
    except (pa.ArrowInvalid, OverflowError):
        fits = pc.if_else(pc.match_substring_regex(texts, _FITS), texts, None)
        return *_numbers(fits), Unread(cells=fits.null_count - texts.null_count)


def _read(text: str, table: Table) -> Any:
    types = {column.name: _TYPES[column.kind] for column in table.columns}
    return pyarrow.csv.read_csv(
        io.BytesIO(text.encode()),
        read_options=pyarrow.csv.ReadOptions(column_names=list(types)),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=types, null_values=[""], strings_can_be_null=True
        ),
    )


def _read_each(text: str, table: Table) -> tuple[Any, Unread]:
    lines = [split_row(line) for line in text.split("\n") if line]
    rows = [row for row in lines if len(row) == len(table.columns)]
    columns = zip(*rows, strict=True) if rows else [()] * len(table.columns)
    cells = {
        column.name: _column(texts, column)
        for column, texts in zip(table.columns, columns, strict=True)
    }
    filled = sum(map(bool, (cell for row in rows for cell in row)))
    kept = sum(len(column) - column.null_count for column in cells.values())
    return pa.table(cells), Unread(filled - kept, len(lines) - len(rows))


def _column(texts: Sequence[str], column: Column) -> Any:
    kind, cells = _TYPES[column.kind], pa.array([text or None for text in texts], pa.string())
    try:
        return cells.cast(kind)
    except pa.ArrowInvalid:
        return pa.array(map(_READ[column.kind], texts), pa.int64()).cast(kind)


def _time(text: str) -> int | None:
    ns = times.try_parse_ns(text)
    return ns if ns is not None and -(2**63) <= ns < 2**63 else None


def _count(text: str) -> int | None:
    return int(text) if _WHOLE.fullmatch(text) and -(2**63) <= int(text) < 2**63 else None


_READ: Mapping[ColumnKind, Callable[[str], int | None]] = {
    ColumnKind.TIME: _time,
    ColumnKind.COUNT: _count,
}


def _numbers(texts: Any) -> tuple[Any, int]:
    decimals = _longest(texts, r"^[^.]*\.?")
    if _longest(texts, "[-.]") <= _EXACT_DIGITS:
        return pc.cast(texts, pa.float64()), decimals
    if _longest(texts, r"-|\..*$") + decimals > _MOST_DIGITS:
        # Arrow may take such a number for quite another one, and not say so.
        raise OverflowError
    return pc.cast(texts, pa.decimal128(_MOST_DIGITS, decimals)), decimals


def _longest(texts: Any, aside: str) -> int:
    """Characters of the longest text, a pattern left out."""
    return pc.max(pc.utf8_length(pc.replace_substring_regex(texts, aside, ""))).as_py() or 0
