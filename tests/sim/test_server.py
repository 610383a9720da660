"""The simulator on real sockets: addresses, timing, slow clients, a clean end."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from kracked.book.keeper import BookKeeper
from kracked.errors import TooPrecise
from kracked.gateway.auth import ApiKey
from kracked.gateway.channels import Socket
from kracked.protocol.events import Resync
from kracked.protocol.requests import Subscribe, encode
from kracked.protocol.signing import sign
from kracked.sim.listings import NotListed
from kracked.sim.server import SimOptions, SimServer
from tests.patience import PATIENCE_S

OPTIONS = SimOptions(seed=3, symbols=["BTC/USD", "BONK/USD"], rate=3)


@pytest.fixture
async def server() -> AsyncIterator[SimServer]:
    async with SimServer(OPTIONS) as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def hear(ws: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    return json.loads(await ws.receive_str(timeout=PATIENCE_S))


async def result(response: aiohttp.ClientResponse) -> Any:
    assert response.status == 200
    answer = await response.json()
    assert answer["error"] == []
    return answer["result"]


@pytest.mark.parametrize("name", ["public", "level3", "private", "all"])
async def test_every_address_greets_with_the_status(
    server: SimServer, http: aiohttp.ClientSession, name: str
) -> None:
    async with http.ws_connect(getattr(server.endpoints, name)) as ws:
        assert (await hear(ws))["channel"] == "status"


async def test_everything_is_served_on_one_port(server: SimServer) -> None:
    addresses = (server.endpoints.rest, server.endpoints.public, server.endpoints.all)
    assert len({address.split("/")[2] for address in addresses}) == 1


async def test_it_listens_on_this_machine_only(server: SimServer) -> None:
    assert server.endpoints.rest.startswith("http://127.0.0.1:")


async def test_a_verified_book_on_a_real_socket(
    server: SimServer, http: aiohttp.ClientSession
) -> None:
    keeper = BookKeeper()
    async with http.ws_connect(server.endpoints.public, max_msg_size=0) as ws:
        await ws.send_bytes(encode(Subscribe(channel="instrument"), 1))
        await ws.send_bytes(encode(Subscribe(channel="book", symbol=("BTC/USD",), depth=100), 2))
        while not (tally := keeper.stats.get(("BTC/USD", "book"))) or tally.verified < 100:
            happened = keeper.receive((await ws.receive_str(timeout=PATIENCE_S)).encode())
            assert not [event for event in happened if isinstance(event, Resync)]
    assert tally.mismatched == 0


async def test_replies_carry_the_time_of_day(
    server: SimServer, http: aiohttp.ClientSession
) -> None:
    before = int(time.time())
    answer = await result(await http.get(f"{server.endpoints.rest}/0/public/Time"))
    assert before <= answer["unixtime"] <= time.time()


async def test_a_token_bought_with_a_signature_opens_level3(
    server: SimServer, http: aiohttp.ClientSession
) -> None:
    path, body = "/0/private/GetWebSocketsToken", b"nonce=1"
    secret = ApiKey(server.api_key, server.api_secret).secret
    headers = {
        "API-Key": server.api_key,
        "API-Sign": sign(path, "1", body, secret),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    response = await http.post(server.endpoints.rest + path, data=body, headers=headers)
    token = (await result(response))["token"]
    async with http.ws_connect(server.endpoints.level3, max_msg_size=0) as ws:
        await ws.send_bytes(
            encode(Subscribe(channel="level3", symbol=("BTC/USD",), token=token), 1)
        )
        await hear(ws)
        assert (await hear(ws))["success"]
        assert (await hear(ws))["type"] == "snapshot"


async def test_an_unknown_path_is_an_unknown_method(
    server: SimServer, http: aiohttp.ClientSession
) -> None:
    response = await http.get(f"{server.endpoints.rest}/0/public/Nothing")
    assert (response.status, await response.json()) == (200, {"error": ["EGeneral:Unknown method"]})


async def test_a_client_that_leaves_in_the_handshake_is_no_error(
    http: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def leaves(server: SimServer, role: Socket, transport: asyncio.Transport | None) -> bool:
        assert transport is not None
        transport.abort()
        return True

    with caplog.at_level(logging.ERROR):
        async with SimServer(OPTIONS) as server:
            monkeypatch.setattr(SimServer, "admits", leaves)
            with pytest.raises(aiohttp.ClientConnectionError):
                await http.ws_connect(server.endpoints.public)
    assert caplog.records == []


async def test_a_client_that_stops_reading_is_hung_up_on_and_stops_nobody(
    http: aiohttp.ClientSession,
) -> None:
    options = SimOptions(seed=3, symbols=["BTC/USD"], backlog_bytes=200_000)
    async with SimServer(options) as server:
        sleeper = await Sleeper.join(server)
        async with http.ws_connect(server.endpoints.public, max_msg_size=0) as ws:
            await ws.send_bytes(encode(Subscribe(channel="book", symbol=("BTC/USD",)), 1))
            sleeper.ask_for_more_than_it_can_hold()
            while len(server.exchange.sessions) == 2:
                await hear(ws)
            assert (await hear(ws))["channel"] in ("book", "heartbeat", "status")
        sleeper.leave()


class Sleeper:
    """A client that writes and never reads."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writer = writer

    @classmethod
    async def join(cls, server: SimServer) -> Sleeper:
        host, port = server.endpoints.rest.removeprefix("http://").split(":")
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.connect((host, int(port)))
        plain.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=plain)
        writer.write(
            b"GET /public/v2 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.pause_reading()
        return cls(writer)

    def ask_for_more_than_it_can_hold(self) -> None:
        for _ in range(200):
            depth = b'{"method":"%s","params":{"channel":"book","symbol":["BTC/USD"],"depth":1000}}'
            for method in (b"subscribe", b"unsubscribe"):
                text = depth % method
                frame = bytes([0x81, 0x80 | len(text)]) + b"\0\0\0\0" + text
                self.writer.write(frame)

    def leave(self) -> None:
        self.writer.transport.abort()


async def test_closing_tells_the_clients_and_leaves_no_task_behind(
    http: aiohttp.ClientSession,
) -> None:
    before = asyncio.all_tasks()
    async with SimServer(OPTIONS) as server:
        ws = await http.ws_connect(server.endpoints.public)
        await ws.send_bytes(encode(Subscribe(channel="trade", symbol=("BTC/USD",)), 1))
        reading = asyncio.ensure_future(_until_closed(ws))
    assert await reading == (1001, "the exchange closes")
    assert asyncio.all_tasks() == before


async def _until_closed(ws: aiohttp.ClientWebSocketResponse) -> tuple[int | None, str]:
    while (message := await ws.receive(timeout=PATIENCE_S)).type is aiohttp.WSMsgType.TEXT:
        pass
    return ws.close_code, str(message.extra)


async def test_a_symbol_that_is_not_listed_is_named() -> None:
    with pytest.raises(NotListed, match="BTC/USD"):
        SimServer(SimOptions(symbols=["BTC/USDX"]))


async def test_a_taken_port_is_an_error_and_nothing_stays_open(server: SimServer) -> None:
    port = int(server.endpoints.rest.rsplit(":", 1)[1])
    with pytest.raises(OSError, match="address already in use"):
        async with SimServer(SimOptions(symbols=["BONK/USD"], port=port)):
            pass


async def test_a_fault_of_the_market_ends_the_server(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    server = SimServer(SimOptions(symbols=["BONK/USD"]))
    monkeypatch.setattr(server.exchange, "advance", lambda _now: 1 // 0)
    with pytest.raises(ExceptionGroup) as caught:
        async with server:
            await asyncio.Event().wait()
    assert caught.group_contains(ZeroDivisionError)


def test_an_account_begins_with_the_balances_it_is_given() -> None:
    server = SimServer(SimOptions(seed=1, balances={"USD": "12.5"}, volume="100000"))
    account = server.exchange.brokerage.accounts["main"]
    assert account.ledger.available("USD") == 12_5000 * 10 ** (
        server.exchange.brokerage.accounts.scales["USD"] - 4
    )
    assert account.ledger.available("BTC") == 0
    assert account.rates(server.exchange.time).taker == 22


@pytest.mark.parametrize("balances", [{"XBT": "1"}, {"BTC": "0.12345678901"}])
def test_a_balance_nobody_can_have_is_refused_at_once(balances: dict[str, str]) -> None:
    with pytest.raises((NotListed, TooPrecise)):
        SimServer(SimOptions(seed=1, balances=balances))
