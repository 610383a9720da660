"""Trading over a session: tokens, private channels, and what the public sees of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from kracked.gateway.auth import TOKEN_LIFETIME_S, ApiKey, ApiKeys, Permission, new_key
from kracked.gateway.channels import Socket
from kracked.sim import listings
from kracked.sim.agents.market import SimulatedMarket
from kracked.sim.exchange import Exchange
from kracked.sim.faults.order_faults import OrderFault
from kracked.times import NS_PER_S

NOW = 1_790_000_000_000_000_000
SYMBOL = "BTC/USD"
ORDER = {
    "order_type": "limit",
    "side": "buy",
    "symbol": SYMBOL,
    "order_qty": 0.01,
    "limit_price": 20000,
}


class Client:
    """A client without a socket: what it receives is a list."""

    def __init__(self, exchange: Exchange, socket: Socket) -> None:
        self.raw: list[bytes] = []
        self.exchange = exchange
        self.session = exchange.connect(socket, self.raw.append, exchange.time)
        self.take()

    def take(self) -> list[dict[str, Any]]:
        messages = [json.loads(raw, parse_float=Decimal) for raw in self.raw]
        self.raw.clear()
        return messages

    def ask(self, method: str, **params: Any) -> list[dict[str, Any]]:
        body = {"method": method, "params": params, "req_id": 7}
        self.session.receive(json.dumps(body), self.exchange.time)
        return self.take()

    def answer(self, method: str, **params: Any) -> dict[str, Any]:
        """Return the one answer, without the account's reports."""
        (answer,) = [one for one in self.ask(method, **params) if "method" in one]
        return answer


@pytest.fixture(scope="module")
def market() -> SimulatedMarket:
    # Agents hardly move, so that the books stand still.
    return SimulatedMarket(listings.listings([SYMBOL]), seed=11, rate=0.001).opened(NOW)


@pytest.fixture
def key() -> ApiKey:
    return ApiKey(*new_key())


@pytest.fixture
def exchange(market: SimulatedMarket, key: ApiKey) -> Iterator[Exchange]:
    accounts = ApiKeys()
    accounts.add(key)
    exchange = Exchange(market, accounts, NOW)
    yield exchange
    account = exchange.brokerage.accounts["main"]
    exchange.brokerage.cancel(account, account.orders.open(), NOW)


@pytest.fixture
def token(exchange: Exchange, key: ApiKey) -> str:
    return exchange.keys.issue(key, NOW)


Join = Callable[[Socket], Client]


@pytest.fixture
def join(exchange: Exchange) -> Join:
    return lambda socket: Client(exchange, socket)


def test_an_order_is_granted_and_reported(join: Join, token: str) -> None:
    client = join(Socket.PRIVATE)
    acknowledged, snapshot = client.ask("subscribe", channel="executions", token=token)
    assert acknowledged["result"]["maxratecount"] == 180
    assert snapshot["data"] == []
    received = client.ask("add_order", **ORDER, cl_ord_id="mine", token=token)
    rows = [row for one in received if "channel" in one for row in one["data"]]
    (answer,) = [one for one in received if "method" in one]
    assert [row["exec_type"] for row in rows] == ["pending_new", "new"]
    assert answer["success"]
    assert answer["result"] == {"order_id": rows[0]["order_id"], "cl_ord_id": "mine"}
    assert set(answer) == {"method", "req_id", "result", "success", "time_in", "time_out"}


def test_balances_begin_with_what_the_account_owns(join: Join, token: str) -> None:
    _, snapshot = join(Socket.PRIVATE).ask("subscribe", channel="balances", token=token)
    assert {row["asset"]: row["balance"] for row in snapshot["data"]} == {
        "USD": Decimal("100000"),
        "BTC": Decimal("2"),
    }


def test_every_connection_of_an_account_gets_its_reports(join: Join, token: str) -> None:
    listener, trader = join(Socket.PRIVATE), join(Socket.PRIVATE)
    listener.ask("subscribe", channel="executions", token=token)
    trader.ask("add_order", **ORDER, token=token)
    assert [one["data"][0]["exec_type"] for one in listener.take()] == ["pending_new", "new"]


def test_nothing_is_sent_after_unsubscribing_or_disconnecting(
    exchange: Exchange, join: Join, token: str
) -> None:
    clients = [join(Socket.PRIVATE) for _ in range(2)]
    for client in clients:
        client.ask("subscribe", channel="executions", token=token)
    clients[0].ask("unsubscribe", channel="executions", token=token)
    exchange.disconnect(clients[1].session)
    join(Socket.PRIVATE).ask("add_order", **ORDER, token=token)
    assert [client.raw for client in clients] == [[], []]


@pytest.mark.parametrize(
    ("token", "error"),
    [(None, "Token(s) not found"), ("forged", "ESession:Invalid session")],
)
def test_trading_needs_a_good_token(join: Join, token: str | None, error: str) -> None:
    params = {} if token is None else {"token": token}
    answer = join(Socket.PRIVATE).answer("add_order", **ORDER, **params)
    assert (answer["success"], answer["error"]) == (False, error)


def test_a_token_lives_on_with_the_connection_that_used_it(
    exchange: Exchange, join: Join, token: str
) -> None:
    early, late = join(Socket.PRIVATE), join(Socket.PRIVATE)
    early.ask("subscribe", channel="executions", token=token)
    exchange.time += TOKEN_LIFETIME_S * NS_PER_S
    assert early.answer("cancel_all", token=token)["success"]
    assert late.answer("cancel_all", token=token)["error"] == "ESession:Invalid session"


def test_a_token_may_do_what_its_key_may(join: Join, key: ApiKey, token: str) -> None:
    key.permissions = frozenset((Permission.WEBSOCKETS,))
    answer = join(Socket.PRIVATE).answer("add_order", **ORDER, token=token)
    assert answer["error"] == "EGeneral:Permission denied"


def test_the_public_address_takes_no_orders(join: Join, token: str) -> None:
    answer = join(Socket.PUBLIC).answer("add_order", **ORDER, token=token)
    assert answer["error"].startswith("Private data and trading are unavailable")


def test_cancelling_two_orders_is_answered_twice(join: Join, token: str) -> None:
    client = join(Socket.PRIVATE)
    ids = [client.answer("add_order", **ORDER, token=token)["result"]["order_id"] for _ in "ab"]
    answers = client.ask("cancel_order", order_id=ids, token=token)
    assert [(one["req_id"], one["result"]) for one in answers] == [
        (7, {"order_id": ids[0]}),
        (7, {"order_id": ids[1]}),
    ]


def test_the_public_sees_an_order_under_its_own_id(
    exchange: Exchange, join: Join, token: str
) -> None:
    watcher, client = join(Socket.ALL), join(Socket.PRIVATE)
    watcher.ask("subscribe", channel="level3", symbol=[SYMBOL], token=token)
    best = exchange.matcher(SYMBOL).best_bid
    assert best is not None
    price = float((best.price + 1) / 10)
    placed = client.answer("add_order", **{**ORDER, "limit_price": price}, token=token)
    (update,) = watcher.take()
    (event,) = update["data"][0]["bids"]
    assert (event["event"], event["order_id"]) == ("add", placed["result"]["order_id"])


def test_a_clients_trade_is_on_the_public_tape(exchange: Exchange, join: Join, token: str) -> None:
    watcher, client = join(Socket.PUBLIC), join(Socket.PRIVATE)
    watcher.ask("subscribe", channel="trade", symbol=[SYMBOL], snapshot=False)
    client.ask("subscribe", channel="executions", token=token)
    market = {**ORDER, "order_type": "market"}
    del market["limit_price"]
    received = client.ask("add_order", **market, token=token)
    own = [row for one in received if "channel" in one for row in one["data"] if "trade_id" in row]
    (tape,) = watcher.take()
    assert [row["trade_id"] for row in tape["data"]] == [row["trade_id"] for row in own]


def test_lost_messages_leave_a_hole_in_the_numbers(
    exchange: Exchange, join: Join, token: str
) -> None:
    client = join(Socket.PRIVATE)
    client.ask("subscribe", channel="executions", token=token)
    exchange.streams.lose("main", "executions")
    received = client.ask("add_order", **ORDER, token=token)
    assert [one["sequence"] for one in received if "channel" in one] == [3]


def test_a_lost_reply_leaves_the_order_in_the_market(
    exchange: Exchange, join: Join, token: str
) -> None:
    exchange.order_faults.expect(OrderFault.REPLY_LOST, "AddOrder")
    assert join(Socket.PRIVATE).ask("add_order", **ORDER, token=token) == []
    assert len(exchange.brokerage.accounts["main"].orders.open()) == 1


def test_a_lost_request_leaves_nothing(exchange: Exchange, join: Join, token: str) -> None:
    exchange.order_faults.expect(OrderFault.REQUEST_LOST, "AddOrder")
    assert join(Socket.PRIVATE).ask("add_order", **ORDER, token=token) == []
    assert exchange.brokerage.accounts["main"].orders.open() == []


def test_a_late_reply_comes_when_its_time_has_come(
    exchange: Exchange, join: Join, token: str
) -> None:
    exchange.order_faults.expect(OrderFault.REPLY_LATE, "AddOrder", by_ns=NS_PER_S)
    client = join(Socket.PRIVATE)
    assert client.ask("add_order", **ORDER, token=token) == []
    exchange.advance(exchange.time + NS_PER_S)
    (answer,) = client.take()
    assert answer["success"]


def test_the_dead_mans_switch_fires_with_the_markets_time(
    exchange: Exchange, join: Join, token: str
) -> None:
    client = join(Socket.PRIVATE)
    client.ask("add_order", **ORDER, token=token)
    answer = client.answer("cancel_all_orders_after", timeout=2, token=token)
    assert set(answer["result"]) == {"currentTime", "triggerTime"}
    exchange.advance(exchange.time + 3 * NS_PER_S)
    assert exchange.brokerage.accounts["main"].orders.open() == []


def test_the_older_name_of_an_option_is_known(exchange: Exchange, token: str) -> None:
    client = Client(exchange, Socket.PRIVATE)
    terms = {"channel": "executions", "token": token, "snapshot_trades": True}
    assert client.answer("subscribe", **terms)["result"]["snap_trades"] is True
