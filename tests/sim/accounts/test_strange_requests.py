"""Requests no careful client sends: each is refused in words, and nothing comes of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kracked.gateway.auth import Call
from kracked.gateway.refusals import Refusal
from kracked.protocol.signing import sign
from tests.sim.accounts.empty_exchange import Pit

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
    pit: Pit, method: str, params: dict[str, Any], name: str
) -> None:
    refusal = f"Unsupported field: '{name}' for the given msg type: {method}"
    assert pit.socket(method, **params) == [refusal]
    assert pit.account.orders.open() == []


@pytest.mark.parametrize(
    ("name", "value"), [("fee_preference", "usd"), ("limit_price_type", "pct")]
)
def test_an_option_that_means_nothing_is_refused(pit: Pit, name: str, value: str) -> None:
    asked = {**ADD, name: value}
    assert pit.socket("add_order", **asked) == [f"EGeneral:Invalid arguments:{name}"]


def test_an_order_of_no_possible_name_is_none_of_ours(pit: Pit) -> None:
    assert pit.refused("CancelOrder", txid=LONG) == "EOrder:Invalid order"
    assert pit.socket("cancel_order", order_id=[LONG]) == ["EOrder:Invalid order"]


def test_a_number_of_endless_digits_is_refused_at_once(pit: Pit) -> None:
    body = json.dumps({"nonce": "1", **FORM}).replace('"0.001"', "1e999999999").encode()
    path = "/0/private/AddOrder"
    headers = {
        "API-Key": pit.key.key,
        "API-Sign": sign(path, "1", body, pit.key.secret),
        "Content-Type": "application/json",
    }
    with pytest.raises(Refusal, match="EGeneral:Invalid arguments:volume"):
        pit.private.answer("AddOrder", Call(path, headers, body), pit.now)


@pytest.mark.parametrize("nonce", [str(2**64), LONG])
def test_a_nonce_beyond_64_bits_is_refused_and_not_remembered(pit: Pit, nonce: str) -> None:
    body = json.dumps({"nonce": nonce}).encode()
    path = "/0/private/Balance"
    headers = {
        "API-Key": pit.key.key,
        "API-Sign": sign(path, nonce, body, pit.key.secret),
        "Content-Type": "application/json",
    }
    with pytest.raises(Refusal, match="EAPI:Invalid nonce"):
        pit.private.answer("Balance", Call(path, headers, body), pit.now)
    assert pit.rest("Balance")


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
    pit: Pit, method: str, name: str, value: str
) -> None:
    assert pit.refused(method, **{name: value}) == f"EGeneral:Invalid arguments:{name}"
