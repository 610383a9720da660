"""The pane of sightings and its evidence cards, driven by keys."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import msgspec
import pytest
from textual.pilot import Pilot

from kracked.flow.detectors.sighting import Kind
from kracked.times import NS_PER_S
from kracked_tui.app import Monitor
from kracked_tui.state.sightings import SeenMarkets
from kracked_tui.view.chrome import layout
from kracked_tui.widgets.panes.seen import SeenPane
from tests.tui.conftest import Opened, settled
from tests.tui.frozen_market import BEST_BID, NOW, SYMBOL, ScriptedSource
from tests.tui.sighted_market import plant, sightings

Watched = Callable[..., AbstractAsyncContextManager[tuple[Monitor, Pilot[None]]]]


@pytest.fixture
def watched(opened: Opened) -> Watched:
    """Open a monitor whose detectors saw one of each kind, with the focus on what was seen."""

    @asynccontextmanager
    async def open_it(
        size: tuple[int, int] = (120, 40),
    ) -> AsyncIterator[tuple[Monitor, Pilot[None]]]:
        async with opened(size) as (monitor, pilot):
            plant(monitor)
            await pilot.press("g", "d")
            await settled(monitor, pilot)
            yield monitor, pilot

    return open_it


def pane(monitor: Monitor) -> SeenPane:
    return monitor.trade.panes.seen


def rows(monitor: Monitor) -> list[str]:
    monitor.trade.draw()
    return [line.text.strip("┃│ ") for line in pane(monitor).lines[2:-1] if line.text.strip("┃│ ")]


def card(monitor: Monitor) -> str:
    monitor.trade.draw()
    return "\n".join(line.text for line in monitor.trade.card.lines)


async def test_sightings_stand_newest_first_with_their_certainty(watched: Watched) -> None:
    async with watched() as (monitor, _):
        found = rows(monitor)
        kinds = ["PULLED", "HIDDEN SIZE", "ABSORBED", "SWEEP", "PULLED BACK", "SAME SIZE"]
        assert [next(kind for kind in kinds if kind in row) for row in found[:3]] == kinds[:3]
        assert "may be chance" in found[0]
        assert "certain" in found[1]
        assert len(found) == len(sightings())


async def test_f_lists_one_kind_after_the_other_and_shift_f_all(watched: Watched) -> None:
    async with watched() as (monitor, pilot):
        await pilot.press("f")
        assert all("HIDDEN SIZE" in row for row in rows(monitor))
        assert "hidden size only" in pane(monitor).lines[0].text
        await pilot.press("f")
        assert [Kind.PULLED.value.upper() in row for row in rows(monitor)] == [True]
        await pilot.press("F")
        assert len(rows(monitor)) == len(sightings())


async def test_a_filter_of_sightings_leaves_the_tape_alone(watched: Watched) -> None:
    async with watched() as (monitor, pilot):
        await pilot.press("f")
        assert monitor.trade.tape.at_least == 0


async def test_enter_shows_the_events_and_what_else_it_might_be(watched: Watched) -> None:
    async with watched((120, 40)) as (monitor, pilot):
        await pilot.press("enter")
        assert monitor.trade.panels.top == layout.CARD
        text = card(monitor)
        assert "14:03:06.000  new        …K00002" in text
        assert "14:03:14.000  cancelled  …K00002" in text
        assert "might be" in text
        assert "found 64 of 64 planted" in text
        assert "simulated markets" in text
        await pilot.press("escape")
        assert monitor.trade.panels.top is None


async def test_a_card_that_is_longer_than_the_screen_scrolls(watched: Watched) -> None:
    async with watched((80, 24)) as (monitor, pilot):
        await pilot.press("j", "j", "enter")
        top = card(monitor)
        await pilot.press("G")
        assert card(monitor) != top
        await pilot.press("home")
        assert card(monitor) == top


async def test_y_copies_the_whole_card(watched: Watched) -> None:
    async with watched((80, 24)) as (monitor, pilot):
        await pilot.press("enter", "y")
        assert "might be" in monitor.clipboard


async def test_the_cursor_stays_with_its_sighting_while_others_come(watched: Watched) -> None:
    async with watched() as (monitor, pilot):
        await pilot.press("j", "j")
        new = msgspec.structs.replace(sightings()[-1], first=NOW, last=NOW)
        plant(monitor, new)
        monitor.trade.draw()
        await pilot.press("enter")
        assert "Evidence: ABSORBED" in card(monitor)


async def test_a_card_grows_with_its_sighting(watched: Watched) -> None:
    async with watched() as (monitor, pilot):
        await pilot.press("down", "down", "down", "enter")
        assert "after 10 s pending" in " ".join(card(monitor).split())
        found = monitor.store.flows[SYMBOL].detectors.sightings
        number = next(n for n, one in found.by_number.items() if one.kind is Kind.SWEEP)
        swept = found.by_number[number]
        detail = {**swept.detail, "came back % in 10 s": 75}
        found.by_number[number] = msgspec.structs.replace(swept, detail=detail)
        assert "after 10 s 75 % of the way back" in " ".join(card(monitor).split())


async def test_a_second_click_on_a_sighting_opens_it(watched: Watched) -> None:
    async with watched() as (monitor, pilot):
        await pilot.click("#seen", offset=(5, 3))
        assert monitor.trade.panels.top is None
        await pilot.click("#seen", offset=(5, 3))
        await pilot.pause()
        assert monitor.trade.panels.top == layout.CARD


@pytest.mark.parametrize(
    ("level3", "ready_in_s", "told"),
    [
        (False, None, "cannot be seen without level 3"),
        (True, None, "not known now"),
        (True, 42, "sightings begin in 42 s"),
        (True, 0, "Nothing was seen since"),
    ],
)
async def test_an_empty_list_says_what_could_not_be_looked_for(
    opened: Opened, level3: bool, ready_in_s: int | None, told: str
) -> None:
    source = ScriptedSource()
    if not level3:
        source.orders_held.clear()
        source.no_level3_reason = "it needs a key."
    async with opened(source=source) as (monitor, pilot):
        monitor.view_model.seen = SeenMarkets()
        flow = monitor.store.flows[SYMBOL]
        if ready_in_s is not None:
            flow.detectors.context.ready_at = flow.now(NOW) + ready_in_s * NS_PER_S
        else:
            flow.detectors.context.ready_at = None
        flow.detectors.sightings.by_number.clear()
        await pilot.press("g", "d")
        await settled(monitor, pilot)
        assert told in " ".join(rows(monitor))


async def test_ladder_and_tape_are_marked_where_something_was_seen(watched: Watched) -> None:
    async with watched((200, 60)) as (monitor, pilot):
        swept = next(one for one in reversed(monitor.view_model.market.prints) if one.levels > 1)
        kinds = {one.kind: one for one in sightings()}
        plant(monitor, msgspec.structs.replace(kinds[Kind.SWEEP], first=swept.time))
        await pilot.press("escape")
        await settled(monitor, pilot)
        price = monitor.trade.frame_state().precision.price_text(BEST_BID)
        row = next(line.text for line in monitor.trade.ladder.lines if price in line.text[20:])
        assert f"h{price}" in row
        assert any("sweep" in line.text for line in monitor.trade.tape.lines)
