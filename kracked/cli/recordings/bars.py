"""`kracked bars`: a recording's trades aggregated to bars, on stdout or in a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import msgspec
import pandas as pd

from kracked import times
from kracked.cli import DONE
from kracked.cli.output import print_json
from kracked.cli.output import safe_print as print  # noqa: A004
from kracked.errors import RecordError
from kracked.frames.bars import NEEDED
from kracked.frames.bars import bars as bars_of
from kracked.frames.loaders import load_trades
from kracked.frames.read.absences import nearest_symbol

_FORMS = (".csv", ".parquet")


class BarOptions(NamedTuple):
    """The rule that ends a bar (exactly one of the first four), and the trades that count."""

    every: str | None
    """A length of time."""
    ticks: int | None
    """A number of trades."""
    volume: float | None
    """A traded quantity."""
    dollars: float | None
    """A traded value."""
    carry: bool
    """Volume and dollars: whether the excess of a bar counts for the next one."""
    history: bool
    """Whether trades from before the recording count."""


def bars(
    path: Path, rule: BarOptions, *, symbols: list[str], out: Path | None, as_json: bool
) -> int:
    """Aggregate a recording's trades.

    A recording without trades gives no bars, and a remark on stderr.

    Args:
        path: The session folder.
        rule: The rule of the bars.
        symbols: Only these pairs; all of them if empty.
        out: A .csv or .parquet file; None prints to stdout.
        as_json: Print JSON in place of CSV.

    Raises:
        RecordError: The folder is no recording, a pair has no trades, or `out` cannot be written.
    """
    _check_writable(out)
    trades = load_trades(path, columns=NEEDED)
    known = sorted(trades["symbol"].dropna().unique())
    if not known and not (path / "session.json").exists():
        raise RecordError(f"{path} is no recording, and there are no trades in it")
    if unknown := sorted(set(symbols).difference(known)):
        have = f"it has {', '.join(known)}" if known else "it has no trades at all"
        meant = nearest_symbol(unknown[0], known)
        hint = f"did you mean {meant}? " if meant else ""
        raise RecordError(f"{path} has no trades of {unknown[0]}: {hint}{have}")
    if symbols:
        trades = trades[trades["symbol"].isin(symbols)]
    frame = bars_of(trades, **rule._asdict())
    if frame.empty:
        what = "only trades from before it began: --history takes these" if known else "no trades"
        print(f"{path} has {what}", file=sys.stderr)
    _write(frame, out, as_json=as_json)
    return DONE


def _check_writable(out: Path | None) -> None:
    """Refuse a file that cannot be written before anything is computed, which may take long."""
    if out is None:
        return
    if out.suffix not in _FORMS:
        raise RecordError(f"cannot write {out}: end its name with .csv or .parquet")
    if not out.parent.is_dir():
        raise RecordError(f"cannot write {out}: there is no folder {out.parent}")
    if out.is_dir():
        raise RecordError(f"cannot write {out}: it is a folder")


def _write(frame: pd.DataFrame, out: Path | None, *, as_json: bool) -> None:
    if as_json:
        rows = _with_texts(frame).to_dict("records")
        print_json(msgspec.json.encode(rows))
    elif out is None:
        _to_csv(frame, sys.stdout)
    else:
        # To another file first: the old one stays until the new one is complete.
        aside = out.with_name(f".{out.name}.new")
        try:
            if out.suffix == ".csv":
                _to_csv(frame, aside)
            else:
                try:
                    # Symbols as plain text: with categories readers could not skip row groups
                    # without a symbol.
                    frame.astype({"symbol": "str"}).to_parquet(aside)
                except ImportError as error:
                    raise RecordError("Parquet needs pyarrow: pip install pyarrow") from error
            aside.replace(out)
        finally:
            aside.unlink(missing_ok=True)
        print(f"{out}: {len(frame)} bars", file=sys.stderr)


def _to_csv(frame: pd.DataFrame, file: TextIO | Path) -> None:
    # A double holds fifteen digits of a decimal; further ones are noise of adding up.
    _with_texts(frame).to_csv(file, index=False, float_format="%.15g")


def _with_texts(frame: pd.DataFrame) -> Any:
    """Return the frame with times as text, as in every table of a recording."""
    plain = frame.reset_index().astype({"symbol": "str"})
    for name in ("start", "end"):
        plain[name] = [
            times.to_rfc3339(ns, 9) for ns in pd.DatetimeIndex(plain[name]).asi8.tolist()
        ]
    return plain
