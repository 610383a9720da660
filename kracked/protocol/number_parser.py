"""The digits of the wire to scaled integers, as fast as Python can without losing one."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

import msgspec

from kracked import units
from kracked.errors import ProtocolError
from kracked.instruments import Precision
from kracked.protocol import wire
from kracked.protocol.events import OrderChange
from kracked.units import scale

KNOWN_PRICES = 5_000
"""Prices remembered per instrument, about 0.5 MB; past that it starts afresh."""

_FURTHEST = 1_000
"""Powers of ten a number may lie from one: past that it is endless to write out."""
_POINT = 0x2E


def is_present(number: msgspec.Raw) -> bool:
    """Whether there is a number at all: a quiet pair's ticker may leave some out."""
    return bytes(number) not in (b"", b"null")


def decimal(number: msgspec.Raw) -> Decimal:
    """The number as a `Decimal` with the decimals it is written with."""
    text = bytes(number)
    digits = units.decimals(text)
    return units.to_decimal(scale(text, digits), digits)


def exact(text: str) -> Decimal:
    """A number as it is written: a decoder's `float_hook`, for what no struct describes.

    Raises msgspec's `ValidationError` for one beyond all measure.
    """
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if number.is_nan() or abs(number.adjusted()) > _FURTHEST:
        raise msgspec.ValidationError(f"{text[:20]} is no number")
    return number


def max_decimals(numbers: Iterable[msgspec.Raw]) -> int:
    """The decimals of the most precise of them; 0 for none at all."""
    return max((units.decimals(bytes(number)) for number in numbers), default=0)


def fits(numbers: Iterable[msgspec.Raw], precision: int) -> bool:
    """Whether the numbers lose nothing at this precision."""
    try:
        for number in numbers:
            scale(bytes(number), precision)
    except ProtocolError:
        return False
    return True


class NumberReader:
    """Scales one instrument's numbers, as fast as Python can without losing a digit.

    Two thirds of a book's cost is here, so the usual case, exactly the right number of
    decimals, is written out; everything else goes through `kracked.units.scale`. Prices
    come again and again (94 % in a recording of ETH/USD): they are remembered.
    """

    __slots__ = ("_point", "_prices", "_qty", "precision")

    def __init__(self, precision: Precision) -> None:
        self.precision = precision
        self._prices = _KnownPrices(precision.price)
        self._qty = precision.qty
        self._point = -1 - precision.qty

    def levels(self, rows: list[wire.WireLevel]) -> tuple[tuple[int, int], ...]:
        """(price, qty) of each row."""
        prices, precision, point = self._prices, self._qty, self._point
        try:
            return tuple(
                [
                    (
                        prices[bytes(row.price)],
                        int(text.replace(b".", b""))
                        if (text := bytes(row.qty))[point] == _POINT
                        else scale(text, precision),
                    )
                    for row in rows
                ]
            )
        except (ValueError, IndexError):  # not plain, or shorter than it should be
            return tuple(
                (prices[bytes(row.price)], scale(bytes(row.qty), precision)) for row in rows
            )

    def orders(self, rows: list[wire.WireOrder]) -> tuple[OrderChange, ...]:
        """Each row's order, its numbers scaled."""
        prices, precision, point = self._prices, self._qty, self._point
        try:
            return tuple(
                [
                    OrderChange(
                        row.event,
                        row.order_id,
                        prices[bytes(row.limit_price)],
                        int(text.replace(b".", b""))
                        if (text := bytes(row.order_qty))[point] == _POINT
                        else scale(text, precision),
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
                    scale(bytes(row.order_qty), precision),
                    row.timestamp,
                )
                for row in rows
            )


class _KnownPrices(dict[bytes, int]):
    """Wire text of a price to its scaled integer, worked out once."""

    def __init__(self, precision: int) -> None:
        super().__init__()
        self._precision = precision

    def __missing__(self, text: bytes) -> int:
        if len(self) >= KNOWN_PRICES:
            self.clear()
        price = self[text] = scale(text, self._precision)
        return price
