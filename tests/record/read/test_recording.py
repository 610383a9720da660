"""A recording read again: the same bytes, the same books, no hole passed over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from kracked.book.keeper import BookKeeper
from kracked.errors import ConfigError, RecordError
from kracked.format import frame, keyframe
from kracked.format.frame import mapped
from kracked.format.session_info import NotARecording, SessionInfo
from kracked.protocol.events import Gap, Resync, Stale
from kracked.record.check import check
from kracked.record.read.recording import Instant, NotVerified, open_recording, to_ns
from kracked.record.replay import Player
from kracked.record.write.session import record_into
from kracked.times import NotATime, to_rfc3339

Record = Callable[..., Path]
Stream = list[tuple[int, bytes]]


def _book_at(stream: Stream, time: int) -> bytes:
    """The book at `time` by playing everything from the beginning."""
    keeper = BookKeeper()
    for received, data in stream:
        if received > time:
            break
        keeper.receive(data, received)
    return keyframe.encode(keeper.l3["BTC/USD"])


def _frames(log: Path) -> list[frame.Frame]:
    with mapped(log) as data:
        return [found for found in frame.scan(data) if isinstance(found, frame.Frame)]


def _break_frame(path: Path, number: int) -> frame.Frame:
    """Flip a bit in the body of the data frame of this number."""
    [log] = path.glob("raw/*.zst")
    hurt = [found for found in _frames(log) if found.kind is frame.FrameKind.DATA][number]
    content = bytearray(log.read_bytes())
    content[hurt.offset + frame.HEADER_SIZE + 5] ^= 4
    log.write_bytes(content)
    return hurt


def test_a_recording_gives_back_every_message_to_the_byte(record: Record, stream: Stream) -> None:
    assert list(open_recording(record())) == [
        (received, "level3", data) for received, data in stream
    ]


def test_every_checksum_of_a_recording_verifies(record: Record, stream: Stream) -> None:
    verification = open_recording(record()).verify()
    assert verification.proven
    assert [book.verified for book in verification.books] == [len(stream) - 1]
    assert verification.messages == len(stream)


def test_keyframes_are_equal_to_the_books_they_meet(record: Record) -> None:
    verification = open_recording(record()).verify()
    assert verification.keyframes > 0
    assert verification.keyframes_wrong == 0


@pytest.mark.parametrize("number", [1, 2, 17, 60, 120, 199, 201])
def test_the_book_at_any_instant_is_the_book_of_a_full_replay(
    record: Record, stream: Stream, number: int
) -> None:
    time = stream[number][0]
    book = open_recording(record()).at(time, "BTC/USD")
    assert keyframe.encode(book) == _book_at(stream, time)


def test_an_instant_may_be_text(record: Record, stream: Stream) -> None:
    time = stream[50][0]
    book = open_recording(record()).at(to_rfc3339(time, 9))
    assert keyframe.encode(book) == _book_at(stream, time)


@pytest.mark.parametrize(
    "spelled",
    [
        lambda ns: to_rfc3339(ns, 9),
        lambda ns: pd.Timestamp(ns, tz="UTC"),
        lambda ns: pd.Timestamp(ns, tz="UTC").tz_convert("America/New_York"),
        pd.Timestamp,
        lambda ns: pd.Timestamp(ns, tz="UTC").to_pydatetime(warn=False) + timedelta(microseconds=1),
        lambda ns: to_rfc3339(ns + 1000, 6).replace("Z", "+00:00"),
    ],
)
def test_an_instant_may_be_spelled_in_many_ways(
    record: Record, stream: Stream, spelled: Callable[[int], Instant]
) -> None:
    time = stream[50][0]
    book = open_recording(record()).at(spelled(time))
    assert keyframe.encode(book) == _book_at(stream, time)


def test_text_may_be_of_any_zone_or_none() -> None:
    assert to_ns("2026-08-01T04:53:53+02:00") == to_ns("2026-08-01T02:53:53Z")
    assert to_ns("2026-08-01 02:53:53") == to_ns("2026-08-01T02:53:53Z")
    assert to_ns("2026-08-01") == to_ns("2026-08-01T00:00:00Z")


@pytest.mark.parametrize("odd", ["noon", "", 1.5, None, pd.NaT])
def test_what_is_no_instant_is_refused(record: Record, odd: Instant) -> None:
    with pytest.raises(NotATime, match="is not an RFC 3339 time"):
        open_recording(record()).at(odd)


def test_after_the_end_the_last_book_stays(record: Record, stream: Stream) -> None:
    book = open_recording(record()).at(stream[-1][0] + 10**15)
    assert keyframe.encode(book) == _book_at(stream, stream[-1][0])


def test_before_the_beginning_there_is_no_book(record: Record, stream: Stream) -> None:
    recording = open_recording(record())
    start, end = map(to_rfc3339, recording.span())
    with pytest.raises(NotVerified, match=f": the recording goes from {start} to {end}$"):
        recording.at(stream[0][0] - 10**9)


def test_an_empty_recording_has_no_book(tmp_path: Path) -> None:
    info = SessionInfo(start="2024-11-12T06:50:44.000000000Z")
    with record_into(tmp_path / "session", info, clock=lambda: 10**18):
        pass
    with pytest.raises(NotVerified, match=r": the recording is empty$"):
        open_recording(tmp_path / "session").at(10**18, "BTC/USD")


def test_a_symbol_or_channel_that_was_not_recorded_is_told_by_name(record: Record) -> None:
    recording = open_recording(record())
    with pytest.raises(RecordError, match="no book of ETH/USD: the recording has BTC/USD"):
        recording.at(0, "ETH/USD")
    with pytest.raises(ConfigError, match="choose level3 or book"):
        recording.at(0, channel="trade")


def test_before_its_snapshot_there_is_no_book(record: Record, stream: Stream) -> None:
    told = "no verified book of BTC/USD at .*: it is in a gap or before a snapshot"
    with pytest.raises(NotVerified, match=told):
        open_recording(record()).at(stream[0][0])


def test_a_complete_recording_has_no_gaps(record: Record) -> None:
    assert open_recording(record()).gaps() == []


def test_a_damaged_frame_is_a_gap_of_just_its_messages(record: Record) -> None:
    path = record()
    hurt = _break_frame(path, 5)
    [hole] = open_recording(path).gaps()
    assert hole.lost == hurt.lines
    assert hole.start < hurt.first_received <= hurt.last_received < hole.end


@pytest.mark.parametrize("field", [16, 24, 32])
def test_a_false_time_or_number_in_a_header_leads_no_search_astray(
    record: Record, stream: Stream, field: int
) -> None:
    path = record()
    [log] = path.glob("raw/*.zst")
    hurt = [found for found in _frames(log) if found.kind is frame.FrameKind.DATA][5]
    content = bytearray(log.read_bytes())
    content[hurt.offset + field : hurt.offset + field + 8] = bytes(8)
    log.write_bytes(content)
    before = [received for received, _ in stream if received < hurt.first_received][-3:]
    for time in before:
        assert keyframe.encode(open_recording(path).at(time)) == _book_at(stream, time)


def _spoil(path: Path, *hurt: frame.Frame) -> None:
    [log] = path.glob("raw/*.zst")
    content = bytearray(log.read_bytes())
    for found in hurt:
        content[found.offset + frame.HEADER_SIZE + 5] ^= 4
    log.write_bytes(content)


def test_a_search_goes_past_a_damaged_keyframe(record: Record, stream: Stream) -> None:
    path = record()
    [log] = path.glob("raw/*.zst")
    keyframes = [found for found in _frames(log) if found.kind is frame.FrameKind.KEYFRAME]
    _spoil(path, *keyframes)
    time = stream[-2][0]
    assert keyframe.encode(open_recording(path).at(time)) == _book_at(stream, time)


def test_inside_a_hole_no_book_is_trusted_though_our_own_events_come_next(
    tmp_path: Path, stream: Stream
) -> None:
    path = tmp_path / "session"
    info = SessionInfo(start="2024-11-12T06:50:44.000000000Z")
    with record_into(path, info, clock=lambda: stream[40][0]) as session:
        for number, (received, data) in enumerate(stream[:40]):
            session.ingest.take_message("level3", received, data)
            if number == 30:
                session.ingest.take_event(Stale(received, "BTC/USD", "level3", 1))
            if number in (20, 30):
                session.hand_over([], received)
    [log] = path.glob("raw/*.zst")
    hurt = [found for found in _frames(log) if found.kind is frame.FrameKind.DATA][1]
    _spoil(path, hurt)
    recording, player = open_recording(path), Player(open_recording(path))
    with pytest.raises(NotVerified):
        recording.at(hurt.last_received, "BTC/USD")
    player.seek(hurt.last_received)
    assert not player.keeper.l3["BTC/USD"].verified


def test_between_two_recorders_no_book_is_trusted(record: Record, stream: Stream) -> None:
    record(stream[:100])
    recording = open_recording(record([(at + 10**12, data) for at, data in stream[100:]]))
    with pytest.raises(NotVerified):
        recording.at(stream[99][0] + 10**11)
    player = Player(recording)
    player.seek(stream[99][0] + 10**11)
    assert not player.keeper.l3["BTC/USD"].verified


def test_past_messages_that_are_gone_from_the_end_no_book_is_trusted(
    record: Record, stream: Stream
) -> None:
    path = record()
    [log] = path.glob("raw/*.zst")
    log.write_bytes(log.read_bytes()[: _frames(log)[-2].offset])
    [hole] = open_recording(path).gaps()
    assert keyframe.encode(open_recording(path).at(hole.start)) == _book_at(stream, hole.start)
    with pytest.raises(NotVerified):
        open_recording(path).at(stream[-1][0])


def test_after_a_hole_no_book_is_trusted(record: Record) -> None:
    path = record()
    hurt = _break_frame(path, 5)
    with pytest.raises(NotVerified):
        open_recording(path).at(hurt.last_received + 10**6)


def test_up_to_a_hole_the_book_is_trusted(record: Record, stream: Stream) -> None:
    path = record()
    _break_frame(path, 5)
    [hole] = open_recording(path).gaps()
    assert keyframe.encode(open_recording(path).at(hole.start)) == _book_at(stream, hole.start)


def test_a_resumed_recording_tells_of_the_time_between(record: Record, stream: Stream) -> None:
    record(stream[:100])
    path = record(stream[100:])
    [hole] = open_recording(path).gaps()
    assert hole.reason == "recording resumed"
    assert hole.symbols == ()


def test_a_check_of_a_whole_recording_is_healthy(record: Record) -> None:
    health = check(record())
    assert health.healthy
    assert (health.gaps, health.torn, health.damaged) == ([], [], [])


def test_a_check_finds_torn_ends_and_mends_them_when_asked(record: Record) -> None:
    path = record()
    with (path / "L3_ticks.csv").open("ab") as file:
        file.write(b"b,2024")
    assert not check(path).healthy
    mended = check(path, mend=True)
    assert mended.moved == [str(path / "L3_ticks.csv.torn")]
    assert check(path).torn == []


def test_a_check_finds_damage_in_the_middle(record: Record) -> None:
    path = record()
    hurt = _break_frame(path, 5)
    health = check(path)
    assert not health.healthy
    assert [(stretch.offset, stretch.reason) for stretch in health.damaged] == [
        (hurt.offset, "checksum differs")
    ]
    assert health.lost == hurt.lines


def test_a_folder_without_session_json_is_no_recording(tmp_path: Path) -> None:
    with pytest.raises(NotARecording):
        open_recording(tmp_path)


@pytest.mark.parametrize("text", [b"", b"[]", b'{"start": "today"}', b'{"\xad": 1}'])
def test_a_session_json_that_cannot_be_read_is_named(record: Record, text: bytes) -> None:
    path = record()
    (path / "session.json").write_bytes(text)
    with pytest.raises(RecordError, match=r"session\.json"):
        open_recording(path)


@pytest.mark.parametrize(("channel", "told"), [("level3", True), ("", True), ("book", False)])
def test_a_mismatch_is_no_damage_where_the_recording_tells_of_that_book(
    tmp_path: Path, stream: Stream, channel: str, told: bool
) -> None:
    received, message = stream[60]
    wrong = message.replace(b'"checksum":', b'"checksum":1')
    assert wrong != message
    path = tmp_path / "session"
    gap = Gap(received + 1, channel, ("BTC/USD",), received, received + 1, "checksum")
    with record_into(path, SessionInfo(start="2026-09-21T14:13:20.000000000Z")) as session:
        for at, data in [*stream[:60], (received, wrong)]:
            session.ingest.take_message("level3", at, data)
        session.ingest.take_event(gap)
    health = check(path)
    assert (health.books[0].mismatched, health.unmarked) == (1, int(not told))
    assert health.healthy is told


def test_a_book_that_was_not_proven_again_is_told_of_when_the_recording_stops(
    tmp_path: Path, stream: Stream
) -> None:
    received, message = stream[60]
    wrong = message.replace(b'"checksum":', b'"checksum":1')
    path = tmp_path / "session"
    info = SessionInfo(start="2026-09-21T14:13:20.000000000Z")
    with record_into(path, info, clock=lambda: received + 5) as session:
        for at, data in [*stream[:60], (received, wrong)]:
            session.ingest.take_message("level3", at, data)
        session.ingest.take_event(Resync(received, "BTC/USD", "level3", "checksum"))
    assert [hole.reason for hole in open_recording(path).gaps()] == ["not proven before the end"]
    assert check(path).healthy
