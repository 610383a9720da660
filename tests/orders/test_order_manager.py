"""The manager against an exchange that loses, delays and refuses: one order is one order."""

from __future__ import annotations

import asyncio
import logging
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kracked.orders import (
    Check,
    Draft,
    OrderDeclined,
    OrderManager,
    OrderState,
    OutboxEntry,
    open_order_manager,
)
from kracked.orders.outbox.journal import Journal, JournalFull
from kracked.orders.outbox.outbox import Outbox, Record
from kracked.protocol.events import Executions, Side
from kracked.rest.client import RestClient
from kracked.rest.request_executor import RequestTiming
from kracked.times import NS_PER_S
from tests.orders.conftest import OpenManager
from tests.orders.exchange_model import NOW
from tests.orders.scripted_exchange import Market
from tests.patience import PATIENCE_S
from tests.protocol.maintenance.maintenance_frames import WALK, frame, status
from tests.rest import scripted_http as answers
from tests.rest.conftest import FrozenTime
from tests.rest.scripted_http import KEY, SECRET

DRAFT = Draft(symbol="BTC/USD", side=Side.BID, qty=100_000, price=249_000, post_only=True)
ASK = msgspec.structs.replace(DRAFT, side=Side.ASK, price=251_000)


async def place(manager: OrderManager, draft: Draft = DRAFT) -> OutboxEntry:
    entry = await manager.place(draft, NOW)
    assert isinstance(entry, OutboxEntry)
    return entry


def written(file: Path) -> str:
    return file.read_text()


def report(txid: str, id_: str, **members: Any) -> Executions:
    row = {
        "order_id": txid,
        "cl_ord_id": id_,
        "symbol": "BTC/USD",
        "side": "buy",
        "order_type": "limit",
        "order_qty": Decimal("0.001"),
        "limit_price": Decimal("24900.0"),
        "exec_type": "new",
        "order_status": "new",
        "timestamp": "2025-07-31T22:13:20.000000Z",
        **members,
    }
    return Executions(0, (row,))


async def test_an_order_carries_its_id_and_its_deadline(
    market: Market, opened: OpenManager
) -> None:
    with opened() as manager:
        entry = await place(manager)
    body = market.exchange.last("AddOrder").body
    assert (body["cl_ord_id"], body["deadline"]) == (entry.id, "2025-07-31T22:13:25.000Z")


@pytest.mark.parametrize(
    ("pairs", "name"),
    [({}, "BTC/USD"), ({"BTC/USD": "XBTUSD"}, "XBTUSD")],
    ids=["feed's", "REST's"],
)
async def test_an_order_names_its_pair_as_rest_does_or_as_the_feed_while_that_is_not_known(
    market: Market, client: RestClient, outbox_file: Path, pairs: dict[str, str], name: str
) -> None:
    with open_order_manager(client, outbox_file, pairs=pairs) as manager:
        await place(manager)
    assert market.exchange.last("AddOrder").body["pair"] == name


async def test_an_accepted_order_is_acknowledged_until_the_stream_shows_it(
    market: Market, opened: OpenManager
) -> None:
    with opened() as manager:
        entry = await place(manager)
        assert (entry.state, entry.txid) == (OrderState.ACKNOWLEDGED, "OTEST0-AAAAA-AAAAAA")
        manager.apply(report("OTEST0-AAAAA-AAAAAA", entry.id))
        assert manager.outbox[entry.id].state is OrderState.LIVE


async def test_an_answer_that_names_an_earlier_order_proves_nothing(
    market: Market, opened: OpenManager
) -> None:
    with opened() as manager:
        first = await place(manager)
        market.exchange.script["AddOrder"].append({"txid": [first.txid]})
        second = await place(manager, ASK)
    assert (second.state, second.txid) == (OrderState.UNKNOWN, None)
    assert second.reason == f"the reply names {first.txid}, an earlier order"


@pytest.mark.parametrize(
    ("refusal", "others"),
    [("EOrder:Rate limit exceeded", 48), ("EOrder:Domain rate limit exceeded", 0)],
)
async def test_a_refusal_for_the_rate_holds_its_pair_and_one_for_the_domain_all_pairs(
    market: Market, opened: OpenManager, frozen: FrozenTime, refusal: str, others: int
) -> None:
    market.exchange.script["AddOrder"].append(answers.refusal(refusal))
    with opened() as manager:
        assert (await place(manager)).state is OrderState.REFUSED
        assert manager.engine.room("BTC/USD", frozen.now) == 0
        assert manager.engine.room("ETH/USD", frozen.now) == others
        declined = await manager.place(ASK, NOW)
        assert isinstance(declined, OrderDeclined)
        frozen.now += 13 * NS_PER_S  # the counter falls by one a second
        assert manager.engine.room("BTC/USD", frozen.now) == 1


async def test_the_line_is_on_the_disk_before_the_order_is_sent(
    market: Market, opened: OpenManager, outbox_file: Path
) -> None:
    seen: list[bytes] = []
    market.exchange.script["AddOrder"].append(
        lambda request: (
            seen.append(outbox_file.read_bytes()) or answers.reply(error="EService:Busy")
        )
    )
    with opened() as manager:
        entry = await place(manager)
    assert entry.id.encode() in seen[0]


async def test_an_order_that_cannot_be_written_down_is_not_sent(
    market: Market, opened: OpenManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(file: int) -> None:
        raise OSError("no space left on device")

    with opened() as manager:
        monkeypatch.setattr("os.fsync", failing)
        with pytest.raises(JournalFull):
            await manager.place(DRAFT, NOW)
    assert market.exchange.count("AddOrder") == 0


@pytest.mark.parametrize("lines", [1, 2])
async def test_a_disk_that_fills_up_on_the_way_leaves_the_truth_in_memory(
    market: Market, opened: OpenManager, monkeypatch: pytest.MonkeyPatch, lines: int
) -> None:
    """The disk takes only some of the three lines of an order: prepared, sent, answered."""
    written: list[Record] = []
    real = Journal.append

    def append(self: Journal, record: Record) -> None:
        if len(written) == lines:
            raise JournalFull(Path("outbox"), "no space left on device")
        written.append(record)
        real(self, record)

    monkeypatch.setattr(Journal, "append", append)
    with opened() as manager:
        if lines == 1:
            with pytest.raises(JournalFull):
                await manager.place(DRAFT, NOW)
        else:
            assert (await place(manager)).state is OrderState.ACKNOWLEDGED
        (entry,) = manager.outbox
    assert entry.state is (OrderState.REFUSED if lines == 1 else OrderState.ACKNOWLEDGED)
    assert market.exchange.count("AddOrder") == lines - 1


async def test_a_refusal_keeps_the_words_of_the_exchange(
    market: Market, opened: OpenManager
) -> None:
    market.exchange.script["AddOrder"].append(answers.refusal("EOrder:Insufficient funds"))
    with opened() as manager:
        entry = await place(manager)
    assert (entry.state, entry.reason) == (OrderState.REFUSED, "EOrder:Insufficient funds")


async def test_a_deadline_that_has_passed_on_arrival_points_to_the_clock(
    market: Market, opened: OpenManager
) -> None:
    market.exchange.script["AddOrder"].append(answers.refusal("EService:Deadline elapsed"))
    with opened() as manager:
        entry = await place(manager)
    assert (entry.state, "clock is slow" in entry.reason) == (OrderState.UNKNOWN, True)


async def test_a_rate_refusal_fills_the_local_counter(market: Market, opened: OpenManager) -> None:
    market.exchange.script["AddOrder"].append(answers.refusal("EOrder:Rate limit exceeded"))
    with opened() as manager:
        await place(manager)
        again = await manager.place(ASK, NOW)
    assert isinstance(again, OrderDeclined)
    assert again.refusals[0].check is Check.RATE


async def test_a_clock_set_back_an_hour_does_not_stop_the_rate_counter(
    market: Market, client: RestClient, frozen: FrozenTime, outbox_file: Path
) -> None:
    back = [0]
    timing = RequestTiming(lambda: frozen.now - back[0], frozen.sleep, ticks=frozen.clock)
    market.exchange.script["AddOrder"].append(answers.refusal("EOrder:Rate limit exceeded"))
    with open_order_manager(client, outbox_file, timing=timing) as manager:
        await place(manager)
        back[0] = 3600 * NS_PER_S
        frozen.now += 60 * NS_PER_S
        assert manager.review(ASK, NOW).refusals == ()
        assert manager.rate("BTC/USD")[0] == 0


async def test_a_fresh_id_that_is_taken_proves_an_earlier_arrival(
    market: Market, opened: OpenManager
) -> None:
    error = "EGeneral:Invalid arguments:cl_ord_id not unique"
    market.exchange.script["AddOrder"].append(answers.refusal(error))
    with opened() as manager:
        assert (await place(manager)).state is OrderState.UNKNOWN


async def test_the_same_key_pressed_twice_sends_one_order(
    market: Market, opened: OpenManager
) -> None:
    with opened() as manager:
        results = await asyncio.gather(*(manager.place(DRAFT, NOW) for _ in range(5)))
    assert [isinstance(result, OrderDeclined) for result in results] == [False] + [True] * 4
    assert market.exchange.count("AddOrder") == 1


async def test_a_dry_run_leaves_no_trace(market: Market, opened: OpenManager) -> None:
    with opened() as manager:
        added = await manager.validate(DRAFT, NOW)
        assert (added.txid, len(manager.outbox), market.orders) == ((), 0, {})


async def test_the_price_of_the_next_action_falls_with_the_age_of_the_order(
    market: Market, opened: OpenManager, frozen: FrozenTime
) -> None:
    with opened() as manager:
        manager.apply(report("O1", "k"))
        (order,) = manager.working
        young = manager.cost_of_cancel(order), manager.cost_of_amend(order)
        frozen.now += 10 * NS_PER_S
        older = manager.cost_of_cancel(order), manager.cost_of_amend(order)
    assert (young, older) == ((8, 4), (5, 2))


async def test_an_amend_names_only_what_changes(market: Market, opened: OpenManager) -> None:
    with opened() as manager:
        entry = await place(manager)
        manager.apply(report("OTEST0-AAAAA-AAAAAA", entry.id, post_only=True))
        (order,) = manager.working
        amended = await manager.amend(order, NOW, price=249_005)
    body = market.exchange.last("AmendOrder").body
    assert isinstance(amended, OutboxEntry)
    assert amended.state is OrderState.ACKNOWLEDGED
    assert {key: body[key] for key in body if key not in ("nonce", "deadline")} == {
        "txid": "OTEST0-AAAAA-AAAAAA",
        "limit_price": "24900.5",
        "post_only": True,
    }


async def test_an_order_the_stream_has_not_described_is_not_amended(opened: OpenManager) -> None:
    with opened() as manager:
        manager.apply(report("O1", "k", order_type=""))
        (order,) = manager.working
        assert isinstance(await manager.amend(order, NOW, qty=90_000), OrderDeclined)


async def test_no_secret_reaches_the_outbox_or_a_log(
    market: Market, opened: OpenManager, outbox_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    market.fails("AddOrder", answers.dropped, after_acting=True)
    with opened() as manager:
        await place(manager)
    said = written(outbox_file) + caplog.text + repr(vars(manager))
    signature = market.exchange.last("AddOrder").headers["API-Sign"]
    assert not [secret for secret in (KEY, SECRET, signature) if secret in said]


async def test_a_slow_disk_is_waited_for_and_holds_nobody_else_up(
    market: Market, opened: OpenManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, turned = threading.Event(), asyncio.Event()
    with opened() as manager:
        monkeypatch.setattr("os.fsync", lambda file: disk.wait(PATIENCE_S))
        placing = asyncio.create_task(manager.place(DRAFT, NOW))
        asyncio.get_running_loop().call_later(0, turned.set)
        await turned.wait()
        assert market.exchange.count("AddOrder") == 0
        disk.set()
        entry = await placing
    assert isinstance(entry, OutboxEntry)
    assert entry.state is OrderState.ACKNOWLEDGED


async def test_a_manager_that_hears_the_status_refuses_while_orders_are_blocked(
    opened: OpenManager, frozen: FrozenTime
) -> None:
    with opened() as manager:
        manager.apply(status(frame(WALK["final_warning_30s"]), frozen.clock()))
        declined = await manager.place(DRAFT, NOW)
    assert isinstance(declined, OrderDeclined)
    assert [it.check for it in declined.refusals] == [Check.MAINTENANCE]


async def test_an_order_that_waits_for_the_disk_while_orders_become_blocked_is_not_sent(
    market: Market, client: RestClient, frozen: FrozenTime
) -> None:
    async def sync() -> None:
        """Hear of the last seconds before a window, in place of a slow disk."""
        manager.apply(status(frame(WALK["final_warning_30s"]), frozen.clock()))

    manager = OrderManager(client, Outbox([].append), sync=sync, timing=frozen.timing)
    manager.apply(status(frame(), frozen.clock()))
    entry = await place(manager)
    assert (entry.state, market.exchange.count("AddOrder")) == (OrderState.REFUSED, 0)
    assert "no new orders are sent" in entry.reason
