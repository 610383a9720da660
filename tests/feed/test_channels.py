"""Channels as keywords: their subscriptions, and what is refused before anything is sent."""

from __future__ import annotations

import pytest

from kracked.errors import ConfigError
from kracked.feed.channels import subscriptions
from kracked.feed_manager import FeedManager


@pytest.mark.parametrize(
    ("channels", "words"),
    [
        ({"book": 10, "trades": True}, "channel 'trades' is not offered"),
        ({"book": 11}, "book offers no depth 11; choose one of 10, 25"),
        ({"book": "25"}, "book offers no depth '25'"),
        ({"level3": 25}, "level3 offers no depth 25; choose one of 10, 100, 1000"),
        ({"ohlc": 2}, "ohlc interval 2 is not offered"),
        ({"ohlc": True}, "ohlc interval True is not offered"),
        ({"ticker": "always"}, "ticker trigger 'always' is not offered"),
        ({}, "name at least one channel"),
    ],
)
def test_what_the_exchange_does_not_offer_is_refused_with_the_choice(
    channels: dict, words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        subscriptions("BTC/USD", channels)


def test_one_symbol_may_be_given_as_it_is() -> None:
    assert [
        key[1]
        for key in FeedManager("BTC/USD", book=10)._connections.public.session.states
        if key[1]
    ] == ["BTC/USD"]


async def test_a_feed_that_is_not_open_is_not_waited_for() -> None:
    with pytest.raises(ConfigError, match="inside `async with"):
        await FeedManager().subscribe("BTC/USD", book=10)
