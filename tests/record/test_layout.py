"""A recording's files, whatever their names sort like: read in the order they were written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kracked.format import layout, tables
from kracked.frames.read.table_files import parquet_files, recorder_files
from kracked.record.read.recording import open_recording

Record = Callable[..., Path]
Stream = list[tuple[int, bytes]]
HOUR_NS = 3600 * 10**9


def test_the_hundredth_segment_of_an_hour_is_read_after_the_ninety_ninth(
    record: Record, stream: Stream
) -> None:
    for begin in range(0, 150, 50):
        path = record(stream[begin : begin + 50])
    raw = path / "raw"
    (raw / "20241112T0600Z-01.jsonl.zst").rename(raw / "20241112T0600Z-99.jsonl.zst")
    (raw / "20241112T0600Z-02.jsonl.zst").rename(raw / "20241112T0600Z-100.jsonl.zst")
    assert [layout.log_order(log)[1] for log in layout.logs(path)] == [0, 99, 100]
    assert [data for _, _, data in open_recording(path)] == [data for _, data in stream[:150]]


def test_segments_are_read_as_they_were_written_where_the_clock_was_set_back(
    record: Record, stream: Stream
) -> None:
    record([(received + 2 * HOUR_NS, data) for received, data in stream[:50]])
    path = record(stream[50:100])
    assert [data for _, _, data in open_recording(path)] == [data for _, data in stream[:100]]


@pytest.mark.parametrize("ending", ["csv", "csv.zst"])
def test_the_hundredth_table_of_an_hour_comes_after_the_ninety_ninth(
    ending: str, tmp_path: Path
) -> None:
    wanted = [f"trades-20241112T06Z{number}.{ending}" for number in ("", "-01", "-99", "-100")]
    for name in wanted:
        (tmp_path / name).touch()
    assert [file.name for file in recorder_files(tmp_path, tables.TRADES)] == wanted


def test_the_hundredth_part_of_an_hour_comes_after_the_ninety_ninth(tmp_path: Path) -> None:
    folder = tmp_path / "channel=trades" / "date=2024-11-12" / "pair=BTC-USD"
    folder.mkdir(parents=True)
    wanted = [f"part-20241112T0600Z-{number}.parquet" for number in ("00", "99", "100")]
    for name in wanted:
        (folder / name).touch()
    assert [file.name for file in parquet_files(tmp_path, tables.TRADES)] == wanted
