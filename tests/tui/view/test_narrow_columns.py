"""Columns that give way where there is little room: whole ones, and never the end of a number."""

from __future__ import annotations

from decimal import Decimal

import pytest

from kracked.instruments import Precision
from kracked.protocol.events import Side
from kracked_tui.view.account import balances, orders
from kracked_tui.view.account.balances import Balance
from kracked_tui.view.account.orders import OrderRow
from kracked_tui.view.chrome import watchlist
from kracked_tui.view.chrome.layout import LADDER, arrange
from kracked_tui.view.chrome.layouts import NAMES, SPLITS
from kracked_tui.view.chrome.watchlist import WatchRow
from kracked_tui.view.line import line
from kracked_tui.view.queue import queue
from kracked_tui.view.queue.queue import QueueRow
from kracked_tui.view.tape import flow
from kracked_tui.view.tape.flow import FlowView, Window

PRECISION = Precision(1, 8)


@pytest.mark.parametrize("name", NAMES)
def test_every_layout_leaves_the_ladder_room_for_both_quantities(name: str) -> None:
    places = arrange(80, 24, account=True, split=SPLITS.get(name))
    assert places[LADDER].width >= 42


@pytest.mark.parametrize("width", [30, 34, 36, 40, 60])
def test_a_window_of_the_flow_shows_its_difference_whole(width: int) -> None:
    window = Window("10s", 3 * 10**8, 10**8, 5, True)
    shown = flow.flow_lines(FlowView((window,)), width, PRECISION)[0].text
    assert "75%" in shown
    assert shown.rstrip().endswith("+2.0000")


@pytest.mark.parametrize("width", [33, 36, 40, 50])
def test_an_order_shows_quantity_and_price_whole(width: int) -> None:
    row = OrderRow("BTC/USD", Side.BID, "0.00833334", "64211.5", "1/3", "front", "38s", "live")
    columns = orders.columns_for(width, (row,))
    shown = orders.order_line(row, columns).text
    assert "0.00833334" in shown
    assert "64211.5" in shown
    assert "sta…" not in orders.head_line(columns).text


def test_a_watched_pair_without_room_for_the_spread_still_says_its_word() -> None:
    row = WatchRow("BTC/USD", price="64211.0", change=Decimal("1.2"), spread="0.5", word="RESYNC")
    shown = watchlist.watch_line(row, 38).text
    assert "RESYNC" in shown
    assert "…" not in shown + watchlist.head_line(38).text


def test_a_sum_of_the_account_that_has_no_room_is_left_out_whole() -> None:
    found = [Balance(name, Decimal("94120.55"), Decimal(1)) for name in ("USD", "BTC")]
    shown = line(*balances.summary_spans(found, ("USD", "BTC"), 44)).text
    assert shown == " USD 94120.55 free 94119.55  BTC 94120.55 "


@pytest.mark.parametrize(("width", "note"), [(60, "refill 3"), (54, "refill"), (51, ""), (50, "")])
def test_a_note_is_shown_as_words_or_not_at_all(width: int, note: str) -> None:
    columns = queue.columns_for(width, 7, PRECISION, 4)
    row = QueueRow(1, 642_100, "OABC", 10**7, 0, "9s", told=("refill 3", "▇"))
    shown = queue.queue_line(row, Side.BID, 10**8, columns, PRECISION).text
    assert ("refill" in shown) is bool(note)
    assert note in shown
