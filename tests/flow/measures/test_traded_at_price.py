"""Sold and bought at each price, and their clears."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kracked.flow.measures.traded_at_price import Clear, PriceTrades, TradedAtPrice
from kracked.protocol.events import Side, Trade
from kracked.times import NS_PER_S

S = NS_PER_S


def traded(*trades: tuple[Side, int, int]) -> TradedAtPrice:
    made = TradedAtPrice()
    for time, (side, price, qty) in enumerate(trades):
        made.add(Trade(side, price, qty, "limit", time, ""), time)
    return made


BUY, SELL = Side.BID, Side.ASK
SOME = ((SELL, 98, 1), (SELL, 99, 2), (BUY, 101, 4), (BUY, 102, 8), (SELL, 99, 16))


def test_takers_quantities_are_summed_by_price_and_side() -> None:
    assert traded(*SOME).prices == {
        98: PriceTrades(1, 0, 0),
        101: PriceTrades(0, 4, 2),
        102: PriceTrades(0, 8, 3),
        99: PriceTrades(18, 0, 4),
    }


def test_a_clear_of_all_leaves_nothing() -> None:
    made = traded(*SOME)
    assert made.clear(Clear.ALL, 0)
    assert (made.prices, made.sold, made.bought) == ({}, 0, 0)


def test_a_clear_above_keeps_the_best_ask_and_what_is_below() -> None:
    made = traded(*SOME)
    assert made.clear(Clear.ABOVE, 0, bid=99, ask=101)
    assert set(made.prices) == {98, 99, 101}


def test_a_clear_below_keeps_the_best_bid_and_what_is_above() -> None:
    made = traded(*SOME)
    assert made.clear(Clear.BELOW, 0, bid=99, ask=101)
    assert set(made.prices) == {99, 101, 102}


def test_without_a_best_ask_nothing_is_above() -> None:
    made = traded(*SOME)
    assert not made.clear(Clear.ABOVE, 0, bid=99)
    assert len(made.prices) == 4


def test_an_undo_brings_back_what_was_cleared_beside_what_traded_since() -> None:
    made = traded(*SOME)
    made.clear(Clear.ALL, 10 * S)
    made.add(Trade(SELL, 99, 100, "limit", 9, ""), 9)
    assert made.undo(15 * S)
    assert made.prices[99] == PriceTrades(118, 0, 9)
    assert (made.sold, made.bought) == (119, 12)


def test_after_five_seconds_there_is_nothing_to_undo() -> None:
    made = traded(*SOME)
    made.clear(Clear.ALL, 10 * S)
    assert not made.undo(15 * S + 1)
    assert made.prices == {}


def test_a_clear_is_undone_once() -> None:
    made = traded(*SOME)
    made.clear(Clear.ALL, 0)
    assert [made.undo(1), made.undo(1)] == [True, False]
    assert made.sold == 19


def test_with_too_many_prices_those_that_traded_longest_ago_go_and_it_says_so() -> None:
    made = TradedAtPrice(most_prices=4)
    for price in (1, 2, 3, 4, 1, 5):
        made.add(Trade(BUY, price, 1, "limit", 0, ""), 0)
    assert (set(made.prices), made.forgotten) == ({4, 1, 5}, True)


TRADES = st.lists(
    st.tuples(st.sampled_from(Side), st.integers(90, 110), st.integers(1, 9)), max_size=60
)


@given(TRADES, TRADES)
def test_the_sums_are_those_of_the_tape_since_the_clear(before: list, after: list) -> None:
    made = traded(*before)
    made.clear(Clear.ALL, 0)
    for side, price, qty in after:
        made.add(Trade(side, price, qty, "limit", 0, ""), 0)
    assert made.bought == sum(qty for side, _, qty in after if side is BUY)
    assert made.sold == sum(qty for side, _, qty in after if side is SELL)


@given(TRADES, TRADES, st.sampled_from(Clear))
def test_an_undone_clear_changes_nothing(before: list, after: list, which: Clear) -> None:
    made = traded(*before)
    made.clear(which, 0, bid=99, ask=101)
    for side, price, qty in after:
        made.add(Trade(side, price, qty, "limit", 0, ""), 0)
    made.undo(0)
    expected = traded(*before, *after)
    assert {p: each[:2] for p, each in made.prices.items()} == {
        p: each[:2] for p, each in expected.prices.items()
    }
