"""The queue, the tape, the flow, the level and the watchlist as plain data."""

from __future__ import annotations

import pytest

from kracked.flow.measures.delta import DeltaRing
from kracked.protocol import events
from kracked.protocol.events import Side
from kracked_tui.view.ladder.selection import Selection, levels_from
from kracked_tui.view.queue import level_inspector, queue
from kracked_tui.view.tape import flow, tape
from kracked_tui.widgets.panels.symbol_picker import matching
from tests.tui.frozen_market import BEST_BID, NOW, PRECISION, SYMBOL, order, orders, trade, trades


def test_the_queue_starts_with_the_order_that_fills_first() -> None:
    selection = Selection(Side.BID, BEST_BID, BEST_BID)
    found = queue.queue_view(selection, levels_from(orders(), selection), NOW, skip=0, rows=9)
    assert (found.rows[0].place, found.rows[0].ahead) == (1, 0)
    assert found.rows[1].ahead == found.rows[0].qty


def test_a_place_is_counted_among_the_orders_of_one_price_as_the_book_counts_it() -> None:
    selection, book = Selection(Side.ASK, BEST_BID, BEST_BID + 50), orders()
    found = queue.queue_view(selection, levels_from(book, selection), NOW, skip=0, rows=40)
    assert len({row.price for row in found.rows}) > 2
    for row in found.rows:
        place = book.place(row.order_id)
        assert place is not None
        assert (row.place, row.ahead) == (place.position, place.qty_ahead)


def test_the_foot_says_at_how_many_prices_the_orders_of_a_row_are() -> None:
    selection = Selection(Side.BID, BEST_BID - 20, BEST_BID)
    found = queue.queue_view(selection, levels_from(orders(), selection), NOW, skip=0, rows=4)
    text = "".join(span.text for span in queue.foot_spans(found, PRECISION, 4))
    assert text.startswith(f"{found.orders} orders at {found.prices} prices · ")


def test_orders_past_the_selected_prices_are_told_apart() -> None:
    selection = Selection(Side.BID, BEST_BID, BEST_BID)
    found = queue.queue_view(selection, levels_from(orders(), selection), NOW, skip=0, rows=9)
    assert [row.beyond for row in found.rows] == [row.price != BEST_BID for row in found.rows]
    assert found.orders == sum(not row.beyond for row in found.rows)


def test_a_scrolled_queue_keeps_the_places_of_its_orders() -> None:
    selection = Selection(Side.BID, BEST_BID - 100, BEST_BID)
    whole = queue.queue_view(selection, levels_from(orders(), selection), NOW, skip=0, rows=9)
    part = queue.queue_view(selection, levels_from(orders(), selection), NOW, skip=3, rows=4)
    assert part.rows == whole.rows[3:7]


def test_a_sweep_is_one_print_with_its_levels() -> None:
    swept = events.Trades(
        NOW,
        SYMBOL,
        PRECISION,
        (
            trade(1, Side.BID, 100, 5, 1),
            trade(2, Side.BID, 101, 6, 1),
            trade(3, Side.BID, 101, 7, 1),
        ),
    )
    (found,) = tape.prints(swept)
    assert (found.price, found.last_price, found.qty, found.fills, found.levels) == (
        100, 101, 18, 3, 2,
    )  # fmt: skip


def test_the_size_filter_hides_what_is_smaller() -> None:
    newest = [each for event in trades() for each in tape.prints(event)][::-1]  # type: ignore[arg-type]
    shown = tape.tape_view(newest, at_least=10_000_000, skip=0, rows=20)
    assert shown
    assert all(row.print.qty >= 10_000_000 for row in shown)


def test_the_side_of_a_trade_is_a_word_or_a_letter() -> None:
    row = tape.TapeRow(tape.Print(NOW, Side.ASK, 642_100, 642_100, 10**8, 1, 1))
    assert "SELL" in tape.tape_line(row, 60, 8, PRECISION, 4).text
    assert " S " in tape.tape_line(row, 28, 8, PRECISION, 4).text


@pytest.mark.parametrize(
    ("width", "remark"), [(66, "▸64211.0 12 levels"), (58, "12 levels"), (48, "yours")]
)
def test_a_remark_that_does_not_fit_is_left_out_whole(width: int, remark: str) -> None:
    swept = tape.Print(NOW, Side.BID, 642_100, 642_110, 10**8, 12, 12)
    text = tape.tape_line(tape.TapeRow(swept, mine=True), width, 8, PRECISION, 4).text
    assert text.rstrip().endswith(remark)


def test_the_flow_of_a_window_counts_what_is_younger_than_it() -> None:
    ring = DeltaRing()
    for seconds, side in ((400, Side.BID), (30, Side.BID), (9, Side.ASK), (1, Side.BID)):
        ring.add(side, 1, 10, NOW - seconds * 10**9)
    seen = flow.flow_view(ring, NOW)
    assert [(each.bought, each.sold) for each in seen.windows] == [
        (10, 10), (20, 10), (20, 10), (30, 10),
    ]  # fmt: skip


def test_a_window_longer_than_we_have_watched_says_so() -> None:
    ring = DeltaRing()
    ring.begin(NOW - 120 * 10**9)
    seen = flow.flow_view(ring, NOW)
    assert [each.full for each in seen.windows] == [True, True, False, False]


def test_a_level_is_described_by_the_age_and_the_share_of_its_orders() -> None:
    wall = [order(1, 100, 900, age_s=700), order(2, 100, 60, age_s=2), order(3, 100, 40, age_s=2)]
    seen = level_inspector.inspector_view(wall, NOW)
    assert [orders for orders, _ in seen.ages] == [0, 2, 0, 0, 1, 0]
    assert (seen.largest, seen.total, seen.oldest) == (900, 1000, "11m40")
    assert seen.shares[-1] == (1, 900)


@pytest.mark.parametrize(("width", "histograms"), [(40, 1), (55, 1), (56, 2), (98, 2)])
def test_a_level_shows_the_share_of_its_orders_where_there_is_room(
    width: int, histograms: int
) -> None:
    seen = level_inspector.inspector_view([order(1, 100, 90_000_000, age_s=2)], NOW)
    lines = [line.text for line in level_inspector.inspector_lines(seen, "bid", width, PRECISION)]
    assert lines[0].count("quantity") == histograms
    assert {len(line) for line in lines} == {width}
    assert "0.9000" in lines[2]


def test_the_picker_finds_by_the_beginning_then_by_any_part() -> None:
    symbols = ["BTC/USD", "ETH/BTC", "ETH/USD", "SOL/USD"]
    assert matching("btc", symbols) == ["BTC/USD", "ETH/BTC"]
    assert matching("ethu", symbols) == ["ETH/USD"]
    assert matching("xbt", symbols) == ["BTC/USD", "ETH/BTC"]
    assert matching("", symbols) == symbols
