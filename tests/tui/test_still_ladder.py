"""The ladder holds still: its painted rows, over ten minutes of a simulated market."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from kracked.book.l2 import L2Book
from kracked.protocol.events import Side
from kracked.sim.agents.market import SimulatedMarket
from kracked.sim.listings import listings
from kracked.times import NS_PER_S
from kracked_tui.app import Monitor
from kracked_tui.sources.base import Source
from tests.tui.frozen_account import account
from tests.tui.frozen_market import NOW, SYMBOL, ScriptedSource, book
from tests.tui.painted import PaintedScreen

MINUTES = 10
ARM = ("A", *"btc/usd", "enter")


def books() -> Iterator[L2Book]:
    """Yield the level 2 book of a simulated market, second by second."""
    market = SimulatedMarket(listings([SYMBOL]), seed=11).opened(NOW)
    matcher = market.matcher(SYMBOL)
    for second in range(60 * MINUTES):
        list(market.advance(NOW + second * NS_PER_S))
        sides = (islice(matcher.levels(side), 60) for side in (Side.BID, Side.ASK))
        bids, asks = ([(level.price, level.qty) for level in levels] for levels in sides)
        yield book(bids, asks)


def show(monitor: Monitor, source: Source, shown: L2Book) -> None:
    assert isinstance(source, ScriptedSource)
    source.books_held[SYMBOL] = shown
    source.orders_held.clear()
    monitor.trade.draw()


def price_rows(monitor: Monitor, painted: PaintedScreen) -> tuple[list[str], int]:
    """Return the prices of the painted rows, top to bottom, and which has the cursor."""
    place = monitor.trade.ladder.region
    rows = [row[place.x : place.right] for row in painted.rows[place.y + 2 : place.bottom - 1]]
    at = painted.rows[place.y + 1].index("PRICE", place.x) - place.x
    prices = [row[at - 3 : at + 5].strip() for row in rows]
    return prices, next(number for number, row in enumerate(rows) if "▸" in row)


@pytest.mark.parametrize("keys", [ARM, ("up",)], ids=["armed", "cursor placed"])
async def test_no_painted_row_of_the_ladder_moves_by_itself(
    tmp_path: Path, keys: tuple[str, ...]
) -> None:
    async with account(tmp_path, (120, 40)) as (monitor, pilot):
        source, market = monitor.source, books()
        painted = PaintedScreen(monitor)
        show(monitor, source, next(market))
        await pilot.press("c", *keys)
        await pilot.pause()
        monitor.trade.panels.place()
        first = price_rows(monitor, painted)
        assert all(text.replace(".", "").isdigit() for text in first[0]), first
        touched = set()
        for shown in market:
            show(monitor, source, shown)
            assert price_rows(monitor, painted) == first
            touched.add(shown.best_bid)
        assert len(touched) > 60  # it was a market
        bid = shown.best_bid
        assert bid is not None
        lowest, highest = (float(first[0][at]) * 10 for at in (-1, 0))
        if not lowest <= bid.price <= highest:
            edge = painted.rows[monitor.trade.ladder.region.y]
            assert "▲ market" in edge or "▼ market" in edge


async def test_a_panel_lies_over_the_ladder_and_moves_none_of_its_rows(tmp_path: Path) -> None:
    async with account(tmp_path, (120, 40)) as (monitor, pilot):
        painted = PaintedScreen(monitor)
        monitor.trade.panels.place()
        first, height = price_rows(monitor, painted), monitor.trade.ladder.region.height
        for opened in ("b", "slash", "question_mark", "P"):
            await pilot.press(opened)
            await pilot.pause()
            assert monitor.trade.ladder.region.height == height
            await pilot.press("escape")
            await pilot.pause()
            assert price_rows(monitor, painted) == first
