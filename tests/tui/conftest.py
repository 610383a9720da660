"""A monitor on the frozen market, driven without a terminal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from textual.pilot import Pilot

from kracked_tui.app import Monitor
from kracked_tui.config import Settings
from tests.tui.market import SYMBOL, ScriptedSource, opening

Opened = Callable[..., AbstractAsyncContextManager[tuple[Monitor, Pilot[None]]]]


@pytest.fixture
def opened() -> Opened:
    """`async with opened(size) as (monitor, pilot)`: everything has been heard and drawn."""

    @asynccontextmanager
    async def open_monitor(
        size: tuple[int, int] = (120, 40),
        *,
        source: ScriptedSource | None = None,
        settings: Settings | None = None,
        told: bool = True,
    ) -> AsyncIterator[tuple[Monitor, Pilot[None]]]:
        source = source or ScriptedSource()
        monitor = Monitor(source, settings or Settings(), (SYMBOL,))
        for event in opening() if told else ():
            monitor.store.apply(event)
        async with monitor.run_test(size=size) as pilot:
            await settled(monitor, pilot)
            yield monitor, pilot

    return open_monitor


async def settled(monitor: Monitor, pilot: Pilot[None]) -> None:
    """Everything said has been applied, the plot is there, and the newest frame is drawn."""
    for _ in range(60):
        await pilot.pause(0.01)
        chart = monitor.trade.chart
        if monitor.pump.frames and (
            chart.plotted or not chart.display or not monitor.store.markets
        ):
            break
    monitor.trade.draw()
    await pilot.pause()
