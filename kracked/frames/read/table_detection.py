"""Detection of a file's table by its columns: any file can be named as a source.

A file is read whole or refused by name, never in part: tables of other tools share columns
with ours, and of their rows those few would load, and the rest would be missing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from kracked.errors import RecordError, says
from kracked.format import tables
from kracked.format.tables import Column, Table
from kracked.frames.read import foreign_tables
from kracked.frames.read.foreign_tables import ForeignTable
from kracked.frames.read.losses import Losses
from kracked.frames.read.query import TableQuery

_LOADERS = {
    tables.ORDERS: "load_orders",
    tables.BOOK: "load_book",
    tables.TICKER: "load_ticker",
    tables.TRADES: "load_trades",
    tables.CANDLES: "load_ohlc",
    tables.EXECUTIONS: "load_executions",
    tables.BALANCES: "load_balances",
    tables.CONNECTIONS: "load_connections",
    tables.PAIRS: "load(tables.PAIRS, ...)",
    tables.ASSETS: "load(tables.ASSETS, ...)",
    tables.wide("*"): "load_book_wide",
}
_ESSENTIAL = {
    tables.ORDERS.name: ("side", "price", "size", "action", "order_id", "symbol"),
    tables.BOOK.name: ("symbol", "side", "price", "qty"),
    tables.TICKER.name: ("symbol", "bid", "ask"),
    tables.TRADES.name: ("ts_event", "symbol", "price", "qty"),
    tables.CANDLES.name: ("symbol", "open", "high", "low", "close"),
    tables.EXECUTIONS.name: ("order_id", "exec_type"),
    tables.BALANCES.name: ("asset", "balance"),
    tables.CONNECTIONS.name: ("event", "timestamp"),
    tables.PAIRS.name: ("symbol", "base", "quote"),
    tables.ASSETS.name: ("id",),
}
"""Columns without which a row says nothing; a wide book's are those of its best level."""
_WIDE_ESSENTIAL = ("ask_px_0", "ask_sz_0", "bid_px_0", "bid_sz_0")
_FEW = 12
"""Columns that an error names."""


@says("{path} holds {held}, not {asked}: {loader} reads it")
class OtherTable(RecordError):
    """A file is of another table than the one asked for."""

    path: Path
    held: str
    asked: str
    loader: str


@says("{path} holds {held}: kracked does not read these")
class ForeignFile(RecordError):
    """A file is of another tool, and of a form that is not read."""

    path: Path
    held: str


@says("{path} is no table of {table}: {reason}")
class NoTable(RecordError):
    """A file does not have the columns of a table."""

    path: Path
    table: str
    reason: str


class StoredColumns(NamedTuple):
    """Which cell of a file's rows is which column."""

    names: tuple[str, ...]
    """Every column of the file, in its order."""
    places: dict[int, Column]
    """The queried columns that the file has, by their places in a row."""
    header: bool = True
    """Whether the first line names the columns."""
    foreign: ForeignTable | None = None
    symbol: str = ""
    """The symbol of every row, by the file's name; empty where rows tell it."""
    interval: int = 0
    """ns of a candle, by the file's name; 0 where rows tell it."""


def stored_columns(
    path: Path, cells: Sequence[str], query: TableQuery, losses: Losses
) -> StoredColumns:
    """Return the queried columns of a file.

    Args:
        path: The file.
        cells: Names of its columns, or the first row of a file that names none.
        query: The rows and columns asked for.
        losses: Takes a note where a column is missing without which rows say little.

    Raises:
        RecordError: The file is of another table, of another tool, or none at all.
    """
    table, names = query.table, [cell.strip() for cell in cells]
    _check_names(path, names, table)
    if foreign_tables.is_headless(names):
        return _headless(path, names, query)
    foreign = foreign_tables.recognise(names)
    if foreign is not None:
        if foreign.table is None:
            raise ForeignFile(path, foreign.name)
        if foreign.table != table:
            raise OtherTable(path, foreign.name, table.name, _LOADERS[foreign.table])
        return StoredColumns(tuple(names), _places(names, foreign.names, query), foreign=foreign)
    _check_table(path, names, table, losses)
    return StoredColumns(tuple(names), _places(names, dict(table.renamed), query))


def _places(
    names: Sequence[str], renamed: Mapping[str, str], query: TableQuery
) -> dict[int, Column]:
    by_name = {one.name: one for one in query.columns}
    ours = (renamed.get(name, name) for name in names)
    return {at: by_name[name] for at, name in enumerate(ours) if name in by_name}


def _headless(path: Path, cells: Sequence[str], query: TableQuery) -> StoredColumns:
    """Return the columns of a file whose first line is a row of numbers: Kraken's downloads."""
    foreign, symbol, interval = foreign_tables.kraken_download(path.name, len(cells))
    if foreign is None or foreign.table is None:
        raise NoTable(path, query.table.name, "its first line names no columns")
    if foreign.table != query.table:
        raise OtherTable(path, foreign.name, query.table.name, _LOADERS[foreign.table])
    names = tuple(foreign.names)
    places = _places(names, foreign.names, query)
    return StoredColumns(names, places, header=False, symbol=symbol, interval=interval,
                         foreign=foreign)  # fmt: skip


def _check_names(path: Path, names: Sequence[str], table: Table) -> None:
    """Refuse a first line that cannot be a table's."""
    if not any(names):
        raise NoTable(path, table.name, "it is empty")
    first = names[0]
    if first.startswith(("{", "[")):
        raise NoTable(path, table.name, "it holds JSON; `kracked verify` reads raw messages")
    if len(names) == 1:
        for mark, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
            if mark in first:
                raise NoTable(path, table.name, f"its cells are separated by {word}, not commas")
    named = Counter(name for name in names if name)
    twice = [name for name, count in named.items() if count > 1]
    if twice and not foreign_tables.is_headless(names):
        raise NoTable(path, table.name, f"it has two columns {twice[0]}")


def _check_table(path: Path, names: Sequence[str], table: Table, losses: Losses) -> None:
    """Raise `RecordError` if a file with these columns is of another table than `table`."""
    columns, renamed = frozenset(filter(None, names)), dict(table.renamed)
    ours = {renamed.get(name, name) for name in columns}
    needed = _WIDE_ESSENTIAL if table.channel == "l2_wide" else _ESSENTIAL.get(table.name, ())
    missing = [name for name in needed if name not in ours]
    if _covers(table, columns):
        # Fewer columns of ours are somebody's choice; that they are fewer is told.
        if missing and not columns <= {"symbol"}:
            losses.notes.append(f"it has no {', '.join(missing)}: these are missing")
            return
        if not missing:
            return
    for other, loader in _LOADERS.items():
        if _covers(other, columns):
            raise OtherTable(path, other.name, table.name, loader)
    if missing:
        known = ", ".join(list(names)[:_FEW])
        raise NoTable(path, table.name, f"it has no {', '.join(missing)}; it has {known}")


def _covers(table: Table, names: frozenset[str]) -> bool:
    """Whether all are columns of a table, by their present or their earlier names."""
    earlier: Iterable[str] = (old for old, _ in table.renamed)
    return names <= {*(column.name for column in table.columns), *earlier}
