"""The past as text at every size, beside the frozen market. Written as the other goldens are."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual.pilot import Pilot

from kracked.book.keeper import BookKeeper
from kracked.record.read.recording import open_recording
from kracked.times import NS_PER_S
from kracked_tui.app import Monitor
from kracked_tui.config import Keeping
from kracked_tui.export.snapshot import picture
from kracked_tui.past.keeping import AlwaysOnBuffer
from kracked_tui.screens.past import PastScreen
from kracked_tui.sources.replay import ReplaySource
from tests.patience import PATIENCE_S, until
from tests.tui.conftest import Opened
from tests.tui.recorded_minute import OPENED, record_market
from tests.tui.test_goldens import compare

SIZES = [(80, 24), (120, 40), (200, 60), (50, 14)]
AT = OPENED + 40 * NS_PER_S
"""The frozen clock shows two minutes and 41 seconds more."""


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rec") / "20261122T140000Z-simulated-exchange"
    record_market(path)
    return path


def filled(session: Path) -> AlwaysOnBuffer:
    """A buffer that has heard what was recorded."""
    buffer, keeper = AlwaysOnBuffer(Keeping()), BookKeeper()
    ring = buffer._ring
    ring.begin((), (), OPENED - 1)
    for received, connection, data in open_recording(session):
        ring.take([(connection, received, data)], keeper.receive(data, received))
        books = [*keeper.l2.values(), *keeper.l3.values()]
        if ring.needs_segment(books, received):
            ring.begin_segment(books, received)
    return buffer


async def settled(monitor: Monitor, pilot: Pilot[None]) -> str:
    """Wait until the past is drawn with its candles; return its picture."""
    screen = monitor.beside.front
    assert isinstance(screen, PastScreen)
    source = screen.model.source
    assert isinstance(source, ReplaySource)
    await until(lambda: not source.restoring)
    async with asyncio.timeout(PATIENCE_S):
        screen.draw()
        while not (screen.chart.up_to_date or not screen.chart.display):
            await pilot.pause(0.01)
            screen.draw()
    await pilot.pause(0.05)
    await until(lambda: not screen.model.applying())  # the heat strip waits for the whole batch
    screen.draw()
    await pilot.pause()
    screen.draw()
    await pilot.pause()
    return picture(monitor, ".txt").decode()


async def shown_at(monitor: Monitor, pilot: Pilot[None], instant: int) -> PastScreen:
    """Wait until the past is open, and go to an instant, paused."""
    await until(lambda: isinstance(monitor.beside.front, PastScreen))
    screen = monitor.beside.front
    assert isinstance(screen, PastScreen)
    playback = screen.model.source.playback
    assert playback is not None
    await until(lambda: screen.is_attached and screen.model.source.l2)
    if playback.view().playing:
        playback.toggle()
    await playback.seek(instant)
    await until(lambda: screen.model.store.messages)
    await pilot.pause(0.05)
    return screen


@pytest.mark.parametrize("size", SIZES)
async def test_the_past_at_every_size_is_the_golden_one(
    opened: Opened, session: Path, size: tuple[int, int]
) -> None:
    async with opened(size) as (monitor, pilot):
        monitor.beside._buffer = filled(session)
        await pilot.press("comma")
        await shown_at(monitor, pilot, AT)
        compare(f"past-{size[0]}x{size[1]}", await settled(monitor, pilot))


async def test_a_recording_beside_the_session_is_the_golden_one(
    opened: Opened, session: Path
) -> None:
    async with opened((120, 40)) as (monitor, pilot):
        monitor.beside.open_recording(session)
        await shown_at(monitor, pilot, AT)
        compare("past-recording-120x40", await settled(monitor, pilot))
