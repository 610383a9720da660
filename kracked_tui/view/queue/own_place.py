"""The place of an own order in the queue at its price, as every pane tells it. Pure.

There is one of these for each open order and frame. The ladder, the queue and the list of
orders write it shorter or longer, and never count again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from kracked.instruments import Precision
from kracked.protocol.own_orders import OwnOrder

if TYPE_CHECKING:
    from kracked.book.l3 import L3Book
    from kracked.book.queue import QueuePosition


class OwnPlace(NamedTuple):
    """A place among the orders of one price. Price and quantity are scaled."""

    price: int
    position: int
    """1 is first to fill."""
    of: int
    """Orders at the price, this one included."""
    qty_ahead: int
    order_id: str = ""

    @property
    def short(self) -> str:
        """The place as ``4/6``."""
        return f"{self.position}/{self.of}"

    def words(self, precision: Precision) -> str:
        """Write the whole of it: ``4th of 6 at 62882.0, 0.107 ahead``."""
        price = precision.price_text(self.price)
        return f"{ordinal(self.position)} of {self.of} at {price}, {self.ahead(precision)}"

    def ahead(self, precision: Precision) -> str:
        """Write the quantity that fills before: ``0.107 ahead``, or ``at the front``."""
        return f"{exact(self.qty_ahead, precision)} ahead" if self.qty_ahead else "at the front"


PaperPlace = Callable[[str], "tuple[int, QueuePosition] | None"]
"""The price and place of an order on paper, by its id."""


def own_places(
    orders: Iterable[OwnOrder], books: Mapping[str, L3Book], paper: PaperPlace | None = None
) -> dict[str, OwnPlace]:
    """Return the places of open orders by order id.

    Args:
        orders: The open orders.
        books: The level 3 books in which real orders rest.
        paper: The places of orders on paper, which rest in no book.
    """
    found = {}
    for order in orders:
        if paper is not None:
            if (stands := paper(order.order_id)) is not None:
                price, here = stands
                found[order.order_id] = OwnPlace(price, here.position, here.of, here.qty_ahead)
            continue
        book = books.get(order.symbol)
        place = book.place(order.order_id) if book is not None else None
        resting = book.order(order.order_id) if book is not None else None
        if place is not None and resting is not None:
            found[order.order_id] = OwnPlace(
                resting.price, place.position, place.of, place.qty_ahead, order.order_id
            )
    return found


def ordinal(number: int) -> str:
    """Write a place in words.

    >>> [ordinal(number) for number in (1, 2, 3, 4, 11, 112, 23)]
    ['1st', '2nd', '3rd', '4th', '11th', '112th', '23rd']
    """
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if 10 <= number % 100 <= 20 else ending}"


def exact(qty: int, precision: Precision) -> str:
    """Write a quantity with every digit it has, and no zeros after them.

    >>> exact(10_700_000, Precision(1, 8)), exact(300, Precision(1, 0))
    ('0.107', '300')
    """
    text = precision.qty_text(qty)
    return text.rstrip("0").rstrip(".") if "." in text else text
