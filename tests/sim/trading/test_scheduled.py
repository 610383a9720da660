"""Orders for later: outside the book, and without funds, until their time."""

from __future__ import annotations

import pytest

from kracked.sim.trading.orders import Order
from kracked.times import NS_PER_S
from tests.sim.trading.pit import BTC, Pit


def order_of(pit: Pit, txid: str) -> Order:
    order = pit.account.orders.get(txid)
    assert order is not None
    return order


def test_it_waits_as_pending_and_enters_the_book_when_its_time_comes(pit: Pit) -> None:
    ear = pit.listen()
    txid = pit.add("buy", "0.1", "60000", starttm="+60")
    assert pit.rest("OpenOrders")["open"][txid]["status"] == "pending"
    assert txid not in pit.matcher(BTC)
    pit.wait(61)
    assert txid in pit.matcher(BTC)
    assert ear.steps() == ["pending_new", "new"]


def test_it_holds_no_funds_before(pit: Pit) -> None:
    txid = pit.add("buy", "0.1", "60000", starttm="+60")
    assert pit.account.ledger.held_by(txid) == 0
    pit.wait(61)
    assert pit.account.ledger.held_by(txid) > 0


def test_one_that_cannot_be_paid_for_at_its_time_is_cancelled(pit: Pit) -> None:
    txid = pit.add("buy", "100", "60000", starttm="+60")
    pit.wait(61)
    assert (order_of(pit, txid).status, order_of(pit, txid).reason) == (
        "canceled",
        "Insufficient funds",
    )


def test_it_can_be_amended_and_cancelled_meanwhile(pit: Pit) -> None:
    txid = pit.add("buy", "0.1", "60000", starttm="+60")
    pit.rest("AmendOrder", txid=txid, limit_price="61000")
    assert order_of(pit, txid).price == 610_000
    pit.rest("CancelOrder", txid=txid)
    pit.wait(61)
    assert order_of(pit, txid).status == "canceled"
    assert txid not in pit.matcher(BTC)


def test_a_stop_watches_the_market_from_its_time_on(pit: Pit) -> None:
    txid = pit.add("sell", "0.1", "64000", ordertype="stop-loss", starttm="+60")
    assert not order_of(pit, txid).triggered
    pit.wait(61)
    assert order_of(pit, txid).triggered


@pytest.mark.parametrize("seconds_ahead", [-5, 60])
def test_a_socket_names_the_time_itself(pit: Pit, seconds_ahead: int) -> None:
    (answer,) = pit.socket(
        "add_order",
        order_type="limit",
        side="buy",
        order_qty=0.1,
        limit_price=60000.0,
        symbol=BTC,
        effective_time=pit.rfc3339(seconds_ahead),
    )
    order = order_of(pit, answer["order_id"])
    assert order.started == (seconds_ahead < 0)


def test_one_that_expires_does_so_after_its_time(pit: Pit) -> None:
    terms = {"starttm": "+60", "timeinforce": "GTD"}
    assert (
        pit.refused(
            "AddOrder",
            pair="XBTUSD",
            type="buy",
            ordertype="limit",
            volume="0.1",
            price="60000",
            expiretm="+50",
            **terms,
        )
        == "EGeneral:Invalid arguments:expiretm"
    )
    txid = pit.add("buy", "0.1", "60000", expiretm="+90", **terms)
    pit.wait(61)
    assert order_of(pit, txid).ticket.expire_at == order_of(pit, txid).opened + 90 * NS_PER_S
    pit.wait(30)
    assert order_of(pit, txid).status == "expired"


def test_a_socket_that_asks_too_far_ahead_is_told_its_own_name_of_it(pit: Pit) -> None:
    answer = pit.socket(
        "add_order",
        order_type="limit",
        side="buy",
        order_qty=0.1,
        limit_price=60000.0,
        symbol=BTC,
        effective_time=pit.rfc3339(40 * 86_400),
    )
    assert answer == ["EGeneral:Invalid arguments:effective_time"]
