"""Stop-loss and take-profit orders: when they fire, and what they cost meanwhile."""

from __future__ import annotations

import pytest

from tests.sim.empty_exchange import BTC, EmptyExchange, Subscriber


@pytest.fixture
def market(exchange: EmptyExchange) -> EmptyExchange:
    """An exchange with a last trade at 63000.0, and a book around it."""
    exchange.agent("sell", "5", "63010")
    exchange.agent("buy", "5", "62990")
    exchange.last[BTC] = 630_000
    return exchange


def trade_at(exchange: EmptyExchange, price: str) -> None:
    """Let two agents trade with each other."""
    exchange.agent("sell", "0.01", price)
    exchange.agent("buy", "0.01", price)


def waits(exchange: EmptyExchange, kind: str, side: str, trigger: str) -> bool:
    """Whether the order still waits after a trade at 63005."""
    txid = exchange.add(side, "0.1", trigger, ordertype=kind)
    trade_at(exchange, "63005")
    order = exchange.account.orders.get(txid)
    assert order is not None
    return order.waiting


@pytest.mark.parametrize(
    ("kind", "side", "trigger", "waiting"),
    [
        ("stop-loss", "buy", "63005", False),
        ("stop-loss", "buy", "63005.1", True),
        ("take-profit", "sell", "63005", False),
        ("take-profit", "sell", "63005.1", True),
        ("stop-loss", "sell", "62990", True),
        ("take-profit", "buy", "62990", True),
    ],
)
def test_the_last_trade_triggers(
    market: EmptyExchange, kind: str, side: str, trigger: str, waiting: bool
) -> None:
    assert waits(market, kind, side, trigger) == waiting


def test_a_trigger_that_is_met_already_fires_at_once(market: EmptyExchange) -> None:
    txid = market.add("sell", "0.1", "64000", ordertype="stop-loss")
    order = market.account.orders.get(txid)
    assert order is not None
    assert order.status == "filled"


def test_a_stop_that_fires_says_so_before_it_trades(market: EmptyExchange) -> None:
    market.add("buy", "0.1", "63005", ordertype="stop-loss")
    subscriber: Subscriber = market.subscribe()
    trade_at(market, "63005")
    rows = subscriber.rows()
    assert [row["exec_type"] for row in rows] == ["status", "trade", "filled"]
    assert rows[0]["triggers"]["status"] == "triggered"
    assert rows[0]["triggers"]["last_price"] == 63005


def test_a_stop_limit_rests_at_its_limit_once_it_has_fired(market: EmptyExchange) -> None:
    txid = market.add("buy", "0.1", "63005", ordertype="stop-loss-limit", price2="62000")
    assert market.matchers[BTC].order(txid) is None
    trade_at(market, "63005")
    resting = market.matchers[BTC].order(txid)
    assert resting is not None
    assert resting.price == 620_000


def test_a_stop_that_waits_holds_no_funds(market: EmptyExchange) -> None:
    market.add("buy", "100", "64000", ordertype="stop-loss")
    assert market.rest("BalanceEx")["ZUSD"]["hold_trade"] == "0.0000"


def test_a_stop_that_cannot_be_paid_for_when_it_fires_is_cancelled(market: EmptyExchange) -> None:
    txid = market.add("buy", "100", "63005", ordertype="stop-loss")
    trade_at(market, "63005")
    order = market.account.orders.get(txid)
    assert order is not None
    assert (order.status, order.reason) == ("canceled", "Insufficient funds")


def test_stops_may_set_each_other_off(market: EmptyExchange) -> None:
    market.agent("sell", "0.01", "63006")
    for trigger in ("63006", "63010"):
        market.add("buy", "0.1", trigger, ordertype="stop-loss")
    trade_at(market, "63006")
    assert [order for order in market.account.orders.open() if order.waiting] == []


def test_a_trigger_may_be_amended_and_a_limit_of_a_plain_stop_not(market: EmptyExchange) -> None:
    txid = market.add("buy", "0.1", "64000", ordertype="stop-loss")
    market.rest("AmendOrder", txid=txid, trigger_price="63500")
    assert market.rest("OpenOrders")["open"][txid]["descr"]["price"] == "63500.0"
    refused = market.refused("AmendOrder", txid=txid, limit_price="63500")
    assert refused == "EOrder:Invalid limit price"


@pytest.mark.parametrize(
    ("side", "price", "trigger"),
    [
        ("buy", "#1%", "63630.0"),
        ("sell", "#1%", "62370.0"),
        ("buy", "+50", "63050.0"),
        ("sell", "-50.5", "62949.5"),
        ("sell", "-2%", "61740.0"),
    ],
)
def test_a_trigger_may_be_named_by_its_distance_from_the_last_trade(
    market: EmptyExchange, side: str, price: str, trigger: str
) -> None:
    txid = market.add(side, "0.1", price, ordertype="stop-loss")
    assert market.rest("OpenOrders")["open"][txid]["descr"]["price"] == trigger


def test_a_stop_that_waits_expires_at_its_time(market: EmptyExchange) -> None:
    terms = {"ordertype": "stop-loss", "timeinforce": "GTD", "expiretm": "+30"}
    txid = market.add("sell", "0.1", "60000", **terms)
    market.wait(29)
    assert market.order(txid).status == "new"
    market.wait(2)
    assert market.order(txid).status == "expired"
