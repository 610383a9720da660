"""A recording served as an exchange: a client receives what was recorded."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import Iterable
from itertools import islice
from typing import Any

import pytest
from msgspec.structs import replace

import kracked
from kracked.book.l2 import L2Book
from kracked.book.l3 import L3Book
from kracked.protocol import events
from kracked.protocol.last_values import LastValues
from kracked.record.read.recording import Recording
from kracked.record.replay import Player
from kracked.replay_server.server import Begin, PlaybackServer
from tests.replay_server.conftest import SYMBOLS, Serve, listener

MARKET = re.compile(rb'\{"channel":"(book|level3|ticker|trade|ohlc)"')
BOOKS = [(symbol, channel) for symbol in SYMBOLS for channel in ("book", "level3")]

REMEMBERED_TYPES = {
    events.Ticker: ("ticker", None),
    events.Trades: ("trade", None),
    events.Candles: ("ohlc", 1),
}
"""Channel and interval of what is told besides books."""

Book = L2Book | L3Book


def content(book: Book, depth: int) -> list[object]:
    """Return a book's best levels, with orders in queue order, and its checksum."""
    if isinstance(book, L2Book):
        return [book.bids.top(depth), book.asks.top(depth), book.computed]
    orders = (
        [
            (order.order_id, order.price, order.qty, order.timestamp)
            for queue in islice(side, depth)
            for order in queue
        ]
        for side in (book.bids, book.asks)
    )
    return [*orders, book.computed]


def by_channel(frames: Iterable[tuple[str, bytes]]) -> dict[tuple[str, bytes], list[bytes]]:
    """Return the messages of each connection and market channel, in order."""
    found: dict[tuple[str, bytes], list[bytes]] = defaultdict(list)
    for connection, data in frames:
        if match := MARKET.match(data):
            found[connection, match[1]].append(data)
    return found


def kept(feed: kracked.FeedManager, symbol: str, channel: str) -> Book | None:
    return (feed.l2 if channel == "book" else feed.l3).get(symbol)


def told_last(feed: kracked.FeedManager) -> dict[tuple[type, str], Any]:
    """Return the state that a feed gives to a new consumer, without its books."""
    told = [event for event in feed.current_state() if isinstance(event, tuple(REMEMBERED_TYPES))]
    return {(type(event), event.symbol): event for event in told}


async def hear_out(
    server: PlaybackServer,
    feed: kracked.FeedManager,
    recorded: Recording,
    books: Iterable[tuple[str, str]] = BOOKS,
) -> None:
    """Listen until each of these books is as at the end of the recording."""
    end = recorded.span()[1]
    goals = {key: recorded.at(end, key[0], channel=key[1]) for key in books}
    await server.over.wait()
    with feed.consumer() as consumer:
        while any(
            (book := kept(feed, *key)) is None or content(book, 1000) != content(goal, book.depth)
            for key, goal in goals.items()
        ):
            await consumer.batch()


async def test_a_feed_ends_with_the_recorded_books(serve: Serve, recorded: Recording) -> None:
    async with (
        asyncio.timeout(60),
        serve() as server,
        listener(server, book=25, level3=100) as feed,
    ):
        await hear_out(server, feed, recorded)
        for key in BOOKS:
            book = kept(feed, *key)
            assert book is not None
            expected = recorded.at(recorded.span()[1], key[0], channel=key[1])
            assert book.verified
            assert content(book, 1000) == content(expected, 1000)
            assert (book.stats.snapshots, book.stats.mismatched, book.stats.ignored) == (1, 0, 0)
            assert book.stats.verified > 50


async def test_every_message_of_the_market_comes_as_it_was_recorded(
    serve: Serve, recorded: Recording
) -> None:
    async with asyncio.timeout(60), serve() as server:
        feed = listener(server, book=25, level3=100, trade=True, ticker=True, ohlc=1)
        with feed.tap() as tap:
            async with feed:
                await hear_out(server, feed, recorded)
            received = by_channel((connection, data) for connection, _, data in tap.take())
    expected = by_channel((connection, data) for _, connection, data in recorded)
    assert {channel for _, channel in expected} == {
        b"book",
        b"level3",
        b"ticker",
        b"trade",
        b"ohlc",
    }
    assert received == expected


@pytest.mark.parametrize(("book", "level3"), [(10, 10), (10, 100), (25, 10)])
async def test_a_smaller_depth_is_cut_out_and_every_checksum_is_right(
    serve: Serve, recorded: Recording, book: int, level3: int
) -> None:
    async with (
        asyncio.timeout(60),
        serve() as server,
        listener(server, book=book, level3=level3) as feed,
    ):
        await hear_out(server, feed, recorded)
        for key in BOOKS:
            mine = kept(feed, *key)
            assert mine is not None
            expected = recorded.at(recorded.span()[1], key[0], channel=key[1])
            assert content(mine, 1000) == content(expected, mine.depth)
            assert (mine.stats.mismatched, mine.stats.ignored) == (0, 0)
            assert isinstance(mine, L2Book) or not mine.contradiction


async def test_a_late_subscriber_starts_from_a_snapshot_of_that_moment(
    serve: Serve, recorded: Recording
) -> None:
    async with asyncio.timeout(60), serve() as server, listener(server, book=25) as early:
        await hear_out(server, early, recorded, [("BTC/USD", "book")])
        async with listener(server, book=10, level3=10, trade=True, ticker=True, ohlc=1) as late:
            told: set[type] = set()
            async for event in late:
                told |= {type(event)} if getattr(event, "snapshot", False) else set()
                if late.l3.keys() == late.l2.keys() == set(SYMBOLS) and told >= {
                    events.Ticker,
                    events.Trades,
                    events.Candles,
                }:
                    break
            for key in BOOKS:
                book = kept(late, *key)
                assert book is not None
                assert book.verified
                expected = recorded.at(recorded.span()[1], key[0], channel=key[1])
                assert content(book, 10) == content(expected, 10)


async def test_one_who_comes_in_the_middle_follows_from_there(
    serve: Serve, recorded: Recording
) -> None:
    async with asyncio.timeout(60), serve(speed=1.0, begin=Begin.NOW) as server:
        async with listener(server, book=25) as first, asyncio.timeout(30):
            async for event in first:
                if isinstance(event, events.BookUpdate):
                    break
        async with listener(server, book=10, level3=100) as second:
            await hear_out(server, second, recorded)
            for key in BOOKS:
                book = kept(second, *key)
                assert book is not None
                assert book.verified
                assert (book.stats.mismatched, book.stats.snapshots) == (0, 1)
                assert book.stats.verified > 1


async def test_it_may_begin_at_any_time(serve: Serve, recorded: Recording) -> None:
    start, end = recorded.span()
    async with (
        asyncio.timeout(60),
        serve(start=(start + end) // 2) as server,
        listener(server, book=25, level3=100) as feed,
    ):
        await hear_out(server, feed, recorded)
        tallies = [book.stats for key in BOOKS if (book := kept(feed, *key))]
    assert [(tally.mismatched, tally.snapshots) for tally in tallies] == [(0, 1)] * len(BOOKS)


async def test_a_deeper_book_than_recorded_is_refused_in_the_exchange_s_words(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    async with asyncio.timeout(60), serve() as server, listener(server, book=100) as feed:
        with pytest.raises(kracked.KrackedError, match="Subscription depth not supported"):
            await feed.ready()
    refused = caplog.records[-1]
    assert "deeper book than there is" in refused.message
    assert (refused.variety, refused.offered) == (100, 25)  # type: ignore[attr-defined]


async def test_after_the_end_heartbeats_go_on(serve: Serve) -> None:
    async with asyncio.timeout(60), serve() as server, listener(server, book=25) as feed:
        await server.over.wait()
        with feed.consumer() as consumer:
            received: list[type] = []
            while received.count(events.Heartbeat) < 2:
                received += map(type, await consumer.batch())
        assert feed.l2["BTC/USD"].verified


async def test_a_later_beginning_starts_with_what_was_sent_before(
    serve: Serve, recorded: Recording
) -> None:
    start, end = recorded.span()
    middle = (start + end) // 2
    before, tape = LastValues(), Player(recorded)
    while tape.next_due is not None and tape.next_due <= middle:
        moment = tape.step()
        for event in moment.events if moment else ():
            if isinstance(event, tuple(REMEMBERED_TYPES)):
                before.remember(event)
    async with (
        asyncio.timeout(60),
        serve(start=middle, speed=0.001) as server,
        listener(server, trade=True, ticker=True, ohlc=1) as feed,
    ):
        with feed.consumer() as consumer:
            while len(told := told_last(feed)) < len(REMEMBERED_TYPES) * len(SYMBOLS):
                await consumer.batch()
    for (kind, symbol), event in told.items():
        name, interval = REMEMBERED_TYPES[kind]
        expected = before.snapshot((name, symbol, interval))
        assert expected is not None
        assert replace(event, received=0) == replace(expected, received=0)
