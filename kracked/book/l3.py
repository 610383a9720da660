"""The level 3 book: every visible order, in queue order, by the exchange's own rules.

Depth counts price levels. A level that is pushed below it leaves without a message, with all
its orders, and comes back as adds that carry the orders' old timestamps. Array order is queue
order.

Source: docs.kraken.com/api/docs/guides/spot-ws-l3-v2
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import chain
from zlib import crc32

from msgspec.structs import replace

from kracked.book.base import Book
from kracked.book.checksum import LEVELS_HASHED
from kracked.book.queue import LevelQueue, QueuePosition
from kracked.book.stats import BookStats
from kracked.instruments import Precision
from kracked.protocol.events import (
    L3Event,
    L3Snapshot,
    L3Update,
    Level,
    OrderAction,
    OrderChange,
    Side,
)

ADD, MODIFY, DELETE = OrderAction.ADD, OrderAction.MODIFY, OrderAction.DELETE

DEPTHS = (10, 100, 1000)
"""Price levels a side that the `level3` channel offers."""

HELD_ALREADY = "an order was added that was held already"
NO_QUANTITY = "an order had no quantity"
OTHER_NUMBERS = "an order was removed with other numbers than held"
NOT_HELD = "an order was changed or removed that was not held"
BEYOND_DEPTH = "an order was added beyond the depth"


class OrderSide:
    """The price levels of one side, each a queue of orders. Iterates best first.

    Inside the best level is last, as in `BookSide`.

    Attributes:
        side: Bids or asks.
        opposite: The other side of the same book.
        digits: This side's part of the text that the checksum hashes; current after `apply`.
        disturbed: Whether a change of the other side took an order from this one.
        limit: Levels that the exchange shows of this side; 0 while that is not known.
        contradiction: A statement of an update that cannot be true of these orders, with its
            price; None without one.
    """

    __slots__ = (
        "_far",
        "_keys",
        "_levels",
        "_queues",
        "_sign",
        "_texts",
        "_touched",
        "contradiction",
        "digits",
        "disturbed",
        "limit",
        "opposite",
        "side",
    )

    def __init__(self, side: Side, queues: dict[str, LevelQueue]) -> None:
        self.side = side
        self.opposite = self
        self._sign = 1 if side is Side.BID else -1
        # Parallel, ascending towards the best level: key, queue, digits for the checksum.
        self._keys: list[int] = []
        self._levels: list[LevelQueue] = []
        self._texts: list[str] = []
        self._queues = queues
        """The queue of each order id, shared by both sides of the book."""
        self._touched = False
        """Whether `digits` must be made again."""
        self._far: list[OrderChange] = []
        """Orders of this message too far away to be shown, unless a level is still removed."""
        self.disturbed = False
        self.digits = b""
        self.limit = 0
        self.contradiction: tuple[str, int] | None = None

    def replace(self, orders: Iterable[OrderChange], depth: int) -> None:
        """Hold exactly these orders. The book has emptied the index that both sides share."""
        self._keys, self._levels, self._texts, self._touched = [], [], [], True
        self.contradiction = None
        self.limit, limit = 0, self.limit  # the whole book comes at once, in any order
        for order in orders:  # every order of a snapshot rests; the last row of an id counts
            known = self._queues.get(order.order_id)
            if known is not None:
                self._remove(order.order_id, known)
            self._add(order)
        self.limit = limit
        self.apply((), depth)

    def apply(self, changes: Iterable[OrderChange], depth: int) -> bool:
        """Apply a side's order changes in turn, then cut to `depth` levels.

        Returns:
            True when one of the hashed levels changed, or on a contradiction.
        """
        queues = self._queues
        for change in changes:
            known = queues.get(change.order_id)
            action = change.action
            if known is None:
                if action is ADD:
                    self._add(change)
                else:
                    self._missed(change)
            elif action is DELETE:
                self._delete(change, known)
            elif action is MODIFY and known.price == change.price and known.side is self.side:
                known.orders[change.order_id] = change
                self._changed(known)
                if change.qty <= 0:
                    self._contradict(NO_QUANTITY, change)
            else:  # an order of a new price loses its place
                if action is ADD or known.side is not self.side:
                    side = self if known.side is self.side else self.opposite
                    side._contradict(HELD_ALREADY, known.orders[change.order_id])  # noqa: SLF001
                self._remove(change.order_id, known)
                self._add(change)
        if len(self._keys) > depth or self._far:
            self._cut(depth)
        touched = self._touched
        if touched:
            self._touched = False
            self.digits = "".join(self._texts[: -LEVELS_HASHED - 1 : -1]).encode()
        return touched

    def _add(self, order: OrderChange) -> None:
        if order.qty <= 0:
            self._contradict(NO_QUANTITY, order)
        price, keys = order.price, self._keys
        key = self._sign * price
        at = bisect_left(keys, key)
        if at < len(keys) and keys[at] == key:
            queue = self._levels[at]
            self._texts[at] += f"{price}{order.qty}"
        else:
            if len(keys) - at >= self.limit > LEVELS_HASHED:
                self._far.append(order)
            queue = LevelQueue(self.side, price)
            keys.insert(at, key)
            self._levels.insert(at, queue)
            self._texts.insert(at, f"{price}{order.qty}")
        queue.orders[order.order_id] = order
        self._queues[order.order_id] = queue
        if at >= len(keys) - LEVELS_HASHED:
            self._touched = True

    def _delete(self, order: OrderChange, queue: LevelQueue) -> None:
        """Remove an order: a cancel names the quantity that was left, a fill names zero."""
        held = queue.orders[order.order_id]
        if order.price != held.price or order.qty not in (0, held.qty):
            self._contradict(OTHER_NUMBERS, order)
        self._remove(order.order_id, queue)

    def _missed(self, order: OrderChange) -> None:
        """Handle a change or removal of an order that is not held.

        Either the order never came, or it was cut here with its level; the exchange should not
        report an order there, and has never been seen to.
        """
        keys, key = self._keys, self._sign * order.price
        if len(keys) < self.limit or (keys and key >= keys[0]):
            self._contradict(NOT_HELD, order)

    def _contradict(self, words: str, order: OrderChange) -> None:
        """Note a contradiction below the levels that the checksum covers; there it decides."""
        keys = self._keys
        unseen = len(keys) >= LEVELS_HASHED and self._sign * order.price < keys[-LEVELS_HASHED]
        if unseen and self.limit > LEVELS_HASHED:
            self.contradiction = (words, order.price)
            self._touched = True

    def _remove(self, order_id: str, queue: LevelQueue) -> None:
        if queue.side is not self.side:  # an impossible message names the other side
            self.opposite._remove(order_id, queue)  # noqa: SLF001
            self.opposite.disturbed = True
            return
        del self._queues[order_id], queue.orders[order_id]
        self._changed(queue)

    def _changed(self, queue: LevelQueue) -> None:
        """Update the digits of a level, or remove an empty one."""
        keys = self._keys
        at = bisect_left(keys, self._sign * queue.price)
        if at >= len(keys) - LEVELS_HASHED:
            self._touched = True
        if queue.orders:
            self._texts[at] = queue.digits()
        else:
            del keys[at], self._levels[at], self._texts[at]

    def _cut(self, depth: int) -> None:
        """Drop the levels below the best `depth` with all their orders.

        An order of this message that is among them is a contradiction: the exchange does not
        report orders there.
        """
        surplus = max(0, len(self._keys) - depth)
        for order in self._far:
            if self._sign * order.price in self._keys[:surplus]:
                self._contradict(BEYOND_DEPTH, order)
        self._far.clear()
        for queue in self._levels[:surplus]:
            for order_id in queue.orders:
                del self._queues[order_id]
        del self._keys[:surplus], self._levels[:surplus], self._texts[:surplus]
        self._touched |= depth < LEVELS_HASHED

    def __len__(self) -> int:
        """Return the number of price levels."""
        return len(self._keys)

    def __iter__(self) -> Iterator[LevelQueue]:
        """Iterate over the levels, best first."""
        return reversed(self._levels)

    def counts(self, edge: int) -> dict[int, int]:
        """Return the number of orders by price, from the best price to `edge`, both scaled."""
        found, last = dict[int, int](), self._sign * edge
        for queue in reversed(self._levels):
            if self._sign * queue.price < last:
                break
            found[queue.price] = len(queue.orders)
        return found

    def orders(self) -> Iterator[OrderChange]:
        """Iterate over every order: best level first, in queue order."""
        return chain.from_iterable(queue.orders.values() for queue in reversed(self._levels))

    def __getitem__(self, rank: int) -> LevelQueue:
        """Return the level of this rank; 0 is the best.

        Raises:
            IndexError: There are not that many levels.
        """
        if rank < 0:
            raise IndexError(rank)
        at = len(self._levels) - 1 - rank
        if at < 0:
            raise IndexError(rank)
        return self._levels[at]

    def at(self, price: int) -> LevelQueue | None:
        """Return the queue at a scaled price; None where there is no level."""
        key = self._sign * price
        at = bisect_left(self._keys, key)
        return self._levels[at] if at < len(self._keys) and self._keys[at] == key else None

    @property
    def best(self) -> Level | None:
        """The best price and its total quantity; None for an empty side."""
        return Level(self._levels[-1].price, self._levels[-1].qty) if self._levels else None


class L3Book(Book[OrderSide, L3Event]):
    """The orders at the best `depth` prices a side of one instrument; attributes as in `Book`."""

    __slots__ = ("_queues",)

    def __init__(self, symbol: str, precision: Precision, depth: int) -> None:
        self._queues: dict[str, LevelQueue] = {}
        bids, asks = OrderSide(Side.BID, self._queues), OrderSide(Side.ASK, self._queues)
        bids.opposite, asks.opposite = asks, bids
        super().__init__(symbol, precision, depth, (bids, asks), BookStats(symbol, "level3"))

    def apply(self, event: L3Snapshot | L3Update) -> bool:
        """Apply one message; return whether the book is verified after it."""
        bids, asks, depth = self.bids, self.asks, self.depth
        if type(event) is L3Snapshot:
            self._replace(event.bids, event.asks)
        else:
            # Most updates change one side; an impossible one may disturb the other.
            touched = bids.apply(event.bids, depth) if event.bids else False
            if event.asks and asks.apply(event.asks, depth):
                self._asks_crc = crc32(asks.digits)
                touched = True
            if bids.disturbed or asks.disturbed:
                self._cut(depth)
            elif touched:
                self.computed = crc32(bids.digits, self._asks_crc)
        self.last = event
        self.verified = (
            self.computed == event.checksum
            and bids.contradiction is None
            and asks.contradiction is None
        )
        return self.verified

    def _replace(self, bids: Iterable[OrderChange], asks: Iterable[OrderChange]) -> None:
        self._queues.clear()
        self.bids.replace(bids, self.depth)
        self.asks.replace(asks, self.depth)
        self._cut(self.depth)

    def set_depth(self, depth: int) -> None:
        """Cut to the depth in force, when the acknowledgement comes after its snapshot."""
        self.depth = depth
        self.set_limit(depth)
        self._cut(depth)

    def _cut(self, depth: int) -> None:
        for side in (self.bids, self.asks):
            side.apply((), depth)
            side.disturbed = False
        self._hash()

    def rescale(self, precision: Precision) -> None:
        """Hold the same orders in a wider precision."""
        by_price = 10 ** (precision.price - self.precision.price)
        by_qty = 10 ** (precision.qty - self.precision.qty)
        bids, asks = (
            [
                replace(order, action=ADD, price=order.price * by_price, qty=order.qty * by_qty)
                for order in side.orders()
            ]
            for side in (self.bids, self.asks)
        )
        self.precision = precision
        self._replace(bids, asks)

    def order(self, order_id: str) -> OrderChange | None:
        """Return a resting order as last reported; None when it is not held."""
        queue = self._queues.get(order_id)
        return queue.orders[order_id] if queue is not None else None

    def place(self, order_id: str) -> QueuePosition | None:
        """Return an order's place in its level: position, quantity and orders ahead."""
        queue = self._queues.get(order_id)
        return queue.place(order_id) if queue is not None else None

    def side_of(self, order_id: str) -> Side | None:
        """Return the side an order rests on; None when it is not held."""
        queue = self._queues.get(order_id)
        return queue.side if queue is not None else None

    def __len__(self) -> int:
        """Return the number of orders."""
        return len(self._queues)
