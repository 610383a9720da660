"""A paper account on a recording: a backtest with the client's own code."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

import kracked
from kracked.credentials import Credentials
from kracked.endpoints import Endpoints
from kracked.gateway.auth import ApiKey, ApiKeys, Call, new_key
from kracked.paper_exchange.exchange import PaperExchange
from kracked.paper_exchange.opening import PaperTerms
from kracked.protocol.events import Side
from kracked.protocol.order_terms import OrderType
from kracked.protocol.signing import sign
from kracked.record.read.recording import Recording
from kracked.record.replay import Player
from kracked.replay_server.exchange import RecordedExchange
from kracked.replay_server.server import PlaybackServer
from kracked.rest.orders import AddOrder, OrderRef
from tests.patience import until
from tests.replay_server.conftest import Serve

BTC = "BTC/USD"
RICH = PaperTerms(balances={"USD": "1000000", "BTC": "5"})


class Backtest:
    """A recording and a paper account, message by message, without sockets."""

    def __init__(self, recording: Recording, latency_ns: int = 0) -> None:
        key, secret = new_key()
        self.key = ApiKey(key, secret)
        keys = ApiKeys()
        keys.add(self.key)
        self.player = Player(recording)
        self.exchange = RecordedExchange(self.player, keys)
        terms = PaperTerms(balances=RICH.balances, latency_ns=latency_ns)
        self.paper: PaperExchange = self.exchange.trade(terms)
        self.replies: list[Any] = []
        self._nonce = 0

    def play(self, seconds: float) -> None:
        """Play so much of the recording."""
        end = self.player.position + int(seconds * 1e9)
        while self.player.position < end and (moment := self.player.step()):
            self.exchange.publish(moment)

    def begin(self) -> None:
        """Play until the books are there and two hundred messages more."""
        left = 200
        while left and (moment := self.player.step()):
            self.exchange.publish(moment)
            left -= self.paper.system == "online" and BTC in self.player.keeper.l2

    def call(self, method: str, **params: object) -> Any:
        """Call a private method; return its reply, None while there is none."""
        self._nonce += 1
        path, nonce = f"/0/private/{method}", str(self._nonce)
        body = json.dumps({"nonce": nonce, **params}).encode()
        headers = {
            "API-Key": self.key.key,
            "API-Sign": sign(path, nonce, body, self.key.secret),
            "Content-Type": "application/json",
        }
        before = len(self.replies)
        call = Call(path, headers, body)
        self.paper.call("POST", call, self.paper.time, lambda b: self.replies.append(json.loads(b)))
        return self.replies[-1] if len(self.replies) > before else None

    def touch(self, side: str) -> str:
        """Return the best price of a side, as text."""
        book = self.player.keeper.l2[BTC]
        best = (book.bids if side == "buy" else book.asks).best
        assert best is not None
        return book.precision.price_text(best.price)

    def order(self, side: str, volume: str, kind: str = "limit", **terms: object) -> str:
        """Place an order, a limit order at the touch by default; return its id."""
        asked = {"pair": BTC, "type": side, "ordertype": kind, "volume": volume}
        if kind == "limit":
            asked["price"] = self.touch(side)
        reply = self.call("AddOrder", **asked, **terms)
        assert reply["error"] == []
        return str(reply["result"]["txid"][0])


def script(recording: Recording) -> dict[str, Any]:
    """Trade a little; return every fill."""
    test = Backtest(recording)
    test.begin()
    test.order("buy", "0.3", "market")
    for _ in range(4):
        test.order("buy", "0.0005")
        test.order("sell", "0.0005")
        test.play(0.4)
    test.play(5)
    return test.call("TradesHistory")["result"]["trades"]


def test_the_same_requests_at_the_same_instants_give_the_same_fills(recorded: Recording) -> None:
    first, again = script(recorded), script(recorded)
    assert first == again
    assert {fill["maker"] for fill in first.values()} == {True, False}


def test_the_account_s_time_is_the_recording_s(recorded: Recording) -> None:
    test = Backtest(recorded)
    test.begin()
    test.order("buy", "0.1", "market")
    fills = test.call("TradesHistory")["result"]["trades"].values()
    start, end = recorded.span()
    assert all(start <= fill["time"] * 1e9 <= end for fill in fills)


def test_latency_passes_in_recorded_time(recorded: Recording) -> None:
    test = Backtest(recorded, latency_ns=200_000_000)
    test.begin()
    assert test.call("AddOrder", pair=BTC, type="buy", ordertype="market", volume="0.1") is None
    test.play(0.1)
    assert test.replies == []
    test.play(0.2)
    assert test.replies[0]["error"] == []


def test_before_the_first_book_orders_are_refused(recorded: Recording) -> None:
    test = Backtest(recorded)
    reply = test.call("AddOrder", pair=BTC, type="buy", ordertype="market", volume="0.1")
    assert reply["error"] != []


def test_after_missing_messages_what_rests_is_unknown(recorded: Recording) -> None:
    test = Backtest(recorded)
    test.begin()
    order = test.order("buy", "0.01")
    for _ in range(20):
        test.player.step()
    test.play(0.2)
    shown = test.call("OpenOrders")["result"]["open"][order]
    assert "unknown" in shown["reason"]


@pytest.fixture
def key() -> Any:
    def made(server: PlaybackServer) -> Credentials:
        return Credentials(server.api_key, server.api_secret)

    return made


async def test_a_client_buys_rests_and_cancels_on_a_recording(serve: Serve, key: Any) -> None:
    async with asyncio.timeout(60), serve(speed=1.0, trade=RICH) as server:
        endpoints = Endpoints.at(server.endpoints.rest)
        async with (
            kracked.FeedManager(
                [BTC], book=10, account=True, credentials=key(server), endpoints=endpoints
            ) as feed,
            kracked.RestClient(key(server), endpoints) as rest,
        ):
            await feed.ready()
            await until(lambda: BTC in feed.l2 and feed.l2[BTC].verified)
            await until(lambda: server.paper is not None and server.paper.system == "online")
            bought = AddOrder(order_type=OrderType.MARKET, side=Side.BID, volume=Decimal("0.3"))
            await rest.add_order(bought, BTC)
            await until(lambda: feed.account.balances["BTC"] == Decimal("5.3"))
            far = AddOrder(
                order_type=OrderType.LIMIT,
                side=Side.BID,
                volume=Decimal("0.01"),
                price=Decimal(20000),
            )
            (placed,) = (await rest.add_order(far, BTC)).txid
            await rest.cancel_order(OrderRef(txid=placed))
            await until(lambda: placed in feed.account.closed)
            assert feed.l2[BTC].stats.mismatched == 0


async def test_at_full_speed_the_recording_waits_for_a_slow_client(serve: Serve) -> None:
    read = 0
    subscribe = {"method": "subscribe", "params": {"channel": "book", "symbol": [BTC]}}
    async with (
        asyncio.timeout(60),
        serve(trade=RICH) as server,
        aiohttp.ClientSession() as client,
        client.ws_connect(server.endpoints.public) as socket,
    ):
        await socket.send_json(subscribe)
        while not server.over.is_set():
            message = json.loads((await socket.receive()).data)
            read += message.get("channel") == "book"
            await asyncio.sleep(0.001)  # it thinks
    assert read > 50  # unpaced it is five or so: the rest is played meanwhile
