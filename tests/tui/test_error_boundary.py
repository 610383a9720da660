"""Unexpected errors are shown and logged, and the monitor goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from kracked.protocol import events
from kracked.protocol.events import Event
from kracked_tui.app import Monitor
from kracked_tui.error_boundary import error_text
from kracked_tui.trader.monitor_log import NAME
from tests.patience import until
from tests.tui.conftest import Opened, settled
from tests.tui.frozen_market import NOW
from tests.tui.trading_monitor import SYMBOL, Trading, trading

DEFECT = KeyError("price")
ERROR_TEXT = "unexpected KeyError: 'price'"


def broken(*_: object, **__: object) -> None:
    raise DEFECT


async def broken_async(*_: object, **__: object) -> None:
    raise DEFECT


def log_entries(monitor: Monitor) -> list[str]:
    return [each.text for each in monitor.store.log_entries]


async def is_alive(found: Trading) -> None:
    """Check that a key still sends an order, and another cancels it."""
    await found.joined("B")
    await found.until(lambda: found.open, "no order was taken any more")
    await found.pilot.press("K")
    await found.until(lambda: not found.open, "no order was cancelled any more")


async def test_a_defect_while_an_order_is_sent_is_shown_and_logged_and_keys_still_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        with monkeypatch.context() as once:
            once.setattr(found.trader, "_deliver", broken_async)
            await found.pilot.press("B")
            await found.until(lambda: ERROR_TEXT in found.log_text())
        assert f"check your orders before you go on: {ERROR_TEXT}" in found.text()
        await is_alive(found)
    (file,) = tmp_path.rglob(NAME)  # noqa: ASYNC240  the monitor has ended
    assert "in broken_async" in file.read_text()


async def test_a_defect_in_a_key_leaves_all_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        with monkeypatch.context() as once:
            once.setattr(found.screen.ticket_keys, "limit_order", broken)
            await found.pilot.press("B")
        assert f"this key did not finish: {ERROR_TEXT}" in found.text()
        await is_alive(found)


async def test_a_report_that_cannot_be_applied_leaves_the_manager_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        with monkeypatch.context() as once:
            once.setattr(found.trader.life, "_apply_report", broken)
            await found.pilot.press("B")
            await found.until(
                lambda: f"own orders may be shown wrong: {ERROR_TEXT}" in found.log_text()
            )
        await found.until(lambda: found.open)
        await found.pilot.press("K")
        await found.until(lambda: not found.open, "no order was cancelled any more")


async def test_a_look_up_that_fails_leaves_the_keys_that_cancel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        manager = found.trader.life.manager
        assert manager is not None
        monkeypatch.setattr(manager.reconciler, "reconcile_due", broken_async)
        manager.reconciler.wake()
        await found.until(lambda: "orders are not looked up any more" in found.log_text())
        await is_alive(found)


async def test_trading_that_has_stopped_says_so_and_still_cancels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        await found.joined("B")
        monkeypatch.setattr(found.trader._access.reports, "batch", broken_async)
        await found.pilot.press("S")
        await found.until(lambda: f"TRADING HAS STOPPED: {ERROR_TEXT}" in found.log_text())
        assert not found.trader.armed
        assert "start the monitor again" in found.trader.why_not(SYMBOL)
        await found.pilot.press("K")
        await found.until(lambda: not found.open, "no order was cancelled any more")


async def test_an_event_that_cannot_be_applied_is_reported_once_and_the_next_is_applied(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened() as (monitor, _):
        taken: list[Event] = []

        def broken_apply(event: Event) -> None:
            taken.append(event)
            raise DEFECT

        monkeypatch.setattr(monitor.store, "apply", broken_apply)
        for _ in range(2):
            monitor.intake.apply(events.Heartbeat(NOW), monitor.source)
        assert len(taken) == 2
        assert log_entries(monitor).count(f"Heartbeat not shown: {ERROR_TEXT}") == 1


async def test_a_pane_that_cannot_be_drawn_says_so_where_its_picture_would_be(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened() as (monitor, pilot):
        monkeypatch.setattr(monitor.trade.panes[1], "content", broken)
        await settled(monitor, pilot)
        assert f"Not drawn: {ERROR_TEXT}" in monitor.trade.panes[1].lines[1].text
        assert "1 Ladder" in monitor.trade.ladder.lines[0].text
        assert monitor.is_running


async def test_a_chart_that_cannot_be_plotted_is_reported_and_costs_nothing_else(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened() as (monitor, pilot):
        monkeypatch.setattr(monitor.trade._plotter, "candles", broken_async)
        await pilot.press("right_square_bracket")
        await until(lambda: f"no candles are drawn: {ERROR_TEXT}" in log_entries(monitor))
        assert log_entries(monitor).count(f"no candles are drawn: {ERROR_TEXT}") == 1
        assert monitor.is_running


def test_the_first_error_of_a_group_is_named() -> None:
    together = ExceptionGroup("both", [DEFECT, ValueError()])
    assert error_text(together) == ERROR_TEXT
