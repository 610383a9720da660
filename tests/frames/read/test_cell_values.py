"""Tables of an exchange gone wrong: a cell that cannot be read is empty, and costs no other."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

from kracked.format.tables import exact_name
from kracked.frames import load_orders, loaders
from kracked.record.write.session import Format
from tests.record.seeded_market import Level3Market, record_stream

ODD = [
    ("ts_event", "2024-02-30T06:50:44.000000000Z"),
    ("ts_event", "2300-01-01T00:00:00.000000000Z"),
    ("ts_msg", "yesterday"),
    ("checksum", "x"),
    ("checksum", "18446744073709551615"),
    ("price", "much"),
]


@pytest.fixture(params=[True, False], ids=["pyarrow", "pandas alone"], autouse=True)
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loaders, "HAS_ARROW", request.param)


@pytest.mark.parametrize(("column", "text"), ODD)
def test_an_odd_cell_of_csv_is_empty_and_told_of(
    column: str, text: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    record_stream(tmp_path, Level3Market().stream(30))
    right = load_orders(tmp_path)
    table = tmp_path / "L3_ticks.csv"
    header, *lines = table.read_text().splitlines()
    cells = lines[-1].split(",")
    cells[header.split(",").index(column)] = text
    table.write_text("\n".join([header, *lines[:-1], ",".join(cells), ""]))
    with caplog.at_level(logging.WARNING):
        odd = load_orders(tmp_path)
    right.loc[right.index[-1], column] = pd.NA if column == "checksum" else None
    pd.testing.assert_frame_equal(odd, right, check_categorical=False)
    [told] = caplog.records
    assert (told.__dict__["column"], told.__dict__["cells"]) == (column, 1)


@pytest.mark.parametrize(("column", "text"), ODD)
def test_an_odd_cell_of_a_database_is_empty(column: str, text: str, tmp_path: Path) -> None:
    record_stream(tmp_path, Level3Market().stream(30), form=Format.SQLITE)
    right = load_orders(tmp_path)
    with closing(sqlite3.connect(tmp_path / "recording.sqlite")) as database, database:
        last = "WHERE rowid = (SELECT max(rowid) FROM L3_ticks)"
        stored = exact_name(column) if column == "price" else column
        database.execute(f"UPDATE L3_ticks SET {stored} = ? {last}", [text])
    right.loc[right.index[-1], column] = pd.NA if column == "checksum" else None
    pd.testing.assert_frame_equal(load_orders(tmp_path), right, check_categorical=False)
