"""The exchange's counters: the documented costs, tiers and decays, each number by itself.

Sources: docs.kraken.com/api/docs/guides/spot-ratelimits, .../spot-rest-ratelimits
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from kracked.errors import ConfigError
from kracked.protocol import limits
from kracked.protocol.limits import INTERMEDIATE, PRO, STARTER, RateCounter, Tier
from kracked.times import NS_PER_S


@pytest.mark.parametrize(
    ("tier", "name", "rest_limit", "rest_decay", "threshold", "decay", "open_orders"),
    [
        (STARTER, "starter", 15, "0.33", 60, "1", 60),
        (INTERMEDIATE, "intermediate", 20, "0.5", 125, "2.34", 80),
        (PRO, "pro", 20, "1", 180, "3.75", 225),
    ],
)
def test_a_tier_has_the_documented_limits(
    tier: Tier,
    name: str,
    rest_limit: int,
    rest_decay: str,
    threshold: int,
    decay: str,
    open_orders: int,
) -> None:
    assert tier == Tier(
        name=name,
        rest_limit=rest_limit,
        rest_decay_per_s=Decimal(rest_decay),
        threshold=threshold,
        decay_per_s=Decimal(decay),
        open_orders=open_orders,
    )
    assert limits.tier_named(name) is tier


@pytest.mark.parametrize(
    ("threshold", "tier"), [(60, STARTER), (125, INTERMEDIATE), (180, PRO), (0, STARTER)]
)
def test_a_threshold_tells_the_tier(threshold: int, tier: Tier) -> None:
    assert limits.tier_of(threshold) is tier


def test_a_tier_that_is_none_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="no tier is called gold; choose starter, inter"):
        limits.tier_named("gold")


@pytest.mark.parametrize(
    ("endpoint", "cost"),
    [
        *((name, 4) for name in ("ClosedOrders", "TradesHistory", "QueryTrades", "Ledgers")),
        ("QueryLedgers", 4),
        ("Balance", 1),
        ("OpenOrders", 1),
        ("AddOrder", 0),
        ("CancelOrder", 0),
    ],
)
def test_a_private_call_costs_what_is_documented(endpoint: str, cost: int) -> None:
    assert limits.cost_of_call(endpoint) == cost


@pytest.mark.parametrize(
    ("age_s", "amend", "edit", "cancel"),
    [
        (0, 4, 7, 8),
        (4.999, 4, 7, 8),
        (5, 3, 6, 6),
        (9.999, 3, 6, 6),
        (10, 2, 5, 5),
        (14.999, 2, 5, 5),
        (15, 1, 3, 4),
        (44.999, 1, 3, 4),
        (45, 1, 2, 2),
        (89.999, 1, 2, 2),
        (90, 1, 1, 1),
        (299.999, 1, 1, 1),
        (300, 1, 1, 0),
    ],
)
def test_a_change_costs_more_the_younger_the_order_is(
    age_s: float, amend: int, edit: int, cancel: int
) -> None:
    age_ns = int(age_s * NS_PER_S)
    assert limits.cost_of_amend(age_ns) == amend
    assert limits.cost_of_edit(age_ns) == edit
    assert limits.cost_of_cancel(age_ns) == cancel


def test_placing_costs_one_and_half_in_a_batch() -> None:
    assert limits.cost_of_add() == 1
    assert limits.cost_of_batch_add(5) == Decimal("2.5")


def test_a_count_falls_by_its_decay_and_never_below_zero() -> None:
    counter = RateCounter(Decimal("2.34"))
    counter.spend(Decimal(8), 10 * NS_PER_S)
    assert counter.value(11 * NS_PER_S) == Decimal("5.66")
    counter.spend(Decimal(1), 12 * NS_PER_S)
    assert counter.value(12 * NS_PER_S) == Decimal("4.32")
    assert counter.value(60 * NS_PER_S) == 0


def test_a_clock_that_goes_back_changes_nothing() -> None:
    counter = RateCounter(Decimal(1))
    counter.spend(Decimal(5), 10 * NS_PER_S)
    assert counter.value(3 * NS_PER_S) == 5
    counter.spend(Decimal(1), 4 * NS_PER_S)
    assert counter.value(11 * NS_PER_S) == 5


def test_what_the_exchange_counts_raises_a_count_and_never_lowers_it() -> None:
    counter = RateCounter(Decimal(1))
    counter.raise_to(Decimal(7), 0)
    counter.raise_to(Decimal(3), 0)
    assert counter.value(0) == 7
    assert counter.value(2 * NS_PER_S) == 5


@pytest.mark.parametrize(
    ("cost", "wait_ns"), [(0, 0), (2, 0), (3, 500_000_000), (4, NS_PER_S), (6, 2 * NS_PER_S)]
)
def test_a_wait_is_just_until_the_cost_fits(cost: int, wait_ns: int) -> None:
    counter = RateCounter(Decimal(2))
    counter.spend(Decimal(8), 0)
    assert counter.wait_ns(Decimal(cost), Decimal(10), 0) == wait_ns
    assert counter.wait_ns(Decimal(cost), Decimal(10), wait_ns) == 0


def test_a_wait_is_rounded_up() -> None:
    counter = RateCounter(Decimal(3))
    counter.spend(Decimal(1), 0)
    assert counter.wait_ns(Decimal(1), Decimal(1), 0) == 333_333_334
