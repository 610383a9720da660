"""Average entry and results against exact fractions."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kracked.flow.measures.position import ExitMark, MarkedBy, Position, exit_mark
from kracked.protocol.events import Side
from kracked.protocol.own_orders import Fee, Fill

BUY, SELL = Side.BID, Side.ASK
BTC = "BTC/USD"
NEAR = Fraction(1, 10**28)


def fill(
    number: int,
    side: Side,
    qty: str,
    price: str,
    *,
    fee: str = "0",
    asset: str = "USD",
    maker: bool = False,
    symbol: str = BTC,
) -> Fill:
    return Fill(
        exec_id=f"E{number}",
        order_id="O",
        symbol=symbol,
        side=side,
        last_qty=Decimal(qty),
        last_price=Decimal(price),
        timestamp="2024-01-01T00:00:00Z",
        liquidity_ind="m" if maker else "t",
        fees=(Fee(asset, Decimal(fee)),),
    )


def position(*fills: tuple, **terms) -> Position:
    made = Position(BTC, **terms)
    for number, (side, qty, price) in enumerate(fills):
        made.add(fill(number, side, qty, price))
    return made


def test_buys_average_their_prices() -> None:
    made = position((BUY, "1", "100"), (BUY, "3", "200"))
    assert (made.qty, made.average, made.realised) == (4, 175, 0)


def test_a_sale_leaves_the_average_and_realises_the_difference() -> None:
    made = position((BUY, "4", "175"), (SELL, "1", "200"))
    assert (made.qty, made.average, made.realised) == (3, 175, 25)


def test_a_flip_closes_at_the_old_average_and_opens_at_its_price() -> None:
    made = position((BUY, "2", "100"), (SELL, "5", "110"))
    assert (made.qty, made.average, made.realised) == (-3, 110, 20)


def test_a_short_earns_when_it_is_bought_back_lower() -> None:
    made = position((SELL, "2", "100"), (BUY, "1", "90"))
    assert (made.qty, made.average, made.realised) == (-1, 100, 10)
    assert made.open_result(Fraction(95)) == 5


def test_a_position_that_returns_to_zero_has_no_cost_left() -> None:
    made = position((BUY, "3", "100.1"), (SELL, "1", "1"), (SELL, "1", "2"), (SELL, "1", "3"))
    assert (made.qty, made.average, made.open_result(Fraction(77))) == (0, None, 0)


def test_a_fee_in_the_base_currency_lowers_what_was_got() -> None:
    made = Position(BTC)
    made.add(fill(1, BUY, "1", "100", fee="0.01", asset="BTC"))
    assert (made.qty, made.average) == (Decimal("0.99"), 100)
    assert made.fees.taker == 1
    assert made.net(Fraction(100)) == -1


def test_a_fee_in_a_third_asset_is_listed_apart() -> None:
    made = Position(BTC)
    made.add(fill(1, BUY, "1", "100", fee="26", asset="KFEE"))
    assert made.fees == (0, 0, {"KFEE": 26})
    assert made.net(Fraction(100)) == 0


def test_makers_and_takers_fees_are_told_apart() -> None:
    made = Position(BTC)
    made.add(fill(1, BUY, "1", "100", fee="0.16", maker=True))
    made.add(fill(2, SELL, "1", "101", fee="0.26"))
    assert made.fees[:2] == (Decimal("0.16"), Decimal("0.26"))
    assert made.net(Fraction(0)) == Fraction(58, 100)


def test_an_execution_counts_once() -> None:
    made = position((BUY, "1", "100"))
    assert not made.add(fill(0, BUY, "1", "100"))
    assert (made.qty, made.fills) == (1, 1)


def test_a_fill_of_another_pair_does_not_count() -> None:
    made = Position(BTC)
    assert not made.add(fill(1, BUY, "1", "100", symbol="ETH/USD"))
    assert made.qty == 0


def test_leaving_at_the_break_even_price_nets_nothing() -> None:
    rate = Fraction(26, 10_000)
    made = Position(BTC)
    made.add(fill(1, BUY, "2", "100", fee="0.52"))
    price = made.break_even(rate)
    assert made.net(price) == rate * price * 2


def test_a_break_even_of_a_short_is_below_its_entry() -> None:
    rate = Fraction(26, 10_000)
    made = Position(BTC)
    made.add(fill(1, SELL, "2", "100", fee="0.52"))
    price = made.break_even(rate)
    assert price < 100
    assert made.net(price) == rate * price * 2


def test_a_break_even_knows_nothing_of_earlier_positions() -> None:
    made = position((BUY, "1", "100"), (SELL, "1", "50"), (BUY, "1", "100"))
    assert made.break_even(Fraction(0)) == 100


def test_a_flip_divides_its_fee_between_both_positions() -> None:
    made = Position(BTC)
    made.add(fill(1, BUY, "1", "100"))
    made.add(fill(2, SELL, "4", "100", fee="4"))
    assert made.break_even(Fraction(0)) == 99


def test_the_entry_of_a_holding_is_never_guessed() -> None:
    made = position((SELL, "1", "100"), holding=Decimal(3))
    assert (made.qty, made.average, made.open_result(Fraction(1))) == (2, None, None)
    assert (made.realised, made.incomplete, made.net(Fraction(1))) == (0, True, None)


def test_a_holding_with_an_entry_is_a_position() -> None:
    made = position((SELL, "1", "110"), holding=Decimal(3), average=Decimal(100))
    assert (made.average, made.realised) == (100, 10)


@pytest.mark.parametrize(
    ("qty", "mark"),
    [
        (5, ExitMark(Fraction(99), MarkedBy.EXIT)),
        (15, ExitMark(Fraction(99 * 10 + 98 * 5, 15), MarkedBy.EXIT)),
        (-4, ExitMark(Fraction(101), MarkedBy.EXIT)),
        (31, ExitMark(Fraction(100), MarkedBy.MID)),
        (0, None),
    ],
)
def test_a_position_is_marked_where_it_could_be_left(qty: int, mark: ExitMark | None) -> None:
    assert exit_mark(qty, [(99, 10), (98, 20)], [(101, 10)], 97) == mark


def test_without_a_book_a_position_is_marked_at_the_last_trade() -> None:
    assert exit_mark(1, [], [(101, 10)], 97) == ExitMark(Fraction(97), MarkedBy.LAST)
    assert exit_mark(1, [], [], None) is None


FILLS = st.lists(
    st.tuples(
        st.sampled_from(Side),
        st.integers(1, 10**9).map(lambda n: Decimal(n).scaleb(-8)),
        st.integers(1, 10**7).map(lambda n: Decimal(n).scaleb(-1)),
        st.integers(0, 10**6).map(lambda n: Decimal(n).scaleb(-5)),
        st.sampled_from(["USD", "BTC"]),
    ),
    max_size=20,
)


@given(FILLS, st.integers(1, 10**6))
@settings(max_examples=200, deadline=None)
def test_results_are_those_of_exact_fractions(fills: list, mark: int) -> None:
    made = Position(BTC)
    held = cost = realised = cash = Fraction(0)
    for number, (side, qty, price, fee, asset) in enumerate(fills):
        made.add(fill(number, side, str(qty), str(price), fee=str(fee), asset=asset))
        sign, at = (1 if side is BUY else -1), Fraction(price)
        change = sign * Fraction(qty) - (Fraction(fee) if asset == "BTC" else 0)
        cash -= sign * Fraction(qty) * at + (Fraction(fee) if asset == "USD" else 0)
        if held * change < 0:
            closed = min(abs(held), abs(change)) * (1 if change > 0 else -1)
            realised += -closed * (at - cost / held)
            cost += closed * cost / held
            held += closed
            change -= closed
        held += change
        cost += change * at
    assert Fraction(made.qty) == held
    assert abs(Fraction(made.realised) - realised) < NEAR
    if held:
        assert abs(made.average - cost / held) * abs(held) < NEAR
    assert made.net(Fraction(mark)) == cash + held * mark


@given(FILLS, st.data())
@settings(max_examples=50, deadline=None)
def test_the_same_executions_twice_count_once(fills: list, data) -> None:
    once, twice = Position(BTC), Position(BTC)
    made = [
        fill(number, side, str(qty), str(price), fee=str(fee), asset=asset)
        for number, (side, qty, price, fee, asset) in enumerate(fills)
    ]
    for each in made:
        once.add(each)
        twice.add(each)
        if data.draw(st.booleans()):
            twice.add(each)
    assert (once.qty, once.realised, once.fees) == (twice.qty, twice.realised, twice.fees)
