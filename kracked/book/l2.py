"""The level 2 book: total quantity per price, by the exchange's own rules.

Apply a whole message in array order, then cut to the depth, then verify; never look,
and never mend a cross, half-way. Source: docs.kraken.com/api/docs/guides/spot-ws-book-v2
"""

from __future__ import annotations

from kracked.book.checksum import combine
from kracked.book.side import BookSide
from kracked.instruments import Precision
from kracked.protocol.events import BookSnapshot, BookUpdate, Level, Side

DEPTHS = (10, 25, 100, 500, 1000)
"""Levels a side the `book` channel offers."""


class L2Book:
    """One instrument's best `depth` levels a side.

    Only its keeper changes it. `verified` is True while the last message's checksum
    matched and nothing has cast doubt since: prices of an unverified book are history.
    """

    __slots__ = (
        "asks",
        "bids",
        "checksum",
        "depth",
        "precision",
        "received",
        "symbol",
        "timestamp",
        "updates",
        "verified",
    )

    def __init__(self, symbol: str, precision: Precision, depth: int) -> None:
        self.symbol = symbol
        self.precision = precision
        self.depth = depth
        self.bids = BookSide(Side.BID)
        self.asks = BookSide(Side.ASK)
        self.verified = False
        self.checksum = 0
        """What the exchange stated last."""
        self.timestamp: str | None = None
        """The exchange's time of the last message, RFC 3339."""
        self.received = 0
        """When that message arrived, ns since the Unix epoch."""
        self.updates = 0

    def apply(self, event: BookSnapshot | BookUpdate) -> bool:
        """Take one message; True when the book then has the stated checksum."""
        if type(event) is BookSnapshot:
            self.bids.replace(event.bids)
            self.asks.replace(event.asks)
        else:
            put = self.bids.put
            for price, qty in event.bids:
                put(price, qty)
            put = self.asks.put
            for price, qty in event.asks:
                put(price, qty)
            self.updates += 1
        self.bids.cut(self.depth)
        self.asks.cut(self.depth)
        self.checksum = event.checksum
        self.timestamp = event.timestamp
        self.received = event.received
        self.verified = self.computed_checksum() == event.checksum
        return self.verified

    def computed_checksum(self) -> int:
        """The checksum of what is held now."""
        return combine(self.asks.checksum_digits(), self.bids.checksum_digits())

    def set_depth(self, depth: int) -> None:
        """The depth in force, when the acknowledgement comes after its snapshot."""
        self.depth = depth
        self.bids.cut(depth)
        self.asks.cut(depth)

    def rescale(self, precision: Precision) -> None:
        """The same levels in a wider precision."""
        by_price = 10 ** (precision.price - self.precision.price)
        by_qty = 10 ** (precision.qty - self.precision.qty)
        for side in (self.bids, self.asks):
            side.replace([(level.price * by_price, level.qty * by_qty) for level in side])
        self.precision = precision

    @property
    def best_bid(self) -> Level | None:
        return self.bids.best

    @property
    def best_ask(self) -> Level | None:
        return self.asks.best

    @property
    def spread(self) -> int | None:
        """Best ask minus best bid, scaled; None while a side is empty."""
        bid, ask = self.bids.best, self.asks.best
        return ask.price - bid.price if bid and ask else None

    @property
    def crossed(self) -> bool:
        """Never true between messages of a right book."""
        spread = self.spread
        return spread is not None and spread <= 0

    def side(self, side: Side) -> BookSide:
        return self.bids if side is Side.BID else self.asks
