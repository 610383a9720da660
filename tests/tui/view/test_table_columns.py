"""Tables in panes: no column runs into its neighbour, at any width and whatever it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kracked.feed.account import Fill
from kracked.flow.detectors.sighting import Kind, Sighting, Sureness
from kracked.instruments import Precision
from kracked.protocol.events import Side
from kracked.protocol.own_orders import Fee
from kracked_tui.view.account import balances, fills, orders
from kracked_tui.view.account.balances import Balance
from kracked_tui.view.account.fills import FillRow
from kracked_tui.view.account.orders import OrderRow
from kracked_tui.view.chrome import watchlist
from kracked_tui.view.chrome.watchlist import WatchRow
from kracked_tui.view.ladder import ladder_lines
from kracked_tui.view.ladder.ladder import LadderRow
from kracked_tui.view.line import Line, left_cell, right_cell
from kracked_tui.view.queue import queue
from kracked_tui.view.queue.queue import QueueRow
from kracked_tui.view.seen import seen
from kracked_tui.view.seen.seen import SeenRow

PRECISION = Precision(1, 8)
PRICE = "162986.1"
PRICE_WIDTH = len(PRICE)
QTY = 12_300_000_000
TIME = 1_716_144_920_910_159_752
WORDS = ("", "UNVERIFIED", "STALE")
DRAWN = frozenset("…▁▂▃▄▅▆▇█▉▊▋▌▍▎▏▕░│•▸")
"""What is drawn rather than written: bars and marks."""


def cells(line: Line) -> list[str]:
    """Return what is written between blanks; an ellipsis stands for the part that was cut."""
    return [each for each in line.text.split() if not set(each) <= DRAWN]


def run_together(line: Line, known: Iterable[str]) -> list[str]:
    """Return the pieces of a row that are no piece of a single cell."""
    pieces = [piece for text in known for piece in text.split()]
    return [
        each
        for each in cells(line)
        if not any(piece.startswith(each.strip("▸…•")) for piece in pieces)
    ]


def watched(width: int, word: str) -> tuple[Line, list[str]]:
    """Draw a pair of the watch list whose every cell is as long as it gets."""
    spark = (1, 5, 9) * 10
    row = WatchRow(
        "MATIC/USDT", "0.5123456", Decimal("-123.45"), spark, "123456.7", "123.4567k", -100
    )
    line = watchlist.watch_line(row._replace(word=word), width)
    return line, [row.symbol, row.price, "-123.45%", row.spread, row.volume, "-100%", word]


def sighted(width: int, kind: Kind) -> tuple[Line, list[str]]:
    """Draw a sighting."""
    detail = {"shown": QTY, "stood ns": 1, "came at bp/100": 1, "went at bp/100": 1}
    detail |= {"percent": 50, "each": QTY}
    one = Sighting(
        kind=kind,
        side=Side.ASK,
        price=1_629_861,
        last_price=1_629_861,
        first=TIME,
        last=TIME,
        qty=QTY,
        count=3,
        sureness=Sureness.PATTERN,
        evidence=(),
        detail=detail,
    )
    line = seen.seen_line(SeenRow(one), width, PRICE_WIDTH, PRECISION)
    known = ["18:55:20", seen.NAMES[kind], seen.side_word(one), PRICE, "123.00000000"]
    return line, [*known, "may be chance", seen.gist(one, PRECISION)]


def ordered(width: int, place: str) -> tuple[Line, list[str]]:
    """Draw an own order."""
    row = OrderRow(
        "MATIC/USDT", Side.BID, "123.45678901", PRICE, place, "123.45678", "59m59", "live"
    )
    line = orders.order_line(row, orders.columns_for(width, (row,)))
    return line, [row.symbol, "BUY", row.qty, row.price, place, row.ahead, row.age, row.state]


def filled(width: int, qty: str) -> tuple[Line, list[str]]:
    """Draw an own fill."""
    fee = Fee("USD", Decimal("123.12345"))
    one = Fill(
        exec_id="E",
        order_id="O",
        symbol="MATIC/USDT",
        side=Side.ASK,
        last_qty=Decimal(qty),
        last_price=Decimal("123456.78901"),
        timestamp="2024-05-19T18:55:20Z",
        liquidity_ind="t",
        fees=(fee,),
    )
    line = fills.fill_line(FillRow(one), width)
    fixed = ["18:55:20", "SELL", "123456.78901", "taker", "123.12345 USD", "MATIC/USDT"]
    return line, [*fixed, balances.amount_text(one.last_qty), "before this session"]


def balanced(width: int, amount: str) -> tuple[Line, list[str]]:
    """Draw an asset."""
    total, held = Decimal(amount), Decimal(amount) / 3
    one = Balance("MATIC.S", total, held, Decimal("123456789.12"))
    texts = [balances.amount_text(each) for each in (total, held, one.free)]
    return balances.balance_line(one, width), ["MATIC.S", "123456789.12", *texts]


def queued(width: int, place: int) -> tuple[Line, list[str]]:
    """Draw an order of a level."""
    row = QueueRow(place, 1_629_861, "OABCDE-FGHIJ-KLMNOP", QTY, 9 * QTY, "59m59", large=True)
    columns = queue.columns_for(width, PRICE_WIDTH, PRECISION, 4)
    line = queue.queue_line(row, Side.BID, QTY, columns, PRECISION)
    known = [str(place), PRICE, "59m59", row.order_id, row.order_id[-6:]]
    return line, [*known, "123.00000000", "1107.00000000"]


DRAWN_TABLES = {
    "watch list": (watched, WORDS),
    "seen": (sighted, tuple(Kind)),
    "orders": (ordered, ("", "1234/5678")),
    "fills": (filled, ("1.25", "123456.78901234")),
    "balances": (balanced, ("1.25", "999.12345678", "123456789.12")),
    "queue": (queued, (1, 12345)),
}


@pytest.mark.parametrize(
    ("draw", "held"),
    [pytest.param(d, h, id=f"{n} {h}") for n, (d, all_) in DRAWN_TABLES.items() for h in all_],
)
@settings(max_examples=40, deadline=None)
@given(width=st.integers(24, 220))
def test_no_column_of_a_table_runs_into_its_neighbour(
    draw: Callable[[int, object], tuple[Line, list[str]]], held: object, width: int
) -> None:
    assert run_together(*draw(width, held)) == []


@given(text=st.text("0123456789.", max_size=20), width=st.integers(0, 30))
def test_a_cell_has_the_width_of_its_column_and_a_blank_beside_its_neighbour(
    text: str, width: int
) -> None:
    left, right = left_cell(text, width), right_cell(text, width)
    assert len(left) == len(right) == width
    assert width == 0 or (left.endswith(" ") and right.startswith(" "))


def test_a_number_of_orders_without_room_is_rounded_and_never_cut() -> None:
    columns = ladder_lines.columns_for(140, PRICE_WIDTH)
    row = LadderRow(1_629_861, bid=QTY, bid_orders=12_345)
    assert " 12k" in ladder_lines.ladder_line(row, QTY, columns, PRECISION, 4).text
