"""The part of a book that level 2 and level 3 share: its state, its checksum, its best prices."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar
from zlib import crc32

from kracked.book.stats import BookStats
from kracked.instruments import Precision
from kracked.protocol.events import BookEvent, L3Event, Level, Side


class BookSideView(Protocol):
    """One side of either book: `BookSide` or `OrderSide`, which say more."""

    limit: int
    contradiction: tuple[str, int] | None

    @property
    def digits(self) -> bytes:
        """This side's part of the text that the checksum hashes."""
        ...

    @property
    def best(self) -> Level | None:
        """The best level; None for an empty side."""
        ...


_Side = TypeVar("_Side", bound=BookSideView)
_Event = TypeVar("_Event", bound=BookEvent | L3Event)


class Book(Generic[_Side, _Event]):
    """One instrument's book. Only its keeper changes it.

    Attributes:
        symbol: The pair, ``BTC/USD``.
        precision: The decimals that its scaled integers have.
        depth: Price levels a side that the subscription shows.
        bids: The bids, best first.
        asks: The asks, best first.
        stats: Counts of its messages.
        verified: Whether the last message's checksum matched, nothing in it contradicted the
            book, and nothing has cast doubt on it since. Prices of an unverified book are history.
        last: The message that was applied last; None before the first.
        computed: The checksum of the levels it holds.
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
        self.computed = 0
        self._asks_crc = 0
        self.set_limit(depth)

    def __repr__(self) -> str:
        text = self.precision.price_text
        bid, ask = (
            "empty" if best is None else text(best.price)
            for best in (self.bids.best, self.asks.best)
        )
        state = "verified" if self.verified else "not verified"
        return f"<{type(self).__name__} {self.symbol} depth {self.depth}, {bid} / {ask}, {state}>"

    def set_limit(self, depth: int) -> None:
        """Set how many levels a side the exchange shows; 0 when that is only a guess."""
        self.bids.limit = self.asks.limit = depth

    def _hash(self) -> None:
        """Compute the checksum anew."""
        self._asks_crc = crc32(self.asks.digits)
        self.computed = crc32(self.bids.digits, self._asks_crc)

    @property
    def contradiction(self) -> str:
        """A statement of an update that cannot be true of this book; empty without one.

        It shows that an earlier update was lost, below the ten levels that the checksum covers.
        Within those ten the checksum alone decides, as the exchange says: an unknown order or
        level that is removed does no harm there. While the depth is a guess nothing contradicts.
        """
        found = self.bids.contradiction or self.asks.contradiction
        return f"{found[0]} at {self.precision.price_text(found[1])}" if found else ""

    @property
    def checksum(self) -> int:
        """The checksum that the exchange stated last; 0 before the first message."""
        return self.last.checksum if self.last else 0

    @property
    def exchange_time(self) -> int | None:
        """The exchange's time of the last message, ns since the Unix epoch."""
        return self.last.exchange_time if self.last else None

    @property
    def received(self) -> int:
        """The arrival of the last message, ns since the Unix epoch; 0 before the first."""
        return self.last.received if self.last else 0

    @property
    def best_bid(self) -> Level | None:
        """The highest bid; None while there is none."""
        return self.bids.best

    @property
    def best_ask(self) -> Level | None:
        """The lowest ask; None while there is none."""
        return self.asks.best

    @property
    def spread(self) -> int | None:
        """Best ask minus best bid, scaled; None while a side is empty."""
        bid, ask = self.bids.best, self.asks.best
        return ask.price - bid.price if bid and ask else None

    @property
    def crossed(self) -> bool:
        """Whether the best bid reaches the best ask; never so between messages of a true book."""
        spread = self.spread
        return spread is not None and spread <= 0

    def side(self, side: Side) -> _Side:
        """Return the bids or the asks."""
        return self.bids if side is Side.BID else self.asks
