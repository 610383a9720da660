"""`kracked odds`: odds of resting orders, fitted to the user's own recordings, and their proof."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from kracked import times
from kracked.cli import DONE, FAILED
from kracked.cli.output import print_json
from kracked.cli.output import safe_print as print  # noqa: A004
from kracked.flow.odds.reliability import Reliability
from kracked.flow.odds.store import KeptOdds, odds_path, read_odds, write_odds
from kracked.flow.odds.table import OUTCOMES, NoOdds, OddsTable
from kracked.frames.order_odds import fit_odds


def fit(sessions: list[Path], *, symbols: list[str], out: Path | None, as_json: bool) -> int:
    """Fit the odds of recordings and keep them; a symbol that is not fitted keeps its old table.

    Args:
        sessions: Folders of recordings.
        symbols: Only these pairs; all whose level 3 was recorded if empty.
        out: The file to keep them in; by default that of the user's data folder.
        as_json: Print one object in place of text.

    Returns:
        1 when a symbol could not be fitted.
    """
    path = out or odds_path(os.environ)
    kept = read_odds(path)
    now = time.time_ns()
    found = fit_odds(
        sessions, now=now, symbols=symbols, told=lambda line: print(line, file=sys.stderr)
    )
    tables = [one for one in found.values() if isinstance(one, OddsTable)]
    for table in tables:
        for gone in kept.keep(table):
            print(f"{gone} made room in {path}: its table was the oldest", file=sys.stderr)
    if tables:
        write_odds(path, kept)
    unfitted = {symbol: one.why for symbol, one in found.items() if isinstance(one, NoOdds)}
    if as_json:
        told = [_object(kept.symbols[one.symbol], now) for one in tables]
        print_json(
            msgspec.json.encode(
                {
                    "file": str(path),
                    "written": bool(tables),
                    "symbols": told,
                    "not_fitted": unfitted,
                }
            )
        )
    else:
        for one in tables:
            print("\n".join(_lines(kept.symbols[one.symbol], now)), lines=True)
        print(f"kept in {path}" if tables else f"nothing written to {path}", file=sys.stderr)
    for symbol, why in unfitted.items():
        print(f"{symbol}: {why}", file=sys.stderr)
    return FAILED if unfitted else DONE


def show(symbol: str | None, *, file: Path | None, as_json: bool) -> int:
    """Show what was fitted, its calibration, and how it did since.

    Args:
        symbol: Only this pair; None shows all.
        file: The file; by default that of the user's data folder.
        as_json: Print one object in place of text.

    Returns:
        1 when there is nothing to show.
    """
    path = file or odds_path(os.environ)
    kept, now = read_odds(path), time.time_ns()
    names = sorted(kept.symbols) if symbol is None else [symbol]
    tables = {name: kept.table(name) for name in names}
    unfitted = {name: one.why for name, one in tables.items() if isinstance(one, NoOdds)}
    fitted = [kept.symbols[name] for name in names if name not in unfitted]
    if as_json:
        told = [_object(one, now) for one in fitted]
        print_json(
            msgspec.json.encode({"file": str(path), "symbols": told, "not_fitted": unfitted})
        )
    else:
        for one in fitted:
            print("\n".join(_lines(one, now)), lines=True)
    for name, why in unfitted.items():
        print(f"{name}: {why}", file=sys.stderr)
    if not names:
        print(f"nothing is fitted in {path}: `kracked odds fit SESSION...`", file=sys.stderr)
    return DONE if fitted and not unfitted else FAILED


def _lines(kept: KeptOdds, now: int) -> Iterator[str]:
    table = kept.table
    age_h = (now - table.end) / 3.6e12
    age = f"{age_h:.1f} h" if age_h < 48 else f"{age_h / 24:.0f} days"
    recordings = "1 recording" if table.recordings == 1 else f"{table.recordings} recordings"
    yield (
        f"{table.symbol}: {table.samples:,} samples, {table.watched_s / 60:.0f} minutes of "
        f"{recordings}, the last {age} old"
    )
    for name, outcome in zip(OUTCOMES, table.outcomes, strict=True):
        yield from _calibration(name, outcome.reliability)
    if kept.score is None:
        return
    observed, own = kept.score.observed, kept.score.own
    for what, told in (("since, ghosts", observed), ("since, own orders", own)):
        for name, reliability in zip(OUTCOMES, told, strict=False):
            if reliability.total:
                yield from _calibration(f"{what}: {name}", reliability)


def _calibration(name: str, of: Reliability) -> Iterator[str]:
    yield (
        f"  {name}: {of.base_rate:.0%} of {of.total:,}; calibration error {of.error:.1%}, worst "
        f"tenth {of.worst:.1%}; hit rate {of.hit_rate:.0%}, skill {of.skill:.2f}"
    )
    rows = of.rows()
    yield "    given    " + " ".join(f"{row.given:5.0%}" for row in rows)
    yield "    happened " + " ".join(f"{row.happened:5.0%}" for row in rows)


def _object(kept: KeptOdds, now: int) -> dict[str, object]:
    table, score = kept.table, kept.score
    proof = [one.reliability for one in table.outcomes]
    since = ((), ()) if score is None else (score.observed, score.own)
    return {
        "symbol": table.symbol,
        "fitted": times.to_rfc3339(table.fitted, 0),
        "begin": times.to_rfc3339(table.begin, 0),
        "end": times.to_rfc3339(table.end, 0),
        "age_s": (now - table.end) // times.NS_PER_S,
        "recordings": table.recordings,
        "watched_s": table.watched_s,
        "samples": table.samples,
        "left_out": _proof(proof),
        "observed_since": _proof(since[0]),
        "own_since": _proof(since[1]),
    }


def _proof(found: list[Reliability] | tuple[Reliability, ...]) -> list[dict[str, object]]:
    return [
        {
            "outcome": name,
            "cases": of.total,
            "base_rate": of.base_rate,
            "error": of.error,
            "worst": of.worst,
            "hit_rate": of.hit_rate,
            "skill": of.skill,
            "tenths": [row._asdict() for row in of.rows()],
        }
        for name, of in zip(OUTCOMES, found, strict=False)
    ]
