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
        lossy: Whether the files may appear although the format changed numbers.
        size_decimals: Decimals of a size where the format has integers of few digits.

    Returns:
        A symbol each; where `lost` has something and `lossy` is false, no file was written.

    Raises:
        RecordError: The folder exists, a symbol's level 3 was not recorded, its decimals
            change, or its numbers do not fit into the format.
    """
    if out.exists():
        raise FolderExists(out)
    names = sorted(set(symbols)) or level3_symbols(recording, None)
    if not names:
        raise NoLevel3("any symbol")
    aside = out.with_name(f".{out.name}.new")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        made = [_symbol(recording, form, aside, name, size_decimals) for name in names]
        _write_readme(aside / "README.md", form, made)
        if lossy or not any(one.lost for one in made):
            aside.rename(out)
        return [_moved(one, aside, out) for one in made]
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _symbol(
    recording: Path, form: str, aside: Path, symbol: str, size_decimals: int | None
) -> Exported:
    try:
        return _written(recording, form, aside, symbol, size_decimals, exact=False)
    except TooManyDigits:
        shutil.rmtree(aside / file_name(symbol))
        return _written(recording, form, aside, symbol, size_decimals, exact=True)


def _written(
    recording: Path, form: str, aside: Path, symbol: str, size_decimals: int | None, *, exact: bool
) -> Exported:
    folder = aside / file_name(symbol)
    folder.mkdir(parents=True)
    normal, writer, count = NormalForm(), None, 0
    try:
        for precision, rows in recorded_rows(recording, symbol, normal, exact=exact):
            if writer is None:
                writer = WRITERS[form](Target(folder, symbol, precision, size_decimals))
            if rows:
                count += len(rows)
                writer.write(rows)
        assert writer is not None  # there is level 3
        written = writer.finish()
    finally:
        if writer is not None:
            writer.close()
    with (folder / "order_ids.csv").open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(("id", "order_id"))
        lines.writerows((number, order_id) for order_id, number in normal.ids.items())
    told = +(normal.counts + written.told)
    return Exported(symbol, count, len(normal.ids), written, dict(told), dict(+written.lost))


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
