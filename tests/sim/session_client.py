"""A client without a socket, and an exchange for it: fixtures of tests/sim and tests/gateway."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal
from typing import Any

import pytest

from kracked.gateway.auth import ApiKey, ApiKeys, new_key
from kracked.gateway.channels import Socket
from kracked.sim import listings
from kracked.sim.agents.market import SimulatedMarket
from kracked.sim.exchange import Exchange
from kracked.times import NS_PER_S

NOW = 1_790_000_000_000_000_000


class Client:
    """A client without a socket: what it receives is a list."""

    def __init__(self, exchange: Exchange, socket: Socket) -> None:
        self.exchange = exchange
        self.raw: list[bytes] = []
        self.session = exchange.connect(socket, self.raw.append, exchange.time)
        self.greeting = self.take()

    def take(self) -> list[dict[str, Any]]:
        """Take out what came, and return it decoded."""
        messages = [json.loads(raw, parse_float=Decimal) for raw in self.raw]
        self.raw.clear()
        return messages

    def say(self, text: str, later_s: float = 0) -> list[dict[str, Any]]:
        self.session.receive(text, self.exchange.time + int(later_s * NS_PER_S))
        return self.take()

    def ask(
        self, method: str, *, req_id: int | None = 7, later_s: float = 0, **params: Any
    ) -> list[dict[str, Any]]:
        body = {"method": method, "params": params}
        body = body if req_id is None else {**body, "req_id": req_id}
        return self.say(json.dumps(body), later_s)

    def subscribe(self, channel: str, *symbols: str, **params: Any) -> list[dict[str, Any]]:
        if symbols:
            params["symbol"] = list(symbols)
        return self.ask("subscribe", channel=channel, **params)


@pytest.fixture(scope="module")
def exchange() -> Exchange:
    """One exchange for all: opening a market takes longer than any of these tests."""
    listed = listings.listings(["BTC/USD", "ETH/USD", "BONK/USD"])
    return Exchange(SimulatedMarket(listed, seed=11).opened(NOW), ApiKeys(), NOW)


Join = Callable[[Socket], Client]


@pytest.fixture
def join(exchange: Exchange) -> Iterator[Join]:
    """Connect clients, and disconnect them when the test is over."""
    with ExitStack() as leaving:

        def connect(socket: Socket) -> Client:
            client = Client(exchange, socket)
            leaving.callback(exchange.disconnect, client.session)
            return client

        yield connect


@pytest.fixture
def client(join: Join) -> Client:
    return join(Socket.ALL)


@pytest.fixture
def token(exchange: Exchange) -> str:
    key = ApiKey(*new_key())
    exchange.keys.add(key)
    return exchange.keys.issue(key, exchange.time)


def run(exchange: Exchange, seconds: float) -> None:
    """Let time pass in the server's small steps."""
    end = exchange.time + int(seconds * NS_PER_S)
    while exchange.time < end:
        exchange.advance(min(end, exchange.time + NS_PER_S // 100))


def errors(replies: list[dict[str, Any]]) -> list[str]:
    return [reply["error"] for reply in replies]
