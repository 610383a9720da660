"""A recording's folder: what it holds, who may write there, how it ends and goes on."""

from __future__ import annotations

import csv
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from kracked.book.keeper import BookKeeper
from kracked.errors import RecordError
from kracked.format import tables
from kracked.format.frame import FrameKind
from kracked.format.session_info import NotARecording, SessionInfo, read_info
from kracked.record.check import check
from kracked.record.durable_files import SymbolicLink
from kracked.record.read.recording import open_recording
from kracked.record.repair import find_torn
from kracked.record.write import session as session_module
from kracked.record.write.session import Format, OtherExchange, RecordingSession, record_into
from kracked.record.write.session_folder import FolderInUse, NotAFolder, SessionFolder
from kracked.record.write.writer import Writer
from tests.record.seeded_market import feed

INFO = SessionInfo(start="2024-11-12T06:50:44.000000000Z")
Record = Callable[..., Path]
Stream = list[tuple[int, bytes]]


def test_the_folder_holds_the_raw_log_and_the_tables(record: Record) -> None:
    assert sorted(
        str(path.relative_to(path.parents[1])) for path in record().rglob("*") if path.is_file()
    ) == [
        "raw/20241112T0600Z-00.jsonl.zst",
        "session/L3_ticks.csv",
        "session/README.md",
        "session/connections.csv",
        "session/session.json",
        "session/session.lock",
    ]


def test_files_are_the_owners_and_its_groups_alone(record: Record) -> None:
    path = record()
    modes = {stat.S_IMODE(item.stat().st_mode) & 0o007 for item in [path, *path.rglob("*")]}
    assert modes == {0}


def test_a_table_begins_with_its_header(record: Record) -> None:
    lines = (record() / "L3_ticks.csv").read_text().splitlines()
    assert lines[0] == tables.ORDERS.header


def test_every_row_has_every_column(record: Record) -> None:
    with (record() / "L3_ticks.csv").open() as file:
        assert {len(row) for row in csv.reader(file)} == {len(tables.ORDERS.columns)}


def test_a_message_ends_in_one_row_with_its_checksum(record: Record, stream: Stream) -> None:
    with (record() / "L3_ticks.csv").open() as file:
        rows = list(csv.DictReader(file))
    closed = [row for row in rows if int(row["flags"]) & tables.Flag.LAST]
    assert len(closed) == len(stream) - 1  # the acknowledgement has no rows
    assert [row for row in rows if row["checksum"]] == closed


def test_a_recording_that_was_stopped_says_so(record: Record) -> None:
    info = read_info(record())
    assert info.clean_stop
    assert info.end is not None


def test_the_time_after_a_recording_without_messages_is_a_hole_as_well(
    tmp_path: Path, stream: Stream
) -> None:
    keeper, path = BookKeeper(), tmp_path / "session"
    for number, (received, data) in enumerate(stream[:100], 1):
        keeper.receive(data, received)
        if number % 50 == 0:
            info = SessionInfo(start=INFO.start)
            with record_into(path, info, clock=count(received).__next__) as session:
                session.hand_over(keeper.l3.values(), received)
    recording = open_recording(path)
    assert [hole.reason for hole in recording.gaps()] == ["recording resumed"]
    assert not recording.verify().keyframes_wrong


def test_a_damaged_database_is_named_before_anything_is_recorded(tmp_path: Path) -> None:
    path, info = tmp_path / "session", SessionInfo(start=INFO.start)
    with record_into(path, info, form=Format.SQLITE):
        pass
    (path / "recording.sqlite").write_bytes(b"no database" * 1000)
    with (
        pytest.raises(RecordError, match=r"recording\.sqlite: file is not a database; remove it"),
        record_into(path, info, form=Format.SQLITE),
    ):
        pytest.fail("it records all the same")


def test_a_damaged_database_costs_rows_and_not_one_message(tmp_path: Path, stream: Stream) -> None:
    path, info = tmp_path / "session", SessionInfo(start=INFO.start)

    def damage_the_database_and_go_on(session: RecordingSession) -> None:
        (path / "recording.sqlite").write_bytes(b"no database" * 1000)
        feed(session, BookKeeper(), stream)

    with (
        pytest.raises(
            RecordError, match=r" [1-9]\d* bytes of rows were lost \(file is not a database\)"
        ),
        record_into(path, info, form=Format.SQLITE) as session,
    ):
        damage_the_database_and_go_on(session)
    assert [data for _, _, data in open_recording(path)] == [data for _, data in stream]


def test_a_recording_in_progress_has_no_end(tmp_path: Path) -> None:
    with record_into(tmp_path / "session", INFO):
        assert read_info(tmp_path / "session").end is None


def test_a_second_recorder_is_refused(tmp_path: Path) -> None:
    with (
        SessionFolder.hold(tmp_path / "session"),
        pytest.raises(FolderInUse, match=f"process {os.getpid()}"),
        SessionFolder.hold(tmp_path / "session"),
    ):
        pass


def test_a_folder_with_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(NotARecording), SessionFolder.hold(tmp_path):
        pass


@pytest.mark.parametrize("name", ["notes.txt", "notes.txt/session"])
def test_a_file_in_the_place_of_the_folder_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(NotAFolder, match="cannot be a folder"), SessionFolder.hold(tmp_path / name):
        pass


def test_a_planted_link_is_refused_and_not_followed(record: Record, tmp_path: Path) -> None:
    path, victim = record(), tmp_path / "victim"
    victim.write_text("precious")
    (path / "trades.csv").symlink_to(victim)
    with pytest.raises(SymbolicLink, match=r"trades\.csv"), record_into(path, INFO):
        pass
    assert victim.read_text() == "precious"


def test_a_recording_goes_on_where_it_stopped(record: Record, stream: Stream) -> None:
    record(stream[:100])
    path = record(stream[100:])
    with (path / "L3_ticks.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["seq"]) for row in rows] == sorted(int(row["seq"]) for row in rows)
    assert int(rows[-1]["seq"]) == len(stream)
    assert len(list(path.glob("raw/*"))) == 2


def test_a_recording_does_not_go_on_with_another_exchange(tmp_path: Path) -> None:
    first, other = "wss://ws.kraken.com/v2", "ws://127.0.0.1:8080/public/v2"
    path = tmp_path / "session"
    with record_into(path, SessionInfo(start=INFO.start, urls={"public": first})):
        pass
    before = {file: file.read_bytes() for file in path.iterdir() if file.is_file()}
    with (
        pytest.raises(OtherExchange, match=f"{first}.*{other} is another exchange"),
        record_into(path, SessionInfo(start=INFO.start, urls={"public": other})),
    ):
        pass
    assert {file: file.read_bytes() for file in path.iterdir() if file.is_file()} == before
    with record_into(path, SessionInfo(start=INFO.start, urls={"public": first})):
        pass


def test_numbers_stay_unique_when_the_clock_was_set_back(record: Record, stream: Stream) -> None:
    """The files' names then sort otherwise than they were written."""
    hour, messages = 3600 * 10**9, stream[2:]
    record([(received + 2 * hour, data) for received, data in stream[:2]])
    record(messages[:50])
    path = record(messages[50:100])
    logged = list(open_recording(path).read())
    numbers = [entry.seq for kind, entry in logged if kind is FrameKind.DATA]
    assert sorted(numbers) == list(range(1, 103))


def test_numbers_of_messages_that_were_lost_at_the_end_are_not_given_again(
    record: Record, stream: Stream, tmp_path: Path
) -> None:
    """What is told of them would no more fit."""
    path = tmp_path / "session"
    with suppress(RecordError), record_into(path, INFO) as session:  # it says that five are missing
        for received, data in stream[:20]:
            session.ingest.take_message("level3", received, data)
        session.ingest.note_lost(5, stream[19][0])
    record(stream[20:])
    numbers = [entry.seq for kind, entry in open_recording(path).read() if kind is FrameKind.DATA]
    assert numbers[18:22] == [19, 20, 26, 27]
    health = check(path)
    assert (health.lost, health.untold) == (5, 0)


def test_the_last_batch_is_taken_however_far_behind_the_writer_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It tells of all that is lost."""
    monkeypatch.setattr(session_module, "Writer", partial(Writer, queue_bytes=1))
    path = tmp_path / "session"
    with suppress(RecordError), record_into(path, INFO) as session:  # it says that two are missing
        for number in range(1, 4):
            session.hand_over([], number)
            session.ingest.take_message("public", number, b'{"channel":"heartbeat"}')
    told = [row.split(",")[1] for row in (path / "connections.csv").read_text().splitlines()[1:]]
    assert told == ["intentional_stop", "gap"]
    health = check(path)
    assert (health.messages, health.lost, health.untold, health.healthy) == (1, 2, 0, True)


def test_resuming_mends_what_a_crash_left_torn(record: Record, stream: Stream) -> None:
    path = record(stream[:100])
    table = path / "L3_ticks.csv"
    whole = table.read_bytes()
    table.write_bytes(whole + b"b,2024-11-12T06")
    record(stream[100:])
    assert not find_torn(path)
    assert (path / "L3_ticks.csv.torn").read_bytes() == b"b,2024-11-12T06"
    assert table.read_bytes().startswith(whole)


def test_each_hour_has_its_own_files(record: Record, stream: Stream) -> None:
    later = [(received + 3600 * 10**9, data) for received, data in stream[100:]]
    path = record([*stream[:100], *later])
    assert [file.name.removesuffix(".zst") for file in sorted(path.glob("L3_ticks*"))] == [
        "L3_ticks-20241112T06Z.csv",
        "L3_ticks.csv",
    ]
    assert [file.name for file in sorted(path.glob("raw/*"))] == [
        "20241112T0600Z-00.jsonl.zst",
        "20241112T0700Z-00.jsonl.zst",
    ]


def test_recording_loads_neither_pandas_nor_pyarrow() -> None:
    program = (
        "import sys, kracked.record.write.session\n"
        "print([name for name in ('pandas', 'numpy', 'pyarrow') if name in sys.modules])"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert told.stdout == "[]\n"
