"""The data dictionary tells every column and every flag, and lies in every recording."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from kracked.cli.main import main
from kracked.format import schema
from kracked.format.tables import Flag


def test_every_column_and_flag_has_a_meaning() -> None:
    told = schema.markdown()
    for table in schema.described_tables():
        assert f"## {table.name}" in told
        assert all(schema.meaning(column) for column in table.columns)
    assert all(f"| {int(flag)} | {flag.name} |" in told for flag in Flag)


def test_the_command_prints_it_for_programs_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    trades = next(each for each in told["resources"] if each["title"] == "trades")
    assert {field["name"] for field in trades["schema"]["fields"]} >= {"price", "trade_id"}
    assert told["flags"]["CUT"]["bit"] == 2


def test_it_lies_in_every_recording_and_no_edit_is_undone(
    record: Callable[..., Path], stream: list[tuple[int, bytes]]
) -> None:
    path = record(stream[:100])
    assert (path / "README.md").read_text() == schema.markdown()
    (path / "README.md").write_text("mine")
    record(stream[100:])
    assert (path / "README.md").read_text() == "mine"


def test_polars_reads_the_raw_log(
    record: Callable[..., Path], stream: list[tuple[int, bytes]]
) -> None:
    [log] = record().glob("raw/*")
    lines = pl.read_ndjson(log)
    assert lines["seq"].max() == len(stream)
    assert {"ts_recv", "seq", "conn", "msg"} <= set(lines.columns)
