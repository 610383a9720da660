"""Lengths of time as people write them: one grammar everywhere."""

from __future__ import annotations

import argparse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kracked.cli import arguments
from kracked.durations import NotADuration, parse_duration_ns
from kracked_tui import options

MS, S = 10**6, 10**9


@pytest.mark.parametrize(
    ("text", "length_ns"),
    [
        ("500ms", 500 * MS),
        ("90s", 90 * S),
        ("1m", 60 * S),
        ("1min", 60 * S),
        ("1h", 3600 * S),
        ("1.5h", 5400 * S),
        ("1h30m", 5400 * S),
        ("1d", 86_400 * S),
        (" 1H 30 Min ", 5400 * S),
        ("h", 3600 * S),
        ("0.1s", 100 * MS),
        ("250us", 250_000),
    ],
)
def test_a_length_of_time_is_read_exactly(text: str, length_ns: int) -> None:
    assert parse_duration_ns(text) == length_ns


@pytest.mark.parametrize(
    "text", ["", "soon", "-1s", "1x", "s5", "1M", "1e3s", "5", "0s", "1h 30", "nan", "١s"]
)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(NotADuration, match=r"is no length of time.*say 500ms, 60s, 5m"):
        parse_duration_ns(text)


def test_a_number_alone_is_seconds_only_where_that_is_said() -> None:
    assert parse_duration_ns("1.5", bare_s=True) == 1500 * MS


def test_no_time_at_all_is_taken_only_where_that_is_said() -> None:
    assert parse_duration_ns("0s", zero=True) == 0


@given(st.integers(1, 10**12 - 1), st.sampled_from(["ns", "us", "ms", "s", "m", "h", "d"]))
def test_no_digit_of_a_number_is_lost(number: int, unit: str) -> None:
    single_ns = parse_duration_ns(unit)
    assert parse_duration_ns(f"{number}{unit}") == number * single_ns


@pytest.mark.parametrize("text", ["500ms", "2m", "1h", "1h30m"])
def test_every_option_takes_every_length_of_time(text: str) -> None:
    seconds = parse_duration_ns(text) / S
    assert arguments.seconds(text) == seconds
    assert arguments.interval(text) == text
    assert options.parsed(["--after", text]).after_s == seconds


def test_every_option_refuses_with_the_same_sentence() -> None:
    with pytest.raises(argparse.ArgumentTypeError) as duration:
        arguments.seconds("soon")
    with pytest.raises(argparse.ArgumentTypeError) as interval:
        arguments.interval("soon")
    assert str(duration.value) == str(interval.value) == str(NotADuration("soon"))
