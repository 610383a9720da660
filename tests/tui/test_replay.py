"""A log on the screen: at its own pace, through the same books, never trusted blindly."""

from __future__ import annotations

from pathlib import Path

from kracked.protocol import events
from kracked_tui.replay import ReplaySource, paced

STATUS = '{"channel":"status","type":"update","data":[{"system":"online","connection_id":1}]}'
SNAPSHOT = (
    '{"channel":"book","type":"snapshot","data":[{"symbol":"MATIC/USD",'
    '"bids":[{"price":0.5,"qty":1.00000000}],"asks":[{"price":0.6,"qty":2.00000000}],'
    '"checksum":1,"timestamp":"2026-08-01T00:00:01.100000Z"}]}'
)
LATER = (
    '{"channel":"trade","type":"update","data":[{"symbol":"MATIC/USD","side":"buy","price":0.6,'
    '"qty":1.0,"ord_type":"market","trade_id":1,"timestamp":"2026-08-01T00:00:03.500000Z"}]}'
)


def written(folder: Path, *lines: str) -> Path:
    path = folder / "log.jsonl"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_the_pace_is_that_of_the_messages_own_times(tmp_path: Path) -> None:
    due = [at for at, _ in paced(written(tmp_path, STATUS, SNAPSHOT, LATER))]
    assert due[2] - due[1] == 2_400_000_000
    assert due == sorted(due)


def test_messages_before_the_first_time_are_not_from_1970(tmp_path: Path) -> None:
    due = [at for at, _ in paced(written(tmp_path, STATUS, SNAPSHOT))]
    assert due[1] - due[0] < 10**9


def test_unreadable_lines_do_not_stop_a_replay(tmp_path: Path) -> None:
    assert len(list(paced(written(tmp_path, STATUS, "{not json", SNAPSHOT, "")))) == 3


async def test_a_book_that_does_not_verify_is_told_and_not_trusted(tmp_path: Path) -> None:
    source = ReplaySource(written(tmp_path, SNAPSHOT), speed=1000)
    happened = [event async for batch in source.batches() for event in batch]
    assert any(isinstance(event, events.Resync) for event in happened)
    assert not source.books["MATIC/USD"].verified
    assert source.counters().mismatched == 1


async def test_a_real_recording_verifies_to_its_last_message(captures: Path) -> None:
    source = ReplaySource(captures / "crossbook_book_ethusd_d25.jsonl", speed=10_000)
    async for _ in source.batches():
        pass
    assert source.counters() == (1129, 0)
