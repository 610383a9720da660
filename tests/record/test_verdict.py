"""What a recording is worth is told by one word, and by how much of it is there."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from kracked.book.keeper import BookKeeper
from kracked.cli.recordings.check import _coverage as lines_of_coverage
from kracked.cli.recordings.check import check as check_command
from kracked.errors import RecordError
from kracked.format import sqlite
from kracked.format.coverage import ACCOUNT, Coverage, Verdict
from kracked.format.session_info import SessionInfo, read_info
from kracked.frames import load_orders
from kracked.protocol.events import Gap
from kracked.record.check import check
from kracked.record.convert import convert
from kracked.record.read.recording import open_recording
from kracked.record.write import writer
from kracked.record.write.session import Format, record_into
from tests.record.seeded_market import feed, record_stream

Record = Callable[..., Path]
Stream = list[tuple[int, bytes]]
START = "2024-11-12T06:50:44.000000000Z"
KILLED = """
import os, sys
from pathlib import Path
from kracked.book.keeper import BookKeeper
from kracked.format.session_info import SessionInfo
from kracked.record.write.session import Format, record_into
from tests.record.seeded_market import Level3Market, feed

info = SessionInfo(start="2024-11-12T06:50:44.000000000Z")
with record_into(Path(sys.argv[1]), info, form=Format(sys.argv[2])) as session:
    feed(session, BookKeeper(), Level3Market().stream(100))
    while session.status().left_bytes:
        pass
    os._exit(9)
"""
ROOT = Path(__file__).parents[2]


def _killed(path: Path, form: str) -> Path:
    """Return a recording whose recorder was killed once everything handed over was written."""
    subprocess.run([sys.executable, "-c", KILLED, str(path), form], cwd=ROOT, check=False)
    return path


def test_a_recording_of_everything_is_complete(record: Record) -> None:
    path = record()
    health = check(path)
    assert (health.verdict, health.coverage) == ("complete", {"BTC/USD": {"level3": 100.0}})
    assert (read_info(path).verdict, read_info(path).coverage) == ("complete", health.coverage)


def test_one_of_no_messages_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "session"
    with record_into(path, SessionInfo(start=START)):
        pass
    assert (check(path).verdict, read_info(path).verdict) == ("empty", "empty")
    assert not open_recording(path).verify().proven


def test_one_whose_recorder_was_killed_has_an_incomplete_end(tmp_path: Path) -> None:
    path = _killed(tmp_path / "session", "csv")
    assert check(path).verdict == open_recording(path).info().verdict == "incomplete_end"


@pytest.mark.parametrize("form", ["csv", "sqlite", "parquet"])
def test_one_that_was_killed_has_tables_in_every_form(form: str, tmp_path: Path) -> None:
    path = _killed(tmp_path / "session", form)
    health = check(path)
    assert (health.verdict, health.missing_tables) == ("incomplete_end", [])
    orders = load_orders(path)
    assert orders["seq"].max() >= health.messages - 1


def test_one_without_its_tables_lacks_them(tmp_path: Path) -> None:
    path = _killed(tmp_path / "session", "parquet")
    (path / "L3_ticks.csv").unlink()
    health = check(path)
    assert health.verdict == "tables_missing"
    assert health.missing_tables == ["L3_ticks: no rows, though the raw log has 101 messages of it"]


def test_tables_made_later_leave_the_end_as_the_fault(tmp_path: Path) -> None:
    path = _killed(tmp_path / "session", "parquet")
    assert convert(path)
    assert check(path).verdict == "incomplete_end"


def test_lost_messages_are_gaps_and_are_counted(record: Record, stream: Stream) -> None:
    path = record(stream[:100])
    with (
        pytest.raises(RecordError, match="50 messages"),
        record_into(path, SessionInfo(start=START), clock=lambda: stream[-1][0]) as session,
    ):
        session.ingest.note_lost(50, stream[150][0])
    health = check(path)
    assert (health.verdict, health.lost) == ("gaps", 50)
    assert not open_recording(path).verify().proven
    assert health.coverage["BTC/USD"]["level3"] < 67.0
    assert check_command(path, mend=False, as_json=False) == 0
    assert check_command(path, mend=False, as_json=False, strict=True) == 1


def test_messages_without_rows_are_missing_tables(
    record: Record, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(writer, "_TABLES_FLOOR_BYTES", 1 << 62)
    path = record()
    assert read_info(path).verdict == Verdict.TABLES_MISSING
    check_command(path, mend=False, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["verdict"] == "tables_missing"
    assert "201 messages have no rows: the tables had stopped" in told["missing_tables"]


def test_a_gap_takes_its_time_from_its_channel_and_symbol_alone() -> None:
    coverage = Coverage()
    for channel in ("book", "trade"):
        for symbol in ("BTC/USD", "ETH/USD"):
            coverage.open(channel, symbol, 1_000)
    coverage.add_gap("book", ("BTC/USD",), 1_100, 1_200)
    coverage.add_gap("book", ("BTC/USD",), 1_150, 1_250)  # it overlaps the one before
    assert coverage.percents(2_000) == {
        "BTC/USD": {"book": 85.0, "trade": 100.0},
        "ETH/USD": {"book": 100.0, "trade": 100.0},
    }


def test_a_gap_without_a_length_is_not_all_of_it() -> None:
    coverage = Coverage()
    coverage.open("book", "BTC/USD", 0)
    coverage.add_gap("", (), 500, 500)
    assert coverage.percents(10**12) == {"BTC/USD": {"book": 99.99}}


def test_time_after_a_subscription_has_ended_is_not_asked_for() -> None:
    coverage = Coverage()
    coverage.open("book", "BTC/USD", 0)
    coverage.close("book", "BTC/USD", 100)
    coverage.add_gap("book", (), 100, 900)
    assert coverage.percents(1_000)["BTC/USD"]["book"] == 99.99


def test_an_earlier_recordings_coverage_goes_on(record: Record, stream: Stream) -> None:
    record(stream[:100])
    path = record(stream[150:])
    health, info = check(path), read_info(path)
    assert health.verdict == info.verdict == "gaps"
    assert 0 < health.coverage["BTC/USD"]["level3"] < 100
    assert info.coverage == health.coverage


def test_three_parts_of_a_recording_and_its_losses_are_counted_as_check_does(
    record: Record, stream: Stream
) -> None:
    path = record(stream[:60])
    for first, last in ((80, 120), (150, 180)):
        with (
            suppress(RecordError),
            record_into(path, SessionInfo(start=START), clock=lambda at=last: stream[at][0]) as to,
        ):
            to.ingest.note_lost(7, stream[first][0])
    assert read_info(path).coverage == check(path).coverage


def test_coverage_is_the_same_in_whatever_order_gaps_and_ends_are_told() -> None:
    def told(*, late: bool) -> Coverage:
        coverage = Coverage()
        gaps = [("book", ("BTC/USD",), 100, 200), ("", (), 700, 750), ("", (), 10, 20)]
        for gap in [] if late else gaps[:1]:
            coverage.open("book", "BTC/USD", 50)
            coverage.add_gap(*gap)
        coverage.open("book", "BTC/USD", 50)
        coverage.close("book", "BTC/USD", 400)
        coverage.open("book", "BTC/USD", 600)
        for gap in gaps if late else gaps[1:]:
            coverage.add_gap(*gap)
        return coverage

    expected = {"BTC/USD": {"book": 80.0}}  # 150 of 750
    assert told(late=True).percents(1_000) == told(late=False).percents(1_000) == expected


@pytest.mark.parametrize(
    ("market", "account", "said"),
    [
        ({"book": 100.0}, {}, "1 symbol"),
        ({"book": 100.0}, {"balances": 100.0}, "1 symbol and of the account"),
        ({}, {"balances": 100.0}, "the account"),
    ],
)
def test_the_account_is_no_symbol(
    record: Record, market: dict[str, float], account: dict[str, float], said: str
) -> None:
    health = check(record())
    both = {"BTC/USD": market, ACCOUNT: account}
    health.coverage = {symbol: percents for symbol, percents in both.items() if percents}
    assert [*lines_of_coverage(health)] == [f"coverage 100 % of {said}"]


def test_what_was_asked_for_and_never_came_is_a_gap(tmp_path: Path, stream: Stream) -> None:
    path = tmp_path / "session"
    info = SessionInfo(start=START, missing=["book of BTC-USD: refused"])
    with record_into(path, info, clock=lambda: stream[-1][0]) as session:
        feed(session, BookKeeper(), stream)
        session.ingest.take_event(Gap(1, "book", ("X/Y",), 1, 1, "never came"))
    assert check(path).verdict == "gaps"


def test_a_database_is_whole_before_the_first_message(tmp_path: Path) -> None:
    with record_into(tmp_path / "session", SessionInfo(start=START), form=Format.SQLITE) as session:
        with closing(sqlite.open_to_read(tmp_path / "session" / "recording.sqlite")) as database:
            assert sqlite.table_names(database) == []
        session.ingest.take_message("public", 1, b'{"channel":"heartbeat"}')


def test_a_check_of_nothing_says_so_and_is_no_success(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record_stream(tmp_path / "empty", [])
    assert check_command(tmp_path / "empty", mend=False, as_json=False) == 1
    assert "nothing recorded" in capsys.readouterr().out
