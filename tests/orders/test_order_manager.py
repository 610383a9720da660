"""The desk against an exchange that loses, delays and refuses: one order is one order."""

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
from kracked.orders.outbox.outbox import Record
from kracked.protocol.events import Executions, Side
from kracked.rest.client import RestClient
from kracked.rest.request_executor import RequestTiming
from kracked.times import NS_PER_S
from tests.orders.conftest import OpenDesk
from tests.orders.exchange_model import NOW
from tests.orders.scripted_exchange import Market
from tests.patience import PATIENCE_S
from tests.rest import scripted_http as answers
from tests.rest.conftest import FrozenTime
from tests.rest.scripted_http import KEY, SECRET

DRAFT = Draft(symbol="BTC/USD", side=Side.BID, qty=100_000, price=249_000, post_only=True)
ASK = msgspec.structs.replace(DRAFT, side=Side.ASK, price=251_000)


async def place(desk: OrderManager, draft: Draft = DRAFT) -> OutboxEntry:
    entry = await desk.place(draft, NOW)
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


async def test_an_order_carries_its_id_and_its_deadline(market: Market, opened: OpenDesk) -> None:
    with opened() as desk:
        entry = await place(desk)
    body = market.exchange.last("AddOrder").body
    assert (body["cl_ord_id"], body["deadline"]) == (entry.id, "2025-07-31T22:13:25.000Z")


async def test_an_accepted_order_is_acknowledged_until_the_stream_shows_it(
    market: Market, opened: OpenDesk
) -> None:
    with opened() as desk:
        entry = await place(desk)
        assert (entry.state, entry.txid) == (OrderState.ACKNOWLEDGED, "OTEST0-AAAAA-AAAAAA")
        desk.apply(report("OTEST0-AAAAA-AAAAAA", entry.id))
        assert desk.outbox[entry.id].state is OrderState.LIVE


async def test_the_line_is_on_the_disk_before_the_order_is_sent(
    market: Market, opened: OpenDesk, outbox_file: Path
) -> None:
    seen: list[bytes] = []
    market.exchange.script["AddOrder"].append(
        lambda request: (
            seen.append(outbox_file.read_bytes()) or answers.reply(error="EService:Busy")
        )
    )
    with opened() as desk:
        entry = await place(desk)
    assert entry.id.encode() in seen[0]


async def test_an_order_that_cannot_be_written_down_is_not_sent(
    market: Market, opened: OpenDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(file: int) -> None:
        raise OSError("no space left on device")

    with opened() as desk:
        monkeypatch.setattr("os.fsync", failing)
        with pytest.raises(JournalFull):
            await desk.place(DRAFT, NOW)
    assert market.exchange.count("AddOrder") == 0


@pytest.mark.parametrize("lines", [1, 2])
async def test_a_disk_that_fills_up_on_the_way_leaves_the_truth_in_memory(
    market: Market, opened: OpenDesk, monkeypatch: pytest.MonkeyPatch, lines: int
) -> None:
    """Of the three lines of an order the disk takes so many: announced, sent, answered."""
    written: list[Record] = []
    real = Journal.append

    def append(self: Journal, record: Record) -> None:
        if len(written) == lines:
            raise JournalFull(Path("outbox"), "no space left on device")
        written.append(record)
        real(self, record)

    monkeypatch.setattr(Journal, "append", append)
    with opened() as desk:
        if lines == 1:
            with pytest.raises(JournalFull):
                await desk.place(DRAFT, NOW)
        else:
            assert (await place(desk)).state is OrderState.ACKNOWLEDGED
        (entry,) = desk.outbox
    assert entry.state is (OrderState.REFUSED if lines == 1 else OrderState.ACKNOWLEDGED)
    assert market.exchange.count("AddOrder") == lines - 1


async def test_a_refusal_keeps_the_words_of_the_exchange(market: Market, opened: OpenDesk) -> None:
    market.exchange.script["AddOrder"].append(answers.refusal("EOrder:Insufficient funds"))
    with opened() as desk:
        entry = await place(desk)
    assert (entry.state, entry.reason) == (OrderState.REFUSED, "EOrder:Insufficient funds")


async def test_a_deadline_that_has_passed_on_arrival_points_to_the_clock(
    market: Market, opened: OpenDesk
) -> None:
    market.exchange.script["AddOrder"].append(answers.refusal("EService:Deadline elapsed"))
    with opened() as desk:
        entry = await place(desk)
    assert (entry.state, "clock is slow" in entry.reason) == (OrderState.UNKNOWN, True)


async def test_a_rate_refusal_fills_the_local_counter(market: Market, opened: OpenDesk) -> None:
    market.exchange.script["AddOrder"].append(answers.refusal("EOrder:Rate limit exceeded"))
    with opened() as desk:
        await place(desk)
        again = await desk.place(ASK, NOW)
    assert isinstance(again, OrderDeclined)
    assert again.refusals[0].check is Check.RATE


async def test_a_clock_set_back_an_hour_does_not_stop_the_rate_counter(
    market: Market, client: RestClient, frozen: FrozenTime, outbox_file: Path
) -> None:
    back = [0]
    pace = RequestTiming(lambda: frozen.now - back[0], frozen.sleep, ticks=frozen.clock)
    market.exchange.script["AddOrder"].append(answers.refusal("EOrder:Rate limit exceeded"))
    with open_order_manager(client, outbox_file, pace=pace) as desk:
        await place(desk)
        back[0] = 3600 * NS_PER_S
        frozen.now += 60 * NS_PER_S
        assert desk.review(ASK, NOW).refusals == ()
        assert desk.rate("BTC/USD")[0] == 0


async def test_a_fresh_id_that_is_taken_proves_an_earlier_arrival(
    market: Market, opened: OpenDesk
) -> None:
    error = "EGeneral:Invalid arguments:cl_ord_id not unique"
    market.exchange.script["AddOrder"].append(answers.refusal(error))
    with opened() as desk:
        assert (await place(desk)).state is OrderState.UNKNOWN


async def test_the_same_key_pressed_twice_sends_one_order(market: Market, opened: OpenDesk) -> None:
    with opened() as desk:
        results = await asyncio.gather(*(desk.place(DRAFT, NOW) for _ in range(5)))
    assert [isinstance(result, OrderDeclined) for result in results] == [False] + [True] * 4
    assert market.exchange.count("AddOrder") == 1


async def test_a_dry_run_leaves_no_trace(market: Market, opened: OpenDesk) -> None:
    with opened() as desk:
        added = await desk.validate(DRAFT, NOW)
        assert (added.txid, len(desk.outbox), market.orders) == ((), 0, {})


async def test_the_price_of_the_next_action_falls_with_the_age_of_the_order(
    market: Market, opened: OpenDesk, frozen: FrozenTime
) -> None:
    with opened() as desk:
        desk.apply(report("O1", "k"))
        (order,) = desk.working
        young = desk.cost_of_cancel(order), desk.cost_of_amend(order)
        frozen.now += 10 * NS_PER_S
        older = desk.cost_of_cancel(order), desk.cost_of_amend(order)
    assert (young, older) == ((8, 4), (5, 2))


async def test_an_amend_names_only_what_changes(market: Market, opened: OpenDesk) -> None:
    with opened() as desk:
        entry = await place(desk)
        desk.apply(report("OTEST0-AAAAA-AAAAAA", entry.id, post_only=True))
        (order,) = desk.working
        amended = await desk.amend(order, NOW, price=249_005)
    body = market.exchange.last("AmendOrder").body
    assert isinstance(amended, OutboxEntry)
    assert amended.state is OrderState.ACKNOWLEDGED
    assert {key: body[key] for key in body if key not in ("nonce", "deadline")} == {
        "txid": "OTEST0-AAAAA-AAAAAA",
        "limit_price": "24900.5",
        "post_only": True,
    }


async def test_an_order_the_stream_has_not_described_is_not_amended(opened: OpenDesk) -> None:
    with opened() as desk:
        desk.apply(report("O1", "k", order_type=""))
        (order,) = desk.working
        assert isinstance(await desk.amend(order, NOW, qty=90_000), OrderDeclined)


async def test_no_secret_reaches_the_outbox_or_a_log(
    market: Market, opened: OpenDesk, outbox_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    market.fails("AddOrder", answers.dropped, after_acting=True)
    with opened() as desk:
        await place(desk)
    said = written(outbox_file) + caplog.text + repr(vars(desk))
    signature = market.exchange.last("AddOrder").headers["API-Sign"]
    assert not [secret for secret in (KEY, SECRET, signature) if secret in said]


async def test_a_slow_disk_is_waited_for_and_holds_nobody_else_up(
    market: Market, opened: OpenDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, turned = threading.Event(), asyncio.Event()
    with opened() as desk:
        monkeypatch.setattr("os.fsync", lambda file: disk.wait(PATIENCE_S))
        placing = asyncio.create_task(desk.place(DRAFT, NOW))
        asyncio.get_running_loop().call_later(0, turned.set)
        await turned.wait()
        assert market.exchange.count("AddOrder") == 0
        disk.set()
        entry = await placing
    assert isinstance(entry, OutboxEntry)
    assert entry.state is OrderState.ACKNOWLEDGED
