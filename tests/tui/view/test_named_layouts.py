"""Every named layout at every size: the ladder is there, nothing overlaps, nothing is tiny."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kracked_tui.view.chrome import layout, layouts
from kracked_tui.view.chrome.layout import Arrangement, arrange

NAMED = [name for name in layouts.NAMES if name != layouts.STANDARD]


def panes(arranged: Arrangement) -> Arrangement:
    return {name: place for name, place in arranged.items() if name in layout.PANES}


@given(st.sampled_from(NAMED), st.integers(20, 240), st.integers(8, 80), st.booleans())
def test_a_layout_covers_its_room_once(name: str, width: int, height: int, account: bool) -> None:
    arranged = arrange(width, height, account=account, split=layouts.SPLITS.get(name))
    cells = [
        (x, y)
        for place in arranged.values()
        for x in range(place.x, place.x + place.width)
        for y in range(place.y, place.y + place.height)
    ]
    assert len(cells) == len(set(cells)) == width * height
    assert layout.LADDER in arranged


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
def test_no_pane_of_a_layout_is_too_small_to_say_something(
    name: str, size: tuple[int, int]
) -> None:
    for place in panes(arrange(*size, split=layouts.SPLITS.get(name))).values():
        assert place.width >= 30
        assert place.height >= 5


def test_a_layout_that_is_not_known_is_the_standard_one() -> None:
    assert layouts.SPLITS.get("of another version") is None
