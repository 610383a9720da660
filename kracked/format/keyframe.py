"""Keyframes and state snapshots: messages of the raw log that the recorder made itself.

A keyframe is a whole book: a search for an instant begins at one. It is spelled as the
exchange spells a snapshot, but of type `keyframe`, so that other readers of the log pass over
it. A reader that comes from before it checks it: the book it has rebuilt must be equal.

A state snapshot is spelled alike and holds what is not a book: the engine's status, instruments,
a ticker, the last trades, candles, the account. The recorder writes them when it joins a running
feed and when it goes on after a gap. They are what a new subscription would have received first.
The status, with the maintenance that is planned, also goes before each round of keyframes.
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
_Rows = Callable[[], Iterator[str]]

_TYPE = b'"type":"keyframe"'
_SNAPSHOT_TYPE = re.compile('"type":"(?:snapshot|update)"')
"""The exchange's own, of a snapshot or of a status."""
_HEAD = re.compile(
    rb'\{"channel":"(book|level3)","type":"keyframe","data":\[\{"symbol":"([^"\\]+)","depth":(\d+)'
)
_NUMBERS = re.compile(rb'price":-?\d+(?:\.(\d+))?,"(?:order_)?qty":-?\d+(?:\.(\d+))?')
_HEAD_SIZE = 48
"""The channel and the type of a message are in its first bytes, before this one."""
_ROW_SIZE = 120
"""Approximate characters of an order or level."""
_PAIR_SIZE = 320
"""Approximate characters of a pair, the longest entry of an instrument list."""


# --- writing keyframes ---------------------------------------------------------------


def encode(book: Book) -> bytes:
    """Return a book as a keyframe."""
    return render([lazy_message(lazy_snapshot(book, book.received), book.depth)]).encode()


def lazy_message(snapshot: Snapshot, depth: int, before: str = "", after: str = "") -> LazyText:
    """Return a book's snapshot as a keyframe, between two texts; it is made when it is written."""
    precision = snapshot.precision
    bids: _Rows
    asks: _Rows
    if isinstance(snapshot, events.L3Snapshot):
        channel = "level3"
        bids, asks = (partial(_orders, side, precision) for side in (snapshot.bids, snapshot.asks))
    else:
        channel = "book"
        bids, asks = (partial(_levels, side, precision) for side in (snapshot.bids, snapshot.asks))
    stamp = f',"timestamp":{quoted(snapshot.timestamp)}' if snapshot.timestamp else ""
    opening = (
        f'{before}{{"channel":"{channel}","type":"keyframe","data":['
        f'{{"symbol":"{snapshot.symbol}","depth":{depth},"bids":['
    )
    closing = f'],"checksum":{snapshot.checksum}{stamp}}}]}}{after}'

    def pieces() -> Iterator[str]:
        """Yield the text of the message."""
        yield opening
        yield from bids()
        yield '],"asks":['
        yield from asks()
        yield closing

    rows = len(snapshot.bids) + len(snapshot.asks)
    return LazyText(pieces, rows, rows * _ROW_SIZE)


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


# --- reading keyframes ---------------------------------------------------------------


def is_keyframe(message: bytes) -> bool:
    """Whether a message of a raw log is a keyframe or a state snapshot."""
    return _TYPE in message[:_HEAD_SIZE]


def symbol_and_channel(message: bytes) -> tuple[str, str]:
    """Return symbol and channel of a keyframe. Raises `RecordError` for any other message."""
    head = _match_head(message)
    return head[2].decode(), head[1].decode()


def symbol(message: bytes) -> str:
    """Return the symbol of a keyframe; empty when it cannot be read."""
    head = _HEAD.match(message)
    return head[2].decode(errors="replace") if head else ""


def depth(message: bytes) -> int:
    """Return the depth of a keyframe's book. Raises `RecordError` for any other message."""
    return int(_match_head(message)[3])


def subscription(message: bytes, now: int) -> events.Subscribed:
    """Return the acknowledgement of the subscription that brought a keyframe's book."""
    symbol, channel = symbol_and_channel(message)
    return events.Subscribed(now, channel, symbol, depth(message))


def precision(message: bytes) -> Precision | None:
    """Return the decimals of a keyframe's numbers, which have them all; None of an empty book."""
    found = _NUMBERS.search(message)
    return Precision(*(len(decimals or b"") for decimals in found.groups())) if found else None


def _match_head(message: bytes) -> re.Match[bytes]:
    head = _HEAD.match(message)
    if head is None:
        raise RecordError(f"not a keyframe: {message[:80]!r}")
    return head


def as_snapshot(message: bytes) -> bytes:
    """Return a keyframe or a state snapshot as the exchange would have sent it."""
    return message.replace(_TYPE, b'"type":"snapshot"', 1)


# --- books at an instant -------------------------------------------------------------


def snapshot(book: Book, received: int) -> Snapshot:
    """Return a book as the event of a snapshot that came at `received`."""
    made = lazy_snapshot(book, received)
    if isinstance(made, events.BookSnapshot):
        return msgspec.structs.replace(made, bids=tuple(made.bids), asks=tuple(made.asks))
    return made


def lazy_snapshot(book: Book, received: int) -> Snapshot:
    """Return the same event with copied sides in place of a level 2 book's levels.

    The copies are read later, once: reading two thousand levels takes milliseconds, copying
    the sides a hundredth of that.
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
    """A book at an instant, to be written later."""

    snapshot: Snapshot
    depth: int
    messages: int
    """Messages the book had applied by then."""

    def book(self) -> Book:
        """Return a book of its own: the feed's has changed since."""
        snapshot = self.snapshot
        kind = L3Book if isinstance(snapshot, events.L3Snapshot) else L2Book
        book = kind(snapshot.symbol, snapshot.precision, self.depth)
        book.apply(snapshot)  # type: ignore[arg-type]
        book.stats.verified = self.messages
        return book


def frozen(books: Iterable[Book], now: int) -> list[BookState]:
    """Return the verified books as they are at `now`; cheap."""
    return [
        BookState(lazy_snapshot(book, now), book.depth, book.stats.messages)
        for book in books
        if book.verified
    ]


# --- state snapshots -----------------------------------------------------------------


def state_message(event: Event, before: str = "", after: str = "") -> LazyText:
    """Return an event as a state snapshot, between two texts.

    There are thousands of instruments, so their text is made when it is written.
    """
    if isinstance(event, events.Instruments):
        return _instruments(event, before, after)
    text = f"{before}{_as_keyframe(wire.message(event))}{after}"
    return LazyText(lambda: iter((text,)), 1, len(text))


def _instruments(event: events.Instruments, before: str, after: str) -> LazyText:
    head, between, tail = _as_keyframe(
        wire.instrument_lists(wire.SNAPSHOT, ("\0",), ("\0",))
    ).split("\0")

    def pieces() -> Iterator[str]:
        """Yield the text of the message."""
        yield before + head
        yield from joined(map(wire.asset, event.assets), ",")
        yield between
        yield from joined(map(wire.pair, event.pairs), ",")
        yield tail + after

    entries = len(event.assets) + len(event.pairs)
    return LazyText(pieces, entries, entries * _PAIR_SIZE)


def _as_keyframe(message: str) -> str:
    """Return a snapshot of the exchange as a message that other readers pass over."""
    return _SNAPSHOT_TYPE.sub('"type":"keyframe"', message, count=1)
