"""A clock that is set while it is recorded: rows say so, and times go on evenly."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from kracked.book.keeper import BookKeeper
from kracked.feed.clock import ClockComparison
from kracked.format.session_info import SessionInfo
from kracked.format.tables import Flag
from kracked.record.write.session import record_into
from tests.record.seeded_market import START, Level3Market

INFO = SessionInfo(start="2024-11-12T06:50:44.000000000Z")
MS = 1_000_000


@pytest.mark.parametrize(("set_by", "seen"), [(49, 0), (-49, 0), (51, 51), (-3000, -3000)])
def test_a_jump_is_more_than_a_twentieth_of_a_second(set_by: int, seen: int) -> None:
    computer = [5_000 * MS]
    clocks = ClockComparison(lambda: 7 * MS, lambda: computer[0])
    computer[0] += set_by * MS
    assert clocks.jumped_ns() == seen * MS


def test_rows_are_flagged_while_the_clocks_disagree(tmp_path: Path) -> None:
    keeper, stream = BookKeeper(), Level3Market().stream(30)
    with record_into(tmp_path / "session", INFO, clock=lambda: START) as session:
        for number, (received, data) in enumerate(stream, 1):
            session.ingest.note_clock_jump(2_000 * MS if 10 <= number < 20 else 0, received)
            session.ingest.take([("level3", received, data)], keeper.receive(data, received))
    with (tmp_path / "session" / "L3_ticks.csv").open() as file:
        flagged = {
            int(row["seq"]) for row in csv.DictReader(file) if int(row["flags"]) & Flag.BAD_CLOCK
        }
    assert flagged == set(range(10, 20))
    with (tmp_path / "session" / "connections.csv").open() as file:
        said = [row["close_msg"] for row in csv.DictReader(file) if row["event"] == "clock"]
    assert said == ["the computer's clock was set by +2000 ms", "agrees"]
