from __future__ import annotations

import pytest

from kracked.feed.backoff import ATTEMPTS, Backoff, attempts_budget
from kracked.times import NS_PER_S


def delays(backoff: Backoff, count: int) -> list[float]:
    return [backoff.next_delay_s() for _ in range(count)]


def test_the_first_retry_is_immediate_and_later_ones_ever_slower() -> None:
    assert delays(Backoff(lambda: 0.0), 10) == [0, 1, 2, 5, 10, 20, 40, 60, 60, 60]


def test_jitter_only_lengthens() -> None:
    assert delays(Backoff(lambda: 1.0), 4) == [0, 1.25, 2.5, 6.25]


def test_good_data_starts_from_the_beginning() -> None:
    backoff = Backoff(lambda: 0.0)
    delays(backoff, 5)
    backoff.reset()
    assert (backoff.attempt, delays(backoff, 2)) == (0, [0, 1])


def test_after_maintenance_never_sooner_than_five_seconds() -> None:
    assert Backoff(lambda: 0.0).next_delay_s(maintenance=True) == 5


def test_all_attempts_together_stay_inside_the_budget() -> None:
    budget, now, attempts = attempts_budget(), 0, []
    for _ in range(2 * ATTEMPTS):
        now += budget.wait_ns(now)
        budget.spend(1, now)
        attempts.append(now)
        now += NS_PER_S
    window = 600 * NS_PER_S
    busiest = max(sum(a <= b < a + window for b in attempts) for a in attempts)
    assert busiest == ATTEMPTS


@pytest.mark.parametrize("elapsed_s", [0, 1, 600])
def test_an_unspent_budget_never_waits(elapsed_s: int) -> None:
    assert attempts_budget().wait_ns(elapsed_s * NS_PER_S) == 0
