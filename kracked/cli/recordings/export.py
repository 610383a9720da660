"""`kracked export`: a recording's level 3 and trades in another tool's format."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from kracked.cli import DONE, FAILED
from kracked.cli.output import print_json
from kracked.cli.output import safe_print as print  # noqa: A004
from kracked.export.export import Exported
from kracked.export.export import export as export_recording
from kracked.times import to_ns


def export(
    path: Path,
    form: str,
    *,
    out: Path | None,
    symbols: list[str],
    times: tuple[str | None, str | None],
    lossy: bool,
    size_decimals: int | None,
    as_json: bool,
) -> int:
    """Write a recording's level 3 and trades in another tool's format.

    Args:
        path: The session folder.
        form: The format.
        out: The folder to make; None for `export-FORMAT` in the session folder.
        symbols: Only these pairs; all whose level 3 was recorded if empty.
        times: The first instant, and the first one after it, RFC 3339 in UTC; None for the
            beginning and the end of the recording.
        lossy: Write even where the format changes numbers.
        size_decimals: Decimals of a size where the format has integers of few digits.
        as_json: Print one object in place of text.

    Returns:
        1 when numbers would have been changed without consent: nothing is written then.
    """
    out = path / f"export-{form}" if out is None else out
    start, end = (None if time is None else to_ns(time) for time in times)
    made = export_recording(
        path,
        form,
        out,
        symbols=symbols,
        start=start,
        end=end,
        lossy=lossy,
        size_decimals=size_decimals,
    )
    refused = not lossy and any(one.lost for one in made)
    if as_json:
        print_json(msgspec.json.encode(_object(form, out, made, refused=refused)))
    else:
        _print(form, made, refused=refused)
    if refused:
        print(
            f"nothing written: {form} would change the numbers counted above; "
            "--lossy writes them as near as it can",
            file=sys.stderr,
        )
    return FAILED if refused else DONE


def _print(form: str, made: list[Exported], *, refused: bool) -> None:
    for one in made:
        written = f"{one.written.rows:,} rows of {form}"
        print(f"{one.symbol}: {one.rows:,} events of {one.orders:,} orders, {written}")
        for what, times in one.told.items():
            print(f"  {what}: {times:,}")
        for what, times in one.lost.items():
            print(f"  {'refused' if refused else 'lost'}: {what}: {times:,}")
        for file in one.written.files:
            print(f"  {file}")


def _object(form: str, out: Path, made: list[Exported], *, refused: bool) -> dict[str, object]:
    return {
        "format": form,
        "out": str(out),
        "written": not refused,
        "symbols": [
            {
                "symbol": one.symbol,
                "events": one.rows,
                "orders": one.orders,
                "rows": one.written.rows,
                "files": [str(file) for file in one.written.files],
                "told": one.told,
                "lost": one.lost,
            }
            for one in made
        ],
    }
