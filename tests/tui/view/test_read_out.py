"""The row under the cursor and the cost to trade, in words that a person can check."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from kracked.flow.measures.price_changes import LevelChanges
from kracked.flow.measures.traded_at_price import PriceTrades
from kracked.instruments import Precision
from kracked.protocol.events import Level, Side
from kracked_tui.view.ladder.read_out import (
    CursorRow,
    as_line,
    cost_parts,
    cursor_parts,
    traded_in,
)
from kracked_tui.view.ladder.selection import Selection
from tests.tui.frozen_market import NOW, order

PRECISION = Precision(1, 2)
BIDS = [Level(1000, 500), Level(999, 100), Level(990, 4000)]
ASKS = [Level(1002, 100), Level(1003, 200), Level(1010, 300)]
ROW = CursorRow(Selection(Side.BID, 999, 999), "BTC/USD", PRECISION, 2, (1000, 1002), BIDS)


def test_the_row_is_told_with_the_sum_to_it_and_its_distance_from_the_middle() -> None:
    text = " · ".join(cursor_parts(ROW))
    assert text == "99.9 bid · 1.00 · sum to here 6.00 = 599.90 USD · -20.0 bp from mid"


def test_orders_changes_and_trades_of_the_row_are_told_where_they_are_known() -> None:
    orders = [order(1, 999, 25, age_s=720), order(2, 999, 75, age_s=2)]
    row = ROW._replace(
        orders=orders,
        now=NOW,
        changes=LevelChanges(stacked=120, pulled=40, traded=210),
        window="30s",
        traded=PriceTrades(410, 0),
    )
    parts = cursor_parts(row)
    assert parts[1] == "2 orders"
    assert parts[-4:] == [
        "oldest 12m00",
        "largest 75 %",
        "30s: +1.20 new -0.40 cancelled -2.10 traded",
        "sold here 4.10",
    ]


def test_leaving_at_the_cursor_is_worth_what_the_position_says() -> None:
    assert "leaving here +12.40" in cursor_parts(ROW._replace(result=Fraction("12.4")))


def test_the_cost_is_the_average_of_the_walk_against_the_middle() -> None:
    parts = cost_parts(100, BIDS, ASKS, PRECISION, own={})
    assert parts[:2] == ["buy 1: 100.2 +10.0 bp, 1 level", "sell 1: 100.0 -10.0 bp, 1 level"]
    assert parts[2] == "buy 5: 100.6 +46.0 bp, 3 levels"


def test_what_the_known_book_does_not_hold_is_never_continued() -> None:
    parts = cost_parts(100, BIDS, ASKS, PRECISION, own={})
    assert "buy 25: the book known to 101.0 holds 6" in parts


def test_own_orders_are_no_part_of_the_walk_and_that_is_said() -> None:
    parts = cost_parts(100, BIDS, ASKS, PRECISION, own={1002: 100})
    assert parts[0] == "buy 1: 100.3 +20.0 bp, 1 level"
    assert parts[-1] == "own orders left out"


def test_without_a_side_or_a_size_no_cost_is_told() -> None:
    for size, bids in ((100, []), (0, BIDS)):
        assert cost_parts(size, bids, ASKS, PRECISION, own={}) == ["the cost to trade is not known"]


@given(st.dictionaries(st.integers(1, 300), st.integers(1, 9)), st.integers(1, 300))
def test_what_traded_in_a_row_is_the_sum_of_its_prices(sold: dict[int, int], low: int) -> None:
    selection = Selection(Side.BID, low, low + 9)
    found = traded_in({price: PriceTrades(qty) for price, qty in sold.items()}, selection)
    assert found.sold == sum(qty for price, qty in sold.items() if low <= price <= low + 9)


def test_a_line_has_the_first_parts_that_fit_whole() -> None:
    assert as_line(["one", "two", "three"], 9) == "one · two"
