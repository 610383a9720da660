"""The ledgers of a feed's symbols, driven by its events alone."""

from __future__ import annotations

import pytest

from kracked.book.l3 import L3Book
from kracked.flow import Fact, OrderFlow, PlaceKnown, What
from kracked.instruments import Precision
from kracked.protocol import events
from kracked.protocol.events import L3Snapshot, L3Update, OrderAction, OrderChange

PRECISION = Precision(1, 8)
BTC, ETH = "BTC/USD", "ETH/USD"
TIME = "2024-11-12T06:44:{}Z"


def order(order_id: str, price: int = 1000, time: str = "20", action: str = "add") -> OrderChange:
    return OrderChange(OrderAction(action), order_id, price, 5, TIME.format(time))


def snapshot(symbol: str, *bids: OrderChange, received: int = 1, time: str = "21") -> L3Snapshot:
    return L3Snapshot(received, symbol, PRECISION, bids, (), 0, TIME.format(time))


def update(symbol: str, *bids: OrderChange, received: int = 2, time: str = "25") -> L3Update:
    return L3Update(received, symbol, PRECISION, bids, (), 0, TIME.format(time))


def opened() -> OrderFlow:
    flow = OrderFlow()
    for symbol in (BTC, ETH):
        flow.apply(snapshot(symbol, order("OA")))
    return flow


def said(outcomes: list[object]) -> list[tuple[str, What]]:
    return [(one.symbol, one.what) for one in outcomes if isinstance(one, Fact)]


def test_each_symbol_has_a_ledger_of_its_own() -> None:
    flow = opened()
    assert said(flow.apply(update(ETH, order("ON", time="25")))) == [(ETH, What.NEW)]
    assert "ON" not in flow[BTC].lives.known


def test_there_is_no_ledger_before_a_snapshot() -> None:
    flow = OrderFlow()
    assert flow.apply(update(BTC, order("ON"))) == []
    with pytest.raises(KeyError):
        flow[BTC]


def test_the_acknowledged_depth_is_where_a_book_is_cut() -> None:
    flow = OrderFlow()
    flow.apply(events.Subscribed(1, "level3", BTC, 100))
    flow.apply(snapshot(BTC, order("OA")))
    assert flow[BTC].depth == 100


def test_a_resync_is_a_hole_in_that_symbol_alone() -> None:
    flow = opened()
    flow.apply(events.Resync(2, BTC, "level3", "checksum"))
    assert flow[BTC].place("OA").known is PlaceKnown.UNKNOWN
    assert flow[ETH].place("OA").known is PlaceKnown.SNAPSHOT


def test_a_resync_of_another_channel_is_none() -> None:
    flow = opened()
    flow.apply(events.Resync(2, BTC, "book", "checksum"))
    assert flow[BTC].place("OA").known is PlaceKnown.SNAPSHOT


def test_the_only_level3_connection_that_is_lost_is_a_hole_in_all() -> None:
    flow = opened()
    told = flow.apply(events.Reconnecting(2, "level3", "ws://x", "reset", 1, 0.5))
    assert said(told) == [(BTC, What.HOLE), (ETH, What.HOLE)]


def test_another_connection_that_is_lost_is_no_hole() -> None:
    flow = opened()
    assert not flow.apply(events.Reconnecting(2, "public", "ws://x", "reset", 1, 0.5))


def test_one_of_several_level3_connections_does_not_lose_the_symbols_of_the_others() -> None:
    flow = OrderFlow()
    for name in ("level3", "level3-2"):
        flow.apply(events.Connected(1, name, "ws://x"))
    flow.apply(snapshot(BTC, order("OA")))
    assert not flow.apply(events.Reconnecting(2, "level3", "ws://x", "reset", 1, 0.5))
    assert said(flow.apply(update(BTC, order("ON", time="25")))) == [(BTC, What.NEW)]


def test_a_consumer_that_was_too_slow_has_a_hole_in_every_symbol() -> None:
    flow = opened()
    assert len(flow.apply(events.Overflow(2, dropped=7))) == 2


def test_a_ledger_begins_anew_from_a_verified_book_and_ignores_what_that_holds() -> None:
    flow = opened()
    flow.apply(events.Overflow(2, dropped=7))
    book = L3Book(BTC, PRECISION, 10)
    book.apply(snapshot(BTC, order("OA"), order("OB"), received=5, time="30"))
    flow.restart(book, 6)
    assert not flow.apply(update(BTC, order("OB"), received=5, time="30"))
    told = flow.apply(update(BTC, order("OC", time="31"), received=7, time="31"))
    assert said(told) == [(BTC, What.NEW)]
    assert flow[BTC].place("OC").position == 3


def test_other_decimals_are_a_hole_until_the_next_snapshot() -> None:
    flow = opened()
    finer = L3Update(3, BTC, Precision(2, 8), (order("ON"),), (), 0, TIME.format("25"))
    assert said(flow.apply(finer)) == [(BTC, What.HOLE)]


def test_a_time_that_cannot_be_read_does_no_harm() -> None:
    flow = opened()
    strange = OrderChange(OrderAction.ADD, "ON", 1001, 5, "yesterday")
    assert said(flow.apply(update(BTC, strange))) == [(BTC, What.CAME)]


def test_a_time_far_ahead_does_not_make_later_orders_old() -> None:
    flow = opened()
    ahead = OrderChange(OrderAction.ADD, "OX", 1002, 5, "2034-11-12T06:44:25Z")
    flow.apply(update(BTC, ahead))
    told = flow.apply(update(BTC, order("ON", time="26"), received=3, time="26"))
    assert said(told) == [(BTC, What.NEW)]


def test_events_that_are_not_its_business_change_nothing() -> None:
    flow = opened()
    assert flow.apply(events.Heartbeat(2)) == []
