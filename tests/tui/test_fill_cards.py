"""Own fills reviewed as they come, and the card of one, driven by keys."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from kracked.flow.review import MarkState
from kracked.protocol import events
from kracked.protocol.events import OrderAction, OrderChange, Side
from kracked.times import NS_PER_S, to_rfc3339
from kracked_tui.app import Monitor
from kracked_tui.state.store import Store
from kracked_tui.view.account.fill_card import bp_text, mark_text
from kracked_tui.view.chrome import layout
from kracked_tui.view.queue.own_place import OwnPlace
from tests.tui.conftest import settled
from tests.tui.frozen_account import account
from tests.tui.frozen_market import NOW, PRECISION, SYMBOL, book, trade

BID, ASK = 1_000_000, 1_000_100  # 100000.0 and 100010.0
FILLED = "O1074"
"""The order of the frozen account that was filled as a maker."""


def at(seconds: float) -> int:
    return NOW + int(seconds * NS_PER_S)


def order(number: int, price: int, seconds: float, action: OrderAction = OrderAction.ADD,
          qty: int = 10**8) -> OrderChange:  # fmt: skip
    return OrderChange(action, f"O{number}", price, qty, to_rfc3339(at(seconds), 9))


def report(kind: str, seconds: float, **members: object) -> events.Executions:
    told = {
        "exec_type": kind, "order_id": "O2", "symbol": SYMBOL, "side": "buy",
        "order_type": "limit", "order_qty": Decimal(1), "limit_price": Decimal("100000.0"),
        "order_status": "new", "cum_qty": Decimal(0), "timestamp": to_rfc3339(at(seconds), 9),
        **members,
    }  # fmt: skip
    return events.Executions(at(seconds), (told,), snapshot=False)


def store_with_a_fill() -> Store:
    """An own bid joins as the second of its level, comes to the front and is filled."""
    store = Store("LIVE")
    book = events.L3Snapshot(
        at(0), SYMBOL, PRECISION, (order(1, BID, -9),), (order(9, ASK, -9),), 0,
    )  # fmt: skip
    steps = [
        events.Executions(at(0), (), snapshot=True),
        book,
        report("new", 1),
        _level3(1, order(2, BID, 1)),
        _level3(3, order(1, BID, 3, OrderAction.DELETE)),
        _level3(5, order(3, BID - 100, 5), order(2, BID, 5, OrderAction.DELETE, 0)),
        events.Trades(
            at(5), SYMBOL, PRECISION, (trade(1, Side.ASK, BID, 10**8, -5.0),), snapshot=False
        ),
        report(
            "trade", 5, exec_id="E1", last_qty=Decimal(1), last_price=Decimal("100000.0"),
            liquidity_ind="m", trade_id=1001, cum_qty=Decimal(1), order_status="filled",
            fees=[{"asset": "USD", "qty": Decimal("1.5")}],
        ),
    ]  # fmt: skip
    for event in steps:
        store.apply(event)
    return store


def _level3(seconds: float, *bids: OrderChange) -> events.L3Update:
    return events.L3Update(at(seconds), SYMBOL, PRECISION, bids, (), 0, to_rfc3339(at(seconds), 9))


def test_a_fill_has_its_wait_its_places_and_pending_marks() -> None:
    store = store_with_a_fill()
    store.apply(events.Heartbeat(at(8)))  # late decisions of the ledger come with it
    review = store.reviews.of(("E1",))["E1"]
    assert review.wait_ns == 4 * NS_PER_S
    assert review.passage is not None
    assert (review.passage.joined_position, review.passage.position) == (2, 1)
    assert [mark.state for mark in review.marks] == [MarkState.PENDING] * 3
    assert mark_text(review, 1, at(8), whole=True) == "pending, due in 7 s"


def test_marks_become_known_as_the_book_goes_on() -> None:
    store = store_with_a_fill()
    store.apply(_level3(6.5, order(4, BID - 50, 6.5)))
    review = store.reviews.of(("E1",))["E1"]
    assert review.marks[0].state is MarkState.KNOWN
    assert review.marks[1].state is MarkState.PENDING


def test_a_lost_book_makes_a_mark_missing_and_never_a_later_one() -> None:
    store = store_with_a_fill()
    store.apply(events.Resync(at(7), SYMBOL, "level3", "checksum"))
    store.apply(
        events.L3Snapshot(at(9), SYMBOL, PRECISION, (order(5, BID, 8),), (order(9, ASK, -9),), 0)
    )
    store.apply(_level3(90, order(6, BID - 50, 90)))
    review = store.reviews.of(("E1",))["E1"]
    assert review.marks[1].state is MarkState.MISSING
    assert mark_text(review, 1, at(90)) == "–"


def test_without_level_3_the_level_2_book_gives_the_mids() -> None:
    store = Store("LIVE")
    store.apply(events.Executions(at(0), (), snapshot=True))
    store.apply(report("new", 0))
    held = book()
    for seconds in (0, 6, 8):
        store.reviews.pass_time(SYMBOL, at(seconds), followed=False, book=held)
        if seconds == 0:
            store.apply(
                report(
                    "trade", 0, exec_id="E2", last_qty=Decimal(1),
                    last_price=Decimal("64210.0"), liquidity_ind="m",
                )
            )  # fmt: skip
    review = store.reviews.of(("E2",))["E2"]
    assert review.marks[0].state is MarkState.KNOWN
    assert review.bp(review.earned) is not None


def test_places_on_paper_are_remembered_from_entry_to_the_end() -> None:
    reviews = Store("PAPER").reviews
    for position in (6, 4, 1):
        reviews.see_places({"P1": OwnPlace(BID, position, 7, 10**8 * (position - 1))})
    assert (reviews.places["P1"].first.position, reviews.places["P1"].last.position) == (6, 1)


@pytest.mark.parametrize(
    ("value", "told"),
    [(Fraction(1, 20), "+0.1"), (Fraction(-1, 100), "0.0"), (Fraction(-3, 2), "-1.5")],
)
def test_basis_points_have_their_sign(value: Fraction, told: str) -> None:
    assert bp_text(value) == told


def card(monitor: Monitor) -> str:
    monitor.trade.draw()
    return " ".join(" ".join(line.text.strip("┃│ ") for line in monitor.trade.card.lines).split())


async def test_enter_shows_a_fill_in_full(tmp_path: Path) -> None:
    async with account(tmp_path, (120, 40)) as (monitor, pilot):
        await pilot.press("g", "f")
        await settled(monitor, pilot)
        await pilot.press("enter")
        assert monitor.trade.panels.top == layout.CARD
        text = card(monitor)
        assert "SELL 0.05 BTC/USD at 64212.0 as a taker" in text
        assert "place none: it took what rested" in text
        assert "fee 4.82 USD" in text
        await pilot.press("escape")
        assert monitor.trade.panels.top is None


async def test_the_cursor_goes_to_an_older_fill(tmp_path: Path) -> None:
    async with account(tmp_path, (120, 40)) as (monitor, pilot):
        await pilot.press("g", "f")
        await settled(monitor, pilot)
        await pilot.press("j", "enter")
        assert "BUY 0.05 BTC/USD at 64209.5 as a maker" in card(monitor)


async def test_a_fill_on_paper_tells_where_its_order_stood(tmp_path: Path) -> None:
    async with account(tmp_path, (120, 40)) as (monitor, pilot):
        monitor.store.reviews.see_places({FILLED: OwnPlace(642_095, 3, 5, 2 * 10**8)})
        monitor.store.reviews.see_places({FILLED: OwnPlace(642_095, 1, 3, 0)})
        await pilot.press("g", "f")
        await settled(monitor, pilot)
        await pilot.press("j", "enter")
        text = card(monitor)
        assert "at entry 3rd of 5 behind 2; by the paper account" in text
        assert "at fill 1st of 3 when last seen" in text
