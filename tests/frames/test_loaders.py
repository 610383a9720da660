"""Loaders: types, ranges, exact digits, and the original project's files."""

from __future__ import annotations

import gzip
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from kracked.errors import ConfigError, RecordError
from kracked.format import tables
from kracked.frames import (
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
from tests.shared import CAPTURES

needs_captures = pytest.mark.skipif(not CAPTURES.exists(), reason="real captures are not here")

TRADES = """\
ts_event,ts_recv,symbol,price,qty,side,ord_type,trade_id,seq,flags
2024-11-12T06:00:01.500000000Z,2024-11-12T06:00:01.600000001Z,BTC/USD,89410.0,0.09482500,sell,limit,1,5,128
2024-11-12T06:00:02.500000000Z,2024-11-12T06:00:02.600000000Z,DOGE/USD,0.4001000,10.00000000,buy,market,7,6,128
2024-11-12T06:00:03.500000000Z,2024-11-12T06:00:03.600000000Z,BTC/USD,89410.1,0.00000001,buy,limit,2,7,0
2024-11-12T06:00:03.500000000Z,2024-11-12T06:00:03.600000000Z,BTC/USD,89410.2,0.00000002,buy,limit,3,7,128
"""
LATER = """\
ts_event,ts_recv,symbol,price,qty,side,ord_type,trade_id,seq,flags
2024-11-12T06:00:03.500000000Z,2024-11-12T07:00:03.600000000Z,BTC/USD,89410.2,0.00000002,buy,limit,3,9,32
2024-11-12T07:00:04.000000000Z,2024-11-12T07:00:04.100000000Z,BTC/USD,89411.0,1.00000000,sell,limit,4,10,128
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A recording of two hours, the first one closed."""
    (tmp_path / "trades-20241112T06Z.csv").write_text(TRADES)
    (tmp_path / "trades.csv").write_text(LATER)
    return tmp_path


def test_all_hours_load_as_one_frame_without_repeated_trades(folder: Path) -> None:
    frame = load_trades(folder)
    assert frame["trade_id"].tolist() == [1, 7, 2, 3, 4]
    assert list(frame.columns) == [column.name for column in tables.TRADES.columns]


def test_times_are_utc_at_nanosecond_resolution(folder: Path) -> None:
    frame = load_trades(folder)
    assert str(frame["ts_recv"].dtype) == "datetime64[ns, UTC]"
    assert frame["ts_recv"][0].value == 1_731_391_201_600_000_001


def test_numbers_are_floats_and_labels_categories(folder: Path) -> None:
    types = load_trades(folder).dtypes
    assert (types["price"], types["trade_id"]) == ("float64", "int64")
    assert isinstance(types["symbol"], pd.CategoricalDtype)


def test_exact_numbers_keep_every_digit(folder: Path) -> None:
    frame = load_trades(folder, exact=True, symbols="BTC/USD")
    assert [str(qty) for qty in frame["qty"]] == ["0.09482500", "1E-8", "2E-8", "1.00000000"]
    assert frame["price"][0] == Decimal("89410.0")


def test_symbols_can_be_chosen(folder: Path) -> None:
    assert load_trades(folder, symbols=["DOGE/USD"])["trade_id"].tolist() == [7]


def test_a_range_takes_its_start_and_leaves_its_end(folder: Path) -> None:
    frame = load_trades(folder, start="2024-11-12T06:00:02.5Z", end="2024-11-12 07:00:04")
    assert frame["trade_id"].tolist() == [7, 2, 3]


def test_hours_outside_the_range_are_not_even_opened(folder: Path) -> None:
    (folder / "trades-20241112T06Z.csv").write_text("not a table")
    assert load_trades(folder, start="2024-11-12T07:30Z").empty


def test_columns_can_be_chosen(folder: Path) -> None:
    assert list(load_trades(folder, columns=["symbol", "price"]).columns) == ["symbol", "price"]


def test_one_column_may_be_named_alone(folder: Path) -> None:
    assert list(load_trades(folder, columns="price")) == ["price"]


@pytest.mark.parametrize("arrow", [True, False])
def test_a_file_packed_by_gzip_loads_like_the_plain_one(
    arrow: bool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loaders, "HAS_ARROW", arrow)
    packed = folder / "packed.csv.gz"
    packed.write_bytes(gzip.compress(TRADES.encode()))
    assert load_trades(packed)["trade_id"].tolist() == [1, 7, 2, 3]
    packed.write_bytes(packed.read_bytes()[:60])
    with pytest.raises(RecordError, match=r"packed\.csv\.gz cannot be read"):
        load_trades(packed)


@pytest.mark.parametrize("arrow", [True, False])
def test_half_a_row_is_no_row(
    arrow: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(loaders, "HAS_ARROW", arrow)
    (tmp_path / "trades.csv").write_text(TRADES[: TRADES.index(".2,0.00000002")])
    assert load_trades(tmp_path)["trade_id"].tolist() == [1, 7, 2]
    assert "trades.csv: 1 row left out (1 torn at the end of the file)" in caplog.text


def test_a_place_on_another_machine_is_refused_in_words() -> None:
    with pytest.raises(ConfigError, match=r"s3://bucket/today is not on this machine"):
        load_trades("s3://bucket/today")


def test_a_recording_without_the_table_gives_its_empty_frame(tmp_path: Path) -> None:
    (tmp_path / "session.json").write_text("{}")
    frame = load_orders(tmp_path)
    assert frame.empty
    assert str(frame["ts_event"].dtype) == "datetime64[ns, UTC]"


@pytest.mark.parametrize("form", [Format.CSV, Format.SQLITE])
def test_a_channel_that_was_not_recorded_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, form: Format
) -> None:
    path = tmp_path / "session"
    record_stream(path, Level3Market().stream(20), form=form)
    assert load_trades(path).empty
    assert caplog.messages == [
        f"{path} has no trades: no message of the channel trade was recorded"
    ]
    caplog.clear()
    assert not load_orders(path).empty
    assert load_orders(path, end="2000-01-01").empty
    load_connections(path)
    assert caplog.messages == []


def test_several_folders_load_as_one(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "trades.csv").write_text(LATER.replace(",4,10", ",5,11"))
    assert load_trades([folder, other])["trade_id"].tolist() == [1, 7, 2, 3, 4, 5]


def test_naive_times_are_read_in_the_zone_that_is_named(tmp_path: Path) -> None:
    _tick(tmp_path, ["2024-11-11 23:43:57"])
    frame = load_ticker(tmp_path, tz="America/Phoenix")
    assert frame["ts_recv"][0] == pd.Timestamp("2024-11-12 06:43:57", tz="UTC")


@pytest.mark.parametrize("arrow", [True, False])
@pytest.mark.parametrize(
    ("told", "meant"),
    [
        # As older and newer versions of the original appended to one file.
        (["2024-11-12T06:43:57.5Z", "2024-11-11 23:43:58"], ["06:43:57.5", "06:43:58"]),
        (["2024-11-11 23:43:57", "2024-11-12T06:43:57.5Z"], ["06:43:57", "06:43:57.5"]),
        (["2024-11-12T06:43:57+00:00", "2024-11-12T01:43:58-05:00"], ["06:43:57", "06:43:58"]),
    ],
)
def test_a_zone_is_that_of_its_own_row(
    arrow: bool, told: list[str], meant: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loaders, "HAS_ARROW", arrow)
    _tick(tmp_path, told)
    times = load_ticker(tmp_path, tz="America/Phoenix")["ts_recv"]
    assert times.tolist() == [pd.Timestamp(f"2024-11-12T{time}Z") for time in meant]


def test_an_hour_told_twice_is_told_apart_by_the_times_around_it(tmp_path: Path) -> None:
    _tick(tmp_path, [f"2024-11-03 01:{minute}:00" for minute in ("30", "59", "00")])
    times = load_ticker(tmp_path, tz="America/Los_Angeles")["ts_recv"]
    assert times.dt.strftime("%H:%M").tolist() == ["08:30", "08:59", "09:00"]


def _tick(folder: Path, times: list[str]) -> None:
    """A ticker file of the original project."""
    header = "timestamp,symbol,bid,bid_qty,ask,ask_qty,last,volume,vwap,low,high,change,change_pct"
    rows = [f"{time},DOGE/USD,0.4,1.0,0.5,2.0,0.4,9.0,0.3,0.2,0.6,0.1,44.65" for time in times]
    (folder / "L1.csv").write_text("\n".join([header, *rows, ""]))


def test_a_candle_is_its_last_row(tmp_path: Path) -> None:
    rows = [
        f"2024-11-12T06:05:00Z,DOGE/USD,1,2,1,{close},5,1.5,3,2024-11-12T06:00:00Z,"
        f"2024-11-12T06:0{close}:00Z,2024-11-12T06:0{close}:00Z,{close},128"
        for close in (1, 2)
    ]
    (tmp_path / "OHLC.csv").write_text("\n".join([tables.CANDLES.header, *rows, ""]))
    assert load_ohlc(tmp_path)["close"].tolist() == [2.0]
    assert load_ohlc(tmp_path, every_change=True)["close"].tolist() == [1.0, 2.0]


def test_candles_of_one_time_are_in_order_of_their_symbols(tmp_path: Path) -> None:
    rows = [
        f"2024-11-12T06:05:00Z,{symbol},1,2,1,1,5,1.5,3,2024-11-12T06:00:00Z,"
        f"2024-11-12T06:01:00Z,2024-11-12T06:01:00Z,{seq},128"
        for seq, symbol in enumerate(("ETH/USD", "DOGE/USD", "BTC/USD"))
    ]
    (tmp_path / "OHLC.csv").write_text("\n".join([tables.CANDLES.header, *rows, ""]))
    assert load_ohlc(tmp_path)["symbol"].tolist() == ["BTC/USD", "DOGE/USD", "ETH/USD"]


def test_quoted_words_of_the_network_load(tmp_path: Path) -> None:
    row = 'public,disconnect,2024-11-12T06:00:01.000000000Z,,"gone, ""why""",public,7,\n'
    (tmp_path / "connections.csv").write_text(f"{tables.CONNECTIONS.header}\n{row}")
    assert load_connections(tmp_path)["close_msg"].tolist() == ['gone, "why"']


@needs_captures
@pytest.mark.parametrize(
    ("file", "load", "rows"),
    [
        ("kracked_trades_short_2024.csv", load_trades, 123),
        ("kracked_L1_ticker_doge_2024.csv", load_ticker, 5),
        ("kracked_L3_events_doge_btc_short_2024.csv", load_orders, 608),
        ("kracked_L2_top10_btcusd_2024.csv", load_book_wide, 776),
        ("kracked_L2_top10_dogeusd_2024.csv", load_book_wide, 1405),
    ],
)
def test_files_of_the_original_project_load_whole(file: str, load: object, rows: int) -> None:
    assert callable(load)
    frame = load(CAPTURES / file)
    assert len(frame) == rows
    assert not frame.isna().all(axis=1).any()


@needs_captures
def test_the_originals_candles_load_whole() -> None:
    frame = load_ohlc(CAPTURES / "kracked_ohlc_2024.csv", every_change=True)
    assert len(frame) == 11
    assert (frame["timestamp"] - frame["tstart"] == pd.Timedelta("5min")).all()


@needs_captures
def test_the_originals_words_become_ours() -> None:
    orders = load_orders(CAPTURES / "kracked_L3_events_doge_btc_short_2024.csv")
    assert set(orders["action"]) == {"A", "C", "M"}
    wide = load_book_wide(CAPTURES / "kracked_L2_top10_btcusd_2024.csv")
    assert (wide["ask_px_0"] > wide["bid_px_0"]).all()
