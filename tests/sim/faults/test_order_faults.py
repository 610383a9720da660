"""Faults of orders: how they are written, when they strike, and what the client gets instead."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from kracked.protocol.signing import sign
from kracked.sim.faults.grammar import BadFaults
from kracked.sim.faults.order_faults import (
    OrderFault,
    OrderFaultRule,
    OrderFaults,
    read,
)
from kracked.sim.server import SimOptions, SimServer
from kracked.times import NS_PER_S
from tests.patience import PATIENCE_S

ORDER = {"ordertype": "limit", "type": "buy", "pair": "XBTUSD", "volume": "0.01", "price": "20000"}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("reply-lost:0.1", OrderFaultRule(kind=OrderFault.REPLY_LOST, chance=0.1)),
        (
            "reply-late=500ms:1:AddOrder",
            OrderFaultRule(kind=OrderFault.REPLY_LATE, method="AddOrder", by_ns=NS_PER_S // 2),
        ),
        ("rest-lag=10s:1", OrderFaultRule(kind=OrderFault.REST_LAG, by_ns=10 * NS_PER_S)),
    ],
)
def test_a_specification_is_read(text: str, rule: OrderFaultRule) -> None:
    assert read(text) == (rule,)


@pytest.mark.parametrize(
    "text", ["reply-lost", "lost:0.1", "reply-lost:2", "reply-late=soon:1", "nonce:1:Nothing"]
)
def test_a_specification_that_cannot_be_read_is_answered_with_the_kinds(text: str) -> None:
    with pytest.raises(BadFaults, match="reply-lost"):
        read(text)


def test_an_expected_fault_strikes_the_next_request_that_fits_and_no_other() -> None:
    faults = OrderFaults()
    faults.expect(OrderFault.REPLY_LOST, "AddOrder")
    assert faults.draw("CancelOrder") is None
    assert faults.draw("AddOrder") == OrderFaultRule(kind=OrderFault.REPLY_LOST, method="AddOrder")
    assert faults.draw("AddOrder") is None
    assert faults.injected == [(OrderFault.REPLY_LOST, "AddOrder")]


def test_chance_repeats_with_its_seed() -> None:
    injected = []
    for _ in range(2):
        faults = OrderFaults(read("reply-lost:0.3,502-before:0.2"), seed=7)
        injected.append([faults.draw("AddOrder") for _ in range(200)])
    assert injected[0] == injected[1]
    assert 60 < sum(rule is not None for rule in injected[0]) < 140


def test_no_fault_but_the_lag_strikes_queries() -> None:
    faults = OrderFaults(read("reply-lost:1,rest-lag:1"))
    assert faults.draw("OpenOrders") == OrderFaultRule(kind=OrderFault.REST_LAG)
    assert faults.draw("Balance") is None


# --- over real sockets --------------------------------------------------------------------


@pytest.fixture
async def server() -> AsyncIterator[SimServer]:
    async with SimServer(SimOptions(seed=4, symbols=["BTC/USD"], rate=0.001)) as running:
        yield running


class Caller:
    """Signs and sends by hand, and shows exactly what comes back."""

    def __init__(self, server: SimServer, http: aiohttp.ClientSession) -> None:
        self._server, self._http, self._nonce = server, http, 0

    async def __call__(self, method: str, **params: Any) -> tuple[int, str]:
        self._nonce += 1
        path = f"/0/private/{method}"
        body = json.dumps({"nonce": str(self._nonce), **params}).encode()
        secret = base64.b64decode(self._server.api_secret)
        headers = {
            "API-Key": self._server.api_key,
            "API-Sign": sign(path, str(self._nonce), body, secret),
            "Content-Type": "application/json",
        }
        url = self._server.endpoints.rest + path
        async with self._http.post(url, data=body, headers=headers) as response:
            return response.status, await response.text()

    @property
    def placed(self) -> int:
        """The number of orders that the exchange accepted."""
        return len(self._server.exchange.brokerage.accounts["main"].orders.open())


@pytest.fixture
async def call(server: SimServer) -> AsyncIterator[Caller]:
    async with aiohttp.ClientSession() as http:
        yield Caller(server, http)


@pytest.mark.parametrize(
    ("fault", "placed"), [(OrderFault.REPLY_LOST, 1), (OrderFault.REQUEST_LOST, 0)]
)
async def test_a_connection_may_end_after_or_before_the_exchange_acts(
    server: SimServer, call: Caller, fault: OrderFault, placed: int
) -> None:
    server.exchange.order_faults.expect(fault)
    with pytest.raises(aiohttp.ClientConnectionError):
        await call("AddOrder", **ORDER)
    assert call.placed == placed


@pytest.mark.parametrize(
    ("fault", "placed"), [(OrderFault.GATEWAY_AFTER, 1), (OrderFault.GATEWAY_BEFORE, 0)]
)
async def test_a_gateway_answers_with_a_page_whether_or_not_the_exchange_has_acted(
    server: SimServer, call: Caller, fault: OrderFault, placed: int
) -> None:
    server.exchange.order_faults.expect(fault)
    status, text = await call("AddOrder", **ORDER)
    assert status == 502
    assert text.startswith("<html>")
    assert call.placed == placed


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (OrderFault.NONCE, "EAPI:Invalid nonce"),
        (OrderFault.UNAVAILABLE, "EService:Unavailable"),
        (OrderFault.DOMAIN_RATE, "EOrder:Domain rate limit exceeded"),
        (OrderFault.THROTTLED, "EService: Throttled: "),
    ],
)
async def test_a_refusal_comes_before_anything_is_done(
    server: SimServer, call: Caller, fault: OrderFault, error: str
) -> None:
    server.exchange.order_faults.expect(fault)
    status, text = await call("AddOrder", **ORDER)
    assert status == 200
    assert json.loads(text)["error"][0].startswith(error)
    assert call.placed == 0


async def test_a_second_delivery_is_refused_for_its_nonce_and_the_first_has_placed_the_order(
    server: SimServer, call: Caller
) -> None:
    server.exchange.order_faults.expect(OrderFault.TWICE)
    _, text = await call("AddOrder", **ORDER)
    assert json.loads(text)["error"] == ["EAPI:Invalid nonce"]
    assert call.placed == 1


async def test_a_reply_may_be_cut_after_the_exchange_has_acted(
    server: SimServer, call: Caller
) -> None:
    server.exchange.order_faults.expect(OrderFault.REPLY_CUT)
    status, text = await call("AddOrder", **ORDER)
    assert (status, text.startswith('{"error":[]'), text.endswith("}")) == (200, True, False)
    assert call.placed == 1


async def test_a_late_reply_comes_after_the_order_is_live(server: SimServer, call: Caller) -> None:
    server.exchange.order_faults.expect(OrderFault.REPLY_LATE, by_ns=NS_PER_S // 20)
    waiting = asyncio.create_task(call("AddOrder", **ORDER))
    async with asyncio.timeout(PATIENCE_S):
        _, text = await waiting
    assert json.loads(text)["result"]["txid"]
    assert call.placed == 1


async def test_the_rest_view_may_lag(server: SimServer, call: Caller) -> None:
    await call("AddOrder", **ORDER)
    server.exchange.order_faults.expect(OrderFault.REST_LAG, by_ns=10 * NS_PER_S)
    _, lagging = await call("OpenOrders")
    _, fresh = await call("OpenOrders")
    assert json.loads(lagging)["result"]["open"] == {}
    assert len(json.loads(fresh)["result"]["open"]) == 1
