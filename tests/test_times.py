"""RFC 3339 text and integer nanoseconds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kracked import times


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2024-05-19T18:55:20.910159752Z", 1716144920910159752),
        ("2026-08-01T02:53:53.398143Z", 1785552833398143000),
        ("2026-08-01T02:53:53.1+00:00", 1785552833100000000),
        ("2026-08-01 02:53:53.1234567891Z", 1785552833123456789),
    ],
)
def test_any_number_of_fraction_digits_is_read(text: str, ns: int) -> None:
    assert times.parse_ns(text) == ns


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01T00:00:00Z", "2026-08-01T02:53:53"])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(times.NotATime, match="RFC 3339"):
        times.parse_ns(text)


@given(st.integers(0, 4_000_000_000 * times.NS_PER_S))
def test_an_instant_survives_being_written(ns: int) -> None:
    assert times.parse_ns(times.to_rfc3339(ns, 9)) == ns


def test_the_first_year_has_four_digits_too() -> None:
    """Programs without a time write this one."""
    unknown = "0001-01-01T00:00:00Z"
    assert times.to_rfc3339(times.parse_ns(unknown), 0) == unknown


def test_digits_are_cut_and_not_rounded() -> None:
    assert times.to_rfc3339(1_999_999_999, 0) == "1970-01-01T00:00:01Z"
    assert times.to_rfc3339(1_999_999_999, 3) == "1970-01-01T00:00:01.999Z"


def test_text_that_is_no_time_can_be_met_without_an_exception() -> None:
    assert times.try_parse_ns("1970-01-01T00:00:01Z") == times.NS_PER_S
    assert times.try_parse_ns("yesterday") is times.try_parse_ns(None) is None
