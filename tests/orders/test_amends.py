"""Amends of every kind of order: the request, and what is declined before it is sent."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from kracked.orders import Check, OrderDeclined, OrderManager, OrderState, OutboxEntry
from kracked.orders.amends import AmendedTerms, amended, request
from kracked.orders.draft import rounded
from kracked.protocol.events import Side
from kracked.protocol.limits import STARTER
from kracked.protocol.own_orders import OwnOrder, Triggers
from kracked.rest.encoding import fields
from tests.orders.conftest import OpenManager
from tests.orders.exchange_model import BTC, NOW
from tests.orders.scripted_exchange import Market
from tests.rest import scripted_http as answers
from tests.rest.conftest import FrozenTime

D = Decimal
TXID = "OTEST0-AAAAA-AAAAAA"
LIMIT = {"order_type": "limit", "limit_price": D("24900.0")}
STOP = {"order_type": "stop-loss", "triggers": Triggers(price=D("24800.0"))}
STOP_LIMIT = {**STOP, "order_type": "stop-loss-limit", "limit_price": D("24700.0")}
ICEBERG = {**LIMIT, "order_type": "iceberg", "display_qty": D("0.0001")}


def order(side: Side = Side.ASK, **terms: Any) -> OwnOrder:
    return OwnOrder(
        order_id=TXID,
        order_status="new",
        symbol="BTC/USD",
        side=side,
        order_qty=D("0.001"),
        **terms,
    )


REQUESTS = {
    "a limit's price": (order(**LIMIT), {"price": 249_005}, {"limit_price": "24900.5"}),
    "a limit's quantity": (order(**LIMIT), {"qty": 90_000}, {"order_qty": "0.00090000"}),
    "a post-only price": (
        order(**LIMIT, post_only=True),
        {"price": 249_005},
        {"limit_price": "24900.5", "post_only": True},
    ),
    "a stop's trigger": (order(**STOP), {"price": 248_100}, {"trigger_price": "24810.0"}),
    "a stop's limit": (order(**STOP_LIMIT), {"price": 247_100}, {"limit_price": "24710.0"}),
    "a stop's trigger beside its limit": (
        order(**STOP_LIMIT),
        {"trigger_price": 248_100},
        {"trigger_price": "24810.0"},
    ),
    "both prices of a stop": (
        order(**STOP_LIMIT),
        {"trigger_price": 248_100, "price": 247_100},
        {"trigger_price": "24810.0", "limit_price": "24710.0"},
    ),
    "what an iceberg shows": (
        order(**ICEBERG),
        {"display_qty": 20_000},
        {"display_qty": "0.00020000"},
    ),
    "an iceberg's quantity": (order(**ICEBERG), {"qty": 90_000}, {"order_qty": "0.00090000"}),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_an_amend_asks_for_what_changes_and_for_nothing_else(name: str) -> None:
    old, changes, members = REQUESTS[name]
    change = AmendedTerms(**changes)
    draft = rounded(amended(old, NOW, change), BTC)
    assert fields(request(old, draft, NOW, change)) == members


async def tried(manager: OrderManager, old: OwnOrder, **changes: int) -> list[Check]:
    """Return the checks that stop an amend; none when it was sent."""
    result = await manager.amend(old, NOW, **changes)
    return [it.check for it in result.refusals] if isinstance(result, OrderDeclined) else []


@pytest.fixture
def market_with_order(market: Market) -> Market:
    market.orders[TXID] = {
        "status": "open",
        "cl_ord_id": "k",
        "vol": "0.001",
        "descr": {"type": "sell", "ordertype": "limit", "price": "24900.0"},
    }
    return market


@pytest.mark.parametrize("name", REQUESTS)
async def test_each_of_them_is_sent(
    market_with_order: Market, opened: OpenManager, name: str
) -> None:
    old, changes, _ = REQUESTS[name]
    if name == "a post-only price":
        changes = {"price": 250_005}
    with opened() as manager:
        assert await tried(manager, old, **changes) == []
    assert market_with_order.exchange.count("AmendOrder") == 1


NOT_ASKED = {
    "an order of another pair": msgspec.structs.replace(order(**LIMIT), symbol="ETH/USD"),
    "an order the stream has not described": OwnOrder(order_id=TXID, order_status="new"),
    "a trailing order": order(order_type="trailing-stop"),
    "an order with a close": order(**LIMIT, contingent={"order_type": "take-profit"}),
    "a type nobody knows": order(order_type="half-moon"),
}


@pytest.mark.parametrize("name", NOT_ASKED)
async def test_what_cannot_be_amended_is_not_asked(
    market: Market, opened: OpenManager, name: str
) -> None:
    with opened() as manager:
        assert await tried(manager, NOT_ASKED[name], qty=90_000) == [Check.FORM]
    assert market.exchange.calls == []


async def test_an_iceberg_nearly_filled_is_judged_by_what_is_left(
    market_with_order: Market, opened: OpenManager
) -> None:
    old = order(**{**ICEBERG, "display_qty": D("0.00001")}, cum_qty=D("0.00095"))
    with opened() as manager:
        assert await tried(manager, old, price=249_005) == []


async def test_an_iceberg_that_would_show_too_little_is_stopped(
    market: Market, opened: OpenManager
) -> None:
    with opened() as manager:
        assert await tried(manager, order(**ICEBERG), display_qty=6_000) == [Check.DISPLAY]


async def test_a_stop_that_went_off_is_amended_as_the_limit_it_has_become(
    market_with_order: Market, opened: OpenManager
) -> None:
    gone = {**STOP_LIMIT, "triggers": Triggers(price=D("26000.0"), status="triggered")}
    with opened() as manager:
        assert await tried(manager, order(**gone), price=250_100) == []
    assert market_with_order.exchange.last("AmendOrder").body["limit_price"] == "25010.0"


async def test_an_amend_needs_no_room_for_another_order_nor_fresh_funds(
    market_with_order: Market, opened: OpenManager
) -> None:
    poor = msgspec.structs.replace(NOW, available={})
    with opened() as manager:
        manager.engine.tier = msgspec.structs.replace(STARTER, open_orders=0)
        result = await manager.amend(order(**LIMIT), poor, qty=90_000)
    assert isinstance(result, OutboxEntry)


@pytest.mark.parametrize("changes", [{"qty": 40_000}, {"qty": 50_000}, {"qty": 50_009}])
async def test_a_quantity_that_is_filled_already_would_end_the_order_and_is_not_asked(
    market: Market, opened: OpenManager, changes: dict[str, int]
) -> None:
    half = order(**LIMIT, cum_qty=D("0.0005001"))
    with opened() as manager:
        assert Check.QUANTITY in await tried(manager, half, **changes)
    assert market.exchange.calls == []


@pytest.mark.parametrize(
    ("acted", "state"), [(True, OrderState.ACKNOWLEDGED), (False, OrderState.REFUSED)]
)
async def test_what_an_iceberg_shows_is_settled_by_the_history_of_its_amends(
    market_with_order: Market,
    opened: OpenManager,
    frozen: FrozenTime,
    acted: bool,
    state: OrderState,
) -> None:
    market, at_ms = market_with_order, frozen.now // 10**6
    amends = [
        {"amend_id": "T1", "amend_type": "original", "display_qty": "0.0002", "timestamp": at_ms},
        {"amend_id": "T2", "amend_type": "user", "display_qty": "0.0002", "timestamp": 1},
    ]
    if acted:
        amends.append({**amends[1], "amend_id": "T3", "timestamp": at_ms + 40})
    market.exchange.always["OrderAmends"] = {"amends": amends, "count": len(amends)}
    market.fails("AmendOrder", answers.dropped, after_acting=acted)
    with opened() as manager:
        entry = await manager.amend(order(**ICEBERG), NOW, display_qty=20_000)
        assert isinstance(entry, OutboxEntry)
        for _ in range(20):
            await manager.reconciler.reconcile_due()
            frozen.now += 5 * 10**9
        assert manager.outbox[entry.id].state is state
