"""The common members of all events, and the words they share: a side, a level."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import msgspec

from kracked import times
from kracked.instruments import Precision


class Side(StrEnum):
    """A side of a book: bids buy, asks sell."""

    BID = "bid"
    ASK = "ask"

    @property
    def opposite(self) -> Side:
        """The other side."""
        return Side.ASK if self is Side.BID else Side.BID


class Level(NamedTuple):
    """A price and the total quantity resting at it, both scaled integers."""

    price: int
    qty: int


class Event(msgspec.Struct, frozen=True, tag_field="event"):
    """Something that happened, once."""

    received: int
    """When its bytes reached this process, ns since the Unix epoch."""


class SymbolEvent(Event, frozen=True):
    """An event of one symbol."""

    symbol: str
    """The pair, ``BTC/USD``."""


class Stamped:
    """An event with the exchange's own time, as text."""

    __slots__ = ()
    timestamp: str | None

    @property
    def exchange_time(self) -> int | None:
        """ns since the Unix epoch; None where the exchange wrote no readable time."""
        return times.try_parse_ns(self.timestamp)


class MarketEvent(SymbolEvent, frozen=True):
    """Data of one instrument, in scaled integers."""

    precision: Precision
    """The decimals of its scaled integers."""
