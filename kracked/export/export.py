"""Writes a recording in another tool's format: the files, their README, what could not be told."""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from kracked.errors import RecordError, says
from kracked.export.databento import DatabentoWriter
from kracked.export.hftbacktest import HftbacktestWriter
from kracked.export.lobster import LobsterWriter
from kracked.export.nautilus import NautilusWriter
from kracked.export.normal_form import NormalForm
from kracked.export.recorded_rows import NoLevel3, recorded_rows
from kracked.export.tardis import TardisWriter
from kracked.export.window import ExportWindow, NothingInWindow
from kracked.export.writing import Target, Writer, Written, file_name
from kracked.frames.books.order_rows import TooManyDigits
from kracked.frames.order_lives import level3_symbols

WRITERS: dict[str, type[Writer]] = {
    "lobster": LobsterWriter,
    "tardis": TardisWriter,
    "hftbacktest": HftbacktestWriter,
    "databento-mbo": DatabentoWriter,
    "nautilus": NautilusWriter,
}
FORMATS = tuple(WRITERS)

_ABOUT = """\
Written by `kracked export` from a recording of Kraken's level 3 and trades. Rows are in the
order of the matching engine: the trades of a taker, then each fill before the change of its
order. An order that leaves the recorded depth is told as cancelled, and as new when it comes
back: no message says what happened to it meanwhile. Halfway through a message the book may be
crossed, or short of levels. `order_ids.csv` has the exchange's id of each order number.
"""

_WINDOW = """\
- Only {window}, by the exchange's time of each message.
- The first rows are the book that stood there, as a snapshot. What is counted below is counted
  from the recording's beginning.
"""


@says("{path} is there already: name another folder, or remove it")
class FolderExists(RecordError):
    """The folder to write into exists: an export never mixes with files of another one."""

    path: Path


class Exported(NamedTuple):
    """A symbol of an export."""

    symbol: str
    rows: int
    """Rows of the normal form."""
    orders: int
    written: Written
    told: dict[str, int]
    """What the data or the format cannot say, and how often."""
    lost: dict[str, int]
    """Numbers that the format changed, and how many."""


def export(
    recording: Path,
    form: str,
    out: Path,
    *,
    symbols: Iterable[str] = (),
    start: int | None = None,
    end: int | None = None,
    lossy: bool = False,
    size_decimals: int | None = None,
) -> list[Exported]:
    """Write the level 3 and the trades of a recording in another tool's format.

    The files appear all at once when they are complete, or not at all.

    Args:
        recording: The session folder.
        form: One of `FORMATS`.
        out: The folder to make.
        symbols: Only these; all whose level 3 was recorded if empty.
        start: The first instant, on the exchange's clock, ns since the Unix epoch; the book that
            stands there comes first, as a snapshot. None for the beginning of the recording.
        end: The first instant after it; None for the end of the recording.
        lossy: Whether the files may appear although the format changed numbers.
        size_decimals: Decimals of a size where the format has integers of few digits.

    Returns:
        A symbol each; where `lost` has something and `lossy` is false, no file was written.

    Raises:
        RecordError: The folder exists, a symbol's level 3 was not recorded (in that time), its
            decimals change, or its numbers do not fit into the format.
        EmptyWindow: The end is not later than the start.
    """
    ExportWindow(start, end)  # refused before anything is read
    if out.exists():
        raise FolderExists(out)
    names = sorted(set(symbols)) or level3_symbols(recording, None)
    if not names:
        raise NoLevel3("any symbol")
    aside = out.with_name(f".{out.name}.new")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        terms = _Terms(recording, form, aside, start, end, size_decimals)
        made = [_symbol(terms, name) for name in names]
        _write_readme(aside / "README.md", form, made)
        if lossy or not any(one.lost for one in made):
            aside.rename(out)
        return [_moved(one, aside, out) for one in made]
    finally:
        shutil.rmtree(aside, ignore_errors=True)


class _Terms(NamedTuple):
    """The source of an export, its form and its times."""

    recording: Path
    form: str
    aside: Path
    """Where the files are until they are complete."""
    start: int | None
    end: int | None
    size_decimals: int | None


def _symbol(terms: _Terms, symbol: str) -> Exported:
    try:
        return _written(terms, symbol, exact=False)
    except TooManyDigits:
        shutil.rmtree(terms.aside / file_name(symbol))
        return _written(terms, symbol, exact=True)


def _written(terms: _Terms, symbol: str, *, exact: bool) -> Exported:
    folder = terms.aside / file_name(symbol)
    folder.mkdir(parents=True)
    normal, writer, count = NormalForm(), None, 0
    window = ExportWindow(terms.start, terms.end)
    try:
        for precision, found in recorded_rows(terms.recording, symbol, normal, exact=exact):
            rows = found if window.whole else window.take(found)
            if rows:
                if writer is None:
                    target = Target(folder, symbol, precision, terms.size_decimals)
                    writer = WRITERS[terms.form](target)
                count += len(rows)
                writer.write(rows)
            if window.over:
                break
        if writer is None:
            raise NothingInWindow(symbol, window)
        written = writer.finish()
    finally:
        if writer is not None:
            writer.close()
    numbers = [(number, order_id) for order_id, number in normal.ids.items()]
    if not window.whole:
        numbers = [one for one in numbers if one[0] in window.orders]
        written = written._replace(readme=_WINDOW.format(window=window) + written.readme)
    with (folder / "order_ids.csv").open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(("id", "order_id"))
        lines.writerows(numbers)
    told = +(normal.counts + written.told)
    return Exported(symbol, count, len(numbers), written, dict(told), dict(+written.lost))


def _write_readme(path: Path, form: str, made: list[Exported]) -> None:
    parts = [f"# Level 3 and trades as {form}\n\n{_ABOUT}"]
    for one in made:
        counts: Counter[str] = Counter(one.told) + Counter(one.lost)
        parts.append(f"\n## {one.symbol}\n\n{one.written.readme}")
        parts.append(f"- {one.rows:,} rows of the normal form, {one.orders:,} orders.\n")
        parts += [f"- {what}: {times:,}\n" for what, times in sorted(counts.items())]
    path.write_text("".join(parts), encoding="utf-8")


def _moved(one: Exported, aside: Path, out: Path) -> Exported:
    """Name the files by where they are now; none where they did not appear."""
    files = [out / file.relative_to(aside) for file in one.written.files] if out.exists() else []
    return one._replace(written=one.written._replace(files=files))
