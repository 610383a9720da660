"""The keys of the ladder's columns, driven as a person would."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from kracked.times import NS_PER_S
from kracked_tui.state.user_columns import UserColumns
from kracked_tui.view.ladder.ladder_lines import columns_for, head_line
from kracked_tui.view.ladder.read_out import Foot
from tests.tui.conftest import Opened, settled
from tests.tui.frozen_account import account
from tests.tui.frozen_market import SYMBOL


def shown(monitor: object) -> str:
    return "\n".join(line.text for line in monitor.trade.ladder.lines)  # type: ignore[attr-defined]


async def test_v_goes_through_the_sets_of_columns_and_comes_back(opened: Opened) -> None:
    async with opened((120, 40)) as (monitor, pilot):
        first = shown(monitor)
        assert "SOLD" in first
        await pilot.press("v")
        assert "±30s" in shown(monitor)
        await pilot.press("v")
        assert "PROFILE" in shown(monitor)
        assert "profile 5.0 a row since" in shown(monitor)
        await pilot.press("v")
        assert shown(monitor) == first


async def test_braces_change_the_window_of_pulling_and_stacking(opened: Opened) -> None:
    async with opened((120, 40)) as (monitor, pilot):
        await pilot.press("v", "}")
        assert "±2m" in shown(monitor)
        await pilot.press("{", "{", "{")
        assert "±5s" in shown(monitor)
        assert monitor.store.flows[SYMBOL].changes.window_ns == 5 * 10**9


async def test_the_foot_tells_the_sums_then_the_cursors_row_then_the_cost(opened: Opened) -> None:
    async with opened((120, 40)) as (monitor, pilot):
        await pilot.press("i")
        assert "64210.0 bid · 4 orders" in shown(monitor)
        await pilot.press("i")
        assert monitor.trade.ladder.foot is Foot.COST
        assert "buy 1:" in shown(monitor)
        await pilot.press("i")
        assert " ask  leans" in shown(monitor)


async def test_the_market_leans_the_same_whichever_rows_are_in_view(opened: Opened) -> None:
    async with opened((120, 40)) as (monitor, pilot):
        leans = re.search(r"leans .* bp", shown(monitor))
        assert leans is not None
        await pilot.press(*["pageup"] * 6)
        await settled(monitor, pilot)
        assert leans.group() in shown(monitor)


async def test_traded_columns_are_cleared_in_part_and_brought_back(opened: Opened) -> None:
    async with opened((120, 40)) as (monitor, pilot):
        traded = monitor.store.flows[SYMBOL].traded
        whole = dict(traded.prices)
        await pilot.press("r", "u")
        assert traded.prices
        assert max(traded.prices) <= 642_105 < max(whole)
        await pilot.press("r", "r")
        assert dict(traded.prices) == whole
        await pilot.press("r", "d")
        assert min(traded.prices) >= 642_100 > min(whole)
        await pilot.press("r", "a")
        assert not traded.prices


async def test_the_keys_that_clear_do_nothing_without_r(opened: Opened) -> None:
    async with opened((120, 40)) as (monitor, pilot):
        before = dict(monitor.store.flows[SYMBOL].traded.prices)
        await pilot.press("a", "u", "d")
        assert dict(monitor.store.flows[SYMBOL].traded.prices) == before


async def test_hiding_empty_rows_warns_and_shows_only_levels(opened: Opened) -> None:
    async with opened((120, 40)) as (monitor, pilot):
        await pilot.press("minus", "minus", "full_stop")
        await settled(monitor, pilot)
        assert "ROWS MOVE" in shown(monitor)
        assert "ROWS MOVE" in monitor.store.log_entries[0].text
        prices = list(monitor.trade.ladder._prices)
        gaps = {high - low for high, low in pairwise(prices)}
        assert len(gaps) > 1
        await pilot.press("full_stop")
        assert "ROWS MOVE" not in shown(monitor)


async def test_a_set_that_has_no_room_says_so_and_what_to_do(tmp_path: Path) -> None:
    async with account(tmp_path, (80, 24)) as (monitor, pilot):
        await pilot.press("v")
        assert "no room: z" in shown(monitor)
        await pilot.press("z")
        assert "±30s" in shown(monitor)


class Doubtful:
    """A column that works until it is told to fail."""

    head, width = "own", 5
    fails = False

    def cell(self, row: object, market: object) -> str:
        del row, market
        if self.fails:
            raise ValueError("no more")
        return "well"


async def test_a_column_of_the_user_stands_at_the_right_and_its_failure_is_told(
    opened: Opened,
) -> None:
    async with opened((120, 40)) as (monitor, _):
        column, model = Doubtful(), monitor.view_model
        model.store.user_columns = UserColumns([("mine", column)], tell=model.tell)
        monitor.trade.draw()
        lines = [line.text[1:-1].rstrip() for line in monitor.trade.ladder.lines]
        assert lines[1].endswith("own")
        assert lines[5].endswith("well")
        column.fails = True
        for _ in range(2):  # the head is that of the frame after the failure
            monitor.source.time += NS_PER_S  # type: ignore[attr-defined]
            monitor.trade.draw()
        lines = [line.text[1:-1].rstrip() for line in monitor.trade.ladder.lines]
        assert lines[1].endswith("fail…")
        assert not lines[5].endswith("well")
        assert any(
            "column mine is left off (failed)" in each.text for each in model.store.log_entries
        )


@pytest.mark.parametrize("width", [40, 52, 66, 80])
def test_columns_of_the_user_never_push_out_prices_and_sizes(width: int) -> None:
    user = tuple((f"c{n}", 12) for n in range(4))
    columns = columns_for(width, 8, mine=True, user=user)
    text = head_line(columns).text
    assert len(text) == width
    assert all(word in text for word in ("MINE", "BID", "PRICE", "ASK"))
