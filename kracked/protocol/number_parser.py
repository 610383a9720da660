"""Converts the wire's digits to scaled integers, as fast as Python can without losing one."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

import msgspec

from kracked import units
from kracked.errors import ProtocolError, says
from kracked.instruments import Precision
from kracked.protocol import wire
from kracked.protocol.events import OrderChange
from kracked.units import scale

KNOWN_PRICES = 5_000
"""Prices remembered per instrument, about 0.5 MB; at this number they are dropped."""

LARGEST = 10**38 - 1
"""Largest scaled number. Real ones have twenty digits."""
MOST_LEVELS, MOST_ORDERS = 10_000, 200_000
"""Most rows a side of one message of `book` and of `level3`. The exchange shows 1000 levels."""
_USUAL = 39
"""Characters of a number that is below `LARGEST` without a look at its value."""
_MAX_EXPONENT = 1_000
"""Powers of ten that a number may lie from one: beyond that it takes too long to write out."""
_POINT = 0x2E


@says("{text} is out of range")
class OutOfRange(ProtocolError):
    """A number that no market has: negative, zero where it cannot be, or absurdly large."""

    text: str


@says("{rows} rows a side are more than the exchange shows")
class TooManyRows(ProtocolError):
    """A message about more levels or orders than any subscription has."""

    rows: int


def quantity(text: bytes, precision: int) -> int:
    """Return a scaled number that is not negative.

    Raises:
        OutOfRange: It is negative or beyond `LARGEST`.
        TooPrecise: It has too many decimals.
        NotANumber: The text is no number.
    """
    value = scale(text, precision)
    if 0 <= value <= LARGEST:
        return value
    raise OutOfRange(_shortened(text))


def price(text: bytes, precision: int) -> int:
    """Return a scaled price, which is above zero.

    Raises:
        OutOfRange: It is not, or is beyond `LARGEST`.
        TooPrecise: It has too many decimals.
        NotANumber: The text is no number.
    """
    value = scale(text, precision)
    if 0 < value <= LARGEST:
        return value
    raise OutOfRange(f"a price of {_shortened(text)}")


def signed(text: bytes, precision: int) -> int:
    """Return a scaled number of either sign.

    Raises:
        OutOfRange: It is beyond `LARGEST`.
        TooPrecise: It has too many decimals.
        NotANumber: The text is no number.
    """
    value = scale(text, precision)
    if -LARGEST <= value <= LARGEST:
        return value
    raise OutOfRange(_shortened(text))


def _shortened(text: bytes) -> str:
    return text[:40].decode(errors="replace")


def is_present(number: msgspec.Raw) -> bool:
    """Whether there is a number: the ticker of a quiet pair may leave some out."""
    return bytes(number) not in (b"", b"null")


def decimal(number: msgspec.Raw) -> Decimal:
    """Return the number as a `Decimal` with the decimals it is written with."""
    text = bytes(number)
    digits = units.decimals(text)
    return units.to_decimal(scale(text, digits), digits)


def exact(text: str) -> Decimal:
    """Return a number exactly as it is written: a decoder's `float_hook` for untyped parts.

    Raises:
        msgspec.ValidationError: The number is absurdly large or small, or none at all.
    """
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if number.is_nan() or abs(number.adjusted()) > _MAX_EXPONENT:
        raise msgspec.ValidationError(f"{text[:20]} is no number")
    return number


def max_decimals(numbers: Iterable[msgspec.Raw]) -> int:
    """Return the decimals of the most precise number; 0 without numbers.

    Raises:
        NotANumber: One of them is no number.
        OutOfRange: It has more decimals than any instrument.
    """
    most = max((units.decimals(bytes(number)) for number in numbers), default=0)
    if most > units.MOST_DECIMALS:
        raise OutOfRange(f"a number of {most} decimals")
    return most


class NumberReader:
    """Scales one instrument's numbers, as fast as Python can without losing a digit.

    Two thirds of a book's cost is here, so the usual case, exactly the right number of
    decimals, is written out; every other case goes through `kracked.units.scale`. Prices
    repeat (94 % of them in a recording of ETH/USD), so they are remembered.
    """

    __slots__ = ("_point", "_prices", "_qty", "precision")

    def __init__(self, precision: Precision) -> None:
        self.precision = precision
        self._prices = _KnownPrices(precision.price)
        self._qty = precision.qty
        self._point = -1 - precision.qty

    def levels(self, rows: list[wire.WireLevel]) -> tuple[tuple[int, int], ...]:
        """Return price and quantity of each row, scaled; a negative quantity is the book's to see.

        Raises:
            ProtocolError: A number cannot be read or is out of range, or there are too many.
        """
        prices, precision, point = self._prices, self._qty, self._point
        if len(rows) > MOST_LEVELS:
            raise TooManyRows(len(rows))
        try:
            return tuple(
                [
                    (
                        prices[bytes(row.price)],
                        int(text.replace(b".", b""))
                        if (text := bytes(row.qty))[point] == _POINT and len(text) < _USUAL
                        else signed(text, precision),
                    )
                    for row in rows
                ]
            )
        except (ValueError, IndexError):  # a number with an exponent, or too short
            return tuple(
                (prices[bytes(row.price)], signed(bytes(row.qty), precision)) for row in rows
            )

    def orders(self, rows: list[wire.WireOrder]) -> tuple[OrderChange, ...]:
        """Return the order of each row, with scaled numbers.

        Raises:
            ProtocolError: A number cannot be read or is out of range, or there are too many.
        """
        prices, precision, point = self._prices, self._qty, self._point
        if len(rows) > MOST_ORDERS:
            raise TooManyRows(len(rows))
        try:
            return tuple(
                [
                    OrderChange(
                        row.event,
                        row.order_id,
                        prices[bytes(row.limit_price)],
                        int(text.replace(b".", b""))
                        if (text := bytes(row.order_qty))[point] == _POINT and len(text) < _USUAL
                        else signed(text, precision),
                        row.timestamp,
                    )
                    for row in rows
                ]
            )
        except (ValueError, IndexError):
            return tuple(
                OrderChange(
                    row.event,
                    row.order_id,
                    prices[bytes(row.limit_price)],
                    signed(bytes(row.order_qty), precision),
                    row.timestamp,
                )
                for row in rows
            )


class _KnownPrices(dict[bytes, int]):
    """Scaled prices by their wire text, each computed once."""

    def __init__(self, precision: int) -> None:
        super().__init__()
        self._precision = precision

    def __missing__(self, text: bytes) -> int:
        if len(self) >= KNOWN_PRICES:
            self.clear()
        self[text] = scaled = price(text, self._precision)
        return scaled
