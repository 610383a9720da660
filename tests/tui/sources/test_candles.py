"""The past candles of the chart come by REST, and are merged with those of the stream."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from kracked.endpoints import Endpoints
from kracked.errors import KrackedError
from kracked.instruments import Precision
from kracked.protocol.events import Candle, Candles
from kracked.sim.server import SimOptions, SimServer
from kracked.times import NS_PER_S
from kracked_tui.sources.live import LiveSource
from kracked_tui.state.store import Store
from tests.tui.conftest import Opened
from tests.tui.frozen_market import NOW, PRECISION, SYMBOL, ScriptedSource

MINUTE = 60 * NS_PER_S


def candle(minute: int, volume: int = 5, close: int = 10) -> Candle:
    return Candle(
        interval=1, begin=minute * MINUTE, open=10, high=20, low=5, close=close,
        vwap=10, volume=volume, trades=1,
    )  # fmt: skip


def candles_event(*candles: Candle, snapshot: bool = False) -> Candles:
    return Candles(NOW, SYMBOL, PRECISION, candles, snapshot)


def shown(store: Store) -> list[tuple[int, int]]:
    return [(bar.begin // MINUTE, bar.close) for bar in store.market(SYMBOL).bars(60)]


def test_past_candles_that_come_late_go_before_those_of_the_stream() -> None:
    store = Store("LIVE")
    store.apply(candles_event(candle(9)))
    store.apply(candles_event(candle(7), candle(8), candle(9), snapshot=True))
    assert [minute for minute, _ in shown(store)] == [7, 8, 9]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_unfinished_past_candle_never_hides_a_newer_one(order: tuple[int, int]) -> None:
    both = (
        candles_event(candle(9, volume=5, close=11), snapshot=True),
        candles_event(candle(9, volume=7, close=12)),
    )
    store = Store("LIVE")
    for at in order:
        store.apply(both[at])
    assert shown(store) == [(9, 12)]


@pytest.fixture
async def sim() -> AsyncIterator[SimServer]:
    async with SimServer(SimOptions(seed=3, symbols=(SYMBOL,))) as server:
        yield server


async def test_without_a_key_there_are_hours_of_candles_from_the_start(sim: SimServer) -> None:
    source = LiveSource((SYMBOL,), Endpoints.at(sim.endpoints.rest), None)
    async with source:
        await source.show(SYMBOL)
        past = await source.candles(SYMBOL, 60)
        again = await source.candles(SYMBOL, 60)
    assert past is not None
    assert past.precision == Precision(1, 8)
    begins = [each.begin for each in past.candles]
    assert len(begins) > 600
    assert begins == sorted(set(begins))
    assert past.candles[0].low <= past.candles[0].open <= past.candles[0].high
    assert again is None


class Unreachable(ScriptedSource):
    async def candles(self, symbol: str, timeframe_s: int) -> Candles | None:
        raise KrackedError("no answer")


async def test_past_candles_that_cannot_be_fetched_are_a_log_entry_and_no_more(
    opened: Opened,
) -> None:
    async with opened(source=Unreachable()) as (monitor, _):
        assert "no candles: no answer" in [each.text for each in monitor.view_model.recent_log()]
        assert monitor.return_code is None
