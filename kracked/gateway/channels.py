"""The channels: where each is subscribed to, in which variety, and what is acknowledged.

A table, so that a channel is added by adding a row. A *topic* is what all its subscribers
receive alike: a channel, a symbol, and a variety (a depth, an interval, a trigger).

Source: the channel pages below docs.kraken.com/api/docs/websocket-v2/
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

import msgspec

from kracked.protocol.requests import BOOK_DEPTHS, LEVEL3_DEPTHS, OHLC_INTERVALS, Subscribe

Variety = int | str | None


class Topic(NamedTuple):
    """A stream that all its subscribers receive alike."""

    channel: str
    symbol: str = ""
    variety: Variety = None


class Socket(StrEnum):
    """The address a client connected to; ALL serves every channel."""

    PUBLIC = "public"
    LEVEL3 = "level3"
    PRIVATE = "private"
    ALL = "all"


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """One row: how the channel is requested, and what its acknowledgement states."""

    name: str
    home: Socket
    by_symbol: bool = True
    option: str = ""
    """The request's field that picks the variety; empty for a channel without one."""
    offered: tuple[Variety, ...] = (None,)
    """The varieties; the first is the default."""
    not_offered: str = ""
    """The refusal of any other variety."""
    several: bool = False
    """Whether one connection may have several varieties of one symbol."""
    costs: Mapping[Variety, int] = {}
    """What one symbol adds to the connection's rate counter, by variety."""
    snapshot: bool = True
    """Whether a snapshot is sent when the request does not say."""
    extras: Mapping[str, object] = {}
    """More fields of the acknowledgement."""

    @property
    def needs_token(self) -> bool:
        """Whether a subscription must carry a token."""
        return self.home is not Socket.PUBLIC

    def variety(self, request: msgspec.Struct) -> Variety:
        """Return the variety a request names, or the default."""
        requested: Variety = getattr(request, self.option) if self.option else None
        return self.offered[0] if requested is None else requested

    def terms(self, request: msgspec.Struct, topic: Topic) -> dict[str, object]:
        """Return the parameters in force, as acknowledgements state them."""
        terms: dict[str, object] = {"channel": self.name}
        # level3 states no depth unless the request did; every other option is always stated.
        if self.option and (self.name != "level3" or getattr(request, self.option) is not None):
            terms[self.option] = topic.variety
        if self.by_symbol:
            terms["symbol"] = topic.symbol
        return terms

    def wants_snapshot(self, request: Subscribe) -> bool:
        """Whether a request is answered with a snapshot."""
        return self.snapshot if request.snapshot is None else request.snapshot


_DEPTH = "Subscription depth not supported"
_CHANNELS = (
    Channel(
        name="book",
        home=Socket.PUBLIC,
        option="depth",
        offered=BOOK_DEPTHS,
        not_offered=_DEPTH,
    ),
    Channel(
        name="level3",
        home=Socket.LEVEL3,
        option="depth",
        offered=LEVEL3_DEPTHS,
        not_offered=_DEPTH,
        costs={10: 5, 100: 25, 1000: 100},
    ),
    Channel(
        name="ticker",
        home=Socket.PUBLIC,
        option="event_trigger",
        offered=("trades", "bbo"),
        not_offered="Subscription event_trigger not supported",
    ),
    Channel(name="trade", home=Socket.PUBLIC, snapshot=False),
    Channel(
        name="ohlc",
        home=Socket.PUBLIC,
        option="interval",
        offered=OHLC_INTERVALS,
        not_offered="Subscription ohlc interval not supported",
        several=True,
        extras={"warnings": ["timestamp is deprecated, use interval_begin"]},
    ),
    Channel(
        name="instrument",
        home=Socket.PUBLIC,
        by_symbol=False,
        extras={"warnings": ["tick_size is deprecated, use price_increment"]},
    ),
    Channel(name="executions", home=Socket.PRIVATE, by_symbol=False),
    Channel(name="balances", home=Socket.PRIVATE, by_symbol=False),
)
CHANNELS: Mapping[str, Channel] = {channel.name: channel for channel in _CHANNELS}
"""By name."""

TRADING_METHODS = frozenset(
    (
        "add_order",
        "amend_order",
        "edit_order",
        "cancel_order",
        "cancel_all",
        "cancel_all_orders_after",
        "batch_add",
        "batch_cancel",
    )
)
_ELSEWHERE = {
    Socket.PUBLIC: "Public market data subscriptions are unavailable on this endpoint. "
    "Try ws.kraken.com",
    Socket.PRIVATE: "Private data and trading are unavailable on this endpoint. "
    "Try ws-auth.kraken.com",
    Socket.LEVEL3: "Level 3 market data subscriptions are unavailable on this endpoint. "
    "Try ws-l3.kraken.com",
}


def misplaced(home: Socket, socket: Socket) -> str | None:
    """Return the refusal of a request that belongs to another address; None if it fits."""
    return None if socket in (home, Socket.ALL) else _ELSEWHERE[home]
