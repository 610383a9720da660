"""What can be subscribed to, where, and in which variety.

A table, so that a channel is added by adding a row. Every *topic* is what one or more
clients hear alike: a channel, a symbol, and the variety (a depth, an interval, a
trigger).

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
    """What all its subscribers are told alike."""

    channel: str
    symbol: str = ""
    variety: Variety = None


class Socket(StrEnum):
    """Which of the exchange's addresses a client came to; ALL serves every channel."""

    PUBLIC = "public"
    LEVEL3 = "level3"
    PRIVATE = "private"
    ALL = "all"


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """One row: how the channel is asked for, and what its acknowledgement says."""

    name: str
    home: Socket
    by_symbol: bool = True
    option: str = ""
    """The request's field that picks the variety."""
    offered: tuple[Variety, ...] = (None,)
    """The first is the default."""
    not_offered: str = ""
    several: bool = False
    """Whether one connection may have several varieties of one symbol."""
    costs: Mapping[Variety, int] = {}
    """What one symbol adds to the connection's rate counter."""
    snapshot: bool = True
    """Whether a snapshot comes unless declined."""
    extras: Mapping[str, object] = {}
    """More fields of the acknowledgement."""

    @property
    def needs_token(self) -> bool:
        return self.home is not Socket.PUBLIC

    def variety(self, request: msgspec.Struct) -> Variety:
        """The variety asked for, or the default."""
        asked: Variety = getattr(request, self.option) if self.option else None
        return self.offered[0] if asked is None else asked

    def terms(self, request: msgspec.Struct, topic: Topic) -> dict[str, object]:
        """The parameters in force, as acknowledgements state them."""
        terms: dict[str, object] = {"channel": self.name}
        # level3 does not state a depth it was not asked for; every other option is stated.
        if self.option and (self.name != "level3" or getattr(request, self.option) is not None):
            terms[self.option] = topic.variety
        if self.by_symbol:
            terms["symbol"] = topic.symbol
        return terms

    def wants_snapshot(self, request: Subscribe) -> bool:
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
    Channel(
        name="executions",
        home=Socket.PRIVATE,
        by_symbol=False,
    ),
    Channel(name="balances", home=Socket.PRIVATE, by_symbol=False),
)
CHANNELS: Mapping[str, Channel] = {channel.name: channel for channel in _CHANNELS}

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
    """The refusal of something that belongs to another address, if it does."""
    return None if socket in (home, Socket.ALL) else _ELSEWHERE[home]
