"""The effect of an amend on an order's place in the queue: predicted, then measured. Pure.

The rule is the exchange's: a smaller quantity keeps the place, a larger one or another price
goes to the back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kracked.instruments import Precision
from kracked_tui.view.ticket.ticket import Ticket

if TYPE_CHECKING:
    from kracked.book.l3 import L3Book
    from kracked.book.queue import QueuePosition


class Effect(NamedTuple):
    """The predicted effect."""

    words: str = ""
    loses: bool = False
    """Whether the order loses its place."""
    position: int = 0
    """Its place afterwards; 0 where that is not known."""
    of: int = 0
    """The number of orders at the price afterwards."""

    @property
    def place(self) -> str:
        """The place as ``4/6``; empty where it is not known."""
        return f"{self.position}/{self.of}" if self.position else ""


def effect_of(
    ticket: Ticket, keeps: bool | None, book: L3Book | None, precision: Precision
) -> Effect:
    """Predict the effect of an amending ticket.

    Args:
        ticket: The ticket.
        keeps: Whether the exchange leaves the order in its place; None for a closed order.
        book: The level 3 book; None without one.
        precision: Decimals of the instrument.
    """
    if keeps is None:
        return Effect("This order is not open any more.", loses=True)
    place = book.place(ticket.amends) if book else None
    now = f" {place.position}/{place.of}" if place else ""
    if keeps:
        position, of = (place.position, place.of) if place else (0, 0)
        return Effect(f"keeps place{now}", position=position, of=of)
    price = ticket.prices[1] or ticket.prices[0] or 0
    at = f" at {precision.price_text(price)}"
    before = f", from{now}" if now else ""
    if book is None or place is None:
        return Effect(f"goes to the tail{at}{before}", loses=True)
    level = next((queue for queue in book.side(ticket.side) if queue.price == price), None)
    tail = 1 + (0 if level is None else len(level) - (ticket.amends in level.orders))
    return Effect(f"goes to the tail {tail}/{tail}{at}{before}", loses=True, position=tail, of=tail)


def measured(effect: Effect, place: QueuePosition) -> tuple[str, str]:
    """Compare the measured place with the prediction. Returns the words, and `good` or `warn`.

    Orders ahead may have gone meanwhile: a place better than predicted counts as kept.
    """
    at = f"{place.position}/{place.of}"
    predicted = f", predicted {effect.place}" if effect.place else ""
    if effect.loses:
        return f"went to {at}{predicted}", "good"
    if effect.position and place.position > effect.position:
        return f"LOST its place: at {at}{predicted}", "warn"
    return f"kept {at}{predicted if at != effect.place else ''}", "good"
