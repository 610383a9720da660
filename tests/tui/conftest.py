"""A monitor on the frozen market, driven without a terminal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from kracked_tui.app import Monitor
from kracked_tui.config import Settings
from kracked_tui.remembered import Memory
from tests.patience import PATIENCE_S
from tests.tui.frozen_market import SYMBOL, ScriptedSource, opening

_ROUNDS = 2
"""Rounds without another event or picture: work in progress takes a turn or two."""

Opened = Callable[..., AbstractAsyncContextManager[tuple[Monitor, Pilot[None]]]]


@pytest.fixture(autouse=True)
def state_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test read what another start of the monitor left, or leave anything."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def opened() -> Opened:
    """`async with opened(size) as (monitor, pilot)`: everything has been applied and drawn."""

    @asynccontextmanager
    async def open_monitor(
        size: tuple[int, int] = (120, 40),
        *,
        source: ScriptedSource | None = None,
        settings: Settings | None = None,
        applied: bool = True,
        memory: Memory | None = None,
    ) -> AsyncIterator[tuple[Monitor, Pilot[None]]]:
        source = source or ScriptedSource()
        monitor = Monitor(source, settings or Settings(), (SYMBOL,), memory=memory)
        for event in opening() if applied else ():
            monitor.store.apply(event)
        async with monitor.run_test(size=size) as pilot:
            await settled(monitor, pilot)
            yield monitor, pilot

    return open_monitor


async def settled(monitor: Monitor, pilot: Pilot[None]) -> None:
    """Wait until all events are applied, the plot is there, and the newest frame is drawn."""
    rounds, before = 0, None
    async with asyncio.timeout(PATIENCE_S):
        while rounds < _ROUNDS:
            await pilot.pause(0.01)
            monitor.trade.draw()
            shown = [pane.id for pane in monitor.trade.panes if pane.display]
            state = (monitor.store.messages, shown)
            rounds = rounds + 1 if state == before and _is_drawn(monitor) else 0
            before = state
    monitor.trade.draw()
    await pilot.pause()


def _is_drawn(monitor: Monitor) -> bool:
    """Whether every pane in sight is drawn, with the candles of the newest state."""
    chart, panes = monitor.trade.chart, monitor.trade.panes
    plotted = chart.up_to_date or not chart.display or not monitor.store.markets
    drawn = all(each.lines for each in panes if each.display)
    return bool(monitor.pump.frames) and plotted and drawn
