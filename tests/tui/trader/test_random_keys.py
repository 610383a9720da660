"""A slice of the fuzzer: no order without a press of its own, no answer to what was not seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.keys import fuzz


@pytest.mark.parametrize("seed", [2, 5])
async def test_random_keys_send_nothing_of_their_own(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    figures = await fuzz(400, seed, tmp_path)
    assert figures.breaches == []
    assert figures.orders
