"""The writer's thread: a full disk tears nothing, loses nothing silently, blocks no one."""

from __future__ import annotations

import os
import resource
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import zstandard

from kracked.errors import RecordError
from kracked.format import frame, line
from kracked.format.layout import LIVE_BOOKS
from kracked.format.lazy_text import LazyText, render
from kracked.format.session_info import SessionInfo, read_info
from kracked.protocol.events import Gap, Reconnecting, Resync, Subscribed
from kracked.record.read.recording import open_recording
from kracked.record.repair import find_torn, mapped
from kracked.record.write import raw_chunks, sink_thread, writer
from kracked.record.write.ingest import Ingest
from kracked.record.write.session import Format, RecordingSession, record_into
from kracked.record.write.session_folder import SessionFolder
from kracked.record.write.sinks import AppendFile, WriteBatch
from kracked.record.write.writer import Writer

INFO = SessionInfo(start="2024-11-12T06:50:44.000000000Z")
MESSAGE = b'{"channel":"trade","n":%d,"noise":"%s"}'


@contextmanager
def files_no_larger_than(limit: int) -> Iterator[Callable[[], None]]:
    """A disk that is full at so many bytes a file; yields what makes room again."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def make_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield make_room
    finally:
        make_room()


def _noise(ingest: Ingest, count: int) -> None:
    """So many messages that do not compress, a batch each."""
    for number in range(count):
        data = MESSAGE % (number, os.urandom(500).hex().encode())
        ingest.take_message("public", 1 + number, data)
        ingest.hand_over(1 + number)


def test_a_device_that_is_full_keeps_the_bytes_for_the_next_try() -> None:
    file = AppendFile(os.open("/dev/full", os.O_WRONLY))
    file.append(b"rows\n")
    for _ in range(2):
        with pytest.raises(OSError, match="No space left"):
            file.flush()
    assert file.drop_pending() == 5


def test_bytes_the_disk_took_in_part_are_not_written_twice(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    file = AppendFile(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT))
    rows = b"".join(b"%d,row\n" % number for number in range(1000))
    file.append(rows)
    with files_no_larger_than(1234) as make_room:
        with pytest.raises(OSError, match="too large"):
            file.flush()
        assert path.stat().st_size == 1234
        make_room()
        file.flush()
    assert path.read_bytes() == rows


def test_what_is_given_up_leaves_no_torn_row(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    file = AppendFile(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT))
    file.append(b"1,whole\n")
    file.flush()
    file.append(b"2,torn\n" * 100)
    with files_no_larger_than(100), pytest.raises(OSError, match="too large"):
        file.flush()
    file.drop_pending()
    assert path.read_bytes() == b"1,whole\n"


def test_a_disk_that_fills_and_empties_costs_nothing_and_is_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sink_thread, "RETRY_EVERY_S", 0.01)
    path = tmp_path / "session"
    with files_no_larger_than(20_000) as make_room, record_into(path, INFO) as session:
        _noise(session.ingest, 60)
        while not session.status().trouble:
            session.ingest.hand_over(100)
        make_room()
    assert _messages(path) == list(range(1, 61))
    events = [row.split(",")[1] for row in (path / "connections.csv").read_text().splitlines()]
    assert events[1:3] == ["disk_full", "disk_ok"]


def test_a_segment_is_one_file_however_far_behind_the_writer_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sink_thread, "RETRY_EVERY_S", 0.01)
    monkeypatch.setattr(raw_chunks, "_SEGMENT_BYTES", 5_000)
    path = tmp_path / "session"
    with files_no_larger_than(10_000) as make_room, record_into(path, INFO) as session:
        _noise(session.ingest, 20)
        while not session.status().trouble:
            session.ingest.hand_over(100)
        _noise(session.ingest, 20)
        make_room()
    recording = open_recording(path)
    assert not recording.foreign_logs
    assert (recording.verify().messages, recording.gaps()) == (40, [])


def test_a_disk_that_stays_full_is_an_error_and_tears_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sink_thread, "RETRY_EVERY_S", 0.01)
    path = tmp_path / "session"
    with (
        files_no_larger_than(20_000),
        pytest.raises(RecordError, match="incomplete"),
        record_into(path, INFO) as session,
    ):
        _noise(session.ingest, 60)
    assert not find_torn(path)
    assert not read_info(path).clean_stop
    kept = _messages(path)
    assert kept == list(range(1, len(kept) + 1))


def test_a_writer_too_far_behind_loses_whole_batches_and_says_which(tmp_path: Path) -> None:
    with SessionFolder.hold(tmp_path / "session") as folder:
        folder.write_info(INFO)
        slow = Writer(folder, queue_bytes=5_000)  # never started: nothing is taken off
        ingest = Ingest(slow, segment_exists=lambda _: False)
        _noise(ingest, 10)
        assert ingest.lost == 10 - 4
        assert ingest.gaps == 1


def test_what_stands_is_wanted_once_the_writer_takes_messages_again(tmp_path: Path) -> None:
    with SessionFolder.hold(tmp_path / "session") as folder:
        folder.write_info(INFO)
        slow = Writer(folder, queue_bytes=5_000)
        ingest = Ingest(slow, segment_exists=lambda _: False)
        _noise(ingest, 4)
        assert not ingest.needs_state_snapshots
        _noise(ingest, 2)
        assert not ingest.needs_state_snapshots  # it would be lost as well
        slow.start()
        while slow.queued_bytes:
            pass
        _noise(ingest, 1)
        assert ingest.needs_state_snapshots
        ingest.write_state_snapshots([])
        assert not ingest.needs_state_snapshots
        slow.stop()


class Door:
    """In a writer's place: takes batches while it is open."""

    free_bytes, segment_bytes, tables_queued_bytes = 1 << 62, 0, 0
    tables_failure, wants_live_books = None, True

    def __init__(self) -> None:
        self.open = False
        self.taken: list[WriteBatch] = []

    def hand_over(self, batch: WriteBatch) -> bool:
        if self.open:
            self.taken.append(batch)
        return self.open


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
def refused(door: Door) -> Ingest:
    """Before a writer that takes nothing until the door is opened."""
    return Ingest(
        door, segment_exists=lambda _: False, info_files=lambda symbols: {"known": str([*symbols])}
    )  # type: ignore[arg-type]


LOST = Reconnecting(5, "public", "wss://", "gone", 1, 1.0)
HOLE = Gap(9, "trade", ("BTC/USD",), 5, 9, "trade ids 5 to 7 never came")


def test_what_befell_the_connection_is_kept_however_long_the_writer_takes_nothing(
    door: Door, refused: Ingest
) -> None:
    for event in (LOST, HOLE):
        refused.take_event(event)
        refused.hand_over(event.received)
    assert (refused.gaps, refused.lost) == (1, 0)  # the hole told of, and no other
    door.open = True
    refused.hand_over(10)
    (batch,) = door.taken
    assert [line.decode_event(line.unpack(chunk.lines[0][:-1])) for chunk in batch.chunks] == [  # type: ignore[index]
        LOST,
        HOLE,
    ]
    told = [row.split(",")[1] for row in render(batch.rows["connections"]).splitlines()]
    assert told == ["disconnect", "gap"]


def test_however_long_the_writer_takes_nothing_one_row_tells_of_all_that_is_lost(
    door: Door, refused: Ingest
) -> None:
    for number in range(50):
        _noise(refused, 2)
        refused.hand_over(100 + number)
    assert (refused.gaps, refused.lost) == (1, 100)
    door.open = True
    refused.hand_over(200)
    refused.hand_over(201)
    (batch,) = door.taken
    (row,) = render(batch.rows["connections"]).splitlines()
    assert row.endswith(",the disk is too slow or full,,100,100")


def test_what_is_known_of_a_symbol_is_written_with_the_first_batch_that_is_taken(
    door: Door, refused: Ingest
) -> None:
    refused.take_event(Subscribed(1, "level3", "BTC/USD", 10))
    refused.hand_over(1)
    door.open = True
    refused.hand_over(2)
    assert door.taken[0].files["known"] == "['BTC/USD']"


def test_a_book_whose_gap_was_told_is_not_told_of_again_when_the_recording_stops(
    door: Door, refused: Ingest
) -> None:
    door.open = True
    refused.take_event(Resync(5, "BTC/USD", "level3", "checksum"))
    refused.take_event(Gap(8, "level3", ("BTC/USD",), 5, 8, "checksum"))
    refused.finish(9)
    assert refused.gaps == 1


def test_with_little_disk_left_the_tables_stop_and_the_raw_log_goes_on(
    record: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, stream: list[tuple[int, bytes]]
) -> None:
    monkeypatch.setattr(writer, "_TABLES_FLOOR_BYTES", 1 << 62)
    path = record()
    assert open_recording(path).verify().messages == len(stream)
    rows = (path / "connections.csv").read_text()
    assert "tables_stopped" in rows
    assert not (path / "L3_ticks.csv").exists()
    assert read_info(path).without_rows == len(stream) - 1  # the first came before it was known


def test_messages_are_in_their_file_however_long_a_convenience_takes(tmp_path: Path) -> None:
    made = threading.Event()

    def endless() -> Iterator[str]:
        while not made.is_set():
            yield "{"

    path = tmp_path / "session"
    with SessionFolder.hold(path) as folder:
        folder.write_info(INFO)
        writing = Writer(folder)
        ingest = Ingest(writing, segment_exists=lambda _: False)
        writing.start()
        books = WriteBatch(1, 1, "", (), {}, {LIVE_BOOKS: LazyText(endless, 0, 1)})
        writing.hand_over(books)
        _noise(ingest, 5)
        while writing.queued_bytes:
            pass
        assert _messages(path) == [1, 2, 3, 4, 5]
        made.set()
        writing.stop()


def test_messages_are_in_their_file_while_another_program_holds_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sink_thread, "RETRY_EVERY_S", 0.01)
    path = tmp_path / "session"
    with (
        record_into(path, INFO, form=Format.SQLITE) as session,
        closing(sqlite3.connect(path / "recording.sqlite")) as other,
    ):
        other.execute("BEGIN EXCLUSIVE")
        _noise(session.ingest, 5)
        while session.status().queued_bytes:
            pass
        assert _messages(path) == [1, 2, 3, 4, 5]


def test_a_raw_log_that_cannot_be_written_ends_the_recording_and_counts_the_messages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "session"

    def go_on_until_it_fails(session: RecordingSession) -> None:
        monkeypatch.setattr(zstandard, "ZstdCompressor", broken)
        _noise(session.ingest, 3)
        while not session.failed:
            pass

    said = r"incomplete: 3 messages and \d+ bytes were lost \(broken"
    with (
        pytest.raises(RecordError, match=said),
        record_into(path, SessionInfo(start=INFO.start)) as session,
    ):
        go_on_until_it_fails(session)
    info = read_info(path)
    assert (info.lost, info.clean_stop) == (3, False)


def broken(**_: object) -> object:
    raise RuntimeError("broken")


def _messages(path: Path) -> list[int]:
    """Numbers of the messages in the raw log."""
    numbers: list[int] = []
    for log in sorted(path.glob("raw/*.zst")):
        with mapped(log) as data:
            for found in frame.scan(data):
                assert isinstance(found, frame.Frame)
                numbers += range(found.first_seq, found.first_seq + found.lines)
    return numbers
