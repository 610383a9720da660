"""Errors nobody foresaw: said in words, written down, and the monitor goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from kracked.protocol import events
from kracked.protocol.events import Event
from kracked_tui.app import Monitor
from kracked_tui.error_boundary import words
from kracked_tui.trader.logbook import NAME
from tests.patience import until
from tests.tui.conftest import Opened, settled
from tests.tui.frozen_market import NOW
from tests.tui.trading_monitor import Trading, trading

DEFECT = KeyError("price")
SAID = "unforeseen KeyError: 'price'"


def broken(*_: object, **__: object) -> None:
    raise DEFECT


async def broken_later(*_: object, **__: object) -> None:
    raise DEFECT


def happenings(monitor: Monitor) -> list[str]:
    return [each.text for each in monitor.store.happenings]


async def is_alive(found: Trading) -> None:
    """A key still sends an order, and another cancels it."""
    await found.pilot.press("B")
    await found.until(lambda: found.open, "no order was taken any more")
    await found.pilot.press("K")
    await found.until(lambda: not found.open, "no order was cancelled any more")


async def test_a_defect_while_an_order_is_sent_is_said_and_logged_and_keys_still_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        with monkeypatch.context() as once:
            once.setattr(found.trader, "_deliver", broken_later)
            await found.pilot.press("B")
            await found.until(lambda: SAID in found.said())
        assert f"look at your orders before you go on: {SAID}" in found.text()
        await is_alive(found)
    (file,) = tmp_path.rglob(NAME)  # noqa: ASYNC240  the monitor has ended
    assert "in broken_later" in file.read_text()


async def test_a_defect_in_a_key_leaves_all_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        with monkeypatch.context() as once:
            once.setattr(found.screen, "_limit", broken)
            await found.pilot.press("B")
        assert f"that key did not do all it should: {SAID}" in found.text()
        await is_alive(found)


async def test_a_report_that_cannot_be_told_leaves_the_desk_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        with monkeypatch.context() as once:
            once.setattr(found.trader, "_hear", broken)
            await found.pilot.press("B")
            await found.until(lambda: f"own orders may be shown wrong: {SAID}" in found.said())
        await found.until(lambda: found.open)
        await found.pilot.press("K")
        await found.until(lambda: not found.open, "no order was cancelled any more")


async def test_a_look_up_that_fails_leaves_the_keys_that_cancel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        desk = found.trader._desk
        assert desk is not None
        monkeypatch.setattr(desk.reconciler, "reconcile_due", broken_later)
        desk.reconciler.wake()
        await found.until(lambda: "orders are not looked up any more" in found.said())
        await is_alive(found)


async def test_a_trader_that_stopped_says_so_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        monkeypatch.setattr(found.trader._access.reports, "batch", broken_later)
        await found.pilot.press("B")
        await found.until(lambda: f"TRADING HAS STOPPED: {SAID}" in found.said())
        assert not found.trader.armed
        await found.pilot.press("K")
        assert "Start the monitor again to trade or cancel" in found.said()


async def test_a_message_the_screen_cannot_take_is_said_once_and_the_next_is_taken(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened() as (monitor, _):
        taken: list[Event] = []

        def odd(event: Event) -> None:
            taken.append(event)
            raise DEFECT

        monkeypatch.setattr(monitor.store, "apply", odd)
        for _ in range(2):
            monitor._apply(events.Heartbeat(NOW))
        assert len(taken) == 2
        assert happenings(monitor).count(f"Heartbeat not shown: {SAID}") == 1


async def test_a_pane_that_cannot_be_drawn_says_so_where_its_picture_would_be(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened() as (monitor, pilot):
        monkeypatch.setattr(monitor.trade.panes[1], "content", broken)
        await settled(monitor, pilot)
        assert f"Not drawn: {SAID}" in monitor.trade.panes[1].lines[1].text
        assert "1 Ladder" in monitor.trade.ladder.lines[0].text
        assert monitor.is_running


async def test_a_chart_that_cannot_be_plotted_is_said_and_costs_nothing_else(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened() as (monitor, pilot):
        monkeypatch.setattr(monitor.desk, "plot", broken_later)
        await pilot.press("right_square_bracket")
        await until(lambda: f"no candles are drawn: {SAID}" in happenings(monitor))
        assert happenings(monitor).count(f"no candles are drawn: {SAID}") == 1
        assert monitor.is_running


def test_of_several_defects_that_came_together_the_first_is_named() -> None:
    together = ExceptionGroup("both", [DEFECT, ValueError()])
    assert words(together) == SAID
