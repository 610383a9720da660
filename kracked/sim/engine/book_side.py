"""One side of the engine's book: orders in queues, queues in levels, levels by price.

Each price has a *rank*, larger is better on both sides: a bid's rank is its price, an
ask's is its price negated. So one sorted list with the best at its end serves both
sides, and two orders of opposite sides cross when their ranks sum to zero or more.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator

import msgspec

from kracked.protocol.events import Level, Side
from kracked.protocol.order_terms import SelfTrade
from kracked.sim.engine.orders import OpenOrder, TakerType


class RestingOrder(msgspec.Struct, gc=False):
    """An order while the engine works on it: the one mutable record of it."""

    order_id: str
    side: Side
    price: int | None
    rank: int
    left: int
    filled: int
    visible: int
    display: int | None
    entered: int
    expire_at: int | None
    owner: str
    stp: SelfTrade

    @property
    def kind(self) -> TakerType:
        return TakerType.MARKET if self.price is None else TakerType.LIMIT

    def slice(self) -> int:
        """What the order shows when it (re-)enters the book."""
        return self.left if self.display is None else min(self.display, self.left)

    def as_it_stands(self) -> OpenOrder:
        """A frozen copy. Only for an order that rests, and so has a price."""
        assert self.price is not None
        return OpenOrder(
            self.order_id,
            self.side,
            self.price,
            self.left,
            self.filled,
            self.visible,
            self.display,
            self.entered,
            self.expire_at,
            self.owner,
            self.stp,
        )


class OrderQueue:
    """The orders of one price, first to fill first."""

    __slots__ = ("orders", "total")

    def __init__(self) -> None:
        self.orders: dict[str, RestingOrder] = {}
        self.total = 0
        """Visible quantity of all of them."""


class EngineSide:
    """The levels of one side, best last."""

    __slots__ = ("queues", "ranks", "sign")

    def __init__(self, side: Side) -> None:
        self.sign = 1 if side is Side.BID else -1
        self.ranks: list[int] = []
        self.queues: dict[int, OrderQueue] = {}

    def join(self, order: RestingOrder) -> None:
        """Put the order at the back of its level, which is made if need be."""
        queue = self.queues.get(order.rank)
        if queue is None:
            queue = self.queues[order.rank] = OrderQueue()
            insort(self.ranks, order.rank)
        queue.orders[order.order_id] = order
        queue.total += order.visible

    def leave(self, order: RestingOrder) -> None:
        """Take the order out of its level, and the level out of the book when empty."""
        queue = self.queues[order.rank]
        del queue.orders[order.order_id]
        queue.total -= order.visible
        if not queue.orders:
            del self.queues[order.rank]
            del self.ranks[bisect_left(self.ranks, order.rank)]

    def shrink(self, order: RestingOrder, visible: int) -> None:
        """Change what the order shows, in place."""
        self.queues[order.rank].total += visible - order.visible
        order.visible = visible

    @property
    def best(self) -> int | None:
        """The best price; None when the side is empty."""
        return self.ranks[-1] * self.sign if self.ranks else None

    def queue_at(self, price: int) -> OrderQueue | None:
        return self.queues.get(price * self.sign)

    def first(self) -> RestingOrder:
        """The first to fill. The side must not be empty."""
        return next(iter(self.queues[self.ranks[-1]].orders.values()))

    def crossed_by(self, rank: int | None) -> bool:
        """Whether an order of the other side at `rank` (None: at any price) would trade."""
        return bool(self.ranks) and (rank is None or self.ranks[-1] + rank >= 0)

    def best_first(self) -> Iterator[RestingOrder]:
        for rank in reversed(self.ranks):
            yield from self.queues[rank].orders.values()

    def level_at(self, position: int) -> Level | None:
        """The level with `position` better ones before it."""
        if position >= len(self.ranks):
            return None
        rank = self.ranks[-1 - position]
        return Level(rank * self.sign, self.queues[rank].total)

    def position(self, price: int) -> int:
        """How many levels are better than `price`."""
        ranks = self.ranks
        return len(ranks) - bisect_left(ranks, price * self.sign + 1)

    def levels(self) -> Iterator[Level]:
        for rank in reversed(self.ranks):
            yield Level(rank * self.sign, self.queues[rank].total)
