"""Books at a smaller depth than they came in, and the subscribers who see them.

A subscriber sees a window of the best levels. Changes outside it are left out. A level that
enters it because a better one went is sent in the same message; one that is pushed out
leaves without a word. The checksum is that of the message that came: it covers ten levels,
and no window is smaller.

Source: docs.kraken.com/api/docs/guides/spot-ws-book-v2 and .../spot-ws-l3-v2
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from msgspec.structs import replace

from kracked.book.l2 import L2Book
from kracked.book.l3 import L3Book, OrderSide
from kracked.book.side import BookSide
from kracked.gateway.channels import Topic
from kracked.gateway.client_session import ClientSession
from kracked.instruments import Precision
from kracked.protocol import encode
from kracked.protocol.encode import SNAPSHOT, UPDATE
from kracked.protocol.events import (
    BookSnapshot,
    BookUpdate,
    L3Update,
    OrderAction,
    OrderChange,
    Ticker,
)

Book = L2Book | L3Book
Update = BookUpdate | L3Update


def snapshot(book: Book, depth: int) -> str:
    """Return the best `depth` levels of each side, as the message a new subscriber gets."""
    precision, stamp = book.precision, book.last.timestamp if book.last else None
    if isinstance(book, L2Book):
        bids, asks = (_levels(side.top(depth), precision) for side in (book.bids, book.asks))
        return encode.book(SNAPSHOT, book.symbol, bids, asks, book.computed, stamp)
    bids, asks = (
        [
            encode.order(
                order.order_id,
                precision.price_text(order.price),
                precision.qty_text(order.qty),
                order.timestamp,
            )
            for queue in islice(side, depth)
            for order in queue
        ]
        for side in (book.bids, book.asks)
    )
    return encode.level3(SNAPSHOT, book.symbol, bids, asks, book.computed, stamp)


def window(book: Book, depth: int) -> L2Window | L3Window:
    """Return the window of subscribers who have just got the book's snapshot at this depth."""
    return L2Window(book, depth) if isinstance(book, L2Book) else L3Window(book, depth)


class L2Window:
    """The part of a level 2 book that the subscribers of one depth see."""

    def __init__(self, book: L2Book, depth: int) -> None:
        self._bids, self._asks = _L2Side(book.bids, depth), _L2Side(book.asks, depth)

    def update(self, event: Update) -> str:
        """Return the message for an update the book has taken; empty if nothing changed here."""
        assert isinstance(event, BookUpdate)
        bids = _levels(self._bids.apply(event.bids), event.precision)
        asks = _levels(self._asks.apply(event.asks), event.precision)
        if not bids and not asks:
            return ""
        return encode.book(UPDATE, event.symbol, bids, asks, event.checksum, event.timestamp)


class L3Window:
    """The part of a level 3 book that the subscribers of one depth see."""

    def __init__(self, book: L3Book, depth: int) -> None:
        self._bids, self._asks = _L3Side(book.bids, depth), _L3Side(book.asks, depth)

    def update(self, event: Update) -> str:
        """Return the message for an update the book has taken; empty if nothing changed here."""
        assert isinstance(event, L3Update)
        bids = _changes(self._bids.apply(event.bids), event.precision)
        asks = _changes(self._asks.apply(event.asks), event.precision)
        if not bids and not asks:
            return ""
        return encode.level3(UPDATE, event.symbol, bids, asks, event.checksum, event.timestamp)


class _L2Side:
    """One side of a level 2 window: the prices its subscribers have."""

    def __init__(self, side: BookSide, depth: int) -> None:
        self._side, self._depth = side, depth
        self._prices = {level.price for level in side.top(depth)}

    def apply(self, changes: tuple[tuple[int, int], ...]) -> list[tuple[int, int]]:
        """Return the changes inside the window in order, then the levels that enter it."""
        if not changes:
            return []
        levels = {level.price: level.qty for level in self._side.top(self._depth)}
        shown = [change for change in changes if change[0] in self._prices or change[0] in levels]
        known = self._prices.union(price for price, _ in shown)
        shown += [level for level in levels.items() if level[0] not in known]
        self._prices = set(levels)
        return shown


class _L3Side:
    """One side of a level 3 window: the prices and orders its subscribers have."""

    def __init__(self, side: OrderSide, depth: int) -> None:
        self._side, self._depth = side, depth
        self._prices: set[int] = set()
        self._ids: set[str] = set()
        self._move()

    def _move(self) -> list[OrderChange]:
        """Move the window to the best levels now; return the orders of levels new in it."""
        queues = list(islice(self._side, self._depth))
        entered = [order for queue in queues if queue.price not in self._prices for order in queue]
        self._prices = {queue.price for queue in queues}
        self._ids = {order.order_id for queue in queues for order in queue}
        return entered

    def apply(self, changes: tuple[OrderChange, ...]) -> list[OrderChange]:
        """Return the changes inside the window in order, then the levels that enter it."""
        if not changes:
            return []
        prices, known = self._prices, self._ids
        entered = self._move()
        shown: list[OrderChange] = []
        for change in changes:
            if change.action is OrderAction.ADD:
                # A level that enters is sent whole and in queue order, below.
                if change.price not in prices or change.order_id not in self._ids:
                    continue
                known = known | {change.order_id}
            elif change.order_id not in known:
                continue
            shown.append(change)
        return shown + [
            OrderChange(OrderAction.ADD, order.order_id, order.price, order.qty, order.timestamp)
            for order in entered
        ]


def _levels(levels: Iterable[tuple[int, int]], precision: Precision) -> list[str]:
    return [
        encode.level(precision.price_text(price), precision.qty_text(qty)) for price, qty in levels
    ]


def _changes(changes: Iterable[OrderChange], precision: Precision) -> list[str]:
    return [
        encode.order_event(
            change.action.value,
            change.order_id,
            precision.price_text(change.price),
            precision.qty_text(change.qty),
            change.timestamp,
        )
        for change in changes
    ]


class TopicAudience:
    """Owner of one topic's subscribers."""

    def __init__(self, topic: Topic) -> None:
        self.topic = topic
        self.synced: dict[ClientSession, bool] = {}
        """Every subscriber, and whether it has a book to apply updates to."""
        self._window: L2Window | L3Window | None = None
        """Set while a subscriber has a book of less than the recorded depth."""

    @property
    def depth(self) -> int:
        """The depth of a book's topic."""
        assert isinstance(self.topic.variety, int)
        return self.topic.variety

    def snapshot(self, book: Book) -> str:
        """Return the book at this topic's depth; later updates are cut to match it."""
        if self.depth < book.depth and self._window is None:
            self._window = window(book, self.depth)
        return snapshot(book, self.depth)

    def replace(self, book: Book, data: bytes) -> None:
        """Send the book that the recorded snapshot `data` has replaced; empty for a keyframe."""
        self._window = None
        if self.depth >= book.depth and data:
            self._send_snapshot(data)
        elif book.verified:
            self._send_snapshot(self.snapshot(book).encode())

    def update(self, event: Update, data: bytes) -> None:
        """Send the recorded update `data`, which the book has taken, to those in sync."""
        if self._window is not None:
            data = self._window.update(event).encode()
        if not data:
            return
        for session, synced in self.synced.items():
            if synced:
                session.send(data)

    def suspend(self) -> None:
        """Send nothing until the book's next snapshot: it cannot be trusted."""
        self._window = None
        self.synced = dict.fromkeys(self.synced, False)

    def _send_snapshot(self, snapshot: bytes) -> None:
        for session in self.synced:
            self.synced[session] = True
            session.send(snapshot)


def quoted(last: Ticker, book: L2Book, event: BookSnapshot | BookUpdate) -> Ticker | None:
    """Return the ticker with the best prices that a book has now.

    Args:
        last: The ticker before.
        book: The verified level 2 book.
        event: What has changed it.

    Returns:
        None where best prices and quantities are as before, or a side is empty.
    """
    bid, ask = book.bids.best, book.asks.best
    if bid is None or ask is None or book.precision != last.precision:
        return None
    best = {"bid": bid.price, "bid_qty": bid.qty, "ask": ask.price, "ask_qty": ask.qty}
    if all(getattr(last, name) == value for name, value in best.items()):
        return None
    at = event.timestamp or last.timestamp
    return replace(last, **best, received=event.received, timestamp=at, snapshot=False)
