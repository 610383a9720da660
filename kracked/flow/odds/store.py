"""The file of the fitted odds: one JSON object, a table a symbol. This module alone touches it.

It is in the user's data folder, holds at most so many symbols, and is replaced whole: a reader
sees the old file or the new one. `docs/howto/odds.md` tells its fields.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from math import isfinite
from pathlib import Path
from tempfile import NamedTemporaryFile

import msgspec

from kracked.errors import RecordError, says
from kracked.flow.odds.scoring import OddsScore
from kracked.flow.odds.situation import NAMES
from kracked.flow.odds.table import FittedBand, NoOdds, OddsTable

VERSION = 1
MOST_SYMBOLS = 500
"""Tables that are kept; those fitted longest ago make room."""
MOST_BYTES = 32 << 20
"""A larger file is none of ours: a table takes some 20 kB."""


@says("{path}: {reason}; `kracked odds fit` makes a new one once it is moved away")
class UnreadableOdds(RecordError):
    """The file of the odds cannot be read."""

    path: Path
    reason: str


class KeptOdds(msgspec.Struct, kw_only=True):
    """The part of the file that is one symbol's."""

    table: OddsTable
    score: OddsScore | None = None
    """What was given by the table and what happened since, as the monitor kept it."""


class OddsFile(msgspec.Struct, kw_only=True):
    """All that the file has."""

    version: int = VERSION
    symbols: dict[str, KeptOdds] = {}

    def table(self, symbol: str) -> OddsTable | NoOdds:
        """Return a symbol's table, or why there is none."""
        kept = self.symbols.get(symbol)
        if kept is None:
            return NoOdds("not fitted: record 40 minutes of level 3, then `kracked odds fit`")
        if kept.table.terms != NAMES:
            return NoOdds("not fitted: the table is of another version, `kracked odds fit` again")
        return kept.table

    def keep(self, table: OddsTable) -> list[str]:
        """Put a symbol's table in place of an earlier one; return symbols that made room."""
        self.symbols[table.symbol] = KeptOdds(table=table)
        oldest = sorted(self.symbols, key=lambda name: self.symbols[name].table.fitted)
        gone = oldest[: max(0, len(oldest) - MOST_SYMBOLS)]
        for symbol in gone:
            del self.symbols[symbol]
        return gone


class _Version(msgspec.Struct):
    version: int


def odds_path(environment: Mapping[str, str]) -> Path:
    """Return the path of the file, whether it exists or not."""
    home = environment.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(home) / "kracked" / "odds.json"


def read_odds(path: Path) -> OddsFile:
    """Return what the file has; nothing where there is none.

    Raises:
        UnreadableOdds: It is damaged, too large, or of a newer version.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return OddsFile()
    except OSError as error:
        raise UnreadableOdds(path, error.strerror or "cannot be read") from error
    if len(data) > MOST_BYTES:
        raise UnreadableOdds(path, f"has more than {MOST_BYTES >> 20} MB")
    try:
        if (version := msgspec.json.decode(data, type=_Version).version) != VERSION:
            raise UnreadableOdds(path, f"is of version {version}, this program reads {VERSION}")
        found = msgspec.json.decode(data, type=OddsFile)
    except msgspec.DecodeError as error:
        raise UnreadableOdds(path, f"is damaged ({error})") from error
    for symbol, kept in found.symbols.items():
        if reason := _fault(symbol, kept):
            raise UnreadableOdds(path, f"is damaged ({symbol}: {reason})")
    return found


def write_odds(path: Path, odds: OddsFile) -> None:
    """Replace the file. Raises OSError where that cannot be done; the old file stays then."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        aside = Path(file.name)
        try:
            file.write(msgspec.json.format(msgspec.json.encode(odds), indent=1))
            file.flush()
            os.fsync(file.fileno())
            aside.replace(path)
        except BaseException:
            with suppress(OSError):
                aside.unlink()
            raise


def _fault(symbol: str, kept: KeptOdds) -> str:
    """Return what is wrong with a table that has the right form; empty if nothing is."""
    table = kept.table
    count = len(table.terms)
    if table.symbol != symbol or not table.waits:
        return "parts are missing"
    lengths = {len(one.coefficients) for one in table.outcomes}
    if lengths | {len(table.lowest), len(table.highest)} != {count}:
        return "terms are missing"
    numbers = [table.unit, *table.usual, *table.lowest, *table.highest]
    for fitted in table.outcomes:
        numbers += [fitted.constant, *fitted.coefficients]
    if not all(map(isfinite, numbers)) or table.unit <= 0:
        return "a number is none"
    if not all(_in_order(fitted.bands) for fitted in table.outcomes):
        return "bands are not in order"
    score = kept.score
    scored = () if score is None else (*score.own, *score.observed)
    counted = (*(one.reliability for one in table.outcomes), *scored)
    return "" if all(one.whole for one in counted) else "counts are missing"


def keep_scores(path: Path, scores: Mapping[str, OddsScore]) -> None:
    """Put the scores of live odds into the file, where it still has the tables that gave them.

    Args:
        path: The file.
        scores: `LiveOdds.score` by symbol.

    Raises:
        UnreadableOdds: The file is damaged; it stays as it is.
        OSError: It cannot be written; the old file stays.
    """
    found = read_odds(path)
    for symbol, score in scores.items():
        kept = found.symbols.get(symbol)
        if kept is not None and kept.table.fitted == score.fitted:
            kept.score = score
    if found.symbols:
        write_odds(path, found)


def _in_order(bands: tuple[FittedBand, ...]) -> bool:
    scores = [band.score for band in bands]
    rates = all(0 <= band.low <= band.rate <= band.high <= 1 for band in bands)
    return bool(scores) and scores == sorted(set(scores)) and rates
