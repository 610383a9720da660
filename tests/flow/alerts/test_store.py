"""The state file of alerts."""

from __future__ import annotations

from pathlib import Path

import pytest

from kracked.flow.alerts import AlertMemory, keep_memory, read_memory
from tests.flow.alerts.scene import BTC, Scene, fired, watching


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kracked" / "alerts.json"


def kept(path: Path, *texts: str) -> None:
    memory = AlertMemory()
    watch, scene = watching(*texts, memory=memory), Scene()
    scene.trade("65000")
    fired(watch, scene.events)
    keep_memory(path, memory, watch.armed)


def test_what_was_told_is_read_again(path: Path) -> None:
    kept(path, "price above 65000")
    memory, damaged = read_memory(path)
    assert damaged is None
    assert memory.alerts[f"{BTC} price above 65000"].off


def test_programs_keep_what_is_theirs_and_leave_the_rest(path: Path) -> None:
    kept(path, "price above 65000")
    kept(path, "price below 65000")
    assert len(read_memory(path)[0].alerts) == 2


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b'{"version": 2, "alerts": {}}', "version 2"),
        (b'{"version": 1, "alerts": {"x": {"off"', "cannot be read"),
        (b"\x00\xff", "cannot be read"),
        (b"[" * 100_000, "cannot be read"),
    ],
)
def test_a_damaged_or_later_file_is_told_and_set_aside(
    path: Path, content: bytes, why: str
) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    memory, damaged = read_memory(path)
    assert not memory.alerts
    assert damaged is not None
    assert why in str(damaged)
    assert damaged.aside.read_bytes() == content
    assert not path.exists()


def test_a_file_set_aside_replaces_no_earlier_one(path: Path) -> None:
    path.parent.mkdir()
    for content in (b"one", b"two"):
        path.write_bytes(content)
        read_memory(path)
    assert {one.read_bytes() for one in path.parent.glob("*.unreadable-*")} == {b"one", b"two"}
