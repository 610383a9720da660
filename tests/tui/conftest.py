"""A monitor on the frozen market, driven without a terminal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

import pytest
from textual.pilot import Pilot

from kracked_tui.app import Monitor
from kracked_tui.config import Settings
from tests.tui.market import SYMBOL, ScriptedSource, opening

_PATIENCE_S = 10.0
"""A market that moves on by itself is never quite drawn."""

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
    chart = monitor.trade.chart
    with suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE_S):
            while True:
                await pilot.pause(0.01)
                monitor.trade.draw()
                plotless = not chart.display or not monitor.store.markets
                drawn = all(pane.lines for pane in monitor.trade.panes if pane.display)
                if monitor.pump.frames and drawn and (plotless or chart.newest):
                    break
    monitor.trade.draw()
    await pilot.pause()
