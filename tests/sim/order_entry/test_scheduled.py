"""Orders for later: outside the book, and without funds, until their time."""

from __future__ import annotations

from typing import Any

import pytest

from kracked.times import NS_PER_S
from tests.sim.empty_exchange import BTC, EmptyExchange


def asked_over_socket(exchange: EmptyExchange, seconds_ahead: int) -> Any:
    """Return the answer to an order for a later time; a refusal is text."""
    terms = {"order_type": "limit", "side": "buy", "order_qty": 0.1, "limit_price": 60000.0}
    begins = exchange.rfc3339(seconds_ahead)
    (answer,) = exchange.socket("add_order", symbol=BTC, effective_time=begins, **terms)
    return answer


def test_it_waits_as_pending_and_enters_the_book_when_its_time_comes(
    exchange: EmptyExchange,
) -> None:
    subscriber = exchange.subscribe()
    txid = exchange.add("buy", "0.1", "60000", starttm="+60")
    assert exchange.rest("OpenOrders")["open"][txid]["status"] == "pending"
    assert txid not in exchange.matcher(BTC)
    exchange.wait(61)
    assert txid in exchange.matcher(BTC)
    assert subscriber.steps() == ["pending_new", "new"]


def test_it_holds_no_funds_before(exchange: EmptyExchange) -> None:
    txid = exchange.add("buy", "0.1", "60000", starttm="+60")
    assert exchange.account.ledger.held_by(txid) == 0
    exchange.wait(61)
    assert exchange.account.ledger.held_by(txid) > 0


def test_one_that_cannot_be_paid_for_at_its_time_is_cancelled(exchange: EmptyExchange) -> None:
    txid = exchange.add("buy", "100", "60000", starttm="+60")
    exchange.wait(61)
    assert (exchange.order(txid).status, exchange.order(txid).reason) == (
        "canceled",
        "Insufficient funds",
    )


def test_it_can_be_amended_and_cancelled_meanwhile(exchange: EmptyExchange) -> None:
    txid = exchange.add("buy", "0.1", "60000", starttm="+60")
    exchange.rest("AmendOrder", txid=txid, limit_price="61000")
    assert exchange.order(txid).price == 610_000
    exchange.rest("CancelOrder", txid=txid)
    exchange.wait(61)
    assert exchange.order(txid).status == "canceled"
    assert txid not in exchange.matcher(BTC)


def test_a_stop_watches_the_market_from_its_time_on(exchange: EmptyExchange) -> None:
    txid = exchange.add("sell", "0.1", "64000", ordertype="stop-loss", starttm="+60")
    assert not exchange.order(txid).triggered
    exchange.wait(61)
    assert exchange.order(txid).triggered


@pytest.mark.parametrize("seconds_ahead", [-5, 60])
def test_a_socket_names_the_time_itself(exchange: EmptyExchange, seconds_ahead: int) -> None:
    answer = asked_over_socket(exchange, seconds_ahead)
    order = exchange.order(answer["order_id"])
    assert order.started == (seconds_ahead < 0)


def test_one_that_expires_does_so_after_its_time(exchange: EmptyExchange) -> None:
    terms = {"starttm": "+60", "timeinforce": "GTD"}
    assert (
        exchange.refused(
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
    txid = exchange.add("buy", "0.1", "60000", expiretm="+90", **terms)
    exchange.wait(61)
    assert exchange.order(txid).request.expire_at == exchange.order(txid).opened + 90 * NS_PER_S
    exchange.wait(30)
    assert exchange.order(txid).status == "expired"


def test_a_socket_is_refused_by_its_own_name_of_the_argument(
    exchange: EmptyExchange,
) -> None:
    answer = asked_over_socket(exchange, 40 * 86_400)
    assert answer == "EGeneral:Invalid arguments:effective_time"
