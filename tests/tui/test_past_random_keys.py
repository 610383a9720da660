"""A slice of the fuzzer of the past: whatever is pressed there, no order and no error."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.past_keys import fuzz


@pytest.mark.parametrize("seed", [1, 3])
async def test_random_keys_on_the_past_send_no_order_and_fail_nowhere(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    figures = await fuzz(250, seed, tmp_path)
    assert (figures.errors, figures.orders) == ([], 0)
    assert figures.pressed >= 250
