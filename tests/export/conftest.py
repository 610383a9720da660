"""A recording of a simulated market: depth 10, both feeds up to a quarter of a second late."""

from __future__ import annotations

from pathlib import Path

import pytest

from kracked.export import NormalForm, NormalRow
from kracked.export.recorded_rows import recorded_rows
from kracked.sim.realism import Realism
from tests.benchmarks.queue_truth import Market, record


@pytest.fixture(scope="session")
def market() -> Market:
    return Market("BTC/USD", 7, 1.5, [10], Realism())


@pytest.fixture(scope="session")
def session(market: Market, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "session"
    record(path, market, 10, market.feed(10, 250_000_000, 0, seed=7))
    return path


@pytest.fixture(scope="session")
def rows(session: Path) -> list[NormalRow]:
    """The normal form of the recording."""
    found = recorded_rows(session, "BTC/USD", NormalForm(), exact=False)
    return [row for _, some in found for row in some]
