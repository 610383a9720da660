"""The manager against an exchange behind real sockets."""

from __future__ import annotations

import asyncio
import time

import msgspec
import pytest
from msgspec.structs import replace

from kracked.endpoints import Endpoints
from kracked.errors import ConnectionLost, RequestRejected, UnsupportedDepth
from kracked.feed import connection, connection_pool
from kracked.feed.channels import NoChannels, UnsupportedChoice
from kracked.feed.clock import Clock
from kracked.feed.errors import NeedsToken
from kracked.feed.fanout import Policy
from kracked.feed.transport import Limits
from kracked.feed_manager import FeedManager
from kracked.protocol import events
from tests.feed.feeds import feed, no_wait, seen
from tests.patience import PATIENCE_S


async def test_books_are_verified_once_ready(server) -> None:
    async with feed(server, "BTC/USD", "ETH/USD", book=10, level3=10) as manager:
        await manager.ready()
        assert [manager.l2[symbol].verified for symbol in ("BTC/USD", "ETH/USD")] == [True] * 2
        assert manager.l3["BTC/USD"].verified


async def test_every_event_comes_in_order(server) -> None:
    async with feed(server, "BTC/USD", book=10) as manager:
        found = await seen(aiter(manager), events.Verified)
    assert [type(event).__name__ for event in found] == [
        "Connected",
        "Status",
        "Subscribed",
        "Instruments",
        "Subscribed",
        "BookSnapshot",
        "Verified",
    ]


async def test_an_update_is_in_the_book_when_its_event_is_read(server) -> None:
    async with feed(server, "BTC/USD", book=10) as manager:
        stream = aiter(manager)
        await seen(stream, events.Verified)
        await server.push(lambda exchange: exchange.update("BTC/USD"))
        update = (await seen(stream, events.BookUpdate))[-1]
        assert manager.l2["BTC/USD"].best_bid == update.bids[0]


async def test_one_socket_serves_all_public_channels(server) -> None:
    async with feed(server, "BTC/USD", book=10, trade=True, ticker=True, ohlc=(1, 5)) as manager:
        await manager.ready()
    assert server.connects == ["/public/v2"]


async def test_an_account_alone_opens_the_private_socket_alone(server) -> None:
    async with feed(server, account=True) as manager:
        await manager.ready()
    assert server.connects == ["/private/v2"]


async def test_a_symbol_can_be_added_and_dropped_while_running(server) -> None:
    async with feed(server, "BTC/USD", book=10) as manager:
        await manager.subscribe("ETH/USD", book=25)
        assert manager.l2["ETH/USD"].depth == 25
        await manager.unsubscribe("ETH/USD")
        assert set(manager.l2) == {"BTC/USD"}


async def test_one_channel_of_a_symbol_can_be_dropped(server) -> None:
    async with feed(server, "BTC/USD", book=10, trade=True) as manager:
        await manager.ready()
        await manager.unsubscribe("BTC/USD", "trade")
        channels = [one.channel for one in manager.stats().connections[0].subscriptions]
    assert channels == ["instrument", "book"]


async def test_the_level3_socket_closes_with_its_last_symbol(server) -> None:
    async with feed(server, "BTC/USD", book=10, level3=10) as manager:
        await manager.ready()
        await manager.unsubscribe("BTC/USD", "level3")
        assert [one.name for one in manager.stats().connections] == ["public"]
        assert "BTC/USD" not in manager.l3


async def test_a_refused_symbol_is_told_to_who_asked(server) -> None:
    async with feed(server, "BTC/USD", book=10) as manager:
        with pytest.raises(RequestRejected, match="Currency pair not supported XBT/USD"):
            await manager.subscribe("XBT/USD", book=10)
        await manager.subscribe("ETH/USD", book=10)


async def test_a_lost_connection_comes_back_with_verified_books(server) -> None:
    async with feed(server, "BTC/USD", book=10) as manager:
        stream = aiter(manager)
        await seen(stream, events.Verified)
        server.cut()
        await seen(stream, events.Reconnecting)
        assert not manager.l2["BTC/USD"].verified
        await seen(stream, events.Reconnected, events.Gap, events.Verified)
        assert manager.l2["BTC/USD"].verified


async def test_a_refused_connection_is_tried_again(server) -> None:
    server.refusals = 3
    async with feed(server, "BTC/USD", book=10) as manager:
        found = await seen(aiter(manager), events.Verified)
    tries = [event for event in found if type(event) is events.Reconnecting]
    assert [event.attempt for event in tries] == [1, 2, 3]
    assert tries[0].delay_s == 0
    assert "503" in tries[0].reason


async def test_each_level3_connection_takes_a_fresh_token(server) -> None:
    given = []

    async def fresh() -> str:
        given.append(f"token-{len(given)}")
        return given[-1]

    manager = FeedManager(
        ["BTC/USD"],
        level3=10,
        token=fresh,
        endpoints=server.endpoints,
        clock=Clock(sleep=no_wait),
    )
    async with manager:
        await manager.ready()
        stream = aiter(manager)
        task = asyncio.ensure_future(seen(stream, events.Reconnected, events.Reconnected))
        await asyncio.sleep(0)
        server.cut()
        await task
        await manager.ready()
    assert given == ["token-0", "token-1"]


async def test_a_wrong_checksum_is_mended_without_touching_the_others(server) -> None:
    async with feed(server, "BTC/USD", "ETH/USD", book=10) as manager:
        await manager.ready()
        stream = aiter(manager)
        task = asyncio.ensure_future(seen(stream, events.Resync, events.Gap))
        await asyncio.sleep(0)
        await server.push(lambda exchange: exchange.wrong_update("BTC/USD"))
        await task
        assert manager.l2["BTC/USD"].verified
        resyncs = {one.symbol: one.resyncs for one in manager.stats().connections[0].subscriptions}
    assert resyncs == {None: 0, "BTC/USD": 1, "ETH/USD": 0}


async def test_a_tap_has_the_bytes_as_they_came(server) -> None:
    async with feed(server, "BTC/USD", book=10) as manager:
        with manager.tap() as tap:
            await manager.ready()
            frames = tap.take()
    assert [frame.connection for frame in frames] == ["public"] * 5
    assert b'"channel": "status"' in frames[0].data


async def test_what_the_callers_code_raises_comes_out_as_it_is(server) -> None:
    with pytest.raises(LookupError, match="mine"):
        async with feed(server, "BTC/USD", book=10):
            raise LookupError("mine")


async def test_leaving_ends_every_iteration(server) -> None:
    async with feed(server, "BTC/USD", book=10) as manager:
        with manager.consumer() as consumer:
            await manager.ready()
    assert len([event async for event in consumer]) == 7


async def test_nothing_is_left_running(server) -> None:
    before = asyncio.all_tasks()
    async with feed(server, "BTC/USD", book=10, level3=10, account=True) as manager:
        await manager.ready()
    assert {task for task in asyncio.all_tasks() - before if "server" not in repr(task)} == set()


async def test_stats_count(server) -> None:
    async with feed(server, "BTC/USD", book=10) as manager:
        await manager.ready()
        (public,) = manager.stats().connections
    assert (public.messages, public.connects, public.system) == (5, 1, "online")
    (book,) = [one for one in public.subscriptions if one.channel == "book"]
    assert (book.state, book.verified, book.depth) == ("live", 1, 10)


def test_level3_without_a_token_is_refused_in_words() -> None:
    with pytest.raises(NeedsToken, match="level3 needs an API key"):
        FeedManager(["BTC/USD"], level3=10)


@pytest.mark.parametrize(
    ("channels", "error"),
    [
        ({"book": 11}, UnsupportedDepth),
        ({"level3": 25}, UnsupportedDepth),
        ({"ohlc": 2}, UnsupportedChoice),
        ({"ticker": "often"}, UnsupportedChoice),
        ({}, NoChannels),
    ],
)
def test_what_the_exchange_does_not_offer_is_refused_at_once(channels, error) -> None:
    with pytest.raises(error):
        FeedManager(["BTC/USD"], **channels)


class Shifted:
    """A clock that a test can advance, or that advances with every reading."""

    def __init__(self) -> None:
        self.ahead_ns = self.haste_ns = 0

    def __call__(self) -> int:
        self.ahead_ns += self.haste_ns
        return time.monotonic_ns() + self.ahead_ns


async def test_a_half_open_connection_is_found_and_replaced(server, monkeypatch) -> None:
    monkeypatch.setattr(connection, "TICK_S", 0.001)
    steady = Shifted()
    async with feed(
        server, "BTC/USD", book=10, clock=Clock(steady=steady, sleep=no_wait)
    ) as manager:
        await manager.ready()
        stream = aiter(manager)
        waiting = asyncio.ensure_future(seen(stream, events.Heartbeat))
        await asyncio.sleep(0)
        await server.push(lambda exchange: exchange.heartbeat())
        await waiting
        steady.haste_ns = 10**8
        found = await seen(stream, events.Reconnecting)
        steady.haste_ns = 0
        found += await seen(stream, events.Verified)
    lost = next(event for event in found if type(event) is events.Reconnecting)
    assert lost.reason == "silent for 5 s"


async def test_a_wall_clock_that_jumps_breaks_nothing(server) -> None:
    wall = Shifted()
    clock = Clock(wall=wall, sleep=no_wait)
    async with feed(server, "BTC/USD", book=10, clock=clock) as manager:
        await manager.ready()
        for hours in (1, -1):
            wall.ahead_ns = hours * 3600 * 10**9
            await server.push(lambda exchange: exchange.update("BTC/USD"))
            await manager.subscribe("ETH/USD", trade=True)
            await manager.unsubscribe("ETH/USD", "trade")
        (public,) = manager.stats().connections
    assert public.connects == 1


async def test_a_frame_too_large_to_take_costs_one_connection(server) -> None:
    manager = feed(server, "BTC/USD", book=10)
    manager._connections.transport.limits = Limits(message_bytes=10_000)
    async with manager:
        stream = aiter(manager)
        await seen(stream, events.Verified)
        await server.push(lambda _: b" " * 20_000)
        await seen(stream, events.Reconnecting, events.Verified)
        assert manager.l2["BTC/USD"].verified


async def test_more_level3_symbols_than_one_connection_takes_open_another(
    server, monkeypatch
) -> None:
    monkeypatch.setattr(connection_pool, "LEVEL3_SYMBOLS", 2)
    symbols = ("BTC/USD", "ETH/USD", "SOL/USD")
    async with feed(server, *symbols, level3=10) as manager:
        await manager.ready()
        assert sorted(server.connects) == ["/level3/v2", "/level3/v2", "/public/v2"]
        assert all(manager.l3[symbol].verified for symbol in symbols)
        await manager.unsubscribe("SOL/USD")
        assert [one.name for one in manager.stats().connections] == ["public", "level3"]


async def test_a_burst_of_a_thousand_messages_reaches_the_book_whole(server) -> None:
    async with feed(server, "BTC/USD", book=10) as manager:
        await manager.ready()
        with manager.consumer() as consumer:
            for _ in range(1_000):
                await server.push(lambda exchange: exchange.update("BTC/USD"))
            updates = 0
            while updates < 1_000:
                updates += sum(type(e) is events.BookUpdate for e in await consumer.batch())
        (book,) = [one for one in manager.stats().connections[0].subscriptions if one.symbol]
    assert (book.verified, book.mismatched, book.resyncs) == (1_001, 0, 0)


async def test_a_slow_consumer_holds_up_nobody(server) -> None:
    async with feed(server, "BTC/USD", book=10) as manager:
        with manager.consumer(Policy.NEWEST, limit=5) as slow, manager.consumer() as quick:
            await manager.ready()
            for _ in range(100):
                await server.push(lambda exchange: exchange.update("BTC/USD"))
            updates = 0
            while updates < 100:
                updates += sum(type(e) is events.BookUpdate for e in await quick.batch())
            kept = slow.take()
    assert type(kept[0]) is events.Overflow
    assert len(kept) == 6


async def test_a_lost_private_connection_makes_the_account_unknown(server) -> None:
    async with feed(server, account=True) as manager:
        await manager.ready()
        assert manager.account.orders_known
        stream = aiter(manager)
        waiting = asyncio.ensure_future(seen(stream, events.Reconnecting))
        await asyncio.sleep(0)
        server.cut()
        await waiting
        assert not manager.account.orders_known
        await manager.ready()
        assert manager.account.balances_known


async def test_a_token_that_cannot_be_had_is_tried_for_again(server) -> None:
    tries = 0

    async def sometimes() -> str:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise ConnectionLost("https://rest", "no route")
        return "a-token"

    clock = Clock(sleep=no_wait)
    manager = FeedManager(account=True, token=sometimes, endpoints=server.endpoints, clock=clock)
    async with manager:
        with manager.consumer() as consumer:
            await manager.ready()
            lost = [e for e in consumer.take() if type(e) is events.Reconnecting]
    assert [event.reason for event in lost] == ["no token: https://rest: no route"] * 2


SENSELESS = [{"order_id": "O1", "exec_type": "pending_new", "order_qty": True}]


async def test_a_report_without_sense_makes_the_account_unknown_until_a_snapshot(server) -> None:
    async with feed(server, account=True) as manager:
        await manager.ready()
        stream = aiter(manager)
        waiting = asyncio.ensure_future(seen(stream, events.Resync))
        await asyncio.sleep(0)
        await server.push(lambda exchange: exchange.account("executions", data=SENSELESS))
        (*_, resync) = await waiting
        assert (resync.channel, resync.reason) == ("executions", "impossible")
        assert not manager.account.orders_known
        assert manager.account.balances_known
        await asyncio.wait_for(manager.ready(), PATIENCE_S)
        assert manager.account.orders_known


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "http://127.0.0.1:notaport", "nonsense"])
async def test_a_proxy_that_cannot_be_used_is_told_and_ends_nothing(
    transport: str, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    away = msgspec.structs.replace(Endpoints.kraken(), public="wss://exchange.invalid/v2")
    async with FeedManager(["BTC/USD"], book=10, endpoints=away) as manager:
        told = await seen(aiter(manager), events.Reconnecting)
        assert told[-1].reason


TICK = (
    b'{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","bid":1.0,"bid_qty":1,'
    b'"ask":2.0,"ask_qty":1,"last":1.5,"volume":3,"vwap":1.5,"low":1.0,"high":2.0,"change":0.1,'
    b'"change_pct":0.5}]}'
)


async def test_who_joins_late_can_ask_for_what_stands(server) -> None:
    async with feed(server, "BTC/USD", ticker=True, trade=True, account=True) as manager:
        stream = aiter(manager)
        await manager.ready()
        await server.push(lambda exchange: TICK)
        (*_, tick) = await seen(stream, events.Ticker)
        state = manager.current_state()
    status, instruments, ticker, executions, balances = state
    assert isinstance(status, events.Status)
    assert instruments.pairs == tuple(manager.instruments.values())
    assert replace(ticker, received=tick.received) == replace(tick, snapshot=True)
    assert isinstance(executions, events.Executions)
    assert isinstance(balances, events.Balances)
    assert all(event.snapshot for event in state if event is not status)


async def test_what_was_unsubscribed_stands_no_longer(server) -> None:
    async with feed(server, "BTC/USD", ticker=True, book=10) as manager:
        stream = aiter(manager)
        await manager.ready()
        await server.push(lambda exchange: TICK)
        await seen(stream, events.Ticker)
        await manager.unsubscribe("BTC/USD", "ticker")
        left = {type(event) for event in manager.current_state()}
        assert left == {events.Status, events.Instruments}


async def test_what_stood_before_a_connection_was_lost_stands_no_longer(server) -> None:
    async with feed(server, "BTC/USD", ticker=True) as manager:
        stream = aiter(manager)
        await manager.ready()
        await server.push(lambda exchange: TICK)
        await seen(stream, events.Ticker)
        server.cut()
        await seen(stream, events.Reconnected)
        await manager.ready()
        left = {type(event) for event in manager.current_state()}
        assert left == {events.Status, events.Instruments}
