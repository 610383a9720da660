"""A file is of the table its columns are of, whatever it is called."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from kracked.errors import RecordError
from kracked.format import tables
from kracked.frames import (
    load_balances,
    load_book,
    load_book_wide,
    load_connections,
    load_executions,
    load_ohlc,
    load_orders,
    load_ticker,
    load_trades,
    loaders,
)
from kracked.record.parquet import Part

Load = Callable[[Path], pd.DataFrame]
READ = {
    tables.ORDERS: load_orders,
    tables.BOOK: load_book,
    tables.TICKER: load_ticker,
    tables.TRADES: load_trades,
    tables.CANDLES: load_ohlc,
    tables.EXECUTIONS: load_executions,
    tables.BALANCES: load_balances,
    tables.CONNECTIONS: load_connections,
    tables.wide("*"): load_book_wide,
}


@pytest.mark.parametrize("arrow", [True, False])
@pytest.mark.parametrize("held", READ, ids=lambda table: table.name)
def test_a_file_of_another_table_is_refused_with_the_loader_that_reads_it(
    held: tables.Table,
    arrow: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loaders, "HAS_ARROW", arrow)
    path = tmp_path / "table.csv"
    path.write_text(f"{held.header}\n")
    holds = re.escape(f"{path} holds {held.name}, not")
    for other in READ.keys() - {held}:
        with pytest.raises(RecordError, match=f"{holds} .*: {READ[held].__name__} reads it"):
            READ[other](path)


def test_a_parquet_file_of_another_table_is_refused_too(tmp_path: Path) -> None:
    row = (
        "DOGE/USD,2024-11-12T06:00:00.000000000Z,2024-11-12T06:00:00.000000000Z,b,"
        "0.0950952,49019282.9514,1,128,7\n"
    )
    part = Part(tmp_path / "part.parquet", tables.BOOK)
    part.add([row])
    part.finish()
    with pytest.raises(RecordError, match="holds L2_updates, not trades: load_book reads it"):
        load_trades(tmp_path / "part.parquet")


def test_a_file_of_fewer_columns_is_of_every_table_that_has_them(tmp_path: Path) -> None:
    path = tmp_path / "fewer.csv"
    path.write_text("ts_recv,price\n2024-11-12T06:00:00Z,1.5\n")
    assert load_orders(path)["price"].tolist() == [1.5]
    assert load_book(path)["price"].tolist() == [1.5]
