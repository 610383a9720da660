"""Decimal text and scaled integers: no digit is lost, none is made up."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kracked import units
from kracked.errors import NotANumber, TooPrecise

PRECISIONS = st.integers(0, 12)
SCALED = st.integers(-(10**30), 10**30)


@pytest.mark.parametrize(
    ("text", "precision", "scaled"),
    [
        (b"45283.5", 1, 452835),
        (b"0.00001000", 8, 1000),
        (b"0.010", 3, 10),
        (b"1e-08", 8, 1),
        (b"1E-8", 8, 1),
        (b"1.07e7", 0, 10_700_000),
        (b"0.566", 4, 5660),
        (b"343704969412.25579", 5, 34370496941225579),
        (b"-429.3", 1, -4293),
        (b"0", 8, 0),
        (b'"44939.4"', 1, 449394),
        (b"45283.50", 1, 452835),
    ],
)
def test_every_spelling_of_a_number_scales_to_the_same_integer(
    text: bytes, precision: int, scaled: int
) -> None:
    assert units.scale(text, precision) == scaled


@pytest.mark.parametrize(("text", "precision"), [(b"45283.55", 1), (b"0.123456789", 8)])
def test_a_digit_that_would_be_lost_is_refused(text: bytes, precision: int) -> None:
    with pytest.raises(TooPrecise, match="decimals its instrument allows"):
        units.scale(text, precision)


@pytest.mark.parametrize(
    "text",
    [b"", b"abc", b"1.2.3", b"1_000", b"NaN", b"--1", b"null", b"+1", b"9" * 5000 + b".00"],
)
def test_what_is_no_number_is_refused(text: bytes) -> None:
    with pytest.raises(NotANumber):
        units.scale(text, 2)


@given(SCALED, PRECISIONS)
def test_text_and_scaled_integer_round_trip(value: int, precision: int) -> None:
    assert units.scale(units.to_text(value, precision).encode(), precision) == value


@given(SCALED, PRECISIONS)
def test_the_text_has_exactly_the_precision_s_decimals(value: int, precision: int) -> None:
    assert units.decimals(units.to_text(value, precision).encode()) == precision


@given(SCALED, PRECISIONS)
def test_the_decimal_has_the_same_value(value: int, precision: int) -> None:
    assert (
        units.to_decimal(value, precision).as_tuple()
        == Decimal(units.to_text(value, precision)).as_tuple()
    )


@given(st.integers(0, 10**20), PRECISIONS)
def test_exponent_form_scales_like_plain_form(value: int, precision: int) -> None:
    assert units.scale(f"{value}e-{precision}".encode(), precision) == value


def test_the_worked_examples_of_the_protocol_hold(vectors: Path) -> None:
    cases = json.loads((vectors / "number_format.json").read_text())["cases"]
    for case in cases:
        text, precision = case["text"].encode(), case["precision"]
        if case["scaled"] is None:
            with pytest.raises(TooPrecise):
                units.scale(text, precision)
            continue
        scaled = units.scale(text, precision)
        assert str(scaled) == case["scaled"], case
        assert units.to_text(scaled, precision) == case["canonical"], case
