"""The grammar of file names: what is made by it is recognised by it, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from kracked.format import layout, tables
from kracked.format.layout import HOUR_NS, FileHour

HOUR = 480_942
"""2024-11-12T06:00:00Z, counted from the Unix epoch."""


@pytest.mark.parametrize(
    ("number", "name"), [(0, "06Z.csv"), (1, "06Z-01.csv"), (100, "06Z-100.csv")]
)
@pytest.mark.parametrize("table", [tables.TRADES, tables.wide("BTC/USD")])
def test_a_closed_hour_tells_its_table_hour_and_number(
    table: tables.Table, number: int, name: str
) -> None:
    file = layout.closed_hour(table.name, HOUR, number)
    assert file == f"{table.name}-20241112T{name}"
    for path in (Path(file), Path(layout.compressed(file))):
        assert layout.table_of(path) == table
        assert layout.hour_of(path) == FileHour(HOUR * HOUR_NS, number)


def test_a_segment_tells_its_hour_and_number(tmp_path: Path) -> None:
    names = [layout.segment(HOUR, number) for number in (0, 7, 100)]
    (tmp_path / layout.RAW_FOLDER).mkdir()
    for name in reversed(names):
        (tmp_path / layout.log_file(name)).touch()
    assert names == ["20241112T0600Z-00", "20241112T0600Z-07", "20241112T0600Z-100"]
    assert list(map(layout.segment_of, layout.logs(tmp_path))) == names


def test_a_part_tells_its_symbol_hour_and_number() -> None:
    part = Path(layout.part_file(tables.ORDERS, "BTC/USD", layout.segment(HOUR, 3)))
    assert str(part) == "channel=l3/date=2024-11-12/pair=BTC-USD/part-20241112T0600Z-03.parquet"
    assert layout.hour_of(part) == FileHour(HOUR * HOUR_NS, 3)
    assert layout.pair_symbol(part.parent.name) == "BTC/USD"


def test_a_table_that_grows_is_of_no_hour() -> None:
    path = Path(layout.table_file("trades"))
    assert layout.table_of(path) == tables.TRADES
    assert layout.hour_of(path) is None


def test_an_hour_that_is_being_compressed_is_listed_once(tmp_path: Path) -> None:
    for name in ("trades-20241112T06Z.csv", "trades-20241112T06Z.csv.zst"):
        (tmp_path / name).touch()
    (tmp_path / "trades-20241112T05Z.csv.zst").touch()
    assert [file.name for file in layout.closed_hours(tmp_path, tables.TRADES)] == [
        "trades-20241112T05Z.csv.zst",
        "trades-20241112T06Z.csv",
    ]


@pytest.mark.parametrize(
    "name",
    ["trades-copy-20241112T06Z.csv", "trades-20241112T06Z.old.csv", "trades-20241399T99Z.csv"],
)
def test_a_name_that_no_recorder_gives_is_of_no_hour_of_a_table(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    assert layout.closed_hours(tmp_path, tables.TRADES) == []
