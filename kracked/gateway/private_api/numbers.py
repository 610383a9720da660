"""Prices and quantities as REST writes them, to scaled integers; and the refusals of bad ones.

REST sends decimal text in plain digits. It may state a price by its distance from the last
trade: `+50`, `-2%`, `#1%`, where `#` is the sign that makes sense of the order.
"""

from __future__ import annotations

import re
from decimal import Decimal

from kracked import units
from kracked.errors import TooPrecise
from kracked.gateway import order_words, refusals
from kracked.gateway.listing import ListedPair
from kracked.gateway.refusals import Refusal
from kracked.protocol.events import Side
from kracked.protocol.order_terms import OrderType, TrailOffset

_PLAIN = re.compile(r"[0-9]{1,20}(\.[0-9]{0,20})?")
_RELATIVE = re.compile(r"([+\-#])([0-9]{1,20}(?:\.[0-9]{0,20})?)(%?)")


def price(text: str, listing: ListedPair, malformed: str = order_words.INVALID_PRICE) -> int:
    """Return a plain price, scaled.

    Raises:
        Refusal: It is no number (`malformed`), or has too many decimals.
    """
    if not _PLAIN.fullmatch(text):
        raise Refusal(malformed)
    decimals = listing.instrument.precision.price
    try:
        return units.scale(text.encode(), decimals)
    except TooPrecise as error:
        raise Refusal(order_words.too_many_decimals(listing.rest_id, decimals)) from error


def quantity(text: str, listing: ListedPair, name: str = "volume") -> int:
    """Return a plain quantity, scaled.

    Raises:
        Refusal: It is no number, or has too many decimals; it states `name`.
    """
    return amount(text, listing.instrument.precision.qty, name)


def amount(text: str, decimals: int, name: str) -> int:
    """Return a plain number with at most so many decimals, scaled by them.

    Raises:
        Refusal: It is no number, or has too many decimals; it states `name`.
    """
    if not _PLAIN.fullmatch(text):
        raise Refusal(refusals.argument(name))
    try:
        return units.scale(text.encode(), decimals)
    except TooPrecise as error:
        raise Refusal(refusals.argument(name)) from error


def is_relative(text: str) -> bool:
    """Whether a price is written as a distance."""
    return text[:1] in ("+", "-", "#")


def relative(text: str, listing: ListedPair, base: int, *, upward: bool) -> int:
    """Return the price at a written distance from `base`, to the nearest tick.

    Args:
        text: The distance, with its sign.
        listing: The instrument.
        base: The price it starts from, scaled.
        upward: Which way `#` points.

    Raises:
        Refusal: The text is no distance.
    """
    match = _RELATIVE.fullmatch(text)
    if match is None:
        raise Refusal(order_words.INVALID_PRICE)
    sign, number, percent = match.groups()
    rises = upward if sign == "#" else sign == "+"
    distance = Decimal(number) if rises else -Decimal(number)
    return offset(listing, distance, percent=bool(percent)).price_from(base)


def trailing(text: str, listing: ListedPair, malformed: str, *, signs: str) -> TrailOffset:
    """Return a distance of a trailing order.

    Args:
        text: The distance, with its sign.
        listing: The instrument.
        malformed: The refusal of anything else.
        signs: The signs it may have.

    Raises:
        Refusal: The text is no such distance.
    """
    match = _RELATIVE.fullmatch(text)
    if match is None or match[1] not in signs:
        raise Refusal(malformed)
    sign, number, percent = match.groups()
    return offset(listing, Decimal(sign + number), percent=bool(percent))


def offset(listing: ListedPair, by: Decimal, *, percent: bool) -> TrailOffset:
    """Return an offset of an amount in the quote currency, or of a percentage."""
    instrument = listing.instrument
    scaled = by if percent else by.scaleb(instrument.precision.price)
    return TrailOffset(scaled, percent, instrument.price_increment)


def waits_above(order_type: OrderType, side: Side) -> bool:
    """Whether an order waits above the market, which is where `#` points."""
    above = side is Side.ASK
    return not above if order_type.stops else above
