"""Paper orders fare as the same orders do in the simulator's engine."""

from __future__ import annotations

import pytest

from tests.benchmarks.paper import compare


@pytest.mark.parametrize("size", [1, 8])
def test_a_paper_order_is_filled_as_the_same_order_in_the_engine(size: float) -> None:
    counts, _ = compare(seed=1, minutes=8, size=size, runs=2)
    assert counts["all"] >= 15
    assert counts["filled"] >= 3
    assert counts["refused"] == 0
    assert counts["same sum"] == counts["all"]
