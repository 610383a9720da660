"""The order being written, and how keys change it. Pure.

A ticket is not an order yet. The order it would be, rounded, checked and in words, comes
from the trader; nothing here can send anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import NamedTuple

from kracked import times, units
from kracked.errors import NotANumber, ProtocolError, says
from kracked.instruments import Instrument, Precision
from kracked.protocol.events import Side
from kracked.protocol.order_terms import OrderType, TimeInForce
from kracked.protocol.own_orders import OwnOrder
from kracked_tui.view.ticket import expiry
from kracked_tui.view.ticket.expiry import Expiry

TYPES = (
    OrderType.LIMIT,
    OrderType.MARKET,
    OrderType.STOP_LOSS,
    OrderType.STOP_LOSS_LIMIT,
    OrderType.TAKE_PROFIT,
    OrderType.TAKE_PROFIT_LIMIT,
    OrderType.TRAILING_STOP,
    OrderType.TRAILING_STOP_LIMIT,
    OrderType.ICEBERG,
)
FORCES = (TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTD)
AT_ONCE = (TimeInForce.IOC, TimeInForce.FOK)
TEN_MINUTES = Expiry(in_s=600)
_SHOWN_PART = 5
"""An iceberg shows a fifth of itself, unless another quantity is typed."""
_TRAIL_PART = 200
"""A trailing order begins at a distance of a 200th of the price."""
_PERCENT_DECIMALS = 2
_TWO_WAYS = re.compile(r"[0-9]+(,[0-9]{3})+(\.[0-9]*)?")


@says("{text!r} can be read two ways: leave the comma out, or write a point")
class TwoWaysToRead(ProtocolError):
    """A number whose comma may separate thousands or decimals: a thousandfold difference."""

    text: str


class TicketMarket(NamedTuple):
    """The market a ticket is written against. Prices are scaled; None where a side is empty."""

    instrument: Instrument
    bid: int | None
    ask: int | None
    verified: bool = False
    """Whether the book is fresh and its checksum matched."""
    bids: tuple[tuple[int, int], ...] | None = None
    """The levels of the book, best first: price and quantity, both scaled."""
    asks: tuple[tuple[int, int], ...] | None = None
    """As `bids`."""

    def best(self, side: Side) -> int | None:
        """Return the best price of a side."""
        return self.bid if side is Side.BID else self.ask


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """An order as it is being written. Prices and quantities are scaled by the instrument."""

    symbol: str
    side: Side
    qty: int
    price: int
    """The limit, or the trigger where the order type has one."""
    limit: int
    """The limit after the trigger, where the order type ends in ``-limit``."""
    order_type: OrderType = OrderType.LIMIT
    trail: int = 0
    """The distance of a trailing order from the best price."""
    in_percent: bool = False
    """`trail` is in percent, with two decimals."""
    trail_limit: int = 0
    """The distance from a trailing order's trigger to its limit; negative below the trigger."""
    display_qty: int | None = None
    """The quantity an iceberg shows; None for a fifth of it."""
    post_only: bool = False
    time_in_force: TimeInForce = TimeInForce.GTC
    until: Expiry = TEN_MINUTES
    """The expiry of a good-till-date order."""
    crossing_price: int | None = None
    """The price asked for, where post-only moved the ticket off it."""
    on_second: bool = False
    """Whether the arrows move the second price."""
    previewed: bool = False
    """Whether it is shown as it would be sent: only then does `y` send it."""
    waived: bool = False
    """Whether the user confirmed a second equal order, or a price far from the market."""
    amends: str = ""
    """The id of the order it changes; empty for a new order."""

    @property
    def prices(self) -> tuple[int | None, int | None]:
        """First and second price of the order type, None for each it does not take."""
        second = self.order_type.two_prices
        if self.order_type is OrderType.MARKET:
            return None, None
        if self.order_type.trails:
            return self.trail, self.trail_limit if second else None
        return self.price, self.limit if second else None

    @property
    def posts(self) -> bool:
        """Whether it is sent post-only, which only a limit order that may rest can be."""
        return (
            self.post_only
            and self.order_type is OrderType.LIMIT
            and self.time_in_force not in AT_ONCE
        )

    @property
    def shows(self) -> int | None:
        """The quantity an iceberg shows of itself; None for another order type."""
        if self.order_type is not OrderType.ICEBERG:
            return None
        return -(-self.qty // _SHOWN_PART) if self.display_qty is None else self.display_qty

    @property
    def waits(self) -> bool:
        """Whether the order type has a time in force."""
        return self.order_type is not OrderType.MARKET


def amending(order: OwnOrder, precision: Precision) -> Ticket:
    """Return a ticket for changing an open order, with the order's present terms."""
    prices = [order.triggers.price, order.limit_price]
    first, last = (None if one is None else int(one.scaleb(precision.price)) for one in prices)
    kind = OrderType(order.order_type)
    if order.triggers.status == "triggered" and last is not None:
        kind, first = OrderType.LIMIT, None
    price = first if first is not None else last
    shown = order.display_qty
    dated = order.time_in_force == TimeInForce.GTD and order.expire_time is not None
    until = Expiry(at=times.parse_ns(order.expire_time or "")) if dated else TEN_MINUTES
    return Ticket(
        symbol=order.symbol,
        side=order.side or Side.BID,
        qty=int(order.order_qty.scaleb(precision.qty)),
        price=price or 0,
        limit=last or price or 0,
        order_type=kind,
        display_qty=None if shown is None else int(shown.scaleb(precision.qty)),
        post_only=order.post_only,
        time_in_force=TimeInForce.GTD if dated else TimeInForce.GTC,
        until=until,
        on_second=kind.two_prices,
        amends=order.order_id,
    )


# --- keys -----------------------------------------------------------------------------------


def stepped(ticket: Ticket, ticks: int, tick: int) -> Ticket:
    """Move the price under the arrows, never below zero; a percentage moves by hundredths."""
    if ticket.previewed or not ticket.waits:
        return ticket
    second = ticket.on_second and ticket.order_type.two_prices
    by = ticks if ticket.in_percent and ticket.order_type.trails else ticks * tick
    if ticket.order_type.trails:
        if second:
            return replace(ticket, trail_limit=ticket.trail_limit + ticks * tick)
        return replace(ticket, trail=max(0, ticket.trail + by))
    if second:
        return replace(ticket, limit=max(0, ticket.limit + by))
    return priced(ticket, ticket.price + by)


def priced(ticket: Ticket, price: int) -> Ticket:
    """Set the first price."""
    return replace(ticket, price=max(0, price), crossing_price=None)


def sized(ticket: Ticket, qty: int) -> Ticket:
    """Set the quantity."""
    return ticket if ticket.previewed else replace(ticket, qty=max(0, qty))


def sided(ticket: Ticket, side: Side) -> Ticket:
    """Set the side; a price that post-only moved is the one asked for again."""
    if ticket.previewed or ticket.amends:
        return ticket
    price = ticket.price if ticket.crossing_price is None else ticket.crossing_price
    return replace(ticket, side=side, price=price, crossing_price=None)


def typed(ticket: Ticket, by: int, tick: int) -> Ticket:
    """Take the next order type (1) or the previous one (-1); an amended order keeps its own."""
    if ticket.previewed or ticket.amends:
        return ticket
    kind = TYPES[(TYPES.index(ticket.order_type) + by) % len(TYPES)]
    trail = ticket.trail or max(tick, ticket.price // _TRAIL_PART // tick * tick)
    return replace(ticket, order_type=kind, trail=trail, on_second=False)


def forced_next(ticket: Ticket) -> Ticket:
    """Take the next time in force."""
    if ticket.previewed or ticket.amends or not ticket.waits:
        return ticket
    following = FORCES[(FORCES.index(ticket.time_in_force) + 1) % len(FORCES)]
    return replace(ticket, time_in_force=following)


def posted(ticket: Ticket) -> Ticket:
    """Turn post-only on or off; off brings back the price that it moved."""
    limit = ticket.order_type is OrderType.LIMIT and ticket.time_in_force not in AT_ONCE
    if ticket.previewed or ticket.amends or not limit:
        return ticket
    if ticket.post_only and ticket.crossing_price is not None:
        return replace(ticket, post_only=False, price=ticket.crossing_price, crossing_price=None)
    return replace(ticket, post_only=not ticket.post_only)


def other_price(ticket: Ticket) -> Ticket:
    """Put the arrows on the other of two prices."""
    two = ticket.order_type.two_prices and not ticket.previewed
    return replace(ticket, on_second=not ticket.on_second) if two else ticket


def takes(ticket: Ticket, field: str) -> bool:
    """Whether the ticket has this field to type into."""
    if ticket.previewed:
        return False
    if field == "expiry":
        return ticket.waits and not ticket.amends
    return {"price": ticket.waits, "display": ticket.shows is not None}.get(field, True)


# --- typed fields ---------------------------------------------------------------------------


def entered(ticket: Ticket, field: str, text: str, precision: Precision, now: int) -> Ticket:
    """Set a field from typed text.

    Args:
        ticket: The ticket.
        field: `price`, `quantity`, `display` or `expiry`.
        text: The text typed.
        precision: The decimals of the instrument.
        now: The present, ns, for times of day.

    Raises:
        NotANumber: The text is no number.
        TwoWaysToRead: Its comma is ambiguous.
        TooPrecise: It has more decimals than the instrument.
        NotAnExpiry: It names no time to come.
    """
    if not takes(ticket, field):
        return ticket
    if field == "expiry":
        until = expiry.parsed(text, now)
        return replace(ticket, until=until, time_in_force=TimeInForce.GTD)
    if field == "quantity":
        return sized(ticket, _scaled(text, precision.qty))
    if field == "display":
        return replace(ticket, display_qty=_scaled(text, precision.qty))
    return _entered_price(ticket, text, precision)


def _entered_price(ticket: Ticket, text: str, precision: Precision) -> Ticket:
    second = ticket.on_second and ticket.order_type.two_prices
    if ticket.order_type.trails and not second:
        if text.strip().endswith("%"):
            trail = _scaled(text.strip()[:-1], _PERCENT_DECIMALS)
            return replace(ticket, trail=trail, in_percent=True)
        return replace(ticket, trail=_scaled(text, precision.price), in_percent=False)
    price = _scaled(text, precision.price)
    if not second:
        return priced(ticket, price)
    if ticket.order_type.trails:
        return replace(ticket, trail_limit=price)
    return replace(ticket, limit=price)


def _scaled(text: str, decimals: int) -> int:
    """Read a number as a person writes it, with a point or a comma before the decimals."""
    text = text.strip().removeprefix("+")
    if _TWO_WAYS.fullmatch(text):
        raise TwoWaysToRead(text)
    if "e" in text.lower():
        raise NotANumber(text)
    plain = text.replace(",", ".")
    return units.scale((f"0{plain}" if plain[:1] == "." else plain).encode(), decimals)
