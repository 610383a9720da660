"""Clicks on the ladder that prepare orders: off, shown first, confirmed, never sent by a click."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.events import Click

from kracked.protocol.events import Side
from kracked_tui.view.chrome import layout
from kracked_tui.view.ladder.click_mode import side_at
from kracked_tui.view.ladder.ladder_lines import ColumnSet, columns_for, head_line
from tests.tui.trading_monitor import Trading, trading


def cell(opened: Trading, side: Side, rows_away: int = 2) -> tuple[int, int]:
    """Return the place of a cell of the ladder, some rows away from the best price."""
    ladder = opened.screen.ladder
    quote = opened.screen.frame_state().quote
    assert quote is not None
    assert ladder._columns is not None
    price = quote[0] if side is Side.BID else quote[1]
    prices = list(ladder._prices)
    best = min(range(len(prices)), key=lambda at: abs(prices[at] - price))
    row = best + (rows_away if side is Side.BID else -rows_away)
    width = ladder.size.width
    x = next(x for x in range(width) if side_at(ladder._columns, x) is side)
    return x + 1, row + 2


async def point(opened: Trading, at: tuple[int, int]) -> None:
    await opened.pilot.hover(opened.screen.ladder, offset=at)
    await opened.pilot.pause()


async def click(opened: Trading, at: tuple[int, int]) -> None:
    await opened.pilot.click(opened.screen.ladder, offset=at)
    await opened.pilot.pause()


def foot(opened: Trading) -> str:
    return opened.screen.ladder.lines[-1].text


async def test_a_click_moves_the_cursor_alone_until_the_mode_is_on(tmp_path: Path) -> None:
    async with trading(tmp_path) as opened:
        await opened.armed()
        await click(opened, cell(opened, Side.BID))
        assert opened.screen.panels.top is None
        assert opened.screen.ladder.scroll.cursor is not None


async def test_disarmed_a_click_says_so_and_does_nothing_else(tmp_path: Path) -> None:
    async with trading(tmp_path) as opened:
        await opened.pilot.press("C")
        at = cell(opened, Side.BID)
        await point(opened, at)
        assert "DISARMED" in foot(opened)
        await click(opened, at)
        assert "nothing prepared: DISARMED" in opened.log_text()
        assert opened.screen.panels.top is None


@pytest.mark.parametrize(("side", "verb"), [(Side.BID, "BUY"), (Side.ASK, "SELL")])
async def test_the_order_is_on_the_screen_before_its_click_opens_the_preview(
    tmp_path: Path, side: Side, verb: str
) -> None:
    async with trading(tmp_path) as opened:
        await opened.armed()
        await opened.pilot.press("C")
        at = cell(opened, side)
        await point(opened, at)
        assert f"CLICK: {verb} " in foot(opened)
        offered = opened.screen.ladder._offer
        assert offered is not None
        await click(opened, at)
        ticket = opened.screen.ticket_keys.ticket
        assert ticket is not None
        assert (ticket.side, ticket.price, ticket.previewed) == (side, offered.price, True)
        assert not opened.received
        await opened.pilot.press("y")
        await opened.placed()


async def test_the_first_click_of_a_mouse_that_tells_no_moves_only_shows_the_order(
    tmp_path: Path,
) -> None:
    async with trading(tmp_path) as opened:
        await opened.armed()
        await opened.pilot.press("C")
        await click_without_move(opened, cell(opened, Side.BID))
        assert opened.screen.panels.top is None
        assert "CLICK: BUY" in foot(opened)


async def click_without_move(opened: Trading, at: tuple[int, int]) -> None:
    ladder = opened.screen.ladder
    event = Click(ladder, *at, 0, 0, 1, False, False, False)
    ladder.on_click(event)
    await opened.pilot.pause()


async def test_many_clicks_send_nothing(tmp_path: Path) -> None:
    async with trading(tmp_path) as opened:
        await opened.armed()
        await opened.pilot.press("C")
        at = cell(opened, Side.BID)
        await point(opened, at)
        for _ in range(5):
            await click(opened, at)
        assert opened.screen.panels.top == layout.TICKET
        assert not opened.received


async def test_another_pair_ends_the_mode_and_the_key_too(tmp_path: Path) -> None:
    async with trading(tmp_path) as opened:
        await opened.pilot.press("C")
        assert opened.screen.ladder.offers is not None
        await opened.pilot.press("C")
        assert opened.screen.ladder.offers is None
        await opened.pilot.press("C")
        opened.screen.order_keys.leave_symbol()
        assert opened.screen.ladder.offers is None


@pytest.mark.parametrize("width", [38, 47, 66, 90, 110])
@pytest.mark.parametrize("shown", ColumnSet)
def test_the_cells_of_a_side_are_those_under_its_heads(width: int, shown: ColumnSet) -> None:
    columns = columns_for(width, 7, mine=True, shown=shown, window="30s")
    head = head_line(columns).text
    for text, side in (("BID", Side.BID), ("ASK", Side.ASK), ("PRICE", None), ("MINE", None)):
        if text in head:
            assert side_at(columns, head.index(text)) is side, (text, head)
