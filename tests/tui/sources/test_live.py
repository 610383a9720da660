"""The exchange as a source: what is subscribed follows the symbol shown, however fast."""

from __future__ import annotations

import asyncio

from kracked.credentials import Credentials
from kracked.endpoints import Endpoints
from kracked.sim.server import SimOptions, SimServer
from kracked_tui.sources.live import LiveSource
from tests.patience import PATIENCE_S

PAIRS = ("BTC/USD", "ETH/USD", "SOL/USD")


async def shown_after(*symbols: str) -> set[str]:
    """Whose books are verified when symbols are asked for at once, one after the other."""
    async with SimServer(SimOptions(seed=3, symbols=PAIRS)) as server:
        endpoints = Endpoints.at(server.endpoints.rest)
        key = Credentials(server.api_key, server.api_secret)
        async with LiveSource(PAIRS, endpoints, key, trades=False) as source:
            await source.show("BTC/USD")
            async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
                for symbol in symbols:
                    tasks.create_task(source.show(symbol))
            return {book.symbol for book in source.l2.values() if book.verified}


async def test_there_and_back_in_one_moment_shows_the_first_symbol_again() -> None:
    assert await shown_after("ETH/USD", "BTC/USD") == {"BTC/USD"}


async def test_what_was_verified_of_a_symbol_counts_when_another_is_shown() -> None:
    async with SimServer(SimOptions(seed=3, symbols=PAIRS)) as server:
        endpoints = Endpoints.at(server.endpoints.rest)
        async with LiveSource(PAIRS, endpoints, None) as source, asyncio.timeout(PATIENCE_S):
            await source.show("BTC/USD")
            async for _ in source.batches():
                if (before := source.counters().verified) >= 20:
                    break
            await source.show("ETH/USD")
            assert source.counters().verified >= before


async def test_of_many_quick_choices_the_last_is_shown() -> None:
    assert await shown_after("ETH/USD", "SOL/USD", "BTC/USD", "SOL/USD") == {"SOL/USD"}
