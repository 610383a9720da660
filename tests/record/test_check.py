"""A recording's check: what is not as the recorder left it is told, and nothing else touched."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import msgspec
import pytest
import zstandard

from kracked.cli.recordings.check import check as check_command
from kracked.errors import RecordError
from kracked.format import frame
from kracked.format.frame import Frame, FrameKind
from kracked.format.session_info import FileSeal, SessionInfo, read_info
from kracked.record import check as check_module
from kracked.record.check import check
from kracked.record.convert import convert
from kracked.record.read.recording import open_recording
from kracked.record.write.session import Format, record_into

Record = Callable[..., Path]
Stream = list[tuple[int, bytes]]
Damage = Callable[[Path], object]
HOUR_NS = 3600 * 10**9
CLOSED = "L3_ticks-20241112T06Z.csv"


@pytest.fixture
def three(record: Record, stream: Stream) -> Path:
    """A recording of three segments of fifty messages each."""
    for begin in range(0, 150, 50):
        path = record(stream[begin : begin + 50])
    return path


def _segment(path: Path, number: int) -> Path:
    return path / "raw" / f"20241112T0600Z-{number:02}.jsonl.zst"


def _cut_before_its_last_messages(path: Path) -> None:
    """End a log where a frame ends."""
    data = path.read_bytes()
    messages = [
        each for each in frame.scan(data) if isinstance(each, Frame) and each.kind is FrameKind.DATA
    ]
    path.write_bytes(data[: messages[-1].offset])


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize("damage", [lambda log: log.write_bytes(b""), Path.unlink])
def test_a_segment_that_is_gone_is_told_by_name_and_by_its_messages(
    damage: Damage, number: int, three: Path
) -> None:
    damage(_segment(three, number))
    health = check(three)
    assert not health.healthy
    assert health.untold == 50
    assert [(each.file, each.reason) for each in health.damaged] == [
        (f"raw/{_segment(three, number).name}", "gone since it was written")
    ]


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_copy_of_a_segment_is_told_of_and_not_read_twice(
    number: int, three: Path, stream: Stream
) -> None:
    copy = _segment(three, 7)
    copy.write_bytes(_segment(three, number).read_bytes())
    health = check(three)
    assert [each.file for each in health.damaged] == [f"raw/{copy.name}"]
    assert health.messages == 150
    assert [data for _, _, data in open_recording(three)] == [data for _, data in stream[:150]]


def test_what_session_json_says_of_files_elsewhere_is_not_believed(three: Path) -> None:
    info = read_info(three)
    info.files |= {"/etc/hostname": FileSeal(size=1 << 40), "../session": FileSeal(size=1 << 40)}
    (three / "session.json").write_bytes(msgspec.json.encode(info))
    assert check(three).healthy


def test_messages_cut_off_where_a_frame_ends_are_missed(three: Path) -> None:
    _cut_before_its_last_messages(_segment(three, 2))
    health = check(three)
    assert not health.healthy
    assert 0 < health.untold == health.lost < 50
    assert health.gaps[-1].reason == "the last messages are missing"


def test_an_empty_segment_is_told_even_where_no_one_can_know_what_it_held(three: Path) -> None:
    _as_older_recorders_left_it(three)
    _segment(three, 2).write_bytes(b"")
    health = check(three)
    assert [each.file for each in health.torn] == [f"raw/{_segment(three, 2).name}"]
    assert not health.healthy


def test_a_segment_without_a_whole_frame_is_moved_aside_altogether(three: Path) -> None:
    log = _segment(three, 2)
    log.write_bytes(log.read_bytes()[:100])
    begun = log.read_bytes()
    moved = log.with_name(f"{log.name}.torn")
    assert check(three, mend=True).moved == [str(moved)]
    assert moved.read_bytes() == begun
    assert not log.exists()


def test_a_repair_does_not_make_good_what_is_gone(three: Path) -> None:
    log = _segment(three, 1)
    log.write_bytes(log.read_bytes()[:-10])
    check(three, mend=True)
    assert not check(three).healthy


def test_messages_that_the_recorder_says_it_left_out_are_no_damage(
    tmp_path: Path, stream: Stream
) -> None:
    path = tmp_path / "session"
    info = SessionInfo(start="2024-11-12T06:50:44Z")
    with suppress(RecordError), record_into(path, info) as session:  # it ends with an error
        for received, data in stream[:2]:
            session.ingest.take_message("level3", received, data)
        session.ingest.note_lost(7, stream[2][0])
        session.ingest.take_message("level3", *stream[9])
    health = check(path)
    assert (health.lost, health.untold, health.healthy) == (7, 0, True)


@pytest.mark.parametrize("rows", ["event,lost\ngap,7\n", "event,lost,seq_last\ngap,7\n"])
def test_a_table_of_connections_that_lacks_columns_excuses_nothing(three: Path, rows: str) -> None:
    _segment(three, 1).unlink()
    (three / "connections.csv").write_text(rows)
    assert check(three).untold == 50


def test_a_recording_that_states_no_numbers_is_as_healthy_as_it_was(three: Path) -> None:
    _as_older_recorders_left_it(three)
    assert check(three).healthy


@pytest.mark.parametrize("name", ["L3_ticks.csv", "connections.csv"])
def test_rows_cut_off_or_a_table_removed_are_missed(name: str, three: Path) -> None:
    table = three / name
    size, rows = table.stat().st_size, table.read_bytes()
    table.write_bytes(rows[: rows.rfind(b"\n", 0, -1) + 1])
    [cut] = check(three).tables
    assert (cut.file, cut.offset + cut.size) == (name, size)
    table.unlink()
    [removed] = check(three).tables
    assert (removed.file, removed.size) == (name, size)


@pytest.mark.parametrize("form", [Format.CSV, Format.SQLITE])
def test_another_digit_in_a_table_is_told_of(form: Format, record: Record) -> None:
    path = record(form=form)
    table = path / ("L3_ticks.csv" if form is Format.CSV else "recording.sqlite")
    table.write_bytes(table.read_bytes().replace(b"63000.", b"63001.", 1))
    assert [(each.file, each.reason) for each in check(path).tables] == [
        (table.name, "changed since it was written")
    ]


@pytest.mark.parametrize("form", list(Format))
def test_a_check_leaves_no_file_behind(form: Format, record: Record) -> None:
    path = record(form=form)
    before = {file: file.stat().st_mtime_ns for file in path.rglob("*")}
    check(path)
    assert {file: file.stat().st_mtime_ns for file in path.rglob("*")} == before


def test_an_index_in_the_database_is_no_damage(record: Record) -> None:
    path = record(form=Format.SQLITE)
    with closing(sqlite3.connect(path / "recording.sqlite")) as database:
        database.execute("CREATE INDEX by_order ON L3_ticks (order_id, ts_recv, price, size)")
    assert check(path).healthy


@pytest.fixture
def packed(record: Record, stream: Stream) -> Path:
    """A closed hour, compressed as the recorder does it, beside an hour still open."""
    path = record([*stream[:100], *((at + HOUR_NS, data) for at, data in stream[100:150])])
    table = path / f"{CLOSED}.zst"
    if not table.exists():
        packing = zstandard.ZstdCompressor(level=1, write_checksum=True)
        table.write_bytes(packing.compress((path / CLOSED).read_bytes()))
        (path / CLOSED).unlink()
    return table


def test_a_closed_hour_that_was_compressed_is_healthy(packed: Path) -> None:
    assert check(packed.parent).healthy


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda data: data[:-20], "cut short"),
        (lambda data: b"", "cut short"),
        (lambda data: data + b"more", "goes on after its end"),
        (lambda data: data[:999] + bytes([data[999] ^ 4]) + data[1000:], "zstd decompressor error"),
    ],
)
def test_a_damaged_closed_hour_is_told_by_name(
    spoil: Callable[[bytes], bytes], reason: str, packed: Path
) -> None:
    packed.write_bytes(spoil(packed.read_bytes()))
    health = check(packed.parent)
    assert {each.file for each in health.tables} <= {packed.name, CLOSED}
    assert any(reason in each.reason for each in health.tables)
    assert not health.healthy


@pytest.mark.parametrize(
    ("found", "put"),
    [
        (b",BTC/USD,", b",BTC/USD\0,"),
        (b",BTC/USD,", b"\xff"),
        (b"\nb,", b"\n\n"),
        (b"ts_recv", b"_"),
    ],
)
def test_rows_that_are_none_are_told_of_inside_a_table(
    found: bytes, put: bytes, record: Record
) -> None:
    table = record() / "L3_ticks.csv"
    rows = table.read_bytes()
    table.write_bytes(rows.replace(found, put, 1))
    _as_older_recorders_left_it(table.parent)
    health = check(table.parent)
    reasons = [each.reason for each in health.tables if each.file == table.name]
    assert "no whole rows" in reasons or "no header of L3_ticks" in reasons
    assert not health.healthy


def test_the_rows_of_a_database_are_counted(record: Record) -> None:
    path = record(form=Format.SQLITE)
    with closing(sqlite3.connect(path / "recording.sqlite")) as database:
        [[rows]] = database.execute("SELECT count(*) FROM L3_ticks")
    health = check(path)
    assert health.rows["L3_ticks"] == rows
    assert health.healthy


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[:5000] + bytes(4096) + data[9096:],
        lambda data: b"SQLite" + bytes(100),
        lambda data: b"",
        lambda data: data.replace(b"BTC/USD", b"BTC\xff\xfe\xffD"),
    ],
)
def test_a_damaged_database_is_told_by_name(
    spoil: Callable[[bytes], bytes], record: Record
) -> None:
    path = record(form=Format.SQLITE)
    database = path / "recording.sqlite"
    database.write_bytes(spoil(database.read_bytes()))
    health = check(path)
    assert {each.file for each in health.tables} == {"recording.sqlite"}
    assert not health.healthy


@pytest.mark.parametrize(
    "damage",
    [
        Path.unlink,
        lambda part: part.write_bytes(b""),
        lambda part: part.write_bytes(part.read_bytes()[:-9]),
        lambda part: part.write_bytes(part.read_bytes().replace(b"BTC", b"BTD", 1)),
    ],
)
def test_a_part_of_parquet_that_is_not_what_was_written_is_told_of(
    damage: Damage, record: Record
) -> None:
    path = record()
    [part] = convert(path)
    assert check(path).healthy
    damage(part)
    assert [each.file for each in check(path).tables] == [str(part.relative_to(path))]
    part.unlink(missing_ok=True)
    assert convert(path) == [part]
    assert check(path).healthy


def test_a_table_made_anew_as_parquet_need_not_be_there(record: Record) -> None:
    path = record()
    convert(path)
    (path / "L3_ticks.csv").unlink()
    assert check(path).healthy


def _as_older_recorders_left_it(path: Path) -> None:
    info = msgspec.structs.replace(read_info(path), last_seq=None, files={})
    (path / "session.json").write_bytes(msgspec.json.encode(info))


@pytest.mark.parametrize("name", ["raw/foo.jsonl.zst", "notes.csv", "L3_ticks (copy).csv"])
def test_a_file_that_is_not_ours_by_name_is_told_of_and_never_cut(
    name: str, record: Record
) -> None:
    path = record()
    (path / name).write_bytes(b"a,b\nprecious, and of, another shape")
    health = check(path, mend=True)
    assert (path / name).read_bytes() == b"a,b\nprecious, and of, another shape"
    assert health.strangers == [name]
    assert health.healthy


@pytest.mark.parametrize("name", ["raw/20261123T0600Z-07.jsonl.zst", "trades.csv"])
def test_what_is_no_file_is_not_ours_and_not_waited_for(name: str, record: Record) -> None:
    path = record()
    os.mkfifo(path / name)
    health = check(path)
    assert health.strangers == [name]
    assert health.healthy


def test_a_log_without_a_frame_of_ours_is_damage_that_repair_leaves_alone(record: Record) -> None:
    path = record()
    [log] = path.glob("raw/*")
    foreign = zstandard.compress(b'{"channel":"trade"}\n')
    other = log.with_name("20241112T0600Z-07.jsonl.zst")
    other.write_bytes(foreign)
    health = check(path, mend=True)
    assert other.read_bytes() == foreign
    assert [(each.file, each.size) for each in health.damaged] == [
        (f"raw/{other.name}", len(foreign))
    ]
    assert not health.healthy


def test_a_folder_that_is_no_recording_is_not_mended(tmp_path: Path) -> None:
    (tmp_path / "session.json").write_text('{"shop": "of a web server"}')
    (tmp_path / "trades.csv").write_bytes(b"a,b\n1,2\n3")
    with pytest.raises(RecordError, match=r"session\.json"):
        check(tmp_path, mend=True)
    assert (tmp_path / "trades.csv").read_bytes() == b"a,b\n1,2\n3"


def test_the_command_says_why_messages_were_ignored(
    record: Record, stream: Stream, capsys: pytest.CaptureFixture[str]
) -> None:
    path = record([stream[0], *stream[2:]])  # whose snapshot never came
    assert check_command(path, mend=False, as_json=False, processes=1) == 0
    assert "200 ignored: no trusted book to apply them to\n" in capsys.readouterr().out


def test_a_long_recording_is_said_to_take_long(
    three: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check_command(three, mend=False, as_json=True, processes=1) == 0
    assert not capsys.readouterr().err
    monkeypatch.setattr(check_module, "_LONG", 100)
    assert check_command(three, mend=False, as_json=True, processes=1) == 0
    assert re.fullmatch(r"checking 1\d\d messages on 1 process\n", capsys.readouterr().err)
