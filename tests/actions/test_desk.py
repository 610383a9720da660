"""The desk against an exchange that loses, delays and refuses: one order is one order."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kracked.actions import Check, Declined, Desk, Draft, Entry, State, open_desk
from kracked.actions.journal import Journal, JournalFull
from kracked.actions.outbox import Record
from kracked.protocol.events import Executions, Side
from kracked.rest.caller import Pace
from kracked.rest.client import RestClient
from kracked.times import NS_PER_S
from tests.actions.conftest import OpenDesk
from tests.actions.market import Market
from tests.actions.model import NOW
from tests.rest import exchange as answers
from tests.rest.conftest import FrozenTime
from tests.rest.exchange import KEY, SECRET

DRAFT = Draft(symbol="BTC/USD", side=Side.BID, qty=100_000, price=249_000, post_only=True)
ASK = msgspec.structs.replace(DRAFT, side=Side.ASK, price=251_000)


async def place(desk: Desk, draft: Draft = DRAFT) -> Entry:
    entry = await desk.place(draft, NOW)
    assert isinstance(entry, Entry)
    return entry


async def settled(desk: Desk, frozen: FrozenTime, entry: Entry) -> Entry:
    """Look-ups until the entry is known, time passing between them."""
    for _ in range(30):
        await desk.settler.settle_due()
        if desk.outbox[entry.id].state is not State.UNKNOWN:
            break
        frozen.now += 5 * NS_PER_S
    return desk.outbox[entry.id]


async def until(condition: Callable[[], bool]) -> None:
    """Lets the loop turn until it is so; nothing announces it."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0)


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
        assert (entry.state, entry.txid) == (State.ACKNOWLEDGED, "OTEST0-AAAAA-AAAAAA")
        desk.apply(report("OTEST0-AAAAA-AAAAAA", entry.id))
        assert desk.outbox[entry.id].state is State.LIVE


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
            assert (await place(desk)).state is State.ACKNOWLEDGED
        (entry,) = desk.outbox
    assert entry.state is (State.REFUSED if lines == 1 else State.ACKNOWLEDGED)
    assert market.exchange.count("AddOrder") == lines - 1


FAULTS = {
    "reply dropped": answers.dropped,
    "reply late": answers.silence,
    "502": answers.bad_gateway,
    "unavailable": answers.refusal("EService:Unavailable"),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_an_order_accepted_without_a_reply_is_found_and_was_sent_once(
    market: Market, opened: OpenDesk, frozen: FrozenTime, fault: str
) -> None:
    market.fails("AddOrder", FAULTS[fault], after_acting=True)
    with opened() as desk:
        entry = await place(desk)
        assert entry.state is State.UNKNOWN
        assert (await settled(desk, frozen, entry)).state is State.LIVE
    assert market.exchange.count("AddOrder") == 1


@pytest.mark.parametrize("fault", FAULTS)
async def test_an_order_that_never_arrived_is_settled_as_never_placed_after_the_window(
    market: Market, opened: OpenDesk, frozen: FrozenTime, fault: str
) -> None:
    market.fails("AddOrder", FAULTS[fault], after_acting=False)
    start = frozen.now
    with opened() as desk:
        entry = await place(desk)
        final = await settled(desk, frozen, entry)
    assert (final.state, "never placed" in final.reason) == (State.REFUSED, True)
    assert frozen.now - start >= 65 * NS_PER_S
    assert market.exchange.count("AddOrder") == 1


async def test_an_order_that_filled_at_once_is_found_among_the_closed(
    market: Market, opened: OpenDesk, frozen: FrozenTime
) -> None:
    market.fills_at_once = True
    market.fails("AddOrder", answers.dropped, after_acting=True)
    with opened() as desk:
        final = await settled(desk, frozen, await place(desk))
    assert (final.state, final.filled) == (State.FILLED, Decimal("0.00100000"))


async def test_an_order_far_back_among_the_closed_is_found_on_its_page(
    market: Market, opened: OpenDesk, frozen: FrozenTime
) -> None:
    """Should the exchange show orders of other ids as well, one page is not all there is."""
    others = {f"O{number}": {"status": "closed", "cl_ord_id": "another"} for number in range(70)}
    shown = market.exchange.always["ClosedOrders"]

    def paged(request: Any) -> Any:
        rows = list((others | shown(request)["closed"]).items())
        offset = market.exchange.last("ClosedOrders").body.get("ofs", 0)
        return {"closed": dict(rows[offset : offset + 50])}

    market.exchange.always["ClosedOrders"] = paged
    market.fills_at_once = True
    market.fails("AddOrder", answers.dropped, after_acting=True)
    with opened() as desk:
        assert (await settled(desk, frozen, await place(desk))).state is State.FILLED


async def test_the_stream_settles_an_unknown_order_without_a_question(
    market: Market, opened: OpenDesk
) -> None:
    market.fails("AddOrder", answers.dropped, after_acting=True)
    with opened() as desk:
        entry = await place(desk)
        desk.apply(report("OTEST0-AAAAA-AAAAAA", entry.id))
        assert desk.outbox[entry.id].state is State.LIVE
    assert market.exchange.count("OpenOrders") == 0


async def test_while_an_outcome_is_not_known_nothing_more_is_sent(
    market: Market, opened: OpenDesk
) -> None:
    market.fails("AddOrder", answers.dropped, after_acting=True)
    with opened() as desk:
        await place(desk)
        again = await desk.place(ASK, NOW)
    assert isinstance(again, Declined)
    assert again.refusals[0].check is Check.UNKNOWN
    assert market.exchange.count("AddOrder") == 1


async def test_an_unknown_order_is_settled_after_a_restart(
    market: Market, opened: OpenDesk, frozen: FrozenTime
) -> None:
    market.fails("AddOrder", answers.dropped, after_acting=True)
    with opened() as desk:
        entry = await place(desk)
    with opened() as desk:
        assert desk.outbox[entry.id].state is State.UNKNOWN
        assert (await settled(desk, frozen, entry)).state is State.LIVE
    assert market.exchange.count("AddOrder") == 1


async def test_an_order_nobody_waits_for_any_more_is_unknown_at_once(
    market: Market, opened: OpenDesk
) -> None:
    market.fails("AddOrder", answers.silence, after_acting=True)
    with opened() as desk:
        placing = asyncio.create_task(desk.place(DRAFT, NOW))
        await until(lambda: bool(market.orders))
        placing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await placing
        assert [entry.state for entry in desk.outbox] == [State.UNKNOWN]


async def test_an_order_in_flight_when_the_program_ends_is_unknown_after_it(
    market: Market, opened: OpenDesk, frozen: FrozenTime
) -> None:
    market.fails("AddOrder", answers.silence, after_acting=True)
    with opened() as desk:
        placing = asyncio.create_task(desk.place(DRAFT, NOW))
        await until(lambda: bool(market.orders))
        placing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await placing
    with opened() as desk:
        (entry,) = desk.outbox
        assert entry.state is State.UNKNOWN
        assert (await settled(desk, frozen, entry)).state is State.LIVE


async def test_an_order_that_ended_while_the_program_was_away_is_looked_up(
    market: Market, opened: OpenDesk
) -> None:
    with opened() as desk:
        entry = await place(desk)
        desk.apply(report("OTEST0-AAAAA-AAAAAA", entry.id))
    market.orders["OTEST0-AAAAA-AAAAAA"]["status"] = "canceled"
    with opened() as desk:
        await desk.settler.settle_due()
        assert desk.outbox[entry.id].state is State.CANCELLED


async def test_orders_whose_ids_are_known_are_looked_up_together(
    market: Market, opened: OpenDesk
) -> None:
    with opened() as desk:
        for draft in (DRAFT, ASK):
            await place(desk, draft)
    for row in market.orders.values():
        row["status"] = "canceled"
    with opened() as desk:
        await desk.settler.settle_due()
        assert [entry.state for entry in desk.outbox] == [State.CANCELLED] * 2
    names = [call.name for call in market.exchange.calls]
    assert names == ["AddOrder", "AddOrder", "QueryOrders"]


async def test_a_refusal_keeps_the_words_of_the_exchange(market: Market, opened: OpenDesk) -> None:
    market.exchange.script["AddOrder"].append(answers.refusal("EOrder:Insufficient funds"))
    with opened() as desk:
        entry = await place(desk)
    assert (entry.state, entry.reason) == (State.REFUSED, "EOrder:Insufficient funds")


async def test_a_rate_refusal_fills_the_local_counter(market: Market, opened: OpenDesk) -> None:
    market.exchange.script["AddOrder"].append(answers.refusal("EOrder:Rate limit exceeded"))
    with opened() as desk:
        await place(desk)
        again = await desk.place(ASK, NOW)
    assert isinstance(again, Declined)
    assert again.refusals[0].check is Check.RATE


async def test_a_clock_set_back_an_hour_does_not_stop_the_rate_counter(
    market: Market, client: RestClient, frozen: FrozenTime, outbox_file: Path
) -> None:
    back = [0]
    pace = Pace(lambda: frozen.now - back[0], frozen.sleep, ticks=frozen.clock)
    market.exchange.script["AddOrder"].append(answers.refusal("EOrder:Rate limit exceeded"))
    with open_desk(client, outbox_file, pace=pace) as desk:
        await place(desk)
        back[0] = 3600 * NS_PER_S
        frozen.now += 60 * NS_PER_S
        assert desk.review(ASK, NOW).refusals == ()


async def test_a_fresh_id_that_is_taken_proves_an_earlier_arrival(
    market: Market, opened: OpenDesk
) -> None:
    error = "EGeneral:Invalid arguments:cl_ord_id not unique"
    market.exchange.script["AddOrder"].append(answers.refusal(error))
    with opened() as desk:
        assert (await place(desk)).state is State.UNKNOWN


async def test_the_same_key_pressed_twice_sends_one_order(market: Market, opened: OpenDesk) -> None:
    with opened() as desk:
        results = await asyncio.gather(*(desk.place(DRAFT, NOW) for _ in range(5)))
    assert [isinstance(result, Declined) for result in results] == [False] + [True] * 4
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
    assert isinstance(amended, Entry)
    assert amended.state is State.ACKNOWLEDGED
    assert {key: body[key] for key in body if key not in ("nonce", "deadline")} == {
        "txid": "OTEST0-AAAAA-AAAAAA",
        "limit_price": "24900.5",
        "post_only": True,
    }


@pytest.mark.parametrize(("acted", "state"), [(True, State.ACKNOWLEDGED), (False, State.REFUSED)])
async def test_an_amend_without_a_reply_is_settled_by_the_order_itself(
    market: Market, opened: OpenDesk, frozen: FrozenTime, acted: bool, state: State
) -> None:
    with opened() as desk:
        entry = await place(desk)
        desk.apply(report("OTEST0-AAAAA-AAAAAA", entry.id))
        (order,) = desk.working
        market.fails("AmendOrder", answers.dropped, after_acting=acted)
        amended = await desk.amend(order, NOW, qty=90_000)
        assert isinstance(amended, Entry)
        assert isinstance(await desk.amend(order, NOW, qty=80_000), Declined)
        assert (await settled(desk, frozen, amended)).state is state
    assert market.exchange.count("AmendOrder") == 1


async def test_an_order_the_stream_has_not_described_is_not_amended(opened: OpenDesk) -> None:
    with opened() as desk:
        desk.apply(report("O1", "k", order_type=""))
        (order,) = desk.working
        assert isinstance(await desk.amend(order, NOW, qty=90_000), Declined)


async def test_a_lookup_that_fails_is_tried_again_later(
    market: Market, opened: OpenDesk, frozen: FrozenTime
) -> None:
    market.fails("AddOrder", answers.dropped, after_acting=True)
    for _ in range(4):
        market.exchange.script["OpenOrders"].append(answers.bad_gateway)
    with opened() as desk:
        entry = await place(desk)
        assert (await settled(desk, frozen, entry)).state is State.LIVE


async def test_the_settler_runs_beside_the_desk_and_ends_when_told(
    market: Market, opened: OpenDesk
) -> None:
    market.fails("AddOrder", answers.dropped, after_acting=True)
    with opened() as desk:
        running = asyncio.create_task(desk.settler.run())
        entry = await place(desk)
        await until(lambda: desk.outbox[entry.id].state is State.LIVE)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


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
    monkeypatch.setattr("os.fsync", lambda file: disk.wait(5))
    with opened() as desk:
        placing = asyncio.create_task(desk.place(DRAFT, NOW))
        asyncio.get_running_loop().call_later(0, turned.set)
        await turned.wait()
        assert market.exchange.count("AddOrder") == 0
        disk.set()
        entry = await placing
    assert isinstance(entry, Entry)
    assert entry.state is State.ACKNOWLEDGED
