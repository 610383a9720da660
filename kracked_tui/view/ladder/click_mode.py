"""Clicks on the ladder that prepare an order: which cell is which, and the words before it. Pure.

A click sends nothing. It opens the ticket at its preview, and only while the words of that very
order are on the screen.
"""

from __future__ import annotations

from typing import NamedTuple

from kracked.protocol.events import Side
from kracked_tui.view.ladder.ladder_lines import LadderColumns
from kracked_tui.view.line import Span, fit
from kracked_tui.view.words import verb

_QTY = 9
"""Cells of a quantity and of the mark beside it."""


class CellOffer(NamedTuple):
    """The order that a click on a cell would prepare, or why there is none."""

    side: Side
    price: int
    """Scaled."""
    text: str
    """Size and price in words."""
    refusal: str = ""
    """Why a click prepares nothing."""


def offer_text(side: Side, qty: str, price: str, symbol: str) -> str:
    """Return an order in the words that are on the screen before a click counts."""
    base, _, quote = symbol.partition("/")
    return f"{verb(side)} {qty} {base} at {price} {quote}"


def side_at(columns: LadderColumns, x: int) -> Side | None:
    """Return the side whose cells are at a column; None at the prices and at own orders.

    Args:
        columns: The columns of the ladder.
        x: Cells from the left edge of a row.
    """
    start = 1 + columns.mine
    price = start + columns.orders + columns.bar + _QTY + 1 + columns.change + columns.traded
    if start <= x < price:
        return Side.BID
    after = price + 1 + columns.price
    end = after + columns.traded + columns.change + _QTY + 1 + columns.bar + columns.orders
    return Side.ASK if after <= x < end else None


def foot(offer: CellOffer | None, width: int) -> tuple[Span, ...]:
    """Draw what a click would do; it has the foot as long as clicks prepare orders."""
    if offer is None:
        text, role = "CLICKS: point at a bid or an ask", "warn"
    elif offer.refusal:
        text, role = f"CLICKS: {offer.text}: {offer.refusal}", "warn"
    else:
        text, role = (
            f"CLICK: {offer.text}, then y sends",
            "buy" if offer.side is Side.BID else "sell",
        )
    return tuple(span for span in fit([Span(text, role)], min(width, len(text))) if span.text)
