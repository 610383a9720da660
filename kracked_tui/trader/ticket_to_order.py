"""What the screen writes, as what is sent; and what was sent, as what the screen shows. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from kracked.instruments import Instrument
from kracked.orders import ActionKind, Draft, OutboxEntry
from kracked.protocol.events import Side
from kracked.protocol.order_terms import TimeInForce
from kracked.protocol.own_orders import OwnOrder
from kracked_tui.view.account.orders import Sent
from kracked_tui.view.ticket.ticket import Ticket, amending


class MarketMoment(NamedTuple):
    """The market as the screen has it now. Prices scaled; None where a side is empty."""

    instrument: Instrument
    bid: int | None
    ask: int | None
    verified: bool


def draft_of(ticket: Ticket) -> Draft:
    price, limit = ticket.prices
    dated = ticket.waits and ticket.time_in_force is TimeInForce.GTD
    return Draft(
        symbol=ticket.symbol,
        side=ticket.side,
        qty=ticket.qty,
        order_type=ticket.order_type,
        price=price,
        price2=limit,
        in_percent=ticket.in_percent and ticket.order_type.trails,
        post_only=ticket.posts,
        time_in_force=ticket.time_in_force if ticket.waits else TimeInForce.GTC,
        expires=ticket.until.at if dated else None,
        expires_in_s=ticket.until.in_s if dated else None,
        display_qty=ticket.shows,
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


def changes(ticket: Ticket, order: OwnOrder, instrument: Instrument) -> dict[str, int | None]:
    """Only what differs from the order: an amend that names a price anew may lose the place."""
    before = amending(order, instrument.precision)
    (price, limit), (old_price, old_limit) = ticket.prices, before.prices
    two = limit is not None
    return {
        "qty": _new(ticket.qty, before.qty),
        "price": _new(limit, old_limit) if two else _new(price, old_price),
        "trigger_price": _new(price, old_price) if two else None,
        "display_qty": _new(ticket.display_qty, before.display_qty),
    }


def _new(value: int | None, old: int | None) -> int | None:
    return None if value == old else value


def sent_of(entry: OutboxEntry, amends: Iterable[OutboxEntry] = ()) -> Sent:
    """`amends` are those of this order that took effect, oldest first."""
    request = entry.request
    adds = entry.kind is ActionKind.ADD
    side = {"buy": Side.BID, "sell": Side.ASK}.get(request.get("type", ""))
    qty = request.get("volume" if adds else "order_qty", "")
    price = request.get("price" if adds else "limit_price", "")
    for amend in amends:
        qty = amend.request.get("order_qty", qty)
        price = amend.request.get("limit_price", price)
    return Sent(
        entry.id,
        entry.symbol,
        str(entry.kind),
        side,
        qty,
        price,
        str(entry.state),
        entry.since,
        entry.reason,
        entry.txid if adds else entry.target,
        entry.ended,
    )
