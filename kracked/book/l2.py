"""The level 2 book: total quantity per price, by the exchange's own rules.

Apply a whole message in array order, then cut to the depth, then verify; never look,
and never mend a cross, half-way. Source: docs.kraken.com/api/docs/guides/spot-ws-book-v2
"""

from __future__ import annotations

from zlib import crc32

from kracked.book.side import BookSide
from kracked.book.tally import Tally
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
        "_asks_crc",
        "asks",
        "bids",
        "computed",
        "depth",
        "last",
        "precision",
        "symbol",
        "tally",
        "verified",
    )

    def __init__(self, symbol: str, precision: Precision, depth: int) -> None:
        self.symbol = symbol
        self.precision = precision
        self.depth = depth
        self.bids = BookSide(Side.BID)
        self.asks = BookSide(Side.ASK)
        self.verified = False
        self.last: BookSnapshot | BookUpdate | None = None
        """The message applied last."""
        self.computed = 0
        """What the levels held hash to."""
        self._asks_crc = 0
        self.tally = Tally(symbol, "book")

    def apply(self, event: BookSnapshot | BookUpdate) -> bool:
        """Take one message; True when the book then has the stated checksum."""
        bids, asks, depth = self.bids, self.asks, self.depth
        if type(event) is BookSnapshot:
            bids.replace(event.bids, depth)
            asks.replace(event.asks, depth)
            self._hash()
        else:
            # A third of deep updates leave the hashed levels alone, and most leave one side.
            touched = bids.apply(event.bids, depth) if event.bids else False
            if event.asks and asks.apply(event.asks, depth):
                self._asks_crc = crc32(asks.digits)
                touched = True
            if touched:
                self.computed = crc32(bids.digits, self._asks_crc)
        self.last = event
        self.verified = self.computed == event.checksum
        return self.verified

    def _hash(self) -> None:
        self._asks_crc = crc32(self.asks.digits)
        self.computed = crc32(self.bids.digits, self._asks_crc)

    def set_depth(self, depth: int) -> None:
        """The depth in force, when the acknowledgement comes after its snapshot."""
        self.depth = depth
        self.bids.cut(depth)
        self.asks.cut(depth)
        self._hash()

    def rescale(self, precision: Precision) -> None:
        """The same levels in a wider precision."""
        by_price = 10 ** (precision.price - self.precision.price)
        by_qty = 10 ** (precision.qty - self.precision.qty)
        for side in (self.bids, self.asks):
            levels = [(level.price * by_price, level.qty * by_qty) for level in side]
            side.replace(levels, self.depth)
        self._hash()
        self.precision = precision

    @property
    def checksum(self) -> int:
        """What the exchange stated last."""
        return self.last.checksum if self.last else 0

    @property
    def exchange_time(self) -> int | None:
        """The exchange's time of the last message, ns since the Unix epoch."""
        return self.last.exchange_time if self.last else None

    @property
    def received(self) -> int:
        """When the last message arrived, ns since the Unix epoch; 0 before the first."""
        return self.last.received if self.last else 0

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
