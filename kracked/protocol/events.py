"""Events as frozen values: the vocabulary of everything above the protocol.

The codec makes the events of the wire; the feed adds those of the connection
(`Reconnecting`, `Gap`, ...) and the keeper those of the books (`Resync`, `Verified`). Prices
and quantities are scaled integers; `precision` on the same event gives their decimals.

Sources: the channel pages below docs.kraken.com/api/docs/websocket-v2/
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

import msgspec

from kracked import times
from kracked.instruments import Asset, Instrument, Precision
from kracked.protocol.maintenance.announcements import Incident, MaintenanceEvent

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


# --- the connection as the exchange describes it ------------------------------------


class Status(Event, frozen=True, tag="status"):
    """The state of the trading engine: first message of a connection, then every change."""

    system: str
    """`online`, `post_only`, `cancel_only`, `maintenance`; an open set."""
    version: str = ""
    api_version: str = ""
    connection_id: int = 0
    """Unsigned 64 bit: may exceed 2**63."""
    upcoming_maintenance: tuple[MaintenanceEvent, ...] = ()
    """Planned windows that have not begun: an event leaves the list when its window starts."""
    emergency: tuple[Incident, ...] = ()
    """Incidents that are not resolved."""
    lists_stated: bool = True
    """Whether the exchange sent the two lists, empty or not; without them nothing is known of
    what is planned, and nothing has changed."""


class Heartbeat(Event, frozen=True, tag="heartbeat"):
    """A sign of life, once a second; it proves the connection, never a subscription."""


class Pong(Event, frozen=True, tag="pong"):
    """The answer to a ping."""

    req_id: int | None
    time_in: str = ""
    """When the ping reached the exchange, RFC 3339."""
    time_out: str = ""
    """When the answer left the exchange, RFC 3339."""


class Subscribed(Event, frozen=True, tag="subscribed"):
    """The exchange granted a subscription, with the parameters in force."""

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
    """The exchange ended a subscription."""

    channel: str
    symbol: str | None = None
    depth: int | None = None
    interval: int | None = None
    req_id: int | None = None


class Rejected(Event, frozen=True, tag="rejected"):
    """The exchange refused a request. Often only `req_id` shows which one."""

    method: str | None
    error: str
    """The exchange's own words, complete."""
    req_id: int | None = None
    symbol: str | None = None
    channel: str | None = None


class Replied(Event, frozen=True, tag="replied"):
    """A trading method succeeded."""

    method: str
    result: object
    """The exchange's own object or list."""
    req_id: int | None = None
    time_in: str = ""
    time_out: str = ""


class Malformed(Event, frozen=True, tag="malformed"):
    """A message that is not what the documentation promises."""

    text: str
    """Its beginning, for the log."""
    reason: str
    """What is wrong with it."""
    symbol: str | None = None
    """The symbol that it was about, if that could be read."""
    channel: str | None = None
    """The channel that it was about, if that could be read."""


class Notice(Event, frozen=True, tag="notice"):
    """A text of the proxy before the exchange, outside the protocol: it will disconnect."""

    text: str


class Unknown(Event, frozen=True, tag="unknown"):
    """A message of a channel that this version does not know; ignored on purpose."""

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
    """Quantity traded in 24 hours."""
    vwap: int | None
    low: int | None
    high: int | None
    change: int | None
    """Price change in 24 hours."""
    change_pct: Decimal | None
    trades: int | None = None
    """Trades in 24 hours."""
    timestamp: str | None = None
    snapshot: bool = False


class Trade(msgspec.Struct, frozen=True, gc=False):
    """One fill of the market. Its precision is that of the `Trades` event."""

    side: Side
    """The taker's side: BID lifted an ask."""
    price: int
    qty: int
    ord_type: str
    """The taker's order type: `market` or `limit`."""
    trade_id: int
    """Rises by one per fill and instrument."""
    timestamp: str
    """RFC 3339; the codec has checked that it can be read."""

    @property
    def exchange_time(self) -> int:
        """ns since the Unix epoch."""
        return times.parse_ns(self.timestamp)


class Trades(MarketEvent, frozen=True, tag="trades"):
    """All fills of one taker (an update), or the last fifty of the market (a snapshot)."""

    trades: tuple[Trade, ...]
    snapshot: bool = False


class Candle(msgspec.Struct, frozen=True, gc=False):
    """The prices of one interval. Its identity is (symbol, interval, begin)."""

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
        """The end of the interval, ns since the Unix epoch."""
        return self.begin + self.interval * 60 * times.NS_PER_S


class Candles(MarketEvent, frozen=True, tag="candles"):
    """Candles, oldest first; each replaces the one of the same identity."""

    candles: tuple[Candle, ...]
    snapshot: bool = False
    timestamp: str | None = None
    """The time of the trade behind the message, RFC 3339."""


class BookEvent(MarketEvent, Stamped, frozen=True, gc=False):
    """A message of the `book` channel: a snapshot or an update."""

    bids: tuple[tuple[int, int], ...]
    """(price, total qty), scaled."""
    asks: tuple[tuple[int, int], ...]
    """(price, total qty), scaled."""
    checksum: int
    """The checksum of the best ten levels after this message."""
    timestamp: str | None = None


class BookSnapshot(BookEvent, frozen=True, gc=False, tag="book_snapshot"):
    """The whole book, best levels first; it replaces what was there."""


class BookUpdate(BookEvent, frozen=True, gc=False, tag="book_update"):
    """Levels that changed, in the order of their changes; a level of quantity 0 is gone."""


class OrderAction(StrEnum):
    """A kind of change of an order of a level 3 book."""

    ADD = "add"
    MODIFY = "modify"
    DELETE = "delete"


class OrderChange(msgspec.Struct, frozen=True, gc=False):
    """One resting order of a level 3 book, or a change of it."""

    action: OrderAction
    order_id: str
    price: int
    qty: int
    """The remaining quantity. With DELETE: what was left (a cancel), or 0 (a fill)."""
    timestamp: str
    """When the order entered the book at this price; with DELETE, see the exchange's page."""

    @property
    def exchange_time(self) -> int:
        """ns since the Unix epoch; 0 where the exchange wrote no readable time."""
        # To read the time of every order as it comes would cost a tenth of a book.
        return times.try_parse_ns(self.timestamp) or 0


class L3Event(MarketEvent, Stamped, frozen=True, gc=False):
    """A message of the `level3` channel: a snapshot or an update."""

    bids: tuple[OrderChange, ...]
    asks: tuple[OrderChange, ...]
    checksum: int
    """The checksum of the orders at the best ten prices after this message."""
    timestamp: str | None = None


class L3Snapshot(L3Event, frozen=True, gc=False, tag="orders_snapshot"):
    """Every visible order of the best levels: best price first, then in queue order."""


class L3Update(L3Event, frozen=True, gc=False, tag="orders_update"):
    """Orders that were added, changed or removed, in the order of their changes."""


class Instruments(Event, frozen=True, tag="instruments"):
    """The rules of every pair and asset (a snapshot), or of those that changed."""

    pairs: tuple[Instrument, ...]
    assets: tuple[Asset, ...]
    snapshot: bool = False


# --- the account -------------------------------------------------------------------


class Executions(Event, frozen=True, tag="executions"):
    """Reports on own orders, as the exchange sends them: deltas keyed by `order_id`."""

    reports: tuple[dict[str, object], ...]
    """The exchange's own objects; numbers inside are `Decimal`."""
    sequence: int | None = None
    """Counts the messages of the subscription from 1; a missing number is a lost message."""
    snapshot: bool = False


class Balances(Event, frozen=True, tag="balances"):
    """Balances per asset (a snapshot), or ledger entries that changed them (an update)."""

    entries: tuple[dict[str, object], ...]
    """The exchange's own objects; numbers inside are `Decimal`."""
    sequence: int | None = None
    """Counts the messages of the subscription from 1; a missing number is a lost message."""
    snapshot: bool = False


# --- what the feed and the keeper add ------------------------------------------------


class Resync(SymbolEvent, frozen=True, tag="resync"):
    """The data of a subscription cannot be trusted; a fresh snapshot is needed, once.

    Whoever keeps books without a feed requests it; a feed does so by itself.
    """

    channel: str
    reason: str
    """`checksum`, `impossible` (the rules forbid what came), `precision` (the instrument's
    decimals changed), `sequence` (a message is missing), `stale` (its siblings contradict it),
    `timeout`, `unasked`."""
    detail: str = ""


class Verified(SymbolEvent, frozen=True, tag="verified"):
    """A book is proven: the checksum of its snapshot matched."""

    channel: str


class Connected(Event, frozen=True, tag="connected"):
    """A connection is open."""

    connection: str
    """`public`, `level3` or `private`, with a number where there are several."""
    url: str


class Reconnecting(Event, frozen=True, tag="reconnecting"):
    """A connection is lost, or could not be made."""

    connection: str
    url: str
    reason: str
    attempt: int
    """Attempts since the connection was last good."""
    delay_s: float
    """Seconds until the next attempt."""


class Reconnected(Event, frozen=True, tag="reconnected"):
    """A lost connection is back; snapshots follow."""

    connection: str
    url: str
    down_ns: int


class Gap(Event, frozen=True, omit_defaults=True, tag="gap"):
    """Messages of these symbols may be missing between `start` and `end`.

    Where the exchange's trade ids show which trades are missing, it names them.
    """

    channel: str
    symbols: tuple[str, ...]
    """Empty for a channel without symbols."""
    start: int
    """ns since the Unix epoch."""
    end: int
    """ns since the Unix epoch."""
    reason: str
    first_id: int | None = None
    """The first missing trade; None where it is not known which, and of other channels."""
    last_id: int | None = None
    """The last missing trade."""


class Stale(SymbolEvent, frozen=True, tag="stale"):
    """A subscription is not current: its connection is silent, or its siblings contradict it."""

    channel: str
    silent_ns: int
    """Time since its last message."""
    reason: str = ""
    """What contradicts it, or that nothing ever came; empty while heartbeats are missing."""
    interval: int | None = None
    """Minutes; candles only."""


class Overflow(Event, frozen=True, tag="overflow"):
    """This consumer was too slow: events before this one were left out for it."""

    dropped: int
    """How many."""
