"""Counts of what happened where odds were given, and what follows from them."""

from __future__ import annotations

import pytest

from kracked.flow.odds.reliability import Reliability, bin_edges, wilson


def test_a_band_is_the_wilson_interval() -> None:
    # 60 of 100 at 95 %: the interval that every table of the literature has.
    assert wilson(60, 100, z=1.96) == pytest.approx((0.502, 0.691), abs=0.001)


def test_without_a_case_anything_may_be() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize("happened", [0, 5])
def test_a_band_always_holds_the_frequency(happened: int) -> None:
    low, high = wilson(happened, 5)
    assert low <= happened / 5 <= high


def test_fewer_cases_make_a_wider_band() -> None:
    few, many = wilson(6, 10), wilson(600, 1000)
    assert few.low < many.low < many.high < few.high


@pytest.fixture
def counted() -> Reliability:
    found = Reliability((0.5,))
    for odds, happened in ((0.2, False), (0.2, True), (0.8, True), (0.8, True)):
        found.add(odds, happened=happened)
    return found


def test_cases_are_counted_in_the_bin_of_their_odds(counted: Reliability) -> None:
    assert [tuple(row) for row in counted.rows()] == [(2, 0.2, 0.5), (2, 0.8, 1.0)]


def test_the_error_is_the_mean_distance_of_odds_and_frequency(counted: Reliability) -> None:
    assert counted.error == pytest.approx(0.25)
    assert counted.worst == pytest.approx(0.3)


def test_hits_are_cases_in_which_the_likelier_happened(counted: Reliability) -> None:
    assert counted.hit_rate == 0.75


def test_skill_is_over_the_base_rate_of_the_same_cases(counted: Reliability) -> None:
    squares = (0.04 + 0.64 + 0.04 + 0.04) / 4
    assert counted.skill == pytest.approx(1 - squares / (0.75 * 0.25))


def test_what_was_never_given_says_nothing() -> None:
    empty = Reliability((0.5,))
    assert (empty.error, empty.worst, empty.hit_rate, empty.skill) == (0, 0, 0, 0)
    assert empty.rows() == []


def test_bins_hold_equally_many() -> None:
    edges = bin_edges([number / 100 for number in range(100)])
    found = Reliability(edges)
    for number in range(100):
        found.add(number / 100, happened=True)
    assert found.cases == [10] * 10
