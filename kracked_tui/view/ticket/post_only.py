"""Whether a limit order would trade at once, and where a post-only one rests instead. Pure.

A sale opened on a bid would take that bid, which a post-only order must not. It is then
put at the best price of its own side, and the ticket says so. With post-only turned off the
price asked for is back, and the ticket says that it takes liquidity.
"""

from __future__ import annotations

from dataclasses import replace

from kracked.protocol.events import Side
from kracked.protocol.order_terms import OrderType
from kracked_tui.view.ticket.ticket import Ticket, TicketMarket


def crosses(ticket: Ticket, market: TicketMarket) -> bool:
    """Whether the limit reaches the other side of the book."""
    buys = ticket.side is Side.BID
    opposite = market.ask if buys else market.bid
    if opposite is None or ticket.order_type not in (OrderType.LIMIT, OrderType.ICEBERG):
        return False
    return ticket.price >= opposite if buys else ticket.price <= opposite


def rested(ticket: Ticket, market: TicketMarket) -> Ticket:
    """Move a new post-only ticket that would trade at once to the best price of its own side."""
    best = market.best(ticket.side)
    fresh = not (ticket.previewed or ticket.amends)
    if fresh and best is not None and ticket.posts and crosses(ticket, market):
        return replace(ticket, price=best, crossing_price=ticket.price)
    return ticket


def note(ticket: Ticket, market: TicketMarket) -> str:
    """Say that the price was moved, or that the order takes liquidity; empty for most tickets."""
    precision = market.instrument.precision
    if ticket.crossing_price is not None and ticket.posts:
        price = precision.price_text(ticket.crossing_price)
        best = ticket.side.value
        return f"{price} would trade at once: joins the best {best} instead. o: take liquidity."
    if crosses(ticket, market) and not ticket.posts:
        opposite = ticket.side.opposite
        price = precision.price_text(market.best(opposite) or 0)
        return f"TAKES LIQUIDITY: the best {opposite.value} is {price}."
    return ""
