"""Prices and quantities as clients write them, to scaled integers; the refusals of bad ones.

REST sends decimal text, plain digits, and may name a price by its distance from the last
trade: `+50`, `-2%`, `#1%`, where `#` is the sign that makes sense of the order.
"""

from __future__ import annotations

import re
from decimal import Decimal

from kracked import units
from kracked.errors import TooPrecise
from kracked.gateway import refusals
from kracked.gateway.refusals import Refusal
from kracked.protocol.events import Side
from kracked.protocol.order_terms import OrderType
from kracked.sim import messages
from kracked.sim.accounts.trailing_stops import TrailOffset
from kracked.sim.listings import Listing

_PLAIN = re.compile(r"[0-9]{1,20}(\.[0-9]{0,20})?")
_RELATIVE = re.compile(r"([+\-#])([0-9]{1,20}(?:\.[0-9]{0,20})?)(%?)")


def price(text: str, listing: Listing, malformed: str = messages.INVALID_PRICE) -> int:
    """A plain price. Raises `Refusal`."""
    if not _PLAIN.fullmatch(text):
        raise Refusal(malformed)
    decimals = listing.instrument.precision.price
    try:
        return units.scale(text.encode(), decimals)
    except TooPrecise as error:
        raise Refusal(messages.too_many_decimals(listing.rest_id, decimals)) from error


def quantity(text: str, listing: Listing, name: str = "volume") -> int:
    """A plain quantity. Raises `Refusal`."""
    return amount(text, listing.instrument.precision.qty, name)


def amount(text: str, decimals: int, name: str) -> int:
    """A plain number of so many decimals at most. Raises `Refusal`."""
    if not _PLAIN.fullmatch(text):
        raise Refusal(refusals.argument(name))
    try:
        return units.scale(text.encode(), decimals)
    except TooPrecise as error:
        raise Refusal(refusals.argument(name)) from error


def is_relative(text: str) -> bool:
    return text[:1] in ("+", "-", "#")


def relative(text: str, listing: Listing, base: int, *, upward: bool) -> int:
    """A price by its distance from `base`, to the nearest tick. Raises `Refusal`."""
    match = _RELATIVE.fullmatch(text)
    if match is None:
        raise Refusal(messages.INVALID_PRICE)
    sign, number, percent = match.groups()
    distance = Decimal(number)
    by = distance if _rises(sign, upward) else -distance
    return offset(listing, by, percent=bool(percent)).of(base)


def trailing(text: str, listing: Listing, malformed: str, *, signs: str) -> TrailOffset:
    """The distance of a trailing order; `signs` it may have. Raises `Refusal`."""
    match = _RELATIVE.fullmatch(text)
    if match is None or match[1] not in signs:
        raise Refusal(malformed)
    sign, number, percent = match.groups()
    return offset(listing, Decimal(sign + number), percent=bool(percent))


def offset(listing: Listing, by: Decimal, *, percent: bool) -> TrailOffset:
    """An amount in the quote currency, or a percentage."""
    instrument = listing.instrument
    scaled = by if percent else by.scaleb(instrument.precision.price)
    return TrailOffset(scaled, percent, instrument.price_increment)


def upward(kind: OrderType, side: Side) -> bool:
    """Which way `#` points: to where the order would wait."""
    above = side is Side.ASK
    return not above if kind.stops else above


def _rises(sign: str, upward: bool) -> bool:
    return upward if sign == "#" else sign == "+"
