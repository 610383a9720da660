"""The table of `docs/reference/answers.md`: every answer is sent, and every row holds."""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from kracked.endpoints import Endpoints
from kracked.orders import OrderManager, OrderState, OutboxEntry, open_order_manager
from kracked.rest.client import RestClient
from kracked.rest.transport import HttpTransport
from kracked.times import NS_PER_S
from tests.orders.conftest import OpenManager
from tests.orders.exchange_model import NOW
from tests.orders.scripted_exchange import Market
from tests.orders.test_order_manager import ASK, DRAFT
from tests.patience import until
from tests.rest import scripted_http as answers
from tests.rest.conftest import FrozenTime
from tests.rest.scripted_http import CREDENTIALS

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "answers.md"
ROW = re.compile(r"\| (.+?) \| .+ \| (ACKNOWLEDGED|REFUSED|UNKNOWN) \|")
ROWS = dict(
    ROW.fullmatch(line).groups() for line in PAGE.read_text().splitlines() if ROW.match(line)
)  # type: ignore[union-attr]
TEXTS = [answer.strip("`") for answer in ROWS if re.fullmatch(r"`(E\w+: ?|a text).+`", answer)]


def body(text: bytes | str, **headers: str) -> answers.Answer:
    data = text if isinstance(text, bytes) else text.encode()
    return lambda request: web.Response(body=data, headers=headers)


ANSWERS: dict[str, answers.Answer] = {
    **{f"`{text}`": answers.refusal(text) for text in TEXTS},
    **{
        f"HTTP {code}": (
            lambda request, code=code: web.Response(status=code, headers={"Location": "/"})
        )
        for code in (307, 403, 429, 500, 502, 520)
    },
    "two errors, one of them `EAPI:Invalid nonce`": body(
        '{"error":["EGeneral:Invalid arguments","EAPI:Invalid nonce"]}'
    ),
    "an error beside a result": body('{"error":["EOrder:Insufficient funds"],"result":{"a":1}}'),
    "a result without `txid`": body('{"error":[],"result":{"descr":{"order":"buy"}}}'),
    "an empty body": body(""),
    "a cut body": body('{"error":[],"result":{"txid":["OTE'),
    "HTML": answers.page,
    "JSON nested too deeply": body('{"error":[],"result":' + "[" * 200_000 + "]" * 200_000 + "}"),
    "a body of more than 32 MiB": body(
        gzip.compress(b'{"error":[],"result":"' + b" " * 33 * 2**20), **{"Content-Encoding": "gzip"}
    ),
    "a body packed in another way than asked for": body("..", **{"Content-Encoding": "br"}),
    "the connection was dropped": answers.dropped,
}
Way = Callable[[Market, OrderManager, FrozenTime], Awaitable[object]]


async def place(market: Market, manager: OrderManager, frozen: FrozenTime) -> object:
    return await manager.place(DRAFT, NOW)


async def mixed_up(market: Market, manager: OrderManager, frozen: FrozenTime) -> object:
    first = await manager.place(ASK, NOW)
    assert isinstance(first, OutboxEntry)
    market.exchange.script["AddOrder"].append({"txid": [first.txid]})
    return await manager.place(DRAFT, NOW)


async def held_up(market: Market, manager: OrderManager) -> tuple[asyncio.Task[object], object]:
    """Let an order wait for its turn behind a read."""
    asked, release = asyncio.Event(), asyncio.Event()

    async def slow(request: object) -> dict[str, str]:
        asked.set()
        await release.wait()
        return {}

    market.exchange.script["Balance"].append(slow)
    reading = asyncio.create_task(manager._client.balance())
    await asked.wait()
    order: asyncio.Task[object] = asyncio.create_task(manager.place(DRAFT, NOW))
    await until(lambda: manager._client._executor.lock._waiting)
    return order, (release, reading)


async def withdrawn(market: Market, manager: OrderManager, frozen: FrozenTime) -> object:
    order, (release, reading) = await held_up(market, manager)  # type: ignore[misc]
    manager._client._executor.lock.withdraw()
    release.set()
    await reading
    return await order


async def late(market: Market, manager: OrderManager, frozen: FrozenTime) -> object:
    order, (release, reading) = await held_up(market, manager)  # type: ignore[misc]
    frozen.now += 6 * NS_PER_S
    release.set()
    await reading
    return await order


TWICE = {
    "a second delivery": "EAPI:Invalid nonce",
    "a second delivery that meets a rate limit": "EAPI:Rate limit exceeded",
}
WAYS: dict[str, Way] = {
    "`txid`": place,
    "a `txid` that an earlier order has": mixed_up,
    "a cancel came before it went out": withdrawn,
    "its turn came after its deadline": late,
}
ELSEWHERE = {"no connection was made", "no answer in time", *TWICE}


def test_every_row_of_the_page_has_its_answer_here() -> None:
    assert ROWS.keys() == ANSWERS.keys() | WAYS.keys() | ELSEWHERE
    assert len(TEXTS) > 20


@pytest.mark.parametrize("answer", [*ANSWERS, *WAYS])
async def test_an_answer_proves_what_the_page_says_and_the_order_is_sent_once(
    market: Market, opened: OpenManager, frozen: FrozenTime, answer: str
) -> None:
    if answer in ANSWERS:
        market.exchange.script["AddOrder"].append(ANSWERS[answer])
    with opened() as manager:
        entry = await WAYS.get(answer, place)(market, manager, frozen)
    assert isinstance(entry, OutboxEntry)
    assert entry.state.name == ROWS[answer]
    sent = [call.body["cl_ord_id"] for call in market.exchange.calls if call.name == "AddOrder"]
    assert sent.count(entry.id) == (0 if WAYS.get(answer) in (withdrawn, late) else 1)


@pytest.mark.parametrize("answer", TWICE)
async def test_a_second_delivery_is_unknown_and_the_order_is_there_once(
    market: Market, opened: OpenManager, answer: str
) -> None:
    market.fails("AddOrder", answers.refusal(TWICE[answer]), after_acting=True)
    with opened() as manager:
        entry = await manager.place(DRAFT, NOW)
    assert isinstance(entry, OutboxEntry)
    assert (entry.state.name, len(market.orders)) == (ROWS[answer], 1)


async def test_what_is_held_back_here_was_not_sent(
    market: Market, opened: OpenManager, frozen: FrozenTime
) -> None:
    until_s = frozen.now // NS_PER_S + 7
    market.exchange.always["CancelOrder"] = answers.refusal(f"EService: Throttled: {until_s}")
    with opened() as manager:
        await manager.cancel(txid="O1")
        entry = await manager.place(DRAFT, NOW)
    assert isinstance(entry, OutboxEntry)
    assert (entry.state, market.exchange.count("AddOrder")) == (OrderState.REFUSED, 0)
    assert "held back here" in entry.reason


@pytest.mark.parametrize("answer", ["no connection was made", "no answer in time"])
async def test_silence_proves_nothing_and_a_missing_connection_that_it_was_not_sent(
    market: Market, frozen: FrozenTime, tmp_path: Path, answer: str
) -> None:
    reached = answer == "no answer in time"
    where = market.exchange.endpoints if reached else Endpoints.at("http://127.0.0.1:1")
    market.exchange.script["AddOrder"].append(answers.silence)
    transport = HttpTransport(timeout_s=0.2)
    async with RestClient(
        CREDENTIALS, where, state=tmp_path, transport=transport, timing=frozen.timing
    ) as client:
        with open_order_manager(client, tmp_path / "outbox", timing=frozen.timing) as manager:
            entry = await manager.place(DRAFT, NOW)
    assert isinstance(entry, OutboxEntry)
    assert (entry.state.name, market.exchange.count("AddOrder")) == (ROWS[answer], int(reached))
