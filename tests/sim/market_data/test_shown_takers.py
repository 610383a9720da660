"""Takers as the live exchange tells them: their remainder shown, their sweeps in parts."""

from __future__ import annotations

from typing import Any

import pytest

from kracked.protocol.events import Side
from kracked.protocol.order_terms import TimeInForce
from kracked.sim.engine.orders import NewOrder
from kracked.sim.market_data.book_publisher import BOOK, LEVEL3, BookPublisher
from kracked.sim.market_data.shown_takers import chance
from kracked.sim.realism import PLAIN, Realism
from tests.sim.market_data.test_book_publisher import INSTRUMENT, MID, Desk, seen

DEPTHS = [10, 100]


def desk(habits: Realism) -> Desk:
    """A market of thirty levels a side, watched on both channels."""
    made = Desk(30)
    made.publisher = BookPublisher(INSTRUMENT, seen(made.matcher), made.now, habits)
    for depth in DEPTHS:
        made.join(LEVEL3, depth)
        made.join(BOOK, depth)
    return made


def limited(made: Desk, side: Side, order_id: str, levels: int = 3, extra: int = 40_000) -> Any:
    """Take some levels with a limit and an order that is larger; return all that was told."""
    limit = MID + levels if side is Side.BID else MID - levels
    order = NewOrder(order_id, side, levels * 100_000 + extra, limit, tif=TimeInForce.IOC)
    said = made.tell(made.request(order))
    made.assert_clients_hold_the_truth()
    return said


def about(said: Any, order_id: str, depth: int = 10) -> list[tuple[str, float]]:
    """Return event and quantity of each row of `level3` about one order."""
    return [
        (row["event"], row["order_qty"])
        for channel, told_depth, data in said
        if (channel, told_depth) == (LEVEL3, depth)
        for row in (*data["bids"], *data["asks"])
        if row["order_id"] == order_id
    ]


def named(wanted: int, purpose: str, count: int) -> str:
    """Return an id that draws a number."""
    ids = (f"OTAKER-{number:05d}-AAAAAA" for number in range(1_000))
    return next(one for one in ids if chance(one, purpose, count) == wanted)


SHOWN = Realism(split_sweeps=False)


@pytest.mark.parametrize("side", Side)
def test_the_remainder_is_added_and_deleted_with_its_own_quantity(side: Side) -> None:
    taker = named(3, "first", 4)  # after all three fills
    assert about(limited(desk(SHOWN), side, taker), taker) == [
        ("add", 0.0004),
        ("delete", 0.0004),
    ]


def test_a_taker_that_is_shown_early_shrinks_as_it_fills_on() -> None:
    taker = named(1, "first", 4)  # after the first fill
    assert about(limited(desk(SHOWN), Side.BID, taker), taker) == [
        ("add", 0.0024),
        ("modify", 0.0014),
        ("modify", 0.0004),
        ("delete", 0.0004),
    ]


def test_a_taker_is_shown_for_some_nanoseconds() -> None:
    taker = named(3, "first", 4)
    said = limited(desk(SHOWN), Side.BID, taker)
    added, deleted = (
        row["timestamp"]
        for channel, depth, data in said
        if (channel, depth) == (LEVEL3, 10)
        for row in data["bids"]
        if row["order_id"] == taker
    )
    assert added[:-4] == deleted[:-4]
    assert 0 < int(deleted[-4:-1]) - int(added[-4:-1]) < 100


def test_the_book_channel_does_not_show_the_taker() -> None:
    said = limited(desk(SHOWN), Side.BID, named(1, "first", 4))
    assert not any(data["bids"] for channel, _, data in said if channel == BOOK)


def test_a_taker_that_is_filled_wholly_is_not_shown() -> None:
    taker = named(1, "first", 4)
    assert not about(limited(desk(SHOWN), Side.BID, taker, extra=0), taker)


def test_without_the_habit_no_taker_is_shown() -> None:
    taker = named(1, "first", 4)
    assert not about(limited(desk(PLAIN), Side.BID, taker), taker)


SPLIT = Realism(shown_takers=False)


@pytest.mark.parametrize("side", Side)
def test_two_in_five_sweeps_end_a_message_at_each_emptied_level(side: Side) -> None:
    made = desk(SPLIT)
    order_id = named(0, "split", 5)
    said = made.tell(made.request(NewOrder(order_id, side, 250_000, tif=TimeInForce.IOC)))
    made.assert_clients_hold_the_truth()
    rows = [
        [row["event"] for row in (*data["bids"], *data["asks"])]
        for channel, depth, data in said
        if (channel, depth) == (LEVEL3, 100)
    ]
    assert rows == [["delete"], ["delete"], ["modify"]]


def test_the_other_sweeps_are_one_message() -> None:
    made = desk(SPLIT)
    order_id = named(2, "split", 5)
    said = made.tell(made.request(NewOrder(order_id, Side.BID, 250_000, tif=TimeInForce.IOC)))
    assert len([1 for channel, depth, _ in said if (channel, depth) == (LEVEL3, 100)]) == 1


def test_every_checksum_holds_with_both_habits_at_once() -> None:
    made = desk(Realism())
    for number in range(40):
        side = Side.BID if number % 2 else Side.ASK
        limited(made, side, f"OTAKER-{number:05d}-BBBBBB", levels=1 + number % 4)
        for rank in range(5):
            made.tell(made.rest(Side.BID, MID - 1 - rank))
            made.tell(made.rest(Side.ASK, MID + 1 + rank))
    made.assert_clients_hold_the_truth()
