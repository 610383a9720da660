"""The place in the queue that an order will get, or keep: predicted, then measured. Pure.

The rule is the exchange's: a new order joins the back; of an amended one a smaller quantity keeps
the place, a larger one or another price goes to the back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kracked.instruments import Precision
from kracked.protocol.events import Side
from kracked.protocol.order_terms import OrderType
from kracked_tui.view.queue.own_place import exact, ordinal
from kracked_tui.view.ticket.post_only import crosses
from kracked_tui.view.ticket.ticket import AT_ONCE, Ticket, TicketMarket

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


def joining(ticket: Ticket, market: TicketMarket, book: L3Book | None) -> Effect:
    """Predict the place of a new order that will rest: the back of the queue at its price.

    Args:
        ticket: The ticket.
        market: The market it is written against.
        book: The level 3 book; None without one, when the quantity ahead is all that is known.
    """
    rests = ticket.order_type in (OrderType.LIMIT, OrderType.ICEBERG)
    if ticket.amends or not rests or ticket.time_in_force in AT_ONCE or crosses(ticket, market):
        return Effect()
    precision = market.instrument.precision
    at = f"at {precision.price_text(ticket.price)}"
    if book is None or not book.verified:
        levels = (market.bids if ticket.side is Side.BID else market.asks) or ()
        if not market.verified or not levels or _beyond(ticket, levels[-1][0]):
            return Effect()
        ahead = next((qty for price, qty in levels if price == ticket.price), 0)
        return Effect(f"joins {at}, {exact(ahead, precision)} ahead; place not known")
    side = book.side(ticket.side)
    full = len(side) >= book.depth  # beyond it there may be orders that nobody told
    if full and _beyond(ticket, side[len(side) - 1].price):
        return Effect(f"rests {at}, below the {book.depth} levels in view: place not known")
    queue = side.at(ticket.price)
    place = 1 + (len(queue) if queue else 0)
    ahead_qty = queue.qty if queue else 0
    ahead_text = f"{exact(ahead_qty, precision)} ahead" if ahead_qty else "at the front"
    words = f"joins as {ordinal(place)} of {place} {at}, {ahead_text}"
    return Effect(words, position=place, of=place)


def _beyond(ticket: Ticket, last: int) -> bool:
    """Whether the ticket's price is worse than the last one known of its side."""
    return ticket.price < last if ticket.side is Side.BID else ticket.price > last


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
    level = book.side(ticket.side).at(price)
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
