"""Gaps of a recording: no client takes a stream with a gap for a whole one."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from kracked.book.keeper import BookKeeper
from kracked.errors import RecordError
from kracked.format.session_info import SessionInfo
from kracked.protocol import events
from kracked.protocol.events import Event
from kracked.record.read.recording import Recording, open_recording
from kracked.record.write.session import record_into
from kracked.recorder import record
from kracked.replay_server.server import PlaybackServer
from kracked.sim.server import SimOptions, SimServer
from tests.record.seeded_market import Level3Market, feed
from tests.replay_server.conftest import SYMBOLS, Serve, listener
from tests.replay_server.test_served_recording import BOOKS, content, hear_out, kept


async def listen(server: PlaybackServer, recorded: Recording) -> list[Event]:
    """Return all events of a feed until it has the last recorded books."""
    async with listener(server, book=25, level3=100) as client:
        with client.consumer() as consumer:
            await hear_out(server, client, recorded)
            for key in BOOKS:
                book = kept(client, *key)
                assert book is not None
                assert book.verified
                expected = recorded.at(recorded.span()[1], key[0], channel=key[1])
                assert content(book, 1000) == content(expected, 1000)
            return consumer.take()


def told(received: list[Event], kind: type[Event], **facts: object) -> list[Event]:
    return [
        event
        for event in received
        if isinstance(event, kind)
        and all(getattr(event, name) == value for name, value in facts.items())
    ]


async def record_with(faults: str, out: Path) -> Recording:
    options = SimOptions(seed=12, symbols=SYMBOLS, rate=4, faults=faults)
    async with SimServer(options) as sim:
        await record(listener(sim, book=25, level3=100), out, duration_s=4)
    return open_recording(out)


@pytest.mark.parametrize("role", ["public", "level3"])
async def test_a_connection_the_recorder_lost_is_lost_again(
    serve: Serve, tmp_path: Path, role: str
) -> None:
    recorded = await record_with(f"drop:@1s:{role}", tmp_path / "session")
    async with asyncio.timeout(60), serve(recorded.path) as server:
        received = await listen(server, recorded)
    (lost,) = told(received, events.Reconnecting)
    assert isinstance(lost, events.Reconnecting)
    assert lost.connection == role
    assert "the recorder lost its connection here" in lost.reason


async def test_a_book_the_recorder_doubted_is_doubted_again_and_proven_again(
    serve: Serve, tmp_path: Path
) -> None:
    recorded = await record_with("checksum:@1s:BTC/USD", tmp_path / "session")
    async with asyncio.timeout(60), serve(recorded.path) as server:
        received = await listen(server, recorded)
    assert not told(received, events.Reconnecting)
    assert len(told(received, events.Resync, symbol="BTC/USD", reason="checksum")) == 1


def record_losing_three(out: Path) -> int:
    """Record level3 of BTC/USD without three messages; return the last checksum."""
    market, keeper = Level3Market(), BookKeeper()
    before = market.stream(100)
    for _ in range(3):
        market.update()
    after = [(market.now, market.snapshot()), *((market.now, market.update()) for _ in range(50))]
    info = SessionInfo(start="2024-11-12T06:50:44.000000000Z")
    with (
        contextlib.suppress(RecordError),  # it ends by saying that three were lost
        record_into(out, info, clock=lambda: market.now) as session,
    ):
        feed(session, keeper, before)
        session.ingest.note_lost(3, before[-1][0])
        feed(session, keeper, after)
    return keeper.l3["BTC/USD"].checksum


async def test_missing_messages_close_every_connection(serve: Serve, tmp_path: Path) -> None:
    end = record_losing_three(tmp_path / "session")
    received: list[Event] = []
    async with (
        asyncio.timeout(60),
        serve(tmp_path / "session") as server,
        listener(server, ["BTC/USD"], level3=10) as client,
    ):
        with client.consumer() as consumer:
            while not client.l3 or client.l3["BTC/USD"].checksum != end:
                received += await consumer.batch()
        assert client.l3["BTC/USD"].verified
    lost = [event for event in received if isinstance(event, events.Reconnecting)]
    assert {event.connection for event in lost} == {"public", "level3"}
    assert all("messages are missing here" in event.reason for event in lost)
