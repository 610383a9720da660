"""A whole book as one message of the raw log: where a search for an instant may begin.

Spelled as the exchange spells a snapshot, but of type `keyframe`, so that other
readers of the log pass over it. Reading straight through, a keyframe proves itself:
the book it meets must have its checksum.

How often: every segment begins with them, then each book after a minute or 6,000 messages,
which a search reads in a tenth of a second (five minutes or 30,000 at depth 1000, where one
costs as much as a minute's log).
"""

from __future__ import annotations

from collections.abc import Iterable

from kracked import times
from kracked.book.l2 import L2Book
from kracked.book.l3 import L3Book
from kracked.protocol import events

Book = L2Book | L3Book

_EVERY_NS = 60 * times.NS_PER_S
_EVERY_DEEP_NS = 300 * times.NS_PER_S
_EVERY_MESSAGES, _EVERY_MESSAGES_DEEP = 6_000, 30_000
_DEEP = 1000
_TYPE = b'"type":"keyframe"'


def encode(book: Book) -> bytes:
    """The book as a message."""
    orders = isinstance(book, L3Book)
    bids, asks = _orders(book) if isinstance(book, L3Book) else _levels(book)
    stamp = f',"timestamp":"{book.last.timestamp}"' if book.last and book.last.timestamp else ""
    return (
        f'{{"channel":"{"level3" if orders else "book"}","type":"keyframe","data":['
        f'{{"symbol":"{book.symbol}","depth":{book.depth},"bids":[{bids}],"asks":[{asks}],'
        f'"checksum":{book.computed}{stamp}}}]}}'
    ).encode()


def as_snapshot(message: bytes) -> bytes:
    """The message as the exchange would have sent it."""
    return message.replace(_TYPE, b'"type":"snapshot"', 1)


def picture(book: Book, received: int) -> events.BookSnapshot | events.OrdersSnapshot:
    """The book as the event a snapshot would have been."""
    stamp = book.last.timestamp if book.last else None
    if isinstance(book, L3Book):
        bids, asks = (
            tuple(order for queue in side for order in queue) for side in (book.bids, book.asks)
        )
        return events.OrdersSnapshot(
            received, book.symbol, book.precision, bids, asks, book.computed, stamp
        )
    return events.BookSnapshot(
        received,
        book.symbol,
        book.precision,
        tuple(book.bids),
        tuple(book.asks),
        book.computed,
        stamp,
    )


def _levels(book: L2Book) -> tuple[str, str]:
    price, qty = book.precision.price_text, book.precision.qty_text
    bids, asks = (
        ",".join(f'{{"price":{price(level.price)},"qty":{qty(level.qty)}}}' for level in side)
        for side in (book.bids, book.asks)
    )
    return bids, asks


def _orders(book: L3Book) -> tuple[str, str]:
    price, qty = book.precision.price_text, book.precision.qty_text
    bids, asks = (
        ",".join(
            f'{{"order_id":"{order.order_id}","limit_price":{price(order.price)},'
            f'"order_qty":{qty(order.qty)},"timestamp":"{order.timestamp}"}}'
            for queue in side
            for order in queue
        )
        for side in (book.bids, book.asks)
    )
    return bids, asks


class Schedule:
    """Says which book's keyframe is due; never more than one at a time, to spread the work."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, type], tuple[int, int]] = {}

    def restart(self) -> None:
        """A new segment: every book is due again."""
        self._last.clear()

    def due(self, books: Iterable[Book], now: int) -> Book | None:
        """The first verified book whose time has come, taken as written at `now`."""
        for book in books:
            if not book.verified:
                continue
            key, messages = (book.symbol, type(book)), book.tally.messages
            at, then = self._last.get(key, (0, -1))
            deep = book.depth >= _DEEP
            every_ns = _EVERY_DEEP_NS if deep else _EVERY_NS
            every = _EVERY_MESSAGES_DEEP if deep else _EVERY_MESSAGES
            if messages != then and (now - at >= every_ns or messages - then >= every):
                self._last[key] = (now, messages)
                return book
        return None
