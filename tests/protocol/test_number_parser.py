"""The wire's digits: exact whatever they look like, and no cache without a bound."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from kracked.errors import NotANumber, TooPrecise
from kracked.instruments import Precision
from kracked.protocol import number_parser, wire
from kracked.protocol.events import OrderAction
from kracked.protocol.number_parser import (
    KNOWN_PRICES,
    LARGEST,
    NumberReader,
    OutOfRange,
    TooManyRows,
    decimal,
    exact,
    is_present,
    max_decimals,
    price,
    quantity,
    signed,
)

Raw = msgspec.Raw
QUANTITIES = [
    (b"100.2500", 1002500),
    (b"100.25", 1002500),
    (b"100.2", 1002000),
    (b"100", 1000000),
    (b"1e2", 1000000),
    (b'"100.2500"', 1002500),
    (b"0.0001", 1),
    (b"1", 10000),
    (b"0", 0),
    (b"-1.0000", -10000),
]


@pytest.mark.parametrize(("text", "scaled"), QUANTITIES)
def test_the_quantity_of_a_level_is_exact_however_it_is_written(text: bytes, scaled: int) -> None:
    reader = NumberReader(Precision(1, 4))
    for companions in ([], [wire.WireLevel(Raw(b"2.0"), Raw(b"5.0000"))]):
        rows = [wire.WireLevel(Raw(b"1.5"), Raw(text)), *companions]
        assert reader.levels(rows)[0] == (15, scaled)


@pytest.mark.parametrize(("text", "scaled"), QUANTITIES)
def test_the_quantity_of_an_order_is_exact_however_it_is_written(text: bytes, scaled: int) -> None:
    reader = NumberReader(Precision(1, 4))
    row = wire.WireOrder("O1", Raw(b"1.5"), Raw(text), "2026-01-01T00:00:00Z")
    [order] = reader.orders([row])
    assert (order.price, order.qty, order.action) == (15, scaled, OrderAction.ADD)


@pytest.mark.parametrize("text", [b"1.00001", b"100.25001"])
def test_a_digit_too_many_is_never_rounded(text: bytes) -> None:
    with pytest.raises(TooPrecise):
        NumberReader(Precision(1, 4)).levels([wire.WireLevel(Raw(b"1.5"), Raw(text))])


@pytest.mark.parametrize("text", [b'"1.x000"', b"x", b"", b'"1..000"', b'"1_0.000"', b"{}"])
def test_what_is_no_number_is_none(text: bytes) -> None:
    with pytest.raises(NotANumber):
        NumberReader(Precision(1, 4)).levels([wire.WireLevel(Raw(b"1.5"), Raw(text))])


def test_a_quantity_without_decimals_is_read_at_a_precision_of_none() -> None:
    rows = [wire.WireLevel(Raw(b"7"), Raw(b"12")), wire.WireLevel(Raw(b"8"), Raw(b"9."))]
    assert NumberReader(Precision(0, 0)).levels(rows) == ((7, 12), (8, 9))


def test_the_prices_that_are_remembered_are_bounded_and_stay_right() -> None:
    reader = NumberReader(Precision(0, 0))
    for number in range(1, 3 * KNOWN_PRICES):
        row = wire.WireLevel(Raw(b"%d" % number), Raw(b"1"))
        assert reader.levels([row]) == ((number, 1),)
        assert len(reader._prices) <= KNOWN_PRICES


def test_the_most_precise_number_tells_the_decimals() -> None:
    assert max_decimals([Raw(b"1"), Raw(b"1.250"), Raw(b"0.1")]) == 3
    assert max_decimals([]) == 0


def test_no_instrument_has_more_than_thirty_decimals() -> None:
    assert max_decimals([Raw(b"0." + b"1" * 30)]) == 30
    with pytest.raises(OutOfRange, match="31 decimals"):
        max_decimals([Raw(b"0." + b"1" * 31)])


@pytest.mark.parametrize("read", [price, quantity, signed])
def test_the_largest_number_is_read_and_the_next_one_refused(read) -> None:
    assert read(b"%d" % LARGEST, 0) == LARGEST == 10**38 - 1
    with pytest.raises(OutOfRange):
        read(b"%d" % (LARGEST + 1), 0)


def test_a_price_is_above_zero_a_quantity_not_below_and_a_change_may_be() -> None:
    assert (price(b"1", 0), quantity(b"0", 0), signed(b"-1", 0)) == (1, 0, -1)
    for read, text in ((price, b"0"), (price, b"-1"), (quantity, b"-1")):
        with pytest.raises(OutOfRange):
            read(text, 0)


def test_as_many_orders_as_the_bound_are_read_and_one_more_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(number_parser, "MOST_ORDERS", 2)
    monkeypatch.setattr(number_parser, "MOST_LEVELS", 2)
    reader = NumberReader(Precision(0, 0))
    order = wire.WireOrder("O1", Raw(b"1"), Raw(b"1"), "")
    level = wire.WireLevel(Raw(b"1"), Raw(b"1"))
    assert len(reader.orders([order] * 2)) == len(reader.levels([level] * 2)) == 2
    for read, rows in ((reader.orders, [order] * 3), (reader.levels, [level] * 3)):
        with pytest.raises(TooManyRows, match="3 rows a side"):
            read(rows)


def test_null_and_nothing_are_no_number() -> None:
    assert [is_present(Raw(text)) for text in (b"", b"null", b"0")] == [False, False, True]


def test_a_decimal_keeps_the_digits_it_is_written_with() -> None:
    assert str(decimal(Raw(b"0.50"))) == "0.50"
    assert str(decimal(Raw(b"1e-8"))) == "1E-8"


@pytest.mark.parametrize("text", ["1e1001", "1e-1001", "NaN", "x"])
def test_an_untyped_number_beyond_reason_is_refused(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        exact(text)


@pytest.mark.parametrize("text", ["1e1000", "1e-1000", "-0.50"])
def test_an_untyped_number_is_exact(text: str) -> None:
    assert exact(text) == Decimal(text)


def test_the_longest_quantity_read_at_once_is_below_the_largest() -> None:
    assert 10 ** (number_parser._USUAL - 2) <= number_parser.LARGEST
