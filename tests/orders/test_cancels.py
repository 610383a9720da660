"""Cancels: the orders are gone afterwards, or the outcome says that they may not be."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kracked.orders import CloseDraft, OrderState, OutboxEntry, open_order_manager
from kracked.orders.outbox.journal import Journal
from kracked.protocol.events import Executions, Side
from kracked.protocol.order_terms import OrderType
from kracked.rest.client import RestClient
from kracked.rest.request_executor import RequestTiming
from kracked.times import NS_PER_S
from tests.orders.conftest import OpenManager
from tests.orders.exchange_model import NOW
from tests.orders.scripted_exchange import Market
from tests.orders.test_order_manager import ASK, DRAFT, place, report
from tests.patience import PATIENCE_S, until
from tests.rest import scripted_http as answers
from tests.rest.conftest import FrozenTime


async def test_a_cancel_is_repeated_until_it_is_answered(
    market: Market, opened: OpenManager
) -> None:
    with opened() as manager:
        entry = await place(manager)
        market.fails("CancelOrder", answers.dropped, after_acting=True)
        outcome = await manager.cancel(cl_ord_id=entry.id)
    assert (outcome.gone, market.exchange.count("CancelOrder")) == (True, 2)


async def test_a_cancel_that_is_taken_settles_an_unknown_order(
    market: Market, opened: OpenManager, frozen: FrozenTime
) -> None:
    market.fails("AddOrder", answers.dropped, after_acting=True)
    with opened() as manager:
        entry = await place(manager)
        outcome = await manager.cancel(cl_ord_id=entry.id)
        assert (outcome.count, outcome.failed) == (1, False)
        assert manager.outbox[entry.id].state is OrderState.ACKNOWLEDGED
        frozen.now += 5 * NS_PER_S
        await manager.reconciler.reconcile_due()
        assert manager.outbox[entry.id].state is OrderState.CANCELLED


async def test_a_cancel_that_finds_nothing_settles_nothing(
    market: Market, opened: OpenManager
) -> None:
    market.fails("AddOrder", answers.dropped, after_acting=False)
    with opened() as manager:
        entry = await place(manager)
        outcome = await manager.cancel(cl_ord_id=entry.id)
        assert (outcome.gone, outcome.failed) == (True, True)
        assert manager.outbox[entry.id].state is OrderState.UNKNOWN


@pytest.mark.parametrize("arrived", [True, False])
async def test_a_pair_is_not_cancelled_while_one_of_its_orders_may_still_arrive(
    market: Market, opened: OpenManager, arrived: bool
) -> None:
    market.fails("AddOrder", answers.dropped, after_acting=arrived)
    with opened() as manager:
        await place(manager)
        outcome = await manager.cancel_pair("BTC/USD")
    assert (outcome.count, outcome.failed) == (int(arrived), not arrived)


async def test_the_account_is_not_cleared_while_an_order_may_still_arrive(
    market: Market, opened: OpenManager
) -> None:
    market.fails("AddOrder", answers.dropped, after_acting=False)
    with opened() as manager:
        await place(manager)
        assert (await manager.cancel_all()).failed


async def test_a_pair_is_cancelled_with_the_orders_the_stream_has_not_shown(
    market: Market, opened: OpenManager
) -> None:
    with opened() as manager:
        first, second = await place(manager), await place(manager, ASK)
        manager.apply(report("OTEST0-AAAAA-AAAAAA", first.id))
        outcome = await manager.cancel_pair("BTC/USD")
    body = market.exchange.last("CancelOrderBatch").body
    assert (body["orders"], body["cl_ord_ids"]) == (["OTEST0-AAAAA-AAAAAA"], [second.id])
    assert outcome.count == 2


async def test_an_own_order_the_stream_has_told_too_little_of_goes_with_its_pair(
    market: Market, opened: OpenManager
) -> None:
    with opened() as manager:
        entry = await place(manager)
        manager.apply(report("OTEST0-AAAAA-AAAAAA", entry.id, symbol="", side=""))
        assert (await manager.cancel_pair("BTC/USD", Side.BID)).count == 1


async def test_a_cancel_without_room_on_the_rate_counter_is_tried_again_and_counted(
    market: Market, opened: OpenManager, frozen: FrozenTime
) -> None:
    with opened() as manager:
        entry = await place(manager)
        manager.apply(report("OTEST0-AAAAA-AAAAAA", entry.id))
        refused = answers.refusal("EOrder:Rate limit exceeded")
        market.exchange.script["CancelOrder"].extend([refused] * 2)
        assert (await manager.cancel(txid="OTEST0-AAAAA-AAAAAA")).count == 1
        market.exchange.always["CancelOrder"] = refused
        assert (await manager.cancel(txid="O9")).failed
        manager.apply(report("O9", "another"))
        assert (await manager.cancel_pair("BTC/USD")).failed
        assert manager.engine.room("BTC/USD", frozen.now) == 0


@pytest.mark.parametrize("way", ["one", "the pair", "own", "all"])
async def test_a_cancel_refused_for_the_whole_account_is_tried_again_and_holds_every_pair(
    market: Market, opened: OpenManager, frozen: FrozenTime, way: str
) -> None:
    refused = answers.refusal("EOrder:Domain rate limit exceeded")
    with opened() as manager:
        entry = await place(manager)
        manager.apply(Executions(0, (), snapshot=True))
        manager.apply(report("OTEST0-AAAAA-AAAAAA", entry.id))
        cancels = {
            "one": lambda: manager.cancel(txid=entry.txid),
            "the pair": lambda: manager.cancel_pair("BTC/USD"),
            "own": manager.cancel_own,
            "all": manager.cancel_all,
        }
        name = "CancelAll" if way == "all" else "CancelOrder"
        market.exchange.script[name].extend([refused] * 4)
        assert (await cancels[way]()).failed
        assert market.exchange.count("CancelAll") + market.exchange.count("CancelOrder") >= 4
        assert manager.engine.room("ETH/USD", frozen.now) < 5


async def test_one_side_of_a_pair_is_cancelled_alone(market: Market, opened: OpenManager) -> None:
    with opened() as manager:
        await place(manager)
        await place(manager, ASK)
        outcome = await manager.cancel_pair("BTC/USD", Side.ASK)
    assert outcome.count == 1
    assert [order["status"] for order in market.orders.values()] == ["open", "canceled"]


@pytest.mark.parametrize("cancel", ["pair", "one"])
async def test_an_order_that_lands_after_its_cancel_is_cancelled_again(
    market: Market, client: RestClient, frozen: FrozenTime, outbox_file: Path, cancel: str
) -> None:
    arrive, act = asyncio.Event(), market.exchange.always["AddOrder"]

    async def slow(request: Any) -> Any:
        sent = market.exchange.calls[-1]
        await arrive.wait()
        market.exchange.calls.append(sent)
        return act(request)

    async def answered(pause_s: float) -> None:
        arrive.set()
        await asyncio.wait([placing])

    market.exchange.script["AddOrder"].append(slow)
    timing = RequestTiming(frozen.clock, answered, ticks=frozen.clock)
    with open_order_manager(client, outbox_file, timing=timing) as manager:
        placing = asyncio.create_task(manager.place(DRAFT, NOW))
        await until(lambda: market.exchange.count("AddOrder") == 1)
        (entry,) = manager.outbox
        outcome = await {
            "pair": lambda: manager.cancel_pair("BTC/USD"),
            "one": lambda: manager.cancel(cl_ord_id=entry.id),
        }[cancel]()
    assert (outcome.count, outcome.gone, outcome.failed) == (1, False, False)
    assert [order["status"] for order in market.orders.values()] == ["canceled"]


@pytest.mark.parametrize("cancel", ["all", "pair", "one"])
async def test_an_order_still_on_its_way_to_the_disk_is_withdrawn_by_its_cancel(
    market: Market, opened: OpenManager, monkeypatch: pytest.MonkeyPatch, cancel: str
) -> None:
    disk = threading.Event()
    with opened() as manager:
        monkeypatch.setattr(Journal, "sync", lambda journal: disk.wait(PATIENCE_S))
        placing = asyncio.create_task(manager.place(DRAFT, NOW))
        await until(lambda: len(manager.outbox) == 1)
        (entry,) = manager.outbox
        await {
            "all": manager.cancel_all,
            "pair": lambda: manager.cancel_pair("BTC/USD"),
            "one": lambda: manager.cancel(cl_ord_id=entry.id),
        }[cancel]()
        disk.set()
        placed = await placing
    assert isinstance(placed, OutboxEntry)
    assert (placed.state, "withdrawn" in placed.reason) == (OrderState.REFUSED, True)
    assert market.exchange.count("AddOrder") == 0
    assert market.exchange.count("CancelOrder") == (cancel == "one")


async def test_cancelling_everything_goes_on_one_by_one_when_calls_are_limited(
    market: Market, opened: OpenManager
) -> None:
    market.exchange.always["CancelAll"] = answers.refusal("EAPI:Rate limit exceeded")
    with opened() as manager:
        entry = await place(manager)
        manager.apply(report("OTEST0-AAAAA-AAAAAA", entry.id))
        outcome = await manager.cancel_all()
    assert [order["status"] for order in market.orders.values()] == ["canceled"]
    assert outcome.failed  # orders of other programs may still be open


@pytest.mark.parametrize(
    ("error", "failed"),
    [
        ("EOrder:Rate limit exceeded", True),
        ("EAPI:Invalid key", True),
        ("EService:Unavailable", True),
        ("EOrder:Unknown order", False),
        ("EOrder:Invalid order", False),
    ],
)
async def test_a_cancel_that_was_not_done_says_so(
    market: Market, opened: OpenManager, error: str, failed: bool
) -> None:
    market.exchange.always["CancelOrder"] = answers.refusal(error)
    with opened() as manager:
        outcome = await manager.cancel(txid="O1")
    assert (outcome.failed, outcome.gone) == (failed, not failed)


@pytest.mark.parametrize(
    "error",
    ["EOrder:Unknown order", "EGeneral:Invalid arguments:orders", "EAPI:Rate limit exceeded"],
)
async def test_a_batch_that_is_refused_is_cancelled_one_by_one(
    market: Market, opened: OpenManager, error: str
) -> None:
    with opened() as manager:
        await place(manager)
        await place(manager, ASK)
        market.exchange.script["CancelOrderBatch"].append(answers.refusal(error))
        outcome = await manager.cancel_pair("BTC/USD")
    assert (outcome.count, market.exchange.count("CancelOrder")) == (2, 2)
    assert not outcome.failed


async def test_a_batch_refused_for_the_key_is_not_tried_in_parts(
    market: Market, opened: OpenManager
) -> None:
    market.exchange.always["CancelOrderBatch"] = answers.refusal("EGeneral:Permission denied")
    with opened() as manager:
        await place(manager)
        await place(manager, ASK)
        assert (await manager.cancel_pair("BTC/USD")).failed
    assert market.exchange.count("CancelOrder") == 0


async def test_a_pair_whose_orders_are_partly_gone_already_is_cancelled(
    market: Market, opened: OpenManager
) -> None:
    with opened() as manager:
        await place(manager)
        await place(manager, ASK)
        market.orders["OTEST0-AAAAA-AAAAAA"]["status"] = "closed"
        market.exchange.script["CancelOrderBatch"].append(answers.refusal("EOrder:Unknown order"))
        outcome = await manager.cancel_pair("BTC/USD")
    assert (outcome.count, outcome.error, outcome.failed) == (1, "", False)


async def test_cancelling_a_pair_without_orders_asks_nothing(
    market: Market, opened: OpenManager
) -> None:
    with opened() as manager:
        manager.apply(Executions(0, (), snapshot=True))
        assert (await manager.cancel_pair("BTC/USD")).count == 0
    assert market.exchange.calls == []


async def test_own_orders_are_cancelled_with_those_nobody_has_heard_of_and_no_others(
    market: Market, opened: OpenManager
) -> None:
    with opened() as manager:
        first = await place(manager)
        manager.apply(report("OTEST0-AAAAA-AAAAAA", first.id))
        manager.apply(report("OHAND0-AAAAA-AAAAAA", "by hand"))
        market.fails("AddOrder", answers.dropped, after_acting=True)
        second = await place(manager, ASK)
        outcome = await manager.cancel_own()
    body = market.exchange.last("CancelOrderBatch").body
    assert (body["orders"], body["cl_ord_ids"]) == (["OTEST0-AAAAA-AAAAAA"], [second.id])
    assert (outcome.count, outcome.failed) == (2, False)


async def test_cancel_all_is_one_call_and_counts_every_order_that_is_shown(
    market: Market, opened: OpenManager, frozen: FrozenTime
) -> None:
    with opened() as manager:
        entry = await place(manager)
        manager.apply(report("OTEST0-AAAAA-AAAAAA", entry.id))
        before = manager.engine.count("BTC/USD", frozen.now)
        assert (await manager.cancel_all()).count == 1
        assert manager.engine.count("BTC/USD", frozen.now) == before + 8
    assert [call.name for call in market.exchange.calls] == ["AddOrder", "CancelAll"]


async def test_of_two_names_the_exchanges_own_is_used(market: Market, opened: OpenManager) -> None:
    with opened() as manager:
        entry = await place(manager)
        assert (await manager.cancel(txid=entry.txid, cl_ord_id=entry.id)).count == 1
    body = market.exchange.last("CancelOrder").body
    assert (body["txid"], body.get("cl_ord_id")) == (entry.txid, None)


@pytest.mark.parametrize("known", [True, False], ids=["its id is known", "it is not"])
async def test_an_order_with_a_close_is_cancelled_by_its_number_until_its_id_is_known(
    market: Market, opened: OpenManager, known: bool
) -> None:
    close = CloseDraft(order_type=OrderType.STOP_LOSS, price=240_000)
    market.exchange.script["AddOrder"].append({"txid": ["O1"]} if known else answers.dropped)
    with opened() as manager:
        entry = await place(manager, msgspec.structs.replace(DRAFT, close=close))
        await manager.cancel(txid=entry.txid, cl_ord_id=entry.id)
    body = market.exchange.last("CancelOrder").body
    assert entry.userref is not None
    assert body["txid"] == ("O1" if known else entry.userref)
    assert "cl_ord_id" not in body


async def test_a_cancel_by_the_exchanges_id_is_counted_by_the_age_of_its_order(
    market: Market, opened: OpenManager, frozen: FrozenTime
) -> None:
    with opened() as manager:
        entry = await place(manager)
        manager.apply(report("OTEST0-AAAAA-AAAAAA", entry.id))
        before = manager.engine.count("BTC/USD", frozen.now)
        await manager.cancel(txid=entry.txid)
        assert manager.engine.count("BTC/USD", frozen.now) == before + 8  # younger than 5 s


async def test_a_good_cancel_leaves_the_room_for_new_orders(
    market: Market, opened: OpenManager, frozen: FrozenTime
) -> None:
    with opened() as manager:
        entry = await place(manager)
        manager.apply(report("OTEST0-AAAAA-AAAAAA", entry.id))
        assert (await manager.cancel_pair("BTC/USD")).count == 1
        assert manager.engine.room("BTC/USD", frozen.now) == 48 - 1 - 8


async def test_a_single_cancel_refused_for_the_rate_leaves_no_room(
    market: Market, opened: OpenManager, frozen: FrozenTime
) -> None:
    with opened() as manager:
        entry = await place(manager)
        manager.apply(report("OTEST0-AAAAA-AAAAAA", entry.id))
        market.exchange.always["CancelOrder"] = answers.refusal("EOrder:Rate limit exceeded")
        await manager.cancel(txid=entry.txid)
        assert manager.engine.count("BTC/USD", frozen.now) > 58


@pytest.mark.parametrize("way", ["one", "the pair", "own", "all"])
async def test_a_cancel_that_is_answered_waits_for_nothing(
    market: Market, opened: OpenManager, frozen: FrozenTime, way: str
) -> None:
    with opened() as manager:
        entry = await place(manager)
        cancels = {
            "one": lambda: manager.cancel(cl_ord_id=entry.id),
            "the pair": lambda: manager.cancel_pair("BTC/USD"),
            "own": manager.cancel_own,
            "all": manager.cancel_all,
        }
        assert (await cancels[way]()).count == 1
    assert frozen.slept_s == []


@pytest.mark.parametrize("name", ["CancelOrder", "CancelAll"])
async def test_a_cancel_without_an_answer_is_tried_four_times_with_growing_pauses(
    market: Market, opened: OpenManager, frozen: FrozenTime, name: str
) -> None:
    market.exchange.always[name] = answers.dropped
    with opened() as manager:
        one = name == "CancelOrder"
        outcome = await (manager.cancel(txid="O1") if one else manager.cancel_all())
    assert (outcome.failed, market.exchange.count(name)) == (True, 4)
    assert frozen.slept_s == [0.2, 0.5, 1.0]


async def test_a_side_is_cancelled_without_the_other_one_that_the_stream_shows(
    market: Market, opened: OpenManager
) -> None:
    with opened() as manager:
        for draft, side in ((DRAFT, "buy"), (ASK, "sell")):
            entry = await place(manager, draft)
            assert entry.txid is not None
            manager.apply(report(entry.txid, entry.id, side=side))
        await manager.cancel_pair("BTC/USD", Side.BID)
    assert [order["status"] for order in market.orders.values()] == ["canceled", "open"]


async def test_an_amend_of_unknown_outcome_casts_no_doubt_on_a_cancel_of_everything(
    market: Market, opened: OpenManager
) -> None:
    with opened() as manager:
        entry = await place(manager)
        assert entry.txid is not None
        manager.apply(report(entry.txid, entry.id))
        market.fails("AmendOrder", answers.dropped, after_acting=False)
        order = manager.working.open.get(entry.txid)
        assert order is not None
        amend = await manager.amend(order, NOW, price=248_000)
        assert isinstance(amend, OutboxEntry)
        assert amend.state is OrderState.UNKNOWN
        outcome = await manager.cancel_all()
    assert (outcome.count, outcome.failed) == (1, False)


async def test_an_order_that_has_landed_is_cancelled_again_once(
    market: Market, client: RestClient, frozen: FrozenTime, outbox_file: Path
) -> None:
    arrive, act = asyncio.Event(), market.exchange.always["AddOrder"]
    pauses: list[float] = []

    async def slow(request: Any) -> Any:
        sent = market.exchange.calls[-1]
        await arrive.wait()
        market.exchange.calls.append(sent)
        return act(request)

    async def answered(pause_s: float) -> None:
        pauses.append(pause_s)
        if len(pauses) == 2:
            arrive.set()
            await asyncio.wait([placing])

    market.exchange.script["AddOrder"].append(slow)
    timing = RequestTiming(frozen.clock, answered, ticks=frozen.clock)
    with open_order_manager(client, outbox_file, timing=timing) as manager:
        placing = asyncio.create_task(manager.place(DRAFT, NOW))
        await until(lambda: market.exchange.count("AddOrder") == 1)
        (entry,) = manager.outbox
        outcome = await manager.cancel(cl_ord_id=entry.id)
    assert (pauses, outcome.count) == ([0.2, 0.5], 1)
    assert market.exchange.count("CancelOrder") == 2


async def test_orders_with_and_without_a_close_that_nobody_has_heard_of_go_with_their_pair(
    market: Market, opened: OpenManager
) -> None:
    close = CloseDraft(order_type=OrderType.STOP_LOSS, price=240_000)
    with opened() as manager:
        market.exchange.script["AddOrder"].append({"txid": ["O1"]})
        closing = await place(manager, msgspec.structs.replace(DRAFT, close=close))
        plain = await place(manager, ASK)
        await manager.cancel_pair("BTC/USD")
    body = market.exchange.last("CancelOrderBatch").body
    assert (body["orders"], body["cl_ord_ids"]) == ([closing.userref], [plain.id])


async def test_an_order_that_does_not_land_may_still_arrive_though_it_is_not_there(
    market: Market, client: RestClient, frozen: FrozenTime, outbox_file: Path
) -> None:
    arrive = asyncio.Event()

    async def slow(request: Any) -> Any:
        await arrive.wait()
        return answers.reply(error="EOrder:Insufficient funds")

    market.exchange.script["AddOrder"].append(slow)
    with open_order_manager(client, outbox_file, timing=frozen.timing) as manager:
        placing = asyncio.create_task(manager.place(DRAFT, NOW))
        await until(lambda: market.exchange.count("AddOrder") == 1)
        (entry,) = manager.outbox
        outcome = await manager.cancel(cl_ord_id=entry.id)
        arrive.set()
        await placing
    assert (outcome.gone, outcome.failed, outcome.count) == (True, True, 0)
    assert (frozen.slept_s, market.exchange.count("CancelOrder")) == ([0.2, 0.5, 1.0], 1)
