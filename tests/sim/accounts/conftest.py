from __future__ import annotations

import pytest

from tests.sim.accounts.empty_exchange import Pit


@pytest.fixture
def pit() -> Pit:
    return Pit()
