"""Own orders by price, as the ladder shows them: how many, how much, and their place. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from kracked.feed.account import OwnOrder
from kracked.instruments import Precision
from kracked.protocol.events import Side
from kracked.protocol.order_terms import TRAILING
from kracked_tui.view.queue.own_place import OwnPlace


def trails(order: OwnOrder) -> bool:
    """Whether the exchange moves the price of an order that waits for its trigger."""
    return order.order_type in TRAILING and order.triggers.status != "triggered"


class OwnLevel(NamedTuple):
    """Own orders at one price of the ladder, or in one row of it."""

    side: Side
    qty: Decimal
    place: int = 0
    """Place at its price of the first of them to fill; 0 while not known."""
    orders: int = 1
    price: int = 0
    """The price of the first of them to fill, scaled."""


def own_levels(
    orders: Iterable[OwnOrder],
    symbol: str,
    places: Mapping[str, OwnPlace],
    precision: Precision,
) -> dict[int, OwnLevel]:
    """Return the pair's resting own orders by scaled price."""
    found: dict[int, OwnLevel] = {}
    for order in orders:
        if order.symbol != symbol or order.limit_price is None or order.side is None:
            continue
        if trails(order):
            continue
        price = int(order.limit_price.scaleb(precision.price))
        place = places.get(order.order_id)
        level = OwnLevel(order.side, order.remaining, place.position if place else 0, price=price)
        found[price] = joined(found[price], level) if price in found else level
    return found


def joined(one: OwnLevel, other: OwnLevel) -> OwnLevel:
    """Join two levels in one row: the sum, with price and place of the first to fill."""

    def fills(level: OwnLevel) -> tuple[int, int]:
        """Return what sorts levels in the order they fill; an unknown place comes last."""
        price = -level.price if level.side is Side.BID else level.price
        return price, level.place or 1 << 30

    first = min(one, other, key=fills)
    return first._replace(qty=one.qty + other.qty, orders=one.orders + other.orders)


def own_level_text(level: OwnLevel, width: int, tail: str = "") -> str:
    """Write side, quantity and place: ``B.15q4``; a plus where there are several orders.

    Args:
        level: The orders.
        width: Cells there are.
        tail: The last digits of their price, where it is not the row's; a dot before the place
            stands for it where there is no room.

    >>> own_level_text(OwnLevel(Side.BID, Decimal("0.15000000"), 4), 9)
    'B.15 q4'
    >>> own_level_text(OwnLevel(Side.ASK, Decimal("0.00035"), 12), 9)
    'S.0003q12'
    >>> own_level_text(OwnLevel(Side.ASK, Decimal("0.15"), 2), 13, "1.5")
    'S.15 q2 …1.5'
    >>> own_level_text(OwnLevel(Side.ASK, Decimal("0.1534"), 2), 9, "1.5")
    'S.1534·q2'
    """
    place = f" q{level.place}" if level.place else ""
    if level.orders > 1:
        place += "+"
    letter = "B" if level.side is Side.BID else "S"
    qty = f"{level.qty:.8f}".rstrip("0").rstrip(".").removeprefix("0")
    if tail and len(qty[:4]) + len(place.lstrip()) + len(tail) + 1 < width:
        place += f" …{tail}"
    elif tail:
        place = f"·{place.lstrip()}"
    if len(qty) + len(place) >= width:
        place = place.replace(" ", "")
    room = max(1, width - 1 - len(place))
    # A quantity too small for its column is shown as less than a digit, never as zero.
    shown = qty if len(qty) <= room else qty[:room].rstrip(".")
    return f"{letter}{shown if shown.strip('.0') else '<' + shown[:-1]}{place}"


def price_tail(price: int, row: int, precision: Precision) -> str:
    """Return the digits in which a price differs from its row's; empty where it is the row's.

    >>> price_tail(642_115, 642_120, Precision(1, 8)), price_tail(642_120, 642_120, Precision(1, 8))
    ('1.5', '')
    """
    text, other = precision.price_text(price), precision.price_text(row)
    if len(text) != len(other):
        return text
    same = next((at for at in range(len(text)) if text[at] != other[at]), len(text))
    return text[same:]
