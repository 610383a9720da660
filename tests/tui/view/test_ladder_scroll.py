"""The ladder's rows stand still, until they must move or are told to."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kracked_tui.view.ladder import ladder_scroll
from kracked_tui.view.ladder.ladder_scroll import LadderScroll

ROWS = 21
STILL = LadderScroll(centre=1000, step=5)


def test_rows_stand_still_while_the_market_is_in_sight() -> None:
    assert ladder_scroll.following(STILL, 1010, 1015, ROWS) is STILL


def test_rows_recentre_when_the_market_comes_near_the_edge() -> None:
    moved = ladder_scroll.following(STILL, 1040, 1045, ROWS)
    assert ladder_scroll.bottom_price(moved, ROWS) < 1040 < ladder_scroll.top_price(moved, ROWS)
    assert moved.centre == 1040


def test_held_rows_do_not_move_at_all() -> None:
    held = LadderScroll(centre=1000, step=5, held=True)
    assert ladder_scroll.following(held, 9000, 9005, ROWS) is held


def test_recentring_lets_go_and_takes_the_cursor_back_to_the_best_bid() -> None:
    away = LadderScroll(centre=1000, step=5, cursor=900, held=True)
    assert ladder_scroll.recentred(away, 2000, 2010) == LadderScroll(centre=2005, step=5)


def test_a_cursor_past_the_edge_scrolls_and_holds() -> None:
    top = ladder_scroll.top_price(STILL, ROWS)
    moved = ladder_scroll.pointed(STILL, top + 10, rows=ROWS)
    assert ladder_scroll.top_price(moved, ROWS) == top + 10
    assert moved.held


@given(st.integers(-200, 200))
def test_the_cursor_is_always_in_sight(rows_up: int) -> None:
    moved = ladder_scroll.moved(STILL, rows_up, bid=1000, rows=ROWS)
    assert moved.cursor is not None
    assert (
        ladder_scroll.bottom_price(moved, ROWS)
        <= moved.cursor
        <= ladder_scroll.top_price(moved, ROWS)
    )


@given(st.integers(1, 10**9), st.sampled_from((1, 5, 50)))
def test_a_row_holds_bids_above_it_and_asks_below_it(price: int, step: int) -> None:
    assert ladder_scroll.below(price, step) <= price <= ladder_scroll.above(price, step)
    assert ladder_scroll.above(price, step) - ladder_scroll.below(price, step) in (0, step)


def test_regrouping_goes_up_and_down_the_offered_steps() -> None:
    coarser = ladder_scroll.regrouped(STILL, 1, 1, bid=1003)
    assert (coarser.step, coarser.centre) == (10, 1000)
    assert ladder_scroll.regrouped(coarser, 1, -1, bid=1003).step == 5


def test_a_first_position_shows_the_levels_it_was_given() -> None:
    bids, asks = [1000 - 3 * n for n in range(10)], [1002 + 3 * n for n in range(10)]
    found = ladder_scroll.started(1, bids, asks, ROWS)
    assert ladder_scroll.bottom_price(found, ROWS) <= bids[-1]
    assert ladder_scroll.top_price(found, ROWS) >= asks[-1]
