"""A client by others, python-kraken-sdk, unmodified, pointed at the simulator.

Only its addresses are set. Its REST library blocks, so it has a thread of its own.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from kraken import spot as kraken

from kracked.sim.realism import PLAIN
from kracked.sim.server import SimOptions, SimServer
from tests.patience import PATIENCE_S

PAIRS = ["BTC/USD", "DOGE/USD", "BONK/USD"]
ENOUGH = 100


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SimServer]:
    # It cuts its book after each entry, where the rule says after the message. A sweep through
    # an iceberg that is alone at its price then costs it a level; this seed has none so early.
    options = SimOptions(seed=8, symbols=PAIRS, rate=4, habits=PLAIN)
    async with SimServer(options) as running:
        monkeypatch.setattr("kraken.base_api.SpotClient.URL", running.endpoints.rest)
        # It adds the /v2 itself.
        address = running.endpoints.public.removesuffix("/v2")
        monkeypatch.setattr("kraken.spot.websocket.SpotWSClientBase.WS_URL", address)
        # It waits up to two seconds before its first attempt; this makes that one.
        monkeypatch.setattr("kraken.spot.websocket.connectors.random", lambda: 0.0)
        yield running


async def apart(client: Callable[[], Any]) -> Any:
    """Run a client in a thread and a loop of its own."""
    return await asyncio.to_thread(lambda: asyncio.run(asyncio.wait_for(client(), PATIENCE_S)))


async def keep_books(depth: int) -> tuple[Counter[str], Counter[str]]:
    """Count right and wrong updates of each book by the client's own check."""
    right, wrong = Counter[str](), Counter[str]()
    enough = asyncio.Event()

    class Books(kraken.SpotOrderBookClient):  # type: ignore[misc,name-defined]
        async def on_book_update(self, pair: str, message: dict[str, Any]) -> None:
            right[pair] += message.get("type") == "update" and self.get(pair)["valid"]
            wrong[pair] += not self.get(pair)["valid"]
            if wrong.total() or all(right[symbol] >= ENOUGH for symbol in PAIRS):
                enough.set()

    books = Books(depth=depth)
    await books.start()
    await books.add_book(pairs=PAIRS)
    await enough.wait()
    await books.close()
    return right, wrong


@pytest.mark.parametrize("depth", [10, 100])
async def test_it_keeps_books_whose_every_checksum_is_right(server: SimServer, depth: int) -> None:
    right, wrong = await apart(lambda: keep_books(depth))
    assert wrong.total() == 0
    assert min(right[symbol] for symbol in PAIRS) >= ENOUGH


async def hear_executions(server: SimServer) -> list[dict[str, Any]]:
    """Return what it receives on the private address, with a token for its own signature."""
    received: list[dict[str, Any]] = []
    enough = asyncio.Event()

    async def on_message(message: dict[str, Any]) -> None:
        received.append(message)
        if message.get("channel") == "executions":
            enough.set()

    client = kraken.SpotWSClient(
        server.api_key,
        server.api_secret,
        callback=on_message,
        no_public=True,
        rest_url=server.endpoints.rest,
        auth_ws_url=server.endpoints.private.removesuffix("/v2"),
    )
    await client.start()
    await client.subscribe(params={"channel": "executions"})
    await enough.wait()
    await client.close()
    return received


async def test_it_signs_its_way_to_the_private_channels(server: SimServer) -> None:
    received = await apart(lambda: hear_executions(server))
    (snapshot,) = [message for message in received if message.get("channel") == "executions"]
    assert (snapshot["type"], snapshot["data"]) == ("snapshot", [])


async def test_it_reads_the_market_over_rest(server: SimServer) -> None:
    market = kraken.Market()
    pairs = await asyncio.to_thread(market.get_asset_pairs)
    ticker = await asyncio.to_thread(market.get_ticker, "XBTUSD")
    candles = await asyncio.to_thread(market.get_ohlc, "XBTUSD")
    assert list(pairs) == ["XXBTZUSD", "XDGUSD", "BONKUSD"]
    assert set(ticker["XXBTZUSD"]) == set("abcvptlho")
    assert len(candles["XXBTZUSD"]) == 720
