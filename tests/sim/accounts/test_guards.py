"""What stands between a client and the engine: rates, caps, modes, keys, the dead man."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from kracked.gateway.auth import Permission
from kracked.protocol.limits import INTERMEDIATE, PRO, STARTER, Tier
from kracked.sim.accounts.client_accounts import AccountOptions
from tests.sim.accounts.empty_exchange import BTC, NOW, Pit

ORDER = {"ordertype": "limit", "type": "buy", "pair": "XBTUSD", "volume": "0.001"}


def count(pit: Pit) -> Decimal:
    return pit.account.counts.count(BTC, pit.now).quantize(Decimal("0.01"))


# --- the engine's counter -----------------------------------------------------------------


def test_an_order_s_life_costs_what_the_documentation_says() -> None:
    pit = Pit(terms=AccountOptions(tier=PRO))
    txid = pit.add("buy", "0.001", "20000")
    assert count(pit) == 1
    pit.rest("CancelOrder", txid=txid)
    assert count(pit) == 9


def test_the_counter_falls_with_time() -> None:
    pit = Pit(terms=AccountOptions(tier=INTERMEDIATE))
    for _ in range(50):
        pit.add("buy", "0.001", "20000")
    pit.wait(10)
    assert count(pit) == Decimal("26.60")


def test_a_refused_order_still_costs_its_fixed_part(pit: Pit) -> None:
    pit.refused("AddOrder", **ORDER, price="1e5")
    assert count(pit) == 1


def test_adding_is_refused_over_the_threshold_and_cancelling_is_not() -> None:
    pit = Pit(terms=AccountOptions(tier=STARTER))
    # Seven pairs of adding and cancelling at once cost 63, and a Starter has 60.
    for _ in range(7):
        txid = pit.add("buy", "0.001", "20000")
        pit.rest("CancelOrder", txid=txid)
    assert count(pit) == 63
    assert pit.refused("AddOrder", **ORDER, price="20000") == "EOrder:Rate limit exceeded"
    assert count(pit) == 63
    pit.wait(4)
    pit.add("buy", "0.001", "20000")


def test_a_batch_costs_half_an_order_each(pit: Pit) -> None:
    orders = [{**ORDER, "price": "20000"} for _ in range(3)]
    pit.rest("AddOrderBatch", pair="XBTUSD", orders=orders)
    assert count(pit) == Decimal("1.50")


@pytest.mark.parametrize("tier", [STARTER, INTERMEDIATE, PRO])
def test_a_pair_takes_so_many_open_orders(tier: Tier) -> None:
    pit = Pit(terms=AccountOptions(tier=tier))
    for _ in range(tier.open_orders):
        pit.wait(1)
        pit.add("buy", "0.001", "20000")
    pit.wait(1)
    assert pit.refused("AddOrder", **ORDER, price="20000") == "EOrder:Orders limit exceeded"


@pytest.mark.parametrize(("tier", "most"), [(STARTER, 60), (INTERMEDIATE, 125), (PRO, 180)])
def test_the_acknowledgement_tells_the_threshold(tier: Tier, most: int) -> None:
    from kracked.protocol.requests import Subscribe

    pit = Pit(terms=AccountOptions(tier=tier))
    request = Subscribe(channel="executions", token="")
    assert pit.subscriptions.terms("main", request)["maxratecount"] == most


# --- the keys' counter --------------------------------------------------------------------


def test_a_key_may_make_so_many_calls_and_then_waits() -> None:
    pit = Pit(terms=AccountOptions(tier=STARTER))
    for _ in range(15):
        pit.rest("Balance")
    assert pit.refused("Balance") == "EAPI:Rate limit exceeded"
    pit.wait(4)
    pit.rest("Balance")


def test_placing_and_cancelling_are_not_counted_as_calls() -> None:
    pit = Pit(terms=AccountOptions(tier=STARTER))
    for _ in range(30):
        pit.wait(2)
        pit.add("buy", "0.001", "20000")
    assert pit.rest("Balance")


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
    pit = Pit(permissions=frozenset((held,)))
    assert pit.refused(method, **params) == "EGeneral:Permission denied"


def test_a_key_that_may_only_cancel_cancels(pit: Pit) -> None:
    txid = pit.add("buy", "0.001", "20000")
    pit.key.permissions = frozenset((Permission.CANCEL_ORDERS,))
    assert pit.rest("CancelOrder", txid=txid) == {"count": 1}


def test_any_key_may_look_at_itself() -> None:
    pit = Pit(permissions=frozenset((Permission.QUERY_FUNDS, Permission.WEBSOCKETS)))
    info = pit.rest("GetApiKeyInfo")
    assert info["permissions"] == ["create-ws-token", "query-funds"]
    assert (info["nonce"], info["nonce_window"]) == ("1", "0")


def test_a_token_may_do_what_its_key_may() -> None:
    pit = Pit(permissions=frozenset((Permission.WEBSOCKETS,)))
    assert pit.socket("cancel_all") == ["EGeneral:Permission denied"]


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
def test_a_mode_takes_its_orders_alone(pit: Pit, mode: str, kind: str) -> None:
    pit.agent("sell", "1", "63000")
    pit.system = mode
    asked = {**ORDER, **KINDS[kind]}
    if kind in MODES[mode]:
        assert pit.rest("AddOrder", **asked)["txid"]
    else:
        assert pit.refused("AddOrder", **asked) == f"EService:Market in {mode} mode"


def test_cancelling_is_possible_while_nothing_else_is(pit: Pit) -> None:
    txid = pit.add("buy", "0.001", "20000")
    pit.system = "cancel_only"
    assert pit.rest("CancelOrder", txid=txid) == {"count": 1}


def test_nothing_is_possible_during_maintenance(pit: Pit) -> None:
    txid = pit.add("buy", "0.001", "20000")
    pit.system = "maintenance"
    assert pit.refused("AddOrder", **ORDER, price="20000") == "EService:Unavailable"
    assert pit.refused("CancelOrder", txid=txid) == "EService:Unavailable"


# --- the dead man's switch ----------------------------------------------------------------


def test_the_switch_cancels_everything_when_nobody_renews_it(pit: Pit) -> None:
    pit.add("buy", "0.001", "20000")
    pit.add("buy", "0.001", "64000", ordertype="stop-loss")
    pit.rest("CancelAllOrdersAfter", timeout=60)
    pit.wait(59)
    assert len(pit.account.orders.open()) == 2
    pit.wait(2)
    assert pit.account.orders.open() == []


def test_the_switch_is_renewed_by_every_call_and_disarmed_by_nought(pit: Pit) -> None:
    pit.add("buy", "0.001", "20000")
    pit.rest("CancelAllOrdersAfter", timeout=60)
    pit.wait(50)
    pit.rest("CancelAllOrdersAfter", timeout=60)
    pit.wait(50)
    assert len(pit.account.orders.open()) == 1
    pit.rest("CancelAllOrdersAfter", timeout=0)
    pit.wait(100)
    assert len(pit.account.orders.open()) == 1


def test_the_switch_fires_once(pit: Pit) -> None:
    pit.rest("CancelAllOrdersAfter", timeout=5)
    pit.wait(10)
    pit.add("buy", "0.001", "20000")
    pit.wait(1000)
    assert len(pit.account.orders.open()) == 1


def test_the_switch_answers_in_whole_seconds(pit: Pit) -> None:
    pit.now = NOW + 628_627_900
    reply = pit.rest("CancelAllOrdersAfter", timeout=100)
    assert reply == {"currentTime": "2026-09-21T14:13:21Z", "triggerTime": "2026-09-21T14:15:01Z"}
    assert pit.rest("CancelAllOrdersAfter", timeout=0)["triggerTime"] == "0"
    assert pit.refused("CancelAllOrdersAfter", timeout=86_400).endswith(":timeout")
