"""What a user asks for, in keywords, as subscriptions; and what cannot be asked for."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypedDict

from kracked.errors import ConfigError, UnsupportedDepth, says
from kracked.protocol.client.subscription import Subscription
from kracked.protocol.requests import BOOK_DEPTHS, LEVEL3_DEPTHS, OHLC_INTERVALS

TICKER_TRIGGERS = ("trades", "bbo")


class Channels(TypedDict, total=False):
    """The channels of a symbol; one left out, None or False is not subscribed."""

    book: int | None
    """Levels a side: 10, 25, 100, 500 or 1000."""
    level3: int | None
    """Levels a side whose single orders are followed: 10, 100 or 1000."""
    trade: bool
    ticker: bool | str
    """True is `trades` (on every trade); `bbo` is on every change of the best prices."""
    ohlc: int | Collection[int] | None
    """Interval in minutes, or several."""


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


def subscriptions(symbol: str, channels: Channels) -> list[Subscription]:
    """The subscriptions meant. Raises a `ConfigError` for what the exchange does not offer."""
    for name in channels:
        if name not in Channels.__annotations__:
            raise UnsupportedChoice("channel", name, tuple(Channels.__annotations__))
    wanted: list[Subscription] = []
    if book := channels.get("book"):
        _check_depth("book", book, BOOK_DEPTHS)
        wanted.append(Subscription("book", symbol, depth=book))
    if level3 := channels.get("level3"):
        _check_depth("level3", level3, LEVEL3_DEPTHS)
        wanted.append(Subscription("level3", symbol, depth=level3))
    if channels.get("trade"):
        wanted.append(Subscription("trade", symbol))
    if ticker := channels.get("ticker"):
        trigger = "trades" if ticker is True else ticker
        if trigger not in TICKER_TRIGGERS:
            raise UnsupportedChoice("ticker trigger", trigger, TICKER_TRIGGERS)
        wanted.append(Subscription("ticker", symbol, event_trigger=trigger))
    intervals = _intervals(channels.get("ohlc"))
    wanted += [Subscription("ohlc", symbol, interval=interval) for interval in intervals]
    if not wanted:
        raise NoChannels(symbol)
    return wanted


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
