"""Converts a ticket to what is sent, and an outbox entry to what the screen shows. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from kracked.instruments import Instrument
from kracked.orders import ActionKind, Draft, OutboxEntry
from kracked.protocol.events import Side
from kracked.protocol.order_terms import TimeInForce
from kracked.protocol.own_orders import OwnOrder
from kracked_tui.view.account.orders import Sent
from kracked_tui.view.ticket.ticket import Ticket, amending


def draft_of(ticket: Ticket) -> Draft:
    """Return the draft of a new order."""
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


def amended_terms(ticket: Ticket, instrument: Instrument) -> dict[str, Decimal | None]:
    """Return an amending ticket's quantity and price as decimals."""
    price, limit = ticket.prices
    last = price if limit is None else limit
    precision = instrument.precision
    return {
        "qty": precision.qty_decimal(ticket.qty),
        "price": None if last is None else precision.price_decimal(last),
    }


def changes(ticket: Ticket, order: OwnOrder, instrument: Instrument) -> dict[str, int | None]:
    """Return the terms that differ from the order, None for the others.

    An amend that repeats a price may lose the place in the queue.
    """

    def changed(value: int | None, old: int | None) -> int | None:
        """Return the value where it is a new one."""
        return None if value == old else value

    before = amending(order, instrument.precision)
    (price, limit), (old_price, old_limit) = ticket.prices, before.prices
    two = limit is not None
    return {
        "qty": changed(ticket.qty, before.qty),
        "price": changed(limit, old_limit) if two else changed(price, old_price),
        "trigger_price": changed(price, old_price) if two else None,
        "display_qty": changed(ticket.display_qty, before.display_qty),
    }


def sent_of(entry: OutboxEntry, amends: Iterable[OutboxEntry] = ()) -> Sent:
    """Return an outbox entry as the screen shows it.

    Args:
        entry: The entry.
        amends: Amends of this order that took effect, oldest first.
    """
    request = entry.request
    adds = entry.kind is ActionKind.ADD
    qty = request.get("volume" if adds else "order_qty", "")
    price = request.get("price" if adds else "limit_price", "")
    for amend in amends:
        qty = amend.request.get("order_qty", qty)
        price = amend.request.get("limit_price", price)
    return Sent(
        id=entry.id,
        symbol=entry.symbol,
        what=str(entry.kind),
        side={"buy": Side.BID, "sell": Side.ASK}.get(request.get("type", "")),
        qty=qty,
        price=price,
        state=str(entry.state),
        since=entry.since,
        reason=entry.reason,
        txid=entry.txid if adds else entry.target,
        ended=entry.ended,
    )
