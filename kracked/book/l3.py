"""The level 3 book: every visible order, in queue order, by the exchange's own rules.

Depth counts price levels. A level pushed below it leaves without a word, with all its
orders, and comes back as adds carrying the orders' old timestamps. Array order is queue
order. Source: docs.kraken.com/api/docs/guides/spot-ws-l3-v2
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
"""Price levels a side the `level3` channel offers."""

TWICE = "an order came that was held already"
NOTHING_LEFT = "an order without quantity came"


class OrderSide:
    """One side's price levels; reads best first. Best level last inside, as in `BookSide`."""

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
        """Order id to its queue, shared by both sides of the book."""
        self._touched = False
        self._far: list[OrderChange] = []
        """Orders of this message that came too far away to be shown, unless a level goes yet."""
        self.disturbed = False
        """Whether the other side's events took an order from here."""
        self.digits = b""
        """This side's part of the text the checksum hashes; current after `apply`."""
        self.limit = 0
        """Levels the exchange shows of this side; 0 while nobody knows."""
        self.contradiction: tuple[str, int] | None = None
        """What an update said that cannot be true of these orders, and at which price."""

    def replace(self, orders: Iterable[OrderChange], depth: int) -> None:
        """Hold exactly these orders. The book has emptied the index they share."""
        self._keys, self._levels, self._texts, self._touched = [], [], [], True
        self.contradiction = None
        self.limit, limit = 0, self.limit  # the whole book comes at once, in any order
        for order in orders:  # whatever was last said of each, it rests
            known = self._queues.get(order.order_id)
            if known is not None:
                self._remove(order.order_id, known)
            self._add(order)
        self.limit = limit
        self.apply((), depth)

    def apply(self, changes: Iterable[OrderChange], depth: int) -> bool:
        """Take a side's order events in turn, then cut to `depth` levels.

        True when one of the levels that are hashed changed, or on a contradiction.
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
                    self._contradict(NOTHING_LEFT, change)
            else:  # a new price loses the place
                if action is ADD or known.side is not self.side:
                    side = self if known.side is self.side else self.opposite
                    side._contradict(TWICE, known.orders[change.order_id])  # noqa: SLF001
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
            self._contradict(NOTHING_LEFT, order)
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
        """Take it out; of a cancelled order all that was left goes, of a filled one nothing."""
        held = queue.orders[order.order_id]
        if order.price != held.price or order.qty not in (0, held.qty):
            self._contradict("an order went that was held with other numbers", order)
        self._remove(order.order_id, queue)

    def _missed(self, order: OrderChange) -> None:
        """An order that is not held changed or went: it never came, or was cut here with its level.

        The latter should be seen by the exchange as it is here, and never has been told.
        """
        keys, key = self._keys, self._sign * order.price
        if len(keys) < self.limit or (keys and key >= keys[0]):
            self._contradict("an order changed or went that was not held", order)

    def _contradict(self, words: str, order: OrderChange) -> None:
        """Note what cannot be, where the checksum does not see it: there alone it is the judge."""
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
        """Bring the digits of a level up to date, or take an empty one out."""
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

        The exchange would not have told of an order there.
        """
        surplus = max(0, len(self._keys) - depth)
        for order in self._far:
            if self._sign * order.price in self._keys[:surplus]:
                self._contradict("an order beyond the depth came", order)
        self._far.clear()
        for queue in self._levels[:surplus]:
            for order_id in queue.orders:
                del self._queues[order_id]
        del self._keys[:surplus], self._levels[:surplus], self._texts[:surplus]
        self._touched |= depth < LEVELS_HASHED

    def __len__(self) -> int:
        """How many price levels."""
        return len(self._keys)

    def __iter__(self) -> Iterator[LevelQueue]:
        """Best first."""
        return reversed(self._levels)

    def orders(self) -> Iterator[OrderChange]:
        """Every order: best level first, in queue order."""
        return chain.from_iterable(queue.orders.values() for queue in reversed(self._levels))

    def __getitem__(self, rank: int) -> LevelQueue:
        """The level of this rank; 0 is the best. Raises IndexError past the last."""
        if rank < 0:
            raise IndexError(rank)
        at = len(self._levels) - 1 - rank
        if at < 0:
            raise IndexError(rank)
        return self._levels[at]

    def at(self, price: int) -> LevelQueue | None:
        """The queue at this price."""
        key = self._sign * price
        at = bisect_left(self._keys, key)
        return self._levels[at] if at < len(self._keys) and self._keys[at] == key else None

    @property
    def best(self) -> Level | None:
        return Level(self._levels[-1].price, self._levels[-1].qty) if self._levels else None


class L3Book(Book[OrderSide, L3Event]):
    """One instrument's orders at the best `depth` prices a side; what it tells is in `Book`."""

    __slots__ = ("_queues",)

    def __init__(self, symbol: str, precision: Precision, depth: int) -> None:
        self._queues: dict[str, LevelQueue] = {}
        bids, asks = OrderSide(Side.BID, self._queues), OrderSide(Side.ASK, self._queues)
        bids.opposite, asks.opposite = asks, bids
        super().__init__(symbol, precision, depth, (bids, asks), BookStats(symbol, "level3"))

    def apply(self, event: L3Snapshot | L3Update) -> bool:
        """Take one message; True when it fits the book, which then has the stated checksum."""
        bids, asks, depth = self.bids, self.asks, self.depth
        if type(event) is L3Snapshot:
            self._replace(event.bids, event.asks)
        else:
            # Most updates touch one side, and an impossible one both.
            touched = bids.apply(event.bids, depth) if event.bids else False
            if event.asks and asks.apply(event.asks, depth):
                self._asks_crc = crc32(asks.digits)
                touched = True
            if touched:
                self.computed = crc32(bids.digits, self._asks_crc)
                if bids.disturbed or asks.disturbed:
                    self._cut(depth)
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
        self._hash()

    def set_depth(self, depth: int) -> None:
        """The depth in force, when the acknowledgement comes after its snapshot."""
        self.depth = depth
        self.set_limit(depth)
        self._cut(depth)

    def _cut(self, depth: int) -> None:
        for side in (self.bids, self.asks):
            side.apply((), depth)
            side.disturbed = False
        self._hash()

    def rescale(self, precision: Precision) -> None:
        """The same orders in a wider precision."""
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
        """A resting order as last reported."""
        queue = self._queues.get(order_id)
        return queue.orders[order_id] if queue is not None else None

    def place(self, order_id: str) -> QueuePosition | None:
        """Its place in its level: position, quantity and orders ahead."""
        queue = self._queues.get(order_id)
        return queue.place(order_id) if queue is not None else None

    def side_of(self, order_id: str) -> Side | None:
        queue = self._queues.get(order_id)
        return queue.side if queue is not None else None

    def __len__(self) -> int:
        """How many orders."""
        return len(self._queues)
