"""An order without an answer is looked up until its outcome is known, and never sent again."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from kracked.orders import Check, OrderDeclined, OrderManager, OrderState, OutboxEntry
from kracked.protocol.events import Executions
from kracked.times import NS_PER_S
from tests.orders.conftest import OpenManager
from tests.orders.exchange_model import NOW
from tests.orders.scripted_exchange import Market
from tests.orders.test_order_manager import ASK, DRAFT, place, report
from tests.patience import until
from tests.rest import scripted_http as answers
from tests.rest.conftest import FrozenTime


async def settled(manager: OrderManager, frozen: FrozenTime, entry: OutboxEntry) -> OutboxEntry:
    """Look an entry up until its outcome is known, letting time pass between."""
    for _ in range(30):
        await manager.reconciler.reconcile_due()
        if manager.outbox[entry.id].state is not OrderState.UNKNOWN:
            break
        frozen.now += 5 * NS_PER_S
    return manager.outbox[entry.id]


FAULTS = {
    "reply dropped": answers.dropped,
    "reply late": answers.silence,
    "502": answers.bad_gateway,
    "unavailable": answers.refusal("EService:Unavailable"),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_an_order_accepted_without_a_reply_is_found_and_was_sent_once(
    market: Market, opened: OpenManager, frozen: FrozenTime, fault: Any
) -> None:
    market.fails("AddOrder", fault, after_acting=True)
    with opened() as manager:
        entry = await place(manager)
        assert entry.state is OrderState.UNKNOWN
        assert (await settled(manager, frozen, entry)).state is OrderState.LIVE
    assert market.exchange.count("AddOrder") == 1


async def test_an_order_taken_though_its_nonce_was_called_invalid_is_one_order(
    market: Market, opened: OpenManager, frozen: FrozenTime
) -> None:
    """A gateway on the way repeats the request, and only the second answer comes back."""
    market.fails("AddOrder", answers.refusal("EAPI:Invalid nonce"), after_acting=True)
    with opened() as manager:
        entry = await place(manager)
        assert entry.state is OrderState.UNKNOWN
        assert (await settled(manager, frozen, entry)).state is OrderState.LIVE
    assert market.exchange.count("AddOrder") == 1


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_an_order_that_never_arrived_is_settled_as_never_placed_after_the_window(
    market: Market, opened: OpenManager, frozen: FrozenTime, fault: Any
) -> None:
    market.fails("AddOrder", fault, after_acting=False)
    start = frozen.now
    with opened() as manager:
        entry = await place(manager)
        final = await settled(manager, frozen, entry)
    assert (final.state, "never placed" in final.reason) == (OrderState.REFUSED, True)
    assert frozen.now - start >= 65 * NS_PER_S
    assert market.exchange.count("AddOrder") == 1


async def test_an_order_that_filled_at_once_is_found_among_the_closed(
    market: Market, opened: OpenManager, frozen: FrozenTime
) -> None:
    market.fills_at_once = True
    market.fails("AddOrder", answers.dropped, after_acting=True)
    with opened() as manager:
        final = await settled(manager, frozen, await place(manager))
    assert (final.state, final.filled) == (OrderState.FILLED, Decimal("0.00100000"))


async def test_an_order_far_back_among_the_closed_is_found_on_its_page(
    market: Market, opened: OpenManager, frozen: FrozenTime
) -> None:
    """If the exchange shows orders of other ids too, one page is not enough."""
    others = {f"O{number}": {"status": "closed", "cl_ord_id": "another"} for number in range(70)}
    shown = market.exchange.always["ClosedOrders"]

    def paged(request: Any) -> Any:
        rows = list((others | shown(request)["closed"]).items())
        offset = market.exchange.last("ClosedOrders").body.get("ofs", 0)
        return {"closed": dict(rows[offset : offset + 50])}

    market.exchange.always["ClosedOrders"] = paged
    market.fills_at_once = True
    market.fails("AddOrder", answers.dropped, after_acting=True)
    with opened() as manager:
        assert (await settled(manager, frozen, await place(manager))).state is OrderState.FILLED


async def test_the_stream_settles_an_unknown_order_without_a_question(
    market: Market, opened: OpenManager
) -> None:
    market.fails("AddOrder", answers.dropped, after_acting=True)
    with opened() as manager:
        entry = await place(manager)
        manager.apply(report("OTEST0-AAAAA-AAAAAA", entry.id))
        assert manager.outbox[entry.id].state is OrderState.LIVE
    assert market.exchange.count("OpenOrders") == 0


async def test_while_an_outcome_is_not_known_nothing_more_is_sent(
    market: Market, opened: OpenManager
) -> None:
    market.fails("AddOrder", answers.dropped, after_acting=True)
    with opened() as manager:
        await place(manager)
        again = await manager.place(ASK, NOW)
    assert isinstance(again, OrderDeclined)
    assert again.refusals[0].check is Check.UNKNOWN
    assert market.exchange.count("AddOrder") == 1


async def test_an_unknown_order_is_settled_after_a_restart(
    market: Market, opened: OpenManager, frozen: FrozenTime
) -> None:
    market.fails("AddOrder", answers.dropped, after_acting=True)
    with opened() as manager:
        entry = await place(manager)
    with opened() as manager:
        assert manager.outbox[entry.id].state is OrderState.UNKNOWN
        assert (await settled(manager, frozen, entry)).state is OrderState.LIVE
    assert market.exchange.count("AddOrder") == 1


async def test_an_order_nobody_waits_for_any_more_is_unknown_at_once(
    market: Market, opened: OpenManager
) -> None:
    market.fails("AddOrder", answers.silence, after_acting=True)
    with opened() as manager:
        placing = asyncio.create_task(manager.place(DRAFT, NOW))
        await until(lambda: bool(market.orders))
        placing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await placing
        assert [entry.state for entry in manager.outbox] == [OrderState.UNKNOWN]


async def test_an_order_in_flight_when_the_program_ends_is_unknown_after_it(
    market: Market, opened: OpenManager, frozen: FrozenTime
) -> None:
    market.fails("AddOrder", answers.silence, after_acting=True)
    with opened() as manager:
        placing = asyncio.create_task(manager.place(DRAFT, NOW))
        await until(lambda: bool(market.orders))
        placing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await placing
    with opened() as manager:
        (entry,) = manager.outbox
        assert entry.state is OrderState.UNKNOWN
        assert (await settled(manager, frozen, entry)).state is OrderState.LIVE


async def test_an_order_that_ended_while_the_program_was_away_is_looked_up(
    market: Market, opened: OpenManager
) -> None:
    with opened() as manager:
        entry = await place(manager)
        manager.apply(report("OTEST0-AAAAA-AAAAAA", entry.id))
    market.orders["OTEST0-AAAAA-AAAAAA"]["status"] = "canceled"
    with opened() as manager:
        await manager.reconciler.reconcile_due()
        assert manager.outbox[entry.id].state is OrderState.CANCELLED


async def test_orders_whose_ids_are_known_are_looked_up_together(
    market: Market, opened: OpenManager
) -> None:
    with opened() as manager:
        for draft in (DRAFT, ASK):
            await place(manager, draft)
    for row in market.orders.values():
        row["status"] = "canceled"
    with opened() as manager:
        await manager.reconciler.reconcile_due()
        assert [entry.state for entry in manager.outbox] == [OrderState.CANCELLED] * 2
    names = [call.name for call in market.exchange.calls]
    assert names == ["AddOrder", "AddOrder", "QueryOrders"]


@pytest.mark.parametrize(
    ("acted", "state"), [(True, OrderState.ACKNOWLEDGED), (False, OrderState.REFUSED)]
)
async def test_an_amend_without_a_reply_is_settled_by_the_order_itself(
    market: Market, opened: OpenManager, frozen: FrozenTime, acted: bool, state: OrderState
) -> None:
    with opened() as manager:
        entry = await place(manager)
        manager.apply(report("OTEST0-AAAAA-AAAAAA", entry.id))
        (order,) = manager.working
        market.fails("AmendOrder", answers.dropped, after_acting=acted)
        amended = await manager.amend(order, NOW, qty=90_000)
        assert isinstance(amended, OutboxEntry)
        assert isinstance(await manager.amend(order, NOW, qty=80_000), OrderDeclined)
        assert (await settled(manager, frozen, amended)).state is state
    assert market.exchange.count("AmendOrder") == 1


async def test_a_lookup_that_fails_is_tried_again_later(
    market: Market, opened: OpenManager, frozen: FrozenTime
) -> None:
    market.fails("AddOrder", answers.dropped, after_acting=True)
    for _ in range(4):
        market.exchange.script["OpenOrders"].append(answers.bad_gateway)
    with opened() as manager:
        entry = await place(manager)
        assert (await settled(manager, frozen, entry)).state is OrderState.LIVE


async def test_the_settler_runs_beside_the_desk_and_ends_when_told(
    market: Market, opened: OpenManager
) -> None:
    market.fails("AddOrder", answers.dropped, after_acting=True)
    with opened() as manager:
        running = asyncio.create_task(manager.reconciler.run())
        entry = await place(manager)
        await until(lambda: manager.outbox[entry.id].state is OrderState.LIVE)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


async def test_an_outcome_that_is_not_known_is_looked_up_at_once(
    market: Market, opened: OpenManager
) -> None:
    with opened() as manager:
        looking = asyncio.create_task(manager.reconciler.run())
        await until(lambda: market.exchange.count("Time"))
        market.fails("AddOrder", answers.dropped, after_acting=True)
        entry = await place(manager)
        await until(lambda: manager.outbox[entry.id].state is OrderState.LIVE)
        looking.cancel()


async def test_the_next_look_up_is_the_soonest_of_all(
    market: Market, opened: OpenManager, frozen: FrozenTime
) -> None:
    market.fails("AddOrder", answers.dropped, after_acting=False)
    with opened() as manager:
        await place(manager)
        assert manager.reconciler.next_due() == 0
        await manager.reconciler.reconcile_due()
        assert manager.reconciler.next_due() == frozen.now + 2 * NS_PER_S
        frozen.now += 2 * NS_PER_S
        await manager.reconciler.reconcile_due()
        assert manager.reconciler.next_due() == frozen.now + 5 * NS_PER_S


async def test_orders_whose_ids_are_known_are_looked_up_in_one_call(
    market: Market, opened: OpenManager, frozen: FrozenTime
) -> None:
    with opened() as manager:
        entries = [
            await place(manager, msgspec.structs.replace(DRAFT, price=DRAFT.price - step))
            for step in range(3)
        ]
        frozen.now += 5 * NS_PER_S
        await manager.reconciler.reconcile_due()
        assert {manager.outbox[entry.id].state for entry in entries} == {OrderState.LIVE}
    (asked,) = [call.body["txid"] for call in market.exchange.calls if call.name == "QueryOrders"]
    assert asked.split(",") == [entry.txid for entry in entries]
    assert market.exchange.count("OpenOrders") == 0


async def test_an_order_that_a_snapshot_leaves_out_is_looked_up_until_the_window_is_over(
    market: Market, opened: OpenManager, frozen: FrozenTime
) -> None:
    with opened() as manager:
        entry = await place(manager)
        assert entry.txid is not None
        manager.apply(report(entry.txid, entry.id))
        manager.apply(Executions(0, (), snapshot=True))
        for _ in range(20):
            await manager.reconciler.reconcile_due()
            frozen.now += 5 * NS_PER_S
        asked = market.exchange.count("QueryOrders")
        assert asked > 3
        for _ in range(20):
            await manager.reconciler.reconcile_due()
            frozen.now += 5 * NS_PER_S
        assert market.exchange.count("QueryOrders") == asked
        assert manager.outbox[entry.id].state is OrderState.LIVE


async def test_orders_alike_that_are_looked_up_together_are_not_taken_for_each_other(
    market: Market, opened: OpenManager, frozen: FrozenTime
) -> None:
    with opened() as manager:
        first = await place(manager)
        second = await place(manager, msgspec.structs.replace(DRAFT, price=DRAFT.price - 1))
        for order in market.orders.values():
            del order["cl_ord_id"]
        market.orders[str(second.txid)] |= {"status": "canceled", "opentm": 1754000009.0}
        frozen.now += 5 * NS_PER_S
        await manager.reconciler.reconcile_due()
        states = [manager.outbox[entry.id].state for entry in (first, second)]
    assert states == [OrderState.LIVE, OrderState.CANCELLED]
