"""A recorder killed at any moment: what is left is whole, mends itself, and verifies."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from kracked.format.session_info import encode_info, read_info
from kracked.record.check import check
from kracked.record.read.recording import open_recording
from tests.record.seeded_market import Level3Market, record_stream

ROOT = Path(__file__).parents[3]
VICTIM = """
import sys
from pathlib import Path
from kracked.book.keeper import BookKeeper
from kracked.format.session_info import SessionInfo
from kracked.record.write.session import Format, record_into
from tests.record.seeded_market import Level3Market

path, form = Path(sys.argv[1]), Format(sys.argv[2])
market, keeper = Level3Market(seed=9), BookKeeper()
with record_into(path, SessionInfo(start="2024-11-12T06:50:44Z"), form=form) as session:
    for number, (received, data) in enumerate(market.stream(600), 1):
        session.ingest.take_message("level3", received, data)
        for event in keeper.receive(data, received):
            session.ingest.take_event(event)
        if number % 10 == 0:
            session.hand_over([*keeper.l3.values()], received)
            print(number, session.status().queued_bytes, flush=True)
"""


@pytest.fixture(scope="module")
def stream_told() -> list[tuple[int, bytes]]:
    """What the victim records."""
    return Level3Market(seed=9).stream(600)


@pytest.mark.parametrize("seed", range(5))
def test_a_killed_recorder_leaves_a_recording_that_mends_and_verifies(
    seed: int, tmp_path: Path, stream_told: list[tuple[int, bytes]]
) -> None:
    path = tmp_path / "session"
    _kill_one(path, "csv", random.Random(seed).randrange(1, 60))
    check(path, mend=True)
    health = check(path)
    assert health.healthy, health
    assert not health.clean_stop
    kept = list(open_recording(path))
    assert kept == [(received, "level3", data) for received, data in stream_told[: len(kept)]]


@pytest.mark.parametrize("batches", [5, 20, 40])
def test_a_killed_recorder_leaves_a_database_of_whole_messages(
    batches: int, tmp_path: Path
) -> None:
    path = tmp_path / "session"
    _kill_one(path, "sqlite", batches, written=True)
    database = sqlite3.connect(path / "recording.sqlite")
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    messages, closed = database.execute(
        "SELECT count(DISTINCT seq), count(*) FILTER (WHERE flags & 128) FROM L3_ticks"
    ).fetchone()
    database.close()
    assert messages == closed > 0


def _kill_one(path: Path, form: str, batches: int, *, written: bool = False) -> None:
    """Kill a recorder once it has handed over so many batches, and written them if told so."""
    command = [sys.executable, "-c", VICTIM, str(path), form]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) as victim:
        assert victim.stdout is not None
        for handed, line in enumerate(victim.stdout, 1):
            if handed >= batches and (not written or line.endswith(" 0\n")):
                break
        victim.kill()


def test_after_a_crash_the_recording_goes_on_and_tells_of_the_hole(tmp_path: Path) -> None:
    path, stream = tmp_path / "session", Level3Market().stream(100)
    record_stream(path, stream)
    [log] = path.glob("raw/*.zst")
    whole = log.read_bytes()
    log.write_bytes(whole[: len(whole) * 2 // 3])
    at_work = replace(read_info(path), end=None, clean_stop=False, last_seq=None, files={})
    (path / "session.json").write_bytes(encode_info(at_work))
    record_stream(path, stream)
    health = check(path)
    assert health.healthy, health
    assert [gap.reason for gap in health.gaps] == ["recording resumed"]
    assert (path / "raw" / f"{log.name}.torn").exists()
