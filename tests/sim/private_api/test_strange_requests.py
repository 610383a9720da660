"""Requests that no careful client sends: each is refused, and nothing is done."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kracked.gateway.auth import Call
from kracked.gateway.refusals import Refusal
from kracked.protocol.signing import sign
from tests.sim.empty_exchange import EmptyExchange

ORDER = {"order_type": "limit", "side": "buy", "order_qty": 0.001, "limit_price": 25000}
ADD = {**ORDER, "symbol": "BTC/USD"}
FORM = {"pair": "XBTUSD", "ordertype": "limit", "type": "buy", "volume": "0.001", "price": "25000"}
LONG = "9" * 5000
"""More digits than Python would read as one number."""


@pytest.mark.parametrize(
    ("method", "params", "name"),
    [
        ("add_order", {**ADD, "postonly": True}, "postonly"),
        ("add_order", {**ADD, "leverage": 5}, "leverage"),
        ("add_order", {**ADD, "conditional": {"order_type": "limit", "price": 1}}, "price"),
        ("batch_add", {"symbol": "BTC/USD", "orders": [ORDER, {**ORDER, "symbol": "X"}]}, "symbol"),
        ("amend_order", {"order_id": "O", "volume": 1}, "volume"),
        ("cancel_order", {"txid": ["O"]}, "txid"),
        ("cancel_all", {"symbol": "BTC/USD"}, "symbol"),
    ],
)
def test_a_member_a_request_does_not_have_is_refused_by_name(
    exchange: EmptyExchange, method: str, params: dict[str, Any], name: str
) -> None:
    refusal = f"Unsupported field: '{name}' for the given msg type: {method}"
    assert exchange.socket(method, **params) == [refusal]
    assert exchange.account.orders.open() == []


@pytest.mark.parametrize(
    ("name", "value"), [("fee_preference", "usd"), ("limit_price_type", "pct")]
)
def test_an_option_that_means_nothing_is_refused(
    exchange: EmptyExchange, name: str, value: str
) -> None:
    asked = {**ADD, name: value}
    assert exchange.socket("add_order", **asked) == [f"EGeneral:Invalid arguments:{name}"]


def test_an_order_of_no_possible_name_is_none_of_ours(exchange: EmptyExchange) -> None:
    assert exchange.refused("CancelOrder", txid=LONG) == "EOrder:Invalid order"
    assert exchange.socket("cancel_order", order_id=[LONG]) == ["EOrder:Invalid order"]


def test_a_number_of_endless_digits_is_refused_at_once(exchange: EmptyExchange) -> None:
    body = json.dumps({"nonce": "1", **FORM}).replace('"0.001"', "1e999999999").encode()
    path = "/0/private/AddOrder"
    headers = {
        "API-Key": exchange.key.key,
        "API-Sign": sign(path, "1", body, exchange.key.secret),
        "Content-Type": "application/json",
    }
    with pytest.raises(Refusal, match="EGeneral:Invalid arguments:volume"):
        exchange.private.answer("AddOrder", Call(path, headers, body), exchange.now)


@pytest.mark.parametrize("nonce", [str(2**64), LONG])
def test_a_nonce_beyond_64_bits_is_refused_and_not_remembered(
    exchange: EmptyExchange, nonce: str
) -> None:
    body = json.dumps({"nonce": nonce}).encode()
    path = "/0/private/Balance"
    headers = {
        "API-Key": exchange.key.key,
        "API-Sign": sign(path, nonce, body, exchange.key.secret),
        "Content-Type": "application/json",
    }
    with pytest.raises(Refusal, match="EAPI:Invalid nonce"):
        exchange.private.answer("Balance", Call(path, headers, body), exchange.now)
    assert exchange.rest("Balance")


@pytest.mark.parametrize(
    ("method", "name", "value"),
    [
        ("ClosedOrders", "ofs", "-1"),
        ("ClosedOrders", "ofs", "\u0663"),
        ("ClosedOrders", "closetime", "never"),
        ("ClosedOrders", "start", "yesterday"),
        ("TradesHistory", "end", LONG),
        ("Ledgers", "start", "\u0663"),
    ],
)
def test_a_history_is_asked_for_in_numbers_even_where_it_is_empty(
    exchange: EmptyExchange, method: str, name: str, value: str
) -> None:
    assert exchange.refused(method, **{name: value}) == f"EGeneral:Invalid arguments:{name}"
