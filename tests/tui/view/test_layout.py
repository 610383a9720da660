"""The layout: every size has one, nothing overlaps, the ladder is always there."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kracked_tui.view.chrome import layout
from kracked_tui.view.chrome.layout import Rectangle, arrange
from kracked_tui.view.ladder.ladder_lines import columns_for, head_line

PANELS = st.sampled_from((None, layout.PICKER, layout.HELP, layout.TICKET, layout.PROMPT))
ZOOMED = st.sampled_from((None, *layout.PANES))


def cells(place: Rectangle) -> set[tuple[int, int]]:
    return {
        (x, y)
        for x in range(place.x, place.x + place.width)
        for y in range(place.y, place.y + place.height)
    }


@given(st.integers(20, 240), st.integers(8, 80), PANELS, ZOOMED, st.booleans())
def test_everything_is_on_the_screen_and_no_pane_overlaps_another(
    width: int, height: int, panel: str | None, zoomed: str | None, account: bool
) -> None:
    arranged = arrange(width, height, panel=panel, zoomed=zoomed, account=account)
    for place in arranged.values():
        assert place.x >= 0
        assert place.y >= 0
        assert place.x + place.width <= width
        assert place.y + place.height <= height
    panes = [place for name, place in arranged.items() if name != panel]
    for one, other in combinations(panes, 2):
        apart = (
            one.x + one.width <= other.x
            or other.x + other.width <= one.x
            or one.y + one.height <= other.y
            or other.y + other.height <= one.y
        )
        assert apart


@pytest.mark.parametrize("account", [False, True])
@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60), (50, 14)])
def test_no_cell_of_the_screen_is_left_over(size: tuple[int, int], account: bool) -> None:
    arranged = arrange(*size, account=account)
    covered = set().union(*(cells(place) for place in arranged.values()))
    assert len(covered) == size[0] * size[1]


@pytest.mark.parametrize(
    ("size", "panes"),
    [
        ((50, 14), {layout.LADDER}),
        ((80, 24), {layout.LADDER, layout.QUEUE, layout.TAPE}),
        ((200, 60), {*layout.NUMBERED, layout.SEEN, layout.HEAT, layout.ALERTS}),
    ],
)
def test_more_panes_come_with_more_room(size: tuple[int, int], panes: set[str]) -> None:
    assert panes == set(arrange(*size, account=True)) & set(layout.PANES)


def test_own_orders_have_a_pane_or_at_least_a_line() -> None:
    assert layout.ORDERS in arrange(120, 40, account=True)
    assert layout.MINE in arrange(80, 24, account=True)
    assert layout.ORDERS not in arrange(120, 40)


@given(st.integers(20, 240), st.integers(8, 80), PANELS, ZOOMED, st.booleans())
def test_a_panel_moves_no_pane(
    width: int, height: int, panel: str | None, zoomed: str | None, account: bool
) -> None:
    without = arrange(width, height, zoomed=zoomed, account=account)
    arranged = arrange(width, height, panel=panel, zoomed=zoomed, account=account)
    assert {name: arranged[name] for name in without} == without


@pytest.mark.parametrize("panel", [layout.TICKET, layout.PROMPT])
@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
def test_a_ticket_and_a_question_leave_the_ladder_in_sight(
    size: tuple[int, int], panel: str
) -> None:
    arranged = arrange(*size, panel=panel, account=True)
    ladder = arranged[layout.LADDER]
    assert arranged[panel].x >= ladder.x + ladder.width


@given(st.integers(20, 240), st.integers(8, 80), PANELS, st.booleans())
def test_a_ladder_with_a_neighbour_has_room_for_both_sides(
    width: int, height: int, panel: str | None, account: bool
) -> None:
    arranged = arrange(width, height, panel=panel, account=account)
    if layout.QUEUE in arranged:
        columns = columns_for(arranged[layout.LADDER].width - 2, len("64210.5"), mine=account)
        assert head_line(columns).text.rstrip().endswith(("ASK", "#"))


def test_a_narrow_terminal_gives_the_whole_body_to_the_help() -> None:
    assert arrange(60, 24, panel=layout.HELP)[layout.HELP] == Rectangle(0, 1, 60, 20)


def test_a_wide_terminal_keeps_the_ladder_beside_the_help() -> None:
    assert layout.LADDER in arrange(200, 60, panel=layout.HELP)
