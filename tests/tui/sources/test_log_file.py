"""A bare log of messages as a recording: at its own pace, indexed, never trusted blindly."""

from __future__ import annotations

from pathlib import Path

import pytest

from kracked.protocol import events
from kracked_tui.sources import log_file, raw_log
from kracked_tui.sources.base import TimeJump
from kracked_tui.sources.log_file import LogCheckpoints, LogPlayer, LogRecording
from kracked_tui.sources.raw_log import MessageLog, NoMessages
from kracked_tui.sources.recording import MessagePlace
from kracked_tui.sources.replay import ReplaySource
from kracked_tui.state.store import Store

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
    due = [message.at for message in MessageLog(written(tmp_path, STATUS, SNAPSHOT, LATER)).read()]
    assert due[2] - due[1] == 2_400_000_000
    assert due == sorted(due)


def test_messages_before_the_first_time_are_not_from_1970(tmp_path: Path) -> None:
    due = [message.at for message in MessageLog(written(tmp_path, STATUS, SNAPSHOT)).read()]
    assert due[1] - due[0] < 10**9


def test_a_candle_that_ends_later_does_not_hold_up_what_follows(tmp_path: Path) -> None:
    candle = (
        '{"channel":"ohlc","type":"update","data":[{"symbol":"MATIC/USD","interval":1,'
        '"interval_begin":"2026-08-01T00:00:00Z","timestamp":"2026-08-01T00:01:00.000000Z"}]}'
    )
    due = [message.at for message in MessageLog(written(tmp_path, SNAPSHOT, candle, LATER)).read()]
    assert [at - due[0] for at in due] == [0, 0, 2_400_000_000]


def test_unreadable_lines_do_not_stop_a_replay(tmp_path: Path) -> None:
    assert len(MessageLog(written(tmp_path, STATUS, "{not json", SNAPSHOT, ""))) == 3


def test_a_book_that_does_not_verify_is_reported_and_not_trusted(tmp_path: Path) -> None:
    recording = LogRecording(written(tmp_path, SNAPSHOT))
    player = recording.player()
    moment = player.step()
    assert moment is not None
    assert any(isinstance(event, events.Resync) for event in recording.events_of(moment))
    assert not player.keeper.l2["MATIC/USD"].verified


def test_a_real_recording_verifies_to_its_last_message(captures: Path) -> None:
    recording = LogRecording(captures / "crossbook_book_ethusd_d25.jsonl")
    assert ReplaySource(recording).counters() == (0, 0)
    tallies = recording.player_at(recording.end).keeper.stats.values()
    assert [(tally.verified, tally.mismatched) for tally in tallies] == [(1129, 0)]


EXECUTIONS = (
    '{"channel":"executions","type":"snapshot","data":[{"order_id":"OABCDE-FGHIJ-KLMNOP",'
    '"order_status":"new","exec_type":"pending_new","symbol":"MATIC/USD","side":"buy",'
    '"order_type":"limit","order_qty":2.0,"limit_price":0.5,'
    '"timestamp":"2026-08-01T00:00:02.000000Z"}],"sequence":1}'
)


def test_own_orders_that_were_recorded_are_there_again(tmp_path: Path) -> None:
    recording = LogRecording(written(tmp_path, SNAPSHOT, EXECUTIONS, LATER))
    store = Store("REPLAY")
    for event in recording.events_until(MessagePlace(3, 0)):
        store.apply(event)
    assert store.account.orders_known
    assert list(store.account.orders) == ["OABCDE-FGHIJ-KLMNOP"]
    store.apply(TimeJump(0))
    assert not store.account.orders


# --- the index ------------------------------------------------------------------------


def update(number: int) -> str:
    return (
        '{"channel":"ticker","type":"update","data":[{"symbol":"MATIC/USD",'
        f'"last":0.{500 + number},"timestamp":"2026-08-01T00:{number // 60:02d}:{number % 60:02d}Z"'
        "}]}"
    )


def test_reading_from_anywhere_gives_what_reading_straight_through_gives(tmp_path: Path) -> None:
    log = MessageLog(
        written(tmp_path, STATUS, *(update(n) for n in range(300)), "", "{junk", SNAPSHOT)
    )
    whole = list(log.read())
    assert len(whole) == len(log) == 303
    assert [list(log.read(first)) for first in (0, 63, 64, 65, 302, 303)] == [
        whole[first:] for first in (0, 63, 64, 65, 302, 303)
    ]
    assert list(log.backwards(130)) == list(enumerate(whole))[129::-1]


def test_messages_that_are_not_about_books_are_found_without_reading_the_books(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = MessageLog(written(tmp_path, STATUS, SNAPSHOT, "", LATER, SNAPSHOT, STATUS))
    straight = list(enumerate(log.read()))
    monkeypatch.delattr(MessageLog, "read")
    assert list(log.other_messages(4)) == [straight[0], straight[2]]


def test_lines_written_to_a_log_later_are_not_read(tmp_path: Path) -> None:
    path = written(tmp_path, STATUS, SNAPSHOT)
    log = MessageLog(path)
    with path.open("a") as file:
        file.write(LATER + "\n")
    assert len(list(log.read())) == 2


def test_a_line_without_an_end_is_not_held_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw_log, "_MAX_LINE", 4096)
    log = MessageLog(written(tmp_path, "x" * 10_000, SNAPSHOT))
    assert max(len(data) for _, data in log.read()) <= 4096
    assert SNAPSHOT.encode() in [data for _, data in log.read()]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"junk\n", b'{"a": 1}\n', bytes(range(256))])
def test_a_file_without_a_readable_message_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(content)
    with pytest.raises(NoMessages, match="holds no readable message"):
        MessageLog(path)


# --- checkpoints ----------------------------------------------------------------------------


def test_going_back_begins_at_a_checkpoint_and_comes_to_the_same_books(
    captures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight = LogRecording(captures / "crossbook_book_ethusd_d25.jsonl").player_before(
        MessagePlace(801, 0)
    )
    monkeypatch.setattr(log_file, "_CHECKPOINT_EVERY", 100)
    recording = LogRecording(captures / "crossbook_book_ethusd_d25.jsonl")
    recording.player_at(recording.end)
    there = recording.player_before(MessagePlace(801, 0))
    assert there.seq == straight.seq == 800
    assert there.keeper.stats == straight.keeper.stats
    assert there.keeper.l2["ETH/USD"].computed == straight.keeper.l2["ETH/USD"].computed
    assert there.upcoming == straight.upcoming


def test_checkpoints_grow_rarer_instead_of_more(
    captures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_file, "_CHECKPOINT_EVERY", 2)
    monkeypatch.setattr(log_file, "_MAX_CHECKPOINTS", 8)
    checkpoints = LogCheckpoints()
    player = LogPlayer(MessageLog(captures / "crossbook_book_ethusd_d25.jsonl"), checkpoints)
    while player.step():
        pass
    places = [checkpoints.before(seq=seq)[0] for seq in range(0, 1130, 100)]
    assert len(set(places)) > 3
    assert len(checkpoints) <= 8


def test_a_verdict_on_a_book_is_part_of_the_past_and_not_of_the_time_before(tmp_path: Path) -> None:
    recording = LogRecording(written(tmp_path, STATUS, SNAPSHOT, update(9)))
    recording.player_at(recording.end)
    assert not recording.only_books_between(MessagePlace(1, 0), MessagePlace(2, 0))
    assert not [
        event
        for event in recording.events_until(MessagePlace(1, 0))
        if isinstance(event, events.Resync)
    ]
    assert [
        event
        for event in recording.events_until(MessagePlace(3, 0))
        if isinstance(event, events.Resync)
    ]
