"""Calls: what is sent, what is repeated, and what is never repeated."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web

from kracked.credentials import Credentials
from kracked.endpoints import Endpoints
from kracked.errors import ConfigError, ConnectionLost
from kracked.protocol.events import Side
from kracked.protocol.order_terms import OrderType
from kracked.rest.account import WebSocketsToken
from kracked.rest.client import RestClient
from kracked.rest.nonce import BLOCK_NS
from kracked.rest.orders import AddOrder, AmendOrder, EditOrder, OrderRef
from kracked.rest.priority_lock import LockTurn, PriorityLock, Urgency
from kracked.rest.replies import ErrorClass, OutcomeUnknown, Refused
from kracked.rest.request_executor import RequestTiming
from kracked.rest.transport import HttpTransport, NotSent
from tests.rest import scripted_http as answers
from tests.rest.scripted_http import CREDENTIALS, SECRET, Exchange

ORDER = AddOrder(order_type=OrderType.MARKET, side=Side.BID, volume=Decimal("0.001"))
ACCEPTED = {"descr": {"order": "buy"}, "txid": ["OUF4EM-FRGI2-MQMWZD"]}


async def test_a_private_call_carries_the_signature_of_the_very_bytes_sent(
    exchange: Exchange, client: RestClient
) -> None:
    exchange.always["AddOrder"] = ACCEPTED
    added = await client.add_order(ORDER, "BTC/USD")
    assert added.txid == ("OUF4EM-FRGI2-MQMWZD",)
    assert exchange.last("AddOrder").headers["Content-Type"] == "application/json"


async def test_every_call_names_its_program(exchange: Exchange, client: RestClient) -> None:
    exchange.always["Time"] = {"unixtime": 1}
    await client.server_time()
    assert exchange.last("Time").headers["User-Agent"].startswith("kracked")


async def test_a_nonce_is_text_because_doubles_cannot_hold_it(
    exchange: Exchange, client: RestClient
) -> None:
    await client.balance()
    assert isinstance(exchange.last("Balance").body["nonce"], str)


REPEATABLE = {
    "Balance": lambda client: client.balance(),
    "CancelOrder": lambda client: client.cancel_order(OrderRef(txid="O1")),
    "CancelAllOrdersAfter": lambda client: client.cancel_all_orders_after(60),
}
DONE = {
    "CancelOrder": {"count": 1},
    "CancelAllOrdersAfter": {"currentTime": "2025-08-01T00:00:00Z", "triggerTime": "0"},
}


@pytest.mark.parametrize("name", REPEATABLE)
async def test_a_harmless_call_is_signed_anew_at_most_three_times(
    exchange: Exchange, client: RestClient, name: str
) -> None:
    exchange.always[name] = answers.refusal("EAPI:Invalid nonce")
    with pytest.raises(Refused) as refused:
        await REPEATABLE[name](client)
    assert (exchange.count(name), refused.value.kind) == (4, ErrorClass.NEW_NONCE)


@pytest.mark.parametrize("name", REPEATABLE)
async def test_a_harmless_call_goes_through_after_one_refused_nonce(
    exchange: Exchange, client: RestClient, name: str
) -> None:
    exchange.script[name].append(answers.refusal("EAPI:Invalid nonce"))
    exchange.always[name] = DONE.get(name, {})
    await REPEATABLE[name](client)
    first, second = (int(call.body["nonce"]) for call in exchange.calls)
    assert first < second


async def test_the_order_after_a_refused_nonce_has_a_nonce_above_those_of_other_programs(
    exchange: Exchange, client: RestClient
) -> None:
    exchange.script["AddOrder"].append(answers.refusal("EAPI:Invalid nonce"))
    with pytest.raises(OutcomeUnknown):
        await client.add_order(ORDER, "BTC/USD")
    reserved = client._executor._signer.nonces._reserved  # type: ignore[union-attr]
    exchange.always["AddOrder"] = ACCEPTED
    await client.add_order(ORDER, "BTC/USD")
    assert int(exchange.last("AddOrder").body["nonce"]) > reserved - 1


def contradictory() -> web.Response:
    body = {"error": ["EOrder:Insufficient funds"], "result": {"txid": ["OUF4EM-FRGI2-MQMWZD"]}}
    return web.Response(body=msgspec.json.encode(body), content_type="application/json")


def several() -> web.Response:
    body = {"error": ["EGeneral:Invalid arguments", "EAPI:Invalid nonce"]}
    return web.Response(body=msgspec.json.encode(body), content_type="application/json")


WRITES: dict[str, Any] = {
    "AddOrder": lambda client: client.add_order(ORDER, "BTC/USD"),
    "AddOrderBatch": lambda client: client.add_order_batch([ORDER, ORDER], "BTC/USD"),
    "AmendOrder": lambda client: client.amend_order(
        OrderRef(txid="O1"), AmendOrder(order_qty=Decimal(1))
    ),
    "EditOrder": lambda client: client.edit_order(
        EditOrder(txid="O1", volume=Decimal(1)), "BTC/USD"
    ),
}
UNCERTAIN = {
    "502 with a page": answers.bad_gateway,
    "connection dropped": answers.dropped,
    "reply too late": answers.silence,
    "a redirect": answers.redirected,
    "200 with a page": answers.page,
    "service unavailable": answers.refusal("EService:Unavailable"),
    "busy": answers.refusal("EService:Busy"),
    "internal error": answers.refusal("EGeneral:Internal error:42"),
    "deadline elapsed": answers.refusal("EService:Deadline elapsed"),
    "a refused nonce": answers.refusal("EAPI:Invalid nonce"),
    "a refused nonce among other errors": lambda request: several(),
    "a cut body": lambda request: web.Response(text='{"error":[],"result":{"txid":["OUF4'),
    "an empty body": lambda request: web.Response(),
    "an error beside a result": lambda request: contradictory(),
    "a result of another shape": lambda request: answers.reply([1, 2]),
}


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("fault", UNCERTAIN.values(), ids=UNCERTAIN.keys())
async def test_a_write_without_a_clear_answer_is_unknown_and_was_sent_once(
    exchange: Exchange, client: RestClient, fault: Any, name: str
) -> None:
    exchange.always[name] = fault
    with pytest.raises(OutcomeUnknown):
        await WRITES[name](client)
    assert exchange.count(name) == 1


@pytest.mark.parametrize("name", ["AmendOrder", "CancelOrder"])
async def test_an_answer_that_belongs_to_another_call_proves_nothing(
    exchange: Exchange, client: RestClient, name: str
) -> None:
    exchange.always[name] = {"open": {}}
    calls = WRITES | REPEATABLE
    with pytest.raises(OutcomeUnknown, match="required field"):
        await calls[name](client)


async def test_a_connection_dropped_on_a_kept_connection_sends_no_write_twice(
    exchange: Exchange, client: RestClient
) -> None:
    await client.balance()
    exchange.always["AddOrder"] = answers.dropped
    with pytest.raises(OutcomeUnknown):
        await client.add_order(ORDER, "BTC/USD")
    assert exchange.count("AddOrder") == 1


@pytest.mark.parametrize("fault", list(UNCERTAIN.values())[:8], ids=list(UNCERTAIN)[:8])
async def test_a_read_is_repeated_after_a_fault(
    exchange: Exchange, client: RestClient, fault: Any
) -> None:
    exchange.script["Balance"].append(fault)
    exchange.always["Balance"] = {"ZUSD": "1.50"}
    assert await client.balance() == {"ZUSD": Decimal("1.50")}


async def test_a_read_gives_up_with_growing_pauses(
    exchange: Exchange, client: RestClient, frozen: Any
) -> None:
    exchange.always["Balance"] = answers.bad_gateway
    with pytest.raises(ConnectionLost, match="HTTP 502"):
        await client.balance()
    assert frozen.slept_s == [0.5, 1.0, 2.0]


async def test_a_refused_read_is_not_repeated(exchange: Exchange, client: RestClient) -> None:
    exchange.always["Balance"] = answers.refusal("EGeneral:Permission denied")
    with pytest.raises(Refused, match="EGeneral:Permission denied"):
        await client.balance()
    assert exchange.count("Balance") == 1


async def test_a_throttled_read_waits_until_the_time_it_is_told(
    exchange: Exchange, client: RestClient, frozen: Any
) -> None:
    until_s = frozen.now // 10**9 + 7
    exchange.script["Balance"].append(answers.refusal(f"EService: Throttled: {until_s}"))
    await client.balance()
    assert frozen.now >= until_s * 10**9


async def test_a_throttled_order_is_refused_here_and_not_sent_late(
    exchange: Exchange, client: RestClient, frozen: Any
) -> None:
    until_s = frozen.now // 10**9 + 7
    exchange.script["AddOrder"].append(answers.refusal(f"EService: Throttled: {until_s}"))
    with pytest.raises(OutcomeUnknown, match="Throttled"):
        await client.add_order(ORDER, "BTC/USD")
    with pytest.raises(Refused, match="held back here") as refused:
        await client.add_order(ORDER, "BTC/USD")
    assert refused.value.may_resend_unchanged
    assert exchange.count("AddOrder") == 1


async def test_an_amend_is_held_back_while_the_calls_of_the_key_are_used_up(
    exchange: Exchange, client: RestClient
) -> None:
    exchange.always["AmendOrder"] = answers.refusal("EAPI:Rate limit exceeded")
    change = AmendOrder(order_qty=Decimal(1))
    with pytest.raises(OutcomeUnknown, match="EAPI:Rate limit exceeded"):
        await client.amend_order(OrderRef(txid="O1"), change)
    with pytest.raises(Refused, match=r"held back here: 15\.0 of 15 calls are counted") as refused:
        await client.amend_order(OrderRef(txid="O1"), change)
    assert refused.value.may_resend_unchanged
    assert exchange.count("AmendOrder") == 1


async def test_a_cancel_is_sent_even_while_throttled(
    exchange: Exchange, client: RestClient, frozen: Any
) -> None:
    until_s = frozen.now // 10**9 + 7
    exchange.script["AddOrder"].append(answers.refusal(f"EService: Throttled: {until_s}"))
    exchange.always["CancelAll"] = {"count": 2}
    with pytest.raises(OutcomeUnknown):
        await client.add_order(ORDER, "BTC/USD")
    assert (await client.cancel_all()).count == 2


async def test_reads_stop_while_the_key_is_locked_out(
    exchange: Exchange, client: RestClient
) -> None:
    exchange.always["Balance"] = answers.refusal("EGeneral:Temporary lockout")
    for _ in range(3):
        with pytest.raises(Refused, match="lockout"):
            await client.balance()
    assert exchange.count("Balance") == 1


async def test_private_calls_never_overlap(exchange: Exchange, client: RestClient) -> None:
    await asyncio.gather(*(client.balance() for _ in range(8)))
    assert exchange.most_in_flight == 1


async def test_a_cancel_goes_before_reads_that_wait(exchange: Exchange, client: RestClient) -> None:
    exchange.always["CancelAll"] = {"count": 0}
    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(client.balance())
        await asyncio.sleep(0)
        group.create_task(client.cancel_all())
    assert [call.name for call in exchange.calls].index("CancelAll") == 1


class Held:
    """An answer that is sent when it is released."""

    def __init__(self, answer: object) -> None:
        self.asked, self.release, self.answer = asyncio.Event(), asyncio.Event(), answer

    async def __call__(self, request: object) -> object:
        self.asked.set()
        await self.release.wait()
        return self.answer


@pytest.mark.parametrize(
    ("slow", "fast"),
    [("Balance", "AddOrder"), ("Balance", "CancelAll"), ("AddOrder", "CancelAll")],
)
async def test_an_order_waits_for_no_slow_read_and_a_cancel_for_no_slow_call(
    exchange: Exchange, client: RestClient, slow: str, fast: str
) -> None:
    exchange.always |= {"AddOrder": ACCEPTED, "CancelAll": {"count": 1}}
    held = Held(exchange.always.get(slow, {}))
    exchange.script[slow].append(held)
    calls = {
        "Balance": client.balance,
        "AddOrder": lambda: client.add_order(ORDER, "BTC/USD"),
        "CancelAll": client.cancel_all,
    }
    waiting = asyncio.create_task(calls[slow]())
    await held.asked.wait()
    await calls[fast]()
    assert not waiting.done()
    held.release.set()
    await waiting
    assert [call.name for call in exchange.calls] == [slow, fast]


async def test_a_read_that_was_overtaken_and_came_late_is_signed_anew(
    exchange: Exchange, client: RestClient
) -> None:
    exchange.always["CancelAll"] = {"count": 0}
    held = Held(answers.reply(error="EAPI:Invalid nonce"))
    exchange.script["Balance"].append(held)
    read = asyncio.create_task(client.balance())
    await held.asked.wait()
    await client.cancel_all()
    held.release.set()
    assert await read == {}


async def test_an_order_that_a_cancel_overtook_is_not_sent_after_it(
    exchange: Exchange, client: RestClient
) -> None:
    exchange.always |= {"CancelAll": {"count": 0}, "AddOrder": ACCEPTED}
    held = Held(answers.reply(error="EAPI:Invalid nonce"))
    exchange.script["AddOrder"].append(held)
    order = asyncio.create_task(client.add_order(ORDER, "BTC/USD"))
    await held.asked.wait()
    await client.cancel_all()
    held.release.set()
    with pytest.raises(OutcomeUnknown, match="Invalid nonce"):
        await order
    assert exchange.count("AddOrder") == 1


async def test_what_was_overtaken_before_it_went_out_stays_here_unless_it_is_harmless(
    exchange: Exchange, client: RestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    @asynccontextmanager
    async def overtaken(turns: PriorityLock, urgency: Urgency, names: object = None) -> Any:
        turn = LockTurn(urgency, frozenset())
        turn.overtaken = True
        yield turn

    monkeypatch.setattr(PriorityLock, "turn", overtaken)
    for call in (client.add_order(ORDER, "BTC/USD"), client.cancel_all_orders_after(60)):
        with pytest.raises(NotSent, match="withdrawn"):
            await call
    await client.balance()
    assert [call.name for call in exchange.calls] == ["Balance"]


@pytest.mark.parametrize("cancel", ["all", "by name", "in a batch"])
async def test_an_order_still_waiting_when_its_cancel_comes_never_goes_out(
    exchange: Exchange, client: RestClient, cancel: str
) -> None:
    exchange.always |= {"CancelAll": {"count": 0}, "CancelOrder": {"count": 0}}
    exchange.always["CancelOrderBatch"] = {"count": 0}
    held = Held({})
    exchange.script["Balance"].append(held)
    read = asyncio.create_task(client.balance())
    await held.asked.wait()
    named = msgspec.structs.replace(ORDER, cl_ord_id="mine")
    order = asyncio.create_task(client.add_order(named, "BTC/USD"))
    await asyncio.sleep(0)
    await {
        "all": client.cancel_all,
        "by name": lambda: client.cancel_order(OrderRef(cl_ord_id="mine")),
        "in a batch": lambda: client.cancel_order_batch(["O1"], ["mine"]),
    }[cancel]()
    held.release.set()
    with pytest.raises(NotSent, match="withdrawn"):
        await order
    await read
    assert exchange.count("AddOrder") == 0


async def test_only_cancels_go_out_while_the_key_is_locked_out(
    exchange: Exchange, client: RestClient
) -> None:
    exchange.always |= {"AddOrder": ACCEPTED, "CancelAll": {"count": 1}}
    exchange.script["AddOrder"].append(answers.refusal("EGeneral:Temporary lockout"))
    with pytest.raises(OutcomeUnknown, match="lockout"):
        await client.add_order(ORDER, "BTC/USD")
    with pytest.raises(Refused, match="lockout"):
        await client.add_order(ORDER, "BTC/USD")
    with pytest.raises(Refused, match="lockout"):
        await client.cancel_all_orders_after(60)
    await client.cancel_all()
    assert [call.name for call in exchange.calls] == ["AddOrder", "CancelAll"]


async def test_reads_leave_room_on_the_counter_for_cancels(
    exchange: Exchange, client: RestClient, frozen: Any
) -> None:
    for _ in range(13):
        await client.balance()
    assert not frozen.slept_s
    await client.balance()
    assert sum(frozen.slept_s) == pytest.approx(1 / 0.33)


async def test_an_order_whose_turn_comes_after_its_deadline_is_not_sent(
    exchange: Exchange, client: RestClient, frozen: Any
) -> None:
    deadline = frozen.now + 5 * 10**9

    def slow(request: object) -> dict[str, str]:
        frozen.now += 6 * 10**9
        return {}

    exchange.always["Balance"] = slow
    async with asyncio.TaskGroup() as group:
        group.create_task(client.balance())
        await asyncio.sleep(0)
        with pytest.raises(NotSent, match="after its deadline"):
            await client.add_order(ORDER, "BTC/USD", deadline=deadline)
    assert exchange.count("AddOrder") == 0


async def test_public_calls_keep_to_one_a_second_after_a_short_burst(
    exchange: Exchange, client: RestClient, frozen: Any
) -> None:
    exchange.always["Time"] = {"unixtime": 1}
    for _ in range(5):
        await client.server_time()
    assert frozen.slept_s == [1.0, 1.0]


async def test_an_exchange_that_is_not_there_means_nothing_was_sent(tmp_path: Path) -> None:
    gone = Endpoints.at("http://127.0.0.1:1")
    async with RestClient(CREDENTIALS, gone, state=tmp_path) as client:
        with pytest.raises(NotSent):
            await client.add_order(ORDER, "BTC/USD")


async def test_private_calls_without_a_key_say_how_to_give_one(exchange: Exchange) -> None:
    async with RestClient(None, exchange.endpoints) as client:
        with pytest.raises(ConfigError, match="KRAKEN_API_KEY"):
            await client.balance()


def test_a_secret_that_is_not_base64_is_refused_without_showing_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        RestClient(Credentials("k", "not base64!"), state=tmp_path)
    assert "not base64!" not in f"{refused.value!r} {refused.value}"


async def test_a_second_client_of_the_key_starts_above_the_nonces_of_the_first(
    exchange: Exchange, tmp_path: Path
) -> None:
    for _ in range(2):
        async with RestClient(CREDENTIALS, exchange.endpoints, state=tmp_path) as client:
            await client.balance()
    assert exchange.count("Balance") == 2


@pytest.mark.parametrize("fault", UNCERTAIN.values(), ids=UNCERTAIN.keys())
async def test_no_secret_reaches_a_log_an_error_or_a_repr(
    exchange: Exchange, client: RestClient, caplog: pytest.LogCaptureFixture, fault: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    seen = [repr(client), repr(vars(client)), repr(vars(client._executor))]
    exchange.always["AddOrder"] = fault
    with pytest.raises(OutcomeUnknown) as failure:
        await client.add_order(ORDER, "BTC/USD")
    seen.append(f"{failure.value!r} {failure.value} {failure.getrepr(showlocals=True)}")
    said = " ".join(seen) + caplog.text
    signatures = [call.headers["API-Sign"] for call in exchange.calls]
    assert not [secret for secret in (SECRET, *signatures) if secret in said]


def test_a_token_prints_redacted() -> None:
    assert "abc" not in repr(WebSocketsToken("abc")) + str(WebSocketsToken("abc"))


@pytest.mark.parametrize("nothing", ["null", "{}", "[]"])
async def test_an_empty_result_beside_an_error_says_nothing_more(
    exchange: Exchange, client: RestClient, nothing: str
) -> None:
    body = f'{{"error":["EOrder:Insufficient funds"],"result":{nothing}}}'
    exchange.always["AddOrder"] = lambda request: web.Response(text=body)
    with pytest.raises(Refused):
        await client.add_order(ORDER, "BTC/USD")


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="this system has no such clock")
def test_ticks_go_on_while_the_machine_sleeps() -> None:
    before = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    assert before <= RequestTiming().ticks() <= time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def test_time_outs_bound_every_call() -> None:
    timeout = HttpTransport()._timeout
    assert (timeout.total, timeout.connect) == (10.0, 5.0)


@pytest.mark.parametrize(("after_s", "calls"), [(15 * 60 - 1, 1), (15 * 60, 2)])
async def test_a_lockout_lasts_a_quarter_of_an_hour(
    exchange: Exchange, client: RestClient, frozen: Any, after_s: int, calls: int
) -> None:
    exchange.script["Balance"].append(answers.refusal("EGeneral:Temporary lockout"))
    with pytest.raises(Refused, match="lockout"):
        await client.balance()
    frozen.now += after_s * 10**9
    with contextlib.suppress(Refused):
        await client.balance()
    assert exchange.count("Balance") == calls


async def test_a_cancel_that_another_overtook_is_signed_anew_after_a_refused_nonce(
    exchange: Exchange, client: RestClient
) -> None:
    exchange.always |= {"CancelAll": {"count": 0}, "CancelOrder": {"count": 1}}
    held = Held(answers.reply(error="EAPI:Invalid nonce"))
    exchange.script["CancelOrder"].append(held)
    cancel = asyncio.create_task(client.cancel_order(OrderRef(txid="O1")))
    await held.asked.wait()
    await client.cancel_all()
    held.release.set()
    assert (await cancel).count == 1
    assert exchange.count("CancelOrder") == 2


@pytest.mark.parametrize(("name", "renewed"), [("Balance", True), ("AddOrder", False)])
async def test_every_call_but_an_order_renews_the_nonces_early(
    exchange: Exchange, client: RestClient, name: str, renewed: bool
) -> None:
    exchange.always["AddOrder"] = ACCEPTED
    await client.balance()
    nonces = client._executor._signer.nonces  # type: ignore[union-attr]
    nonces._last = before = nonces._reserved - BLOCK_NS // 4
    calls = {"Balance": client.balance, "AddOrder": lambda: client.add_order(ORDER, "BTC/USD")}
    await calls[name]()
    assert (nonces._reserved > before + BLOCK_NS // 2) is renewed
