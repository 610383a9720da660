"""What a paper server says while there is no connection to the market."""

from __future__ import annotations

import asyncio

from kracked.endpoints import Endpoints
from kracked.feed_manager import FeedManager
from kracked.paper_server.market import tell_losses
from tests.patience import until


async def test_each_attempt_that_failed_is_said_with_its_reason_and_the_next_one() -> None:
    said: list[str] = []
    feed = FeedManager(("BTC/USD",), trade=True, endpoints=Endpoints.at("http://127.0.0.1:9"))
    telling = asyncio.create_task(tell_losses(feed, said.append))
    async with feed:
        await until(lambda: said)
    await telling  # it ends with the feed
    assert said[0].startswith("no connection to ws://127.0.0.1:9/")
    assert "; attempt 2 in " in said[0]
