"""Reports of the stream before, instead of and beside the answer to an order."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from kracked.orders import Draft, OrderManager, OrderState, OutboxEntry
from kracked.protocol.events import Executions, Side
from tests.orders.conftest import OpenManager
from tests.orders.exchange_model import NOW
from tests.orders.scripted_exchange import Market
from tests.rest import scripted_http as answers

TXID = "OTEST0-AAAAA-AAAAAA"
POST = Draft(symbol="BTC/USD", side=Side.BID, qty=100_000, price=249_000, post_only=True)


def report(**members: Any) -> Executions:
    row = {
        "order_id": TXID,
        "symbol": "BTC/USD",
        "side": "buy",
        "order_type": "limit",
        "order_qty": Decimal("0.001"),
        "timestamp": "2025-07-31T22:13:20.000000Z",
        **members,
    }
    return Executions(0, (row,))


NEW = {"exec_type": "new", "order_status": "new"}
TRADE = {
    "exec_type": "trade",
    "order_status": "partially_filled",
    "exec_id": "T1",
    "last_qty": Decimal("0.0004"),
    "last_price": Decimal("24900.0"),
    "cum_qty": Decimal("0.0004"),
}
FILLED = {"exec_type": "filled", "order_status": "filled", "cum_qty": Decimal("0.001")}


async def place(
    manager: OrderManager, market: Market, *told: dict[str, Any], named: bool = False
) -> OutboxEntry:
    """Place an order whose reports arrive before its answer, with or without the client id."""
    act = market.exchange.always["AddOrder"]

    def late(request: Any) -> Any:
        answer = act(request)
        name = {"cl_ord_id": market.exchange.last("AddOrder").body["cl_ord_id"]} if named else {}
        for members in told:
            manager.apply(report(**name, **members))
        return answer

    market.exchange.always["AddOrder"] = late
    entry = await manager.place(POST, NOW)
    assert isinstance(entry, OutboxEntry)
    return entry


@pytest.mark.parametrize("named", [True, False])
async def test_fills_that_come_before_the_answer_are_counted(
    market: Market, opened: OpenManager, named: bool
) -> None:
    with opened() as manager:
        entry = await place(manager, market, NEW, TRADE, named=named)
    assert (entry.state, entry.txid, entry.filled) == (OrderState.LIVE, TXID, Decimal("0.0004"))


@pytest.mark.parametrize("named", [True, False])
async def test_an_order_filled_before_the_answer_is_filled(
    market: Market, opened: OpenManager, named: bool
) -> None:
    with opened() as manager:
        entry = await place(manager, market, NEW, TRADE, FILLED, named=named)
    assert (entry.state, entry.filled) == (OrderState.FILLED, Decimal("0.001"))


async def test_a_crossing_post_only_order_refused_at_once_is_refused(
    market: Market, opened: OpenManager
) -> None:
    market.exchange.script["AddOrder"].append(answers.refusal("EOrder:Post only order"))
    with opened() as manager:
        entry = await manager.place(POST, NOW)
    assert isinstance(entry, OutboxEntry)
    assert (entry.state, entry.reason) == (OrderState.REFUSED, "EOrder:Post only order")


@pytest.mark.parametrize("before_the_answer", [True, False])
async def test_a_crossing_post_only_order_cancelled_on_arrival_is_cancelled(
    market: Market, opened: OpenManager, before_the_answer: bool
) -> None:
    gone = {"exec_type": "canceled", "order_status": "canceled", "reason": "Post only order"}
    with opened() as manager:
        entry = await place(manager, market, *([gone] if before_the_answer else []))
        manager.apply(report(**gone))
        entry = manager.outbox[entry.id]
    assert (entry.state, entry.reason) == (OrderState.CANCELLED, "Post only order")


async def test_a_fill_of_the_past_says_nothing_of_an_order(
    market: Market, opened: OpenManager
) -> None:
    with opened() as manager:
        entry = await place(manager, market)
        (row,) = report(**TRADE).reports
        manager.apply(Executions(0, (row,), 1, snapshot=True))
        assert manager.outbox[entry.id].state is OrderState.ACKNOWLEDGED
