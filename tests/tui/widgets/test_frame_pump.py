"""Frames: bounded, only when something changed, none for a terminal that has stalled."""

from __future__ import annotations

import asyncio

from kracked.protocol import events
from kracked_tui.app import Monitor
from kracked_tui.config import Settings
from kracked_tui.widgets.frame_pump import FramePump
from tests.patience import until
from tests.tui.frozen_market import NOW, SYMBOL, ScriptedSource, trades


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_any_number_of_changes_is_one_frame() -> None:
    drawn: list[int] = []
    pump = FramePump(lambda: [drawn.append(1)], lambda: 0, fps=1000)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(pump.run())
        for _ in range(500):
            pump.mark()
        await until(lambda: drawn)
        await turns()
        task.cancel()
    assert len(drawn) == 1


async def test_a_stalled_terminal_gets_no_frame_until_it_drains() -> None:
    drawn: list[int] = []
    waiting = 30
    pump = FramePump(lambda: [drawn.append(1)], lambda: waiting, fps=1000)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(pump.run())
        pump.mark()
        await until(lambda: pump.skipped)
        assert drawn == []
        waiting = 0
        await until(lambda: drawn)
        task.cancel()


async def test_a_stalled_terminal_does_not_stop_the_feed() -> None:
    source = ScriptedSource()
    monitor = Monitor(source, Settings(fps=60), (SYMBOL,))
    async with monitor.run_test(size=(80, 24)) as pilot:
        monitor.pump._waiting = lambda: 1000
        await pilot.pause()
        frames = monitor.pump.frames
        for event in trades(200):
            source.say(event)
        source.say(events.Heartbeat(NOW))
        await until(lambda: monitor.store.messages == 201)
        assert monitor.pump.frames == frames
        assert len(monitor.store.market(SYMBOL).prints) == 200
