"""The queue pane, driven as a person would: own place, cursor, followed sizes."""

from __future__ import annotations

from pathlib import Path

from tests.tui.conftest import Opened, settled
from tests.tui.frozen_account import account
from tests.tui.frozen_market import SYMBOL


async def test_an_own_order_is_told_with_how_sure_its_place_is(tmp_path: Path) -> None:
    async with account(tmp_path, (200, 60)) as (monitor, pilot):
        await pilot.press("2", "z")
        await settled(monitor, pilot)
        text = "\n".join(line.text for line in monitor.trade.panels.pane("queue").lines)
        assert "2nd of 4 at 64210.0, 0.0375 ahead" in text
        assert "from a snapshot" in text
        assert "not fitted: record 40 minutes" in " ".join(text.replace("│", " ").split())


async def test_m_follows_the_size_at_the_cursor_and_m_again_stops_it(opened: Opened) -> None:
    async with opened((120, 40)) as (monitor, pilot):
        await pilot.press("m")
        assert "go to the queue" in monitor.store.log_entries[0].text
        await pilot.press("2", "m")
        assert "many choose" in monitor.store.log_entries[0].text
        pane = monitor.trade.panels.pane("queue")
        assert any("▸" in line.text for line in pane.lines)
        order = pane.at_cursor()  # type: ignore[attr-defined]
        assert order is not None
        await pilot.press("down")
        following = pane.at_cursor()  # type: ignore[attr-defined]
        assert following.order_id != order.order_id
        monitor.view_model.followed._sizes[SYMBOL] = {following.qty: "a"}
        await settled(monitor, pilot)
        assert " bid " in pane.lines[-1].text
        assert any(line.text.count("a6421") for line in monitor.trade.ladder.lines)
