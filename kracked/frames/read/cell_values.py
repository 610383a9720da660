"""Cells as values: the one place that says what a time, a number or a label is.

Both readers use it for every file that is not plainly sound, so a cell means the same with
pyarrow and without. A cell that is none of its column is empty, and counted.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from kracked.format.tables import Column, ColumnKind
from kracked.frames.read.losses import Losses

UNREADABLE = "\ufdd0"
"""In place of bytes that are no text: Unicode keeps this code point free for ever."""
ACTIONS = {"add": "A", "delete": "C", "modify": "M"}
"""Words in the original project's first recordings, and our letters."""

_PLAIN_NUMBERS = re.compile(r"[0-9.eE+\n-]*").fullmatch
_TIME_SHAPE = re.compile(rb"0000-00-00[T ]00:00:00(?:\.0{1,9})?Z").fullmatch
_SHAPE = bytes.maketrans(b"0123456789", b"0" * 10)
_NUMBER = re.compile(r"\s*[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?\s*").fullmatch
_COUNT = re.compile(r"\s*([-+]?[0-9]{1,19})(?:\.0*)?\s*").fullmatch
_HEX = re.compile(r"\s*0[xX]([0-9a-fA-F]{1,16})\s*").fullmatch
_TIME = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}(?::[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)?)?"
    r"(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
_OFFSET = r".{10}.*[+-][0-9]{2}(?::?[0-9]{2})?$"
_EPOCH = re.compile(r"([0-9]{9,19})(?:\.([0-9]*))?").fullmatch
_EPOCH_UNITS = ((10**11, 10**9), (10**14, 10**6), (10**17, 10**3), (10**19, 1))
"""Seconds, ms, us or ns since the Unix epoch, each below a bound that its unit cannot reach."""
_EARLIEST, _LATEST = (pd.Timestamp(end, tz="UTC") for end in (pd.Timestamp.min, pd.Timestamp.max))
_BITS = 64


def values_of(
    cells: Sequence[Any], column: Column, losses: Losses, *, tz: str, exact: bool
) -> pd.Series[Any]:
    """Return cells as a column.

    Args:
        cells: Texts, or a database's numbers; None for a missing one.
        column: The column.
        losses: Counts the cells that cannot be read; they are missing.
        tz: Zone of times that name none.
        exact: Return prices and quantities as the text of their digits.
    """
    match column.kind:
        case ColumnKind.COUNT:
            return _counts(cells, column, losses)
        case ColumnKind.DECIMAL if not exact:
            return pd.Series(_floats(cells, column, losses), dtype="float64")
        case ColumnKind.DECIMAL:
            texts = [None if cell is None else _digits(cell) for cell in cells]
            _compare(cells, sum(text is not None for text in texts), column, losses)
            return pd.Series(texts, dtype="object")
        case ColumnKind.TIME:
            return times_of(_texts(cells), column, losses, tz=tz)
        case _:
            return _labels(cells, column, losses)


def times_of(
    texts: Sequence[str | None], column: Column, losses: Losses, *, tz: str
) -> pd.Series[Any]:
    """Return texts as times in UTC with ns; each may have a zone or none, a fraction or none.

    A number is a time since the Unix epoch, in the unit of its size. Where summer time ends an
    hour comes twice in zone `tz`. Which of the two is meant follows from the other times of
    the file; raises ValueError if it does not.
    """
    given = [text for text in texts if text is not None]
    shapes = {*"\n".join(given).encode().translate(_SHAPE).split(b"\n")}
    if all(map(_TIME_SHAPE, shapes)):  # far cheaper than to look at each
        times = _iso_times(pd.Series(list(texts), dtype="object"))
    else:
        words = pd.Series(list(texts), dtype="str")
        is_time = words.str.fullmatch(_TIME, na=False)
        times = _iso_times(words.where(is_time))
        bare = words[times.notna() & ~words.str.endswith("Z", na=False)]
        bare = bare[~bare.str.match(_OFFSET)]
        if len(bare):
            local = times[bare.index].dt.tz_localize(None).dt.tz_localize(tz, ambiguous="infer")
            times.loc[bare.index] = local.dt.tz_convert("UTC")
        epochs = {at: _epoch_ns(text) for at, text in words[~is_time].dropna().items()}
        known = {at: ns for at, ns in epochs.items() if ns is not None}
        if known:
            found = pd.to_datetime(list(known.values()), unit="ns", utc=True).as_unit("ns")
            times.loc[pd.Index(known)] = pd.Series(found, index=pd.Index(known))
    _compare(given, int(times.notna().sum()), column, losses)
    return times


def to_decimals(texts: pd.Series[Any]) -> pd.Series[Any]:
    """Return texts as decimals of the same digits."""
    return texts.astype(object).map(Decimal, na_action="ignore").astype(object)


def _iso_times(words: pd.Series[Any]) -> pd.Series[Any]:
    """Return ISO 8601 texts as UTC; missing for one that no calendar or no ns count has."""
    times = pd.to_datetime(words, format="ISO8601", utc=True, errors="coerce")
    return times.where(times.between(_EARLIEST, _LATEST)).dt.as_unit("ns")


def _epoch_ns(text: str) -> int | None:
    """Return a number since the Unix epoch in ns; None for one that is no time of this age."""
    found = _EPOCH(text.strip())
    unit = next((ns for bound, ns in _EPOCH_UNITS if found and int(found[1]) < bound), None)
    if found is None or unit is None:
        return None
    digits = len(str(unit)) - 1
    moment = int(found[1]) * unit + int((found[2] or "")[:digits].ljust(digits, "0") or 0)
    return moment if moment <= _LATEST.value else None


def _counts(cells: Sequence[Any], column: Column, losses: Losses) -> pd.Series[Any]:
    missing = np.array([cell is None for cell in cells], dtype=bool)
    given = [cell for cell in cells if cell is not None] if missing.any() else cells
    whole = np.zeros(len(cells), dtype=np.int64)
    numbers = _plain_counts(given)
    if numbers is not None:
        whole[~missing] = numbers
    else:
        read = [None if cell is None else _count(cell) for cell in cells]
        _compare(cells, sum(one is not None for one in read), column, losses)
        missing = np.array([one is None for one in read], dtype=bool)
        whole[:] = [one or 0 for one in read]
    if not missing.any():
        return pd.Series(whole)
    return pd.Series(pd.arrays.IntegerArray(whole, missing))


def _plain_counts(cells: Sequence[Any]) -> Any:
    """Return integers, or texts of digits, as an array; None if a cell is neither."""
    kinds = {*map(type, cells)}
    if kinds == {str}:
        digits = "".join(cells).replace("-", "")
        if not (digits.isascii() and digits.isdecimal()):
            return None
    elif kinds - {int}:
        return None
    try:
        return np.array(list(map(int, cells)), dtype=np.int64)
    except (ValueError, OverflowError):  # a minus in the middle, or more than 64 bits
        return None


def _count(cell: Any) -> int | None:
    """Return a whole number of 64 bits; None for any other cell."""
    text = cell if isinstance(cell, str) else repr(cell)
    if (found := _COUNT(text)) is not None:
        number = int(found[1])
    elif (found := _HEX(text)) is not None:  # as pyarrow reads it
        number = int(found[1], 16)
        number -= (number >> (_BITS - 1)) << _BITS
    elif isinstance(cell, float) and cell.is_integer():  # a large one, with an exponent
        number = int(cell)
    else:
        return None
    return number if -(1 << (_BITS - 1)) <= number < 1 << (_BITS - 1) else None


def _floats(cells: Sequence[Any], column: Column, losses: Losses) -> Any:
    values = _plain_floats(cells)
    if values is None:
        values = np.array([_float(cell) for cell in cells], dtype=np.float64)
    values[~np.isfinite(values)] = math.nan
    _compare(cells, len(values) - int(np.isnan(values).sum()), column, losses)
    return values


def _plain_floats(cells: Sequence[Any]) -> Any:
    """Return the doubles of numbers, or of texts of digits; None if a cell is neither."""
    kinds = {*map(type, cells)} - {type(None)}
    digits = kinds == {str} and _PLAIN_NUMBERS("\n".join(filter(None, cells)))
    if not digits and not kinds <= {int, float}:
        return None
    try:
        return np.array([math.nan if cell is None else float(cell) for cell in cells])
    except (ValueError, OverflowError):
        return None


def _float(cell: Any) -> float:
    if isinstance(cell, str):
        return float(cell) if _NUMBER(cell) else math.nan
    try:
        return float(cell) if isinstance(cell, int | float) else math.nan
    except OverflowError:
        return math.nan


def _digits(cell: Any) -> str | None:
    text = cell if isinstance(cell, str) else repr(cell)
    return text.strip() if _NUMBER(text) and math.isfinite(float(text)) else None


def labels_of(values: pd.Series[Any], column: Column, losses: Losses) -> pd.Series[Any]:
    """Return categories as labels; the cells of one that is no text are missing."""
    names = values.cat.categories.tolist()
    odd = any(UNREADABLE in name or "\0" in name for name in names)
    if odd or (column.name == "action" and not ACTIONS.keys().isdisjoint(names)):
        texts = values.astype(object)
        return _labels(texts.where(values.notna(), None).tolist(), column, losses)
    return values.cat.rename_categories(pd.Index(names, dtype="str"))


def _labels(cells: Sequence[Any], column: Column, losses: Losses) -> pd.Series[Any]:
    texts = _texts(cells)
    known = {*texts}
    if lost := {text for text in known if text is not None and UNREADABLE in text}:
        texts = [None if text in lost else text for text in texts]
        _compare(cells, sum(text is not None for text in texts), column, losses)
    if column.kind is ColumnKind.TEXT:
        return pd.Series(texts, dtype="str")
    if column.name == "action" and not ACTIONS.keys().isdisjoint(known):
        texts = [None if text is None else ACTIONS.get(text, text) for text in texts]
    return pd.Series(pd.Categorical(pd.Series(texts, dtype="str")))


def _texts(cells: Sequence[Any]) -> list[str | None]:
    """Return cells as texts; None for a missing one."""
    return [cell if type(cell) is str and "\0" not in cell else _text(cell) for cell in cells]


def _text(cell: Any) -> str | None:
    if cell is None or cell == "":
        return None
    return UNREADABLE if isinstance(cell, bytes | str) else str(cell)


def _compare(cells: Sequence[Any], read: int, column: Column, losses: Losses) -> None:
    """Count the cells that were given and not read."""
    if read == len(cells):
        return
    given = sum(cell is not None and cell != "" for cell in cells)
    if given > read:
        losses.cells[column.name] += given - read
