"""Whole screens with an account, as text: every state an order or the monitor can be in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kracked_tui.export.snapshot import picture
from kracked_tui.view.chrome import layouts
from kracked_tui.view.ticket import ticket
from tests.tui.conftest import settled
from tests.tui.frozen_account import account
from tests.tui.test_goldens import compare

SCREENS = [(80, 24), (120, 40), (200, 60)]
ARM = ("A", *"btc/usd", "enter")
SCENES = {
    "disarmed": (),
    "armed": ARM,
    "arming": ("A",),
    "ticket": ("b",),
    "crossing": (*ARM, "s"),
    "preview": (*ARM, "b", "enter"),
    "amend": (*ARM, "9", "e", "down"),
    "orders": ("9",),
    "fills": ("0",),
    "balances": ("dollar_sign",),
    "quit": (*ARM, "ctrl+q"),
}


async def drawn(
    folder: Path, size: tuple[int, int], keys: tuple[str, ...], *, read_only: bool, unknown: bool
) -> str:
    async with account(folder, size, read_only=read_only, unknown=unknown) as (monitor, pilot):
        await pilot.press(*keys)
        await settled(monitor, pilot)
        # The dead-man's switch is counted by a clock that never stands still.
        return re.sub(r"switch \d\ds", "switch 60s", picture(monitor, ".txt").decode())


def named(name: str, size: tuple[int, int]) -> str:
    return f"own-{name}-{size[0]}x{size[1]}"


@pytest.mark.parametrize("size", SCREENS)
@pytest.mark.parametrize("scene", SCENES)
async def test_the_screen_of_an_account_is_the_golden_one(
    tmp_path: Path, scene: str, size: tuple[int, int]
) -> None:
    text = await drawn(tmp_path, size, SCENES[scene], read_only=False, unknown=False)
    compare(named(scene, size), text)


@pytest.mark.parametrize("name", layouts.NAMES)
async def test_no_layout_of_the_smallest_screen_cuts_a_number(tmp_path: Path, name: str) -> None:
    async with account(tmp_path, (80, 24), read_only=False, unknown=False) as (monitor, pilot):
        monitor.trade.panels.lay_out_as(name)
        await settled(monitor, pilot)
        text = picture(monitor, ".txt").decode()
        compare(f"own-layout-{name}-80x24", text)
        assert re.findall(r"[\d.]+…", text) == []


@pytest.mark.parametrize("kind", ticket.TYPES[1:])
async def test_the_smallest_screen_has_room_for_the_ticket_of_every_type(
    tmp_path: Path, kind: str
) -> None:
    keys = ("b", *["t"] * [*ticket.TYPES].index(kind))
    text = await drawn(tmp_path, (80, 24), keys, read_only=False, unknown=False)
    compare(f"own-ticket-{kind}", text)
    assert "enter previews" in text


@pytest.mark.parametrize("size", SCREENS)
async def test_an_order_of_unknown_outcome_blocks_and_says_so(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    keys = (*ARM, "b", "enter", "y")
    text = await drawn(tmp_path, size, keys, read_only=False, unknown=True)
    compare(named("unknown", size), text)
    assert "not sent: The outcome of BTC/USD add ours-9 is not known" in text


async def test_read_only_a_key_that_trades_says_why_it_does_nothing(tmp_path: Path) -> None:
    async with account(tmp_path, (80, 24), read_only=True, unknown=False) as (monitor, pilot):
        await pilot.press("b")
        told = " ".join(each.text for each in monitor.store.log_entries)
        assert "read-only: started with --read-only" in told


@pytest.mark.parametrize("size", SCREENS)
async def test_read_only_shows_the_account_and_no_key_of_orders(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    text = await drawn(tmp_path, size, (), read_only=True, unknown=False)
    compare(named("read-only", size), text)
    assert "b/s" not in text
