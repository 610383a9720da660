"""Random maintenance histories, of which `tests.benchmarks.maintenance_histories` runs more."""

from __future__ import annotations

from tests.benchmarks.maintenance_histories import run


def test_no_order_is_sent_while_blocked_and_every_phase_is_told_once() -> None:
    total = run(60, "test")
    assert (total.sent_while_blocked, total.told_twice, total.never_told) == (0, 0, 0)
    assert min(total.sent, total.refused, total.asked, total.phases) > 100
