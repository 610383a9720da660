"""The ledger against the truth of the engine whose messages it reads."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from kracked.book.keeper import BookKeeper
from kracked.flow import Fact, OrderFlow, What
from tests.benchmarks.leave_one_out import score as leave_one_out
from tests.benchmarks.queue_truth import Market, Score, run

SYMBOL = "BTC/USD"
DEPTHS = [10, 100, 1000]
LATE_NS = 250_000_000


@cache
def market(seed: int) -> Market:
    return Market(SYMBOL, seed, 2.1, DEPTHS)


@cache
def scored(depth: int, outage_s: int = 0) -> Score:
    """Score seed 1, with the two feeds up to a quarter of a second apart."""
    return run(market(1), depth, LATE_NS, outage_s * 10**9, seed=1)


@pytest.mark.parametrize("depth", DEPTHS)
def test_every_trade_is_linked_to_the_order_it_filled(depth: int) -> None:
    score = scored(depth)
    assert score.trades > 100
    assert score.linked == score.right == score.trades


@pytest.mark.parametrize("depth", DEPTHS)
def test_every_order_ends_as_the_engine_ended_it(depth: int) -> None:
    score = scored(depth)
    assert score.orders > 1_000
    assert (score.wrong_ends, score.wrong_fills) == (0, 0)


@pytest.mark.parametrize("depth", DEPTHS)
def test_queues_are_the_engine_s(depth: int) -> None:
    score = scored(depth)
    assert score.compared > 10
    assert (score.wrong_queues, score.wrong_observed) == (0, 0)


@pytest.mark.parametrize("depth", DEPTHS)
def test_an_outage_costs_the_fills_within_it_and_no_other(depth: int) -> None:
    score = scored(depth, outage_s=15)
    assert score.in_holes > 0
    assert score.linked == score.right == score.trades - score.in_holes


@pytest.mark.parametrize("depth", DEPTHS)
def test_after_an_outage_queues_are_right_and_ends_right_or_unknown(depth: int) -> None:
    score = scored(depth, outage_s=15)
    assert (score.wrong_queues, score.wrong_observed) == (0, 0)
    assert (score.wrong_ends, score.wrong_fills) == (0, 0)


SIGNS = {
    **dict.fromkeys(
        (
            What.NEW,
            What.CAME,
            What.RETURNED,
            What.MOVED_IN,
            What.REFILLED,
            What.RAISED,
            What.PRESENT,
            What.SHOWN,
        ),
        1,
    ),
    **dict.fromkeys(
        (
            What.FILLED,
            What.REDUCED,
            What.CANCELLED,
            What.MOVED_AWAY,
            What.LEFT_VIEW,
            What.TAKEN,
        ),
        -1,
    ),
}


@pytest.mark.parametrize("depth", DEPTHS)
def test_the_facts_of_a_price_sum_up_to_its_quantity_after_every_message(depth: int) -> None:
    made = market(1)
    precision = made.listing.instrument.precision
    keeper, flow = BookKeeper(precisions={SYMBOL: precision}, depth=depth), OrderFlow(depth)
    sums: Counter[tuple[str, int]] = Counter()
    for message in made.level3[depth][:4_000]:
        touched = set()
        for event in keeper.receive(message.raw, message.received):
            for fact in flow.apply(event):
                if isinstance(fact, Fact):
                    sums[fact.side, fact.price] += SIGNS.get(fact.what, 0) * fact.qty
                    touched.add((fact.side, fact.price))
        book = keeper.l3[SYMBOL]
        for side, price in touched:
            level = book.side(side).at(price)
            assert sums[side, price] == (level.qty if level else 0)


@pytest.mark.parametrize("depth", [10, 1000])
def test_a_ghost_in_the_place_of_an_order_has_its_fills(depth: int) -> None:
    counts, wrong = leave_one_out(market(1), depth, LATE_NS, seed=1)
    assert counts["all"] > 200
    assert not wrong
