"""Own fills on the tape and on the chart, own orders on the chart."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from kracked.protocol import events
from kracked.protocol.events import Side
from kracked.protocol.own_orders import Fill
from kracked.times import NS_PER_S, to_rfc3339
from kracked_tui.view.account.own_levels import OwnLevel
from kracked_tui.view.account.own_marks import FillMark, OwnMarks, OwnMarksCache
from kracked_tui.view.chart import candles
from kracked_tui.view.chart.candles import Bar
from kracked_tui.view.line import Line, Span
from kracked_tui.view.tape import tape
from tests.tui.frozen_market import BEST_ASK, BEST_BID, NOW, PRECISION, SYMBOL, trade

MINUTE = 60 * NS_PER_S
BEGIN = NOW // MINUTE * MINUTE
FILL = Fill(
    exec_id="T1",
    order_id="O1",
    symbol=SYMBOL,
    side=Side.BID,
    last_qty=Decimal("0.05"),
    last_price=Decimal("64205.5"),
    timestamp=to_rfc3339(NOW),
    trade_id=1001,
)
SERIES = [Bar(BEGIN - (9 - at) * MINUTE, 642_000, 642_200, 641_900, 642_100, 5) for at in range(10)]
VIEW = candles.chart_view(SERIES, 40, 12, PRECISION, 60)
BLANK = [Line(()) for _ in range(VIEW.height)]


def prints() -> list[tape.Print]:
    fills = (
        trade(1, Side.ASK, BEST_BID, 10, 1),
        trade(2, Side.ASK, BEST_BID - 5, 10, 1),
        trade(9, Side.BID, BEST_ASK, 10, 0),
    )
    return tape.prints(events.Trades(NOW, SYMBOL, PRECISION, fills))


# --- the tape -----------------------------------------------------------------------------


def test_a_taker_order_that_met_ours_in_any_of_its_fills_is_marked() -> None:
    rows = tape.tape_view(prints(), at_least=0, skip=0, rows=9, own=frozenset({1002}))
    assert [row.mine for row in rows] == [True, False]


def test_a_marked_print_says_yours_where_there_is_room_and_a_sign_where_not() -> None:
    row = tape.TapeRow(prints()[0], mine=True)
    wide, narrow = (tape.tape_line(row, width, 7, PRECISION, 4).text for width in (60, 30))
    assert "◀ yours" in wide
    assert "◀" in narrow
    assert "yours" not in narrow


def test_nothing_is_marked_where_nothing_is_ours() -> None:
    rows = tape.tape_view(prints(), at_least=0, skip=0, rows=9)
    assert not any(row.mine for row in rows)


# --- what is ours -------------------------------------------------------------------------


def test_fills_of_other_pairs_are_not_marked() -> None:
    other = msgspec.structs.replace(FILL, symbol="ETH/USD", trade_id=7, exec_id="T2")
    ours = OwnMarksCache().marks(SYMBOL, PRECISION, [FILL, other], {})
    assert ours.trade_ids == {1001}
    assert ours.fills == (FillMark(NOW, Side.BID, 642_055),)


def test_a_new_fill_and_another_pair_are_noticed() -> None:
    book = OwnMarksCache()
    assert not book.marks(SYMBOL, PRECISION, [], {}).fills
    assert book.marks(SYMBOL, PRECISION, [FILL], {}).fills
    assert not book.marks("ETH/USD", PRECISION, [FILL], {}).fills


def test_orders_are_marked_at_their_prices_as_they_come_and_go() -> None:
    book, mine = OwnMarksCache(), {BEST_BID: OwnLevel(Side.BID, Decimal(1))}
    assert book.marks(SYMBOL, PRECISION, [], mine).orders == {BEST_BID: Side.BID}
    assert not book.marks(SYMBOL, PRECISION, [], {}).orders


# --- the chart ----------------------------------------------------------------------------


def test_a_fill_is_an_arrow_in_the_column_of_its_candle_and_the_row_of_its_price() -> None:
    ours = OwnMarks(fills=(FillMark(BEGIN - MINUTE + 5, Side.ASK, 642_000),))
    lines = candles.marked(VIEW, BLANK, ours)
    row, column = VIEW.row(642_000), VIEW.column(len(VIEW.bars) - 2)
    assert lines[row].text[column] == "▼"
    assert sum("▼" in line.text for line in lines) == 1


def test_what_is_before_the_first_candle_or_off_the_scale_is_left_out() -> None:
    ours = OwnMarks(
        fills=(FillMark(SERIES[0].begin - 1, Side.BID, 642_000), FillMark(NOW, Side.BID, 1)),
        orders={1: Side.BID},
    )
    assert candles.marked(VIEW, BLANK, ours) == BLANK


def test_an_order_is_a_broken_line_that_leaves_candles_alone_and_a_name_on_the_axis() -> None:
    row = VIEW.row(642_050)
    plot = list(BLANK)
    plot[row] = Line((Span("███", "chart-up"),))
    lines = candles.marked(VIEW, plot, OwnMarks(orders={642_050: Side.ASK}))
    assert lines[row].text.startswith("███ ─")
    drawn = candles.chart_lines(VIEW, lines, 642_100, 40, {642_050: Side.ASK})
    assert "▸64205.0" in drawn[row].text
    assert len(drawn[row].text) == 40
