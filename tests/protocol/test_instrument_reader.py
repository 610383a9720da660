"""Rows of the instrument channel: what can be read counts, and what cannot is named."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from kracked.instruments import Asset, Instrument, Precision
from kracked.protocol import events
from kracked.protocol.codec import Codec

PAIR: dict[str, object] = {
    "symbol": "BTC/USD",
    "base": "BTC",
    "quote": "USD",
    "status": "online",
    "qty_precision": 8,
    "qty_increment": 0.00000001,
    "price_precision": 1,
    "price_increment": 0.1,
    "qty_min": 0.0001,
    "cost_min": "0.5",
    "marginable": True,
    "has_index": True,
}


def listed(row: dict[str, object], kind: str = "pairs") -> tuple[list, list[str]]:
    """Return the instruments or assets of a message with one row, and what was reported."""
    text = json.dumps({"channel": "instrument", "type": "snapshot", "data": {kind: [row]}})
    first, *others = Codec().decode(text.encode())
    reasons = [one.reason for one in others if isinstance(one, events.Malformed)]
    return list(getattr(first, kind)), reasons


def pair(**changes: object) -> tuple[Instrument, list[str]]:
    [instrument], reasons = listed(PAIR | changes)
    return instrument, reasons


@pytest.mark.parametrize(
    ("increment", "step"), [(0.25, 5), (0.05, 1), (0.5, 5), (0.1, 1), (2.5, 25), (0.125, 5)]
)
def test_a_step_finer_than_its_precision_becomes_one_whose_multiples_are_allowed(
    increment: float, step: int
) -> None:
    instrument, reasons = pair(price_increment=increment)
    assert (instrument.price_increment, instrument.precision) == (step, Precision(1, 8))
    assert reasons == []


@pytest.mark.parametrize(("least", "scaled"), [(0.00001, 1), (0.0025, 3), (0.001, 1), (0.0, 0)])
def test_a_minimum_finer_than_its_precision_is_rounded_up(least: float, scaled: int) -> None:
    instrument, _ = pair(qty_precision=3, qty_min=least)
    assert instrument.qty_min == scaled


@pytest.mark.parametrize(
    ("member", "expected"),
    [
        ("status", "online"),
        ("price_increment", 1),
        ("qty_increment", 1),
        ("qty_min", 0),
        ("cost_min", Decimal(0)),
        ("marginable", False),
        ("has_index", False),
        ("base", "BTC"),
        ("quote", "USD"),
    ],
)
def test_a_null_member_is_the_same_as_an_absent_one(member: str, expected: object) -> None:
    nulled, reasons = pair(**{member: None})
    absent, _ = listed({name: value for name, value in PAIR.items() if name != member})
    assert getattr(nulled, member) == expected
    assert absent == [nulled]
    assert reasons == []


@pytest.mark.parametrize("odd", [[], {}, "x", -1])
@pytest.mark.parametrize("member", ["price_increment", "qty_increment", "qty_min", "cost_min"])
def test_an_odd_member_is_named_and_the_rest_counts(member: str, odd: object) -> None:
    instrument, reasons = pair(**{member: odd})
    assert instrument.precision == Precision(1, 8)
    assert reasons == [f"its {member} cannot be read; the rest counts"]


@pytest.mark.parametrize("increment", [0, -0.1])
def test_a_step_of_zero_or_less_is_odd(increment: float) -> None:
    instrument, reasons = pair(price_increment=increment)
    assert instrument.price_increment == 1
    assert len(reasons) == 1


@pytest.mark.parametrize("odd", [None, -1, 31, "x", 1.5, []])
@pytest.mark.parametrize("member", ["price_precision", "qty_precision"])
def test_a_pair_without_its_precisions_is_none(member: str, odd: object) -> None:
    found, [reason] = listed(PAIR | {member: odd})
    assert found == []
    assert f"its {member} cannot be read" in reason


def test_an_asset_with_a_null_display_shows_the_decimals_of_its_balances() -> None:
    [asset], reasons = listed({"id": "BTC", "precision": 10, "precision_display": None}, "assets")
    assert asset == Asset(id="BTC", precision=10, precision_display=10)
    assert reasons == []


def test_the_deprecated_tick_size_stands_in_for_the_increment() -> None:
    instrument, _ = pair(price_increment=None, tick_size=0.5)
    assert instrument.price_increment == 5
