"""The volume profile on hand-made rows."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kracked.flow.measures.profile import ValueArea, VolumeProfile, profile_step

TRADES = st.lists(st.tuples(st.integers(1, 400), st.integers(1, 50)), min_size=1, max_size=80)


def profile(*quantities: int, step: int = 1, first: int = 100) -> VolumeProfile:
    """Return a profile of one row after the other, from price 100 up; 0 is no trade."""
    made = VolumeProfile(step)
    for place, qty in enumerate(quantities):
        if qty:
            made.add(first + place * step, qty)
    return made


@pytest.mark.parametrize(
    ("quantities", "poc"),
    [
        ((7,), 100),
        ((1, 5, 2), 101),
        ((5, 1, 1, 5, 1), 103),  # nearer to the middle
        ((1, 5, 1, 5, 1), 101),  # as near: the lower
        ((5, 0, 0, 0, 5), 100),
        ((4, 5, 5, 4), 101),
        ((1, 1, 1), 101),
        ((9, 0, 0, 0, 0, 0, 1), 100),
    ],
)
def test_the_point_of_control_is_the_row_of_most_volume(quantities: tuple, poc: int) -> None:
    assert profile(*quantities).poc == poc


@pytest.mark.parametrize(
    ("quantities", "area"),
    [
        ((7,), (100, 100, 7, False)),
        ((0, 0, 7), (102, 102, 7, False)),
        ((1, 70, 29), (101, 101, 70, False)),  # exactly 70 % is enough
        ((1, 69, 30), (101, 102, 99, False)),  # the pair above is only one row
        ((10, 20, 40, 20, 10), (102, 104, 70, True)),  # equal: the upper pair
        ((10, 21, 40, 20, 10), (100, 102, 71, False)),
        ((1, 2, 3, 94), (103, 103, 94, False)),
        ((20, 20, 60), (100, 102, 100, False)),  # nothing above: below
        ((60, 20, 20), (100, 102, 100, False)),  # nothing below: above
        ((30, 0, 40, 0, 30), (102, 104, 70, True)),
        ((10, 10, 10, 10, 10), (100, 104, 50, True)),
        ((0, 5, 0, 0, 0, 0, 5), (101, 106, 10, False)),
        ((3, 3, 3, 50, 2, 2, 2), (103, 103, 50, False)),
        ((9, 3, 3, 50, 2, 9, 2), (103, 105, 61, False)),
        ((12, 3, 3, 30, 2, 9, 2), (101, 105, 47, False)),
    ],
)
def test_the_value_area_takes_the_larger_pair_of_rows(quantities: tuple, area: tuple) -> None:
    assert profile(*quantities).value_area() == ValueArea(*area)


def test_nothing_traded_has_neither() -> None:
    made = VolumeProfile(5)
    assert (made.poc, made.value_area(), made.qty) == (None, None, 0)


def test_a_trade_belongs_to_the_row_at_or_below_it() -> None:
    made = VolumeProfile(5)
    for price in (100, 104, 105):
        made.add(price, 1)
    assert made.rows == {100: 2, 105: 1}


@pytest.mark.parametrize(
    ("price", "tick", "step"),
    [
        (630_000, 1, 50),  # BTC/USD: 5.0
        (263_000, 1, 20),  # ETH/USD: 0.20 of two decimals
        (150_000, 1, 10),
        (75_000, 1, 5),
        (5, 1, 1),
        (1, 1, 1),
        (15_000, 1, 1),  # 1.5 is as near to 1 as to 2: the smaller
        (630_000, 25, 50),
        (1_000_000, 25, 125),
    ],
)
def test_a_row_is_the_nice_number_of_ticks_nearest_to_one_basis_point(
    price: int, tick: int, step: int
) -> None:
    assert profile_step(price, tick) == step


@given(TRADES, st.integers(1, 30))
def test_the_rows_sum_up_to_the_trades(trades: list, step: int) -> None:
    made, rows = VolumeProfile(step), Counter()
    for price, qty in trades:
        made.add(price, qty)
        rows[price // step * step] += qty
    assert made.rows == rows
    assert made.qty == sum(qty for _, qty in trades) == made.between(-step, 1_000)


@given(TRADES, st.integers(1, 30))
def test_the_value_area_holds_the_point_of_control_and_seventy_per_cent(
    trades: list, step: int
) -> None:
    made = VolumeProfile(step)
    for price, qty in trades:
        made.add(price, qty)
    area = made.value_area()
    assert area.low <= made.poc <= area.high
    within = sum(qty for row, qty in made.rows.items() if area.low <= row <= area.high)
    assert within == area.qty
    assert 10 * area.qty >= 7 * made.qty


@given(TRADES)
def test_the_point_of_control_does_not_depend_on_the_order_of_trades(trades: list) -> None:
    one, other = VolumeProfile(3), VolumeProfile(3)
    for price, qty in trades:
        one.add(price, qty)
    for price, qty in reversed(trades):
        other.add(price, qty)
    assert one.poc == other.poc
    assert one.value_area() == other.value_area()
