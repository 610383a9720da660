"""The level 3 book: every visible order, in queue order, by the exchange's own rules.

Depth counts price levels. A level pushed below it leaves without a word, with all its
orders, and comes back as adds carrying the orders' old timestamps. Array order is queue
order. Source: docs.kraken.com/api/docs/guides/spot-ws-l3-v2
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from zlib import crc32

from kracked.book.checksum import LEVELS_HASHED
from kracked.book.queue import LevelQueue, Place
from kracked.book.tally import Tally
from kracked.instruments import Precision
from kracked.protocol.events import (
    Level,
    OrderAction,
    OrderChange,
    OrdersSnapshot,
    OrdersUpdate,
    Side,
)

ADD, MODIFY, DELETE = OrderAction.ADD, OrderAction.MODIFY, OrderAction.DELETE

DEPTHS = (10, 100, 1000)
"""Price levels a side the `level3` channel offers."""


class OrderSide:
    """One side's price levels; reads best first. Best level last inside, as in `BookSide`."""

    __slots__ = ("_keys", "_levels", "_queues", "_sign", "opposite", "side", "touched")

    def __init__(self, side: Side, queues: dict[str, LevelQueue]) -> None:
        self.side = side
        self.opposite = self
        self._sign = 1 if side is Side.BID else -1
        self._keys: list[int] = []
        self._levels: list[LevelQueue] = []
        self._queues = queues
        """Order id to its queue, shared by both sides of the book."""
        self.touched = False
        """Whether a level that is hashed changed since the book last asked."""

    def replace(self, orders: Iterable[OrderChange]) -> None:
        self._keys, self._levels, self.touched = [], [], True
        self.apply(orders)

    def apply(self, changes: Iterable[OrderChange]) -> int:
        """Take a side's order events in turn.

        The number of strays among them: about an order that is not here, or an add of one
        that is. Neither happens in a right book; the checksum decides.
        """
        queues, strays = self._queues, 0
        for change in changes:
            known = queues.get(change.order_id)
            action = change.action
            if known is None:
                if action is ADD:
                    self._add(change)
                else:
                    strays += 1
            elif action is DELETE:
                self._remove(change.order_id, known)
            elif action is MODIFY and known.price == change.price and known.side is self.side:
                known.put(change)
                self._touch(known)
            else:  # a new price loses the place
                strays += action is ADD
                self._remove(change.order_id, known)
                self._add(change)
        return strays

    def _add(self, order: OrderChange) -> None:
        key = self._sign * order.price
        keys, levels = self._keys, self._levels
        at = bisect_left(keys, key)
        if at < len(keys) and keys[at] == key:
            queue = levels[at]
        else:
            queue = LevelQueue(self.side, order.price)
            keys.insert(at, key)
            levels.insert(at, queue)
        queue.put(order)
        self._queues[order.order_id] = queue
        if at >= len(keys) - LEVELS_HASHED:
            self.touched = True

    def _remove(self, order_id: str, queue: LevelQueue) -> None:
        if queue.side is not self.side:  # an impossible message names the other side
            self.opposite._remove(order_id, queue)  # noqa: SLF001
            return
        self._touch(queue)
        del self._queues[order_id]
        queue.remove(order_id)
        if not queue.orders:
            at = bisect_left(self._keys, self._sign * queue.price)
            del self._keys[at], self._levels[at]

    def _touch(self, queue: LevelQueue) -> None:
        """Note a change of this level, before it may be gone."""
        keys = self._keys
        if len(keys) <= LEVELS_HASHED or self._sign * queue.price >= keys[-LEVELS_HASHED]:
            self.touched = True

    def cut(self, depth: int) -> None:
        """Drop the levels below the best `depth` with all their orders."""
        surplus = len(self._keys) - depth
        if surplus > 0:
            for queue in self._levels[:surplus]:
                for order_id in queue.orders:
                    del self._queues[order_id]
            del self._keys[:surplus], self._levels[:surplus]
            self.touched |= depth < LEVELS_HASHED

    def digits(self) -> bytes:
        """This side's part of the text the checksum hashes."""
        best = self._levels[: -LEVELS_HASHED - 1 : -1]
        return "".join([queue.digits or queue.join() for queue in best]).encode()

    def __len__(self) -> int:
        """How many price levels."""
        return len(self._keys)

    def __iter__(self) -> Iterator[LevelQueue]:
        """Best first."""
        return reversed(self._levels)

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


class L3Book:
    """One instrument's orders at the best `depth` prices a side.

    Only its keeper changes it. `verified` as in `L2Book`.
    """

    __slots__ = (
        "_asks_crc",
        "_bids_digits",
        "_queues",
        "asks",
        "bids",
        "computed",
        "depth",
        "last",
        "precision",
        "strays",
        "symbol",
        "tally",
        "verified",
    )

    def __init__(self, symbol: str, precision: Precision, depth: int) -> None:
        self.symbol = symbol
        self.precision = precision
        self.depth = depth
        self._queues: dict[str, LevelQueue] = {}
        self.bids = OrderSide(Side.BID, self._queues)
        self.asks = OrderSide(Side.ASK, self._queues)
        self.bids.opposite, self.asks.opposite = self.asks, self.bids
        self.verified = False
        self.last: OrdersSnapshot | OrdersUpdate | None = None
        """The message applied last."""
        self.computed = 0
        """What the orders held hash to."""
        self._asks_crc = 0
        self._bids_digits = b""
        self.tally = Tally(symbol, "level3")
        self.strays = 0
        """Events about orders that were not here, or were here already."""

    def apply(self, event: OrdersSnapshot | OrdersUpdate) -> bool:
        """Take one message; True when the book then has the stated checksum."""
        bids, asks = self.bids, self.asks
        if type(event) is OrdersSnapshot:
            self._replace(event.bids, event.asks)
        else:
            if event.bids:
                self.strays += bids.apply(event.bids)
            if event.asks:
                self.strays += asks.apply(event.asks)
        if len(bids) > self.depth or len(asks) > self.depth:
            bids.cut(self.depth)
            asks.cut(self.depth)
        if bids.touched or asks.touched:
            self._hash()
        self.last = event
        self.verified = self.computed == event.checksum
        return self.verified

    def _replace(self, bids: Iterable[OrderChange], asks: Iterable[OrderChange]) -> None:
        self._queues.clear()
        self.bids.replace(bids)
        self.asks.replace(asks)

    def _hash(self) -> None:
        """Join the digits again of whichever side changed."""
        if self.asks.touched:
            self.asks.touched = False
            self._asks_crc = crc32(self.asks.digits())
        if self.bids.touched:
            self.bids.touched = False
            self._bids_digits = self.bids.digits()
        self.computed = crc32(self._bids_digits, self._asks_crc)

    def set_depth(self, depth: int) -> None:
        """The depth in force, when the acknowledgement comes after its snapshot."""
        self.depth = depth
        self.bids.cut(depth)
        self.asks.cut(depth)

    def rescale(self, precision: Precision) -> None:
        """The same orders in a wider precision."""
        self.precision, was = precision, self.precision
        bids, asks = (
            [_rescaled(order, was, precision) for queue in side for order in queue]
            for side in (self.bids, self.asks)
        )
        self._replace(bids, asks)
        self._hash()

    def order(self, order_id: str) -> OrderChange | None:
        """A resting order as last reported."""
        queue = self._queues.get(order_id)
        return queue.orders[order_id] if queue is not None else None

    def place(self, order_id: str) -> Place | None:
        """Its place in its level: position, quantity and orders ahead."""
        queue = self._queues.get(order_id)
        return queue.place(order_id) if queue is not None else None

    def side_of(self, order_id: str) -> Side | None:
        queue = self._queues.get(order_id)
        return queue.side if queue is not None else None

    def side(self, side: Side) -> OrderSide:
        return self.bids if side is Side.BID else self.asks

    def __len__(self) -> int:
        """How many orders."""
        return len(self._queues)

    @property
    def checksum(self) -> int:
        """What the exchange stated last."""
        return self.last.checksum if self.last else 0

    @property
    def exchange_time(self) -> int | None:
        """The exchange's time of the last message, ns since the Unix epoch."""
        return self.last.exchange_time if self.last else None

    @property
    def received(self) -> int:
        """When the last message arrived, ns since the Unix epoch; 0 before the first."""
        return self.last.received if self.last else 0

    @property
    def best_bid(self) -> Level | None:
        return self.bids.best

    @property
    def best_ask(self) -> Level | None:
        return self.asks.best

    @property
    def spread(self) -> int | None:
        """Best ask minus best bid, scaled; None while a side is empty."""
        bid, ask = self.best_bid, self.best_ask
        return ask.price - bid.price if bid and ask else None


def _rescaled(order: OrderChange, was: Precision, now: Precision) -> OrderChange:
    return OrderChange(
        ADD,
        order.order_id,
        order.price * 10 ** (now.price - was.price),
        order.qty * 10 ** (now.qty - was.qty),
        order.timestamp,
    )
