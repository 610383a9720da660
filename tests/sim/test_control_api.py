"""The control API at /sim/: it is there with faults only, and as true as the engine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest

from kracked.protocol.events import Side
from kracked.sim.control_api import ControlApi
from kracked.sim.server import SimOptions, SimServer, serve
from kracked.sim.truth import PlantedRow, TruthRow
from tests.patience import PATIENCE_S

NOW = 1_790_000_000 * 10**9
S = 10**9
OPTIONS = SimOptions(seed=3, symbols=["BTC/USD"], faults="")


@pytest.fixture
async def server() -> AsyncIterator[SimServer]:
    async with SimServer(OPTIONS) as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_without_faults_there_is_no_control_api(http: aiohttp.ClientSession) -> None:
    async with SimServer(SimOptions(seed=3, symbols=["BTC/USD"])) as server:
        answer = await http.get(server.endpoints.rest + "/sim/state")
        assert (await answer.json())["error"] == ["EGeneral:Unknown method"]


@pytest.mark.parametrize(
    ("channel", "row"), [("book", ["price", "qty"]), ("level3", ["id", "price", "qty", "entered"])]
)
async def test_the_truth_is_the_engines_book(
    server: SimServer, http: aiohttp.ClientSession, channel: str, row: list[str]
) -> None:
    await http.post(server.endpoints.rest + "/sim/hold?seconds=60")
    query = {"symbol": "BTC/USD", "channel": channel, "depth": "10"}
    truth = await (await http.get(server.endpoints.rest + "/sim/truth", params=query)).json()
    matcher = server.exchange.publishers["BTC/USD"].matcher
    prices = [one[row.index("price")] for one in truth["bids"]]
    best = [level.price for level, _ in zip(matcher.levels(Side.BID), range(10), strict=False)]
    assert list(dict.fromkeys(prices)) == best
    assert {len(one) for one in truth["asks"]} == {len(row)}


def test_while_held_time_goes_on_and_trade_does_not() -> None:
    server = SimServer(OPTIONS, clock=lambda: NOW)
    matcher = server.exchange.publishers["BTC/USD"].matcher
    before = matcher.time
    server.injector.hold(60 * S)
    server.advance(NOW + 5 * S)
    assert (matcher.time, server.exchange.time) == (before, NOW + 5 * S)
    server.injector.release()
    server.advance(NOW + 10 * S)
    assert matcher.time > NOW + 5 * S


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "nothing"), ("GET", "hold?seconds=1"), ("POST", "truth"), ("POST", "hold")],
)
async def test_a_call_it_does_not_know_is_not_found(
    server: SimServer, http: aiohttp.ClientSession, method: str, path: str
) -> None:
    answer = await http.request(method, f"{server.endpoints.rest}/sim/{path}")
    assert answer.status == 404


def test_an_account_is_shown_as_a_new_subscriber_would_get_it() -> None:
    server = SimServer(OPTIONS, clock=lambda: NOW)
    server.exchange.brokerage.accounts["main"]
    control = ControlApi(server.exchange, server.injector)
    account = json.loads(control.answer("GET", "/sim/account", {}))["main"]
    assert (account["orders"], account["fills"]) == ([], [])
    assert {row["asset"] for row in account["balances"]} == {"BTC", "USD"}


def test_injected_faults_are_listed() -> None:
    options = SimOptions(seed=3, symbols=["BTC/USD"], faults="maintenance=60:@1s")
    server = SimServer(options, clock=lambda: NOW)
    server.advance(NOW + S)
    control = ControlApi(server.exchange, server.injector)
    (fault,) = json.loads(control.answer("GET", "/sim/faults", {}))
    assert (fault["kind"], fault["time"]) == ("maintenance", NOW + S)


async def test_the_command_tells_faults_apart_from_its_addresses() -> None:
    announced, told = [], asyncio.Queue()
    options = SimOptions(seed=3, symbols=["BTC/USD"], faults="maintenance=60:@0s")
    serving = asyncio.create_task(serve(options, announced.append, told.put_nowait))
    async with asyncio.timeout(PATIENCE_S):
        fault = json.loads(await told.get())
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    assert fault["kind"] == "maintenance"
    assert [set(json.loads(line)) >= {"rest", "public"} for line in announced] == [True]


def test_a_pattern_is_planted_and_its_truth_is_told() -> None:
    told: list[TruthRow | PlantedRow] = []
    server = SimServer(OPTIONS, clock=lambda: NOW, truth=told.append)
    control = ControlApi(server.exchange, server.injector)
    query = {"symbol": "BTC/USD", "pattern": "sweep", "count": "2", "within": "1"}
    assert control.answer("POST", "/sim/plant", query) is not None
    server.advance(NOW + 2 * S)
    assert [row.pattern for row in told if isinstance(row, PlantedRow)] == ["sweep", "sweep"]


@pytest.mark.parametrize(
    "query",
    [
        {"symbol": "BTC/USD", "pattern": "spoof"},
        {"symbol": "NO/PAIR", "pattern": "sweep"},
        {"pattern": "sweep"},
    ],
)
def test_a_pattern_that_cannot_be_planted_is_not_found(query: dict[str, str]) -> None:
    server = SimServer(OPTIONS, clock=lambda: NOW)
    assert ControlApi(server.exchange, server.injector).answer("POST", "/sim/plant", query) is None
