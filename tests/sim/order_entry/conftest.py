from __future__ import annotations

import pytest

from tests.sim.empty_exchange import EmptyExchange


@pytest.fixture
def exchange() -> EmptyExchange:
    return EmptyExchange()
