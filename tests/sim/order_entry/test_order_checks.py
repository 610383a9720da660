"""Every refusal of an order, in the exchange's words, over REST and over WebSocket."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from kracked.gateway.refusals import Refusal
from kracked.protocol.order_terms import SelfTrade
from kracked.sim.order_entry.client_accounts import AccountOptions
from tests.shared import VECTORS
from tests.sim.empty_exchange import EmptyExchange

DOCUMENTED = VECTORS / "order_checks.json"
GOOD = {"ordertype": "limit", "type": "buy", "volume": "0.001", "price": "25000.0"}
DECIMALS = "EOrder:Invalid price:XXBTZUSD price can only be specified up to 1 decimals."
MINIMUM = "EGeneral:Invalid arguments:volume minimum not met"

CASES: list[tuple[dict[str, Any], str | None]] = [
    ({}, None),
    ({"volume": "0.00005"}, None),
    ({"volume": "0.00004"}, MINIMUM),
    ({"volume": "0"}, MINIMUM),
    ({"price": "499.9"}, "EOrder:Cost minimum not met"),
    ({"price": "25000.01"}, DECIMALS),
    ({"price": "25000.00"}, None),
    ({"price": "2.5e4"}, "EOrder:Invalid price:Invalid price argument."),
    ({"price": "0"}, "EOrder:Invalid price:Invalid price argument."),
    ({"price": None}, "EGeneral:Invalid arguments:price"),
    ({"volume": "1e-3"}, "EGeneral:Invalid arguments:volume"),
    ({"volume": "0.0010000001"}, "EGeneral:Invalid arguments:volume"),
    ({"volume": "-1"}, "EGeneral:Invalid arguments:volume"),
    ({"volume": None}, "EGeneral:Invalid arguments:volume"),
    ({"type": "hold"}, "EGeneral:Invalid arguments:type"),
    ({"ordertype": "limt"}, "EGeneral:Invalid arguments:ordertype"),
    ({"ordertype": "trailing-stop", "price": "+1%"}, None),
    (
        {"ordertype": "trailing-stop", "price": "-1%"},
        "EOrder:Invalid price:Invalid price argument.",
    ),
    (
        {"ordertype": "trailing-stop", "price": "25000"},
        "EOrder:Invalid price:Invalid price argument.",
    ),
    ({"ordertype": "trailing-stop-limit", "price": "+150", "price2": "-10"}, None),
    (
        {"ordertype": "trailing-stop-limit", "price": "+150"},
        "EOrder:Invalid price:Invalid secondary price argument",
    ),
    ({"pair": "WWWUSD"}, "EQuery:Unknown asset pair"),
    ({"ordertype": "market", "oflags": "post"}, "EGeneral:Invalid arguments:oflags"),
    ({"oflags": "viqc"}, "EGeneral:Invalid arguments:oflags"),
    ({"oflags": "nonsense"}, "EGeneral:Invalid arguments:oflags"),
    ({"timeinforce": "GTX"}, "EGeneral:Invalid arguments:timeinforce"),
    (
        {"ordertype": "market", "price": None, "timeinforce": "FOK"},
        "EGeneral:Invalid arguments:timeinforce",
    ),
    (
        {"ordertype": "stop-loss", "price": "90000", "timeinforce": "FOK"},
        "EGeneral:Invalid arguments:timeinforce",
    ),
    ({"timeinforce": "GTD"}, "EGeneral:Invalid arguments:expiretm"),
    ({"timeinforce": "GTD", "expiretm": "+4"}, "EGeneral:Invalid arguments:expiretm"),
    ({"timeinforce": "GTD", "expiretm": "+6"}, None),
    ({"expiretm": "+60"}, "EGeneral:Invalid arguments:expiretm"),
    ({"starttm": "+60"}, None),
    ({"starttm": "soon"}, "EGeneral:Invalid arguments:starttm"),
    ({"starttm": "+2764800"}, "EGeneral:Invalid arguments:starttm"),
    ({"stptype": "cancel-all"}, "EGeneral:Invalid arguments:stptype"),
    ({"userref": "2147483648"}, "EGeneral:Invalid arguments:userref"),
    ({"cl_ord_id": "abcdefghijklmnopqrs"}, "EGeneral:Invalid arguments:cl_ord_id"),
    ({"cl_ord_id": "0" * 31}, "EGeneral:Invalid arguments:cl_ord_id"),
    ({"cl_ord_id": "g" * 32}, "EGeneral:Invalid arguments:cl_ord_id"),
    ({"cl_ord_id": "arb-20240509-00010"}, None),
    ({"cl_ord_id": "6d1b345e282140e2ad834ecb18a06876"}, None),
    ({"cl_ord_id": "6d1b345e-2821-40e2-ad83-4ecb18a06876"}, None),
    ({"cl_ord_id": "a", "userref": "7"}, "EGeneral:Invalid arguments"),
    ({"close": {"ordertype": "limit", "price": "26000"}}, None),
    (
        {"close": {"ordertype": "limit", "price": "26000"}, "cl_ord_id": "a"},
        "EGeneral:Invalid arguments",
    ),
    ({"ordertype": "iceberg"}, "EGeneral:Invalid arguments:displayvol"),
    ({"displayvol": "0.001"}, "EGeneral:Invalid arguments:displayvol"),
    (
        {"ordertype": "iceberg", "volume": "0.015", "displayvol": "0.00099999"},
        "EGeneral:Invalid arguments:displayvol",
    ),
    ({"ordertype": "iceberg", "volume": "0.015", "displayvol": "0.001"}, None),
    (
        {"ordertype": "stop-loss-limit", "price2": None},
        "EOrder:Invalid price:Invalid secondary price argument",
    ),
    (
        {"ordertype": "stop-loss-limit", "price2": "2e4"},
        "EOrder:Invalid price:Invalid secondary price argument",
    ),
    ({"reduce_only": True}, "EOrder:Reduce only:No position exists"),
    ({"leverage": "2"}, "EOrder:Cannot open position"),
    ({"leverage": "none"}, None),
    ({"oflags": "nompp"}, None),
    ({"oflags": "post,nompp"}, None),
    (
        {"ordertype": "market", "type": "sell", "price": None, "oflags": "viqc"},
        "EGeneral:Invalid arguments:oflags",
    ),
    ({"deadline": "now+1s"}, "EGeneral:Invalid arguments:deadline"),
    ({"deadline": "now+61s"}, "EGeneral:Invalid arguments:deadline"),
    ({"deadline": "now-1s"}, "EService:Deadline elapsed"),
    ({"deadline": "now+3s"}, None),
    ({"volume": "1000"}, "EOrder:Insufficient funds"),
    ({"type": "sell", "volume": "1000"}, "EOrder:Insufficient funds"),
]


def over_rest(exchange: EmptyExchange, params: dict[str, Any]) -> str | None:
    """Return the refusal of an order; None if it is not refused."""
    asked = {"pair": "XBTUSD", **params}
    asked = {name: value for name, value in asked.items() if value is not None}
    if (deadline := asked.get("deadline")) is not None:
        asked["deadline"] = exchange.rfc3339(float(deadline[3:-1]))
    try:
        exchange.rest("AddOrder", **asked)
    except Refusal as refusal:
        return refusal.error
    return None


@pytest.mark.parametrize(("change", "error"), CASES)
def test_an_order_is_refused_over_rest(
    exchange: EmptyExchange, change: dict[str, Any], error: str | None
) -> None:
    assert over_rest(exchange, {**GOOD, **change}) == error


@pytest.mark.parametrize(("change", "error"), CASES)
def test_a_refusal_leaves_nothing_behind(
    exchange: EmptyExchange, change: dict[str, Any], error: str | None
) -> None:
    refused = over_rest(exchange, {**GOOD, **change})
    assert bool(exchange.account.orders.open()) == (refused is None)


WS_GOOD = {
    "order_type": "limit",
    "side": "buy",
    "symbol": "BTC/USD",
    "order_qty": 0.001,
    "limit_price": 25000.0,
}
WS_CASES: list[tuple[dict[str, Any], str | None]] = [
    ({}, None),
    ({"limit_price": 25000}, None),
    ({"limit_price": 2.5e4}, None),
    ({"limit_price": "25000.0"}, "Limit_price field must be a number_float"),
    ({"cash_order_qty": "1"}, "Cash_order_qty field must be a number_float"),
    ({"order_qty": "1"}, "Order_qty field must be a number_float"),
    ({"limit_price": 25000.01}, DECIMALS),
    ({"limit_price": None}, "EGeneral:Invalid arguments:limit_price"),
    ({"order_qty": 0.00004}, MINIMUM),
    ({"order_qty": 0.0010000001}, None),
    ({"symbol": "XBT/USD"}, "Currency pair not supported XBT/USD"),
    ({"order_type": "limt"}, "EGeneral:Invalid arguments:order_type"),
    (
        {"order_type": "market", "limit_price": None, "post_only": True},
        "EGeneral:Invalid arguments:post_only",
    ),
    ({"post_only": "yes"}, "Post_only field must be a boolean"),
    ({"time_in_force": "fok"}, None),
    (
        {"order_type": "market", "limit_price": None, "time_in_force": "fok"},
        "EGeneral:Invalid arguments:time_in_force",
    ),
    ({"time_in_force": "gtd"}, "EGeneral:Invalid arguments:expire_time"),
    ({"time_in_force": "gtx"}, "EGeneral:Invalid arguments:time_in_force"),
    ({"order_type": "stop-loss", "limit_price": None}, "EGeneral:Invalid arguments:triggers"),
    ({"margin": True}, "EOrder:Cannot open position"),
    ({"reduce_only": True}, "EOrder:Reduce only:No position exists"),
    ({"no_mpp": True}, None),
    ({"cash_order_qty": 100}, "EGeneral:Invalid arguments:cash_order_qty"),
    (
        {"order_type": "market", "side": "sell", "limit_price": None, "cash_order_qty": 100},
        "EGeneral:Invalid arguments:cash_order_qty",
    ),
    ({"cl_ord_id": "a", "order_userref": 7}, "EGeneral:Invalid arguments"),
    (
        {"conditional": {"order_type": "limit", "limit_price": 26000.0}, "cl_ord_id": "a"},
        "EGeneral:Invalid arguments",
    ),
    ({"conditional": {"order_type": "limit", "limit_price": 26000.0}}, None),
    ({"order_userref": 2**31}, "EGeneral:Invalid arguments:order_userref"),
    ({"order_qty": 1000}, "EOrder:Insufficient funds"),
    ({"order_qty": 1e300}, "EGeneral:Invalid arguments:order_qty"),
]


@pytest.mark.parametrize(("change", "error"), WS_CASES)
def test_an_order_is_refused_over_websocket(
    exchange: EmptyExchange, change: dict[str, Any], error: str | None
) -> None:
    params = {name: value for name, value in {**WS_GOOD, **change}.items() if value is not None}
    (answer,) = exchange.socket("add_order", **params)
    assert (answer if isinstance(answer, str) else None) == error


ON_MARGIN: list[tuple[str, dict[str, Any]]] = [
    ("AddOrder", {"pair": "XBTUSD", **GOOD}),
    ("AddOrder", {"pair": "XBTUSD", **GOOD, "validate": True}),
    ("AddOrderBatch", {"pair": "XBTUSD", "orders": [GOOD, GOOD]}),
]


@pytest.mark.parametrize(("method", "asked"), ON_MARGIN)
@pytest.mark.parametrize(
    ("terms", "error"),
    [
        ({"leverage": "3"}, "EOrder:Cannot open position"),
        ({"reduce_only": True}, "EOrder:Reduce only:No position exists"),
    ],
)
def test_an_order_on_margin_never_becomes_a_spot_order(
    exchange: EmptyExchange, method: str, asked: dict[str, Any], terms: dict[str, Any], error: str
) -> None:
    orders = [{**order, **terms} for order in asked.get("orders", ())]
    asked = {**asked, "orders": orders} if orders else {**asked, **terms}
    assert exchange.refused(method, **asked) == error
    assert exchange.account.orders.open() == []


def test_websocket_batches_and_edits_take_no_margin_either(exchange: EmptyExchange) -> None:
    txid = exchange.add("buy", "0.001", "25000")
    good = {name: value for name, value in WS_GOOD.items() if name != "symbol"}
    orders = [{**good, "margin": True}, good]
    assert exchange.socket("batch_add", symbol="BTC/USD", orders=orders) == [
        "EOrder:Cannot open position"
    ]
    edit = {"order_id": txid, "symbol": "BTC/USD", "order_qty": 0.002, "reduce_only": True}
    assert exchange.socket("edit_order", **edit) == ["EOrder:Reduce only:No position exists"]
    assert [order.order_id for order in exchange.account.orders.open()] == [txid]


def test_websocket_takes_a_nearer_deadline_than_rest(exchange: EmptyExchange) -> None:
    (answer,) = exchange.socket("add_order", **WS_GOOD, deadline=exchange.rfc3339(0.6))
    assert "order_id" in answer
    (answer,) = exchange.socket("add_order", **WS_GOOD, deadline=exchange.rfc3339(0.4))
    assert answer == "EGeneral:Invalid arguments:deadline"


def test_a_client_id_is_free_again_when_its_order_has_ended(exchange: EmptyExchange) -> None:
    first = exchange.add("buy", "0.001", "25000", cl_ord_id="mine")
    error = exchange.refused("AddOrder", **GOOD, pair="XBTUSD", cl_ord_id="mine")
    assert error == "EGeneral:Invalid arguments:cl_ord_id not unique"
    exchange.rest("CancelOrder", txid=first)
    assert exchange.add("buy", "0.001", "25000", cl_ord_id="mine") != first


def test_validate_checks_the_form_and_not_the_funds(exchange: EmptyExchange) -> None:
    reply = exchange.rest("AddOrder", **{**GOOD, "volume": "1000"}, pair="XBTUSD", validate=True)
    assert reply == {"descr": {"order": "buy 1000.00000000 XBTUSD @ limit 25000.0"}}
    assert exchange.account.orders.open() == []


def test_a_pair_without_an_index_cannot_trigger_by_it() -> None:
    exchange = EmptyExchange("BONK/USD", terms=AccountOptions(balances={"USD": "1000"}))
    params = {"ordertype": "stop-loss", "type": "buy", "volume": "500000", "price": "0.000006"}
    error = exchange.refused("AddOrder", pair="BONKUSD", trigger="index", **params)
    assert error == "EGeneral:Invalid arguments:Index unavailable"


# --- the vectors ------------------------------------------------------------------------


def vectors() -> list[Any]:
    if not DOCUMENTED.exists():
        return [pytest.param({}, marks=pytest.mark.skip(reason="the vectors are not here"))]
    return [
        pytest.param(case, id=case["name"]) for case in json.loads(DOCUMENTED.read_text())["cases"]
    ]


@pytest.mark.parametrize("case", vectors())
def test_the_vectors_are_refused_over_rest(exchange: EmptyExchange, case: dict[str, Any]) -> None:
    exchange.add("buy", "0.001", "20000", cl_ord_id="already-open")
    assert over_rest(exchange, case["params"]) == case["rest_error"]


@pytest.mark.parametrize("case", vectors())
def test_the_vectors_are_refused_over_websocket(
    exchange: EmptyExchange, case: dict[str, Any]
) -> None:
    exchange.add("buy", "0.001", "20000", cl_ord_id="already-open")
    as_text = case["name"] == "price as text on WebSocket"
    (answer,) = exchange.socket("add_order", **_socket_params(case["params"], as_text=as_text))
    assert (answer if isinstance(answer, str) else None) == case["ws_error"]


def _socket_params(params: dict[str, Any], *, as_text: bool) -> dict[str, Any]:
    """Return REST's parameters as WebSocket's."""
    found: dict[str, Any] = {"symbol": "BTC/USD", "order_type": params["ordertype"]}
    found |= {"side": params["type"], "order_qty": float(Decimal(params["volume"]))}
    if "price" in params:
        found["limit_price"] = params["price"] if as_text else float(params["price"])
    if params.get("oflags") == "post":
        found["post_only"] = True
    if "timeinforce" in params:
        found["time_in_force"] = params["timeinforce"].lower()
    if "userref" in params:
        found["order_userref"] = params["userref"]
    return found | ({"cl_ord_id": params["cl_ord_id"]} if "cl_ord_id" in params else {})


@pytest.mark.parametrize("spelling", ["cancel-oldest", "cancel_oldest", "CANCEL-OLDEST"])
def test_rest_takes_a_self_trade_rule_in_any_spelling(
    exchange: EmptyExchange, spelling: str
) -> None:
    txid = exchange.add("buy", "1", "20000", stptype=spelling)
    assert exchange.order(txid).request.stp is SelfTrade.CANCEL_OLDEST
