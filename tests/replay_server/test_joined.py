"""A served recording that joined a running feed: clients start from the state it joined."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from kracked.protocol import events
from kracked.protocol.events import Event
from kracked.record.read.recording import open_recording
from kracked.record.replay import Player
from kracked.recorder import recording
from kracked.sim.server import SimOptions, SimServer
from tests.replay_server.conftest import SYMBOLS, Serve, listener

CHANNELS = {"book": 25, "level3": 100, "trade": True, "ticker": True, "ohlc": 1}
CHANNELS_OF_BOOKS = ("book", "level3")


@pytest.fixture
async def joined(tmp_path: Path) -> Path:
    async with (
        asyncio.timeout(60),
        SimServer(SimOptions(seed=11, symbols=SYMBOLS, rate=4)) as sim,
        listener(sim, **CHANNELS) as feed,
    ):
        await feed.ready()
        with feed.consumer() as consumer:
            while len(feed.current_state()) < 2 + 3 * len(SYMBOLS):
                await consumer.batch()
            async with recording(feed, tmp_path / "joined") as recorder:
                subjects = recorder._session.ingest.tables.symbols
                while any(None in (each.book, each.level3) for each in subjects.values()):
                    await consumer.batch()  # a picture of each book, one by one
    return tmp_path / "joined"


async def received(serve: Serve, joined: Path) -> list[Event]:
    """Return everything that a client of every channel receives, to the end."""
    async with (
        asyncio.timeout(60),
        serve(joined) as server,
        listener(server, **CHANNELS) as feed,
    ):
        with feed.consumer() as consumer:
            await server.over.wait()
            await feed.ready()
            return consumer.take()


async def test_a_client_first_gets_the_recorded_state(serve: Serve, joined: Path) -> None:
    moment = Player(open_recording(joined)).step()
    assert moment is not None
    stood = {
        type(event): event
        for event in moment.snapshots
        if getattr(event, "symbol", "") == SYMBOLS[0]
    }
    told = await received(serve, joined)
    for kind in (events.Ticker, events.Trades, events.Candles):
        first = next(each for each in told if type(each) is kind and each.symbol == SYMBOLS[0])
        assert (first.snapshot, first.received > 0) == (True, True)
        assert _content(first) == _content(stood[kind])


async def test_every_book_comes_at_once_as_a_snapshot_of_its_channel(
    serve: Serve, joined: Path
) -> None:
    told = await received(serve, joined)
    proven = [(each.symbol, each.channel) for each in told if isinstance(each, events.Verified)]
    assert set(proven) == {(symbol, channel) for symbol in SYMBOLS for channel in CHANNELS_OF_BOOKS}
    assert not [each for each in told if isinstance(each, events.Resync)]


async def test_the_rules_of_the_pairs_are_those_recorded(serve: Serve, joined: Path) -> None:
    told = await received(serve, joined)
    (listed, *_) = (each for each in told if isinstance(each, events.Instruments))
    (stood, *_) = (
        each
        for each in Player(open_recording(joined)).step().snapshots
        if isinstance(each, events.Instruments)
    )
    assert (listed.pairs, listed.assets) == (stood.pairs, stood.assets)


def _content(event: events.Ticker | events.Trades | events.Candles) -> object:
    match event:
        case events.Trades(trades=trades):
            return trades
        case events.Candles(candles=candles):
            return candles
        case events.Ticker():
            return (event.bid, event.ask, event.last, event.volume)
