"""The heat strip in the monitor: its keys, its colours, and what it shows without them."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from textual.pilot import Pilot

from kracked.protocol import events
from kracked.times import NS_PER_S, to_rfc3339
from kracked_tui.app import Monitor
from kracked_tui.config import Settings
from kracked_tui.palettes import Colours
from kracked_tui.view.chart import heat
from kracked_tui.widgets.panes.heat import HeatPane
from tests.tui.conftest import Opened, settled
from tests.tui.frozen_market import BEST_ASK, PRECISION, SYMBOL, ScriptedSource, book, levels


def pane(monitor: Monitor) -> HeatPane:
    return monitor.trade.panes.heat


def body(monitor: Monitor) -> list[str]:
    return [line.text[1:-1] for line in pane(monitor).lines[1:-1]]


def pass_time(monitor: Monitor, seconds: float) -> None:
    """Let frames pass, ten a second."""
    source = monitor.source
    assert isinstance(source, ScriptedSource)
    for _ in range(int(seconds * 10)):
        source.time += NS_PER_S // 10
        monitor.store.last_received = source.time
        model = monitor.view_model
        model.follow(model.frame_state(lambda _: None, str))
    monitor.trade.draw()


def walled() -> ScriptedSource:
    """A market with a wall of 40 some rows below the best bid."""
    source = ScriptedSource()
    bids = [(p, 40 * 10**8 if at == 12 else qty) for at, (p, qty) in enumerate(levels_of_bids())]
    source.books_held[SYMBOL] = book(bids=bids)
    return source


def levels_of_bids() -> Iterable[tuple[int, int]]:
    return levels(events.Side.BID)


async def shown(monitor: Monitor, pilot: Pilot[None]) -> None:
    await pilot.press("g", "e")
    await settled(monitor, pilot)
    pass_time(monitor, 12)


async def test_the_strip_is_always_there_at_120x40(opened: Opened) -> None:
    async with opened((120, 40)) as (monitor, _):
        assert pane(monitor).display


async def test_a_wall_is_the_brightest_and_the_past_is_hatched(opened: Opened) -> None:
    async with opened((120, 40), source=walled()) as (monitor, pilot):
        await shown(monitor, pilot)
        assert all(row.startswith(heat.HATCH * 10) for row in body(monitor))
        roles = {span.role for line in pane(monitor).lines for span in line.spans}
        assert any(role.startswith(heat.ROLE) and "16" in role for role in roles)


async def test_brackets_change_the_columns_and_not_the_candles(opened: Opened) -> None:
    async with opened((120, 40)) as (monitor, pilot):
        await shown(monitor, pilot)
        before = monitor.view_model.timeframe_s
        await pilot.press("right_square_bracket")
        assert pane(monitor).length_s == 30
        await pilot.press("left_square_bracket", "left_square_bracket", "left_square_bracket")
        assert pane(monitor).length_s == 1
        assert monitor.view_model.timeframe_s == before


async def test_the_rows_stand_still_until_c_brings_the_market_to_the_middle(
    opened: Opened,
) -> None:
    async with opened((120, 40)) as (monitor, pilot):
        await shown(monitor, pilot)
        axis = pane(monitor)._axis
        pass_time(monitor, 2)
        assert pane(monitor)._axis == axis
        pane(monitor)._axis = axis._replace(low=axis.low + axis.step)
        await pilot.press("c")
        assert pane(monitor)._axis == axis


async def test_a_book_that_is_not_verified_is_hatched_from_then_on(opened: Opened) -> None:
    source = ScriptedSource()
    async with opened((120, 40), source=source) as (monitor, pilot):
        await shown(monitor, pilot)
        source.books_held[SYMBOL].verified = False
        pass_time(monitor, 12)
        pane(monitor).length_s = 1
        pane(monitor).redraw()
        columns = monitor.view_model.depths.columns(1)
        assert [each.known_ns for each in columns[-5:]] == [0] * 5
        assert "STALE" in pane(monitor).lines[0].text


async def test_another_pair_has_a_history_of_its_own(opened: Opened) -> None:
    async with opened((120, 40)) as (monitor, pilot):
        await shown(monitor, pilot)
        monitor.view_model.symbol = "ETH/USD"
        pass_time(monitor, 0.2)
        assert all(not each.known_ns for each in monitor.view_model.depths.columns(1))


@pytest.mark.parametrize("length_s", [1, 5, 30])
async def test_all_that_was_seen_is_there_at_every_length_and_zoomed(
    opened: Opened, length_s: int
) -> None:
    """Messages take now longer, now shorter, so the exchange's clock is not known steadily."""
    async with opened((120, 40), source=walled()) as (monitor, pilot):
        await shown(monitor, pilot)
        source, began = monitor.source, 0
        assert isinstance(source, ScriptedSource)
        for second in range(180):
            late_ns = (3, 40, 8, 250)[second % 4] * 1_000_000
            time = to_rfc3339(source.time - late_ns, 9)
            made = events.Trade(events.Side.BID, BEST_ASK, 10**7, "limit", 9_000 + second, time)
            monitor.store.apply(events.Trades(source.time, SYMBOL, PRECISION, (made,)))
            pass_time(monitor, 1)
            began = began or monitor.view_model.depths.columns(1)[-1].begin
        pane(monitor).length_s = length_s
        await pilot.press("z")
        await settled(monitor, pilot)
        columns = monitor.view_model.depths.columns(length_s)
        whole = [each for each in columns[:-1] if each.begin > began]
        assert len(whole) >= 178 // length_s
        assert all(each.known_ns >= 0.7 * length_s * NS_PER_S for each in whole)
        pane(monitor).redraw()
        known = min(len(whole), len(body(monitor)[0]) - 20)
        assert any(row.count(heat.HATCH) <= len(row) - known for row in body(monitor))


async def test_a_pair_that_is_shown_again_has_what_was_seen_of_it(opened: Opened) -> None:
    async with opened((120, 40)) as (monitor, pilot):
        await shown(monitor, pilot)
        seen = monitor.view_model.depths.columns(1)[0]
        for symbol in ("ETH/USD", SYMBOL):
            monitor.view_model.symbol = symbol
            pass_time(monitor, 0.2)
        assert monitor.view_model.depths.columns(1)[0] == seen


async def test_what_is_not_drawn_is_seen_too(opened: Opened) -> None:
    async with opened((120, 40)) as (monitor, pilot):
        await shown(monitor, pilot)
        source, before = monitor.source, monitor.view_model.depths.columns(1)
        assert isinstance(source, ScriptedSource)
        monitor.trade.covered = True  # as where the past is shown
        for _ in range(8):
            source.time += NS_PER_S // 2
            monitor.store.last_received = source.time
            monitor._tick()
        after = monitor.view_model.depths.columns(1)
        assert len(after) == len(before) + 4
        assert all(each.known_ns == NS_PER_S for each in after[len(before) : -1])


async def test_sixteen_colours_have_signs_for_shades(opened: Opened) -> None:
    async with opened((120, 40), source=walled()) as (monitor, pilot):
        monitor.use_colours(Colours.FEW)
        await shown(monitor, pilot)
        assert "█" in "".join(body(monitor))
        assert "▀" not in "".join(body(monitor))


async def test_256_colours_have_half_blocks_of_five_steps(opened: Opened) -> None:
    async with opened((120, 40), source=walled()) as (monitor, pilot):
        monitor.use_colours(Colours.MANY)
        await shown(monitor, pilot)
        colours = {pane(monitor)._shade(shade).triplet for shade in range(1, heat.SHADES + 1)}
        assert len(colours) == 5
        assert "▀" in "".join(body(monitor))


async def test_ascii_tells_the_walls_in_words(opened: Opened) -> None:
    async with opened((100, 30), source=walled(), settings=Settings(ascii=True)) as (
        monitor,
        pilot,
    ):
        await shown(monitor, pilot)
        text = "\n".join(body(monitor))
        price = monitor.trade.frame_state().precision.price_text(list(levels_of_bids())[12][0])
        assert f"largest bid 40 at {price}, for at least" in text


async def test_without_a_verified_book_the_strip_says_so(opened: Opened) -> None:
    source = ScriptedSource(with_book=False)
    async with opened((120, 40), source=source) as (monitor, pilot):
        await pilot.press("g", "e")
        await settled(monitor, pilot)
        assert "No verified book was seen yet" in " ".join(body(monitor))


@pytest.mark.parametrize("size", [(50, 14), (80, 24), (240, 70)])
async def test_every_size_draws(opened: Opened, size: tuple[int, int]) -> None:
    async with opened(size) as (monitor, pilot):
        await shown(monitor, pilot)
        assert {len(line.text) for line in pane(monitor).lines} == {pane(monitor).cells.width}
