"""The tickers of a paper server: what a client asks for is what it gets."""

from __future__ import annotations

import asyncio
import itertools

import kracked
from kracked.paper_server import PaperServer
from kracked.protocol.events import Ticker
from tests.paper_server.conftest import BTC, listener


async def tickers(feed: kracked.FeedManager, count: int) -> list[Ticker]:
    """Return the next tickers that are no snapshots."""
    found: list[Ticker] = []
    with feed.consumer() as consumer:
        async with asyncio.timeout(30):
            async for event in consumer:
                if isinstance(event, Ticker) and not event.snapshot:
                    found.append(event)
                if len(found) == count:
                    break
    return found


async def test_a_ticker_of_trades_is_sent_on_trades_alone(paper: PaperServer) -> None:
    async with listener(paper, ticker=True) as feed:
        found = await tickers(feed, 6)
    assert all(before.volume < after.volume for before, after in itertools.pairwise(found))


async def test_a_ticker_of_bbo_is_sent_when_the_best_prices_change(paper: PaperServer) -> None:
    async with listener(paper, ticker="bbo") as feed:
        found = await tickers(feed, 30)
    pairs = list(itertools.pairwise(found))
    quoted = [after for before, after in pairs if before.volume == after.volume]
    assert quoted
    assert all(one.bid < one.ask for one in quoted)


async def test_a_ticker_of_bbo_tells_the_best_prices_of_the_book(paper: PaperServer) -> None:
    async with listener(paper, ticker="bbo", trade=True) as feed:
        same = 0
        with feed.consumer() as consumer:
            async with asyncio.timeout(30):
                async for event in consumer:
                    if isinstance(event, Ticker) and not event.snapshot:
                        book = feed.l2[BTC]
                        bid, ask = book.bids.best, book.asks.best
                        assert bid is not None
                        assert ask is not None
                        same += (event.bid, event.ask) == (bid.price, ask.price)
                    if same == 10:
                        break
        assert feed.freshness(BTC, "ticker").current
