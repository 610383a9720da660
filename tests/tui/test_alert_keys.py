"""Alerts in the monitor: keys, commands, the pane, the line, the bell and the terminal."""

from __future__ import annotations

import asyncio
import json
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from textual.pilot import Pilot

from kracked.protocol import events
from kracked.protocol.events import Side, Trade
from kracked.times import NS_PER_S, to_rfc3339
from kracked_tui.app import Monitor
from kracked_tui.config import Alerting, Desktop, Settings
from kracked_tui.export.snapshot import picture
from kracked_tui.view.chrome import layout
from tests.patience import until
from tests.tui.conftest import Opened, settled
from tests.tui.frozen_market import NOW, PRECISION, SYMBOL, ScriptedSource


def log(monitor: Monitor) -> list[str]:
    return [each.text for each in monitor.store.log_entries]


def trades(*prices: str, number: int = 5000) -> list[events.Event]:
    return [
        events.Trades(
            NOW,
            SYMBOL,
            PRECISION,
            (
                Trade(
                    Side.BID,
                    int(Decimal(price) * 10),
                    10**7,
                    "market",
                    number + at,
                    to_rfc3339(NOW + at * NS_PER_S),
                ),
            ),
        )
        for at, price in enumerate(prices)
    ]


async def typed(pilot: Pilot[None], line: str) -> None:
    await pilot.press("colon")
    await pilot.pause()
    names = {" ": "space", "/": "slash", ".": "full_stop", ">": "greater_than_sign"}
    names |= {"=": "equals_sign"}
    await pilot.press(*(names.get(one, one) for one in line), "enter")
    await pilot.pause()


def pane_text(monitor: Monitor) -> str:
    monitor.trade.draw()
    return "\n".join(line.text for line in monitor.trade.panels.pane(layout.ALERTS).lines)


async def test_the_command_sets_an_alert_of_the_pair_shown_and_lists_it(opened: Opened) -> None:
    async with opened() as (monitor, pilot):
        monitor.alerts.apply(trades("64210")[0])
        await typed(pilot, "alert taker 5")
        assert log(monitor)[0] == "alert 1: BTC/USD taker >= 5: waits"
        await typed(pilot, "alert")
        await settled(monitor, pilot)
        assert monitor.trade.panels.pane(layout.ALERTS).has_focus
        assert "BTC/USD     taker >= 5" in pane_text(monitor)


async def test_a_command_that_states_no_alert_stays_open_with_what_is_known(opened: Opened) -> None:
    async with opened() as (monitor, pilot):
        await typed(pilot, "alert soon")
        assert monitor.trade.panels.top == layout.COMMAND
        said = " ".join(line.text for line in monitor.trade.commands._rows.lines)
        assert "'soon' is no alert" in said


async def test_alerts_are_removed_by_number_and_by_key(opened: Opened) -> None:
    async with opened() as (monitor, pilot):
        for line in ("alert 64250", "alert 64300", "alert 64400"):
            await typed(pilot, line)
        await typed(pilot, "alert remove 2")
        assert [row.text for row in monitor.alerts.rows()] == ["price 64250", "price 64400"]
        await pilot.press("g", "a", "down", "delete")
        assert [row.text for row in monitor.alerts.rows()] == ["price 64250"]
        await pilot.press("g", "l", "delete")
        assert len(monitor.alerts.rows()) == 1


async def test_the_key_sets_an_alert_at_the_cursor_and_lists_them_the_second_time(
    opened: Opened,
) -> None:
    async with opened() as (monitor, pilot):
        await pilot.press("exclamation_mark")
        assert "put the cursor on a price" in log(monitor)[0]
        await pilot.press("up", "up", "up", "exclamation_mark")
        (row,) = monitor.alerts.rows()
        selection = monitor.trade.frame_state().selection
        assert selection is not None
        assert row.text == f"price {PRECISION.price_text(selection.high)}"
        await pilot.press("exclamation_mark")
        assert monitor.trade.panels.pane(layout.ALERTS).has_focus


async def test_a_crossing_between_two_frames_is_told(opened: Opened) -> None:
    source = ScriptedSource()
    async with opened(source=source) as (monitor, pilot):
        await typed(pilot, "alert price above 64250")
        source.say(*trades("64210", "64251", "64210"))
        await settled(monitor, pilot)
        told = [text for text in log(monitor) if text.startswith("!")]
        assert told == ["! BTC/USD last price 64251.0 is above 64250"]
        assert told[0] in picture(monitor, ".txt").decode()


async def test_the_smallest_screen_tells_an_alert_in_place_of_the_keys(opened: Opened) -> None:
    source = ScriptedSource()
    async with opened((50, 14), source=source) as (monitor, pilot):
        monitor.trade.command_keys.run("alert price above 64250")
        source.say(*trades("64251"))
        await settled(monitor, pilot)
        assert "! BTC/USD last price 64251.0 is above" in picture(monitor, ".txt").decode()
        source.time += 11 * NS_PER_S
        monitor.trade.draw()
        assert "!" not in picture(monitor, ".txt").decode().splitlines()[-1]


async def fire(monitor: Monitor, pilot: Pilot[None], source: ScriptedSource) -> None:
    monitor.trade.command_keys.run("alert price above 64250")
    source.say(*trades("64251"))
    await settled(monitor, pilot)


async def test_the_bell_rings_but_not_while_somebody_types(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, rung = ScriptedSource(), []
    async with opened(source=source) as (monitor, pilot):
        monkeypatch.setattr(monitor, "bell", lambda: rung.append(1))
        await fire(monitor, pilot, source)
        assert rung == [1]
        monitor.trade.command_keys.run("alert price above 64260")
        await pilot.press("colon")
        await pilot.pause()
        source.say(*trades("64261", number=6000))
        await settled(monitor, pilot)
        assert rung == [1]


async def test_the_terminal_gets_the_notification_of_the_setting(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, written = ScriptedSource(), list[str]()
    settings = Settings(alerts=Alerting(desktop=Desktop.OSC777, bell=False))
    async with opened(source=source, settings=settings) as (monitor, pilot):
        driver = monitor._driver
        assert driver is not None
        monkeypatch.setattr(driver, "write", written.append)
        await fire(monitor, pilot, source)
        notified = [text for text in written if "777" in text]
        said = "BTC/USD last price 64251.0 is above 64250"
        assert f"]777;notify;kracked;{said}" in notified[0]


async def test_the_command_of_the_setting_runs_with_the_alert_and_no_shell(
    opened: Opened, tmp_path: Path
) -> None:
    out = tmp_path / "told.json"
    code = (
        f"import sys,json;open({str(out)!r},'w').write(json.dumps([sys.argv[-1],sys.stdin.read()]))"
    )
    settings = Settings(alerts=Alerting(command=(sys.executable, "-c", code)))
    source = ScriptedSource()
    async with opened(source=source, settings=settings) as (monitor, pilot):
        await fire(monitor, pilot, source)
        await until(lambda: out.exists() and out.read_text().endswith("]"))
    text, encoded = json.loads(out.read_text())
    assert text == "BTC/USD last price 64251.0 is above 64250"
    assert json.loads(encoded)["figures"] == {"price": "64251.0", "limit": "64250"}


async def test_a_command_that_fails_is_said_and_holds_up_nothing(opened: Opened) -> None:
    settings = Settings(alerts=Alerting(command=(sys.executable, "-c", "raise SystemExit(7)")))
    source = ScriptedSource()
    async with opened(source=source, settings=settings) as (monitor, pilot):
        await fire(monitor, pilot, source)
        await until(lambda: any("failed with exit code 7" in text for text in log(monitor)))


async def test_a_hung_command_holds_up_neither_the_screen_nor_the_end(opened: Opened) -> None:
    hangs = "import time; time.sleep(60)"
    settings = Settings(alerts=Alerting(command=(sys.executable, "-c", hangs)))
    source = ScriptedSource()
    loop = asyncio.get_running_loop()
    async with opened(source=source, settings=settings) as (monitor, pilot):
        await fire(monitor, pilot, source)
        await pilot.press("z")
        assert monitor.trade.panels.zoomed
        begun = loop.time()
    assert loop.time() - begun < 4


async def test_a_defect_of_the_alerts_is_told_and_the_screen_goes_on(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = ScriptedSource()
    async with opened(source=source) as (monitor, pilot):

        def broken(_: events.Event) -> None:
            raise KeyError("x")

        monkeypatch.setattr(monitor.alerts.watch, "apply", broken)
        source.say(*trades("64251"))
        await settled(monitor, pilot)
        assert any("not evaluated for alerts" in text for text in log(monitor))
        assert monitor.store.market(SYMBOL).last == 642510
