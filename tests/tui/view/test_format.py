"""Numbers as people read them: exact, within their width, and never a false zero."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kracked.instruments import Precision
from kracked_tui.view import format as fmt

VALUES = st.integers(-(10**22), 10**22)


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(fmt).failed == 0


@given(VALUES, st.integers(0, 10), st.integers(5, 12))
def test_a_compact_number_never_outgrows_its_width(value: int, scale: int, width: int) -> None:
    assert len(fmt.compact(value, scale, width)) <= width


@given(st.integers(1, 10**22), st.integers(0, 10), st.integers(0, 5), st.integers(7, 12))
def test_a_quantity_never_outgrows_its_width_and_never_reads_as_zero(
    value: int, scale: int, decimals: int, width: int
) -> None:
    text = fmt.qty(value, scale, min(decimals, scale), width)
    assert len(text) <= width
    assert text.strip("0.") != ""


@given(st.integers(0, 10**20))
def test_an_age_has_at_most_five_characters(age_ns: int) -> None:
    assert len(fmt.age(age_ns)) <= 5


@pytest.mark.parametrize(
    ("price", "precision", "decimals"),
    [
        (642_105, Precision(1, 8), 4),
        (187_729, Precision(2, 8), 3),
        (1_080_880_000, Precision(5, 8), 4),
        (951_749, Precision(7, 8), 0),
        (0, Precision(9, 5), 0),
    ],
)
def test_quantities_show_the_decimals_that_matter_at_the_price(
    price: int, precision: Precision, decimals: int
) -> None:
    assert fmt.qty_decimals(price, precision) == decimals


@given(VALUES, st.integers(0, 10), st.integers(0, 10))
def test_rescaling_is_off_by_at_most_half_of_the_last_decimal(
    value: int, scale: int, decimals: int
) -> None:
    rescaled = fmt.rescale(value, scale, decimals)
    assert abs(rescaled * 10**scale - value * 10**decimals) * 2 <= 10**scale
