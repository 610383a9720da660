"""What cannot be replayed is refused in one line, before the screen opens or on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from kracked.record.write.sinks import RAW_FOLDER
from kracked_tui import __main__ as program
from tests.patience import until
from tests.record.seeded_market import record_stream
from tests.tui.conftest import Opened
from tests.tui.recorded_minute import record_market


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refusing must not depend on there being none."""
    monkeypatch.setattr(program, "_has_terminal", lambda: True)


def refused(path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Exit status and words. The screen never opens: there is no terminal to open it on."""
    status = program.main(["--replay", str(path)])
    printed = capsys.readouterr()
    assert not printed.out
    return status, printed.err


@pytest.mark.parametrize("content", ["", "junk\n", "time,price\n1,2\n", '{"price": 1}\n'])
def test_a_file_without_a_readable_message_fails_with_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(content)
    status, words = refused(path, capsys)
    assert status == 1
    assert words.count("\n") == 1
    assert f"{path} holds no readable message" in words


def test_a_session_without_a_message_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record_stream(tmp_path / "empty", [])
    assert refused(tmp_path / "empty", capsys) == (
        1,
        f"kracked-tui: {tmp_path / 'empty'} holds no messages\n",
    )


def test_a_session_cut_before_its_first_message_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record_market(tmp_path / "cut", seconds=1)
    for log in (tmp_path / "cut" / RAW_FOLDER).iterdir():
        log.write_bytes(log.read_bytes()[:60])
    status, words = refused(tmp_path / "cut", capsys)
    assert (status, words.count("\n")) == (1, 1)
    assert "holds no messages" in words


def test_a_folder_that_is_no_session_is_misuse(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        program.main(["--replay", str(tmp_path)])
    assert ended.value.code == 2
    assert "it has no session.json" in capsys.readouterr().err


async def test_the_list_of_recordings_says_why_one_cannot_be_replayed(
    opened: Opened, tmp_path: Path
) -> None:
    record_stream(tmp_path / "empty", [])
    async with opened() as (monitor, pilot):
        monitor.recording.folder = tmp_path
        await pilot.press("P")
        sessions = monitor.trade.sessions
        await until(lambda: any("empty" in line.text for line in sessions.lines))
        await pilot.press("enter")
        await until(lambda: any("holds no messages" in line.text for line in sessions.lines))
        assert monitor.destination is None
