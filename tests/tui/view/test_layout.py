"""The layout: every size has one, nothing overlaps, the ladder is always there."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kracked_tui.view.chrome import layout
from kracked_tui.view.chrome.layout import Rectangle, arrange
from kracked_tui.view.ladder.ladder import columns_for, head_line

PANELS = st.sampled_from((None, layout.PICKER, layout.HELP, layout.TICKET, layout.PROMPT))
ZOOMED = st.sampled_from((None, *layout.PANES))


def cells(place: Rectangle) -> set[tuple[int, int]]:
    return {
        (x, y)
        for x in range(place.x, place.x + place.width)
        for y in range(place.y, place.y + place.height)
    }


@given(st.integers(20, 240), st.integers(8, 80), PANELS, ZOOMED, st.booleans())
def test_everything_is_on_the_screen_and_nothing_overlaps(
    width: int, height: int, panel: str | None, zoomed: str | None, account: bool
) -> None:
    arranged = arrange(width, height, panel=panel, zoomed=zoomed, account=account)
    for place in arranged.values():
        assert place.x >= 0
        assert place.y >= 0
        assert place.x + place.width <= width
        assert place.y + place.height <= height
    for one, other in combinations(arranged.values(), 2):
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
        ((200, 60), set(layout.PANES)),
    ],
)
def test_more_panes_come_with_more_room(size: tuple[int, int], panes: set[str]) -> None:
    assert panes == set(arrange(*size, account=True)) & set(layout.PANES)


def test_own_orders_have_a_pane_or_at_least_a_line() -> None:
    assert layout.ORDERS in arrange(120, 40, account=True)
    assert layout.MINE in arrange(80, 24, account=True)
    assert layout.ORDERS not in arrange(120, 40)


def test_a_small_terminal_keeps_the_ladder_beside_the_ticket() -> None:
    arranged = arrange(80, 24, panel=layout.TICKET, account=True)
    assert arranged[layout.LADDER].width == 44


def test_beside_a_panel_the_ladder_keeps_its_columns_rather_than_a_neighbour() -> None:
    arranged = arrange(120, 40, panel=layout.SESSIONS, account=True)
    assert arranged[layout.LADDER].width == 60
    assert layout.QUEUE not in arranged
    assert layout.QUEUE in arrange(130, 40, panel=layout.SESSIONS)


@given(st.integers(20, 240), st.integers(8, 80), PANELS, st.booleans())
def test_a_ladder_with_a_neighbour_has_room_for_both_sides(
    width: int, height: int, panel: str | None, account: bool
) -> None:
    arranged = arrange(width, height, panel=panel, account=account)
    if layout.QUEUE in arranged:
        columns = columns_for(arranged[layout.LADDER].width - 2, len("64210.5"), mine=account)
        assert head_line(columns).text.rstrip().endswith(("ASK", "#"))


def test_a_small_terminal_gives_the_whole_body_to_the_help() -> None:
    assert arrange(80, 24, panel=layout.HELP)[layout.HELP] == Rectangle(0, 1, 80, 20)


def test_a_wide_terminal_keeps_the_ladder_beside_the_help() -> None:
    assert layout.LADDER in arrange(200, 60, panel=layout.HELP)
