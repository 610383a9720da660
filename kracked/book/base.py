"""What a book of either level tells of itself, and how it is hashed."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar
from zlib import crc32

from kracked.book.stats import BookStats
from kracked.instruments import Precision
from kracked.protocol.events import BookEvent, L3Event, Level, Side


class BookSideView(Protocol):
    """One side of either book."""

    limit: int
    contradiction: tuple[str, int] | None

    @property
    def digits(self) -> bytes: ...
    @property
    def best(self) -> Level | None: ...


_Side = TypeVar("_Side", bound=BookSideView)
_Event = TypeVar("_Event", bound=BookEvent | L3Event)


class Book(Generic[_Side, _Event]):
    """One instrument's book. Only its keeper changes it.

    `verified` is True while the last message's checksum matched, nothing it said
    contradicted the book, and nothing has cast doubt since: prices of an unverified book
    are history.
    """

    __slots__ = (
        "_asks_crc",
        "asks",
        "bids",
        "computed",
        "depth",
        "last",
        "precision",
        "stats",
        "symbol",
        "verified",
    )

    def __init__(
        self,
        symbol: str,
        precision: Precision,
        depth: int,
        sides: tuple[_Side, _Side],
        stats: BookStats,
    ) -> None:
        self.symbol = symbol
        self.precision = precision
        self.depth = depth
        self.bids, self.asks = sides
        self.stats = stats
        self.verified = False
        self.last: _Event | None = None
        """The message applied last."""
        self.computed = 0
        """What is held hashes to."""
        self._asks_crc = 0
        self.set_limit(depth)

    def __repr__(self) -> str:
        told = self.precision.price_text
        bid, ask = (
            "empty" if best is None else told(best.price)
            for best in (self.bids.best, self.asks.best)
        )
        proven = "verified" if self.verified else "not verified"
        return f"<{type(self).__name__} {self.symbol} depth {self.depth}, {bid} / {ask}, {proven}>"

    def set_limit(self, depth: int) -> None:
        """The exchange shows exactly so many levels; 0 when `depth` is only a guess."""
        self.bids.limit = self.asks.limit = depth

    def _hash(self) -> None:
        self._asks_crc = crc32(self.asks.digits)
        self.computed = crc32(self.bids.digits, self._asks_crc)

    @property
    def contradiction(self) -> str:
        """What an update said that cannot be true of this book; mostly nothing.

        Then an update before it was lost, below the ten levels that the checksum sees. Of
        those ten it is the judge, as the exchange says: an unknown order or level that
        goes does no harm there. Where the depth is a guess nothing is contradicted.
        """
        found = self.bids.contradiction or self.asks.contradiction
        return f"{found[0]} at {self.precision.price_text(found[1])}" if found else ""

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

    def side(self, side: Side) -> _Side:
        return self.bids if side is Side.BID else self.asks
