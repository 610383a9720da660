"""Cells and rows of CSV: how values become text, and how text is taken apart again.

Numbers have their decimals, times nine, and what would break a row is quoted. Numbers and
seconds are remembered, because the same ones come again and again.
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

_ODD = re.compile(r'[,"\x00-\x1f\x7f]').search
_CONTROL = dict.fromkeys((*range(32), 127), " ")
_encode = msgspec.json.Encoder(decimal_format="number").encode
_REMEMBERED = 1 << 16
_MANY_SECONDS = 10**10 * times.NS_PER_S
"""The fraction of a time before 1970 counts up too: this much later it shows."""
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

# An exchange gone wrong may fill a cell with more than Python reads by default, 128 KiB.
csv.field_size_limit(1 << 30)


class PriceCells(dict[int | None, str]):
    """Prices of so many decimals as the exchange writes them; empty for none.

    Remembered, because those near the touch come again and again: a lookup costs a fifth of
    making the text. Quantities are mostly new, so remembering them costs more than it saves.
    """

    def __init__(self, decimals: int) -> None:
        super().__init__()
        self._decimals = decimals

    def __missing__(self, price: int | None) -> str:
        if len(self) >= _REMEMBERED:
            self.clear()
        text = self[price] = "" if price is None else units.to_text(price, self._decimals)
        return text


price_cells = lru_cache(maxsize=32)(PriceCells)
"""Shared by all instruments whose prices have so many decimals."""


def time_cell(ns: int) -> str:
    """The time with nine decimals; empty for one that no calendar has."""
    # Nearly every row is of the same second as the row before.
    try:
        return f"{_seconds[ns // times.NS_PER_S]}{str(ns % _MANY_SECONDS)[-9:].zfill(9)}Z"
    except OverflowError:
        return ""


class _Seconds(dict[int, str]):
    """The last second asked for, to its point."""

    def __missing__(self, second: int) -> str:
        self.clear()
        text = self[second] = times.to_rfc3339(second * times.NS_PER_S, 1)[:-2]
        return text


_seconds = _Seconds()


def exchange_time_cell(text: str | None) -> str:
    """The exchange's time with nine decimals; empty when it sent none."""
    if not text:
        return ""
    if len(text) == TIME_LENGTH and text[-1] == "Z":
        return text
    if len(text) == TIME_LENGTH - 3 and text[-1] == "Z":
        return f"{text[:-1]}000Z"
    moment = times.try_parse_ns(text)
    return text_cell(text) if moment is None else time_cell(moment)


def text_cell(text: str) -> str:
    """The text as a cell, quoted where it must be: an exchange gone wrong may say anything."""
    return csv_line([text])[:-1] if _ODD(text) else text


def is_plain_name(text: str) -> bool:
    """Whether a symbol can stand in a cell as it is, and name a file."""
    return 0 < len(text) <= _LONGEST_NAME and text.isprintable() and not _ODD(text)


def csv_line(values: Iterable[object]) -> str:
    """A CSV line of any values: quoted where needed, control characters blanked."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow([value_cell(value) for value in values])
    return out.getvalue()


def value_cell(value: object) -> str:
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
            return str(value).translate(_CONTROL)


def split_row(line: str) -> list[str]:
    """The cells of one line; none of an empty one. Raises `csv.Error`."""
    return next(csv.reader([line]), [])


def split_rows(text: str) -> Iterator[list[str]]:
    """The cells of each of the text's whole lines; what follows the last one is left out."""
    return csv.reader(text.split("\n")[:-1])  # there are other ends of lines, inside cells


def named_rows(lines: Iterable[str]) -> Iterator[dict[str, str]]:
    """Rows as cells by column; the first line has the names. Raises `csv.Error`."""
    rows = csv.reader(lines)
    header = next(rows, [])
    return (dict(zip(header, row, strict=False)) for row in rows if row)


def row_pattern(columns: Iterable[Column]) -> re.Pattern[bytes]:
    """A row that loaders can read: what each column holds, or nothing, in each of its cells."""
    return re.compile(b",".join(_PATTERNS[column.kind] for column in columns))
