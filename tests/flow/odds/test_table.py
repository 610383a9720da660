"""Fits to samples of a known rule, and what a table says."""

from __future__ import annotations

from functools import cache
from math import exp

import pytest

from kracked.flow.odds.fitting import fit_table
from kracked.flow.odds.table import OddsTable
from kracked.times import NS_PER_S
from tests.flow.odds.markets import START, invented, situation

SAMPLES = 12_000


@cache
def table(seed: int = 1, count: int = SAMPLES) -> OddsTable:
    samples = invented(count, seed)
    return fit_table("X/Y", samples, fitted=START, watched_ns=4 * 3600 * NS_PER_S, recordings=2)


@pytest.mark.parametrize("ahead", [0.1, 0.5, 1.0, 2.0])
def test_the_band_of_a_fill_holds_the_true_chance(ahead: float) -> None:
    low, high = table().odds(situation(ahead=ahead), START).filled[2]
    assert low - 0.03 < 1 / (1 + exp(2 * ahead - 1.5)) < high + 0.03
    assert 0 < high - low < 0.2


def test_a_longer_horizon_never_has_smaller_odds() -> None:
    for ahead in (0, 0.2, 1, 5, 50):
        bands = table().odds(situation(ahead=ahead), START).filled
        assert list(bands) == sorted(bands)


def test_more_ahead_never_has_better_odds() -> None:
    found = [table().odds(situation(ahead=ahead / 10), START) for ahead in range(60)]
    for at in range(3):
        rates = [one.rates[at] for one in found]
        assert rates == sorted(rates, reverse=True)


def test_the_calibration_is_that_of_what_was_left_out() -> None:
    for outcome in table().outcomes:
        assert outcome.reliability.total == SAMPLES
        assert 0 < outcome.reliability.error < 0.03


def test_calibration_of_pure_chance_has_no_skill() -> None:
    samples = [one._replace(situation=situation(ahead=0.5)) for one in invented(4_000)]
    found = fit_table("X/Y", samples, fitted=START, watched_ns=1, recordings=1)
    assert all(one.reliability.skill < 0.01 for one in found.outcomes)


def test_fewer_samples_make_wider_bands() -> None:
    def width(of: OddsTable) -> float:
        low, high = of.odds(situation(ahead=0.7), START).filled[2]
        return high - low

    assert width(table(count=3_000)) > width(table())


def test_overlapping_cases_count_for_less_than_their_number() -> None:
    samples = invented(3_000)
    # Each case eighty times: nothing more is known, but there are eighty times as many.
    repeated = [one._replace(placed=START + at * 300 * NS_PER_S) for at, one in enumerate(samples)]
    many = [one for one in repeated for _ in range(8)]
    few = fit_table("X/Y", repeated, fitted=START, watched_ns=1, recordings=1)
    found = fit_table("X/Y", many, fitted=START, watched_ns=1, recordings=1)
    widths = [
        high - low
        for of in (few, found)
        for low, high in [of.odds(situation(ahead=0.7), START).filled[2]]
    ]
    assert widths[1] == pytest.approx(widths[0], rel=0.35)


def test_waits_are_within_the_five_minutes_of_those_that_were_filled() -> None:
    low, high = table().odds(situation(ahead=0.5), START).wait_s
    assert 20 < low < 50
    assert 250 < high < 300


def test_the_age_is_that_of_the_newest_sample() -> None:
    assert table().odds(situation(), table().end + 7).age_ns == 7


def test_what_lies_beyond_the_samples_is_not_carried_on() -> None:
    far, farther = (table().odds(situation(taken_60=taken), START) for taken in (1e6, 1e9))
    assert far == farther
