"""The place of an own order in the queue at its price, as every pane tells it. Pure.

There is one of these for each open order and frame. The ladder, the queue and the list of
orders write it shorter or longer, and never count again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
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
    bounded: bool = False
    """Whether level 2 alone bounds it: no position is known, and `qty_ahead` is the least."""
    most: int | None = None
    """The most that is ahead of a bounded one; None while its level is not in view."""

    @property
    def short(self) -> str:
        """The place as ``4/6``; a question mark for a bounded one."""
        return "?" if self.bounded else f"{self.position}/{self.of}"

    def words(self, precision: Precision) -> str:
        """Write the whole of it: ``4th of 6 at 62882.0, 0.107 ahead``."""
        price = precision.price_text(self.price)
        if self.bounded:
            return f"at {price}, {self.ahead(precision)}"
        return f"{ordinal(self.position)} of {self.of} at {price}, {self.ahead(precision)}"

    def ahead(self, precision: Precision) -> str:
        """Write the quantity that fills before: ``0.107 ahead``, or ``at the front``."""
        if self.bounded:
            ahead = "at the front" if self.most == 0 else f"{self.amounts(precision)} ahead"
            return f"{ahead} by level 2"
        return f"{exact(self.qty_ahead, precision)} ahead" if self.qty_ahead else "at the front"

    def amounts(self, precision: Precision) -> str:
        """Write the quantity alone: ``0.107``, ``front``, or bounds ``0 to 0.107``."""
        least = exact(self.qty_ahead, precision)
        if not self.bounded:
            return least if self.qty_ahead else "front"
        if self.most is None:
            return f"{least} or more"
        return least if self.most == self.qty_ahead else f"{least} to {exact(self.most, precision)}"


PaperPlace = Callable[[str], "tuple[int, QueuePosition] | None"]
"""The price and place of an order on paper, by its id."""


def own_places(
    orders: Iterable[OwnOrder],
    books: Mapping[str, L3Book],
    paper: PaperPlace | None = None,
    precisions: Mapping[str, Precision] = MappingProxyType({}),
) -> dict[str, OwnPlace]:
    """Return the places of open orders by order id.

    Args:
        orders: The open orders.
        books: The level 3 books in which real orders rest.
        paper: The places of orders on paper, which rest in no book.
        precisions: The decimals by symbol, for places that reports of the account bound.
    """
    found = {}
    for order in orders:
        stands = paper(order.order_id) if paper is not None else None
        if stands is not None:
            price, here = stands
            found[order.order_id] = OwnPlace(price, here.position, here.of, here.qty_ahead)
            continue
        bounds = _bounded(order, precisions.get(order.symbol))
        if bounds is not None:
            found[order.order_id] = bounds
        if bounds is not None or paper is not None:
            continue
        book = books.get(order.symbol)
        place = book.place(order.order_id) if book is not None else None
        resting = book.order(order.order_id) if book is not None else None
        if place is not None and resting is not None:
            found[order.order_id] = OwnPlace(
                resting.price, place.position, place.of, place.qty_ahead, order.order_id
            )
    return found


def _bounded(order: OwnOrder, precision: Precision | None) -> OwnPlace | None:
    """Return a place that the account's reports bound; None where they tell none."""
    told = order.queue_place
    if told is None or precision is None or told.limit_price is None:
        return None
    least, most = told.qty_ahead_least, told.qty_ahead_most
    return OwnPlace(
        int(told.limit_price.scaleb(precision.price)),
        position=0,
        of=0,
        qty_ahead=int((least or 0) * 10**precision.qty),
        order_id=order.order_id,
        bounded=True,
        most=None if most is None else int(most.scaleb(precision.qty)),
    )


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
