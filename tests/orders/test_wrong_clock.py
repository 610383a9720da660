"""This computer's clock is wrong: deadlines follow the exchange's, and somebody is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kracked.orders import OrderManager, OrderState, open_order_manager
from kracked.rest.client import RestClient
from kracked.rest.request_executor import RequestTiming
from kracked.rest.transport import HttpTransport
from kracked.times import NS_PER_S, parse_ns
from kracked_tui.trader import messages
from tests.orders.conftest import OpenManager
from tests.orders.scripted_exchange import Market
from tests.orders.test_order_manager import ASK, place
from tests.patience import until
from tests.rest import scripted_http as answers
from tests.rest.conftest import FrozenTime
from tests.rest.scripted_http import CREDENTIALS

WRONG = [-3600, -70, -10, 10, 70, 3600]
"""Seconds by which the clock is fast."""


class Wrong:
    """A program whose clock is wrong, and the exchange whose clock is right."""

    def __init__(self, client: RestClient, timing: RequestTiming, file: Path) -> None:
        self.client, self.timing, self.file = client, timing, file
        self.told: list[int] = []

    @contextmanager
    def opened(self) -> Iterator[OrderManager]:
        with open_order_manager(self.client, self.file, timing=self.timing) as manager:
            manager.reconciler.on_clock = self.told.append
            yield manager

    async def measured(self, manager: OrderManager) -> None:
        looking = asyncio.create_task(manager.reconciler.run())
        await until(lambda: self.client.exchange_clock.known)
        looking.cancel()


@pytest.fixture
async def wrong(
    market: Market, frozen: FrozenTime, outbox_file: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Wrong]:
    fast_ns = request.param * NS_PER_S
    timing = RequestTiming(lambda: frozen.now + fast_ns, frozen.sleep, lambda: 1.0, frozen.clock)
    async with RestClient(
        CREDENTIALS,
        market.exchange.endpoints,
        state=outbox_file.parent,
        transport=HttpTransport(timeout_s=5.0),
        timing=timing,
    ) as client:
        yield Wrong(client, timing, outbox_file)


@pytest.mark.parametrize("wrong", WRONG, indirect=True)
async def test_the_deadline_of_an_order_is_by_the_exchanges_clock(
    wrong: Wrong, market: Market, frozen: FrozenTime
) -> None:
    with wrong.opened() as manager:
        await wrong.measured(manager)
        entry = await place(manager)
    assert entry.state is OrderState.ACKNOWLEDGED
    ahead_ns = parse_ns(market.exchange.last("AddOrder").body["deadline"]) - frozen.now
    assert 4 * NS_PER_S <= ahead_ns <= 6 * NS_PER_S


@pytest.mark.parametrize("wrong", WRONG, indirect=True)
async def test_an_order_that_filled_without_an_answer_is_found_whatever_the_clock_says(
    wrong: Wrong, market: Market, frozen: FrozenTime
) -> None:
    market.fills_at_once = True
    market.fails("AddOrder", answers.dropped, after_acting=True)
    with wrong.opened() as manager:
        await wrong.measured(manager)
        entry = await place(manager)
        await manager.reconciler.reconcile_due()
        assert manager.outbox[entry.id].state is OrderState.FILLED
    asked = market.exchange.last("ClosedOrders").body["start"]
    assert int(asked) <= frozen.now // NS_PER_S


@pytest.mark.parametrize("wrong", [-10, 0], indirect=True)
async def test_a_clock_that_is_far_off_is_told_of_once(wrong: Wrong, market: Market) -> None:
    with wrong.opened() as manager:
        await wrong.measured(manager)
        manager.reconciler.measure_clock()
        await wrong.measured(manager)
    assert len(wrong.told) == (wrong.timing.clock() < market.clock())


@pytest.mark.parametrize("wrong", [-2, -1, 0], indirect=True)
async def test_a_clock_is_told_of_from_two_seconds_on(
    wrong: Wrong, frozen: FrozenTime, market: Market
) -> None:
    with wrong.opened() as manager:
        await manager.reconciler._measure()
    slow_ns = frozen.now - wrong.timing.clock()
    assert wrong.told == [ns for ns in (slow_ns,) if ns >= 2 * NS_PER_S]


async def test_a_refused_deadline_wakes_whoever_waits_to_look_up(opened: OpenManager) -> None:
    with opened() as manager:
        assert not manager.reconciler._awake.is_set()
        manager.reconciler.measure_clock()
        assert manager.reconciler._awake.is_set()


@pytest.mark.parametrize("wrong", [-10], indirect=True)
@pytest.mark.parametrize(
    "error", ["EService:Deadline elapsed", "EGeneral:Invalid arguments:deadline"]
)
async def test_a_refused_deadline_has_the_exchanges_time_asked_for_again(
    wrong: Wrong, market: Market, error: str
) -> None:
    with wrong.opened() as manager:
        await wrong.measured(manager)
        asked = market.exchange.count("Time")
        market.exchange.script["AddOrder"].append(answers.refusal(error))
        await place(manager, ASK)
        looking = asyncio.create_task(manager.reconciler.run())
        await until(lambda: market.exchange.count("Time") > asked)
        looking.cancel()


@pytest.mark.parametrize(
    ("fails", "every_s"), [(True, 10), (False, 300)], ids=["without an answer", "with one"]
)
async def test_the_exchanges_time_is_asked_for_every_five_minutes_and_soon_without_an_answer(
    market: Market, opened: OpenManager, frozen: FrozenTime, fails: bool, every_s: int
) -> None:
    if fails:
        market.exchange.always["Time"] = answers.refusal("EGeneral:Unknown method")
    with opened() as manager:
        for after_s, asked in ((0, 1), (every_s - 1, 1), (1, 2), (every_s - 1, 2), (1, 3)):
            frozen.now += after_s * NS_PER_S
            await manager.reconciler._measure()
            assert market.exchange.count("Time") == asked


@pytest.mark.parametrize(
    ("ahead_s", "words"), [(10, "10 s slow"), (-70, "70 s fast"), (0, "right again")]
)
def test_the_words_name_how_wrong_the_clock_is(ahead_s: int, words: str) -> None:
    assert words in messages.clock(ahead_s * NS_PER_S)[0]
