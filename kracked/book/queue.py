"""One price level of a level 3 book: its orders in queue order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kracked.protocol.events import OrderChange, Side


class QueuePosition(NamedTuple):
    """The place of an order in the queue of its level. Quantities are scaled."""

    position: int
    """1 is first to fill."""
    of: int
    """Orders at the level, this one included."""
    qty_ahead: int
    orders_ahead: int
    level_qty: int


class LevelQueue:
    """The resting orders at one price, first to fill first.

    A dict holds the queue: an order joins at its end, and one that is changed in place keeps
    its place.

    Attributes:
        side: Bids or asks.
        price: The price of the level, scaled.
        orders: The orders by id, in queue order.
    """

    __slots__ = ("orders", "price", "side")

    def __init__(self, side: Side, price: int) -> None:
        self.side = side
        self.price = price
        self.orders: dict[str, OrderChange] = {}

    def digits(self) -> str:
        """Return the level's part of the checksum's text: price and quantity of each order."""
        price = self.price
        return "".join([f"{price}{order.qty}" for order in self.orders.values()])

    @property
    def qty(self) -> int:
        """The visible quantity at this price, scaled."""
        return sum(order.qty for order in self.orders.values())

    def place(self, order_id: str) -> QueuePosition:
        """Return the place of an order.

        Raises:
            KeyError: The order does not rest here.
        """
        ahead = 0
        for position, order in enumerate(self.orders.values(), 1):
            if order.order_id == order_id:
                return QueuePosition(position, len(self.orders), ahead, position - 1, self.qty)
            ahead += order.qty
        raise KeyError(order_id)

    def __len__(self) -> int:
        return len(self.orders)

    def __iter__(self) -> Iterator[OrderChange]:
        """Iterate over the orders in queue order."""
        return iter(self.orders.values())
