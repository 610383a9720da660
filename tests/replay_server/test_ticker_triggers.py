"""The ticker's trigger that a client asks for is what it gets of a recording."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

import pytest

from kracked.errors import RequestRejected
from kracked.protocol.events import Ticker
from kracked.recorder import record
from kracked.sim.server import SimOptions, SimServer
from tests.replay_server.conftest import Serve, listener

BTC = "BTC/USD"


async def recording(folder: Path, **channels: object) -> Path:
    """Record three seconds of one market."""
    async with SimServer(SimOptions(seed=11, symbols=[BTC], rate=6)) as sim:
        await record(listener(sim, [BTC], **channels), folder, duration_s=3)
    return folder


async def tickers(serve: Serve, path: Path, trigger: str) -> list[Ticker]:
    """Return the tickers of a whole recording."""
    async with serve(path) as server, listener(server, [BTC], ticker=trigger) as feed:
        with feed.consumer() as consumer:
            async with asyncio.timeout(30):
                await feed.ready()
                await server.over.wait()
            await asyncio.sleep(0.2)
            told = [event for event in consumer.take() if isinstance(event, Ticker)]
    return [one for one in told if not one.snapshot]


def quoted(told: list[Ticker]) -> int:
    """Return how many tickers no trade has changed."""
    pairs = itertools.pairwise(told)
    return sum((a.last, a.volume) == (b.last, b.volume) for a, b in pairs)


async def test_best_prices_are_made_of_a_recording_with_tickers_of_trades(
    serve: Serve, tmp_path: Path
) -> None:
    path = await recording(tmp_path / "r", ticker="trades", book=10, trade=True)
    assert quoted(await tickers(serve, path, "bbo")) > 5


async def test_a_ticker_of_trades_is_picked_out_of_one_of_best_prices(
    serve: Serve, tmp_path: Path
) -> None:
    path = await recording(tmp_path / "r", ticker="bbo", trade=True)
    assert quoted(await tickers(serve, path, "bbo")) > 5
    assert quoted(await tickers(serve, path, "trades")) == 0


async def test_best_prices_that_are_not_recorded_are_refused(serve: Serve, tmp_path: Path) -> None:
    path = await recording(tmp_path / "r", ticker="trades", trade=True)
    async with serve(path) as server, listener(server, [BTC], ticker="bbo") as feed:
        with pytest.raises(RequestRejected, match="event_trigger not supported"):
            await feed.ready()
