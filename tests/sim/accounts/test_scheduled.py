"""Orders for later: outside the book, and without funds, until their time."""

from __future__ import annotations

from typing import Any

import pytest

from kracked.times import NS_PER_S
from tests.sim.accounts.empty_exchange import BTC, Pit


def asked_over_socket(pit: Pit, seconds_ahead: int) -> Any:
    """The answer to an order for then; a refusal is text."""
    terms = {"order_type": "limit", "side": "buy", "order_qty": 0.1, "limit_price": 60000.0}
    begins = pit.rfc3339(seconds_ahead)
    (answer,) = pit.socket("add_order", symbol=BTC, effective_time=begins, **terms)
    return answer


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
    assert (pit.order(txid).status, pit.order(txid).reason) == (
        "canceled",
        "Insufficient funds",
    )


def test_it_can_be_amended_and_cancelled_meanwhile(pit: Pit) -> None:
    txid = pit.add("buy", "0.1", "60000", starttm="+60")
    pit.rest("AmendOrder", txid=txid, limit_price="61000")
    assert pit.order(txid).price == 610_000
    pit.rest("CancelOrder", txid=txid)
    pit.wait(61)
    assert pit.order(txid).status == "canceled"
    assert txid not in pit.matcher(BTC)


def test_a_stop_watches_the_market_from_its_time_on(pit: Pit) -> None:
    txid = pit.add("sell", "0.1", "64000", ordertype="stop-loss", starttm="+60")
    assert not pit.order(txid).triggered
    pit.wait(61)
    assert pit.order(txid).triggered


@pytest.mark.parametrize("seconds_ahead", [-5, 60])
def test_a_socket_names_the_time_itself(pit: Pit, seconds_ahead: int) -> None:
    answer = asked_over_socket(pit, seconds_ahead)
    order = pit.order(answer["order_id"])
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
    assert pit.order(txid).request.expire_at == pit.order(txid).opened + 90 * NS_PER_S
    pit.wait(30)
    assert pit.order(txid).status == "expired"


def test_a_socket_that_asks_too_far_ahead_is_told_its_own_name_of_it(pit: Pit) -> None:
    answer = asked_over_socket(pit, 40 * 86_400)
    assert answer == "EGeneral:Invalid arguments:effective_time"
