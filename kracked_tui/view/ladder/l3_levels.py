"""A level 3 book seen by its levels: what a ladder needs where there is no level 2 book."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from kracked.book.l3 import L3Book, OrderSide
from kracked.instruments import Precision
from kracked.protocol.events import Level


class LevelSide:
    """One side's levels, best first; summed as they are asked for."""

    def __init__(self, side: OrderSide) -> None:
        self._side = side

    @property
    def best(self) -> Level | None:
        return self._side.best

    def top(self, count: int) -> list[Level]:
        return list(islice(self, count))

    def __iter__(self) -> Iterator[Level]:
        return (Level(queue.price, queue.qty) for queue in self._side)


class LevelBook:
    """Reads the book of orders below it and keeps nothing; made anew for every look."""

    def __init__(self, orders: L3Book) -> None:
        self._orders = orders
        self.bids, self.asks = LevelSide(orders.bids), LevelSide(orders.asks)

    @property
    def precision(self) -> Precision:
        return self._orders.precision

    @property
    def depth(self) -> int:
        return self._orders.depth

    @property
    def verified(self) -> bool:
        return self._orders.verified

    @property
    def best_bid(self) -> Level | None:
        return self._orders.best_bid

    @property
    def best_ask(self) -> Level | None:
        return self._orders.best_ask

    @property
    def spread(self) -> int | None:
        return self._orders.spread

    @property
    def exchange_time(self) -> int | None:
        return self._orders.exchange_time

    @property
    def received(self) -> int:
        return self._orders.received
