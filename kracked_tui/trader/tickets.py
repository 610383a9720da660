"""What the screen writes, as what is sent; and what was sent, as what the screen shows. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from kracked.actions import Draft, Entry, Kind, WorkingOrder
from kracked.instruments import Instrument
from kracked.protocol.events import Side
from kracked_tui.view.orders import Sent
from kracked_tui.view.ticket import Ticket


class Moment(NamedTuple):
    """The market as the screen has it now. Prices scaled; None where a side is empty."""

    instrument: Instrument
    bid: int | None
    ask: int | None
    verified: bool


def draft_of(ticket: Ticket) -> Draft:
    price, limit = ticket.prices
    return Draft(
        symbol=ticket.symbol,
        side=ticket.side,
        qty=ticket.qty,
        order_type=ticket.order_type,
        price=price,
        price2=limit,
        post_only=ticket.posts,
        time_in_force=ticket.time_in_force,
    )


def wanted(ticket: Ticket, instrument: Instrument) -> dict[str, Decimal | None]:
    """An amending ticket's quantity and price as decimals."""
    price, limit = ticket.prices
    last = price if limit is None else limit
    precision = instrument.precision
    return {
        "qty": precision.qty_decimal(ticket.qty),
        "price": None if last is None else precision.price_decimal(last),
    }


def changes(ticket: Ticket, order: WorkingOrder, instrument: Instrument) -> dict[str, int | None]:
    """Only what differs from the order: an amend that names a price anew may lose the place."""
    meant = wanted(ticket, instrument)
    price, limit = ticket.prices
    stands = order.limit_price if order.limit_price is not None else order.trigger_price
    return {
        "qty": None if meant["qty"] == order.order_qty else ticket.qty,
        "price": None if meant["price"] == stands else (price if limit is None else limit),
    }


def sent_of(entry: Entry) -> Sent:
    request = entry.request
    adds = entry.kind is Kind.ADD
    side = {"buy": Side.BID, "sell": Side.ASK}.get(request.get("type", ""))
    return Sent(
        entry.id,
        entry.symbol,
        str(entry.kind),
        side,
        request.get("volume" if adds else "order_qty", ""),
        request.get("price" if adds else "limit_price", ""),
        str(entry.state),
        entry.since,
        entry.reason,
        entry.txid if adds else entry.target,
        entry.ended,
    )
