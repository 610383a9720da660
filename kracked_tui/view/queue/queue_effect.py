"""What an amend does to an order's place in the queue: foretold before, measured after. Pure.

The rule is the exchange's own: a smaller quantity keeps the place, a larger one or
another price goes to the back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kracked.instruments import Precision
from kracked_tui.view.ticket.ticket import Ticket

if TYPE_CHECKING:
    from kracked.book.l3 import L3Book
    from kracked.book.queue import QueuePosition


class Effect(NamedTuple):
    """What is to be expected."""

    words: str = ""
    loses: bool = False
    """The place in the queue."""
    position: int = 0
    """Where it will stand; 0 while that is not known."""
    of: int = 0

    @property
    def place(self) -> str:
        """``4/6``."""
        return f"{self.position}/{self.of}" if self.position else ""


def effect_of(
    ticket: Ticket, keeps: bool | None, book: L3Book | None, precision: Precision
) -> Effect:
    """`keeps`: whether the exchange leaves the order where it is; None of a closed one."""
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
    """What came of it beside what was foretold: the words, and `good` or `warn`.

    Those ahead may have gone meanwhile: a place that is better than foretold is kept too.
    """
    at = f"{place.position}/{place.of}"
    foretold = f", predicted {effect.place}" if effect.place else ""
    if effect.loses:
        return f"went to {at}{foretold}", "good"
    if effect.position and place.position > effect.position:
        return f"LOST its place: at {at}{foretold}", "warn"
    return f"kept {at}{foretold if at != effect.place else ''}", "good"
