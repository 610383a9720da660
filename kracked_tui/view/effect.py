"""What an amend would do to an order's place in the queue, before it is sent. Pure.

The rule is the exchange's own: a smaller quantity keeps the place, a larger one or
another price goes to the back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kracked.instruments import Precision
from kracked_tui.view.ticket import Ticket

if TYPE_CHECKING:
    from kracked.book.l3 import L3Book


def effect_of(
    ticket: Ticket, keeps: bool | None, book: L3Book | None, precision: Precision
) -> tuple[str, bool]:
    """The effect in words, and whether a place is lost. `keeps` is None of a closed order."""
    if keeps is None:
        return "This order is not open any more.", True
    place = book.place(ticket.amends) if book else None
    now = f" {place.position}/{place.of}" if place else ""
    if keeps:
        return f"keeps place{now}", False
    price = ticket.prices[1] or ticket.prices[0] or 0
    at = f" at {precision.price_text(price)}"
    before = f", from{now}" if now else ""
    if book is None or place is None:
        return f"goes to the tail{at}{before}", True
    level = next((queue for queue in book.side(ticket.side) if queue.price == price), None)
    others = 0 if level is None else len(level) - (ticket.amends in level.orders)
    return f"goes to the tail {others + 1}/{others + 1}{at}{before}", True
