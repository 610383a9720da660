"""Connections that the server does not want, and subscriptions at which it hangs up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

import pytest
from websockets.asyncio.server import serve

from kracked.endpoints import Endpoints
from kracked.errors import RequestRejected
from kracked.feed.backoff import AFTER_REFUSAL_S
from kracked.feed.channels import NoSymbol
from kracked.feed.clock import Clock
from kracked.feed.errors import Denied
from kracked.feed_manager import FeedManager
from kracked.protocol import events
from kracked.protocol.client.subscription_stages import SubscriptionStage
from tests.exchange import Exchange
from tests.feed.feeds import feed, seen
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.usefixtures("transport")
STOPPED = 10**6


async def wait(seconds: float) -> None:
    """Take no time, but for the wait after a final refusal: that one never ends."""
    await asyncio.sleep(STOPPED if seconds >= AFTER_REFUSAL_S else 0)


CLOCK = Clock(sleep=wait)


@asynccontextmanager
async def serving(talk, admit=None) -> AsyncIterator[Endpoints]:
    async with serve(talk, "127.0.0.1", 0, process_request=admit, compression=None) as listening:
        port = listening.sockets[0].getsockname()[1]
        yield Endpoints.at(f"http://127.0.0.1:{port}")


async def first_loss(endpoints: Endpoints) -> events.Reconnecting:
    async with FeedManager(["BTC/USD"], book=10, endpoints=endpoints, clock=CLOCK) as manager:
        return (await seen(aiter(manager), events.Reconnecting))[-1]


@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_a_connection_that_is_refused_for_good_is_told_and_rests(status: int) -> None:
    def admit(connection, _request):
        return connection.respond(HTTPStatus(status), "no\n")

    async with serving(None, admit) as endpoints:
        lost = await first_loss(endpoints)
    assert f"HTTP {status}" in lost.reason
    assert "the next attempt is in 5 minutes" in lost.reason
    assert lost.delay_s >= AFTER_REFUSAL_S


@pytest.mark.parametrize("status", [429, 500, 502, 503])
async def test_a_server_that_is_busy_is_tried_again_soon(status: int) -> None:
    def admit(connection, _request):
        return connection.respond(HTTPStatus(status), "busy\n")

    async with serving(None, admit) as endpoints:
        assert (await first_loss(endpoints)).delay_s < AFTER_REFUSAL_S


@pytest.mark.parametrize(("code", "final"), [(1008, True), (1000, False), (1012, False)])
async def test_only_a_close_by_policy_is_final(code: int, final: bool) -> None:
    async def talk(socket) -> None:
        await socket.close(code, "not you")

    async with serving(talk) as endpoints:
        lost = await first_loss(endpoints)
    assert (lost.delay_s >= AFTER_REFUSAL_S) is final
    assert "not you" in lost.reason


async def test_who_waits_for_a_denied_connection_hears_why() -> None:
    async def talk(socket) -> None:
        await socket.close(1008, "not you")

    async with (
        serving(talk) as endpoints,
        FeedManager(["BTC/USD"], book=10, endpoints=endpoints, clock=CLOCK) as manager,
    ):
        with pytest.raises(Denied, match=r"takes no connection from this program: .*1008"):
            await asyncio.wait_for(manager.ready(), PATIENCE_S)


async def test_a_feed_that_is_left_says_a_normal_farewell() -> None:
    codes: list[int | None] = []

    async def talk(socket) -> None:
        exchange = Exchange()
        await socket.send(exchange.status(), text=True)
        async for request in socket:
            for frame in exchange.answer([request]):
                await socket.send(frame, text=True)
        codes.append(socket.close_code)

    async with serving(talk) as endpoints:
        async with FeedManager(["BTC/USD"], book=10, endpoints=endpoints) as manager:
            await asyncio.wait_for(manager.ready(), PATIENCE_S)
        await asyncio.sleep(0)
    assert codes == [1000]


class HangingUp:
    """A server that ends the connection whenever one symbol is requested."""

    def __init__(self, odd: str) -> None:
        self.odd = odd
        self.connections = 0

    async def talk(self, socket) -> None:
        self.connections += 1
        exchange = Exchange()
        await socket.send(exchange.status(), text=True)
        async for request in socket:
            symbols = json.loads(request).get("params", {}).get("symbol") or []
            if self.odd in symbols:
                socket.transport.abort()
                return
            for frame in exchange.answer([request]):
                await socket.send(frame, text=True)


async def test_a_subscription_at_which_the_server_hangs_up_is_set_aside_and_told(server) -> None:
    hanging = HangingUp("ETH/USD")
    async with serving(hanging.talk) as endpoints:
        server.endpoints = endpoints
        async with feed(server, "BTC/USD", "ETH/USD", "SOL/USD", book=10) as manager:
            happened = aiter(manager)
            told = (await seen(happened, events.Rejected))[-1]
            assert (told.symbol, told.channel) == ("ETH/USD", "book")
            assert told.error == "the server hung up 3 times when it was requested"
            with pytest.raises(RequestRejected, match="hung up 3 times"):
                await asyncio.wait_for(manager.ready(), PATIENCE_S)
            verified = {symbol for symbol, book in manager.l2.items() if book.verified}
            assert verified == {"BTC/USD", "SOL/USD"}
            assert hanging.connections == 4


async def test_a_subscription_that_was_set_aside_is_tried_again_when_it_is_asked_for(
    server,
) -> None:
    hanging = HangingUp("ETH/USD")
    async with serving(hanging.talk) as endpoints:
        server.endpoints = endpoints
        async with feed(server, "BTC/USD", "ETH/USD", book=10) as manager:
            await seen(aiter(manager), events.Rejected)
            hanging.odd = ""
            await asyncio.wait_for(manager.subscribe("ETH/USD", book=10), PATIENCE_S)
            assert manager.l2["ETH/USD"].verified


async def test_a_server_that_goes_down_again_and_again_sets_nothing_aside(server) -> None:
    async with feed(server, "BTC/USD", "ETH/USD", book=10, trade=True) as manager:
        happened = aiter(manager)
        for _ in range(6):
            await seen(happened, events.Connected)
            server.cut()
        await asyncio.wait_for(manager.ready(), PATIENCE_S)
        stages = {one.state for one in manager.stats().connections[0].subscriptions}
        assert stages == {SubscriptionStage.LIVE.value}


def test_an_empty_symbol_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(NoSymbol, match="a symbol is empty"):
        FeedManager([""], book=10)
