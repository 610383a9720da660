"""A recording's check: what is not as the recorder left it is told, and nothing else touched."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from kracked.errors import RecordError
from kracked.record.check import check

Record = Callable[..., Path]
Stream = list[tuple[int, bytes]]


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


def test_a_log_without_a_frame_of_ours_is_damage_that_repair_leaves_alone(record: Record) -> None:
    path = record()
    [log] = path.glob("raw/*")
    foreign = zstandard.compress(b'{"channel":"trade"}\n')
    other = log.with_name("20241112T0600Z-07.jsonl.zst")
    other.write_bytes(foreign)
    health = check(path, mend=True)
    assert other.read_bytes() == foreign
    assert [(each.file, each.size) for each in health.damaged] == [(f"raw/{other.name}", len(foreign))]
    assert not health.healthy


def test_a_folder_that_is_no_recording_is_not_mended(tmp_path: Path) -> None:
    (tmp_path / "session.json").write_text('{"shop": "of a web server"}')
    (tmp_path / "trades.csv").write_bytes(b"a,b\n1,2\n3")
    with pytest.raises(RecordError, match=r"session\.json"):
        check(tmp_path, mend=True)
    assert (tmp_path / "trades.csv").read_bytes() == b"a,b\n1,2\n3"
