"""What the exchange told us, as frozen values: the vocabulary of everything above.

The codec makes the events of the wire; the feed adds those of the connection
(`Reconnecting`, `Gap`, ...) and the keeper those of the books (`Resync`). Prices and
quantities are scaled integers; `precision` on the same event says what they mean.
`received` is when the bytes reached this process, in ns since the Unix epoch.

Sources: the channel pages below docs.kraken.com/api/docs/websocket-v2/
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

import msgspec

from kracked import times
from kracked.instruments import Asset, Instrument, Precision

__all__ = [
    "Balances",
    "BookEvent",
    "BookSnapshot",
    "BookUpdate",
    "Candle",
    "Candles",
    "Connected",
    "Event",
    "Executions",
    "Gap",
    "Heartbeat",
    "Instruments",
    "L3Event",
    "L3Snapshot",
    "L3Update",
    "Level",
    "Malformed",
    "MarketEvent",
    "Notice",
    "OrderAction",
    "OrderChange",
    "Overflow",
    "Pong",
    "Reconnected",
    "Reconnecting",
    "Rejected",
    "Replied",
    "Resync",
    "Side",
    "Stale",
    "Stamped",
    "Status",
    "Subscribed",
    "SymbolEvent",
    "Ticker",
    "Trade",
    "Trades",
    "Unknown",
    "Unsubscribed",
    "Verified",
]


class Side(StrEnum):
    BID = "bid"
    ASK = "ask"

    @property
    def opposite(self) -> Side:
        return Side.ASK if self is Side.BID else Side.BID


class Level(NamedTuple):
    """A price and the total quantity resting at it, both scaled integers."""

    price: int
    qty: int


class Event(msgspec.Struct, frozen=True, tag_field="event"):
    """Something that happened, once."""

    received: int
    """When it reached this process, ns since the Unix epoch."""


class SymbolEvent(Event, frozen=True):
    symbol: str


class Stamped:
    """What bears the exchange's own time, as text."""

    __slots__ = ()
    timestamp: str | None

    @property
    def exchange_time(self) -> int | None:
        """ns since the Unix epoch; None where the exchange wrote no readable time."""
        return times.try_parse_ns(self.timestamp)


class MarketEvent(SymbolEvent, frozen=True):
    """Data of one instrument; `precision` says what its scaled integers mean."""

    precision: Precision


# --- the connection as the exchange describes it ------------------------------------


class Status(Event, frozen=True, tag="status"):
    """The trading engine's state: first message of a connection, then on every change.

    `system`: `online`, `post_only`, `cancel_only`, `maintenance`; an open set.
    The two lists hold the exchange's own objects, unread.
    """

    system: str
    version: str = ""
    api_version: str = ""
    connection_id: int = 0
    """Unsigned 64 bit: may exceed 2**63."""
    upcoming_maintenance: tuple[dict[str, object], ...] = ()
    emergency: tuple[dict[str, object], ...] = ()


class Heartbeat(Event, frozen=True, tag="heartbeat"):
    """Once a second; proves the connection, never a subscription."""


class Pong(Event, frozen=True, tag="pong"):
    req_id: int | None
    time_in: str = ""
    time_out: str = ""


class Subscribed(Event, frozen=True, tag="subscribed"):
    """A subscription was granted, with the parameters in force."""

    channel: str
    symbol: str | None = None
    depth: int | None = None
    interval: int | None = None
    snapshot: bool | None = None
    req_id: int | None = None
    warnings: tuple[str, ...] = ()
    max_rate_count: int | None = None
    """Executions only: the account's engine rate threshold."""


class Unsubscribed(Event, frozen=True, tag="unsubscribed"):
    channel: str
    symbol: str | None = None
    depth: int | None = None
    interval: int | None = None
    req_id: int | None = None


class Rejected(Event, frozen=True, tag="rejected"):
    """The exchange refused a request. Often only `req_id` says which one."""

    method: str | None
    error: str
    """The exchange's own words, whole."""
    req_id: int | None = None
    symbol: str | None = None
    channel: str | None = None


class Replied(Event, frozen=True, tag="replied"):
    """A trading method succeeded; `result` is the exchange's object or list."""

    method: str
    result: object
    req_id: int | None = None
    time_in: str = ""
    time_out: str = ""


class Malformed(Event, frozen=True, tag="malformed"):
    """Bytes that are not what the documentation promises, kept for the log."""

    text: str
    reason: str
    symbol: str | None = None
    """The instrument it was about, when that much could be read."""
    channel: str | None = None


class Notice(Event, frozen=True, tag="notice"):
    """Words of the proxy before the exchange, outside the protocol: a coming disconnect."""

    text: str


class Unknown(Event, frozen=True, tag="unknown"):
    """A channel or method this version does not know. Ignored, by design."""

    channel: str


# --- market data -------------------------------------------------------------------


class Ticker(MarketEvent, Stamped, frozen=True, tag="ticker"):
    """Best bid and ask, last trade, and the last 24 hours.

    A price is None where the market has none: an empty side, no trade in 24 hours.
    """

    bid: int | None
    bid_qty: int
    ask: int | None
    ask_qty: int
    last: int | None
    volume: int
    vwap: int | None
    low: int | None
    high: int | None
    change: int | None
    change_pct: Decimal | None
    trades: int | None = None
    timestamp: str | None = None
    snapshot: bool = False


class Trade(msgspec.Struct, frozen=True, gc=False):
    """One fill."""

    side: Side
    """Of the taker: BID lifted an ask."""
    price: int
    qty: int
    ord_type: str
    """Of the taker: `market` or `limit`."""
    trade_id: int
    """Rises by one per fill and instrument."""
    timestamp: str
    """A readable time: the codec has seen to it."""

    @property
    def exchange_time(self) -> int:
        return times.parse_ns(self.timestamp)


class Trades(MarketEvent, frozen=True, tag="trades"):
    """All fills of one taker (an update), or the last fifty of the market (a snapshot)."""

    trades: tuple[Trade, ...]
    snapshot: bool = False


class Candle(msgspec.Struct, frozen=True, gc=False):
    """One interval's prices. Its identity is (symbol, interval, begin)."""

    interval: int
    """Minutes."""
    begin: int
    """ns since the Unix epoch."""
    open: int
    high: int
    low: int
    close: int
    vwap: int
    volume: int
    trades: int

    @property
    def end(self) -> int:
        return self.begin + self.interval * 60 * times.NS_PER_S


class Candles(MarketEvent, frozen=True, tag="candles"):
    """Candles to set, oldest first; each replaces the one of the same identity."""

    candles: tuple[Candle, ...]
    snapshot: bool = False
    timestamp: str | None = None
    """The trade behind the message."""


class BookEvent(MarketEvent, Stamped, frozen=True, gc=False):
    """What the two kinds of `book` message have in common."""

    bids: tuple[tuple[int, int], ...]
    """(price, total qty), scaled."""
    asks: tuple[tuple[int, int], ...]
    checksum: int
    timestamp: str | None = None


class BookSnapshot(BookEvent, frozen=True, gc=False, tag="book_snapshot"):
    """The whole book; replaces what was there. Best first."""


class BookUpdate(BookEvent, frozen=True, gc=False, tag="book_update"):
    """Levels that changed, in order of events; a level whose quantity is 0 is gone."""


class OrderAction(StrEnum):
    ADD = "add"
    MODIFY = "modify"
    DELETE = "delete"


class OrderChange(msgspec.Struct, frozen=True, gc=False):
    """One resting order, or what became of it."""

    action: OrderAction
    order_id: str
    price: int
    qty: int
    """What is left. Of a DELETE: what was left (cancel), or 0 (filled)."""
    timestamp: str
    """When it entered the book at this price; of a DELETE, see the exchange's page."""

    @property
    def exchange_time(self) -> int:
        """ns since the Unix epoch; 0 where the exchange wrote no readable time."""
        # To read each order's time as it comes would cost a tenth of a book.
        return times.try_parse_ns(self.timestamp) or 0


class L3Event(MarketEvent, Stamped, frozen=True, gc=False):
    """What the two kinds of `level3` message have in common."""

    bids: tuple[OrderChange, ...]
    asks: tuple[OrderChange, ...]
    checksum: int
    timestamp: str | None = None


class L3Snapshot(L3Event, frozen=True, gc=False, tag="orders_snapshot"):
    """Every visible order of the best levels: best price first, then in queue order."""


class L3Update(L3Event, frozen=True, gc=False, tag="orders_update"):
    """Orders that came, changed or left, in order of events."""


class Instruments(Event, frozen=True, tag="instruments"):
    """The rules of every pair and asset (a snapshot), or of those that changed."""

    pairs: tuple[Instrument, ...]
    assets: tuple[Asset, ...]
    snapshot: bool = False


# --- the account -------------------------------------------------------------------


class Executions(Event, frozen=True, tag="executions"):
    """Reports on own orders, as the exchange sends them: deltas keyed by `order_id`.

    Numbers inside are `Decimal`. `sequence` counts messages of the subscription from
    1; a hole means a lost message.
    """

    reports: tuple[dict[str, object], ...]
    sequence: int | None = None
    snapshot: bool = False


class Balances(Event, frozen=True, tag="balances"):
    """Balances per asset (a snapshot), or ledger entries that moved them (an update)."""

    entries: tuple[dict[str, object], ...]
    sequence: int | None = None
    snapshot: bool = False


# --- what the feed and the keeper add ------------------------------------------------


class Resync(SymbolEvent, frozen=True, tag="resync"):
    """A book went wrong and waits for a fresh snapshot; ask for one, once.

    `reason`: `checksum`, `impossible` (an update its rules forbid), `precision`
    (the instrument's decimals changed), `refused`, `timeout`.
    """

    channel: str
    reason: str
    detail: str = ""


class Verified(SymbolEvent, frozen=True, tag="verified"):
    """A book is proven again: its snapshot's checksum matched."""

    channel: str


class Connected(Event, frozen=True, tag="connected"):
    """A connection is open. `connection`: `public`, `level3` or `private`."""

    connection: str
    url: str


class Reconnecting(Event, frozen=True, tag="reconnecting"):
    """A connection is lost, or could not be made; the next attempt is in `delay_s`."""

    connection: str
    url: str
    reason: str
    attempt: int
    delay_s: float


class Reconnected(Event, frozen=True, tag="reconnected"):
    """A lost connection is back; snapshots follow."""

    connection: str
    url: str
    down_ns: int


class Gap(Event, frozen=True, tag="gap"):
    """Between `start` and `end` messages of these symbols may be missing."""

    channel: str
    symbols: tuple[str, ...]
    start: int
    end: int
    reason: str


class Stale(SymbolEvent, frozen=True, tag="stale"):
    """A subscription has gone quiet on a connection that has gone quiet."""

    channel: str
    silent_ns: int


class Overflow(Event, frozen=True, tag="overflow"):
    """This consumer was too slow: `dropped` events before this one were left out for it."""

    dropped: int
