"""The terminal is gone while orders are open and armed: what the settings say is done."""

from __future__ import annotations

import asyncio
import stat
from decimal import Decimal
from pathlib import Path

import pytest

from kracked_tui.config import Lost, Settings, Trading
from kracked_tui.trader import words
from tests.tui.exchange import Trading as Session
from tests.tui.exchange import trading


async def lost(found: Session) -> None:
    """An order rests, it is armed, and then the terminal goes."""
    await found.armed()
    await found.pilot.press("b", *["pagedown"] * 9, "enter", "y")
    await found.until(found.trader.own, found.said())
    await found.trader.abandon()


def settings(choice: Lost) -> Settings:
    return Settings(trading=Trading(when_lost=choice, max_notional=Decimal(10_000)))


async def test_unless_told_otherwise_the_dead_mans_switch_is_left_to_do_it(
    tmp_path: Path,
) -> None:
    async with trading(tmp_path) as found:
        await lost(found)
        assert found.open
        assert found.switch_at is not None
        assert not found.trader.armed
        assert "left to the dead-man's switch: the exchange cancels" in found.said()


async def test_it_may_cancel_at_once_and_turn_the_switch_off(tmp_path: Path) -> None:
    async with trading(tmp_path, settings=settings(Lost.CANCEL)) as found:
        await lost(found)
        assert not found.open
        assert found.switch_at is None


async def test_it_may_leave_the_orders_and_turn_the_switch_off(tmp_path: Path) -> None:
    async with trading(tmp_path, settings=settings(Lost.LEAVE)) as found:
        await lost(found)
        assert found.open
        assert found.switch_at is None


@pytest.mark.parametrize(("switch_s", "said"), [(47, "in 47 s"), (None, "2 orders stay working")])
def test_what_becomes_of_the_orders_is_said_with_and_without_the_switch(
    switch_s: int | None, said: str
) -> None:
    assert said in words.abandoned(2, switch_s)[0]


async def test_all_of_it_is_in_a_log_file_only_its_owner_can_read(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        await lost(found)
        log = tmp_path / "monitor.log"
        text = await asyncio.to_thread(log.read_text)
        assert "left to the dead-man's switch" in text
        assert "ARMED for 15 minutes" in text
        assert stat.S_IMODE((await asyncio.to_thread(log.stat)).st_mode) == 0o600
        assert found.server.api_secret not in text
        assert found.server.api_key not in text
