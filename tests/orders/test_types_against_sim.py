"""Batches and every order type on the simulated exchange, from the draft to the outcome."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from kracked.orders import CloseDraft, Draft, Limits, OrderState, OutboxEntry
from kracked.protocol.events import Side
from kracked.protocol.order_terms import OrderType, TimeInForce
from kracked.sim.faults.order_faults import OrderFault
from kracked.times import NS_PER_S
from tests.orders.sim_setup import FAR, SYMBOL, Stage

FREE = Limits(max_distance_percent=None)


def drafts(*prices: int) -> list[Draft]:
    return [Draft(symbol=SYMBOL, side=Side.BID, qty=1_000_000, price=price) for price in prices]


async def batch(stage: Stage, wanted: list[Draft]) -> tuple[OutboxEntry, ...]:
    entries = await stage.manager.place_batch(wanted, stage.situation)
    assert isinstance(entries, tuple), entries
    return entries


async def test_a_batch_is_live_order_by_order(stage: Stage) -> None:
    async with stage.running():
        entries = await batch(stage, drafts(FAR, FAR + 10, FAR + 20))
        for entry in entries:
            await stage.becomes(entry, OrderState.LIVE)
    assert [order.request.cl_ord_id for order in stage.orders] == [entry.id for entry in entries]


async def test_the_one_order_of_a_batch_there_is_no_money_for_is_refused_alone(
    stage: Stage,
) -> None:
    wanted = drafts(FAR, FAR + 10)
    wanted[1] = msgspec.structs.replace(wanted[1], qty=1000 * 10**8)
    async with stage.running():
        first, second = await batch(stage, wanted)
        await stage.becomes(first, OrderState.LIVE)
    assert (second.state, second.reason) == (OrderState.REFUSED, "EOrder:Insufficient funds")
    assert len(stage.orders) == 1


@pytest.mark.parametrize("mishap", [OrderFault.REPLY_LOST, OrderFault.GATEWAY_AFTER])
async def test_a_batch_whose_reply_is_lost_is_found_order_by_order(
    stage: Stage, mishap: OrderFault
) -> None:
    async with stage.running(listening=False) as manager:
        stage.server.exchange.order_faults.expect(mishap, "AddOrderBatch")
        entries = await batch(stage, drafts(FAR, FAR + 10, FAR + 20))
        assert {entry.state for entry in entries} == {OrderState.UNKNOWN}
        await manager.reconciler.reconcile_due()
        assert {manager.outbox[entry.id].state for entry in entries} == {OrderState.LIVE}
    assert len(stage.orders) == 3


async def test_a_batch_that_never_arrived_is_given_up_after_the_window(stage: Stage) -> None:
    async with stage.running(listening=False) as manager:
        stage.server.exchange.order_faults.expect(OrderFault.REQUEST_LOST, "AddOrderBatch")
        entries = await batch(stage, drafts(FAR, FAR + 10))
        stage.clock.jump_to(entries[0].deadline + 62 * NS_PER_S)
        await manager.reconciler.reconcile_due()
        assert {manager.outbox[entry.id].state for entry in entries} == {OrderState.REFUSED}
    assert stage.orders == []


async def test_an_iceberg_shows_its_part_and_can_be_told_to_show_more(stage: Stage) -> None:
    async with stage.running() as manager:
        entry = await stage.place(order_type=OrderType.ICEBERG, display_qty=100_000)
        await stage.becomes(entry, OrderState.LIVE)
        (working,) = manager.working
        assert working.display_qty == Decimal("0.001")
        amend = await manager.amend(working, stage.situation, FREE, display_qty=200_000)
        assert isinstance(amend, OutboxEntry)
        assert amend.state is OrderState.ACKNOWLEDGED
    assert stage.at_exchange(entry).display_qty == 200_000


async def test_an_order_good_for_a_while_expires_and_is_known_to(stage: Stage) -> None:
    async with stage.running():
        entry = await stage.place(time_in_force=TimeInForce.GTD, expires_in_s=5)
        await stage.becomes(entry, OrderState.LIVE)
        stage.clock.ahead_ns += 6 * NS_PER_S
        await stage.becomes(entry, OrderState.CANCELLED)


@pytest.mark.parametrize(
    "terms",
    [
        {"order_type": OrderType.STOP_LOSS},
        {"order_type": OrderType.STOP_LOSS_LIMIT, "price2": 900_000_0},
        {"order_type": OrderType.TAKE_PROFIT, "price": FAR},
        {"order_type": OrderType.TAKE_PROFIT_LIMIT, "price": FAR, "price2": FAR},
    ],
)
async def test_a_triggered_order_waits_and_its_trigger_can_be_moved(
    stage: Stage, terms: dict[str, Any]
) -> None:
    async with stage.running() as manager:
        entry = await stage.place(**{"price": 900_000_0, **terms})
        await stage.becomes(entry, OrderState.LIVE)
        (working,) = manager.working
        price = int((working.trigger_price or Decimal(0)).scaleb(1))
        assert price == terms.get("price", 900_000_0)
        name = "trigger_price" if "price2" in terms else "price"
        amend = await manager.amend(working, stage.situation, FREE, **{name: price + 10})
        assert isinstance(amend, OutboxEntry), amend
        assert (amend.state, amend.reason) == (OrderState.ACKNOWLEDGED, "")
    assert stage.at_exchange(entry).trigger_price == price + 10


async def test_a_fill_brings_forth_its_close_which_names_its_order(stage: Stage) -> None:
    ask = stage.server.exchange.matcher(SYMBOL).best_ask
    assert ask is not None
    close = CloseDraft(order_type=OrderType.TAKE_PROFIT, price=ask.price * 2)
    async with stage.running() as manager:
        entry = await stage.place(ask.price, 100_000, close=close)
        entry = await stage.becomes(entry, OrderState.FILLED)
        await stage.until(lambda: len(manager.working) == 1)
        (closing,) = manager.working
    assert (closing.ord_ref_id, closing.side) == (entry.txid, Side.ASK)


CLOSE = CloseDraft(order_type=OrderType.STOP_LOSS, price=FAR // 2)


async def test_an_order_with_a_close_is_followed_by_its_number_because_it_has_no_client_id(
    stage: Stage,
) -> None:
    async with stage.running() as manager:
        entry = await stage.becomes(await stage.place(close=CLOSE), OrderState.LIVE)
        (order,) = stage.orders
        assert (order.request.cl_ord_id, order.request.userref) == (None, entry.userref)
        assert (await manager.cancel_own()).count == 1
        await stage.becomes(entry, OrderState.CANCELLED)


@pytest.mark.parametrize("listening", [True, False], ids=["by the stream", "by a look-up"])
async def test_a_lost_answer_to_an_order_with_a_close_is_settled_by_its_number(
    stage: Stage, listening: bool
) -> None:
    async with stage.running(listening=listening) as manager:
        stage.server.exchange.order_faults.expect(OrderFault.REPLY_LOST, "AddOrder")
        entry = await stage.place(close=CLOSE)
        if not listening:
            await manager.reconciler.reconcile_due()
            assert manager.outbox[entry.id].state is OrderState.LIVE
        else:
            await stage.becomes(entry, OrderState.LIVE)


async def test_an_order_with_a_close_of_unknown_outcome_is_cancelled_by_its_number(
    stage: Stage,
) -> None:
    async with stage.running(listening=False) as manager:
        stage.server.exchange.order_faults.expect(OrderFault.REPLY_LOST, "AddOrder")
        entry = await stage.place(close=CLOSE)
        assert entry.state is OrderState.UNKNOWN
        assert (await manager.cancel(cl_ord_id=entry.id)).count == 1


async def test_a_crossing_post_only_order_ends_without_a_trade(stage: Stage) -> None:
    ask = stage.server.exchange.matcher(SYMBOL).best_ask
    assert ask is not None
    blind = msgspec.structs.replace(stage.situation, ask=ask.price * 2)
    async with stage.running() as manager:
        draft = msgspec.structs.replace(drafts(ask.price)[0], post_only=True)
        entry = await manager.place(draft, blind)
        assert isinstance(entry, OutboxEntry)
        entry = await stage.becomes(entry, OrderState.CANCELLED)
    assert (entry.reason, entry.filled) == ("Post only order", 0)


async def test_every_type_passes_a_dry_run(stage: Stage) -> None:
    async with stage.running(listening=False) as manager:
        for terms in (
            {"order_type": OrderType.MARKET, "price": None},
            {"time_in_force": TimeInForce.FOK},
            {"time_in_force": TimeInForce.GTD, "expires_in_s": 60},
            {"order_type": OrderType.ICEBERG, "display_qty": 100_000},
            {"close": CloseDraft(order_type=OrderType.STOP_LOSS, price=FAR // 2)},
        ):
            draft = msgspec.structs.replace(drafts(FAR)[0], **terms)
            assert (await manager.validate(draft, stage.situation)).txid == ()
        reply = await manager.validate_batch(drafts(FAR, FAR + 10), stage.situation)
        assert [order.error for order in reply.orders] == [None, None]
    assert stage.orders == []
