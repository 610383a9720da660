"""Whether a limit order would trade at once, and where a post-only one rests instead. Pure.

A sale opened on a bid would take that bid, which a post-only order must not. It is then
put at the best price of its own side, and the ticket says so; post-only off brings the
price that was meant back, and the ticket says that it takes liquidity.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from kracked.instruments import Precision
from kracked.protocol.events import Side
from kracked.protocol.order_terms import OrderType
from kracked_tui.view.ticket.ticket import Ticket


class BestPrices(NamedTuple):
    """Best prices, scaled; None where a side is empty."""

    bid: int | None = None
    ask: int | None = None

    def own(self, side: Side) -> int | None:
        return self.bid if side is Side.BID else self.ask

    def opposite(self, side: Side) -> int | None:
        return self.ask if side is Side.BID else self.bid


def crosses(ticket: Ticket, quote: BestPrices) -> bool:
    """Whether its limit reaches the other side."""
    opposite = quote.opposite(ticket.side)
    if opposite is None or ticket.order_type not in (OrderType.LIMIT, OrderType.ICEBERG):
        return False
    buys = ticket.side is Side.BID
    return ticket.price >= opposite if buys else ticket.price <= opposite


def rested(ticket: Ticket, quote: BestPrices) -> Ticket:
    """A new post-only ticket that would trade at once, joining the best of its own side."""
    joined = quote.own(ticket.side)
    fresh = not (ticket.previewed or ticket.amends)
    if fresh and joined is not None and ticket.posts and crosses(ticket, quote):
        return replace(ticket, price=joined, aside=ticket.price)
    return ticket


def note(ticket: Ticket, quote: BestPrices, precision: Precision) -> str:
    """What there is to say about it; mostly nothing."""
    if ticket.aside is not None and ticket.posts:
        best = "bid" if ticket.side is Side.BID else "ask"
        meant = precision.price_text(ticket.aside)
        return f"{meant} would trade at once: joins the best {best} instead. o: take liquidity."
    if crosses(ticket, quote) and not ticket.posts:
        return f"TAKES LIQUIDITY: {_standing(ticket, quote, precision)}"
    return ""


def _standing(ticket: Ticket, quote: BestPrices, precision: Precision) -> str:
    opposite = quote.opposite(ticket.side)
    word = "ask" if ticket.side is Side.BID else "bid"
    return f"the best {word} is {precision.price_text(opposite or 0)}."
