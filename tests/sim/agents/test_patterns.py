"""Planted patterns: each is what it says, and a seed plants the same ones."""

from __future__ import annotations

from collections import Counter
from functools import cache

import msgspec
import pytest

from kracked.sim.agents.market import SimulatedMarket
from kracked.sim.agents.planter import Pattern
from kracked.sim.engine.orders import EngineBatch, LeaveCause, LeftLevel, OrderFilled, Rested
from kracked.sim.listings import listings
from kracked.sim.truth import PlantedRow

OPENED = 1_790_000_000 * 10**9
BTC = "BTC/USD"
S = 10**9


@cache
def planted(pattern: Pattern, count: int = 6, seed: int = 4, seconds: float = 260.0):
    """Return the truth about some patterns, and all batches."""
    market = SimulatedMarket(listings((BTC,)), seed=seed).opened(OPENED)
    rows: list[PlantedRow] = []
    market.told = rows.append
    market.plant(BTC, pattern, count, 30.0)
    batches = [batch for _, batch in market.advance(OPENED + int(seconds * S))]
    return rows, batches


def of(batches: list[EngineBatch], kind: type) -> list:
    return [step for batch in batches for step in batch.steps if type(step) is kind]


@pytest.mark.parametrize("pattern", list(Pattern))
def test_each_is_told_once_when_it_is_over(pattern: Pattern) -> None:
    seconds = 1_900.0 if pattern is Pattern.STAYING_WALL else 260.0
    rows, _ = planted(pattern, 2, seconds=seconds)
    assert [row.pattern for row in rows] == [pattern.value] * 2
    assert all(OPENED < row.start <= row.end for row in rows)


def test_a_seed_plants_the_same_patterns() -> None:
    one, _ = planted(Pattern.SWEEP)
    market = SimulatedMarket(listings((BTC,)), seed=4).opened(OPENED)
    again: list[PlantedRow] = []
    market.told = again.append
    market.plant(BTC, Pattern.SWEEP, 6, 30.0)
    for _ in market.advance(OPENED + 260 * S):
        pass
    assert msgspec.json.encode(one) == msgspec.json.encode(again)


def test_a_market_without_patterns_is_the_one_before_they_existed() -> None:
    plain, other = (SimulatedMarket(listings((BTC,)), seed=4).opened(OPENED) for _ in range(2))
    other.plant(BTC, Pattern.SWEEP, 1, 0.0)
    until = OPENED + 5 * S
    first = [batch.time for _, batch in plain.advance(until)]
    assert first[0] in [batch.time for _, batch in other.advance(until)]


def test_a_sweep_tells_the_levels_it_went_through() -> None:
    rows, batches = planted(Pattern.SWEEP)
    for row in rows:
        [batch] = [one for one in batches if one.time == row.start]
        fills = [step for step in batch.steps if type(step) is OrderFilled]
        prices = list(dict.fromkeys(step.price for step in fills))
        assert (prices[0], prices[-1], len(prices)) == (row.price, row.last_price, row.count)
        assert sum(step.qty for step in fills) == row.qty


def test_a_burst_is_of_several_takers_in_one_second() -> None:
    rows, batches = planted(Pattern.BURST)
    for row in rows:
        assert 4 <= row.count == len(row.times) <= 8
        assert len({time // S for time in row.times}) == 1
        took = [one for one in batches if one.time in row.times]
        fills = [step for one in took for step in one.steps if type(step) is OrderFilled]
        assert sum(step.qty for step in fills) == row.qty


def test_an_own_made_iceberg_shows_the_same_size_right_after_each_fill() -> None:
    rows, batches = planted(Pattern.OWN_ICEBERG, 12)
    left = {step.order_id: batch.time for batch in batches for step in batch.steps
            if type(step) is LeftLevel and step.cause is LeaveCause.FILLED}  # fmt: skip
    rested = {step.order_id: (batch.time, step) for batch in batches for step in batch.steps
              if type(step) is Rested}  # fmt: skip
    chained = [row for row in rows if row.count]
    assert chained
    for row in chained:
        assert {rested[one][1].visible_qty for one in row.ids} == {row.qty}
        for before, after in zip(row.ids, row.ids[1:], strict=False):
            assert 0 < rested[after][0] - left[before] < 260_000_000


@pytest.mark.parametrize("pattern", [Pattern.PULLED_LAYERS, Pattern.TIMED_LAYERS])
def test_walls_are_three_and_end_as_told(pattern: Pattern) -> None:
    rows, batches = planted(pattern)
    cancelled = {
        step.order_id for step in of(batches, LeftLevel) if step.cause is LeaveCause.CANCELLED
    }
    for row in rows:
        assert len(row.ids) == 3
        if row.outcome == "pulled" or pattern is Pattern.TIMED_LAYERS:
            assert {*row.ids} <= cancelled | {
                step.order_id for step in of(batches, LeftLevel) if step.cause is LeaveCause.FILLED
            }


def test_a_jump_empties_one_side_of_makers() -> None:
    rows, batches = planted(Pattern.JUMP, 1)
    gone = Counter(
        step.side
        for batch in batches
        for step in batch.steps
        if type(step) is LeftLevel
        and step.cause is LeaveCause.CANCELLED
        and rows[0].start <= batch.time <= rows[0].start + S // 10
    )
    assert gone[rows[0].side] > 40 > gone[rows[0].side.opposite]


def test_parts_of_icebergs_can_have_ids_of_their_own() -> None:
    market = SimulatedMarket(listings((BTC,)), seed=4).opened(OPENED)
    market.hide_ids(BTC)
    market.plant(BTC, Pattern.ABSORPTION, 2, 5.0)
    again, parts = 0, 0
    for _, batch in market.advance(OPENED + 30 * S):
        for left, rested in zip(batch.steps, batch.steps[1:], strict=False):
            filled = type(left) is LeftLevel and left.cause is LeaveCause.FILLED
            if filled and type(rested) is Rested:
                parts += 1
                again += rested.order_id == left.order_id
    assert parts > 5
    assert again == 0
