"""The average price against fractions."""

from __future__ import annotations

from fractions import Fraction
from math import isqrt

from hypothesis import given
from hypothesis import strategies as st

from kracked.flow.measures.vwap import AnchoredVwaps, Vwap

TRADES = st.lists(st.tuples(st.integers(1, 10**9), st.integers(1, 10**14)), min_size=1, max_size=50)


def vwap(trades: list, anchor: int = 0) -> Vwap:
    made = Vwap(anchor)
    for price, qty in trades:
        made.add(price, qty)
    return made


@given(TRADES)
def test_average_and_variance_are_exact(trades: list) -> None:
    made, total = vwap(trades), sum(qty for _, qty in trades)
    mean = Fraction(sum(price * qty for price, qty in trades), total)
    assert made.exact == mean
    assert made.variance == sum(qty * (price - mean) ** 2 for price, qty in trades) / total


@given(TRADES, st.integers(-2, 2), st.sampled_from([1, 10, 100]))
def test_a_band_is_the_nearest_price(trades: list, deviations: int, finer: int) -> None:
    made = vwap(trades)
    digits = 10**30
    root = Fraction(isqrt(int(made.variance * digits**2)), digits)
    exact = (made.exact + deviations * root) * finer
    assert abs(made.price(deviations, finer=finer) - exact) <= Fraction(52, 100)


def test_a_deviation_survives_where_floats_would_lose_it() -> None:
    assert vwap([(630_000_000_000, 10**12), (630_000_000_002, 10**12)]).variance == 1


def test_one_price_has_no_deviation() -> None:
    made = vwap([(100, 3), (100, 5)])
    assert [made.price(n) for n in (-2, 0, 2)] == [100, 100, 100]


def test_before_the_first_trade_there_is_no_average() -> None:
    made = Vwap(0)
    assert (made.exact, made.variance, made.price(1)) == (None, None, None)


def test_an_anchored_average_counts_from_its_instant_on() -> None:
    anchored = AnchoredVwaps()
    anchored.place(Vwap(10))
    anchored.add(100, 1, 9)
    anchored.add(200, 1, 10)
    assert anchored["a"].price() == 200


def test_a_fifth_anchor_takes_the_letter_of_the_oldest() -> None:
    anchored = AnchoredVwaps()
    letters = [anchored.place(Vwap(time)) for time in (30, 10, 20, 40, 50)]
    assert letters == ["a", "b", "c", "d", "b"]
    assert [(letter, one.anchor) for letter, one in anchored.items()] == [
        ("a", 30),
        ("b", 50),
        ("c", 20),
        ("d", 40),
    ]


def test_the_letter_of_an_anchor_that_was_removed_is_free_again() -> None:
    anchored = AnchoredVwaps()
    for time in (1, 2, 3):
        anchored.place(Vwap(time))
    anchored.remove("b")
    assert anchored.place(Vwap(4)) == "b"
