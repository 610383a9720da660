"""The grammar of alerts."""

from __future__ import annotations

from decimal import Decimal

import pytest

from kracked.flow.alerts import EXAMPLES, AlertKind, NotAnAlert, parse_alert
from kracked.protocol.events import Side


@pytest.mark.parametrize("text", EXAMPLES)
def test_every_example_is_an_alert(text: str) -> None:
    assert parse_alert(text).text == text
    assert parse_alert(f"eth/usd  {text.upper()} ").symbol == "ETH/USD"


def test_there_is_an_example_of_every_kind() -> None:
    assert {parse_alert(text).kind for text in EXAMPLES} == set(AlertKind)


def test_amounts_are_exact() -> None:
    rule = parse_alert("size >= 0.10000000000001 bid at 64000.1 within 2.5 bp")
    assert rule.limit == Decimal("0.10000000000001")
    assert (rule.side, rule.at, rule.within_bp) == (Side.BID, Decimal("64000.1"), Decimal("2.5"))


@pytest.mark.parametrize(
    ("short", "whole"),
    [
        ("64250", "price 64250"),
        ("BTC/USD 64250.5", "price 64250.5"),
        ("taker 5", "taker >= 5"),
        ("size 2", "size >= 2"),
        ("order 2.5", "order >= 2.5"),
        ("queue 1", "queue <= 1"),
        ("queue ahead 0.5", "queue ahead <= 0.5"),
    ],
)
def test_a_short_spelling_is_the_same_alert(short: str, whole: str) -> None:
    assert parse_alert(short).text == parse_alert(whole).text == whole


def test_a_length_of_time_may_be_left_out() -> None:
    assert parse_alert("spread > 5 bp").hold_ns == 10**9
    assert parse_alert("imbalance").hold_ns == 3 * 10**9
    assert parse_alert("imbalance for 500ms").hold_ns == 5 * 10**8


@pytest.mark.parametrize(
    "text",
    ["", "price", "price above -1", "price above 1e5", "size >= 5,0", "sizes >= 5", "BTC/USD"],
)
def test_what_is_none_is_refused_with_all_that_is_known(text: str) -> None:
    with pytest.raises(NotAnAlert) as refused:
        parse_alert(text)
    assert all(example in str(refused.value) for example in EXAMPLES)


def test_a_refusal_says_how_that_kind_is_written() -> None:
    with pytest.raises(NotAnAlert, match="it is written like 'spread > 5 bp for 1s'"):
        parse_alert("spread above 3")


def test_a_refusal_names_a_length_of_time_that_is_none() -> None:
    with pytest.raises(NotAnAlert, match="'10' is no length of time"):
        parse_alert("silence 10")
