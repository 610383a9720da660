"""nautilus_trader: a catalog in its layout, its types, its numbers, and the round trip."""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kracked.export import Action, NormalRow, Why, export
from kracked.export.nautilus import NautilusWriter, ParquetMissing
from kracked.export.writing import DoesNotFit, Target, Written
from kracked.instruments import Precision
from kracked.protocol.events import Side
from tests.export.rebuilt_book import RebuiltBook

NUMBER = pa.binary(16)
PAIR = Precision(1, 2)


def row(at: int, received: int, action: str, side: str = "bid", qty: int = 150) -> NormalRow:
    number, trade = (0, 77) if action == "T" else (5, 0)
    return NormalRow(
        at, received, Action(action), Side(side), 1001, qty, number, 128, Why.NEW, trade
    )


def written(tmp_path: Path, *rows: NormalRow, precision: Precision = PAIR) -> Written:
    folder = tmp_path / "BTC-USD"
    folder.mkdir(exist_ok=True)
    writer = NautilusWriter(Target(folder, "BTC/USD", precision))
    try:
        writer.write(rows)
        return writer.finish()
    finally:
        writer.close()


def table(made: Written, kind: str) -> pa.Table:
    [path] = [file for file in made.files if file.parent.parent.name == kind]
    return pq.ParquetFile(path).read()


def scaled(number: bytes) -> int:
    return int.from_bytes(number, "little")


def test_a_delta_has_the_columns_that_nautilus_reads(tmp_path: Path) -> None:
    told = table(written(tmp_path, row(10, 20, "A")), "order_book_deltas")
    assert dict(zip(told.schema.names, told.schema.types, strict=True)) == {
        "action": pa.uint8(),
        "side": pa.uint8(),
        "price": NUMBER,
        "size": NUMBER,
        "order_id": pa.uint64(),
        "flags": pa.uint8(),
        "sequence": pa.uint64(),
        "ts_event": pa.uint64(),
        "ts_init": pa.uint64(),
    }
    assert not any(field.nullable for field in told.schema)
    assert told.schema.metadata == {
        b"instrument_id": b"BTC/USD.KRAKEN",
        b"price_precision": b"1",
        b"size_precision": b"2",
    }


def test_numbers_have_sixteen_decimals_and_times_both_clocks(tmp_path: Path) -> None:
    [delta] = table(written(tmp_path, row(10, 20, "A")), "order_book_deltas").to_pylist()
    assert (scaled(delta["price"]), scaled(delta["size"])) == (1001 * 10**15, 150 * 10**14)
    assert (delta["ts_event"], delta["ts_init"], delta["order_id"]) == (10, 20, 5)


def test_each_action_has_nautilus_number_and_fills_are_left_out_and_counted(
    tmp_path: Path,
) -> None:
    made = written(tmp_path, *(row(1, 2, action) for action in "RAMFC"))
    assert table(made, "order_book_deltas")["action"].to_pylist() == [4, 1, 2, 3]
    assert sum(made.told.values()) == 1


def test_a_trade_has_the_taker_s_side_and_its_id(tmp_path: Path) -> None:
    [trade] = table(
        written(tmp_path, row(1, 2, "A"), row(10, 20, "T", "ask")), "trade_tick"
    ).to_pylist()
    assert (trade["aggressor_side"], trade["trade_id"]) == (2, "77")


def test_files_are_named_by_their_times_in_the_folders_of_a_catalog(tmp_path: Path) -> None:
    made = written(tmp_path, row(1, 2, "A"), row(3, 10**9 + 4, "C"))
    assert [str(file.relative_to(tmp_path)) for file in made.files] == [
        "data/order_book_deltas/BTCUSD.KRAKEN/"
        "1970-01-01T00-00-00-000000002Z_1970-01-01T00-00-01-000000004Z.parquet",
        "data/currency_pair/BTCUSD.KRAKEN/"
        "1970-01-01T00-00-00-000000002Z_1970-01-01T00-00-00-000000002Z.parquet",
        "BTC-USD/why.parquet",
    ]


def test_a_time_of_arrival_that_falls_is_raised_and_counted(tmp_path: Path) -> None:
    made = written(tmp_path, row(1, 30, "A"), row(2, 20, "C"))
    assert table(made, "order_book_deltas")["ts_init"].to_pylist() == [30, 30]
    assert sum(made.told.values()) == 1


def test_the_instrument_has_the_pair_s_decimals_and_the_fees_of_the_first_tier(
    tmp_path: Path,
) -> None:
    [pair] = table(written(tmp_path, row(1, 2, "A")), "currency_pair").to_pylist()
    known = ("id", "base_currency", "quote_currency", "price_increment", "size_increment")
    assert [pair[name] for name in known] == ["BTC/USD.KRAKEN", "BTC", "USD", "0.1", "0.01"]
    assert (pair["maker_fee"], pair["taker_fee"]) == ("0.0025", "0.0040")


@pytest.mark.parametrize("qty", [34_028_236_692_093 * 100 + 1, 10**30])
def test_a_size_that_nautilus_cannot_hold_is_refused(tmp_path: Path, qty: int) -> None:
    with pytest.raises(DoesNotFit, match="the largest size there is 34,028,236,692,093"):
        written(tmp_path, row(1, 2, "A", qty=qty))


def test_more_than_sixteen_decimals_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DoesNotFit, match="sixteen decimals"):
        written(tmp_path, precision=Precision(1, 17))


def test_without_pyarrow_the_export_is_refused_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ParquetMissing, match="pip install pyarrow"):
        written(tmp_path)


def test_a_recording_comes_back_with_its_trades_its_reasons_and_the_book_at_the_end(
    session: Path, rows: list[NormalRow], tmp_path: Path
) -> None:
    [made] = export(session, "nautilus", tmp_path / "out")
    queues: dict[tuple[int, int], dict[int, int]] = {}
    for delta in table(made.written, "order_book_deltas").to_pylist():
        queue = queues.setdefault((delta["side"], scaled(delta["price"]) // 10**15), {})
        match delta["action"]:
            case 4:
                queues.clear()
            case 3:
                del queue[delta["order_id"]]
            case _:
                queue[delta["order_id"]] = scaled(delta["size"]) // 10**8
    book = RebuiltBook()
    for one in rows:
        book.apply(one)
    sides = {1: Side.BID, 2: Side.ASK}
    assert {
        (sides[side], price): list(queue.items())
        for (side, price), queue in queues.items()
        if queue
    } == book.levels()
    whys = pq.read_table(tmp_path / "out" / "BTC-USD" / "why.parquet")["why"].to_pylist()
    assert whys == [one.why.value for one in rows if one.action not in ("T", "F")]
    trades = table(made.written, "trade_tick")["trade_id"].to_pylist()
    assert trades == [str(one.trade) for one in rows if one.action == "T"]
