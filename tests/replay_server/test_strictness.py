"""The answers of a served recording, word for word, and its REST."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest
from websockets.asyncio.client import connect

import kracked
from kracked.credentials import Credentials
from kracked.endpoints import Endpoints
from kracked.errors import RequestRejected
from kracked.replay_server.server import PlaybackServer
from tests.patience import PATIENCE_S
from tests.replay_server.conftest import SYMBOLS, Serve


async def ask(url: str, *requests: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a connection's first status, and the answers to these requests."""
    async with asyncio.timeout(PATIENCE_S), connect(url) as socket:
        received = [json.loads(await socket.recv())]
        for request in requests:
            await socket.send(json.dumps(request))
            while "method" not in (message := json.loads(await socket.recv())):
                pass
            received.append(message)
    return received


def subscribe(channel: str, **params: object) -> dict[str, Any]:
    return {"method": "subscribe", "req_id": 7, "params": {"channel": channel, **params}}


async def rest(server: PlaybackServer, path: str) -> Any:
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{server.endpoints.rest}/0/public/{path}") as response,
    ):
        return await response.json()


async def test_a_connection_begins_with_the_status(serve: Serve) -> None:
    async with serve() as server:
        (status,) = await ask(server.endpoints.public)
    assert (status["channel"], status["data"][0]["system"]) == ("status", "online")


async def test_a_ping_is_answered(serve: Serve) -> None:
    async with serve() as server:
        _, pong = await ask(server.endpoints.public, {"method": "ping", "req_id": 3})
    assert (pong["method"], pong["req_id"]) == ("pong", 3)


async def test_an_acknowledgement_states_the_terms(serve: Serve) -> None:
    async with serve() as server:
        request = subscribe("book", symbol=["BTC/USD"], depth=10)
        _, answer = await ask(server.endpoints.public, request)
    assert answer["success"]
    assert answer["result"] == {
        "channel": "book",
        "depth": 10,
        "snapshot": True,
        "symbol": "BTC/USD",
    }


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (subscribe("book", symbol=["XBT/USD"]), "Currency pair not supported XBT/USD"),
        (subscribe("book", symbol=["BTC/USD"], depth=11), "Subscription depth not supported"),
        (subscribe("book", symbol=["BTC/USD"], depth=100), "Subscription depth not supported"),
        (
            subscribe("ohlc", symbol=["BTC/USD"], interval=5),
            "Subscription ohlc interval not supported",
        ),
        (subscribe("executions"), "Private data and trading are unavailable on this endpoint."),
        (subscribe("level3", symbol=["BTC/USD"]), "Level 3 market data subscriptions are"),
        (subscribe("nothing"), "Unsupported event"),
    ],
)
async def test_it_refuses_in_the_exchange_s_words(
    serve: Serve, request_: dict[str, Any], error: str
) -> None:
    async with serve() as server:
        _, refusal = await ask(server.endpoints.public, request_)
    assert not refusal["success"]
    assert refusal["error"].startswith(error)


@pytest.mark.parametrize("request_", [subscribe("balances"), {"method": "add_order", "params": {}}])
async def test_there_is_no_account_to_ask_about(serve: Serve, request_: dict[str, Any]) -> None:
    async with serve() as server:
        _, refusal = await ask(server.endpoints.private, request_)
    assert refusal["error"] == "EGeneral:Permission denied"


async def test_level3_wants_a_token_of_the_printed_key(serve: Serve) -> None:
    request = subscribe("level3", symbol=["BTC/USD"], depth=10)
    async with serve() as server:
        endpoints = Endpoints.at(server.endpoints.rest)
        key = Credentials(server.api_key, server.api_secret)
        async with kracked.RestClient(key, endpoints) as client:
            request["params"]["token"] = await client.websockets_token()
        _, answer = await ask(server.endpoints.level3, request)
        del request["params"]["token"]
        _, refusal = await ask(server.endpoints.level3, request)
    assert answer["success"]
    assert refusal["error"] == "Token(s) not found"


async def test_rest_refuses_a_key_of_another(serve: Serve) -> None:
    async with (
        serve() as server,
        kracked.RestClient(
            Credentials("other", server.api_secret), Endpoints.at(server.endpoints.rest)
        ) as client,
    ):
        with pytest.raises(RequestRejected, match="EAPI:Invalid key"):
            await client.websockets_token()


async def test_rest_lists_what_was_recorded(serve: Serve) -> None:
    async with serve() as server:
        pairs = await rest(server, "AssetPairs")
        named = await rest(server, "AssetPairs?pair=BTC/USD")
        assets = await rest(server, "Assets")
        missing = await rest(server, "AssetPairs?pair=ABC/USD")
    assert sorted(pairs["result"]) == ["XDGUSD", "XXBTZUSD"]
    assert named["result"]["BTC/USD"]["pair_decimals"] == 1
    assert named["result"]["BTC/USD"]["wsname"] == "XBT/USD"
    assert {"XXBT", "XXDG", "ZUSD"} == set(assets["result"])
    assert missing["error"] == ["EQuery:Unknown asset pair"]


async def test_rest_tells_the_time_and_the_status(serve: Serve) -> None:
    async with serve() as server:
        async with kracked.RestClient(endpoints=Endpoints.at(server.endpoints.rest)) as client:
            assert (await client.server_time()).unixtime > 1_700_000_000
            assert await client.maintenance_schedule() == ()
        status = await rest(server, "SystemStatus")
        unknown = await rest(server, "Depth?pair=BTC/USD")
    assert status["result"]["status"] == "online"
    assert unknown["error"] == ["EGeneral:Unknown method"]


async def test_the_instruments_are_those_of_the_recording(serve: Serve) -> None:
    async with (
        serve() as server,
        asyncio.timeout(PATIENCE_S),
        connect(server.endpoints.public) as socket,
    ):
        await socket.send(json.dumps(subscribe("instrument")))
        while (message := json.loads(await socket.recv())).get("channel") != "instrument":
            pass
    assert message["type"] == "snapshot"
    assert [pair["symbol"] for pair in message["data"]["pairs"]] == list(SYMBOLS)
    assert message["data"]["pairs"][0]["margin_initial"] is not None
