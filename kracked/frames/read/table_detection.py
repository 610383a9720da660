"""Detection of a file's table by its columns: any file can be named as a source."""

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
    """Raise `RecordError` if a file with these columns is of another table than `table`.

    Tables share columns: of another table's file those few would load, and the rest would be
    missing.
    """
    columns = frozenset(names)
    if not columns or _covers(table, columns):
        return
    for other, loader in _LOADERS.items():
        if _covers(other, columns):
            raise RecordError(f"{path} holds {other.name}, not {table.name}: {loader} reads it")


def _covers(table: Table, names: frozenset[str]) -> bool:
    """Whether all are columns of a table, by their present or their earlier names."""
    earlier = (old for old, _ in table.renamed)
    return names <= {*(column.name for column in table.columns), *earlier}
