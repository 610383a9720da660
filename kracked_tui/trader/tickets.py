"""What the screen writes, as what is sent; and what was sent, as what the screen shows. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from kracked.actions import Draft, Entry, Kind, WorkingOrder
from kracked.instruments import Instrument
from kracked.protocol.events import Side
from kracked_tui.view.orders import Sent
from kracked_tui.view.ticket import Ticket, verb

_WORTH = (10, 25, 100, 250, 1000)
"""What the five sizes cost, in the quote currency, unless the configuration names sizes."""


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


def in_short(ticket: Ticket, instrument: Instrument) -> str:
    """``BUY 0.15 @ 64209.0``."""
    price = ticket.prices[0]
    at = "" if price is None else f" @ {instrument.precision.price_text(price)}"
    qty = instrument.precision.qty_text(ticket.qty).rstrip("0").rstrip(".")
    return f"{'amend to ' if ticket.amends else ''}{verb(ticket.side)} {qty}{at}"


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


def sizes_of(moment: Moment, named: Iterable[str]) -> tuple[int, ...]:
    """The quantities of the keys 1 to 5, scaled: those of the configuration, or round ones."""
    instrument = moment.instrument
    digits = instrument.precision.qty
    found = tuple(int(Decimal(text).scaleb(digits)) for text in named)
    return found or _usual(moment)


def _usual(moment: Moment) -> tuple[int, ...]:
    """Round quantities that cost about as much as `_WORTH` says."""
    instrument = moment.instrument
    price = moment.ask or moment.bid
    least = max(1, instrument.qty_min, instrument.qty_increment)
    if price is None:
        return (least,)
    unit = instrument.precision.price_decimal(price)
    sizes = []
    for worth in _WORTH:
        exact = int((worth / unit).scaleb(instrument.precision.qty))
        power = int(10 ** max(0, len(str(exact)) - 1))
        sizes.append(max(least, exact // power * power))
    return tuple(sizes)
