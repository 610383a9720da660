"""Events of the data that channels carry: the market's first, then the account's."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

from kracked import times
from kracked.instruments import Asset, Instrument
from kracked.protocol.events.event import Event, MarketEvent, Side, Stamped


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


class HealedTrades(MarketEvent, frozen=True, tag="healed_trades"):
    """Trades that the stream left out, fetched later from REST `Trades`.

    They are older than trades that came before them. A recorder writes them; a feed has none.
    Their times have the stream's six decimals of REST's seven.

    Source: docs.kraken.com/api/docs/rest-api/get-recent-trades
    """

    trades: tuple[Trade, ...]


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
