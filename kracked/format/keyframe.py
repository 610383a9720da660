"""A whole book as one message of the raw log: where a search for an instant may begin.

Spelled as the exchange spells a snapshot, but of type `keyframe`, so that other
readers of the log pass over it. Reading straight through, a keyframe proves itself:
the book it meets must have its checksum.

State snapshots are spelled alike: what stood besides the books where a recording joins or
goes on. Instruments, tickers, the last trades and candles, the account, one a line. Whoever
plays the recording hears of each what one who subscribed there would have been told first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

import msgspec

from kracked.book.l2 import L2Book
from kracked.book.l3 import L3Book
from kracked.errors import RecordError
from kracked.format.lazy_text import LazyText, joined, render
from kracked.instruments import Precision
from kracked.protocol import encode as wire
from kracked.protocol import events
from kracked.protocol.encode import quoted
from kracked.protocol.events import Event, OrderChange

Book = L2Book | L3Book
Snapshot = events.BookSnapshot | events.L3Snapshot
_Text = Callable[[], Iterator[str]]

_TYPE = b'"type":"keyframe"'
_HEAD = re.compile(
    rb'\{"channel":"(book|level3)","type":"keyframe","data":\[\{"symbol":"([^"\\]+)","depth":(\d+)'
)
_NUMBERS = re.compile(rb'price":-?\d+(?:\.(\d+))?,"(?:order_)?qty":-?\d+(?:\.(\d+))?')
_OPENING = 48
"""A message's channel and type stand before this."""
_ROW_SIZE = 120
_PAIR_SIZE = 320
"""About the characters of a pair, the longest of entries."""


def encode(book: Book) -> bytes:
    """The book as a message."""
    return render([lazy_message(lazy_snapshot(book, book.received), book.depth)]).encode()


def lazy_message(snapshot: Snapshot, depth: int, before: str = "", after: str = "") -> LazyText:
    """The message that a book is, between two texts; made when it is written."""
    channel, bids, asks = _spelling(snapshot)
    stamp = f',"timestamp":{quoted(snapshot.timestamp)}' if snapshot.timestamp else ""
    opening = (
        f'{before}{{"channel":"{channel}","type":"keyframe","data":['
        f'{{"symbol":"{snapshot.symbol}","depth":{depth},"bids":['
    )
    closing = f'],"checksum":{snapshot.checksum}{stamp}}}]}}{after}'

    def pieces() -> Iterator[str]:
        yield opening
        yield from bids()
        yield '],"asks":['
        yield from asks()
        yield closing

    rows = len(snapshot.bids) + len(snapshot.asks)
    return LazyText(pieces, rows, rows * _ROW_SIZE)


def _spelling(snapshot: Snapshot) -> tuple[str, _Text, _Text]:
    """The channel, and what makes the text of each side."""
    precision = snapshot.precision
    if isinstance(snapshot, events.L3Snapshot):
        bids, asks = (partial(_orders, side, precision) for side in (snapshot.bids, snapshot.asks))
        return "level3", bids, asks
    bids, asks = (partial(_levels, side, precision) for side in (snapshot.bids, snapshot.asks))
    return "book", bids, asks


def symbol_and_channel(message: bytes) -> tuple[str, str]:
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


def subscription(message: bytes, now: int) -> events.Subscribed:
    """The subscription whose book a keyframe is."""
    symbol, channel = symbol_and_channel(message)
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


def is_keyframe(message: bytes) -> bool:
    """Whether a message of a raw log is a keyframe."""
    return _TYPE in message[:_OPENING]


def as_snapshot(message: bytes) -> bytes:
    """The message as the exchange would have sent it."""
    return message.replace(_TYPE, b'"type":"snapshot"', 1)


def as_keyframe(message: str) -> str:
    """The exchange's snapshot as a message that other readers pass over."""
    return message.replace('"type":"snapshot"', '"type":"keyframe"', 1)


def snapshot(book: Book, received: int) -> Snapshot:
    """The book as the event a snapshot would have been."""
    made = lazy_snapshot(book, received)
    if isinstance(made, events.BookSnapshot):
        return msgspec.structs.replace(made, bids=tuple(made.bids), asks=tuple(made.asks))
    return made


def lazy_snapshot(book: Book, received: int) -> Snapshot:
    """The same for whoever reads it later: a level 2 book's levels are read then.

    To read two thousand of them takes milliseconds, a copy of the sides a hundredth.
    """
    stamp = book.last.timestamp if book.last else None
    if isinstance(book, L3Book):
        bids, asks = tuple(book.bids.orders()), tuple(book.asks.orders())
        return events.L3Snapshot(
            received=received,
            symbol=book.symbol,
            precision=book.precision,
            bids=bids,
            asks=asks,
            checksum=book.computed,
            timestamp=stamp,
        )
    copies: tuple[Any, Any] = book.bids.copy(), book.asks.copy()
    return events.BookSnapshot(received, book.symbol, book.precision, *copies, book.computed, stamp)


class BookState(NamedTuple):
    """A book as it stood at an instant, for who writes it later."""

    snapshot: Snapshot
    depth: int
    messages: int
    """What the book had taken by then."""

    def book(self) -> Book:
        """A book of its own: what the feed goes on with has changed since."""
        snapshot = self.snapshot
        kind = L3Book if isinstance(snapshot, events.L3Snapshot) else L2Book
        book = kind(snapshot.symbol, snapshot.precision, self.depth)
        book.apply(snapshot)  # type: ignore[arg-type]
        book.tally.verified = self.messages
        return book


def frozen(books: Iterable[Book], now: int) -> list[BookState]:
    """The verified ones of these books as they stand at `now`; cheap."""
    return [
        BookState(lazy_snapshot(book, now), book.depth, book.tally.messages)
        for book in books
        if book.verified
    ]


def _levels(levels: Iterable[tuple[int, int]], precision: Precision) -> Iterator[str]:
    price, qty = precision.price_text, precision.qty_text
    return joined((f'{{"price":{price(at)},"qty":{qty(total)}}}' for at, total in levels), ",")


def _orders(orders: Iterable[OrderChange], precision: Precision) -> Iterator[str]:
    price, qty = precision.price_text, precision.qty_text
    members = (
        f'{{"order_id":{quoted(order.order_id)},"limit_price":{price(order.price)},'
        f'"order_qty":{qty(order.qty)},"timestamp":{quoted(order.timestamp)}}}'
        for order in orders
    )
    return joined(members, ",")


def state_message(event: Event, before: str = "", after: str = "") -> LazyText:
    """The message that tells the event, between two texts.

    Of instruments there are thousands: their text is made when it is written.
    """
    if isinstance(event, events.Instruments):
        return _instruments(event, before, after)
    text = f"{before}{as_keyframe(wire.message(event))}{after}"
    return LazyText(lambda: iter((text,)), 1, len(text))


def _instruments(event: events.Instruments, before: str, after: str) -> LazyText:
    head, between, tail = as_keyframe(wire.instrument_lists(wire.SNAPSHOT, ("\0",), ("\0",))).split(
        "\0"
    )

    def pieces() -> Iterator[str]:
        yield before + head
        yield from joined(map(wire.asset, event.assets), ",")
        yield between
        yield from joined(map(wire.pair, event.pairs), ",")
        yield tail + after

    entries = len(event.assets) + len(event.pairs)
    return LazyText(pieces, entries, entries * _PAIR_SIZE)
