"""Several orders in one request: each has its own id and its own outcome."""

from __future__ import annotations

import asyncio
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kracked.orders import (
    Check,
    CloseDraft,
    Draft,
    Limits,
    OrderDeclined,
    OrderManager,
    OrderState,
    OutboxEntry,
)
from kracked.orders.outbox.journal import Journal, JournalFull
from kracked.orders.outbox.outbox import Record
from kracked.protocol.events import Side
from kracked.protocol.limits import STARTER
from kracked.protocol.order_terms import OrderType
from kracked.times import NS_PER_S
from tests.orders.conftest import OpenManager
from tests.orders.exchange_model import NOW
from tests.orders.scripted_exchange import Market
from tests.patience import PATIENCE_S
from tests.rest import scripted_http as answers
from tests.rest.conftest import FrozenTime

DRAFT = Draft(symbol="BTC/USD", side=Side.BID, qty=100_000, price=249_000)
THREE = [msgspec.structs.replace(DRAFT, price=price) for price in (249_000, 248_000, 247_000)]
SIXTEEN = [msgspec.structs.replace(DRAFT, price=249_000 - step) for step in range(16)]


async def placed(manager: OrderManager, drafts: list[Draft] = THREE) -> tuple[OutboxEntry, ...]:
    entries = await manager.place_batch(drafts, NOW)
    assert isinstance(entries, tuple), entries
    return entries


async def declined(manager: OrderManager, drafts: list[Draft], **situation: Any) -> set[Check]:
    result = await manager.place_batch(drafts, msgspec.structs.replace(NOW, **situation))
    assert isinstance(result, OrderDeclined)
    return {refusal.check for refusal in result.refusals}


async def settled(manager: OrderManager, frozen: FrozenTime) -> list[OrderState]:
    for _ in range(40):
        await manager.reconciler.reconcile_due()
        if not manager.outbox.unknown():
            break
        frozen.now += 5 * NS_PER_S
    return [entry.state for entry in manager.outbox]


async def test_every_order_has_its_own_id_and_its_own_line_before_one_request_goes_out(
    market: Market, opened: OpenManager, outbox_file: Path
) -> None:
    seen: list[bytes] = []
    act = market.exchange.always["AddOrderBatch"]
    market.exchange.always["AddOrderBatch"] = lambda request: (
        seen.append(outbox_file.read_bytes()) or act(request)
    )
    with opened() as manager:
        entries = await placed(manager)
    body = market.exchange.last("AddOrderBatch").body
    ids = [order["cl_ord_id"] for order in body["orders"]]
    assert ids == [entry.id for entry in entries]
    assert len(set(ids)) == 3
    assert all(id_.encode() in seen[0] for id_ in ids)
    assert market.exchange.count("AddOrderBatch") == 1
    assert [entry.state for entry in entries] == [OrderState.ACKNOWLEDGED] * 3


async def test_an_order_refused_alone_leaves_the_others_standing(
    market: Market, opened: OpenManager
) -> None:
    market.refuses = {1: "EOrder:Insufficient funds"}
    with opened() as manager:
        entries = await placed(manager)
    assert [(entry.state, entry.reason) for entry in entries] == [
        (OrderState.ACKNOWLEDGED, ""),
        (OrderState.REFUSED, "EOrder:Insufficient funds"),
        (OrderState.ACKNOWLEDGED, ""),
    ]


async def test_a_doubtful_error_of_one_order_makes_that_one_unknown(
    market: Market, opened: OpenManager
) -> None:
    market.refuses = {2: "EGeneral:Internal error"}
    with opened() as manager:
        entries = await placed(manager)
    states = [entry.state for entry in entries]
    assert states == [OrderState.ACKNOWLEDGED, OrderState.ACKNOWLEDGED, OrderState.UNKNOWN]


@pytest.mark.parametrize("fault", [answers.dropped, answers.bad_gateway])
async def test_a_lost_reply_makes_all_unknown_and_each_is_settled_by_itself(
    market: Market, opened: OpenManager, frozen: FrozenTime, fault: Any
) -> None:
    market.refuses = {0: "EOrder:Insufficient funds"}
    market.fails("AddOrderBatch", fault, after_acting=True)
    with opened() as manager:
        entries = await placed(manager)
        assert {entry.state for entry in entries} == {OrderState.UNKNOWN}
        assert await declined(manager, THREE[:2]) >= {Check.UNKNOWN}
        assert await settled(manager, frozen) == [
            OrderState.REFUSED,
            OrderState.LIVE,
            OrderState.LIVE,
        ]
    assert market.exchange.count("AddOrderBatch") == 1


async def test_a_batch_that_never_arrived_is_never_placed_after_the_window(
    market: Market, opened: OpenManager, frozen: FrozenTime
) -> None:
    market.fails("AddOrderBatch", answers.dropped, after_acting=False)
    with opened() as manager:
        await placed(manager)
        assert await settled(manager, frozen) == [OrderState.REFUSED] * 3


async def test_a_batch_in_flight_when_the_program_ends_is_settled_after_it(
    market: Market, opened: OpenManager, frozen: FrozenTime
) -> None:
    market.fails("AddOrderBatch", answers.dropped, after_acting=True)
    with opened() as manager:
        await placed(manager)
    with opened() as manager:
        assert await settled(manager, frozen) == [OrderState.LIVE] * 3


async def test_a_batch_refused_whole_refuses_all(market: Market, opened: OpenManager) -> None:
    refusal = answers.refusal("EGeneral:Invalid arguments:volume")
    market.exchange.script["AddOrderBatch"].append(refusal)
    with opened() as manager:
        assert {entry.state for entry in await placed(manager)} == {OrderState.REFUSED}


@pytest.mark.parametrize("rows", [[], [{"txid": "O1"}], [{"txid": "O1"}, {}, {"txid": "O3"}]])
async def test_a_reply_that_does_not_name_every_order_leaves_the_rest_in_doubt(
    market: Market, opened: OpenManager, rows: list[dict[str, str]]
) -> None:
    market.exchange.script["AddOrderBatch"].append(answers.reply({"orders": rows}))
    with opened() as manager:
        states = [entry.state for entry in await placed(manager)]
    assert OrderState.UNKNOWN in states
    assert OrderState.REFUSED not in states


async def test_an_order_named_and_refused_at_once_is_in_doubt(
    market: Market, opened: OpenManager
) -> None:
    rows = [{"txid": "O1"}, {"txid": "O2", "error": "EOrder:Insufficient funds"}, {"txid": "O3"}]
    market.exchange.script["AddOrderBatch"].append(answers.reply({"orders": rows}))
    with opened() as manager:
        states = [entry.state for entry in await placed(manager)]
    assert states == [OrderState.ACKNOWLEDGED, OrderState.UNKNOWN, OrderState.ACKNOWLEDGED]


async def test_a_batch_that_does_not_fit_on_the_disk_leaves_no_order_waiting(
    market: Market, opened: OpenManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, lines = Journal.append, 0

    def append(self: Journal, record: Record) -> None:
        nonlocal lines
        lines += 1
        if lines > 1:
            raise JournalFull(Path("outbox"), "no space left on device")
        real(self, record)

    monkeypatch.setattr(Journal, "append", append)
    with opened() as manager:
        with pytest.raises(JournalFull):
            await manager.place_batch(THREE, NOW)
        assert manager.outbox.pending() == []
    assert market.exchange.calls == []


async def test_a_cancel_of_one_withdraws_the_whole_batch_that_is_not_out_yet(
    market: Market, opened: OpenManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = threading.Event()
    with opened() as manager:
        monkeypatch.setattr(Journal, "sync", lambda journal: disk.wait(PATIENCE_S))
        placing = asyncio.create_task(manager.place_batch(THREE, NOW))
        while not len(manager.outbox):  # noqa: ASYNC110
            await asyncio.sleep(0)
        await manager.cancel(cl_ord_id=next(iter(manager.outbox)).id)
        disk.set()
        entries = await placing
    assert isinstance(entries, tuple)
    assert [entry.state for entry in entries] == [OrderState.REFUSED] * 3
    assert market.exchange.count("AddOrderBatch") == 0


async def test_a_close_is_nested_in_a_batch_and_flat_in_the_outbox(
    market: Market, opened: OpenManager
) -> None:
    close = CloseDraft(order_type=OrderType.TAKE_PROFIT, price=255_000)
    closing = [msgspec.structs.replace(draft, close=close) for draft in THREE]
    with opened() as manager:
        entries = await placed(manager, closing)
    sent = market.exchange.last("AddOrderBatch").body["orders"][0]
    assert sent["close"] == {"ordertype": "take-profit", "price": "25500.0"}
    assert entries[0].request["close[price]"] == "25500.0"


async def test_a_batch_costs_half_a_unit_an_order(
    market: Market, opened: OpenManager, frozen: FrozenTime
) -> None:
    with opened() as manager:
        await placed(manager)
        assert manager.engine.count("BTC/USD", frozen.now) == Decimal("1.5")


async def test_batches_that_do_not_hold_together_are_stopped(
    market: Market, opened: OpenManager
) -> None:
    other = msgspec.structs.replace(DRAFT, symbol="ETH/USD")
    with opened() as manager:
        assert Check.FORM in await declined(manager, THREE[:1])
        assert Check.FORM in await declined(manager, SIXTEEN)
        assert Check.FORM in await declined(manager, [DRAFT, other])
        assert Check.DUPLICATE in await declined(manager, [DRAFT, DRAFT])
        assert await declined(manager, THREE, available={"USD": Decimal(30)}) == {Check.FUNDS}
    assert market.exchange.calls == []


async def test_one_bad_order_stops_the_whole_batch(market: Market, opened: OpenManager) -> None:
    with opened() as manager:
        assert await declined(manager, [*THREE, msgspec.structs.replace(DRAFT, qty=1)]) == {
            Check.MINIMUM,
            Check.COST,
        }
    assert market.exchange.calls == []


async def test_a_batch_beyond_the_room_for_open_orders_is_stopped(
    market: Market, opened: OpenManager
) -> None:
    with opened() as manager:
        manager.engine.tier = msgspec.structs.replace(STARTER, open_orders=2)
        assert await declined(manager, THREE) == {Check.OPEN_ORDERS}


async def test_the_same_order_twice_in_a_batch_goes_when_it_is_meant(
    market: Market, opened: OpenManager
) -> None:
    with opened() as manager:
        entries = await manager.place_batch([DRAFT, DRAFT], NOW, Limits(allow_duplicate=True))
    assert isinstance(entries, tuple)
    assert len(market.orders) == 2


async def test_a_dry_run_of_a_batch_leaves_no_trace(market: Market, opened: OpenManager) -> None:
    with opened() as manager:
        reply = await manager.validate_batch(THREE, NOW)
        assert ([order.txid for order in reply.orders], len(manager.outbox)) == ([None] * 3, 0)
    assert market.exchange.last("AddOrderBatch").body["validate"] is True
    assert market.orders == {}
