"""`kracked replay` as a process: the reader of its output may end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kracked.cli.main import main
from kracked.record.read.recording import open_recording
from kracked.times import NS_PER_S, to_rfc3339
from tests.record.seeded_market import Level3Market, record_stream


def test_a_reader_that_has_seen_enough_is_no_failure(tmp_path: Path) -> None:
    record_stream(tmp_path / "session", Level3Market(seed=5).stream(500))
    words = ["-m", "kracked", "replay", str(tmp_path / "session"), "--speed", "max"]
    with subprocess.Popen(
        [sys.executable, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        assert program.stdout.readline().startswith(b"{")
        program.stdout.close()
        assert program.stderr.read() == b""
    assert program.returncode == 0


@pytest.mark.parametrize("further", [[], ["--raw"], ["--serve", "0", "--once"]])
def test_a_replay_from_after_the_end_says_when_the_recording_ends(
    tmp_path: Path, further: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "session"
    record_stream(path, Level3Market(seed=5).stream(50))
    _, end = open_recording(path).span()
    after = to_rfc3339(end + NS_PER_S, 9)
    assert main(["replay", str(path), "--speed", "max", "--from", after, *further]) == 1
    told = capsys.readouterr()
    assert not told.out
    assert told.err == (
        f"kracked: {path} has nothing after {after}: the recording ends at {to_rfc3339(end, 9)}\n"
    )


@pytest.mark.parametrize("shift_s", [-3600, 0])
def test_a_replay_from_the_end_or_from_before_the_beginning_plays(
    tmp_path: Path, shift_s: int, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    path = tmp_path / "session"
    record_stream(path, Level3Market(seed=5).stream(50))
    start, end = open_recording(path).span()
    when = to_rfc3339(start + shift_s * NS_PER_S if shift_s else end, 9)
    assert main(["replay", str(path), "--speed", "max", "--from", when]) == 0
    assert capfdbinary.readouterr().out
