"""What is on the disk after a power cut, and who waits for it: every call that matters is made."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from kracked.book.keeper import BookKeeper
from kracked.format.session_info import SessionInfo, read_info
from kracked.record.durable_files import SymbolicLink
from kracked.record.write import sink_thread
from kracked.record.write.session import record_into
from kracked.record.write.session_folder import SessionFolder
from kracked.record.write.sink_thread import SinkThread
from kracked.record.write.sinks import WriteBatch
from tests.record.seeded_market import feed

Stream = list[tuple[int, bytes]]
START = "2024-11-12T06:50:44.000000000Z"


@pytest.fixture
def waited_for(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files and folders that were waited for, in order."""
    names: list[str] = []

    def noting(wait: Callable[[int], None]) -> Callable[[int], None]:
        def note(handle: int) -> None:
            names.append(Path(f"/proc/self/fd/{handle}").readlink().name)
            wait(handle)

        return note

    monkeypatch.setattr(os, "fsync", noting(os.fsync))
    monkeypatch.setattr(os, "fdatasync", noting(os.fdatasync))
    return names


def test_every_file_of_a_recording_is_waited_for(
    waited_for: list[str], tmp_path: Path, stream: Stream
) -> None:
    path = tmp_path / "session"
    with record_into(path, SessionInfo(start=START)) as session:
        feed(session, BookKeeper(), stream)
    assert {"20241112T0600Z-00.jsonl.zst", "L3_ticks.csv", "connections.csv"} <= {*waited_for}


def test_a_file_that_is_replaced_is_whole_on_the_disk_before_it_has_its_name(
    waited_for: list[str], tmp_path: Path
) -> None:
    with SessionFolder.hold(tmp_path / "session") as folder:
        waited_for.clear()
        folder.replace("small.json", b"{}")
    assert waited_for == [".small.json.new", "session"]


@pytest.mark.parametrize("act", ["rename", "remove", "open_to_append", "make_folder"])
def test_names_that_change_are_waited_for(act: str, waited_for: list[str], tmp_path: Path) -> None:
    with SessionFolder.hold(tmp_path / "session") as folder:
        folder.replace("old", b"")
        waited_for.clear()
        given = {"rename": ("old", "new"), "remove": ("old",)}.get(act, ("another",))
        getattr(folder, act)(*given)
    assert waited_for == ["session"]


def test_what_is_known_of_a_symbol_is_in_its_file_before_its_rows(
    tmp_path: Path, stream: Stream
) -> None:
    path = tmp_path / "session"
    with record_into(path, SessionInfo(start=START)) as session:
        feed(session, BookKeeper(), stream)
        while not (path / "L3_ticks.csv").exists():
            pass
        assert read_info(path).symbols["BTC/USD"].level3 == 10


class FullDisk:
    """A sink whose disk takes nothing; counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def prepare(self, batch: WriteBatch) -> None: ...
    def write(self, batch: WriteBatch) -> None: ...
    def sync(self) -> None: ...
    def close(self) -> None: ...

    def flush(self) -> None:
        self.asked += 1
        raise OSError(28, "No space left on device")

    def drop_pending(self) -> int:
        return 7

    def do_idle_work(self) -> bool:
        return False


def test_a_full_disk_is_asked_again_after_a_pause_and_once_more_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sink_thread, "RETRY_EVERY_S", 1_000.0)
    disk = FullDisk()
    thread = SinkThread("full", [disk], size_of=lambda batch: batch.size)
    thread.start()
    thread.put(WriteBatch(1, 5, "", (), {}))
    while not thread.trouble:
        pass
    assert (disk.asked, thread.queued_bytes) == (1, 5)
    thread.stop()
    assert (disk.asked, thread.lost_bytes, thread.queued_bytes) == (2, 7, 0)


@pytest.mark.parametrize("act", ["open_to_append", "open_to_read", "make_folder"])
def test_a_link_in_the_place_of_a_file_or_folder_is_refused(act: str, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    with SessionFolder.hold(tmp_path / "session") as folder:
        (folder.path / "planted").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(SymbolicLink, match="planted"):
            getattr(folder, act)("planted")


def test_a_link_in_the_place_of_a_new_small_file_is_refused(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    with SessionFolder.hold(tmp_path / "session") as folder:
        (folder.path / ".small.json.new").symlink_to(victim)
        with pytest.raises(SymbolicLink):
            folder.replace("small.json", b"{}")
    assert victim.read_text() == "precious"
