"""What the orders pane selects and shows, and what a ticket then says of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import cast

import pytest

from kracked.feed.account import OwnOrder
from kracked.instruments import Instrument
from kracked.protocol.order_terms import OrderType, TimeInForce
from kracked.protocol.own_orders import Triggers
from kracked_tui.state.frame_state import FrameState
from kracked_tui.trader import messages
from kracked_tui.view.account import orders, own_levels
from kracked_tui.view.ticket import expiry, ticket
from kracked_tui.widgets.panes.account import OrdersPane
from tests.tui.frozen_market import NOW, PRECISION, SYMBOL
from tests.tui.view.test_account import TICKET, own


def after(pane: OrdersPane, shown: Iterable[OwnOrder]) -> str:
    """The number of the order that is selected in a frame with these."""
    rows = orders.rows_of(tuple(shown), [], {}, {}, NOW)
    pane.show(cast("FrameState", SimpleNamespace(account=SimpleNamespace(order_rows=rows))))
    return selected(pane)


def selected(pane: OrdersPane) -> str:
    return pane.row.order_id[-1] if pane.row else "none"


def numbered(*numbers: int) -> Iterable[OwnOrder]:
    return (own(number, "64209.0") for number in numbers)


def test_the_cursor_stays_with_its_order_when_others_come_and_go() -> None:
    pane = OrdersPane(9, id="orders")
    assert after(pane, numbered(1, 2)) == "1"
    pane.move(0)
    assert after(pane, numbered(3, 1, 2)) == "1"
    pane.move(-1)
    assert after(pane, numbered(2)) == "2"


def test_no_order_is_selected_in_the_place_of_one_that_is_gone() -> None:
    pane = OrdersPane(9, id="orders")
    after(pane, numbered(1, 2))
    pane.move(0)
    assert after(pane, numbered(3, 2)) == "none"
    pane.move(-1)
    assert selected(pane) == "2"


def test_the_amend_of_an_order_with_an_expiry_names_it() -> None:
    dated = own(1, "64209.0", time_in_force="GTD", expire_time="2026-11-23T12:00:00.000000Z")
    written = ticket.amending(dated, PRECISION)
    assert written.time_in_force is TimeInForce.GTD
    assert expiry.shown(written.until) == "2026-11-23 12:00:00"
    assert ticket.amending(own(1, "64209.0"), PRECISION).time_in_force is TimeInForce.GTC


@pytest.mark.parametrize(("percent", "text"), [(True, "+1.50%"), (False, "+15.0")])
def test_the_outcome_of_a_trailing_order_names_its_distance(percent: bool, text: str) -> None:
    trailing = replace(TICKET, order_type=OrderType.TRAILING_STOP, trail=150, in_percent=percent)
    instrument = cast("Instrument", SimpleNamespace(precision=PRECISION))
    assert messages.order(trailing, instrument) == f"BUY 0.15 {text}"


@pytest.mark.parametrize(("kind", "shown"), [("pct", "+1.5%"), ("quote", "+1.5")])
def test_the_distance_of_a_trailing_order_does_not_look_like_a_price(kind: str, shown: str) -> None:
    waiting = Triggers(price=Decimal("1.5000"), price_type=kind, status="untriggered")
    order = own(1, "-20.0", order_type="trailing-stop-limit", triggers=waiting)
    (row,) = orders.rows_of([order], [], {}, {}, NOW)
    assert (row.price, row.limit) == (shown, None)
    assert own_levels.own_levels([order], SYMBOL, None, PRECISION) == {}
