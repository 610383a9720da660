"""Events as frozen values: the vocabulary of everything above the protocol.

The codec makes the events of the wire; the feed adds those of the connection
(`Reconnecting`, `Gap`, ...) and the keeper those of the books (`Resync`, `Verified`). Prices
and quantities are scaled integers; `precision` on the same event gives their decimals.

Sources: the channel pages below docs.kraken.com/api/docs/websocket-v2/
"""

from __future__ import annotations

from kracked.protocol.events.channel_data import (
    Balances,
    BookEvent,
    BookSnapshot,
    BookUpdate,
    Candle,
    Candles,
    Executions,
    HealedTrades,
    Instruments,
    L3Event,
    L3Snapshot,
    L3Update,
    OrderAction,
    OrderChange,
    Ticker,
    Trade,
    Trades,
)
from kracked.protocol.events.connection import (
    Heartbeat,
    Malformed,
    Notice,
    Pong,
    Rejected,
    Replied,
    Status,
    Subscribed,
    Unknown,
    Unsubscribed,
)
from kracked.protocol.events.event import (
    Event,
    Level,
    MarketEvent,
    Side,
    Stamped,
    SymbolEvent,
)
from kracked.protocol.events.feed import (
    Connected,
    Gap,
    Overflow,
    Reconnected,
    Reconnecting,
    Resync,
    Stale,
    Verified,
)

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
    "HealedTrades",
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
