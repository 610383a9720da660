"""Conversion of decimal text to scaled integers and back: the only place where digits change form.

A price of ``63005.0`` on an instrument with one price decimal is the integer
``630050``. Scaled integers are exact at any size, compare and add as they are, and
``str`` of one is exactly what the exchange's checksum hashes. Nothing here, and
nothing that calls it, may go through a float.
"""

from __future__ import annotations

import re
from decimal import Decimal

from kracked.errors import NotANumber, TooPrecise

__all__ = [
    "LONGEST",
    "MOST_DECIMALS",
    "decimals",
    "scale",
    "to_decimal",
    "to_text",
]

_NUMBER = re.compile(r"(-?)([0-9]+)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,2}))?")
_POINT = 0x2E

LONGEST = 64
"""Most characters of a number. Real ones have thirty; far more would be an attack on `int`."""
MOST_DECIMALS = 30
"""Most decimals of an instrument. Real ones have twelve."""


def scale(text: bytes, precision: int) -> int:
    """Return a number times ten to the `precision`, exactly.

    Args:
        text: A JSON number or a JSON string holding one, plain or with an exponent.
        precision: Decimals of the instrument's prices or quantities.

    Raises:
        TooPrecise: A digit would be lost.
        NotANumber: The text is no number.

    >>> scale(b"63005.0", 1), scale(b"1e-08", 8), scale(b'"4.0"', 8)
    (630050, 1, 400000000)
    """
    # The exchange writes exactly `precision` decimals, so the point almost always stands
    # where it must, and dropping it is all there is to do.
    if precision and precision < len(text) <= LONGEST and text[-1 - precision] == _POINT:
        digits = text.replace(b".", b"", 1)
        if digits.isdigit():
            return int(digits)
    number = _plain(text)
    negative, mantissa, exponent = _parts(number)
    shift = exponent + precision
    if shift >= 0:
        value: int = mantissa * 10**shift
    else:
        value, lost = divmod(mantissa, 10**-shift)
        if lost:
            raise TooPrecise(number, precision)
    return -value if negative else value


def _plain(text: bytes) -> str:
    """Return the characters of the number, without a JSON string's quotes."""
    if len(text) > LONGEST:
        raise NotANumber(f"{text[:20].decode(errors='replace')}... ({len(text)} characters)")
    return text.decode(errors="replace").strip('"')


def _parts(text: str) -> tuple[bool, int, int]:
    """Return whether it is negative, its digits and a power of ten: +-digits * 10**power."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise NotANumber(text)
    sign, whole, fraction, exponent = match.groups(default="")
    return sign == "-", int(whole + fraction), int(exponent or 0) - len(fraction)


def decimals(text: bytes) -> int:
    """Return the number of decimals that the number is written with.

    Raises:
        NotANumber: The text is no number.

    >>> decimals(b"0.010"), decimals(b"1E-8"), decimals(b"7")
    (3, 8, 0)
    """
    return max(0, -_parts(_plain(text))[2])


def to_text(value: int, precision: int) -> str:
    """Return a scaled integer as the exchange writes it: plain, with `precision` decimals.

    >>> to_text(630050, 1), to_text(1, 8), to_text(-4293, 1)
    ('63005.0', '0.00000001', '-429.3')
    """
    digits = str(value)
    if value >= 0 and len(digits) <= precision:
        return "0." + digits.zfill(precision)
    if precision == 0:
        return digits
    if value < 0:
        digits = digits.zfill(precision + 2)
    return f"{digits[:-precision]}.{digits[-precision:]}"


def to_decimal(value: int, precision: int) -> Decimal:
    """Return a scaled integer as a `Decimal` of the same value and exponent.

    >>> to_decimal(630050, 1)
    Decimal('63005.0')
    """
    # Not `Decimal(value).scaleb`: that rounds to the context's 28 digits.
    return Decimal(to_text(value, precision))
