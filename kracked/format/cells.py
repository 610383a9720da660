"""Cells and rows of CSV: how values become text, and how text is taken apart again.

Prices and quantities have all their decimals, times have nine, and a cell that would break
its row is quoted. The text of prices and seconds is cached, because the same ones come again
and again. No float is ever involved.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import lru_cache

import msgspec

from kracked import times, units
from kracked.format.tables import Column, ColumnKind
from kracked.untrusted import UNSAFE

_NEEDS_QUOTES = re.compile(f'[,"{UNSAFE}]').search
_unsafe = re.compile(f"[{UNSAFE}]")
_encode = msgspec.json.Encoder(decimal_format="number").encode
_CACHED_PRICES = 1 << 16
_FRACTION_BASE_NS = 10**10 * times.NS_PER_S
"""A multiple of a second: `%` by it leaves the fraction's digits, before 1970 too."""
_LONGEST_NAME = 64
TIME_LENGTH = len("2024-11-12T06:50:44.000000000Z")

_WORDS = rb'(?:[^",\0]*|"(?:[^"\0]|"")*")'
_PATTERNS = {
    ColumnKind.TIME: rb"(?:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)?",
    ColumnKind.DECIMAL: rb"(?:-?\d[\d.]*(?:[eE][-+]?\d+)?)?",
    ColumnKind.COUNT: rb"(?:-?\d+)?",
    ColumnKind.LABEL: _WORDS,
    ColumnKind.TEXT: _WORDS,
}

# A faulty exchange may fill a cell with more than the 128 KiB that Python reads by default.
csv.field_size_limit(1 << 30)


# --- writing -------------------------------------------------------------------------


class PriceCells(dict[int | None, str]):
    """Cells of prices with a fixed number of decimals; None gives an empty cell.

    A cache, because prices near the touch come again and again: a lookup costs a fifth of
    making the text. Quantities are mostly new, so caching them would cost more than it saves.
    """

    def __init__(self, decimals: int) -> None:
        super().__init__()
        self._decimals = decimals

    def __missing__(self, price: int | None) -> str:
        if len(self) >= _CACHED_PRICES:
            self.clear()
        text = self[price] = "" if price is None else units.to_text(price, self._decimals)
        return text


price_cells = lru_cache(maxsize=32)(PriceCells)
"""Return the cells of prices with so many decimals, shared by all instruments that have them."""


class _Seconds(dict[int, str]):
    """The text of the latest second, up to its decimal point."""

    def __missing__(self, second: int) -> str:
        self.clear()
        text = self[second] = times.to_rfc3339(second * times.NS_PER_S, 1)[:-2]
        return text


_seconds = _Seconds()


def time_cell(ns: int) -> str:
    """Return the cell of a time in ns since the Unix epoch; empty for one no calendar has."""
    # Nearly every row is of the same second as the row before.
    try:
        return f"{_seconds[ns // times.NS_PER_S]}{str(ns % _FRACTION_BASE_NS)[-9:].zfill(9)}Z"
    except OverflowError:
        return ""


def exchange_time_cell(text: str | None) -> str:
    """Return the cell of a time the exchange wrote; empty when it sent none."""
    if not text:
        return ""
    if len(text) == TIME_LENGTH and text[-1] == "Z":
        return text
    if len(text) == TIME_LENGTH - 3 and text[-1] == "Z":
        return f"{text[:-1]}000Z"
    moment = times.try_parse_ns(text)
    return text_cell(text) if moment is None else time_cell(moment)


def text_cell(text: str) -> str:
    """Return the cell of any text, quoted where it must be: a faulty exchange may say anything."""
    return csv_line([text])[:-1] if _NEEDS_QUOTES(text) else text


def is_plain_name(text: str) -> bool:
    """Whether a symbol can be a cell without quotes, and the name of a file."""
    return 0 < len(text) <= _LONGEST_NAME and text.isprintable() and not _NEEDS_QUOTES(text)


def csv_line(values: Iterable[object]) -> str:
    """Return a CSV line of any values: quoted where needed, unsafe characters blanked."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow([value_cell(value) for value in values])
    return out.getvalue()


def value_cell(value: object) -> str:
    """Return the text of any value, not quoted; lists and objects become JSON."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case Decimal():
            return f"{value:f}"
        case list() | tuple() | dict():
            # Numbers inside stay bare and exact.
            return _encode(value).decode()
        case _:
            return _unsafe.sub(" ", str(value))


# --- reading -------------------------------------------------------------------------


def split_row(line: str) -> list[str]:
    """Return the cells of one line, none of an empty one. Raises `csv.Error`."""
    return next(csv.reader([line]), [])


def split_rows(text: str) -> Iterator[list[str]]:
    """Return the cells of each whole line of the text; an unfinished last line is left out."""
    # Only a newline ends a row: the other characters that `splitlines` knows occur in cells.
    return csv.reader(text.split("\n")[:-1])


def named_rows(lines: Iterable[str]) -> Iterator[dict[str, str]]:
    """Return each row as cells by column; the first line has the names. Raises `csv.Error`."""
    rows = csv.reader(lines)
    header = next(rows, [])
    return (dict(zip(header, row, strict=False)) for row in rows if row)


def row_pattern(columns: Iterable[Column]) -> re.Pattern[bytes]:
    """Return the pattern of a row that loaders can read; any of its cells may be empty."""
    return re.compile(b",".join(_PATTERNS[column.kind] for column in columns))
