"""The recording of an exchange gone wrong: what cannot be read of it costs no other cell."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from kracked.format import tables
from kracked.format.cells import time_cell
from kracked.format.session_info import SessionInfo
from kracked.format.tables import Flag
from kracked.frames import load_ohlc, load_orders, load_trades
from kracked.instruments import Asset, Precision
from kracked.protocol import events
from kracked.record import arrow_rows
from kracked.record.arrow_rows import Unread
from kracked.record.check import check
from kracked.record.convert import convert
from kracked.record.parquet import Part
from kracked.record.read.recording import open_recording
from kracked.record.replay import Player
from kracked.record.write.session import Format, record_into
from tests.record.seeded_market import START, Level3Market, record_stream

NO_TIMES = (
    "2024-13-41T99:99:99.000000000Z",
    "2024-02-30T06:50:44.000000Z",
    "2263-01-01T00:00:00.000000000Z",
    "1500-01-01T00:00:00.000000000Z",
    "\u00e4" * 29 + "Z",
    "yesterday, 5 o'clock",
    'the \\"third\\"',
    "\\u2028",
)
WHEN = "2024-11-12T06:50:44.000000000Z"
LEVEL = f"BTC/USD,{WHEN},{WHEN},b,{{}},1.00000000,{{}},128,7\n"


def told(message: bytes, member: str, value: str) -> bytes:
    """The message with another value for its first member of this name."""
    begin = message.index(f'"{member}":'.encode()) + len(member) + 3
    end = min(at for mark in b",}" if (at := message.find(mark, begin)) > 0)
    return message[:begin] + value.encode() + message[end:]


def recorded(path: Path, member: str, value: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Orders of a recording as it should be, and of one in which an update says otherwise."""
    frames = []
    for name in ("right", "odd"):
        stream = Level3Market().stream(30)
        if name == "odd":
            stream[11] = (stream[11][0], told(stream[11][1], member, value))
        record_stream(path / name, stream)
        convert(path / name)
        frames.append(load_orders(path / name / "parquet"))
    right, odd = frames
    return right, odd


@pytest.mark.parametrize("time", NO_TIMES)
def test_what_is_no_time_costs_one_cell(tmp_path: Path, time: str) -> None:
    right, odd = recorded(tmp_path, "timestamp", f'"{time}"')
    assert odd["ts_event"].isna().sum() == 1
    there = odd["ts_event"].notna()
    pd.testing.assert_frame_equal(odd[there], right[there])


@pytest.mark.parametrize("count", [2**63, 2**64 - 1])
def test_a_number_beyond_64_bits_costs_one_cell(tmp_path: Path, count: int) -> None:
    right, odd = recorded(tmp_path, "checksum", str(count))
    assert odd["checksum"].isna().sum() == right["checksum"].isna().sum() + 1


@pytest.mark.parametrize("price", ["1e99", "-1e60", "1e38"])
def test_a_price_beyond_all_measure_costs_its_message(tmp_path: Path, price: str) -> None:
    right, odd = recorded(tmp_path, "limit_price", price)
    assert odd["price"].isna().sum() == 1  # the row that clears the book
    assert len(right) - len(odd) > 0


@pytest.mark.parametrize("symbol", ["", "A,B", '\\"A', "\\n", "\\u0000", "\\u2028", "X" * 300])
def test_what_is_no_symbol_has_no_rows(tmp_path: Path, symbol: str) -> None:
    right, odd = recorded(tmp_path, "symbol", f'"{symbol}"')
    assert set(odd["symbol"]) == {"BTC/USD"}
    assert len(load_orders(tmp_path / "odd")) == len(odd) < len(right)


def test_a_symbol_that_would_share_a_folder_costs_the_other_nothing(tmp_path: Path) -> None:
    right, odd = recorded(tmp_path, "symbol", '"BTC-USD"')
    assert set(odd["symbol"]) == {"BTC/USD", "BTC-USD"}
    ours, theirs = (each[each["flags"] & Flag.CUT == 0] for each in (odd, right))
    assert len(ours) == len(theirs)


@pytest.mark.parametrize(
    ("text", "unread"),
    [
        (LEVEL.format("1.0", "x"), Unread(cells=1)),
        (LEVEL.format("1.0", "1,1"), Unread(rows=1)),
        (LEVEL.format('"1.0', "1"), Unread(rows=1)),
        (LEVEL.format("1.0", str(10**19)), Unread(cells=1)),
        ("\n", Unread()),
    ],
)
def test_what_is_unread_is_counted_and_the_rows_around_it_are_read(
    text: str, unread: Unread
) -> None:
    good = LEVEL.format("2.0", "2")
    read, lost = arrow_rows.read([good, text, good], tables.BOOK)
    assert lost == unread
    assert read.num_rows == 3 - unread.rows - (text == "\n")
    assert read["seq"].to_pylist()[:: len(read) - 1] == [2, 2]


def test_two_quotes_that_nothing_closes_do_not_swallow_the_rows_between() -> None:
    odd = f'BTC/USD,{WHEN},{WHEN},b,"1.0,1.00000000,1,128,7\n'
    read, lost = arrow_rows.read([odd, LEVEL.format("2.0", "2") * 5, odd], tables.BOOK)
    assert (read.num_rows, lost) == (5, Unread(rows=2))


@pytest.mark.parametrize("odd", ["1e99", "a word", "1" * 39, "1" * 31, "0." + "0" * 98 + "1"])
def test_what_is_no_number_leaves_the_others_exact(tmp_path: Path, odd: str) -> None:
    part = Part(tmp_path / "part.parquet", tables.BOOK)
    part.add([LEVEL.format("123456789012.12345678", "1"), LEVEL.format(odd, "2")])
    part.finish()
    prices = pq.read_table(part.path, partitioning=None)["price"].to_pylist()
    assert [str(price) for price in prices] == ["123456789012.12345678", "None"]
    assert part.unread == Unread(cells=1)


def test_a_conversion_tells_what_it_could_not_read(tmp_path: Path) -> None:
    stream = Level3Market().stream(5)
    stream[3] = (stream[3][0], told(stream[3][1], "timestamp", '"yesterday"'))
    record_stream(tmp_path, stream)
    said: list[str] = []
    [part] = convert(tmp_path, tell=said.append)
    assert said == [f"{part}: 1 cells cannot be read and are empty, 0 rows are left out"]


def test_lines_of_which_none_is_a_row_make_no_file(tmp_path: Path) -> None:
    part = Part(tmp_path / "part.parquet", tables.BOOK)
    part.add(["odd\n"])
    assert not part.finish()
    assert part.unread == Unread(rows=1)


CANDLE = (
    '{{"channel":"ohlc","type":"update","timestamp":"{0}","data":[{{"symbol":"BTC/USD","open":1.0,'
    '"high":1.0,"low":1.0,"close":1.0,"trades":1,"volume":1.0,"vwap":1.0,"interval_begin":"{0}",'
    '"interval":{1}}}]}}'
)


@pytest.mark.parametrize("interval", [5, 2**62, -(2**62)])
def test_the_end_of_an_interval_that_no_calendar_has_is_left_empty(
    tmp_path: Path, interval: int
) -> None:
    stream = Level3Market().stream(5)
    stream[3:3] = [(START, CANDLE.format("9999-12-31T23:59:59Z", interval).encode())]
    record_stream(tmp_path, stream)
    convert(tmp_path)
    assert load_ohlc(tmp_path / "parquet")["timestamp"].isna().tolist() == [True]


TRADE = (
    '{{"channel":"trade","type":"update","data":[{{"symbol":"BTC/USD","side":"buy","price":1.0,'
    '"qty":1.0,"ord_type":"{}","trade_id":7,"timestamp":"2024-11-12T06:50:44.000000Z"}}]}}'
)


@pytest.mark.parametrize("word", ["a,b", '\\"x', "\\u2028", "iceberg"])
def test_a_word_the_exchange_has_not_had_before_is_a_cell_like_another(
    tmp_path: Path, word: str
) -> None:
    stream = Level3Market().stream(5)
    stream[3:3] = [(START, TRADE.format(word).encode())]
    record_stream(tmp_path, stream)
    convert(tmp_path)
    live, made = load_trades(tmp_path), load_trades(tmp_path / "parquet")
    assert made["ord_type"].tolist() == live["ord_type"].tolist()
    assert made["trade_id"].tolist() == [7]


def test_a_time_before_1970_has_its_own_fraction() -> None:
    assert time_cell(-400_000_000) == "1969-12-31T23:59:59.600000000Z"


def test_fewer_digits_of_a_ticker_do_not_make_the_book_unreadable(tmp_path: Path) -> None:
    stream = Level3Market().stream(30)
    ticker = (
        b'{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","bid":1,"bid_qty":1}]}'
    )
    stream[9:9] = [(START, ticker)]
    record_stream(tmp_path, stream)
    assert open_recording(tmp_path).verify().proven


@pytest.mark.parametrize("form", [Format.CSV, Format.SQLITE])
@pytest.mark.parametrize("word", ["lim\u2028it", "x\x85,", "endless, " * 20_000])
def test_whatever_an_exchange_says_a_recording_goes_on(
    tmp_path: Path, form: Format, word: str
) -> None:
    path, trade = tmp_path / "session", events.Trade(events.Side.BID, 1, 1, word, 7, WHEN)
    for _ in range(2):  # the second goes on in the folder
        info = SessionInfo(start=WHEN)
        with record_into(path, info, form=form, clock=lambda: START) as session:
            session.ingest.take_message("public", START, b'{"channel":"heartbeat"}')
            session.ingest.take_event(events.Trades(START, "BTC/USD", Precision(1, 8), (trade,)))
    assert check(path).healthy
    shown = word.replace("\u2028", " ").replace("\x85", " ")  # no cell holds what a terminal obeys
    assert set(load_trades(path)["ord_type"]) == {shown}


def test_rows_of_no_symbol_keep_no_other_from_being_loaded(tmp_path: Path) -> None:
    """Some are in Parquet and in a live file as well, some in the live file alone."""
    path = tmp_path / "session"
    for symbol in ("BTC/USD", "ETH/USD"):
        stream = Level3Market(symbol=symbol).stream(20)
        stream[11] = (stream[11][0], told(stream[11][1], "symbol", '""'))
        record_stream(path, stream)
        if symbol == "BTC/USD":
            convert(path)
    both = load_orders(path)["symbol"].value_counts().to_dict()
    shutil.rmtree(path / "parquet")
    assert load_orders(path)["symbol"].value_counts().to_dict() == both


def test_odd_words_of_what_stands_leave_the_recording_readable(tmp_path: Path) -> None:
    path, odd = tmp_path / "session", 'a "quote"\nand a line'
    stands = events.Instruments(START, (), (Asset(id="BTC", status=odd),), snapshot=True)
    with record_into(path, SessionInfo(start=time_cell(START)), clock=lambda: START) as session:
        session.ingest.write_state_snapshots([stands])
        session.ingest.take_message("public", START, b'{"channel":"heartbeat"}')
    moment = Player(open_recording(path)).step()
    assert moment is not None
    assert moment.snapshots == [stands]
