"""Which table a file holds: told by its columns, since any file can be named as the source."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from kracked.errors import RecordError
from kracked.format import tables
from kracked.format.tables import Table

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


def check_table(path: Path, names: Iterable[str], table: Table) -> None:
    """Raises `RecordError` when these are the columns of another table than `table`.

    Tables share columns: of another one's file those few would load, and the rest would
    be missing.
    """
    columns = frozenset(names)
    if not columns or _covers(table, columns):
        return
    for held, loader in _LOADERS.items():
        if _covers(held, columns):
            raise RecordError(f"{path} holds {held.name}, not {table.name}: {loader} reads it")


def _covers(table: Table, names: frozenset[str]) -> bool:
    """Whether all are its columns, under their present or their former names."""
    former = (old for old, _ in table.renamed)
    return names <= {*(column.name for column in table.columns), *former}
