"""One recording in several forms: whatever is left of each, every row loads once, in order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from shutil import copytree, rmtree

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from kracked.errors import ConfigError, RecordError
from kracked.format import tables
from kracked.frames import (
    best_bid_offer,
    load,
    load_book_wide,
    load_ohlc,
    load_orders,
    load_ticker,
    load_trades,
    loaders,
)
from kracked.record.convert import convert
from kracked.record.parquet import Part
from kracked.record.write.session import Format
from tests.record.seeded_market import Level3Market, record_stream

HOUR_NS = 3600 * 10**9
SYMBOLS = ("BTC/USD", "ETH/USD")
Change = Callable[[Path], object]


def _two_hours() -> list[tuple[int, bytes]]:
    """Orders of two symbols, message by message in turns, before and after seven o'clock."""
    arrived = []
    for seed, symbol in enumerate(SYMBOLS):
        market = Level3Market(seed=seed, symbol=symbol)
        arrived += market.stream(60)
        market.now += HOUR_NS
        arrived += [(market.now, market.update()) for _ in range(60)]
    return sorted(arrived, key=lambda item: item[0])


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two hours as CSV, and all of it converted."""
    path = tmp_path_factory.mktemp("recorded") / "session"
    record_stream(path, _two_hours())
    convert(path)
    return path


@pytest.fixture(scope="module")
def rows(recorded: Path, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """What its CSV says, read alone."""
    path = copytree(recorded, tmp_path_factory.mktemp("plain") / "session")
    rmtree(path / "parquet")
    return load_orders(path)


@pytest.fixture
def session(recorded: Path, tmp_path: Path) -> Path:
    """The recording, to be changed."""
    return copytree(recorded, tmp_path / "session")


def _same(ours: pd.DataFrame, theirs: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(ours, theirs, check_categorical=False)


def _compress(file: Path) -> None:
    file.with_name(f"{file.name}.zst").write_bytes(zstandard.compress(file.read_bytes()))
    file.unlink()


def _first_csv(path: Path) -> Path:
    [file] = path.glob("L3_ticks-20241112T06Z.csv")
    return file


def _drop_parts(path: Path, pattern: str) -> None:
    parts = list(path.glob(f"parquet/channel=l3/{pattern}"))
    assert parts
    for part in parts:
        part.unlink()


FORMS: dict[str, Change] = {
    "all of both": lambda path: path,
    "CSV gone": lambda path: [file.unlink() for file in path.glob("L3_ticks*")],
    "first hour only Parquet": lambda path: _first_csv(path).unlink(),
    "second hour only CSV": lambda path: _drop_parts(path, "*/*/part-20241112T07*"),
    "an hour of each": lambda path: (
        _first_csv(path).unlink(),
        _drop_parts(path, "*/*/part-20241112T07*"),
    ),
    "the later hour Parquet": lambda path: (
        (path / "L3_ticks.csv").unlink(),
        _drop_parts(path, "*/*/part-20241112T06*"),
    ),
    "one symbol's part gone": lambda path: _drop_parts(path, "*/pair=ETH-USD/part-20241112T06*"),
    "compressed": lambda path: _compress(_first_csv(path)),
    "compressed, later hour CSV": lambda path: (
        _compress(_first_csv(path)),
        _drop_parts(path, "*/*/part-20241112T07*"),
    ),
    "compressed, no Parquet": lambda path: (
        _compress(_first_csv(path)),
        rmtree(path / "parquet"),
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_row_loads_once_and_in_order(form: str, session: Path, rows: pd.DataFrame) -> None:
    FORMS[form](session)
    _same(load_orders(session), rows)


@pytest.mark.parametrize("form", FORMS)
def test_one_symbol_of_it_loads_alike(form: str, session: Path, rows: pd.DataFrame) -> None:
    FORMS[form](session)
    mine = rows[rows["symbol"] == "ETH/USD"].reset_index(drop=True)
    _same(
        load_orders(session, symbols="ETH/USD"),
        mine.assign(symbol=mine["symbol"].astype("str")).astype({"symbol": "category"}),
    )


@pytest.mark.parametrize("form", ["all of both", "an hour of each", "the later hour Parquet"])
def test_books_are_rebuilt_from_any_form(form: str, recorded: Path, session: Path) -> None:
    FORMS[form](session)
    for symbol in SYMBOLS:
        _same(best_bid_offer(session, symbol), best_bid_offer(recorded, symbol))


def test_what_sqlite_holds_loads_as_csv_does(tmp_path: Path, rows: pd.DataFrame) -> None:
    record_stream(tmp_path / "session", _two_hours(), form=Format.SQLITE)
    _same(load_orders(tmp_path / "session"), rows)
    convert(tmp_path / "session")
    _same(load_orders(tmp_path / "session"), rows)


def test_ranges_and_symbols_are_asked_of_sqlite(tmp_path: Path, rows: pd.DataFrame) -> None:
    record_stream(tmp_path / "session", _two_hours(), form=Format.SQLITE)
    middle = rows["ts_recv"][len(rows) // 2]
    late = rows[(rows["symbol"] == "BTC/USD") & (rows["ts_recv"] >= middle)]
    found = load_orders(tmp_path / "session", symbols="BTC/USD", start=middle)
    assert found["order_id"].tolist() == late["order_id"].tolist()


def test_pandas_alone_reads_csv_and_sqlite_and_refuses_parquet(
    session: Path, tmp_path: Path, rows: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_stream(tmp_path / "database", _two_hours(), form=Format.SQLITE)
    monkeypatch.setattr(loaders, "HAS_ARROW", False)
    with pytest.raises(ConfigError, match=r"needs pyarrow: pip install pyarrow$"):
        load_orders(session)
    rmtree(session / "parquet")
    _same(load_orders(session), rows)
    _same(load_orders(tmp_path / "database"), rows)


def test_a_second_file_of_an_hour_comes_after_the_first(session: Path, rows: pd.DataFrame) -> None:
    rmtree(session / "parquet")
    header, *lines = _first_csv(session).read_text().splitlines(keepends=True)
    _first_csv(session).write_text(header + "".join(lines[:40]))
    (session / "L3_ticks-20241112T06Z-01.csv").write_text(header + "".join(lines[40:]))
    assert load_orders(session)["seq"].tolist() == rows["seq"].tolist()


def test_an_hour_that_is_being_compressed_counts_once(session: Path, rows: pd.DataFrame) -> None:
    rmtree(session / "parquet")
    text = _first_csv(session).read_bytes()
    _first_csv(session).with_suffix(".csv.zst").write_bytes(zstandard.compress(text))
    _same(load_orders(session), rows)


def test_a_row_still_being_written_waits(session: Path, rows: pd.DataFrame) -> None:
    rmtree(session / "parquet")
    info = session / "session.json"
    info.write_text('{"end": null}')
    with (session / "L3_ticks.csv").open("a") as file:
        file.write("b,2024-11-12T07:")
    _same(load_orders(session), rows)


def test_a_table_just_begun_is_empty(tmp_path: Path) -> None:
    (tmp_path / "L3_ticks.csv").write_text("")
    assert load_orders(tmp_path).empty


def test_a_table_just_begun_beside_parquet_is_empty(session: Path, rows: pd.DataFrame) -> None:
    for file in session.glob("L3_ticks*"):
        file.unlink()
    (session / "L3_ticks.csv").write_text("")
    _same(load_orders(session), rows)


def test_rows_that_cannot_be_told_from_those_in_parquet_are_refused(session: Path) -> None:
    (session / "L3_ticks.csv").write_text("side,price\nb,1.0\n")
    with pytest.raises(RecordError, match="does not number its messages"):
        load_orders(session)


def test_row_groups_outside_the_range_are_not_even_read(tmp_path: Path, rows: pd.DataFrame) -> None:
    file = tmp_path / "part.parquet"
    plain = rows.astype({"symbol": "str", "side": "str", "action": "str"})
    pq.write_table(pa.Table.from_pandas(plain, preserve_index=False), file, row_group_size=50)
    middle = rows["ts_recv"][len(rows) // 2]
    spoilt = bytearray(file.read_bytes())
    with pq.ParquetFile(file) as parts:
        first = parts.metadata.row_group(0)
        size = sum(first.column(at).total_compressed_size for at in range(first.num_columns))
    spoilt[4:size] = b"\xff" * (size - 4)
    file.write_bytes(spoilt)
    found = load_orders(file, start=middle)
    assert found["order_id"].tolist() == rows.loc[rows["ts_recv"] >= middle, "order_id"].tolist()
    with pytest.raises(RecordError, match=r"part\.parquet cannot be read"):
        load_orders(file)


def test_parts_of_other_symbols_and_hours_are_not_even_opened(session: Path) -> None:
    for file in session.glob("L3_ticks*"):
        file.unlink()
    for part in session.glob("parquet/channel=l3/*/pair=ETH-USD/*"):
        part.write_text("no Parquet")
    [first] = session.glob("parquet/channel=l3/*/pair=BTC-USD/part-20241112T06*")
    first.write_text("no Parquet")
    assert not load_orders(session, symbols="BTC/USD", start="2024-11-12T07:40Z").empty


@pytest.mark.parametrize("table", tables.MARKET, ids=lambda table: table.name)
@pytest.mark.parametrize("arrow", [True, False])
def test_a_frame_of_nothing_has_the_columns_and_types_of_a_full_one(
    table: tables.Table, arrow: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loaders, "HAS_ARROW", arrow)
    (tmp_path / f"{table.name}.csv").write_text(f"{table.header}\n")
    kinds = {"time": "datetime64[ns, UTC]", "decimal": "float64", "count": "int64", "text": "str"}
    types = load(table, tmp_path).dtypes
    assert list(types.index) == [column.name for column in table.columns]
    for column in table.columns:
        assert str(types[column.name]) == kinds.get(column.kind, "category")


def test_loaders_that_choose_rows_take_nothing_too(tmp_path: Path) -> None:
    (tmp_path / "session.json").write_text("{}")
    for load_one in (load_trades, load_ticker, load_ohlc, load_book_wide):
        frame = load_one(tmp_path)
        assert frame.empty
        assert isinstance(frame["symbol"].dtype, pd.CategoricalDtype)


def test_a_range_without_rows_keeps_the_types(recorded: Path, rows: pd.DataFrame) -> None:
    frame = load_orders(recorded, start="2030-01-01")
    assert frame.empty
    assert frame.dtypes.drop("checksum").astype(str).tolist() == (
        rows.dtypes.drop("checksum").astype(str).tolist()
    )


def test_a_column_that_is_not_there_is_refused(recorded: Path) -> None:
    with pytest.raises(ConfigError, match="L3_ticks has no column prise; it has side"):
        load_orders(recorded, columns=["prise"])


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.csv").write_text("when,what\n1,2\n")
    with pytest.raises(RecordError, match="no table of L3_ticks"):
        load_orders(tmp_path / "notes.csv")


def test_a_number_too_long_for_a_double_is_the_nearest_one_of_every_form(tmp_path: Path) -> None:
    row = (
        "DOGE/USD,2024-11-12T06:00:00.000000000Z,2024-11-12T06:00:00.000000000Z,b,"
        "0.0950952,49019282.95143244,1,128,7\n"
    )
    (tmp_path / "L2_updates.csv").write_text(f"{tables.BOOK.header}\n{row}")
    part = Part(tmp_path / "part.parquet", tables.BOOK)
    part.add([row])
    part.finish()
    for file in ("L2_updates.csv", "part.parquet"):
        assert load(tables.BOOK, tmp_path / file)["qty"].tolist() == [49019282.95143244]


@pytest.mark.parametrize("arrow", [True, False])
@pytest.mark.parametrize("converted", [True, False])
def test_a_damaged_compressed_hour_is_named(
    arrow: bool, converted: bool, recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loaders, "HAS_ARROW", arrow)
    path = copytree(recorded, tmp_path / "session")
    if not (converted and arrow):
        rmtree(path / "parquet")
    [hour] = path.glob("L3_ticks-*.csv")
    packed = bytearray(zstandard.ZstdCompressor(write_checksum=True).compress(hour.read_bytes()))
    packed[len(packed) // 2] ^= 1
    hour.with_name(f"{hour.name}.zst").write_bytes(packed)
    hour.unlink()
    with pytest.raises(RecordError, match=r"L3_ticks-.*\.csv\.zst cannot be read"):
        load_orders(path)
