"""Files of other tools are read whole under our names, or refused by theirs."""

from __future__ import annotations

import gzip
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest
import zstandard

from kracked.errors import ConfigError, RecordError
from kracked.format import tables
from kracked.frames import (
    load_balances,
    load_book_wide,
    load_connections,
    load_ohlc,
    load_orders,
    load_ticker,
    load_trades,
    loaders,
)
from kracked.record.write.session import Format
from tests.record.seeded_market import Level3Market, record_stream

HEAD = "ts_event,symbol,price,qty,side,ord_type,trade_id\n"


def row(at: int, number: object, price: str = "100.0") -> str:
    return f"2026-11-30T08:00:{at:02}.000000Z,BTC/USD,{price},0.5,buy,limit,{number}\n"


ROWS = "".join(row(at, 70 + at) for at in range(6))


@pytest.fixture(params=[True, False], ids=["pyarrow", "pandas alone"], autouse=True)
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loaders, "HAS_ARROW", request.param)


def write(folder: Path, text: str | bytes, name: str = "trades.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


# --- keys ----------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["", "x0", "9" * 25, "b2f9-44"])
def test_trades_without_a_number_are_all_kept_and_told(
    number: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path, HEAD + "".join(row(at, number) for at in range(6)))
    assert len(load_trades(path)) == 6
    assert "6 rows have no trade_id: all are kept" in caplog.text


def test_trades_of_a_table_without_the_column_are_all_kept(tmp_path: Path) -> None:
    text = (HEAD + ROWS).replace("\r", "")
    cut = "\n".join(line.rpartition(",")[0] for line in text.splitlines()) + "\n"
    assert len(load_trades(write(tmp_path, cut))) == 6


def test_one_number_for_all_trades_is_no_key(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path, HEAD + "".join(row(at, 7) for at in range(6)))
    assert len(load_trades(path)) == 6
    assert "6 rows share their trade_id with other trades" in caplog.text


def test_a_trade_that_is_there_twice_is_left_out_once_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert len(load_trades(write(tmp_path, HEAD + ROWS + row(3, 73)))) == 6
    assert "1 rows left out that repeat a trade" in caplog.text


@pytest.mark.parametrize("unit", [1, 10**3, 10**6, 10**9])
def test_times_since_the_epoch_are_times_whatever_their_unit(unit: int, tmp_path: Path) -> None:
    head = "timestamp,symbol,open,high,low,close,volume,vwap,trades,tstart,ttrue\n"
    rows = "".join(
        f"{(at + 60) * unit},BTC/USD,1,2,1,1,5,1,4,{at * unit},{at * unit}\n"
        for at in range(1_764_489_600, 1_764_489_960, 60)
    )
    candles = load_ohlc(write(tmp_path, head + rows, "OHLC.csv"))
    assert len(candles) == 6
    assert candles["tstart"].iloc[0] == pd.Timestamp("2025-11-30T08:00:00Z")


# --- ends ----------------------------------------------------------------------------


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress])
@pytest.mark.parametrize("left_out", [1, 3, 12])
def test_a_torn_last_line_is_no_row_and_told(
    pack: Callable[[bytes], bytes],
    left_out: int,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    names = {bytes: "t.csv", gzip.compress: "t.csv.gz", zstandard.compress: "t.csv.zst"}
    path = write(tmp_path, pack((HEAD + ROWS).encode()[:-left_out]), names[pack])
    assert load_trades(path)["trade_id"].tolist() == [70, 71, 72, 73, 74]
    assert "1 row left out (1 torn at the end of the file)" in caplog.text


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_a_packed_table_that_is_cut_is_read_up_to_the_cut_and_told(
    suffix: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = (
        HEAD + "".join(row(at % 60, at, f"{at * 7919 % 9973}.5") for at in range(60_000))
    ).encode()
    packed = gzip.compress(text) if suffix == ".gz" else zstandard.compress(text)
    path = write(tmp_path, packed[: len(packed) // 2], f"trades.csv{suffix}")
    assert 0 < len(load_trades(path)) < 60_000
    assert "the packed file is cut off" in caplog.text


REFUSED_WITHIN = """
import resource, sys
from kracked.errors import RecordError
from kracked.frames import load_trades, loaders

path, loaders.HAS_ARROW = sys.argv[1], sys.argv[2] == "True"
load_trades(sys.argv[3])  # so that what a loader imports is loaded before
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    load_trades(path)
except RecordError as refused:
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10, refused)
"""


def test_a_small_file_that_unpacks_without_end_is_refused(tmp_path: Path) -> None:
    bomb = write(tmp_path, zstandard.compress(HEAD.encode() + b"\n" * (1 << 28)), "bomb.csv.zst")
    small = write(tmp_path, HEAD + ROWS)
    child = subprocess.run(  # tracing allocations beside pyarrow's threads crashes Python 3.11
        [sys.executable, "-c", REFUSED_WITHIN, bomb, str(loaders.HAS_ARROW), small],
        check=True,
        capture_output=True,
        text=True,
    )
    mebibytes, sentence = child.stdout.split(maxsplit=1)
    assert "unpacks to more than 200 times its size" in sentence
    assert int(mebibytes) < 200


# --- headers -------------------------------------------------------------------------


def test_blank_lines_before_the_header_are_none_of_its(tmp_path: Path) -> None:
    assert len(load_trades(write(tmp_path, f"\n\n{HEAD}{ROWS}"))) == 6


def test_a_header_in_the_middle_is_no_row_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert len(load_trades(write(tmp_path, HEAD + ROWS + HEAD + row(9, 90)))) == 7
    assert "the header again" in caplog.text


def test_what_cannot_be_read_is_told_in_one_line_with_file_columns_and_rows(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [row(1, "x"), row(2, 2, "much"), row(3, "y", "more"), "a,b\n"]
    assert len(load_trades(write(tmp_path, HEAD + "".join(rows)), columns=["price"])) == 3
    [line, _] = [record.getMessage() for record in caplog.records]
    assert line == (
        f"{tmp_path / 'trades.csv'}: 1 row left out (1 with another number of cells); "
        "cells that cannot be read are empty, in up to 2 rows: price in 2, trade_id in 2"
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is empty"),
        ("price,colour\n1.0,red\n", "it has no ts_event, symbol, qty; it has price, colour"),
        (HEAD.replace(",", ";"), "separated by semicolons"),
        (HEAD.replace("qty", "price"), "two columns price"),
        ('{"channel":"trade"}\n', "it holds JSON"),
        ("1,2,3\n4,5,6\n", "its first line names no columns"),
        ("PK\x03\x04", "a ZIP archive: unpack it first"),
    ],
)
def test_what_is_no_table_is_refused_with_the_reason(text: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=why):
        load_trades(write(tmp_path, text, "some.csv"))


# --- other tools ---------------------------------------------------------------------


def test_tardis_trades_are_read(tmp_path: Path) -> None:
    head = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
    text = head + "kraken,BTC/USD,1764489600000000,1764489600009000,5,buy,100.0,0.5\n"
    [trade] = load_trades(write(tmp_path, text)).itertuples()
    assert (trade.price, trade.qty, trade.side, trade.trade_id) == (100.0, 0.5, "buy", 5)
    assert trade.ts_recv == pd.Timestamp("2025-11-30T08:00:00.009Z")


def test_cryptofeed_trades_are_read(tmp_path: Path) -> None:
    head = "exchange,symbol,side,amount,price,id,type,timestamp,receipt_timestamp\n"
    text = head + "KRAKEN,BTC-USD,sell,0.5,100.0,5,limit,1764489600.25,1764489600.5\n"
    [trade] = load_trades(write(tmp_path, text)).itertuples()
    assert (trade.symbol, trade.qty, trade.ord_type) == ("BTC-USD", 0.5, "limit")
    assert trade.ts_event == pd.Timestamp("2025-11-30T08:00:00.25Z")


def test_krakens_own_downloads_are_read_by_their_names(tmp_path: Path) -> None:
    trades = write(tmp_path, "1764489600,100.0,0.5\n1764489601.5,101.0,0.25\n", "XBTUSD.csv")
    assert load_trades(trades)["qty"].tolist() == [0.5, 0.25]
    candles = write(tmp_path, "1764489600,1.0,2.0,0.5,1.5,3.25,4\n", "XBTUSD_5.csv")
    [candle] = load_ohlc(candles).itertuples()
    assert (candle.symbol, candle.volume, candle.trades) == ("BTC/USD", 3.25, 4)
    assert candle.timestamp - candle.tstart == pd.Timedelta("5min")


@pytest.mark.parametrize(
    ("head", "whose"),
    [
        ("exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount", "Tardis'"),
        ("txid,ordertxid,pair,time,type,price,cost,fee,vol", "Kraken's export of own trades"),
        ("ts_recv,ts_event,rtype,publisher_id,instrument_id,price,size", "Databento's"),
    ],
)
def test_a_form_that_is_not_read_is_refused_by_its_name(
    head: str, whose: str, tmp_path: Path
) -> None:
    with pytest.raises(RecordError, match=f"holds {whose}"):
        load_trades(write(tmp_path, f"{head}\n"))


def _original_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(
            "CREATE TABLE trades (ts_event text, symbol text, price numeric, qty numeric,"
            " side text, ord_type text, trade_id numeric)"
        )
        database.execute("CREATE TABLE L2 (symbol, timestamp, ts_recv, ask_px_0, ask_sz_0,"
                         " bid_px_0, bid_sz_0)")  # fmt: skip
        trade = ("2024-11-12T06:43:30.5Z", "BTC/USD", 89410.0, 7.14e-05, "sell", "limit", 75)
        database.execute("INSERT INTO trades VALUES (?, ?, ?, ?, ?, ?, ?)", trade)
        for symbol in ("BTC/USD", "ETH/USD"):
            level = (symbol, "2024-11-12T06:43:30.5Z", None, "10.5", "1.0", "9.5", "2.0")
            database.execute("INSERT INTO L2 VALUES (?, ?, ?, ?, ?, ?, ?)", level)


@pytest.mark.parametrize("name", ["kracked_outputs.db", ""])
def test_the_originals_database_is_read(name: str, tmp_path: Path) -> None:
    _original_database(tmp_path / "kracked_outputs.db")
    [trade] = load_trades(tmp_path / name).itertuples()
    assert (trade.price, trade.qty, trade.trade_id) == (89410.0, 7.14e-05, 75)
    wide = load_book_wide(tmp_path / name, symbols="ETH/USD")
    assert wide["bid_px_0"].tolist() == [9.5]


def test_the_originals_parquet_folder_is_read_or_asks_for_pyarrow(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    arrow = pytest.importorskip("pyarrow")
    columns = ["side", "ts_event", "ts_recv", "price", "size", "action", "order_id", "symbol"]
    folder = tmp_path / "L3_ticks.parquet"
    folder.mkdir()
    for number, second in enumerate((2, 1)):
        time = f"2024-11-12 06:44:0{second}.5"
        cells = ["b", f"2024-11-12T06:44:0{second}.5Z", time, 0.4, 10.0, "add", f"O{second}", "A/B"]
        rows = pd.DataFrame([cells], columns=columns)
        parquet.write_table(arrow.Table.from_pandas(rows), folder / f"{number}-0.parquet")
    for source in (tmp_path, folder):
        if loaders.HAS_ARROW:
            orders = load_orders(source)
            assert orders["order_id"].tolist() == ["O1", "O2"]
            assert orders["action"].tolist() == ["A", "A"]
        else:
            with pytest.raises(ConfigError, match="needs pyarrow"):
                load_orders(source)


# --- databases that never end ----------------------------------------------------------


def test_a_view_is_no_table_and_is_never_run(tmp_path: Path) -> None:
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)"
    with closing(sqlite3.connect(tmp_path / "recording.sqlite")) as database, database:
        database.execute(f"CREATE VIEW trades AS {endless} SELECT x AS price, x AS seq FROM n")
    with pytest.raises(RecordError, match="its trades is computed: only real tables are read"):
        load_trades(tmp_path)


def test_a_column_that_computes_a_huge_cell_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "recording.sqlite")) as database, database:
        database.execute(
            "CREATE TABLE trades (ts_event TEXT, symbol TEXT, price TEXT,"
            " qty TEXT DEFAULT (hex(zeroblob(40000000))))"
        )
        database.execute("INSERT INTO trades (ts_event, symbol, price) VALUES ('x', 'y', '1')")
    with pytest.raises(RecordError, match=r"recording\.sqlite cannot be read"):
        load_trades(tmp_path)


# --- nothing there -------------------------------------------------------------------


def test_a_folder_without_tables_is_refused_with_what_it_has(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="there is no table and no recording in it"):
        load_trades(tmp_path)
    write(tmp_path, HEAD + ROWS)
    with pytest.raises(RecordError, match="holds no L1: it has trades"):
        load_ticker(tmp_path)


def test_a_folder_of_recordings_names_them(tmp_path: Path) -> None:
    (tmp_path / "monday").mkdir()
    write(tmp_path / "monday", "{}", "session.json")
    with pytest.raises(RecordError, match="recordings are in it, name one: monday"):
        load_trades(tmp_path)


@pytest.mark.parametrize("asked", ["BTCUSD", "btc/usd", "XBT/USD", "BTC-USD"])
def test_a_symbol_that_is_not_there_is_refused_with_the_one_that_was_meant(
    asked: str, tmp_path: Path
) -> None:
    write(tmp_path, HEAD + ROWS)
    with pytest.raises(RecordError, match=r"was not recorded: did you mean BTC/USD\?"):
        load_trades(tmp_path, symbols=asked)


def test_symbols_of_a_table_without_symbols_are_refused(tmp_path: Path) -> None:
    write(tmp_path, f"{tables.BALANCES.header}\n", "balances.csv")
    with pytest.raises(ConfigError, match="balances has no symbols"):
        load_balances(tmp_path, symbols="BTC/USD")


@pytest.mark.parametrize("time", [1_796_025_056.5, 1_796_025_056, "1796025056", True, "soon"])
def test_a_time_without_its_unit_is_refused(time: object, tmp_path: Path) -> None:
    write(tmp_path, HEAD + ROWS)
    with pytest.raises(ConfigError, match="start="):
        load_trades(tmp_path, start=time)


def test_a_range_that_ends_before_it_starts_is_refused(tmp_path: Path) -> None:
    write(tmp_path, HEAD + ROWS)
    with pytest.raises(ConfigError, match="is not before"):
        load_trades(tmp_path, start="2026-12-01", end="2026-11-01")


def test_a_recording_without_tables_is_refused_with_what_its_raw_log_has(tmp_path: Path) -> None:
    record_stream(tmp_path, Level3Market().stream(30))
    (tmp_path / "L3_ticks.csv").unlink()
    with pytest.raises(RecordError, match=r"has 31 messages .* of L3_ticks in its raw log"):
        load_orders(tmp_path)


def test_tables_that_end_before_the_raw_log_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    record_stream(tmp_path, Level3Market().stream(200))
    table = tmp_path / "L3_ticks.csv"
    lines = table.read_text().splitlines(keepends=True)
    table.write_text("".join(line for line in lines if not line.split(",")[8].isdigit()
                             or int(line.split(",")[8]) <= 102))  # fmt: skip
    assert not load_orders(tmp_path).empty
    assert "the raw log has 100 messages" in caplog.text
    assert "of L3_ticks that the tables lack: `kracked convert` makes them" in caplog.text


def test_the_network_of_a_database_recording_is_told_once(tmp_path: Path) -> None:
    record_stream(tmp_path, Level3Market().stream(30), form=Format.SQLITE)
    rows = (tmp_path / "connections.csv").read_text().splitlines()
    assert len(load_connections(tmp_path)) == len(rows) - 1
