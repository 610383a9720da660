"""The answers of the public endpoints. Numbers are `Decimal`, rows are best or oldest first.

They do not replace the feed: `Depth` has no checksum, and its times are rounded.

Sources: docs.kraken.com/api/docs/rest-api/ get-server-time, get-system-status,
get-asset-info, get-tradable-asset-pairs, get-ticker-information, get-ohlc-data,
get-order-book, get-recent-trades, get-recent-spreads
"""

from __future__ import annotations

from decimal import Decimal
from typing import TypeVar

import msgspec

from kracked.protocol.maintenance.announcements import Incident, MaintenanceEvent
from kracked.protocol.maintenance.lists import read_events, read_incidents
from kracked.rest.account import seconds_to_ns

T = TypeVar("T")


class ServerTime(msgspec.Struct, frozen=True):
    """The exchange's time."""

    unixtime: int
    """Seconds."""
    rfc1123: str = ""


class SystemStatus(msgspec.Struct, frozen=True):
    """The state of the trading engine."""

    status: str
    """`online`, `maintenance`, `cancel_only`, `post_only`; an open set."""
    timestamp: str = ""
    upcoming_maintenance: tuple[MaintenanceEvent, ...] = ()
    """Windows of the next 72 hours that have not begun."""
    emergency: tuple[Incident, ...] = ()
    """Incidents that are not resolved."""


class AssetInfo(msgspec.Struct, frozen=True):
    """The rules of one asset."""

    altname: str
    """The name without its class letter: `XBT` for `XXBT`."""
    aclass: str = "currency"
    decimals: int = 8
    display_decimals: int = 8
    status: str = "enabled"


class PairInfo(msgspec.Struct, frozen=True):
    """The rules and fees of one pair, by REST's old names."""

    altname: str
    base: str
    quote: str
    pair_decimals: int
    lot_decimals: int
    wsname: str = ""
    """A v1 name: the v2 feed refuses ``XBT/USD``."""
    cost_decimals: int = 8
    ordermin: Decimal = Decimal(0)
    costmin: Decimal = Decimal(0)
    tick_size: Decimal | None = None
    status: str = "online"
    leverage_buy: tuple[int, ...] = ()
    leverage_sell: tuple[int, ...] = ()
    fees: tuple[tuple[Decimal, Decimal], ...] = ()
    """(30-day volume from, taker percent); has been seen empty."""
    fees_maker: tuple[tuple[Decimal, Decimal], ...] = ()
    """(30-day volume from, maker percent)."""
    fee_volume_currency: str = ""


class TickerInfo(
    msgspec.Struct,
    frozen=True,
    rename={
        "ask": "a",
        "bid": "b",
        "last": "c",
        "volume": "v",
        "vwap": "p",
        "trades": "t",
        "low": "l",
        "high": "h",
        "open": "o",
    },
):
    """The ticker of a pair. Tuples of two are (since midnight UTC, last 24 hours)."""

    ask: tuple[Decimal, Decimal, Decimal]
    """Price, whole lots, lots."""
    bid: tuple[Decimal, Decimal, Decimal]
    last: tuple[Decimal, Decimal]
    """Price, lots."""
    volume: tuple[Decimal, Decimal]
    vwap: tuple[Decimal, Decimal]
    trades: tuple[int, int]
    low: tuple[Decimal, Decimal]
    high: tuple[Decimal, Decimal]
    open: Decimal


class OhlcRow(msgspec.Struct, frozen=True, array_like=True):
    """One candle; the last one of a reply is unfinished."""

    begin_s: int
    """Unix seconds."""
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    vwap: Decimal
    volume: Decimal
    trades: int


class DepthRow(msgspec.Struct, frozen=True, array_like=True):
    """One price level."""

    price: Decimal
    qty: Decimal
    timestamp_s: int
    """Unix seconds."""


class Depth(msgspec.Struct, frozen=True):
    """A book, best levels first."""

    asks: tuple[DepthRow, ...]
    bids: tuple[DepthRow, ...]


class TradeRow(msgspec.Struct, frozen=True, array_like=True):
    """One fill of the market."""

    price: Decimal
    qty: Decimal
    time: Decimal
    """Unix seconds."""
    side: str
    """The taker's side: `b` or `s`."""
    order_type: str
    """The taker's order type: `m` or `l`."""
    misc: str
    trade_id: int = 0

    @property
    def traded(self) -> int:
        """ns since the Unix epoch."""
        return seconds_to_ns(self.time)


class SpreadRow(msgspec.Struct, frozen=True, array_like=True):
    """The best bid and ask at one time."""

    time_s: int
    bid: Decimal
    ask: Decimal


class Page(msgspec.Struct, frozen=True):
    """Rows of one pair, and the `since` for the rows after them."""

    rows: msgspec.Raw
    last: str


def read_page(raw: bytes) -> Page:
    """Return the one list in a reply, whatever spelling of the pair is its key."""
    members = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    last = bytes(members.pop("last", msgspec.Raw(b'""'))).decode().strip('"')
    return Page(next(iter(members.values()), msgspec.Raw(b"[]")), last)


class _StatusMembers(msgspec.Struct):
    status: str
    timestamp: str | None = None
    upcoming_maintenance: msgspec.Raw = msgspec.Raw()
    emergency: msgspec.Raw = msgspec.Raw()


def read_system_status(raw: bytes) -> SystemStatus:
    """Return the result of SystemStatus; no odd entry of its lists costs the state.

    Raises:
        msgspec.MsgspecError: It does not say the state.
    """
    found = msgspec.json.decode(raw, type=_StatusMembers)
    return SystemStatus(
        found.status,
        found.timestamp or "",
        read_events(bytes(found.upcoming_maintenance)).found,
        read_incidents(bytes(found.emergency)).found,
    )


def only_value(found: dict[str, T]) -> T | None:
    """Return the one entry of a reply about one pair, whatever spelling is its key."""
    return next(iter(found.values()), None)
