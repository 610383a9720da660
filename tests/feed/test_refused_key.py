"""A key that the exchange refuses: waiting callers get the error, public data still come."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from kracked.errors import ConfigError, ConnectionLost, KrackedError, RequestRejected
from kracked.feed.backoff import AFTER_REFUSAL_S
from kracked.feed.clock import Clock
from kracked.feed.errors import NoToken
from kracked.feed_manager import FeedManager
from kracked.protocol import events
from tests.feed.feeds import seen
from tests.patience import PATIENCE_S

FINAL = ("EAPI:Invalid key", "EAPI:Invalid signature", "EGeneral:Permission denied")
PASSING = ("EAPI:Invalid nonce", "EAPI:Rate limit exceeded", "EGeneral:Temporary lockout")


class Keys:
    """A source of tokens that fails with these errors first, and notes the feed's waits."""

    def __init__(self, *errors: KrackedError) -> None:
        self._errors: Iterator[KrackedError] = iter(errors)
        self.waited_s: list[float] = []
        self.may_go_on = asyncio.Event()

    async def token(self) -> str:
        for error in self._errors:
            raise error
        return "a-token"

    async def sleep(self, seconds: float) -> None:
        self.waited_s.append(seconds)
        if seconds >= AFTER_REFUSAL_S:
            await self.may_go_on.wait()

    def feed(self, server, **channels) -> FeedManager:
        return FeedManager(
            ["BTC/USD"],
            token=self.token,
            endpoints=server.endpoints,
            clock=Clock(sleep=self.sleep),
            **channels,
        )


def rejected(words: str) -> RequestRejected:
    return RequestRejected("GetWebSocketsToken", words)


@pytest.mark.parametrize("words", FINAL)
async def test_ready_raises_what_to_do_once_the_rest_is_live(server, words: str) -> None:
    async with Keys(rejected(words)).feed(server, book=10, level3=10) as feed:
        with pytest.raises(NoToken, match=f"no token for the level3 connection: .*{words}"):
            await asyncio.wait_for(feed.ready(), PATIENCE_S)
        assert feed.l2["BTC/USD"].verified


async def test_subscribe_raises_it_too_and_only_for_what_needs_a_token(server) -> None:
    async with Keys(rejected(FINAL[0])).feed(server, book=10) as feed:
        with pytest.raises(NoToken):
            await asyncio.wait_for(feed.subscribe("BTC/USD", level3=10), PATIENCE_S)
        await asyncio.wait_for(feed.subscribe("ETH/USD", book=10), PATIENCE_S)


async def test_an_account_without_a_token_is_told_of_its_own_connection(server) -> None:
    async with Keys(rejected(FINAL[0])).feed(server, book=10, account=True) as feed:
        with pytest.raises(NoToken) as told:
            await asyncio.wait_for(feed.ready(), PATIENCE_S)
        assert told.value.connection == "private"
        assert not feed.account.orders_known


async def test_a_token_function_that_is_set_up_wrongly_is_told_likewise(server) -> None:
    async with Keys(ConfigError("no such key file")).feed(server, level3=10) as feed:
        with pytest.raises(NoToken, match="no such key file"):
            await asyncio.wait_for(feed.ready(), PATIENCE_S)


async def test_the_stream_says_why_and_when_it_is_tried_again(server) -> None:
    async with Keys(rejected(FINAL[0])).feed(server, level3=10) as feed:
        async for event in feed:
            if isinstance(event, events.Reconnecting):
                break
    assert (event.connection, FINAL[0] in event.reason) == ("level3", True)
    assert event.delay_s >= AFTER_REFUSAL_S


async def test_a_key_that_is_mended_at_the_exchange_comes_alive(server) -> None:
    keys = Keys(rejected(FINAL[2]))
    async with keys.feed(server, level3=10) as feed:
        with pytest.raises(NoToken):
            await asyncio.wait_for(feed.ready(), PATIENCE_S)
        stream = aiter(feed)
        waiting = asyncio.ensure_future(seen(stream, events.Verified))
        keys.may_go_on.set()
        await waiting
        await asyncio.wait_for(feed.ready(), PATIENCE_S)
        assert feed.l3["BTC/USD"].verified


@pytest.mark.parametrize("error", [*map(rejected, PASSING), ConnectionLost("rest", "no route")])
async def test_passing_trouble_is_waited_out(server, error: KrackedError) -> None:
    keys = Keys(error, error, error)
    async with keys.feed(server, level3=10) as feed:
        await asyncio.wait_for(feed.ready(), PATIENCE_S)
    assert max(keys.waited_s) < AFTER_REFUSAL_S
