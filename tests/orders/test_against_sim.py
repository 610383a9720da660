"""The manager, its outbox and the REST client against the simulated exchange, over real sockets."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from kracked.orders.draft import Draft
from kracked.orders.outbox.order_states import OrderState
from kracked.orders.outbox.outbox import OutboxEntry
from kracked.orders.reconcile_rules import SETTLE_NS
from kracked.orders.reviews import OrderDeclined
from kracked.protocol.events import Side
from kracked.protocol.order_terms import OrderType
from kracked.sim.faults.order_faults import OrderFault
from kracked.times import NS_PER_S
from tests.orders.sim_setup import FAR, SYMBOL, Stage


async def test_three_orders_are_live_on_both_sides(stage: Stage) -> None:
    async with stage.running():
        entries = [await stage.place(FAR + step) for step in range(3)]
        for entry in entries:
            await stage.becomes(entry, OrderState.LIVE)
    assert {order.request.cl_ord_id for order in stage.orders} == {entry.id for entry in entries}


async def test_neither_order_nor_cancel_waits_for_a_history_that_takes_seconds(
    stage: Stage,
) -> None:
    async with stage.running() as manager:
        faults = stage.server.exchange.order_faults
        faults.expect(OrderFault.REPLY_LATE, "ClosedOrders", by_ns=8 * NS_PER_S)
        reading = asyncio.create_task(stage.client.closed_orders())
        await stage.until_struck(OrderFault.REPLY_LATE)
        entry = await stage.becomes(await stage.place(), OrderState.LIVE)
        assert (await manager.cancel(txid=entry.txid)).count == 1
        assert not reading.done()
        reading.cancel()


@pytest.mark.parametrize(
    ("change", "first"),
    [({"qty": 500_000}, True), ({"qty": 2_000_000}, False)],
    ids=["less keeps the place", "more loses it"],
)
async def test_an_amend_keeps_or_loses_the_place_in_the_queue(
    stage: Stage, change: dict[str, int], first: bool
) -> None:
    async with stage.running() as manager:
        entries = [await stage.place() for _ in range(2)]
        for entry in entries:
            await stage.becomes(entry, OrderState.LIVE)
        mine = [stage.at_exchange(entry).order_id for entry in entries]
        working = manager.working.open.get(mine[0])
        assert working is not None
        amend = await manager.amend(working, stage.situation, **change)
        assert isinstance(amend, OutboxEntry)
        assert amend.state is OrderState.ACKNOWLEDGED
    queue = stage.server.exchange.matcher(SYMBOL).queue(Side.BID, FAR)
    assert [order.order_id for order in queue] == (mine if first else mine[::-1])


async def test_a_partial_fill_and_the_cancel_of_the_rest_are_learnt(stage: Stage) -> None:
    async with stage.running() as manager:
        ask = stage.server.exchange.matcher(SYMBOL).best_ask
        assert ask is not None
        entry = await stage.place(ask.price, ask.qty + 1_000_000)
        entry = await stage.becomes(entry, OrderState.LIVE)
        await stage.until(lambda: manager.outbox[entry.id].filled > 0)
        digits = stage.situation.instrument.precision
        assert manager.outbox[entry.id].filled == digits.qty_decimal(ask.qty)
        outcome = await manager.cancel(cl_ord_id=entry.id)
        assert outcome.count == 1
        await stage.becomes(entry, OrderState.CANCELLED)
    assert stage.at_exchange(entry).filled == ask.qty


async def test_an_order_whose_reply_is_lost_is_unknown_until_the_stream_shows_it(
    stage: Stage,
) -> None:
    async with stage.running():
        stage.server.exchange.order_faults.expect(OrderFault.REPLY_LOST, "AddOrder")
        entry = await stage.place()
        await stage.becomes(entry, OrderState.LIVE)
    assert len(stage.orders) == 1


@pytest.mark.parametrize("mishap", [OrderFault.REPLY_LOST, OrderFault.GATEWAY_AFTER])
async def test_a_lost_reply_is_settled_by_asking_when_nothing_is_streamed(
    stage: Stage, mishap: OrderFault
) -> None:
    async with stage.running(listening=False) as manager:
        stage.server.exchange.order_faults.expect(mishap, "AddOrder")
        entry = await stage.place()
        assert entry.state is OrderState.UNKNOWN
        await manager.reconciler.reconcile_due()
        assert manager.outbox[entry.id].state is OrderState.LIVE
    assert len(stage.orders) == 1


@pytest.mark.parametrize("mishap", [OrderFault.REQUEST_LOST, OrderFault.GATEWAY_BEFORE])
async def test_an_order_that_never_arrived_is_given_up_only_after_the_settle_window(
    stage: Stage, mishap: OrderFault
) -> None:
    async with stage.running(listening=False) as manager:
        stage.server.exchange.order_faults.expect(mishap, "AddOrder")
        entry = await stage.place()
        await manager.reconciler.reconcile_due()
        assert manager.outbox[entry.id].state is OrderState.UNKNOWN
        stage.clock.jump_to(entry.deadline + SETTLE_NS + NS_PER_S)
        await manager.reconciler.reconcile_due()
        assert manager.outbox[entry.id].state is OrderState.REFUSED
    assert stage.orders == []


async def test_a_rest_view_that_lags_does_not_make_an_order_disappear(stage: Stage) -> None:
    async with stage.running(listening=False) as manager:
        faults = stage.server.exchange.order_faults
        faults.expect(OrderFault.REPLY_LOST, "AddOrder")
        entry = await stage.place()
        faults.expect(OrderFault.REST_LAG, "OpenOrders")
        faults.expect(OrderFault.REST_LAG, "ClosedOrders")
        await manager.reconciler.reconcile_due()
        assert manager.outbox[entry.id].state is OrderState.UNKNOWN
        stage.clock.ahead_ns += 20 * NS_PER_S
        await manager.reconciler.reconcile_due()
        assert manager.outbox[entry.id].state is OrderState.LIVE


@pytest.mark.parametrize("order_type", [OrderType.MARKET, OrderType.LIMIT])
async def test_an_order_that_a_gateway_delivers_twice_is_bought_once(
    stage: Stage, order_type: OrderType
) -> None:
    price = None if order_type is OrderType.MARKET else FAR
    async with stage.running(listening=False) as manager:
        stage.server.exchange.order_faults.expect(OrderFault.TWICE, "AddOrder")
        entry = await stage.place(price, order_type=order_type)
        assert entry.state is OrderState.UNKNOWN
        await manager.reconciler.reconcile_due()
        placed = {OrderType.MARKET: OrderState.FILLED, OrderType.LIMIT: OrderState.LIVE}
        assert manager.outbox[entry.id].state is placed[order_type]
    assert [order.request.cl_ord_id for order in stage.orders] == [entry.id]


async def test_a_batch_that_a_gateway_delivers_twice_is_placed_once(stage: Stage) -> None:
    async with stage.running(listening=False) as manager:
        stage.server.exchange.order_faults.expect(OrderFault.TWICE, "AddOrderBatch")
        drafts = [
            Draft(symbol=SYMBOL, side=Side.BID, qty=1_000_000, price=FAR + step)
            for step in range(2)
        ]
        entries = await manager.place_batch(drafts, stage.situation)
        assert not isinstance(entries, OrderDeclined)
        assert {entry.state for entry in entries} == {OrderState.UNKNOWN}
        await manager.reconciler.reconcile_due()
        assert {manager.outbox[entry.id].state for entry in entries} == {OrderState.LIVE}
    assert len(stage.orders) == 2


async def test_an_amend_that_a_gateway_delivers_twice_is_found_in_force(stage: Stage) -> None:
    async with stage.running() as manager:
        await stage.becomes(await stage.place(), OrderState.LIVE)
        (order,) = manager.working
        stage.server.exchange.order_faults.expect(OrderFault.TWICE, "AmendOrder")
        amend = await manager.amend(order, stage.situation, price=FAR + 10)
        assert isinstance(amend, OutboxEntry)
        await manager.reconciler.reconcile_due()
        assert manager.outbox[amend.id].state is OrderState.ACKNOWLEDGED
    assert stage.server.exchange.order_faults.injected == [(OrderFault.TWICE, "AmendOrder")]


async def test_an_order_whose_nonce_is_refused_is_sent_once(stage: Stage) -> None:
    async with stage.running(listening=False):
        stage.server.exchange.order_faults.expect(OrderFault.NONCE, "AddOrder", times=2)
        entry = await stage.place()
        assert entry.state is OrderState.UNKNOWN
    assert len(stage.server.exchange.order_faults.injected) == 1


async def test_a_refusal_is_told_in_the_exchanges_words(stage: Stage) -> None:
    async with stage.running(listening=False):
        entry = await stage.place(qty=1000 * 10**8)
        assert (entry.state, entry.reason) == (OrderState.REFUSED, "EOrder:Insufficient funds")


async def test_a_program_that_dies_before_the_answer_finds_its_order_again(stage: Stage) -> None:
    async with stage.running(listening=False):
        stage.server.exchange.order_faults.expect(OrderFault.REPLY_LOST, "AddOrder")
        entry = await stage.place()
    async with stage.running(listening=False) as manager:
        assert manager.outbox[entry.id].state is OrderState.UNKNOWN
        await manager.reconciler.reconcile_due()
        assert manager.outbox[entry.id].state is OrderState.LIVE
    assert len(stage.orders) == 1


async def test_nothing_reaches_the_exchange_twice_whatever_befalls_it(stage: Stage) -> None:
    faults = stage.server.exchange.order_faults
    troubles = set(OrderFault) - {OrderFault.REST_LAG, OrderFault.DOMAIN_RATE}
    async with stage.running() as manager:
        for step in range(len(troubles) * 3):
            faults.expect(sorted(troubles)[step % len(troubles)], "AddOrder", by_ns=1)
            entry = await stage.place(FAR + step)
            if entry.state is OrderState.UNKNOWN:
                stage.clock.jump_to(entry.deadline + SETTLE_NS + NS_PER_S)
                await manager.reconciler.reconcile_due()
            stage.clock.ahead_ns += 5 * NS_PER_S  # a throttle ends
    counted = Counter(order.request.cl_ord_id for order in stage.orders)
    assert set(counted.values()) == {1}
    live = {entry.id for entry in manager.outbox if entry.state is OrderState.LIVE}
    assert live == set(counted)
    # Lost, late and cut answers, pages after acting, and second deliveries.
    assert len(live) == 5 * 3
