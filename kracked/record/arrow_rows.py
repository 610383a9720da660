"""CSV lines to typed Arrow columns, whatever a faulty exchange has written in them.

Arrow refuses all lines for one bad cell. Then they are read one by one: a cell that is no
time or number is left empty, a line that is no row is left out. Both are counted, and the raw
log still has them.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from kracked import times
from kracked.format.cells import split_row
from kracked.format.tables import ColumnKind, Table

_TYPES = {
    ColumnKind.TIME: pa.timestamp("ns", tz="UTC"),
    ColumnKind.DECIMAL: pa.string(),
    ColumnKind.LABEL: pa.string(),
    ColumnKind.TEXT: pa.string(),
    ColumnKind.COUNT: pa.int64(),
}
_EXACT_DIGITS = 15
"""Digits with which any decimal number survives the way to a double and back."""
_MOST_DIGITS = 38
"""Digits of a decimal128."""
_FITS = r"^-?[0-9]{1,20}(\.[0-9]{0,18})?$"
"""Numbers that fit into a decimal128 whatever the others of their column are."""
_WHOLE = re.compile(r"-?[0-9]{1,19}")


class Unread(NamedTuple):
    """Counts of what could not be read."""

    cells: int = 0
    """Cells left empty."""
    rows: int = 0
    """Rows left out."""

    def __str__(self) -> str:
        return f"{self.cells} cells cannot be read and are empty, {self.rows} rows are left out"


def read(lines: Sequence[str], table: Table) -> tuple[Any, Unread]:
    """Parse CSV lines of a table, without its header; prices and quantities stay text."""
    text = "".join(lines)
    if '"' in text:  # one that nothing closes would swallow the rows after it
        return _read_each(text, table)
    types = {column.name: _TYPES[column.kind] for column in table.columns}
    try:
        parsed = pyarrow.csv.read_csv(
            io.BytesIO(text.encode()),
            read_options=pyarrow.csv.ReadOptions(column_names=list(types)),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=types, null_values=[""], strings_can_be_null=True
            ),
        )
    except pa.ArrowInvalid:
        return _read_each(text, table)
    return parsed, Unread()


def numbers(texts: Any) -> tuple[Any, int, Unread]:
    """Return decimal text as the narrowest exact type, its decimals, and what is no number."""
    try:
        return *_numbers(texts), Unread()
    except (pa.ArrowInvalid, OverflowError):
        fits = pc.if_else(pc.match_substring_regex(texts, _FITS), texts, None)
        return *_numbers(fits), Unread(cells=fits.null_count - texts.null_count)


def _read_each(text: str, table: Table) -> tuple[Any, Unread]:
    """Parse the lines one by one."""
    lines = [split_row(line) for line in text.split("\n") if line]
    rows = [row for row in lines if len(row) == len(table.columns)]
    columns = zip(*rows, strict=True) if rows else [()] * len(table.columns)
    parsed = {}
    for column, texts in zip(table.columns, columns, strict=True):
        kind, cells = _TYPES[column.kind], pa.array([text or None for text in texts], pa.string())
        try:
            parsed[column.name] = cells.cast(kind)
        except pa.ArrowInvalid:
            values = [_whole_number(text, column.kind) for text in texts]
            parsed[column.name] = pa.array(values, pa.int64()).cast(kind)
    filled = sum(map(bool, (cell for row in rows for cell in row)))
    understood = sum(len(column) - column.null_count for column in parsed.values())
    return pa.table(parsed), Unread(filled - understood, len(lines) - len(rows))


def _whole_number(text: str, kind: ColumnKind) -> int | None:
    """Return a time in ns or a count; None for text that is none, or not of 64 bits."""
    if kind is ColumnKind.TIME:
        number = times.try_parse_ns(text)
    else:
        number = int(text) if _WHOLE.fullmatch(text) else None
    return number if number is not None and -(2**63) <= number < 2**63 else None


def _numbers(texts: Any) -> tuple[Any, int]:
    decimals = _longest(texts, r"^[^.]*\.?")
    if _longest(texts, "[-.]") <= _EXACT_DIGITS:
        return pc.cast(texts, pa.float64()), decimals
    if _longest(texts, r"-|\..*$") + decimals > _MOST_DIGITS:
        # Arrow may take such a number for quite another one without an error.
        raise OverflowError
    return pc.cast(texts, pa.decimal128(_MOST_DIGITS, decimals)), decimals


def _longest(texts: Any, ignored: str) -> int:
    """Return the characters of the longest text, a pattern left out."""
    return pc.max(pc.utf8_length(pc.replace_substring_regex(texts, ignored, ""))).as_py() or 0
