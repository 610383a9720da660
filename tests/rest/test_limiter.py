"""Both rate counters, by the documentation's worked examples."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from kracked.errors import ConfigError
from kracked.protocol import limits
from kracked.protocol.limits import INTERMEDIATE, PRO, STARTER
from kracked.rest.limiter import EngineLimiter, RestLimiter
from kracked.times import NS_PER_S
from tests.shared import VECTORS

SHARED = VECTORS / "rate_limits.json"
VECTORS: dict[str, Any] = json.loads(SHARED.read_text()) if SHARED.exists() else {}
needs_vectors = pytest.mark.skipif(not VECTORS, reason="the shared vectors are not here")
T = 1_754_000_000 * NS_PER_S


def at(seconds: float | str) -> int:
    return T + int(Decimal(seconds) * NS_PER_S)


def ns(seconds: str) -> int:
    return int(Decimal(seconds) * NS_PER_S)


@pytest.mark.parametrize(
    ("age_s", "cost"),
    [("0", 8), ("4.999", 8), ("5", 6), ("10", 5), ("15", 4), ("45", 2), ("90", 1), ("300", 0)],
)
def test_a_cancel_is_dearer_the_younger_the_order(age_s: str, cost: int) -> None:
    assert limits.cost_of_cancel(ns(age_s)) == cost


@pytest.mark.parametrize(("age_s", "cost"), [("0", 4), ("5", 3), ("10", 2), ("15", 1), ("400", 1)])
def test_an_amend_costs_one_and_its_penalty(age_s: str, cost: int) -> None:
    assert limits.cost_of_amend(ns(age_s)) == cost


@pytest.mark.parametrize(
    ("age_s", "cost"), [("0", 7), ("5", 6), ("10", 5), ("15", 3), ("45", 2), ("90", 1)]
)
def test_an_edit_costs_one_and_its_penalty(age_s: str, cost: int) -> None:
    assert limits.cost_of_edit(ns(age_s)) == cost


def test_a_batch_costs_half_a_unit_an_order() -> None:
    assert limits.cost_of_batch_add(3) == Decimal("1.5")


def test_the_documented_short_life_costs_eight() -> None:
    age_at_cancel = ns("36")  # since the amend
    costs = [limits.cost_of_add(), limits.cost_of_amend(ns("7"))]
    assert sum(costs) + limits.cost_of_cancel(age_at_cancel) == 8


def test_fifty_adds_at_intermediate_are_26_6_ten_seconds_later() -> None:
    engine = EngineLimiter(INTERMEDIATE)
    for _ in range(50):
        engine.spend("BTC/USD", limits.cost_of_add(), at(0))
    assert engine.count("BTC/USD", at(10)) == Decimal("26.6")


def test_placing_and_pulling_at_once_brings_a_starter_near_its_threshold_in_seven_seconds() -> None:
    engine = EngineLimiter(STARTER)
    for second in range(7):
        engine.spend("BTC/USD", limits.cost_of_add(), at(second))
        engine.spend("BTC/USD", limits.cost_of_cancel(0), at(second))
    assert engine.count("BTC/USD", at(6)) == 57


def test_pairs_are_counted_apart() -> None:
    engine = EngineLimiter(STARTER)
    engine.spend("BTC/USD", Decimal(5), at(0))
    assert engine.count("ETH/USD", at(0)) == 0


def test_a_fifth_of_the_threshold_is_left_for_cancels() -> None:
    engine = EngineLimiter(STARTER)
    engine.spend("BTC/USD", Decimal(40), at(0))
    assert engine.room("BTC/USD", at(0)) == 8


def test_the_wait_for_an_add_ends_when_there_is_room() -> None:
    engine = EngineLimiter(STARTER)
    engine.spend("BTC/USD", Decimal(50), at(0))
    assert engine.wait_ns("BTC/USD", Decimal(1), at(0)) == 3 * NS_PER_S


def test_a_refusal_for_the_rate_puts_the_count_at_the_threshold() -> None:
    engine = EngineLimiter(STARTER)
    engine.exceeded("BTC/USD", at(0))
    assert engine.count("BTC/USD", at(1)) == 59


def test_a_clock_set_back_forgives_nothing() -> None:
    engine = EngineLimiter(STARTER)
    engine.spend("BTC/USD", Decimal(30), at(100))
    engine.spend("BTC/USD", Decimal(1), at(0))
    assert engine.count("BTC/USD", at(100)) == 31


def test_history_calls_are_planned_at_the_dearer_documented_cost() -> None:
    names = ("Balance", "TradesHistory", "AddOrder")
    assert [limits.cost_of_call(name) for name in names] == [1, 4, 0]


def test_the_call_counter_falls_by_a_third_a_second_at_starter() -> None:
    rest = RestLimiter(STARTER)
    rest.spend("TradesHistory", at(0))
    assert rest.counter.value(at(3)) == Decimal("3.01")


def test_amends_alone_hold_up_neither_a_token_nor_an_amend() -> None:
    rest = RestLimiter(STARTER)
    for _ in range(50):
        rest.spend_on_write("AmendOrder", at(0))
    waits = rest.wait_ns("GetWebSocketsToken", at(0)), rest.held_ns("AmendOrder", at(0))
    assert (waits, rest.counter.value(at(0))) == ((0, 0), 11)


def test_once_the_exchange_has_refused_a_call_a_token_comes_before_the_next_amend() -> None:
    rest = RestLimiter(STARTER)
    rest.exceeded(at(0))
    token_ns, amend_ns = (
        rest.wait_ns("GetWebSocketsToken", at(0)),
        rest.held_ns("AmendOrder", at(0)),
    )
    assert 0 < token_ns < amend_ns
    assert rest.held_ns("AddOrder", at(0)) == 0


def test_a_threshold_names_its_tier() -> None:
    assert [limits.tier_of(count) for count in (60, 125, 180, 7)] == [
        STARTER,
        INTERMEDIATE,
        PRO,
        STARTER,
    ]


def test_a_tier_nobody_knows_is_refused_with_the_choices() -> None:
    with pytest.raises(ConfigError, match="starter, intermediate or pro"):
        limits.tier_named("gold")


def cost(kind: str, age_s: str | None, orders: int = 1) -> Decimal:
    age_ns = ns(age_s or "0")
    return {
        "add": limits.cost_of_add(),
        "batch_add": limits.cost_of_batch_add(orders),
        "amend": limits.cost_of_amend(age_ns),
        "edit": limits.cost_of_edit(age_ns),
        "cancel": limits.cost_of_cancel(age_ns),
        "batch_cancel": limits.cost_of_cancel(age_ns) * orders,
    }[kind]


@needs_vectors
def test_every_single_cost_of_the_vectors_reproduces() -> None:
    rows = VECTORS["engine"]["single_costs"]
    wrong = [
        row
        for row in rows
        if cost(row["transaction"], row["order_age_s"], row.get("orders", 1))
        != Decimal(row["cost"])
    ]
    assert not wrong


SCENARIOS = [row for row in VECTORS.get("engine", {}).get("scenarios", ()) if "steps" in row]


@needs_vectors
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda row: row["name"])
def test_every_scenario_of_the_vectors_reproduces(scenario: dict[str, Any]) -> None:
    tier = STARTER if scenario["tier"] == "any" else limits.tier_named(scenario["tier"])
    engine, touched, plain = EngineLimiter(tier), {}, Decimal(0)
    for step in scenario["steps"]:
        now = at(step["at_s"])
        before = engine.count("BTC/USD", now) if scenario["decay"] else plain
        if "do" not in step:
            assert before == Decimal(step["counter"])
            continue
        age_s = str((now - touched.get(step["order"], now)) // NS_PER_S)
        spent = cost(step["do"], age_s, step.get("orders", 1))
        engine.spend("BTC/USD", spent, now)
        plain, touched[step["order"]] = plain + spent, now
        after = engine.count("BTC/USD", now) if scenario["decay"] else plain
        wanted = (step["counter_before"], step["cost"], step["counter_after"])
        assert (before, spent, after) == tuple(map(Decimal, wanted))


@needs_vectors
@pytest.mark.parametrize("tier", [STARTER, INTERMEDIATE, PRO], ids=lambda tier: tier.name)
def test_the_tiers_are_the_documented_ones(tier: limits.Tier) -> None:
    engine, rest = (VECTORS[part]["tiers"][tier.name] for part in ("engine", "rest"))
    assert (str(tier.decay_per_s), tier.threshold, tier.open_orders) == (
        engine["decay_per_s"],
        engine["threshold"],
        engine["open_orders_per_pair"],
    )
    assert (str(tier.rest_decay_per_s), tier.rest_limit) == (rest["decay_per_s"], rest["max"])
