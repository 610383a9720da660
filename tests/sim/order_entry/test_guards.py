"""The guards between a client and the engine: rates, caps, modes, keys, the dead-man's switch."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from kracked.gateway.auth import Permission
from kracked.protocol.limits import INTERMEDIATE, PRO, STARTER, Tier
from kracked.sim.order_entry.client_accounts import AccountOptions
from tests.sim.empty_exchange import BTC, NOW, EmptyExchange

ORDER = {"ordertype": "limit", "type": "buy", "pair": "XBTUSD", "volume": "0.001"}


def count(exchange: EmptyExchange) -> Decimal:
    return exchange.account.counts.count(BTC, exchange.now).quantize(Decimal("0.01"))


# --- the engine's counter -----------------------------------------------------------------


def test_an_order_s_life_costs_what_the_documentation_says() -> None:
    exchange = EmptyExchange(terms=AccountOptions(tier=PRO))
    txid = exchange.add("buy", "0.001", "20000")
    assert count(exchange) == 1
    exchange.rest("CancelOrder", txid=txid)
    assert count(exchange) == 9


def test_the_counter_falls_with_time() -> None:
    exchange = EmptyExchange(terms=AccountOptions(tier=INTERMEDIATE))
    for _ in range(50):
        exchange.add("buy", "0.001", "20000")
    exchange.wait(10)
    assert count(exchange) == Decimal("26.60")


def test_a_refused_order_still_costs_its_fixed_part(exchange: EmptyExchange) -> None:
    exchange.refused("AddOrder", **ORDER, price="1e5")
    assert count(exchange) == 1


def test_adding_is_refused_over_the_threshold_and_cancelling_is_not() -> None:
    exchange = EmptyExchange(terms=AccountOptions(tier=STARTER))
    # Seven pairs of adding and cancelling at once cost 63, and a Starter has 60.
    for _ in range(7):
        txid = exchange.add("buy", "0.001", "20000")
        exchange.rest("CancelOrder", txid=txid)
    assert count(exchange) == 63
    assert exchange.refused("AddOrder", **ORDER, price="20000") == "EOrder:Rate limit exceeded"
    assert count(exchange) == 63
    exchange.wait(4)
    exchange.add("buy", "0.001", "20000")


def test_a_batch_costs_half_an_order_each(exchange: EmptyExchange) -> None:
    orders = [{**ORDER, "price": "20000"} for _ in range(3)]
    exchange.rest("AddOrderBatch", pair="XBTUSD", orders=orders)
    assert count(exchange) == Decimal("1.50")


@pytest.mark.parametrize("tier", [STARTER, INTERMEDIATE, PRO])
def test_a_pair_takes_so_many_open_orders(tier: Tier) -> None:
    exchange = EmptyExchange(terms=AccountOptions(tier=tier))
    for _ in range(tier.open_orders):
        exchange.wait(1)
        exchange.add("buy", "0.001", "20000")
    exchange.wait(1)
    assert exchange.refused("AddOrder", **ORDER, price="20000") == "EOrder:Orders limit exceeded"


@pytest.mark.parametrize(("tier", "most"), [(STARTER, 60), (INTERMEDIATE, 125), (PRO, 180)])
def test_the_acknowledgement_tells_the_threshold(tier: Tier, most: int) -> None:
    from kracked.protocol.requests import Subscribe

    exchange = EmptyExchange(terms=AccountOptions(tier=tier))
    request = Subscribe(channel="executions", token="")
    assert exchange.subscriptions.terms("main", request)["maxratecount"] == most


# --- the keys' counter --------------------------------------------------------------------


def test_a_key_may_make_so_many_calls_and_then_waits() -> None:
    exchange = EmptyExchange(terms=AccountOptions(tier=STARTER))
    for _ in range(15):
        exchange.rest("Balance")
    assert exchange.refused("Balance") == "EAPI:Rate limit exceeded"
    exchange.wait(4)
    exchange.rest("Balance")


def test_placing_and_cancelling_are_not_counted_as_calls() -> None:
    exchange = EmptyExchange(terms=AccountOptions(tier=STARTER))
    for _ in range(30):
        exchange.wait(2)
        exchange.add("buy", "0.001", "20000")
    assert exchange.rest("Balance")


# --- permissions --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held", "method", "params"),
    [
        (Permission.QUERY_FUNDS, "AddOrder", {**ORDER, "price": "20000"}),
        (Permission.CANCEL_ORDERS, "AddOrder", {**ORDER, "price": "20000"}),
        (Permission.MODIFY_ORDERS, "AddOrderBatch", {}),
        (Permission.QUERY_FUNDS, "CancelAll", {}),
        (Permission.QUERY_FUNDS, "OpenOrders", {}),
        (Permission.QUERY_ORDERS, "ClosedOrders", {}),
        (Permission.QUERY_ORDERS, "Balance", {}),
        (Permission.QUERY_CLOSED, "Ledgers", {}),
        (Permission.QUERY_CLOSED, "QueryLedgers", {}),
        (Permission.QUERY_FUNDS, "GetWebSocketsToken", {}),
    ],
)
def test_a_key_may_do_what_it_is_allowed_and_no_more(
    held: Permission, method: str, params: dict[str, Any]
) -> None:
    exchange = EmptyExchange(permissions=frozenset((held,)))
    assert exchange.refused(method, **params) == "EGeneral:Permission denied"


def test_a_key_that_may_only_cancel_cancels(exchange: EmptyExchange) -> None:
    txid = exchange.add("buy", "0.001", "20000")
    exchange.key.permissions = frozenset((Permission.CANCEL_ORDERS,))
    assert exchange.rest("CancelOrder", txid=txid) == {"count": 1}


def test_any_key_may_look_at_itself() -> None:
    exchange = EmptyExchange(permissions=frozenset((Permission.QUERY_FUNDS, Permission.WEBSOCKETS)))
    info = exchange.rest("GetApiKeyInfo")
    assert info["permissions"] == ["create-ws-token", "query-funds"]
    assert (info["nonce"], info["nonce_window"]) == ("1", "0")


def test_a_token_may_do_what_its_key_may() -> None:
    exchange = EmptyExchange(permissions=frozenset((Permission.WEBSOCKETS,)))
    assert exchange.socket("cancel_all") == ["EGeneral:Permission denied"]


# --- modes --------------------------------------------------------------------------------

MODES = {
    "cancel_only": (),
    "post_only": ("post",),
    "limit_only": ("post", "limit"),
    "online": ("post", "limit", "market"),
}
KINDS = {
    "post": {"price": "20000", "oflags": "post"},
    "limit": {"price": "20000"},
    "market": {"ordertype": "market"},
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_mode_takes_its_orders_alone(exchange: EmptyExchange, mode: str, kind: str) -> None:
    exchange.agent("sell", "1", "63000")
    exchange.system = mode
    asked = {**ORDER, **KINDS[kind]}
    if kind in MODES[mode]:
        assert exchange.rest("AddOrder", **asked)["txid"]
    else:
        assert exchange.refused("AddOrder", **asked) == f"EService:Market in {mode} mode"


def test_cancelling_is_possible_while_nothing_else_is(exchange: EmptyExchange) -> None:
    txid = exchange.add("buy", "0.001", "20000")
    exchange.system = "cancel_only"
    assert exchange.rest("CancelOrder", txid=txid) == {"count": 1}


def test_nothing_is_possible_during_maintenance(exchange: EmptyExchange) -> None:
    txid = exchange.add("buy", "0.001", "20000")
    exchange.system = "maintenance"
    assert exchange.refused("AddOrder", **ORDER, price="20000") == "EService:Unavailable"
    assert exchange.refused("CancelOrder", txid=txid) == "EService:Unavailable"


# --- the dead man's switch ----------------------------------------------------------------


def test_the_switch_cancels_everything_when_nobody_renews_it(exchange: EmptyExchange) -> None:
    exchange.add("buy", "0.001", "20000")
    exchange.add("buy", "0.001", "64000", ordertype="stop-loss")
    exchange.rest("CancelAllOrdersAfter", timeout=60)
    exchange.wait(59)
    assert len(exchange.account.orders.open()) == 2
    exchange.wait(2)
    assert exchange.account.orders.open() == []


def test_the_switch_is_renewed_by_every_call_and_disarmed_by_nought(
    exchange: EmptyExchange,
) -> None:
    exchange.add("buy", "0.001", "20000")
    exchange.rest("CancelAllOrdersAfter", timeout=60)
    exchange.wait(50)
    exchange.rest("CancelAllOrdersAfter", timeout=60)
    exchange.wait(50)
    assert len(exchange.account.orders.open()) == 1
    exchange.rest("CancelAllOrdersAfter", timeout=0)
    exchange.wait(100)
    assert len(exchange.account.orders.open()) == 1


def test_the_switch_fires_once(exchange: EmptyExchange) -> None:
    exchange.rest("CancelAllOrdersAfter", timeout=5)
    exchange.wait(10)
    exchange.add("buy", "0.001", "20000")
    exchange.wait(1000)
    assert len(exchange.account.orders.open()) == 1


def test_the_switch_answers_in_whole_seconds(exchange: EmptyExchange) -> None:
    exchange.now = NOW + 628_627_900
    reply = exchange.rest("CancelAllOrdersAfter", timeout=100)
    assert reply == {"currentTime": "2026-09-21T14:13:21Z", "triggerTime": "2026-09-21T14:15:01Z"}
    assert exchange.rest("CancelAllOrdersAfter", timeout=0)["triggerTime"] == "0"
    assert exchange.refused("CancelAllOrdersAfter", timeout=86_400).endswith(":timeout")
