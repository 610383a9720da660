"""The ladder: every level in its row, nothing lost by grouping, marks as well as colours."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kracked.flow.measures.price_changes import LevelChanges
from kracked.flow.measures.traded_at_price import PriceTrades
from kracked.instruments import Precision
from kracked.protocol.events import Level, Side
from kracked_tui.view.account.own_levels import OwnLevel
from kracked_tui.view.ladder import ladder, ladder_lines
from kracked_tui.view.ladder.ladder import LadderRow, LadderView, RowMeasures
from kracked_tui.view.ladder.ladder_lines import ColumnSet
from kracked_tui.view.ladder.ladder_scroll import LadderScroll

PRECISION = Precision(1, 8)
BIDS = [Level(1000, 5), Level(999, 7), Level(994, 11)]
ASKS = [Level(1001, 3), Level(1004, 9)]


def view(scroll: LadderScroll, rows: int = 11, last: int | None = None) -> LadderView:
    return ladder.ladder_view(
        BIDS,
        ASKS,
        scroll,
        scroll.prices(rows),
        orders={1000: 4},
        last=last,
        measures=RowMeasures(traded={1000: PriceTrades(2, 1)}),
    )


def rows_of(
    bids: list[Level], asks: list[Level], scroll: LadderScroll, rows: int, **known: Any
) -> LadderView:
    return ladder.ladder_view(
        bids, asks, scroll, scroll.prices(rows), orders={}, last=None, **known
    )


def test_each_level_is_in_its_own_row_when_ungrouped() -> None:
    rows = {row.price: row for row in view(LadderScroll(1000, step=1)).rows}
    assert (rows[1000].bid, rows[999].bid, rows[1001].ask, rows[1004].ask) == (5, 7, 3, 9)
    assert rows[1002].bid == rows[1002].ask == 0


def test_prices_fall_from_the_top_row_down_in_equal_steps() -> None:
    prices = [row.price for row in view(LadderScroll(1000, step=5)).rows]
    assert prices == sorted(prices, reverse=True)
    assert {high - low for high, low in pairwise(prices)} == {5}


def test_grouping_rounds_bids_down_and_asks_up() -> None:
    rows = {row.price: row for row in view(LadderScroll(1000, step=5)).rows}
    assert (rows[1000].bid, rows[995].bid, rows[990].bid) == (5, 7, 11)
    assert rows[1005].ask == 12


@given(st.lists(st.tuples(st.integers(900, 1000), st.integers(1, 99)), unique_by=lambda x: x[0]))
def test_grouping_loses_no_quantity(levels: list[tuple[int, int]]) -> None:
    bids = [Level(*level) for level in sorted(levels, reverse=True)]
    seen = ladder.ladder_view(
        bids,
        [],
        LadderScroll(950, step=10),
        LadderScroll(950, step=10).prices(21),
        orders={},
        last=None,
    )
    assert sum(row.bid for row in seen.rows) == sum(level.qty for level in bids)


def test_the_cursor_is_on_the_best_bid_until_it_is_moved() -> None:
    assert next(row.price for row in view(LadderScroll(1000, step=1)).rows if row.cursor) == 1000
    moved = view(LadderScroll(1000, step=1, cursor=1003))
    assert next(row.price for row in moved.rows if row.cursor) == 1003


def test_order_counts_and_traded_quantities_stand_at_their_price() -> None:
    row = next(row for row in view(LadderScroll(1000, step=1)).rows if row.price == 1000)
    assert (row.bid_orders, row.sold, row.bought) == (4, 2, 1)


def test_the_last_trade_is_marked_with_a_sign() -> None:
    found = view(LadderScroll(1000, step=1), last=1001)
    columns = ladder_lines.columns_for(60, 7)
    marked = [row for row in found.rows if row.last]
    assert [row.price for row in marked] == [1001]
    assert "◂" in ladder_lines.ladder_line(marked[0], found.largest, columns, PRECISION, 4).text


def test_a_large_level_is_marked_with_a_sign_and_not_only_a_colour() -> None:
    bids = [Level(1000 - at, qty) for at, qty in enumerate([10] * 7 + [80] + [160])]
    seen = ladder.ladder_view(
        bids,
        [],
        LadderScroll(1000, step=1),
        LadderScroll(1000, step=1).prices(40),
        orders={},
        last=None,
    )
    columns = ladder_lines.columns_for(60, 7)
    texts = {
        row.bid: ladder_lines.ladder_line(row, seen.largest, columns, Precision(1, 0), 0).text
        for row in seen.rows
    }
    assert {qty for qty, text in texts.items() if "•" in text} == {160}
    assert not any("◆" in text for text in texts.values())


def test_a_huge_level_has_a_sign_of_its_own() -> None:
    row = LadderRow(1000, bid=95, bid_weight=2)
    text = ladder_lines.ladder_line(
        row, 100, ladder_lines.columns_for(60, 7), Precision(1, 0), 0
    ).text
    assert "◆" in text


@given(st.integers(1, 10**20))
def test_a_bars_scale_is_never_too_small_and_at_most_twice_too_large(value: int) -> None:
    assert value <= ladder.bar_scale(value) <= 2 * value


@given(st.integers(20, 200), st.integers(5, 14))
def test_a_row_is_exactly_as_wide_as_the_pane(width: int, price_width: int) -> None:
    columns = ladder_lines.columns_for(width, price_width)
    row = LadderRow(642_105, 10**12, 10**15, 3, 4, 10**9, 10**9, cursor=True, last=True)
    text = ladder_lines.ladder_line(row, 10**15, columns, PRECISION, 4).text
    assert len(text) == len(ladder_lines.head_line(columns).text) == width


def test_columns_go_in_order_as_the_pane_narrows() -> None:
    widths = [ladder_lines.columns_for(width, 7) for width in (78, 48, 34)]
    assert [columns.orders > 0 for columns in widths] == [True, False, False]
    assert [columns.traded > 0 for columns in widths] == [True, True, False]


def test_own_orders_give_way_before_the_prices_do() -> None:
    columns = ladder_lines.columns_for(38, 7, mine=True)
    row = LadderRow(642_105, ask=12_345_678, mine=OwnLevel(Side.BID, Decimal("0.15"), 4))
    text = ladder_lines.ladder_line(row, 10**15, columns, PRECISION, 4).text
    assert text.split() == ["B.15", "q4", "64210.5", "0.1235"]
    assert ladder_lines.head_line(columns).text.split() == ["MINE", "BID", "PRICE", "ASK"]


@pytest.mark.parametrize(
    ("width", "text"),
    [
        (80, "▲ market 21.0  ▼ cursor 9.0  ▲ 2 mine 20.5  ▼ mine 8.0"),
        (30, "▲market ▼cursor ▲2 mine ▼mine"),
    ],
)
def test_the_edge_tells_where_market_cursor_and_own_orders_are(width: int, text: str) -> None:
    mine = dict.fromkeys((80, 205, 210), OwnLevel(Side.BID, Decimal(1)))
    told = ladder_lines.beyond_text(
        (100, 200), Precision(1, 8), width, quote=(209, 210), cursor=90, mine=mine
    )
    assert told == text


def test_the_edge_is_silent_about_what_is_in_sight() -> None:
    told = ladder_lines.beyond_text(
        (100, 200), Precision(1, 8), 80, quote=(150, 151), cursor=120, mine={}
    )
    assert told == ""


def test_the_exact_price_of_an_own_order_is_marked_in_a_row_of_several() -> None:
    mine = {1003: OwnLevel(Side.ASK, Decimal("0.15"), 2, price=1003)}
    seen = ladder.ladder_view(
        BIDS,
        ASKS,
        LadderScroll(1000, step=5),
        LadderScroll(1000, step=5).prices(11),
        orders={},
        last=None,
        mine=mine,
    )
    row = next(row for row in seen.rows if row.mine)
    assert row.price == 1005
    roomy, narrow = (ladder_lines.columns_for(width, 7, mine=True) for width in (64, 36))
    assert "S.15 q2 …3" in ladder_lines.ladder_line(row, 9, roomy, PRECISION, 4).text
    long = row._replace(mine=mine[1003]._replace(qty=Decimal("0.15343")))
    assert "·q2" in ladder_lines.ladder_line(long, 9, narrow, PRECISION, 4).text


# --- columns by sets ------------------------------------------------------------------------


@given(st.integers(20, 200), st.integers(5, 14), st.sampled_from(ColumnSet), st.booleans())
def test_a_row_of_every_set_is_exactly_as_wide_as_the_pane(
    width: int, price_width: int, shown: ColumnSet, mine: bool
) -> None:
    columns = ladder_lines.columns_for(width, price_width, mine=mine, shown=shown, window="30s")
    row = LadderRow(
        642_105, 10**12, 10**15, 3, 4, 10**9, 10**9, cursor=True, bid_change=-(10**12),
        ask_change=10**9, bid_flag="=", ask_flag="~", profile=50, mark="P",
    )  # fmt: skip
    text = ladder_lines.ladder_line(row, 10**15, columns, PRECISION, 4).text
    assert len(text) == len(ladder_lines.head_line(columns).text) == width


def test_pulling_and_stacking_have_signs_and_flags_and_leave_noise_out() -> None:
    changes = {
        1000: LevelChanges(stacked=90, pulled=20),
        999: LevelChanges(stacked=1),
        994: LevelChanges(traded=9, refilled=9),
    }
    seen = rows_of(
        [Level(1000, 100), Level(999, 100), Level(994, 10)], [], LadderScroll(1000, step=1), 15,
        measures=RowMeasures(bid_changes=changes),
    )  # fmt: skip
    rows = {row.price: row for row in seen.rows}
    assert (rows[1000].bid_change, rows[999].bid_change) == (70, 0)
    assert (rows[994].bid_change, rows[994].bid_flag) == (0, "=")


def test_the_window_heads_the_column_of_changes() -> None:
    columns = ladder_lines.columns_for(78, 7, shown=ColumnSet.CHANGES, window="30s")
    assert ladder_lines.head_line(columns).text.split().count("±30s") == 2


def test_on_a_narrow_pane_changes_take_the_room_of_the_traded_quantities() -> None:
    columns = ladder_lines.columns_for(48, 7, shown=ColumnSet.CHANGES)
    assert (columns.change > 0, columns.traded) == (True, 0)


def test_marks_stand_beside_the_price() -> None:
    seen = rows_of(
        BIDS, ASKS, LadderScroll(1000, step=1), 5, measures=RowMeasures(marks={1000: "P"})
    )
    row = next(row for row in seen.rows if row.price == 1000)
    text = ladder_lines.ladder_line(row, 9, ladder_lines.columns_for(60, 7), PRECISION, 4).text
    assert "P  100.0" in text


def test_a_row_is_large_by_its_largest_level_and_the_sizes_of_the_market() -> None:
    asked: list[tuple[Side, int, int]] = []

    def weigh(side: Side, row: int, qty: int) -> int:
        asked.append((side, row, qty))
        return int(qty >= 7)

    seen = rows_of(BIDS, ASKS, LadderScroll(1000, step=5), 11, measures=RowMeasures(weigh=weigh))
    rows = {row.price: row for row in seen.rows}
    assert (rows[995].bid_weight, rows[1000].bid_weight) == (1, 0)
    assert (Side.ASK, 1005, 9) in asked


def test_hidden_empty_rows_leave_the_levels_of_both_sides() -> None:
    prices = ladder.filled_rows(BIDS, ASKS, 1, 4, always=(997,))
    assert prices == (1004, 1001, 1000, 999)
    assert 997 in ladder.filled_rows(BIDS, ASKS, 1, 8, always=(997,))
