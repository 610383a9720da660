"""The public `FeedManager` against the simulated exchange: keys, tokens, every channel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import kracked
from kracked.credentials import Credentials
from kracked.endpoints import Endpoints
from kracked.feed.errors import NoToken
from kracked.protocol import events
from kracked.sim.server import SimOptions, SimServer
from tests.patience import PATIENCE_S

SYMBOLS = ("BTC/USD", "ETH/USD")


@pytest.fixture
async def sim() -> AsyncIterator[SimServer]:
    async with SimServer(SimOptions(seed=7, symbols=SYMBOLS)) as server:
        yield server


def feed(sim: SimServer, home: Path, monkeypatch, **channels) -> kracked.FeedManager:
    monkeypatch.setenv("XDG_STATE_HOME", str(home))
    return kracked.FeedManager(
        SYMBOLS,
        credentials=Credentials(sim.api_key, sim.api_secret),
        endpoints=Endpoints.at(sim.endpoints.rest),
        **channels,
    )


async def test_every_channel_of_a_running_market(sim, tmp_path, monkeypatch) -> None:
    channels = {"book": 25, "level3": 100, "trade": True, "ticker": "bbo", "ohlc": 1}
    async with feed(sim, tmp_path, monkeypatch, account=True, **channels) as manager:
        async with asyncio.timeout(PATIENCE_S):
            await manager.ready()
            with manager.consumer() as consumer:
                kinds = set()
                while not {events.BookUpdate, events.L3Update} <= kinds:
                    kinds |= {type(event) for event in await consumer.batch()}
        assert all(manager.l2[symbol].verified for symbol in SYMBOLS)
        assert all(manager.l3[symbol].verified for symbol in SYMBOLS)
        assert manager.account.orders_known
        assert manager.stats().resyncs == 0


async def test_a_wrong_key_is_told_and_the_public_half_works_on(sim, tmp_path, monkeypatch) -> None:
    manager = kracked.FeedManager(
        SYMBOLS,
        book=10,
        level3=10,
        credentials=Credentials("nobody", sim.api_secret),
        endpoints=Endpoints.at(sim.endpoints.rest),
    )
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    async with asyncio.timeout(PATIENCE_S), manager:
        with manager.consumer() as consumer:
            with pytest.raises(NoToken, match=r"EAPI:Invalid key\. .*Check the key") as refused:
                await manager.ready()
            told = [one.reason for one in consumer.take() if type(one) is events.Reconnecting]
        assert all(manager.l2[symbol].verified for symbol in SYMBOLS)
    assert told[0].startswith("no token: ")
    assert "nobody" not in f"{told[0]} {refused.value}"


async def test_it_may_be_entered_again(sim, tmp_path, monkeypatch) -> None:
    manager = feed(sim, tmp_path, monkeypatch, book=10, level3=10, account=True)
    for _ in range(2):
        async with asyncio.timeout(PATIENCE_S), manager:
            await manager.ready()
            assert all(manager.l3[symbol].verified for symbol in SYMBOLS)
