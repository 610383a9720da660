"""Prices and quantities as clients write them, to scaled integers; the refusals of bad ones.

REST sends decimal text, plain digits, and may name a price by its distance from the last
trade: `+50`, `-2%`, `#1%`, where `#` is the sign that makes sense of the order.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal

from kracked import units
from kracked.errors import TooPrecise
from kracked.protocol.events import Side
from kracked.sim.catalogue import Listing
from kracked.sim.refusal import Refusal
from kracked.sim.trading import words
from kracked.sim.trading.ticket import Kind

_PLAIN = re.compile(r"[0-9]{1,20}(\.[0-9]{0,20})?")
_RELATIVE = re.compile(r"([+\-#])([0-9]{1,20}(?:\.[0-9]{0,20})?)(%?)")


def price(text: str, listing: Listing, malformed: str = words.INVALID_PRICE) -> int:
    """A plain price. Raises `Refusal`."""
    if not _PLAIN.fullmatch(text):
        raise Refusal(malformed)
    decimals = listing.instrument.precision.price
    try:
        return units.scale(text.encode(), decimals)
    except TooPrecise as error:
        raise Refusal(words.too_many_decimals(listing.rest_id, decimals)) from error


def quantity(text: str, listing: Listing, name: str = "volume") -> int:
    """A plain quantity. Raises `Refusal`."""
    return amount(text, listing.instrument.precision.qty, name)


def amount(text: str, decimals: int, name: str) -> int:
    """A plain number of so many decimals at most. Raises `Refusal`."""
    if not _PLAIN.fullmatch(text):
        raise Refusal(words.argument(name))
    try:
        return units.scale(text.encode(), decimals)
    except TooPrecise as error:
        raise Refusal(words.argument(name)) from error


def is_relative(text: str) -> bool:
    return text[:1] in ("+", "-", "#")


def relative(text: str, listing: Listing, base: int, *, upward: bool) -> int:
    """A price by its distance from `base`, to the nearest tick. Raises `Refusal`."""
    match = _RELATIVE.fullmatch(text)
    if match is None:
        raise Refusal(words.INVALID_PRICE)
    sign, number, percent = match.groups()
    distance = Decimal(number)
    return moved(listing, base, distance if _rises(sign, upward) else -distance, bool(percent))


def moved(listing: Listing, base: int, by: Decimal, percent: bool) -> int:
    """`base` moved by an amount in the quote currency, or by a percentage of itself."""
    instrument = listing.instrument
    shift = base * by / 100 if percent else by.scaleb(instrument.precision.price)
    ticks = (base + shift) / instrument.price_increment
    return int(ticks.to_integral_value(ROUND_HALF_UP)) * instrument.price_increment


def upward(kind: Kind, side: Side) -> bool:
    """Which way `#` points: to where the order would wait."""
    above = side is Side.ASK
    return not above if kind in (Kind.STOP_LOSS, Kind.STOP_LOSS_LIMIT) else above


def _rises(sign: str, upward: bool) -> bool:
    return upward if sign == "#" else sign == "+"
