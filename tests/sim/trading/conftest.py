from __future__ import annotations

import pytest

from tests.sim.trading.pit import Pit


@pytest.fixture
def pit() -> Pit:
    return Pit()
