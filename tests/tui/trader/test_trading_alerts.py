"""Alerts on own orders, at an exchange: from the key to the line at the foot."""

from __future__ import annotations

from pathlib import Path

from tests.tui.trading_monitor import Trading, trading


def told(opened: Trading) -> list[str]:
    lines = (each.text for each in opened.monitor.store.log_entries)
    return [text for text in lines if text.startswith("! ")]


async def test_the_place_of_an_own_order_is_told_once(tmp_path: Path) -> None:
    async with trading(tmp_path) as opened:
        await opened.armed()
        assert opened.monitor.trade.command_keys.run("alert queue 50") == ""
        await opened.joined("B")
        await opened.until(lambda: told(opened), "the place was not told")
        (line,) = told(opened)
        assert "own order" in line
        assert ": place " in line
        rows = {row.text: row.state for row in opened.monitor.alerts.rows()}
        assert rows["queue <= 50"].startswith("waits, told")
        assert rows["own order"] == "waits"


async def test_a_cancel_that_was_asked_for_rings_no_bell(tmp_path: Path) -> None:
    async with trading(tmp_path) as opened:
        rung: list[str] = []
        opened.monitor.alerts.on_fire = lambda _alert, text: rung.append(text)
        await opened.armed()
        await opened.joined("B")
        await opened.pilot.press("K")
        await opened.until(lambda: opened.monitor.alerts.told, "the cancel was not seen")
        assert "cancelled" in opened.monitor.alerts.told[0].text
        assert rung == []
        assert told(opened) == []
