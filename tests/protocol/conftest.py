from __future__ import annotations

import pytest

from kracked.book.keeper import BookKeeper
from kracked.protocol.client.session import Session
from tests.exchange import Exchange, Talk
from tests.native.engines import engine

__all__ = ["engine"]  # every test here runs once with each engine


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture
def talk(exchange: Exchange) -> Talk:
    return Talk(Session(BookKeeper()), exchange)
