"""Imbalance, weighted mid and order flow imbalance by hand, and against the frames."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kracked.flow.measures.touch import (
    LEAST_SAMPLES,
    OrderFlowImbalance,
    Touch,
    lean_percent,
    quantities_near,
)
from kracked.frames.flow import ofi
from kracked.times import NS_PER_S

S = NS_PER_S


@pytest.mark.parametrize(
    ("bid", "ask", "percent"),
    [(1, 1, 0), (3, 1, 50), (1, 3, -50), (5, 0, 100), (0, 5, -100), (2, 1, 33), (0, 0, None)],
)
def test_an_imbalance_leans_to_the_side_with_more(bid: int, ask: int, percent: int | None) -> None:
    assert lean_percent(bid, ask) == percent


def test_the_weighted_mid_is_nearer_to_the_ask_when_more_is_bid() -> None:
    assert Touch(100, 3, 102, 1).weighted_mid == Fraction(203, 2)


def test_without_a_side_there_is_no_weighted_mid() -> None:
    assert Touch(100, 3, 0, 0).weighted_mid is None


def test_quantities_near_the_mid_end_at_the_distance() -> None:
    bids = [(10_000, 1), (9_992, 2), (9_991, 4)]
    asks = [(10_002, 8), (10_011, 16), (10_012, 32)]
    assert quantities_near(bids, asks, 20_002, 10) == (7, 24, 10)


def test_a_book_that_ends_before_the_distance_is_summed_no_further_on_either_side() -> None:
    bids = [(10_000, 1), (9_997, 2), (9_996, 4)]
    asks = [(10_002, 8), (10_009, 16), (10_012, 32)]
    bid_qty, ask_qty, bp = quantities_near(bids, asks, 20_002, 3)
    assert (bid_qty, ask_qty) == (7, 8)
    assert bp == pytest.approx(5.0, abs=0.01)


def test_a_side_with_fewer_levels_than_its_depth_is_known_whole() -> None:
    assert quantities_near([(10_000, 1)], [(10_002, 8), (10_009, 16)], 20_002, 3) == (1, 24, 10)


@pytest.mark.parametrize(
    ("touch", "change"),
    [
        ((100, 7, 101, 5), 2),  # more is bid
        ((100, 3, 101, 5), -2),
        ((100, 5, 101, 8), -3),  # more is offered
        ((101, 2, 102, 4), 2 + 5),  # both prices rose
        ((99, 2, 100, 4), -5 - 4),  # both fell
    ],
)
def test_a_change_of_the_touch_counts_by_its_direction(touch: tuple, change: int) -> None:
    flow = OrderFlowImbalance()
    flow.take(Touch(100, 5, 101, 5), 1)
    flow.take(Touch(*touch), 2)
    assert flow.value == change


def test_a_change_leaves_the_sum_after_ten_seconds() -> None:
    flow = OrderFlowImbalance()
    flow.take(Touch(100, 5, 101, 5), 1 * S)
    flow.take(Touch(100, 7, 101, 5), 2 * S)
    flow.advance(12 * S - 1)
    assert flow.value == 2
    flow.advance(12 * S)
    assert flow.value == 0


def test_after_a_hole_the_first_touch_has_no_flow() -> None:
    flow = OrderFlowImbalance()
    flow.take(Touch(100, 5, 101, 5), 1 * S)
    flow.lose()
    flow.take(Touch(200, 7, 201, 5), 2 * S)
    assert flow.value == 0


def test_there_is_no_z_score_before_five_minutes() -> None:
    flow = OrderFlowImbalance()
    flow.take(Touch(100, 5, 101, 5), 0)
    for n in range(LEAST_SAMPLES):
        flow.take(Touch(100, 6 + n % 2, 101, 5), 10 * S * n + 15 * S)
    assert flow.z_score is None
    flow.advance(10 * S * (LEAST_SAMPLES + 2))
    assert flow.z_score is not None


TOUCHES = st.lists(
    st.tuples(st.integers(95, 99), st.integers(1, 9), st.integers(100, 104), st.integers(1, 9)),
    min_size=1,
    max_size=40,
)


@given(TOUCHES)
@settings(deadline=None)
def test_it_is_the_flow_of_the_frames(touches: list) -> None:
    flow = OrderFlowImbalance()
    for n, touch in enumerate(touches):
        flow.take(Touch(*touch), n)
    frame = pd.DataFrame(
        np.array(touches, dtype="float64"), columns=["bid", "bid_qty", "ask", "ask_qty"]
    )
    assert flow.value == ofi(frame).sum()
