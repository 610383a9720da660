"""Converts a user's keywords (`book=25`) to subscriptions, and refuses what is not on offer."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypedDict

from kracked.errors import ConfigError, UnsupportedDepth, says
from kracked.protocol.client.subscription import Subscription
from kracked.protocol.requests import BOOK_DEPTHS, LEVEL3_DEPTHS, OHLC_INTERVALS

TICKER_TRIGGERS = ("trades", "bbo")


class Channels(TypedDict, total=False):
    """The channels of a symbol, as keywords; None, False or no keyword is no subscription."""

    book: int | None
    """Price levels a side of the level 2 book: 10, 25, 100, 500 or 1000."""
    level3: int | None
    """Price levels a side of the level 3 book: 10, 100 or 1000. Needs an API key."""
    trade: bool
    ticker: bool | str
    """`trades` or True: an update on every trade; `bbo`: on every change of the best prices."""
    ohlc: int | Collection[int] | None
    """The candles' interval in minutes, or several: 1, 5, 15, 30, 60, 240, 1440, 10080, 21600."""


@says("{what} {value!r} is not offered; choose one of {offered}")
class UnsupportedChoice(ConfigError):
    """A value that is not on the list a channel takes it from."""

    what: str
    value: object
    offered: tuple[object, ...]


@says("{symbol}: name at least one channel, such as book=25")
class NoChannels(ConfigError):
    """A symbol without a channel."""

    symbol: str


@says("a symbol is empty; name a pair, such as BTC/USD")
class NoSymbol(ConfigError):
    """A subscription to no symbol at all."""


def subscriptions(symbol: str, channels: Channels) -> list[Subscription]:
    """Return the subscriptions of a symbol.

    Args:
        symbol: The pair, ``BTC/USD``.
        channels: The channels and their choices.

    Raises:
        UnsupportedDepth: The exchange does not offer this depth.
        UnsupportedChoice: The exchange does not offer this channel, trigger or interval.
        NoChannels: No channel is chosen.
    """
    for name in channels:
        if name not in Channels.__annotations__:
            raise UnsupportedChoice("channel", name, tuple(Channels.__annotations__))
    requested: list[Subscription] = []
    if book := channels.get("book"):
        _check_depth("book", book, BOOK_DEPTHS)
        requested.append(Subscription("book", symbol, depth=book))
    if level3 := channels.get("level3"):
        _check_depth("level3", level3, LEVEL3_DEPTHS)
        requested.append(Subscription("level3", symbol, depth=level3))
    if channels.get("trade"):
        requested.append(Subscription("trade", symbol))
    if ticker := channels.get("ticker"):
        trigger = "trades" if ticker is True else ticker
        if trigger not in TICKER_TRIGGERS:
            raise UnsupportedChoice("ticker trigger", trigger, TICKER_TRIGGERS)
        requested.append(Subscription("ticker", symbol, event_trigger=trigger))
    intervals = _intervals(channels.get("ohlc"))
    requested += [Subscription("ohlc", symbol, interval=interval) for interval in intervals]
    if not requested:
        raise NoChannels(symbol)
    return requested


def _check_depth(channel: str, depth: int, offered: tuple[int, ...]) -> None:
    if depth not in offered:
        raise UnsupportedDepth(channel, depth, offered)


def _intervals(ohlc: int | Collection[int] | None) -> list[int]:
    """Return the intervals in order. False means none; True is refused, although it equals 1."""
    intervals = [ohlc] if isinstance(ohlc, int) else sorted(set(ohlc or ()))
    if ohlc is False:
        return []
    for interval in intervals:
        if interval is True or interval not in OHLC_INTERVALS:
            raise UnsupportedChoice("ohlc interval", interval, OHLC_INTERVALS)
    return intervals
