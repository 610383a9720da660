"""The columns of the heat strip: means over time, holes, and longer columns of shorter ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kracked.flow.measures.depth_history import (
    LENGTHS_S,
    MARKETS,
    DepthHistories,
    DepthHistory,
    rows_of,
)
from kracked.instruments import Precision
from kracked.times import NS_PER_S

START = 1_700_000_010 * NS_PER_S  # a whole 30 s
BIDS, ASKS = [(100, 10), (99, 20)], [(101, 7), (103, 30)]


def at(seconds: float) -> int:
    return START + int(seconds * NS_PER_S)


def watched(
    until: float, *, every: float = 0.05, wall: tuple[float, float] | None = None
) -> DepthHistory:
    """Return the history of a still book; a wall of 1000 at 98 stands between two instants."""
    history = DepthHistory()
    for step in range(round(until / every) + 1):
        seconds = step * every
        stands = wall is not None and wall[0] <= seconds < wall[1]
        bids = [*BIDS, (98, 1000)] if stands else [*BIDS, (98, 5)]
        history.see(at(seconds), bids, ASKS, last=100)
    return history


def mean(history: DepthHistory, length_s: int, column: int, price: int) -> int:
    chosen = history.columns(length_s)[column]
    return dict(zip(chosen.prices, chosen.means, strict=True)).get(price, 0)


def test_a_still_book_has_its_quantities_in_every_column_and_asks_below_zero() -> None:
    history = watched(3.5)
    assert [each.begin for each in history.columns(1)] == [at(n) for n in range(4)]
    assert [mean(history, 1, 2, price) for price in (99, 100, 101, 103)] == [20, 10, -7, -30]


def test_a_wall_of_ten_seconds_is_in_ten_columns() -> None:
    history = watched(15, wall=(2, 12))
    walls = [mean(history, 1, n, 98) for n in range(15)]
    assert walls == [5, 5, *[1000] * 10, 5, 5, 5]


def test_a_wall_of_a_moment_is_a_mark_and_no_wall() -> None:
    history = watched(5.5, wall=(2.5, 2.55))
    assert mean(history, 5, 0, 98) < 20
    assert history.columns(5)[0].peaks == {98}


def test_a_lost_book_makes_columns_unknown_and_never_empty() -> None:
    history = watched(2)
    history.lose(at(2))
    history.see(at(4.75), BIDS, ASKS, last=100)
    history.see(at(5.5), BIDS, ASKS, last=100)
    known = [each.known_ns for each in history.columns(1)]
    assert known == [NS_PER_S, NS_PER_S, 0, 0, NS_PER_S // 4, NS_PER_S // 2]


def test_a_long_silence_is_a_hole() -> None:
    history = watched(2)
    history.see(at(9), BIDS, ASKS, last=100)
    assert [each.known_ns for each in history.columns(1)][2:8] == [0] * 6


@pytest.mark.parametrize("length_s", LENGTHS_S)
def test_an_unsteady_clock_loses_no_column_of_any_length(length_s: int) -> None:
    history = DepthHistory()
    for tenth in range(2400):
        history.see(at(tenth / 10 - 0.15 * (tenth % 7 == 3)), BIDS, ASKS, last=100)
    columns = history.columns(length_s)
    assert [each.begin for each in columns] == [at(n * length_s) for n in range(240 // length_s)]
    assert all(each.known_ns == length_s * NS_PER_S for each in columns[:-1])


def test_a_book_that_is_lost_before_it_is_known_begins_no_column() -> None:
    history = DepthHistory()
    history.lose(at(30))
    assert history.columns(5) == []
    history.see(at(0), BIDS, ASKS, last=100)
    history.see(at(1), BIDS, ASKS, last=100)
    assert history.columns(1)[0].known_ns == NS_PER_S


def test_a_market_has_its_history_again_when_it_is_looked_at_again() -> None:
    histories = DepthHistories()
    first = histories.of("BTC/USD", Precision(1, 8))
    assert histories.of("ETH/USD", Precision(2, 8)) is not first
    assert histories.of("BTC/USD", None) is first
    assert histories.of("BTC/USD", Precision(1, 8)) is first


def test_the_markets_looked_at_last_are_kept() -> None:
    histories = DepthHistories()
    first = histories.of("BTC/USD", None)
    for number in range(MARKETS):
        histories.of(f"A{number}/USD", None)
    assert histories.of("BTC/USD", None) is not first


def test_other_decimals_begin_a_new_history() -> None:
    histories = DepthHistories()
    first = histories.of("BTC/USD", Precision(1, 8))
    assert histories.of("BTC/USD", Precision(2, 8)) is not first


def test_a_jump_back_forgets_what_did_not_happen_yet_and_one_ahead_forgets_nothing() -> None:
    histories = DepthHistories()
    history = histories.of("BTC/USD", None)
    history.see(at(9), BIDS, ASKS, last=100)
    histories.jump(at(20))
    assert histories.of("BTC/USD", None) is history
    histories.jump(at(3))
    assert histories.of("BTC/USD", None) is not history


def test_longer_columns_are_the_shorter_ones_weighed_by_time() -> None:
    history = watched(32, wall=(0, 15))
    assert abs(mean(history, 30, 0, 98) - 502) <= 5
    assert [each.begin for each in history.columns(30)] == [at(0), at(30)]
    assert [each.begin for each in history.columns(5)][-2:] == [at(25), at(30)]


@given(st.lists(st.integers(1, 40), min_size=1, max_size=60))
def test_the_known_time_of_all_columns_is_the_time_watched(steps: list[int]) -> None:
    history, now = DepthHistory(), START
    history.see(now, BIDS, ASKS, last=None)
    for tenths in steps:
        now += min(tenths, 20) * NS_PER_S // 10
        history.see(now, BIDS, ASKS, last=None)
    for length_s in (1, 5, 30):
        total = sum(each.known_ns for each in history.columns(length_s))
        assert total == now - START


def test_rows_sum_levels_and_keep_the_sides_apart() -> None:
    column = watched(2).columns(1)[0]
    assert rows_of(column, 96, 2, 4) == [0, 25, 10, -30]
