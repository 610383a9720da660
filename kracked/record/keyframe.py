"""A whole book as one message of the raw log: where a search for an instant may begin.

Spelled as the exchange spells a snapshot, but of type `keyframe`, so that other
readers of the log pass over it. Reading straight through, a keyframe proves itself:
the book it meets must have its checksum.

How often: every segment begins with them, then each book after a minute or 2,500 messages,
which a search reads in a thirtieth of a second (five minutes or 8,000 at depth 1000, where
one costs as much as a minute's log).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from typing import Any

import msgspec

from kracked import times
from kracked.book.l2 import L2Book
from kracked.book.l3 import L3Book
from kracked.book.side import BookSide
from kracked.errors import RecordError
from kracked.instruments import Precision
from kracked.protocol import events
from kracked.protocol.events import OrderChange
from kracked.record.later import Later, listed, whole

Book = L2Book | L3Book

_EVERY_NS = 60 * times.NS_PER_S
_EVERY_DEEP_NS = 300 * times.NS_PER_S
_EVERY_MESSAGES, _EVERY_MESSAGES_DEEP = 2_500, 8_000
_DEEP = 1000
_TYPE = b'"type":"keyframe"'
_HEAD = re.compile(
    rb'\{"channel":"(book|level3)","type":"keyframe","data":\[\{"symbol":"([^"\\]+)","depth":(\d+)'
)
_OPENING = 48
"""A message's channel and type stand before this."""
_ROW_SIZE = 120


def encode(book: Book) -> bytes:
    """The book as a message."""
    return whole([later(book)]).encode()


def later(book: Book, before: str = "", after: str = "") -> Later:
    """The message that the book is now, between two texts; made when it is written."""
    bids: Callable[[], Iterator[str]]
    asks: Callable[[], Iterator[str]]
    if isinstance(book, L3Book):
        channel, rows = "level3", len(book)
        bids, asks = (
            partial(_orders, [*chain.from_iterable(side)], book.precision)
            for side in (book.bids, book.asks)
        )
    else:
        channel, rows = "book", len(book.bids) + len(book.asks)
        bids, asks = (
            partial(_levels, side.copy(), book.precision) for side in (book.bids, book.asks)
        )
    stamp = (
        f',"timestamp":{_quoted(book.last.timestamp)}' if book.last and book.last.timestamp else ""
    )
    opening = (
        f'{before}{{"channel":"{channel}","type":"keyframe","data":['
        f'{{"symbol":"{book.symbol}","depth":{book.depth},"bids":['
    )
    closing = f'],"checksum":{book.computed}{stamp}}}]}}{after}'

    def pieces() -> Iterator[str]:
        yield opening
        yield from bids()
        yield '],"asks":['
        yield from asks()
        yield closing

    return Later(pieces, rows, rows * _ROW_SIZE)


def subject(message: bytes) -> tuple[str, str]:
    """Symbol and channel of a keyframe."""
    found = _head(message)
    return found[2].decode(), found[1].decode()


def depth(message: bytes) -> int:
    """The depth of a keyframe's book."""
    return int(_head(message)[3])


def _head(message: bytes) -> re.Match[bytes]:
    found = _HEAD.match(message)
    if found is None:
        raise RecordError(f"not a keyframe: {message[:80]!r}")
    return found


def is_one(message: bytes) -> bool:
    """Whether a message of a raw log is a keyframe."""
    return _TYPE in message[:_OPENING]


def as_snapshot(message: bytes) -> bytes:
    """The message as the exchange would have sent it."""
    return message.replace(_TYPE, b'"type":"snapshot"', 1)


def of_snapshot(message: str) -> str:
    """The exchange's snapshot as a message that other readers pass over."""
    return message.replace('"type":"snapshot"', '"type":"keyframe"', 1)


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


def standing(book: Book, received: int) -> events.BookSnapshot | events.OrdersSnapshot:
    """The same for a recorder: a level 2 book's levels are read when their rows are written.

    To read two thousand of them takes milliseconds, a copy of the sides a hundredth.
    """
    if isinstance(book, L3Book):
        return picture(book, received)
    sides: tuple[Any, Any] = book.bids.copy(), book.asks.copy()
    stamp = book.last.timestamp if book.last else None
    return events.BookSnapshot(received, book.symbol, book.precision, *sides, book.computed, stamp)


def _levels(side: BookSide, precision: Precision) -> Iterator[str]:
    price, qty = precision.price_text, precision.qty_text
    return listed(
        (f'{{"price":{price(level.price)},"qty":{qty(level.qty)}}}' for level in side), ","
    )


def _orders(orders: Iterable[OrderChange], precision: Precision) -> Iterator[str]:
    price, qty = precision.price_text, precision.qty_text
    members = (
        f'{{"order_id":{_quoted(order.order_id)},"limit_price":{price(order.price)},'
        f'"order_qty":{qty(order.qty)},"timestamp":{_quoted(order.timestamp)}}}'
        for order in orders
    )
    return listed(members, ",")


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()


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
