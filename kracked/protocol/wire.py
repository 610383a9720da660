"""The exchange's messages field for field, as msgspec structs. Only the codec may use them.

Numbers are `Raw`: the digits as sent, to be scaled once by `kracked.units`. A field that
the exchange leaves out, now or in an older year, has a default, and may be null as well; a
field that it may add is ignored by msgspec. Texts and whole numbers are bounded.
Source: the channel pages below docs.kraken.com/api/docs/websocket-v2/
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Raw, Struct

from kracked.protocol.events import OrderAction

NO_DIGITS = Raw()
Text = Annotated[str, Meta(max_length=256)]
"""A name. Real ones have forty characters."""
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class WireLevel(Struct, gc=False):
    price: Raw
    qty: Raw


class BookData(Struct, gc=False):
    symbol: Text
    checksum: int
    bids: list[WireLevel] | None = None
    asks: list[WireLevel] | None = None
    timestamp: Text | None = None


class BookMessage(Struct, gc=False, tag_field="channel", tag="book"):
    type: str
    data: list[BookData]


class WireOrder(Struct, gc=False):
    order_id: str
    limit_price: Raw
    order_qty: Raw
    timestamp: str
    event: OrderAction = OrderAction.ADD
    """Absent in snapshots."""


class OrdersData(Struct, gc=False):
    symbol: Text
    checksum: int
    bids: list[WireOrder] | None = None
    asks: list[WireOrder] | None = None
    timestamp: Text | None = None


class OrdersMessage(Struct, gc=False, tag_field="channel", tag="level3"):
    type: str
    data: list[OrdersData]


class TickerData(Struct, gc=False):
    symbol: Text
    bid: Raw = NO_DIGITS
    bid_qty: Raw = NO_DIGITS
    ask: Raw = NO_DIGITS
    ask_qty: Raw = NO_DIGITS
    last: Raw = NO_DIGITS
    volume: Raw = NO_DIGITS
    vwap: Raw = NO_DIGITS
    low: Raw = NO_DIGITS
    high: Raw = NO_DIGITS
    change: Raw = NO_DIGITS
    change_pct: Raw = NO_DIGITS
    trades: Count | None = None
    timestamp: Text | None = None


class TickerMessage(Struct, tag_field="channel", tag="ticker"):
    type: str
    data: list[TickerData]


class TradeData(Struct, gc=False):
    symbol: Text
    side: Text
    price: Raw
    qty: Raw
    trade_id: Count
    timestamp: Text
    ord_type: Text | None = ""


class TradeMessage(Struct, tag_field="channel", tag="trade"):
    type: str
    data: list[TradeData]


class CandleData(Struct, gc=False):
    symbol: Text
    open: Raw
    high: Raw
    low: Raw
    close: Raw
    vwap: Raw
    volume: Raw
    interval_begin: Text
    interval: int
    trades: Count | None = 0


class OhlcMessage(Struct, tag_field="channel", tag="ohlc"):
    type: str
    data: list[CandleData]
    timestamp: Text | None = None


class PairData(Struct):
    """Every member is read by itself: an odd one must not cost the others."""

    symbol: Raw = NO_DIGITS
    base: Raw = NO_DIGITS
    quote: Raw = NO_DIGITS
    qty_precision: Raw = NO_DIGITS
    qty_increment: Raw = NO_DIGITS
    price_precision: Raw = NO_DIGITS
    qty_min: Raw = NO_DIGITS
    price_increment: Raw = NO_DIGITS
    tick_size: Raw = NO_DIGITS
    """The deprecated twin of `price_increment`."""
    status: Raw = NO_DIGITS
    cost_precision: Raw = NO_DIGITS
    cost_min: Raw = NO_DIGITS
    """A number on the wire, a string in the schema."""
    marginable: Raw = NO_DIGITS
    has_index: Raw = NO_DIGITS


class AssetData(Struct):
    """Every member is read by itself, as in `PairData`."""

    id: Raw = NO_DIGITS
    precision: Raw = NO_DIGITS
    precision_display: Raw = NO_DIGITS
    status: Raw = NO_DIGITS
    borrowable: Raw = NO_DIGITS


class InstrumentData(Struct):
    pairs: list[Raw] | None = None
    """`PairData` each, read one by one: an unreadable one must not cost the others."""
    assets: list[Raw] | None = None
    """`AssetData` each."""


class InstrumentMessage(Struct, tag_field="channel", tag="instrument"):
    """The one channel whose `data` is an object."""

    type: str
    data: InstrumentData


class StatusData(Struct):
    system: str
    version: str | None = None
    api_version: str | None = None
    connection_id: int | None = None
    upcoming_maintenance: Raw = NO_DIGITS
    """A list, absent or null; read apart: no entry may cost the engine's state."""
    emergency: Raw = NO_DIGITS
    """As `upcoming_maintenance`."""


class StatusMessage(Struct, tag_field="channel", tag="status"):
    data: list[StatusData]


class HeartbeatMessage(Struct, tag_field="channel", tag="heartbeat"):
    pass


class ExecutionsMessage(Struct, tag_field="channel", tag="executions"):
    type: str
    data: list[dict[str, object]]
    sequence: Count | None = None


class BalancesMessage(Struct, tag_field="channel", tag="balances"):
    type: str
    data: list[dict[str, object]]
    sequence: Count | None = None


ChannelMessage = (
    BookMessage
    | OrdersMessage
    | TickerMessage
    | TradeMessage
    | OhlcMessage
    | InstrumentMessage
    | StatusMessage
    | HeartbeatMessage
    | ExecutionsMessage
    | BalancesMessage
)


class Outline(Struct):
    """A message of several rows, to look for those that can be read."""

    channel: str
    type: str
    data: list[Raw]
    timestamp: Raw = Raw(b"null")


class WireReply(Struct):
    """An answer to a request, and the outline of every message that is no known channel's data."""

    method: str | None = None
    channel: str | None = None
    success: bool | None = None
    error: str | None = None
    Error: str | None = None
    """The old spelling, without `method`: ``{"Error":"Exceeded msg rate"}``."""
    req_id: int | None = None
    symbol: str | None = None
    result: Raw = NO_DIGITS
    orders_cancelled: int | None = None
    """`batch_cancel` has been seen to answer with this field in place of `result`."""
    time_in: str = ""
    time_out: str = ""


class SubscriptionResult(Struct):
    channel: str
    symbol: str | None = None
    depth: int | None = None
    interval: int | None = None
    snapshot: bool | None = None
    warnings: Raw = NO_DIGITS
    """A list of strings."""
    maxratecount: Raw = NO_DIGITS
    """An integer."""
