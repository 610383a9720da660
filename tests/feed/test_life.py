"""Entering a feed, leaving it, and entering it again."""

from __future__ import annotations

import asyncio

import pytest

from kracked.endpoints import Endpoints
from kracked.feed import connection_pool
from kracked.feed.errors import AlreadyOpen, NotOpen
from kracked.feed_manager import FeedManager
from kracked.protocol import events
from tests.feed.feeds import feed, seen
from tests.patience import PATIENCE_S


async def test_a_feed_entered_again_takes_up_what_it_had(server) -> None:
    manager = feed(server, "BTC/USD", book=10, level3=10, account=True)
    for _ in range(2):
        async with manager:
            await asyncio.wait_for(manager.ready(), PATIENCE_S)
            assert manager.l2["BTC/USD"].verified
            assert manager.l3["BTC/USD"].verified
            assert manager.account.orders_known


async def test_nothing_is_trusted_once_a_feed_has_been_left(server) -> None:
    async with feed(server, "BTC/USD", book=10, level3=10, account=True) as manager:
        await manager.ready()
    assert not manager.l2["BTC/USD"].verified
    assert not manager.l3["BTC/USD"].verified
    assert not manager.account.orders_known
    assert not manager.account.balances_known


async def test_what_a_feed_missed_while_it_was_left_is_a_gap(server) -> None:
    manager = feed(server, "BTC/USD", book=10)
    async with manager:
        await manager.ready()
    async with manager:
        found = await seen(aiter(manager), events.Gap, events.Gap)
    assert (found[-1].channel, found[-1].reason) == ("book", "closed by us")


async def test_consumers_of_the_time_before_stay_ended(server) -> None:
    manager = feed(server, "BTC/USD", book=10)
    async with manager:
        old = manager.consumer()
        await manager.ready()
    old.take()
    async with manager:
        await manager.ready()
        assert await asyncio.wait_for(old.batch(), PATIENCE_S) == []


async def test_symbols_may_be_added_and_dropped_between_two_times(server) -> None:
    manager = feed(server, "BTC/USD", book=10)
    async with manager:
        await manager.ready()
    await manager.unsubscribe("BTC/USD")
    with pytest.raises(NotOpen):
        await manager.subscribe("ETH/USD", book=10)
    async with manager:
        await asyncio.wait_for(manager.ready(), PATIENCE_S)
        assert {symbol for symbol, book in manager.l2.items() if book.verified} == {"ETH/USD"}


def test_a_feed_may_be_entered_again_in_another_loop() -> None:
    nowhere = Endpoints.at("http://127.0.0.1:1")
    manager = FeedManager(["BTC/USD"], book=10, endpoints=nowhere)

    async def once() -> None:
        async with manager:
            waiting = asyncio.ensure_future(manager.ready())
            await seen(aiter(manager), events.Reconnecting)
        with pytest.raises(NotOpen):
            await asyncio.wait_for(waiting, PATIENCE_S)

    asyncio.run(once())
    asyncio.run(once())


async def test_a_feed_that_is_open_cannot_be_opened(server) -> None:
    async with feed(server, "BTC/USD", book=10) as manager:
        with pytest.raises(AlreadyOpen, match="make another FeedManager"):
            async with manager:
                pass
        await asyncio.wait_for(manager.ready(), PATIENCE_S)


async def test_a_wait_ends_with_the_feed(server) -> None:
    server.refusals = 10**6
    async with feed(server, "BTC/USD", book=10) as manager:
        waiting = asyncio.ensure_future(manager.ready())
        await seen(aiter(manager), events.Reconnecting)
    with pytest.raises(NotOpen):
        await asyncio.wait_for(waiting, PATIENCE_S)


async def test_no_two_connections_ever_share_a_name(server, monkeypatch) -> None:
    monkeypatch.setattr(connection_pool, "LEVEL3_SYMBOLS", 1)
    async with feed(server, "BTC/USD", "ETH/USD", level3=10) as manager:
        await manager.ready()
        await manager.unsubscribe("BTC/USD")
        await manager.subscribe("SOL/USD", level3=10)
        assert [one.name for one in manager.stats().connections] == [
            "public",
            "level3-2",
            "level3",
        ]
