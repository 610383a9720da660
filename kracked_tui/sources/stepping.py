"""A book between two messages: order events one by one, as the exchange never shows them.

The checksum comes with the last event of a message, so such a book is as trusted as the
one it was made from, and no more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from kracked.book.l3 import L3Book
from kracked.instruments import Precision
from kracked.protocol.events import (
    BookUpdate,
    Event,
    L3Snapshot,
    L3Update,
    OrderChange,
    Side,
)


class OrderStep(NamedTuple):
    """One order event; in a level 2 book one level's new quantity, without an order."""

    symbol: str
    precision: Precision
    side: Side
    price: int
    qty: int
    order: OrderChange | None = None

    def words(self, number: int, total: int) -> str:
        """Describe the event for the time bar: ``add bid 0.25000000 @ 64210.0 K00012 (1/2)``.

        Args:
            number: Which event of its message it is, from 1.
            total: Events of this symbol in the message; a single one is not numbered.
        """
        verb = self.order.action.value if self.order else "set"
        qty, price = self.precision.qty_text(self.qty), self.precision.price_text(self.price)
        name = f" {self.order.order_id[-6:]}" if self.order else ""
        place = f" ({number}/{total})" if total > 1 else ""
        return f"{verb} {self.side.value} {qty} @ {price}{name}{place}"


def steps_of(event: Event, symbol: str) -> Iterator[OrderStep]:
    """Yield the order events of one update of a symbol's book, in the order the book takes them."""
    if not isinstance(event, L3Update | BookUpdate) or event.symbol != symbol:
        return
    if isinstance(event, L3Update):
        for side, orders in ((Side.BID, event.bids), (Side.ASK, event.asks)):
            for order in orders:
                yield OrderStep(symbol, event.precision, side, order.price, order.qty, order)
        return
    for side, levels in ((Side.BID, event.bids), (Side.ASK, event.asks)):
        for price, qty in levels:
            yield OrderStep(symbol, event.precision, side, price, qty)


def book_after(book: L3Book, steps: Sequence[OrderStep]) -> L3Book:
    """Return a copy of the book with some of the events of a message applied."""
    copy = L3Book(book.symbol, book.precision, book.depth)
    bids, asks = tuple(book.bids.orders()), tuple(book.asks.orders())
    received = book.last.received if book.last else 0
    copy.apply(L3Snapshot(received, book.symbol, book.precision, bids, asks, 0))
    bids, asks = (
        tuple(each.order for each in steps if each.order and each.side is side)
        for side in (Side.BID, Side.ASK)
    )
    copy.apply(L3Update(received, book.symbol, book.precision, bids, asks, 0))
    copy.verified = book.verified
    return copy
