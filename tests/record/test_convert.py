"""The other forms of the tables: Parquet made from the raw log, SQLite written live."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kracked.book.keeper import BookKeeper
from kracked.errors import RecordError
from kracked.format import keyframe, tables
from kracked.format.cells import time_cell
from kracked.format.session_info import SessionInfo
from kracked.frames import load_book_wide, load_connections, load_orders
from kracked.instruments import Precision
from kracked.protocol.events import Subscribed
from kracked.record.convert import convert
from kracked.record.parquet import Part
from kracked.record.write.session import Format, JoinedState, record_into
from tests.record.seeded_market import START
from tests.record.write.test_rows import book_messages

Record = Callable[..., Path]
Stream = list[tuple[int, bytes]]


def test_parquet_made_of_the_raw_log_equals_the_live_tables(record: Record, tmp_path: Path) -> None:
    path = record()
    [part] = convert(path, tmp_path / "lake")
    assert part.parent == tmp_path / "lake/channel=l3/date=2024-11-12/pair=BTC-USD"
    ours, theirs = load_orders(tmp_path / "lake"), load_orders(path)
    pd.testing.assert_frame_equal(ours, theirs, check_categorical=False)


def test_a_thin_book_that_a_recording_joined_is_converted_as_deep_as_it_was(tmp_path: Path) -> None:
    """Ten levels would hold it, but it may grow: the rows say so only if the depth is known."""
    asks = [(f"{100 + rank}.0", "1.00") for rank in range(12)]
    told = [{"bids": [("99.0", "1.00")], "asks": asks[:8]}, {"asks": asks[8:]}]
    told += [{"asks": [(price, "0.00")]} for price, _ in asks[:3]]
    keeper = BookKeeper(precisions={"BTC/USD": Precision(1, 2)})
    keeper.apply(Subscribed(START, "book", "BTC/USD", 100))
    snapshot, *updates = book_messages(*told)
    keeper.receive(snapshot, START)
    joined = JoinedState(START, (), keyframe.frozen(keeper.l2.values(), START))
    info, path = SessionInfo(start=time_cell(START)), tmp_path / "session"
    with record_into(path, info, clock=lambda: START + 9, joined=joined) as session:
        for number, data in enumerate(updates, 1):
            session.ingest.take(
                [("public", START + number, data)], keeper.receive(data, START + number)
            )
    convert(path, tmp_path / "lake")
    live, made = load_book_wide(path), load_book_wide(tmp_path / "lake")
    assert len(live) == 1 + len(updates)
    pd.testing.assert_frame_equal(made, live, check_categorical=False)


def test_exact_numbers_of_parquet_are_the_digits_of_the_wire(
    record: Record, tmp_path: Path
) -> None:
    path = record()
    convert(path, tmp_path / "lake")
    theirs, ours = load_orders(path, exact=True), load_orders(tmp_path / "lake", exact=True)
    for column in ("price", "size"):
        assert ours[column].map(str).tolist() == theirs[column].map(str).tolist()


def test_ranges_are_pushed_down(record: Record) -> None:
    path = record(form=Format.PARQUET)
    convert(path)
    whole = load_orders(path)
    middle = whole["ts_recv"][len(whole) // 2]
    assert load_orders(path, end=middle)["ts_recv"].max() < middle


def test_a_symbol_that_was_not_recorded_is_refused(record: Record) -> None:
    path = record(form=Format.PARQUET)
    convert(path)
    with pytest.raises(RecordError, match="ETH/USD was not recorded"):
        load_orders(path, symbols="ETH/USD")


def test_converting_again_adds_only_what_is_new(record: Record, stream: Stream) -> None:
    path = record(stream[:100])
    first = convert(path)
    assert convert(path) == []
    record(stream[100:])
    second = convert(path)
    assert len(first) == len(second) == 1
    assert first != second


def test_numbers_too_long_for_a_float_stay_decimals(tmp_path: Path) -> None:
    row = (
        "BTC/USD,2024-11-12T06:00:00.000000000Z,2024-11-12T06:00:00.000000000Z,b,"
        "89410.0,{},1,128,7\n"
    )
    part = Part(tmp_path / "part.parquet", tables.BOOK)
    part.add([row.format("123456789012.12345678"), row.format("0.00000001")])
    part.finish()
    table = pq.read_table(tmp_path / "part.parquet", partitioning=None)
    assert table.schema.field("price").type == pa.float64()
    assert [str(qty) for qty in table["qty"].to_pylist()] == ["123456789012.12345678", "1E-8"]


def test_a_part_that_is_not_finished_does_not_show(tmp_path: Path) -> None:
    part = Part(tmp_path / "part.parquet", tables.BOOK)
    part.add(["BTC/USD,,2024-11-12T06:00:00.000000000Z,n,,,1,32,\n"])
    assert list(tmp_path.iterdir()) == []


def test_a_part_half_written_when_a_kill_came_is_made_anew(record: Record) -> None:
    path = record()
    [part] = convert(path)
    whole = load_orders(path)
    part.rename(part.with_suffix(".part"))
    part.with_suffix(".part").write_bytes(b"PAR1 and then the power went")
    raw = {log: log.read_bytes() for log in path.glob("raw/*")}
    assert convert(path) == [part]
    assert not part.with_suffix(".part").exists()
    pd.testing.assert_frame_equal(load_orders(path), whole)
    assert {log: log.read_bytes() for log in path.glob("raw/*")} == raw


def test_sqlite_holds_the_rows_of_the_csv(record: Record, tmp_path: Path, stream: Stream) -> None:
    path = record(form=Format.SQLITE)
    database = sqlite3.connect(path / "recording.sqlite")
    rows = database.execute(
        "SELECT seq, price_text, checksum FROM L3_ticks ORDER BY rowid"
    ).fetchall()
    closed = database.execute("SELECT count(*) FROM L3_ticks WHERE checksum IS NOT NULL").fetchone()
    database.close()
    assert not (path / "L3_ticks.csv").exists()
    assert rows[0][1] is None  # the row that clears
    assert rows[1][1] == load_orders_text(path, tmp_path)
    assert closed == (len(stream) - 1,)


def load_orders_text(path: Path, tmp_path: Path) -> str:
    """The first price as the exchange wrote it, by way of Parquet."""
    convert(path, tmp_path / "lake")
    return str(load_orders(tmp_path / "lake", exact=True)["price"][1])


def test_a_strangers_query_of_a_database_compares_numbers(record: Record) -> None:
    path = record(form=Format.SQLITE)
    orders = load_orders(path)
    with closing(sqlite3.connect(path / "recording.sqlite")) as database:
        above = "SELECT count(*) FROM L3_ticks WHERE price > 7000"
        none = "SELECT count(*) FROM L3_ticks WHERE price > 63000 AND size = 0.5"
        dearest = "SELECT max(price) FROM L3_ticks"
        assert database.execute(above).fetchone() == (int((orders["price"] > 7000).sum()),)
        assert database.execute(none).fetchone() == (0,)
        assert database.execute(dearest).fetchone() == (orders["price"].max(),)


def test_a_database_keeps_every_digit_beside_its_numbers(record: Record) -> None:
    path = record(form=Format.SQLITE)
    with closing(sqlite3.connect(path / "recording.sqlite")) as database:
        texts = [row[0] for row in database.execute("SELECT size_text FROM L3_ticks WHERE size>0")]
    assert texts
    assert all(len(text.partition(".")[2]) == 8 for text in texts)
    assert load_orders(path, exact=True)["size"].dropna().map(str).tolist() == texts


def test_what_befell_the_connections_is_loaded_once_of_a_database(record: Record) -> None:
    path = record(form=Format.SQLITE)
    rows = (path / "connections.csv").read_text().count("\n") - 1
    assert len(load_connections(path)) == rows


def test_the_accounts_parts_are_its_owners_alone(tmp_path: Path) -> None:
    for table in (tables.BALANCES, tables.EXECUTIONS, tables.TRADES):
        part = Part(
            tmp_path / f"channel={table.channel}/date=2024-11-12/pair=none/p.parquet", table
        )
        part.add([",".join("" for _ in table.columns) + "\n"])
        part.finish()
    modes = {
        str(path.relative_to(tmp_path)): path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")
    }
    own = {mode for name, mode in modes.items() if "trades" not in name}
    assert own == {0o700, 0o600}
    assert {mode & 0o007 for mode in modes.values()} == {0}
