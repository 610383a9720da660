"""The exchange's messages field for field, as msgspec structs. Only the codec may use them.

Numbers are `Raw`: the digits as sent, to be scaled once by `kracked.units`. A field that
the exchange leaves out, now or in an older year, has a default; a field that it may add is
ignored by msgspec. An optional list may be null, which is the same as empty and as absent.

Source: the channel pages below docs.kraken.com/api/docs/websocket-v2/
"""

from __future__ import annotations

from msgspec import Raw, Struct

from kracked.protocol.events import OrderAction

NO_DIGITS = Raw()


class WireLevel(Struct, gc=False):
    price: Raw
    qty: Raw


class BookData(Struct, gc=False):
    symbol: str
    checksum: int
    bids: list[WireLevel] | None = []
    asks: list[WireLevel] | None = []
    timestamp: str | None = None


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
    symbol: str
    checksum: int
    bids: list[WireOrder] | None = []
    asks: list[WireOrder] | None = []
    timestamp: str | None = None


class OrdersMessage(Struct, gc=False, tag_field="channel", tag="level3"):
    type: str
    data: list[OrdersData]


class TickerData(Struct, gc=False):
    symbol: str
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
    trades: int | None = None
    timestamp: str | None = None


class TickerMessage(Struct, tag_field="channel", tag="ticker"):
    type: str
    data: list[TickerData]


class TradeData(Struct, gc=False):
    symbol: str
    side: str
    price: Raw
    qty: Raw
    ord_type: str
    trade_id: int
    timestamp: str


class TradeMessage(Struct, tag_field="channel", tag="trade"):
    type: str
    data: list[TradeData]


class CandleData(Struct, gc=False):
    symbol: str
    open: Raw
    high: Raw
    low: Raw
    close: Raw
    vwap: Raw
    volume: Raw
    trades: int
    interval_begin: str
    interval: int


class OhlcMessage(Struct, tag_field="channel", tag="ohlc"):
    type: str
    data: list[CandleData]
    timestamp: str | None = None


class PairData(Struct):
    symbol: str
    base: str
    quote: str
    qty_precision: int
    qty_increment: Raw
    price_precision: int
    qty_min: Raw
    price_increment: Raw = NO_DIGITS
    tick_size: Raw = NO_DIGITS
    """The deprecated twin of `price_increment`."""
    status: str = "online"
    cost_precision: int = 0
    cost_min: Raw = NO_DIGITS
    """A number on the wire, a string in the schema."""
    marginable: bool = False
    has_index: bool = False


class AssetData(Struct):
    id: str
    precision: int
    precision_display: int
    status: str = "enabled"
    borrowable: bool = False


class InstrumentData(Struct):
    pairs: list[Raw] | None = []
    """`PairData` each, read one by one: an unreadable one must not cost the others."""
    assets: list[Raw] | None = []
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
    sequence: int | None = None


class BalancesMessage(Struct, tag_field="channel", tag="balances"):
    type: str
    data: list[dict[str, object]]
    sequence: int | None = None


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
    warnings: list[str] | None = None
    maxratecount: int | None = None
