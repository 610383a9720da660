"""Closed hours: compressed when there is time, and never gone before their copy is proven."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard

from kracked.format.session_info import SessionInfo
from kracked.record.write.hour_compression import HourCompressor
from kracked.record.write.session_folder import SessionFolder
from kracked.record.write.sinks import CsvTables, WriteBatch

HOUR = "trades-20241112T06Z.csv"
ROWS = b"ts_event,ts_recv\n" + b"2024-11-12T06:50:44.000000000Z,\n" * 50_000


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[SessionFolder]:
    with SessionFolder.hold(tmp_path / "session") as folder:
        folder.write_info(SessionInfo(start="2024-11-12T06:50:44.000000000Z"))
        (folder.path / HOUR).write_bytes(ROWS)
        yield folder


def _unpacked(path: Path) -> bytes:
    with zstandard.open(path, "rb") as file:
        return bytes(file.read())


def test_what_an_earlier_recorder_left_is_compressed_in_small_steps(folder: SessionFolder) -> None:
    hours, steps = HourCompressor(folder), 0
    while hours.do_idle_work():
        steps += 1
    assert steps > len(ROWS) // (1 << 18)
    assert not (folder.path / HOUR).exists()
    assert _unpacked(folder.path / f"{HOUR}.zst") == ROWS


def test_the_table_stays_until_its_copy_is_whole(folder: SessionFolder) -> None:
    hours = HourCompressor(folder)
    for _ in range(4):
        assert hours.do_idle_work()
    assert (folder.path / HOUR).read_bytes() == ROWS
    assert not (folder.path / f"{HOUR}.zst").exists()


def test_a_copy_cut_short_by_a_kill_is_made_anew(folder: SessionFolder) -> None:
    (folder.path / f".{HOUR}.zst.new").write_bytes(b"half")
    hours = HourCompressor(folder)
    while hours.do_idle_work():
        pass
    assert zlib.crc32(_unpacked(folder.path / f"{HOUR}.zst")) == zlib.crc32(ROWS)


def test_a_table_that_cannot_be_compressed_is_left(folder: SessionFolder) -> None:
    (folder.path / f".{HOUR}.zst.new").mkdir()
    hours = HourCompressor(folder)
    while hours.do_idle_work():
        pass
    assert (folder.path / HOUR).read_bytes() == ROWS


def test_the_open_table_and_the_recorders_own_are_left_alone(folder: SessionFolder) -> None:
    for name in ("trades.csv", "connections.csv"):
        (folder.path / name).write_bytes(ROWS)
    hours = HourCompressor(folder)
    while hours.do_idle_work():
        pass
    assert (folder.path / "trades.csv").exists()
    assert (folder.path / "connections.csv").exists()


def test_closed_hours_may_be_left_as_they_are(folder: SessionFolder) -> None:
    assert not CsvTables(folder, compress=False).do_idle_work()
    assert (folder.path / HOUR).exists()


def test_an_hour_that_is_there_compressed_is_not_written_over(folder: SessionFolder) -> None:
    (folder.path / HOUR).rename(folder.path / f"{HOUR}.zst")
    tables, hour_ns = CsvTables(folder), 3600 * 10**9
    begun = 1_731_391_200 * 10**9
    time = "2024-11-12T06:50:44.000000000Z"
    row = f"{time},{time},BTC/USD,1,1,buy,limit,1,1,128\n"
    for hour in range(2):
        batch = WriteBatch(begun + hour * hour_ns, 0, "", (), {"trades": [row]})
        tables.prepare(batch)
        tables.write(batch)
        tables.flush()
    tables.close()
    assert (folder.path / "trades-20241112T06Z-01.csv").exists()
    assert (folder.path / f"{HOUR}.zst").read_bytes() == ROWS
