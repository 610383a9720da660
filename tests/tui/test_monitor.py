"""The monitor by its keys, as a person uses it."""

from __future__ import annotations

import msgspec
import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from kracked.protocol import events
from kracked.protocol.events import Side
from kracked.times import NS_PER_S
from kracked_tui.app import Monitor
from kracked_tui.config import Settings
from kracked_tui.view.account.orders import OrderRow
from kracked_tui.widgets.panes.account import OrdersPane
from tests.tui.conftest import Opened, settled
from tests.tui.frozen_market import BEST_BID, NOW, PRECISION, SYMBOL, ScriptedSource

Driven = tuple[Monitor, Pilot[None]]


def focused(monitor: Monitor) -> str | None:
    return monitor.screen.focused.id if monitor.screen.focused else None


async def test_the_ladder_has_the_focus_at_first_and_tab_goes_round(opened: Opened) -> None:
    async with opened((80, 24)) as (monitor, pilot):
        seen = [focused(monitor)]
        for _ in range(3):
            await pilot.press("tab")
            seen.append(focused(monitor))
        assert seen == ["ladder", "queue", "tape", "ladder"]


async def test_a_number_goes_to_its_pane_and_shows_it_when_there_is_no_room(opened: Opened) -> None:
    async with opened((80, 24)) as (monitor, pilot):
        await pilot.press("7")
        assert focused(monitor) == "depth"
        assert not monitor.trade.ladder.display
        await pilot.press("escape")
        assert monitor.trade.ladder.display


async def test_the_cursor_moves_the_queue_with_it_at_once(opened: Opened) -> None:
    async with opened() as (monitor, pilot):
        await pilot.press("j", "j")
        frame = monitor.trade.frame_state()
        step = monitor.trade.ladder.scroll.step
        assert frame.selection is not None
        assert frame.selection.side is Side.BID
        assert frame.selection.low == BEST_BID // step * step - 2 * step
        assert "▸" in "".join(line.text for line in monitor.trade.ladder.lines)


async def test_moving_down_off_the_screen_scrolls_and_says_held_until_recentred(
    opened: Opened,
) -> None:
    async with opened() as (monitor, pilot):
        await pilot.press(*["pagedown"] * 4)
        assert "HELD" in monitor.trade.ladder.lines[0].text
        await pilot.press("c")
        assert "follows" in monitor.trade.ladder.lines[0].text


async def test_space_holds_and_lets_go(opened: Opened) -> None:
    async with opened() as (monitor, pilot):
        await pilot.press("space")
        assert monitor.trade.ladder.scroll.held
        await pilot.press("space")
        assert not monitor.trade.ladder.scroll.held


async def test_plus_and_minus_change_the_grouping(opened: Opened) -> None:
    async with opened() as (monitor, pilot):
        before = monitor.trade.ladder.scroll.step
        await pilot.press("plus")
        assert monitor.trade.ladder.scroll.step > before
        await pilot.press("minus")
        assert monitor.trade.ladder.scroll.step == before


async def test_the_picker_finds_a_pair_by_a_part_of_its_name(opened: Opened) -> None:
    source = ScriptedSource()
    async with opened(source=source) as (monitor, pilot):
        await pilot.press("slash", *"ethe")
        await pilot.press("enter")
        await pilot.pause()
        assert monitor.view_model.symbol == "ETH/EUR"
        assert ("show", "ETH/EUR") in source.requests
        assert focused(monitor) == "ladder"


async def test_letters_typed_into_the_picker_are_no_keys(opened: Opened) -> None:
    async with opened() as (monitor, pilot):
        await pilot.press("slash", "c", "space", "z")
        assert monitor.screen.query_one(Input).value == "c z"
        assert not monitor.trade.ladder.scroll.held


async def test_pairs_that_become_known_while_it_is_open_can_be_picked(opened: Opened) -> None:
    async with opened() as (monitor, pilot):
        await pilot.press("slash")
        await pilot.pause()
        await pilot.press(*"sol")
        found = next(iter(monitor.store.instruments.values()))
        monitor.store.instruments["SOL/EUR"] = msgspec.structs.replace(found, symbol="SOL/EUR")
        monitor.trade.draw()
        await pilot.press("enter")
        assert monitor.view_model.symbol == "SOL/EUR"


async def test_a_copied_row_is_its_words_without_box_and_bars(opened: Opened) -> None:
    async with opened() as (monitor, pilot):
        await pilot.press("y")
        copied = monitor.view_model.recent_log()[0].text
        assert copied.startswith("copied: ")
        assert not set("│┃║▸█▌▏") & set(copied)


async def test_escape_closes_the_picker_and_changes_nothing(opened: Opened) -> None:
    async with opened() as (monitor, pilot):
        await pilot.press("slash", "e", "escape")
        assert monitor.view_model.symbol == SYMBOL
        assert not monitor.trade.picker.display
        assert focused(monitor) == "ladder"


async def test_the_help_opens_turns_its_pages_and_closes(opened: Opened) -> None:
    async with opened((80, 24)) as (monitor, pilot):
        await pilot.press("question_mark")
        await pilot.pause()
        assert "page 1" in monitor.trade.help_pages.lines[0].text
        await pilot.press("down")
        assert "page 2" in monitor.trade.help_pages.lines[0].text
        await pilot.press("end")
        shown = "\n".join(line.text for line in monitor.trade.help_pages.lines)
        assert "Reading the screen" in shown
        await pilot.press("home")
        assert "page 1" in monitor.trade.help_pages.lines[0].text
        await pilot.press("question_mark")
        assert not monitor.trade.help_pages.display


async def test_zoom_gives_the_pane_the_whole_body_and_takes_it_back(opened: Opened) -> None:
    async with opened((120, 40)) as (monitor, pilot):
        await pilot.press("3", "z")
        await pilot.pause()
        assert monitor.trade.tape.size.width == 120
        await pilot.press("z")
        await pilot.pause()
        assert monitor.trade.tape.size.width < 120


async def test_the_size_filter_says_what_it_hides(opened: Opened) -> None:
    async with opened() as (monitor, pilot):
        await pilot.press("f")
        assert "≥" in monitor.trade.tape.lines[0].text
        await pilot.press("F")
        assert monitor.trade.tape.at_least == 0


async def test_brackets_change_the_candles_and_ask_the_exchange_for_them(opened: Opened) -> None:
    source = ScriptedSource()
    async with opened(source=source) as (monitor, pilot):
        await pilot.press("right_square_bracket")
        await pilot.pause()
        assert monitor.view_model.timeframe_s == 300
        assert (SYMBOL, 300) in source.requests


@pytest.mark.parametrize("size", [(80, 24), (200, 60), (40, 10), (10, 4)])
async def test_any_size_may_follow_any_other(opened: Opened, size: tuple[int, int]) -> None:
    async with opened((120, 40)) as (monitor, pilot):
        await pilot.resize_terminal(*size)
        await pilot.pause()
        assert monitor.trade.ladder.display
        assert all(len(line.text) == size[0] for line in monitor.trade.header.lines)


async def test_a_click_moves_the_cursor_and_a_hint_is_a_button(opened: Opened) -> None:
    async with opened() as (monitor, pilot):
        await pilot.click("#ladder", offset=(20, 5))
        top = monitor.trade.ladder.lines[5].text
        assert "▸" in top
        await pilot.click("#hints", offset=(3, 0))
        await pilot.pause()
        assert monitor.trade.help_pages.display


async def test_a_key_of_the_configuration_replaces_the_default(opened: Opened) -> None:
    async with opened(settings=Settings(keys={"zoom": "x"})) as (monitor, pilot):
        await pilot.press("x")
        await pilot.pause()
        assert monitor.trade.ladder.size.width == 120


async def test_every_theme_can_be_shown(opened: Opened) -> None:
    async with opened() as (monitor, pilot):
        for _ in range(5):
            await pilot.press("T")
            await pilot.pause()
        assert monitor.theme == "blue-orange"


async def test_the_palette_offers_every_action(opened: Opened) -> None:
    async with opened() as (monitor, _):
        titles = {name for name, _, _ in monitor.trade.command_keys.actions()}
        assert {"Recentre", "Zoom", "Pair", "Quit"} <= titles


async def test_control_q_leaves_cleanly(opened: Opened) -> None:
    async with opened() as (monitor, pilot):
        await pilot.press("ctrl+q")
        await pilot.pause()
        assert monitor.return_code == 0


async def test_a_keys_echo_is_painted_before_its_handler_returns(opened: Opened) -> None:
    async with opened() as (monitor, _):
        painted = monitor.trade.ladder.painted
        monitor.trade.ladder.hold()
        assert monitor.trade.ladder.painted > painted


@pytest.mark.parametrize("symbol", ["", "/", "BTC", "BTC/USD\x1b[2J", "a/b/c"])
async def test_an_own_order_of_no_pair_leaves_the_one_that_is_shown(
    opened: Opened, symbol: str
) -> None:
    source = ScriptedSource()
    async with opened(source=source) as (monitor, pilot):
        source.requests.clear()
        row = OrderRow(symbol, Side.BID, "1", "2")
        monitor.trade.post_message(OrdersPane.Opened(row))
        await pilot.pause()
        assert monitor.view_model.symbol == SYMBOL
        assert not source.requests
        words = " ".join(each.text for each in monitor.store.log_entries)
        assert "not known yet" in words or "is no pair" in words


# --- the chart's past -------------------------------------------------------------------------


def long_ago() -> events.Candles:
    """Return five hours of candles."""
    minute = 60 * NS_PER_S
    first = NOW // minute * minute - 300 * minute
    made = tuple(
        events.Candle(
            interval=1, begin=first + at * minute, open=642_000 + at, high=642_020 + at,
            low=641_990 + at, close=642_010 + at, vwap=642_005 + at, volume=10**8, trades=3,
        )
        for at in range(300)
    )  # fmt: skip
    return events.Candles(NOW, SYMBOL, PRECISION, made, snapshot=True)


async def test_left_and_right_lead_through_the_past_of_the_chart_and_end_comes_back(
    opened: Opened,
) -> None:
    async with opened() as (monitor, pilot):
        monitor.store.apply(long_ago())
        await pilot.press("4")
        await settled(monitor, pilot)
        newest = monitor.trade.chart._plotted.bars
        await pilot.press("left", "h")
        await settled(monitor, pilot)
        past = monitor.trade.chart._plotted
        assert past.bars[-1].begin < newest[-1].begin
        assert f"{past.newer} newer" in monitor.trade.chart.lines[0].text
        await pilot.press("l", "right")
        await settled(monitor, pilot)
        assert monitor.trade.chart._plotted.bars == newest
        await pilot.press("home")
        await settled(monitor, pilot)
        assert monitor.trade.chart._plotted.bars[0].begin == long_ago().candles[0].begin
        await pilot.press("end")
        await settled(monitor, pilot)
        assert monitor.trade.chart._plotted.bars == newest


async def test_the_chart_stands_still_in_the_past_while_new_candles_come(opened: Opened) -> None:
    async with opened() as (monitor, pilot):
        monitor.store.apply(long_ago())
        await pilot.press("4")
        await settled(monitor, pilot)
        await pilot.press("left")
        await settled(monitor, pilot)
        before = monitor.trade.chart._plotted.bars
        newest = long_ago().candles[-1]
        later = msgspec.structs.replace(newest, begin=newest.begin + 60 * NS_PER_S)
        monitor.store.apply(events.Candles(NOW, SYMBOL, PRECISION, (later,), snapshot=False))
        await settled(monitor, pilot)
        assert monitor.trade.chart._plotted.bars == before
