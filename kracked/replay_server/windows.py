"""Books at a smaller depth than the recorded one: snapshots of them, and what changes there.

A subscriber sees a window of the best levels. What the recorded message says of levels
outside it is left out; a level that enters it, because a better one went, is told in
the same message; one that is pushed out leaves without a word. The checksum is that of
the recorded message: it covers ten levels, and no window is smaller.

Source: docs.kraken.com/api/docs/guides/spot-ws-book-v2 and .../spot-ws-l3-v2
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from kracked.book.l2 import L2Book
from kracked.book.l3 import L3Book, OrderSide
from kracked.book.side import BookSide
from kracked.instruments import Precision
from kracked.protocol import encode
from kracked.protocol.encode import SNAPSHOT, UPDATE
from kracked.protocol.events import BookUpdate, L3Update, OrderAction, OrderChange

Book = L2Book | L3Book
Update = BookUpdate | L3Update


def snapshot(book: Book, depth: int) -> str:
    """The best `depth` levels a side, as the message a new subscriber gets."""
    digits, stamp = book.precision, book.last.timestamp if book.last else None
    if isinstance(book, L2Book):
        bids, asks = (_levels(side.top(depth), digits) for side in (book.bids, book.asks))
        return encode.book(SNAPSHOT, book.symbol, bids, asks, book.computed, stamp)
    bids, asks = (
        [_order(order, digits) for queue in islice(side, depth) for order in queue]
        for side in (book.bids, book.asks)
    )
    return encode.level3(SNAPSHOT, book.symbol, bids, asks, book.computed, stamp)


def window(book: Book, depth: int) -> BookWindow | OrdersWindow:
    """The view of those who have just been given the book's snapshot at this depth."""
    return BookWindow(book, depth) if isinstance(book, L2Book) else OrdersWindow(book, depth)


class BookWindow:
    """What the subscribers of a level 2 book at one depth see."""

    def __init__(self, book: L2Book, depth: int) -> None:
        self._bids, self._asks = _Levels(book.bids, depth), _Levels(book.asks, depth)

    def update(self, event: Update) -> str:
        """The message for an update the book has taken; empty when nothing changed here."""
        assert isinstance(event, BookUpdate)
        bids = _levels(self._bids.follow(event.bids), event.precision)
        asks = _levels(self._asks.follow(event.asks), event.precision)
        if not bids and not asks:
            return ""
        return encode.book(UPDATE, event.symbol, bids, asks, event.checksum, event.timestamp)


class OrdersWindow:
    """What the subscribers of a level 3 book at one depth see."""

    def __init__(self, book: L3Book, depth: int) -> None:
        self._bids, self._asks = _Orders(book.bids, depth), _Orders(book.asks, depth)

    def update(self, event: Update) -> str:
        """The message for an update the book has taken; empty when nothing changed here."""
        assert isinstance(event, L3Update)
        bids = _changes(self._bids.follow(event.bids), event.precision)
        asks = _changes(self._asks.follow(event.asks), event.precision)
        if not bids and not asks:
            return ""
        return encode.level3(UPDATE, event.symbol, bids, asks, event.checksum, event.timestamp)


class _Levels:
    """One side of a level 2 window: the prices its subscribers know of."""

    def __init__(self, side: BookSide, depth: int) -> None:
        self._side, self._depth = side, depth
        self._shown = {level.price for level in side.top(depth)}

    def follow(self, changes: tuple[tuple[int, int], ...]) -> list[tuple[int, int]]:
        """The changes the window shows, in order of events, then the levels that enter it."""
        if not changes:
            return []
        now = {level.price: level.qty for level in self._side.top(self._depth)}
        told = [change for change in changes if change[0] in self._shown or change[0] in now]
        known = self._shown.union(price for price, _ in told)
        told += [level for level in now.items() if level[0] not in known]
        self._shown = set(now)
        return told


class _Orders:
    """One side of a level 3 window: the prices and orders its subscribers know of."""

    def __init__(self, side: OrderSide, depth: int) -> None:
        self._side, self._depth = side, depth
        self._prices: set[int] = set()
        self._ids: set[str] = set()
        self._look()

    def _look(self) -> list[OrderChange]:
        """Take the window as it is now; the orders of the levels that are new in it."""
        queues = list(islice(self._side, self._depth))
        entered = [order for queue in queues if queue.price not in self._prices for order in queue]
        self._prices = {queue.price for queue in queues}
        self._ids = {order.order_id for queue in queues for order in queue}
        return entered

    def follow(self, changes: tuple[OrderChange, ...]) -> list[OrderChange]:
        """The changes the window shows, in order of events, then the levels that enter it."""
        if not changes:
            return []
        prices, known = self._prices, self._ids
        entered = self._look()
        told: list[OrderChange] = []
        for change in changes:
            if change.action is OrderAction.ADD:
                # A level that enters is told whole and in queue order, below.
                if change.price not in prices or change.order_id not in self._ids:
                    continue
                known = known | {change.order_id}
            elif change.order_id not in known:
                continue
            told.append(change)
        return told + [_added(order) for order in entered]


def _added(order: OrderChange) -> OrderChange:
    return OrderChange(OrderAction.ADD, order.order_id, order.price, order.qty, order.timestamp)


def _levels(levels: Iterable[tuple[int, int]], digits: Precision) -> list[str]:
    return [encode.level(digits.price_text(price), digits.qty_text(qty)) for price, qty in levels]


def _order(order: OrderChange, digits: Precision) -> str:
    price, qty = digits.price_text(order.price), digits.qty_text(order.qty)
    return encode.order(order.order_id, price, qty, order.timestamp)


def _changes(changes: Iterable[OrderChange], digits: Precision) -> list[str]:
    return [
        encode.order_event(
            change.action.value,
            change.order_id,
            digits.price_text(change.price),
            digits.qty_text(change.qty),
            change.timestamp,
        )
        for change in changes
    ]
