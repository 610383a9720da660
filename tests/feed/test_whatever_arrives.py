"""A whole feed under generated faults: no error escapes, and every verified book is right."""

from __future__ import annotations

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.feed.rig import Rig

FAULTS = ("lose", "double", "shuffle", "cut short", "flip", "change", "repeat")
HEAL_S = 100
"""Longer than the longest wait between two attempts."""

seeds = st.integers(0, 2**32)
faults = st.sets(st.sampled_from(FAULTS), min_size=1)
slow = settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def test_without_faults_all_is_known_and_true() -> None:
    rig = Rig(1)
    rig.live(5)
    assert rig.unlike() == []
    assert sorted(rig.feed.l2) == sorted(rig.feed.l3) == ["BTC/USD", "ETH/USD"]
    assert rig.feed.account.fills
    assert rig.feed.stats().resyncs == 0


@slow
@given(seeds, faults)
@example(2496840614, {"change"})  # a report that was JSON and made no sense
@example(1412, {"repeat"})  # an old snapshot of the account, delivered again
def test_what_is_shown_was_true_at_some_time_and_once_the_faults_end_is_true_again(
    seed: int, faults: set[str]
) -> None:
    rig = Rig(seed, sorted(faults))
    for _ in range(20):
        rig.live(0.5)
        assert rig.suspects() == []
    rig.faults = ()
    rig.live(HEAL_S)
    assert rig.unlike() == []
