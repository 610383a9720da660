"""A client by others, python-kraken-sdk, unmodified, on a served recording."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from kraken import spot as kraken

from kracked.record.read.recording import Recording
from kracked.replay_server.server import PlaybackServer
from tests.patience import PATIENCE_S
from tests.replay_server.conftest import SYMBOLS, Serve


def point_at(server: PlaybackServer, patch: pytest.MonkeyPatch) -> None:
    patch.setattr("kraken.base_api.SpotClient.URL", server.endpoints.rest)
    # It adds the /v2 itself.
    address = server.endpoints.public.removesuffix("/v2")
    patch.setattr("kraken.spot.websocket.SpotWSClientBase.WS_URL", address)
    # It waits up to two seconds before its first attempt; this makes that one.
    patch.setattr("kraken.spot.websocket.connectors.random", lambda: 0.0)


async def keep_books(depth: int, ends: dict[str, int]) -> tuple[Counter[str], Counter[str]]:
    """Count right and wrong messages of each book, by the client's own check, to its end."""
    right, wrong = Counter[str](), Counter[str]()
    ended, enough = set[str](), asyncio.Event()

    class Books(kraken.SpotOrderBookClient):  # type: ignore[misc,name-defined]
        async def on_book_update(self, pair: str, message: dict[str, Any]) -> None:
            right[pair] += message.get("type") == "update" and self.get(pair)["valid"]
            wrong[pair] += not self.get(pair)["valid"]
            if message["data"][0]["checksum"] == ends[pair]:
                ended.add(pair)
            if wrong.total() or ended == set(SYMBOLS):
                enough.set()

    books = Books(depth=depth)
    await books.start()
    await books.add_book(pairs=list(SYMBOLS))
    await enough.wait()
    await books.close()
    return right, wrong


async def apart(client: Callable[[], Any]) -> Any:
    """Run a client in a thread and a loop of its own: its REST library blocks."""
    return await asyncio.to_thread(lambda: asyncio.run(asyncio.wait_for(client(), PATIENCE_S)))


@pytest.mark.parametrize("depth", [10, 25])
async def test_it_keeps_books_whose_every_checksum_is_right(
    serve: Serve, recorded: Recording, monkeypatch: pytest.MonkeyPatch, depth: int
) -> None:
    end = recorded.span()[1]
    ends = {symbol: recorded.at(end, symbol, channel="book").checksum for symbol in SYMBOLS}
    async with serve() as server:
        point_at(server, monkeypatch)
        right, wrong = await apart(lambda: keep_books(depth, ends))
    assert wrong.total() == 0
    assert min(right[symbol] for symbol in SYMBOLS) > 50
