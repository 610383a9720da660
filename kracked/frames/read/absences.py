"""Reasons why nothing was found: an empty frame is returned only where nothing was recorded.

A folder that is no recording, a table that was never made, a symbol that is not there are
each refused with the reason.
"""

from __future__ import annotations

import difflib
import logging
from collections.abc import Iterable
from pathlib import Path

from kracked.errors import ConfigError, RecordError, says
from kracked.format import layout
from kracked.format.session_info import read_table_info
from kracked.format.tables import Table
from kracked.frames.read.database_rows import database_tables
from kracked.frames.read.file_forms import reporting_damage
from kracked.frames.read.raw_coverage import CHANNELS, rows_missing
from kracked.frames.read.table_files import databases

log = logging.getLogger(__name__)

_RENAMED = {"XBT": "BTC", "XDG": "DOGE"}
_FEW = 8


@says(
    "{path} has {missing} of {table} in its raw log, and no table of them: "
    "`kracked convert {path}` makes it"
)
class TablesMissing(RecordError):
    """A recording holds messages that no table has."""

    path: Path
    table: str
    missing: str


@says("{path} holds no {table}: {reason}")
class NoSuchTable(RecordError):
    """A folder without the table, that is not a recording."""

    path: Path
    table: str
    reason: str


@says("{symbol} was not recorded{suggestion}; {where} has {known}")
class NoSuchSymbol(RecordError):
    """A symbol that a recording does not have."""

    symbol: str
    where: str
    has: tuple[str, ...]

    @property
    def suggestion(self) -> str:
        """The symbol that was perhaps meant."""
        meant = nearest_symbol(self.symbol, self.has)
        return f": did you mean {meant}?" if meant else ""

    @property
    def known(self) -> str:
        """The symbols there are, not too many of them."""
        more = len(self.has) - _FEW
        listed = ", ".join(self.has[:_FEW]) or "no symbols"
        return f"{listed} and {more} more" if more > 0 else listed


def nearest_symbol(asked: str, known: Iterable[str]) -> str:
    """Return the known symbol that a text is most likely to mean; empty if none is near."""
    plain = {_plain(symbol): symbol for symbol in known}
    near = difflib.get_close_matches(_plain(asked), plain, n=1, cutoff=0.75)
    return plain[near[0]] if near else ""


def explain_nothing(path: Path, table: Table) -> None:
    """Log that a folder without a table's files rightly has none: its channel was not recorded.

    Raises:
        RecordError: It is no recording, or its raw log holds the table's messages.
    """
    if not path.is_dir():
        return
    if read_table_info(path) is not None:
        missing = rows_missing(path, table, has_files=False)
        if missing is not None:
            raise TablesMissing(path, table.name, str(missing))
        _warn_of_nothing(path, table)
        return
    if (path / layout.table_file(table.name)).exists():
        return  # just begun, and still empty
    raise NoSuchTable(path, table.name, _contents(path))


def warn_of_rows_missing(path: Path, table: Table, *, empty: bool = False) -> None:
    """Log what the raw log of a recording holds beyond the end of its tables, if anything.

    Args:
        path: The recording's folder.
        table: The table that was read.
        empty: Whether its files hold no row at all, which is told where nothing is missing.
    """
    info = read_table_info(path) if path.is_dir() else None
    if info is not None:
        # Where the tables had stopped for a while the recorder has counted what they lack.
        stopped = getattr(info, "without_rows", 0)
        if stopped:
            words = "%s: %s messages of the raw log have no rows: `kracked convert` makes them"
            log.warning(words, path, stopped, extra={"file": str(path), "messages": stopped})
            return
        missing = rows_missing(path, table, has_files=True)
        if missing is not None:
            facts = {"file": str(path), "table": table.name, "messages": missing.messages}
            words = (
                "%s: the raw log has %s of %s that the tables lack: `kracked convert` makes them"
            )
            log.warning(words, path, missing, table.name, extra=facts)
        elif empty:
            _warn_of_nothing(path, table)


def _warn_of_nothing(path: Path, table: Table) -> None:
    channel = CHANNELS.get(table.channel)
    if channel is not None:
        words = "%s has no %s: no message of the channel %s was recorded"
        facts = {"file": str(path), "table": table.name}
        log.warning(words, path, table.name, channel, extra=facts)


def check_symbols(asked: Iterable[str], known: Iterable[str], where: str) -> None:
    """Raise `NoSuchSymbol` for a symbol that is not known."""
    have = sorted({*known})
    for symbol in sorted(asked):
        if symbol not in have:
            raise NoSuchSymbol(symbol, where, tuple(have))


def recorded_symbols(folders: Iterable[Path]) -> list[str]:
    """Return the symbols that the `session.json` beside the tables names."""
    infos = (read_table_info(path if path.is_dir() else path.parent) for path in folders)
    return [symbol for info in infos if info is not None for symbol in info.symbols]


def refuse_symbols(table: Table) -> None:
    """Raise `ConfigError`: the table has no symbols to choose."""
    raise ConfigError(f"{table.name} has no symbols: leave symbols= out")


def _plain(symbol: str) -> str:
    text = "".join(filter(str.isalnum, symbol.upper()))
    for old, new in _RENAMED.items():
        text = text.replace(old, new)
    return text


def _contents(path: Path) -> str:
    """Return what a folder has in place of a table, as words."""
    names = sorted(
        {table.name for file in layout.table_files(path) if (table := layout.table_of(file))}
    )
    for database in databases(path):
        with reporting_damage(database):
            names += [f"{name} in {database.name}" for name in database_tables(database)]
    names += sorted(one.name for one in path.glob("*.parquet"))
    if names:
        return f"it has {', '.join(names[:_FEW])}"
    inside = sorted(one.name for one in path.iterdir() if (one / layout.SESSION_INFO).exists())
    if inside:
        return f"these recordings are in it, name one: {', '.join(inside[:_FEW])}"
    return "there is no table and no recording in it"
