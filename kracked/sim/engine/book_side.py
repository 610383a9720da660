"""One side of the engine's book: orders in queues, one queue per price.

Each price has a *rank*; a larger one is better on both sides: a bid's rank is its price, an
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
    """The engine's one mutable record of an order."""

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
    def taker_type(self) -> TakerType:
        """The type that trades report when the order takes."""
        return TakerType.MARKET if self.price is None else TakerType.LIMIT

    def part_to_show(self) -> int:
        """Return what the order shows when it enters the book, or enters it again."""
        return self.left if self.display is None else min(self.display, self.left)

    def frozen(self) -> OpenOrder:
        """Return a frozen copy; only of an order that rests, and so has a price."""
        assert self.price is not None
        return OpenOrder(
            order_id=self.order_id,
            side=self.side,
            price=self.price,
            left=self.left,
            filled=self.filled,
            visible_qty=self.visible,
            display_qty=self.display,
            entered=self.entered,
            expire_at=self.expire_at,
            owner=self.owner,
            stp=self.stp,
        )


class OrderQueue:
    """The orders of one price, in queue order."""

    __slots__ = ("orders", "total")

    def __init__(self) -> None:
        self.orders: dict[str, RestingOrder] = {}
        self.total = 0
        """The visible quantity of all of them."""


class EngineSide:
    """The levels of one side, sorted with the best last."""

    __slots__ = ("queues", "ranks", "sign")

    def __init__(self, side: Side) -> None:
        self.sign = 1 if side is Side.BID else -1
        self.ranks: list[int] = []
        self.queues: dict[int, OrderQueue] = {}

    def join(self, order: RestingOrder) -> None:
        """Put an order at the back of its level; make the level if there is none."""
        queue = self.queues.get(order.rank)
        if queue is None:
            queue = self.queues[order.rank] = OrderQueue()
            insort(self.ranks, order.rank)
        queue.orders[order.order_id] = order
        queue.total += order.visible

    def leave(self, order: RestingOrder) -> None:
        """Take an order out of its level, and the level out of the book when it is empty."""
        queue = self.queues[order.rank]
        del queue.orders[order.order_id]
        queue.total -= order.visible
        if not queue.orders:
            del self.queues[order.rank]
            del self.ranks[bisect_left(self.ranks, order.rank)]

    def shrink(self, order: RestingOrder, visible: int) -> None:
        """Change what an order shows, in place."""
        self.queues[order.rank].total += visible - order.visible
        order.visible = visible

    @property
    def best(self) -> int | None:
        """The best price; None when the side is empty."""
        return self.ranks[-1] * self.sign if self.ranks else None

    def queue_at(self, price: int) -> OrderQueue | None:
        """Return the queue of a price; None when there is no such level."""
        return self.queues.get(price * self.sign)

    def first(self) -> RestingOrder:
        """Return the order that is first to fill. The side must not be empty."""
        return next(iter(self.queues[self.ranks[-1]].orders.values()))

    def crossed_by(self, rank: int | None) -> bool:
        """Whether an order of the other side would trade; a rank of None takes any price."""
        return bool(self.ranks) and (rank is None or self.ranks[-1] + rank >= 0)

    def orders(self) -> Iterator[RestingOrder]:
        """Iterate all orders in the order they fill."""
        for rank in reversed(self.ranks):
            yield from self.queues[rank].orders.values()

    def level_at(self, position: int) -> Level | None:
        """Return the level with `position` better ones before it; None if there is none."""
        if position >= len(self.ranks):
            return None
        rank = self.ranks[-1 - position]
        return Level(rank * self.sign, self.queues[rank].total)

    def levels(self) -> Iterator[Level]:
        """Iterate the levels, best first."""
        for rank in reversed(self.ranks):
            yield Level(rank * self.sign, self.queues[rank].total)
