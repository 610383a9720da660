"""A power cut: what a second before it was recorded is on the disk, and it mends.

Needs root, a loop device and ext4; asked for by KRACKED_POWER_CUT=1.
"""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kracked.record.check import check
from kracked.record.read.recording import open_recording
from kracked.times import NS_PER_S

pytestmark = pytest.mark.skipif(
    not os.environ.get("KRACKED_POWER_CUT"), reason="asked for by KRACKED_POWER_CUT=1, as root"
)
ROOT = Path(__file__).parents[3]
EXT4_IOC_SHUTDOWN, WITHOUT_FLUSHING_THE_LOG = 0x8004587D, struct.pack("i", 2)
VICTIM = """
import sys, time
from pathlib import Path
from kracked.book.keeper import BookKeeper
from kracked.format.session_info import SessionInfo
from kracked.record.write.session import record_into
from tests.record.seeded_market import Level3Market

market, keeper = Level3Market(seed=9), BookKeeper()
with record_into(Path(sys.argv[1]), SessionInfo(start="2024-11-12T06:50:44Z")) as session:
    session.ingest.take([], keeper.receive(market.acknowledge()))
    messages = iter([market.acknowledge(), market.snapshot()])
    while True:
        now = time.time_ns()
        data = next(messages, None) or market.update()
        session.ingest.take([("level3", now, data)], keeper.receive(data, now))
        session.hand_over([*keeper.l3.values()], now)
        print(now, flush=True)
        time.sleep(0.02)
"""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small ext4 in a file, mounted."""
    image, mounted = tmp_path / "disk.img", tmp_path / "disk"
    with image.open("wb") as file:
        file.truncate(256 * 1024 * 1024)
    subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
    mounted.mkdir()
    _mount(image, mounted)
    try:
        yield mounted
    finally:
        subprocess.run(["umount", str(mounted)], check=True)


def _mount(image: Path, at: Path) -> None:
    subprocess.run(["mount", "-o", "loop", str(image), str(at)], check=True)


def _cut_the_power(disk: Path) -> None:
    handle = os.open(disk, os.O_RDONLY)
    fcntl.ioctl(handle, EXT4_IOC_SHUTDOWN, WITHOUT_FLUSHING_THE_LOG)
    os.close(handle)


@pytest.mark.parametrize("seconds", [2.3, 3.1, 4.7])
def test_a_power_cut_costs_little_more_than_a_second(seconds: float, disk: Path) -> None:
    path = disk / "session"
    with subprocess.Popen(
        [sys.executable, "-c", VICTIM, str(path)], stdout=subprocess.PIPE, cwd=ROOT, text=True
    ) as victim:
        assert victim.stdout is not None
        begun = int(victim.stdout.readline())
        while (handed := int(victim.stdout.readline())) - begun < seconds * NS_PER_S:
            pass
        _cut_the_power(disk)
        victim.kill()
    subprocess.run(["umount", str(disk)], check=True)
    _mount(disk.with_suffix(".img"), disk)
    check(path, mend=True)
    health = check(path)
    assert health.healthy, health
    assert (handed - open_recording(path).span()[1]) / NS_PER_S <= 1.2
