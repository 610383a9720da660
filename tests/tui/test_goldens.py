"""Whole screens as text. Write them anew with KRACKED_GOLDEN=write and read the difference."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kracked.protocol import events
from kracked.protocol.events import Side, Trades
from kracked_tui.config import Alerting, Settings
from kracked_tui.export.snapshot import picture
from tests.tui.conftest import Opened, settled
from tests.tui.frozen_market import NOW, PRECISION, SYMBOL, ScriptedSource, trade

GOLDEN = Path(__file__).parent / "golden"


def compare(name: str, text: str) -> None:
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("KRACKED_GOLDEN") == "write":
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60), (50, 14)])
async def test_the_screen_at_every_size_is_the_golden_one(
    opened: Opened, size: tuple[int, int]
) -> None:
    async with opened(size) as (monitor, _):
        compare(f"screen-{size[0]}x{size[1]}", picture(monitor, ".txt").decode())


async def test_the_ascii_screen_has_no_other_character(opened: Opened) -> None:
    async with opened((120, 40), settings=Settings(ascii=True)) as (monitor, _):
        text = picture(monitor, ".txt").decode()
        compare("ascii-120x40", text)
        assert text.isascii()


async def test_an_unverified_book_is_grey_with_the_reason_over_it(opened: Opened) -> None:
    source = ScriptedSource()
    async with opened((80, 24), source=source) as (monitor, pilot):
        source.books_held[SYMBOL].verified = False
        source.say(events.Resync(NOW, SYMBOL, "book", "checksum"))
        await settled(monitor, pilot)
        compare("resync-80x24", picture(monitor, ".txt").decode())


async def test_without_a_connection_the_screen_says_so_and_what_to_do(opened: Opened) -> None:
    source = ScriptedSource(with_book=False)
    async with opened((80, 24), source=source, applied=False) as (monitor, pilot):
        reason = "Name or service not known"
        source.say(events.Reconnecting(NOW, "public", "wss://ws.kraken.com/v2", reason, 1, 2.0))
        await settled(monitor, pilot)
        compare("offline-80x24", picture(monitor, ".txt").decode())


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (120, 40), (200, 60)])
async def test_the_alerts_at_every_size_are_the_golden_ones(
    opened: Opened, size: tuple[int, int]
) -> None:
    source = ScriptedSource()
    rules = ("price above 64250", "imbalance >= 60 % for 3s", "BTC/USD volume burst", "data")
    settings = Settings(alerts=Alerting(rules=rules))
    async with opened(size, source=source, settings=settings) as (monitor, pilot):
        monitor.trade.command_keys.run("alert order >= 5 bid at 64200 within 10 bp")
        monitor.trade.command_keys.run("alert ETH/USD price below 3000 always")
        source.say(Trades(NOW, SYMBOL, PRECISION, (trade(99, Side.BID, 642_510, 10**7, 0),)))
        await settled(monitor, pilot)
        monitor.trade.view_keys.go_to("alerts")
        await pilot.press("down")
        await settled(monitor, pilot)
        compare(f"alerts-{size[0]}x{size[1]}", picture(monitor, ".txt").decode())


@pytest.mark.parametrize("pane", ["queue", "tape", "chart", "flow", "level", "depth", "watch"])
async def test_a_pane_given_the_whole_screen_is_the_golden_one(opened: Opened, pane: str) -> None:
    async with opened((100, 24)) as (monitor, pilot):
        number = [each.id for each in monitor.trade.panes].index(pane) + 1
        monitor.trade.action_go(number)
        await settled(monitor, pilot)
        if monitor.trade.panes[0].display:  # it had room beside the others
            await pilot.press("z")
        await settled(monitor, pilot)
        compare(f"zoom-{pane}", picture(monitor, ".txt").decode())
