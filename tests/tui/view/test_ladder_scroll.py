"""The ladder's rows stand still until the market leaves them or a key moves them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kracked_tui.view.ladder.ladder_scroll import LadderScroll, ask_row, bid_row, first_scroll

ROWS = 21
STILL = LadderScroll(centre=1000, step=5)


def test_rows_stand_still_while_the_market_is_in_sight() -> None:
    assert STILL.following(1010, 1015, ROWS) is STILL


def test_rows_recentre_when_the_market_comes_near_the_edge() -> None:
    moved = STILL.following(1040, 1045, ROWS)
    assert moved.bottom_price(ROWS) < 1040 < moved.top_price(ROWS)
    assert moved.centre == 1040


def test_held_rows_do_not_move_at_all() -> None:
    held = LadderScroll(centre=1000, step=5, held=True)
    assert held.following(9000, 9005, ROWS) is held


def test_rows_do_not_move_while_armed_or_while_the_cursor_is_placed() -> None:
    assert STILL.following(9000, 9005, ROWS, armed=True) is STILL
    placed = LadderScroll(centre=1000, step=5, cursor=990)
    assert placed.following(9000, 9005, ROWS) is placed


def test_recentring_ends_holding_and_takes_the_cursor_back_to_the_best_bid() -> None:
    away = LadderScroll(centre=1000, step=5, cursor=900, held=True)
    assert away.recentred(2000, 2010) == LadderScroll(centre=2005, step=5)


def test_a_cursor_past_the_edge_scrolls_and_holds() -> None:
    top = STILL.top_price(ROWS)
    moved = STILL.pointed(top + 10, rows=ROWS)
    assert moved.top_price(ROWS) == top + 10
    assert moved.held


@given(st.integers(-200, 200))
def test_the_cursor_is_always_in_sight(rows_up: int) -> None:
    moved = STILL.moved(rows_up, bid=1000, rows=ROWS)
    assert moved.cursor is not None
    assert moved.bottom_price(ROWS) <= moved.cursor <= moved.top_price(ROWS)


@given(st.integers(1, 10**9), st.sampled_from((1, 5, 50)))
def test_a_row_holds_bids_above_it_and_asks_below_it(price: int, step: int) -> None:
    assert bid_row(price, step) <= price <= ask_row(price, step)
    assert ask_row(price, step) - bid_row(price, step) in (0, step)


def test_regrouping_goes_up_and_down_the_offered_steps() -> None:
    coarser = STILL.regrouped(1, 1, bid=1003)
    assert (coarser.step, coarser.centre) == (10, 1000)
    assert coarser.regrouped(1, -1, bid=1003).step == 5


def test_the_first_rows_show_the_levels_they_were_chosen_for() -> None:
    bids, asks = [100_000 - 3 * n for n in range(10)], [100_002 + 3 * n for n in range(10)]
    found = first_scroll(1, bids, asks, ROWS)
    assert found.bottom_price(ROWS) <= bids[-1]
    assert found.top_price(ROWS) >= asks[-1]


def test_a_spread_of_a_tick_keeps_its_rows_however_far_the_next_levels_lie() -> None:
    bids, asks = [294, 250, 100, 10], [295, 400, 700, 2000]
    found = first_scroll(1, bids, asks, ROWS)
    assert found.step == 1


@given(st.integers(1, 10**7), st.integers(1, 500), st.integers(0, 400), st.integers(3, 60))
def test_no_row_is_at_or_below_zero(bid: int, gap: int, moves: int, rows: int) -> None:
    scroll = first_scroll(1, [bid, max(1, bid - 9 * gap)], [bid + gap, bid + 99 * gap], rows)
    for coarser in (1, 1, 1, -1):
        scroll = scroll.regrouped(1, coarser, bid=bid).moved(-moves, bid=bid, rows=rows)
        assert scroll.bottom_price(rows) > 0
        assert scroll.cursor is not None
        assert scroll.cursor > 0
        assert bid_row(bid, scroll.step) > 0


def test_rows_near_zero_do_not_recentre_with_every_change_of_the_middle() -> None:
    near = LadderScroll(centre=3, step=1)
    assert near.following(2, 4, ROWS) is near


def test_the_cursor_stands_still_while_armed_and_goes_with_the_bid_again_after() -> None:
    armed = STILL.pinned_while(armed=True, bid=1003)
    assert (armed.cursor, armed.pinned) == (1000, True)
    assert armed.pinned_while(armed=True, bid=1040) is armed
    assert armed.pinned_while(armed=False, bid=1040) == STILL


def test_a_cursor_that_was_placed_stays_when_the_keys_are_disarmed() -> None:
    placed = STILL.pinned_while(armed=True, bid=1003).moved(2, bid=1003, rows=ROWS)
    assert placed.pinned_while(armed=False, bid=1040) is placed
