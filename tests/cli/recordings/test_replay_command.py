"""`kracked replay` as a process: the reader of its output may end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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
