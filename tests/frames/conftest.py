"""A recording for the tests of frames, written by the recorder itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.record.seeded_market import Level3Market, record_stream


@pytest.fixture(scope="session")
def stream() -> list[tuple[int, bytes]]:
    """Three hundred level3 updates of BTC/USD at depth 10, after acknowledgement and snapshot."""
    return Level3Market(seed=5).stream(300)


@pytest.fixture(scope="session")
def session(tmp_path_factory: pytest.TempPathFactory, stream: list[tuple[int, bytes]]) -> Path:
    """The stream as a recorded session's folder."""
    path = tmp_path_factory.mktemp("recorded") / "session"
    record_stream(path, stream)
    return path
