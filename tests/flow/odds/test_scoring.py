"""The score of odds that were given, as orders end."""

from __future__ import annotations

import pytest

from kracked.flow.odds.fitting import fit_table
from kracked.flow.odds.reliability import Reliability
from kracked.flow.odds.scoring import MOST_OPEN, OddsScore, OwnOrderScorer
from kracked.flow.odds.table import Odds
from kracked.times import NS_PER_S
from tests.flow.odds.markets import START, invented, situation

TABLE = fit_table("X/Y", invented(2_000), fitted=START, watched_ns=1, recordings=1)
ODDS: Odds = TABLE.odds(situation(), START)


@pytest.fixture
def score() -> OddsScore:
    return OddsScore.of(TABLE)


def told(found: tuple[Reliability, ...]) -> list[tuple[int, int]]:
    """Return cases and happened of each horizon."""
    return [(one.total, sum(one.happened)) for one in found]


def test_an_own_order_that_is_filled_counts_for_every_horizon(score: OddsScore) -> None:
    own = OwnOrderScorer(score)
    own.joined("A", ODDS, START)
    own.filled("A", START + 45 * NS_PER_S)
    assert told(score.own) == [(1, 0), (1, 1), (1, 1)]


def test_one_that_is_cancelled_counts_for_the_horizons_it_outlived(score: OddsScore) -> None:
    own = OwnOrderScorer(score)
    own.joined("A", ODDS, START)
    own.ended("A", START + 45 * NS_PER_S)
    assert told(score.own) == [(1, 0), (0, 0), (0, 0)]


def test_one_that_outlives_all_is_counted_as_time_passes(score: OddsScore) -> None:
    own = OwnOrderScorer(score)
    own.joined("A", ODDS, START)
    own.pass_time(START + 300 * NS_PER_S)
    assert len(own) == 1
    own.pass_time(START + 301 * NS_PER_S)
    assert told(score.own) == [(1, 0), (1, 0), (1, 0)]
    own.filled("A", START + 302 * NS_PER_S)
    assert told(score.own) == [(1, 0), (1, 0), (1, 0)]


def test_one_that_loses_its_place_is_a_new_case(score: OddsScore) -> None:
    own = OwnOrderScorer(score)
    own.joined("A", ODDS, START)
    own.joined("A", ODDS, START + 40 * NS_PER_S)
    own.filled("A", START + 41 * NS_PER_S)
    assert told(score.own) == [(2, 1), (1, 1), (1, 1)]


def test_a_hole_ends_what_is_known_of_own_orders(score: OddsScore) -> None:
    own = OwnOrderScorer(score)
    own.joined("A", ODDS, START)
    own.lose(START + 10 * NS_PER_S)
    own.filled("A", START + 20 * NS_PER_S)
    assert told(score.own) == [(0, 0), (0, 0), (0, 0)]


def test_orders_that_are_awaited_are_bounded(score: OddsScore) -> None:
    own = OwnOrderScorer(score)
    for number in range(MOST_OPEN + 5):
        own.joined(str(number), ODDS, START)
    assert len(own) == MOST_OPEN
    assert "4" not in own
    assert "5" in own


def test_a_ghost_counts_for_every_outcome(score: OddsScore) -> None:
    [sample] = [one for one in invented(50) if one.left][:1]
    score.saw(ODDS, sample)
    assert told(score.observed) == [(1, 0), (1, 0), (1, 0), (1, 1)]


def test_odds_are_counted_in_the_bins_of_the_table(score: OddsScore) -> None:
    assert score.observed[0].edges == TABLE.outcomes[0].reliability.edges
