"""A whole book as one message of the raw log: where a search for an instant may begin.

Spelled as the exchange spells a snapshot, but of type `keyframe`, so that other
readers of the log pass over it. Reading straight through, a keyframe proves itself:
the book it meets must have its checksum.

How often: every segment begins with one of each book, and they come again in a round, all
together, so that a search need not read long before the one it finds last. A round is due
after so many messages as a search reads in a twentieth of a second, of all books together,
and half a message more for each of their rows: where one round is as large as a minute's
log it is rarer. After a minute it comes sooner, for whom a damaged frame has left in doubt.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

import msgspec

from kracked import times
from kracked.book.l2 import L2Book
from kracked.book.l3 import L3Book
from kracked.errors import RecordError
from kracked.format.lazy_text import LazyText, listed, whole
from kracked.instruments import Precision
from kracked.protocol import events
from kracked.protocol.encode import quoted
from kracked.protocol.events import OrderChange

Book = L2Book | L3Book
Picture = events.BookSnapshot | events.L3Snapshot
_Text = Callable[[], Iterator[str]]

_EVERY_MESSAGES, _EVERY_NS = 4_000, 60 * times.NS_PER_S
_ROWS_PER_MESSAGE = 2
_ROWS_AT_ONCE = 1_000
_TYPE = b'"type":"keyframe"'
_HEAD = re.compile(
    rb'\{"channel":"(book|level3)","type":"keyframe","data":\[\{"symbol":"([^"\\]+)","depth":(\d+)'
)
_NUMBERS = re.compile(rb'price":-?\d+(?:\.(\d+))?,"(?:order_)?qty":-?\d+(?:\.(\d+))?')
_OPENING = 48
"""A message's channel and type stand before this."""
_ROW_SIZE = 120


def encode(book: Book) -> bytes:
    """The book as a message."""
    return whole([later(standing(book, book.received), book.depth)]).encode()


def later(picture: Picture, depth: int, before: str = "", after: str = "") -> LazyText:
    """The message that a book is, between two texts; made when it is written."""
    channel, bids, asks = _spelling(picture)
    stamp = f',"timestamp":{quoted(picture.timestamp)}' if picture.timestamp else ""
    opening = (
        f'{before}{{"channel":"{channel}","type":"keyframe","data":['
        f'{{"symbol":"{picture.symbol}","depth":{depth},"bids":['
    )
    closing = f'],"checksum":{picture.checksum}{stamp}}}]}}{after}'

    def pieces() -> Iterator[str]:
        yield opening
        yield from bids()
        yield '],"asks":['
        yield from asks()
        yield closing

    rows = len(picture.bids) + len(picture.asks)
    return LazyText(pieces, rows, rows * _ROW_SIZE)


def _spelling(picture: Picture) -> tuple[str, _Text, _Text]:
    """The channel, and what makes the text of each side."""
    precision = picture.precision
    if isinstance(picture, events.L3Snapshot):
        bids, asks = (partial(_orders, side, precision) for side in (picture.bids, picture.asks))
        return "level3", bids, asks
    bids, asks = (partial(_levels, side, precision) for side in (picture.bids, picture.asks))
    return "book", bids, asks


def subject(message: bytes) -> tuple[str, str]:
    """Symbol and channel of a keyframe."""
    found = _head(message)
    return found[2].decode(), found[1].decode()


def symbol(message: bytes) -> str:
    """Symbol of a keyframe; empty where it cannot be read."""
    found = _HEAD.match(message)
    return found[2].decode(errors="replace") if found else ""


def depth(message: bytes) -> int:
    """The depth of a keyframe's book."""
    return int(_head(message)[3])


def acknowledged(message: bytes, now: int) -> events.Subscribed:
    """The subscription whose book a keyframe is."""
    symbol, channel = subject(message)
    return events.Subscribed(now, channel, symbol, depth(message))


def precision(message: bytes) -> Precision | None:
    """That of a keyframe's numbers, which have all their decimals; None of an empty book."""
    found = _NUMBERS.search(message)
    return Precision(*(len(decimals or b"") for decimals in found.groups())) if found else None


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


def picture(book: Book, received: int) -> Picture:
    """The book as the event a snapshot would have been."""
    made = standing(book, received)
    if isinstance(made, events.BookSnapshot):
        return msgspec.structs.replace(made, bids=tuple(made.bids), asks=tuple(made.asks))
    return made


def standing(book: Book, received: int) -> Picture:
    """The same for whoever reads it later: a level 2 book's levels are read then.

    To read two thousand of them takes milliseconds, a copy of the sides a hundredth.
    """
    stamp = book.last.timestamp if book.last else None
    if isinstance(book, L3Book):
        bids, asks = tuple(book.bids.orders()), tuple(book.asks.orders())
        return events.L3Snapshot(
            received, book.symbol, book.precision, bids, asks, book.computed, stamp
        )
    copies: tuple[Any, Any] = book.bids.copy(), book.asks.copy()
    return events.BookSnapshot(received, book.symbol, book.precision, *copies, book.computed, stamp)


class BookState(NamedTuple):
    """A book as it stood at an instant, for who writes it later."""

    picture: Picture
    depth: int
    messages: int
    """What the book had taken by then."""

    def book(self) -> Book:
        """A book of its own: what the feed goes on with has changed since."""
        picture = self.picture
        kind = L3Book if isinstance(picture, events.L3Snapshot) else L2Book
        book = kind(picture.symbol, picture.precision, self.depth)
        book.apply(picture)  # type: ignore[arg-type]
        book.stats.verified = self.messages
        return book


def stood(books: Iterable[Book], now: int) -> list[BookState]:
    """The verified ones of these books as they stand at `now`; cheap."""
    return [
        BookState(standing(book, now), book.depth, book.stats.messages)
        for book in books
        if book.verified
    ]


def _levels(levels: Iterable[tuple[int, int]], precision: Precision) -> Iterator[str]:
    price, qty = precision.price_text, precision.qty_text
    return listed((f'{{"price":{price(at)},"qty":{qty(total)}}}' for at, total in levels), ",")


def _orders(orders: Iterable[OrderChange], precision: Precision) -> Iterator[str]:
    price, qty = precision.price_text, precision.qty_text
    members = (
        f'{{"order_id":{quoted(order.order_id)},"limit_price":{price(order.price)},'
        f'"order_qty":{qty(order.qty)},"timestamp":{quoted(order.timestamp)}}}'
        for order in orders
    )
    return listed(members, ",")


class KeyframeSchedule:
    """Says which books' keyframes are due: each once a round, a few at a time."""

    def __init__(self) -> None:
        self._begun: tuple[int, int] | None = None
        """When the round began, and how many messages there were of all books."""
        self._written: set[tuple[str, type]] = set()

    def restart(self) -> None:
        """A new segment: every book is due again."""
        self._begun = None

    def due(self, books: Iterable[Book], now: int) -> list[Book]:
        """Verified books whose turn it is, taken as written at `now`.

        Of deep books one at most: to copy its rows takes half a millisecond.
        """
        books, due, rows = tuple(books), [], 0
        if self._is_over(books, now):
            self._begun = now, _messages(books)
            self._written.clear()
        for book in books:
            key = book.symbol, type(book)
            if rows < _ROWS_AT_ONCE and book.verified and key not in self._written:
                self._written.add(key)
                due.append(book)
                rows += _rows(book)
        return due

    def _is_over(self, books: Iterable[Book], now: int) -> bool:
        """Whether it is time for another round."""
        if self._begun is None:
            return True
        begun, messages = self._begun
        passed = _messages(books) - messages
        enough = sum(map(_rows, books)) // _ROWS_PER_MESSAGE
        if now - begun < _EVERY_NS:
            enough += _EVERY_MESSAGES
        return passed < 0 or passed >= max(1, enough)  # fewer: one is no longer kept


def _messages(books: Iterable[Book]) -> int:
    return sum(book.stats.messages for book in books)


def _rows(book: Book) -> int:
    return len(book) if isinstance(book, L3Book) else len(book.bids) + len(book.asks)
