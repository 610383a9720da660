"""A recorded session for every test that wants one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from kracked.book.keeper import BookKeeper
from kracked.record.write.session import Format
from tests.record.seeded_market import Level3Market, record_stream


@pytest.fixture(scope="session")
def stream() -> list[tuple[int, bytes]]:
    """Two hundred level3 updates of BTC/USD at depth 10, after acknowledgement and snapshot."""
    return Level3Market().stream(200)


@pytest.fixture
def record(tmp_path: Path, stream: list[tuple[int, bytes]]) -> Callable[..., Path]:
    """Records the stream, or the part given, into a folder, and returns the folder."""
    keeper = BookKeeper()

    def record(
        arrived: Iterable[tuple[int, bytes]] = tuple(stream), form: Format = Format.CSV
    ) -> Path:
        path = tmp_path / "session"
        record_stream(path, arrived, form=form, keeper=keeper)
        return path

    return record
