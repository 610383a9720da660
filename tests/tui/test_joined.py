"""A recording begun while the monitor runs shows at its start what the monitor showed then."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

import kracked
from kracked.credentials import Credentials
from kracked.endpoints import Endpoints
from kracked.protocol.events import Event, Side
from kracked.protocol.last_values import MAX_CANDLES, MAX_TRADES
from kracked.protocol.order_terms import OrderType
from kracked.recorder import recording
from kracked.rest.orders import AddOrder
from kracked.sim.server import SimOptions, SimServer
from kracked_tui.sources.recording import MessagePlace
from kracked_tui.sources.session import SessionRecording
from kracked_tui.state.store import Store
from tests.tui.frozen_market import SYMBOL


def applied(events_so_far: list[Event]) -> Store:
    store = Store("REPLAY")
    for event in events_so_far:
        store.apply(event)
    return store


async def watched_until_recorded(folder: Path, state: Path) -> Store:
    """Trade a little, then record a little; return what a monitor knew when that began."""
    async with asyncio.timeout(60), SimServer(SimOptions(seed=3, symbols=(SYMBOL,))) as sim:
        key, endpoints = Credentials(sim.api_key, sim.api_secret), Endpoints.at(sim.endpoints.rest)
        channels = {"book": 25, "level3": 10, "trade": True, "ticker": True, "ohlc": 1}
        async with kracked.RestClient(key, endpoints, state=state) as client:
            feed = kracked.FeedManager(
                (SYMBOL,),
                account=True,
                token=client.websockets_token,
                endpoints=endpoints,
                **channels,
            )
            with feed.consumer() as consumer:
                async with feed:
                    await feed.ready()
                    await _trade(client)
                    events_so_far: list[Event] = []
                    while len(feed.account.orders) < 1 or len(feed.account.fills) < 1:
                        events_so_far += await consumer.batch()
                    while len(feed.current_state()) < 7:
                        events_so_far += await consumer.batch()
                    events_so_far += consumer.take()
                    async with recording(feed, folder) as recorder:
                        while recorder.progress().status.messages < 50:
                            await consumer.batch()
    return applied(events_so_far)


async def _trade(client: kracked.RestClient) -> None:
    some = {"side": Side.BID, "volume": Decimal("0.01")}
    resting = AddOrder(order_type=OrderType.LIMIT, price=Decimal(1000), **some)
    await client.add_order(resting, SYMBOL)
    await client.add_order(AddOrder(order_type=OrderType.MARKET, **some), SYMBOL)


@pytest.fixture
async def shown(tmp_path: Path) -> Store:
    return await watched_until_recorded(tmp_path / "session", tmp_path / "state")


def played(folder: Path) -> Store:
    """Return what is shown before the first message itself."""
    recording = SessionRecording(folder)
    moment = recording.player().step()
    assert moment is not None
    return applied(recording.events_of(moment._replace(events=[])))


async def test_it_begins_with_own_orders_fills_and_balances(shown: Store, tmp_path: Path) -> None:
    account = played(tmp_path / "session").account
    assert account.orders.keys() == shown.account.orders.keys()
    assert [(each.limit_price, each.touched) for each in account.orders.values()] == [
        (each.limit_price, each.touched) for each in shown.account.orders.values()
    ]
    assert account.fills == shown.account.fills
    assert account.balances == shown.account.balances


async def test_it_begins_with_the_last_price_the_tape_and_the_candles(
    shown: Store, tmp_path: Path
) -> None:
    now, then = played(tmp_path / "session").market(SYMBOL), shown.market(SYMBOL)
    assert now.last == then.last
    assert now.change == then.change
    assert list(now.prints)[-10:] == list(then.prints)[-10:]
    assert sum(each.fills for each in now.prints) == MAX_TRADES
    assert now.bars(60) == then.bars(60)[-MAX_CANDLES:]


async def test_back_at_its_start_it_shows_the_same(shown: Store, tmp_path: Path) -> None:
    recording = SessionRecording(tmp_path / "session")
    store = applied(recording.events_until(MessagePlace(0, recording.start)))
    assert store.account.orders.keys() == shown.account.orders.keys()
    assert store.market(SYMBOL).last == shown.market(SYMBOL).last
