"""Trailing stops: how the trigger follows the market, and what becomes of the order."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kracked.protocol.events import Side
from kracked.protocol.order_terms import Trail, TrailOffset
from tests.sim.empty_exchange import BTC, EmptyExchange
from tests.sim.order_entry.test_triggers import trade_at

BY_100 = Trail(TrailOffset(Decimal(1000), percent=False, tick=1))


@pytest.fixture
def market(exchange: EmptyExchange) -> EmptyExchange:
    """An exchange with a last trade at 63000.0, and a book around it."""
    exchange.agent("sell", "5", "64000")
    exchange.agent("buy", "5", "62000")
    exchange.last[BTC] = 630_000
    return exchange


def trailing(exchange: EmptyExchange, side: str, price: str = "+100", **params: str) -> str:
    return exchange.add(side, "0.1", price, **{"ordertype": "trailing-stop", **params})


@pytest.mark.parametrize(("side", "trigger"), [("sell", 629_000), ("buy", 631_000)])
def test_the_trigger_begins_a_distance_behind_the_last_trade(
    market: EmptyExchange, side: str, trigger: int
) -> None:
    assert market.order(trailing(market, side)).trigger_price == trigger


def test_a_percentage_is_of_the_best_price(market: EmptyExchange) -> None:
    txid = trailing(market, "sell", "+1%")
    trade_at(market, "63500")
    assert market.order(txid).trigger_price == 628_650


def test_the_trigger_follows_the_market_and_stays_when_it_turns(market: EmptyExchange) -> None:
    txid = trailing(market, "sell")
    for price in ("63050", "63200", "63120"):
        trade_at(market, price)
    assert market.order(txid).trigger_price == 631_000


def test_a_turn_by_the_distance_fires_it(market: EmptyExchange) -> None:
    txid = trailing(market, "sell")
    trade_at(market, "63200")
    trade_at(market, "63100")
    assert market.order(txid).status == "filled"


@given(st.sampled_from(Side), st.lists(st.integers(600_000, 660_000), min_size=1))
@settings(max_examples=50)
def test_the_trigger_stands_behind_the_best_price_seen(side: Side, seen: list[int]) -> None:
    trigger = BY_100.trigger(side, seen[0])
    for last in seen[1:]:
        trigger = BY_100.follow(side, trigger, last)
    assert trigger == (min(seen) + 1000 if side is Side.BID else max(seen) - 1000)


def test_the_limit_is_measured_from_the_trigger(market: EmptyExchange) -> None:
    txid = trailing(market, "sell", ordertype="trailing-stop-limit", price2="-10")
    trade_at(market, "63200")
    trade_at(market, "63090")
    order = market.order(txid)
    assert (order.triggered, order.price, order.status) == (True, 630_900, "new")


def test_a_limit_that_is_not_above_zero_ends_the_order_and_holds_nothing(
    market: EmptyExchange,
) -> None:
    held = market.rest("BalanceEx")
    txid = trailing(market, "buy", ordertype="trailing-stop-limit", price2="-70000")
    trade_at(market, "63200")
    order = market.order(txid)
    assert (order.status, order.reason) == ("canceled", "Invalid price")
    assert market.rest("BalanceEx") == held


def test_a_distance_beyond_the_price_is_refused(market: EmptyExchange) -> None:
    params = {"ordertype": "trailing-stop", "pair": "XBTUSD", "type": "sell", "volume": "0.1"}
    refusal = market.refused("AddOrder", **params, price="+63000")
    assert refusal == "EOrder:Invalid price:Invalid price argument."


def test_it_describes_itself_by_its_distances(market: EmptyExchange) -> None:
    txid = trailing(market, "sell", "+1%", ordertype="trailing-stop-limit", price2="-10")
    row = market.rest("OpenOrders")["open"][txid]["descr"]
    assert row["order"] == "sell 0.10000000 XBTUSD @ trailing stop +1.0000% -> limit -10.0"
    assert (row["price"], row["price2"]) == ("+1.0000%", "-10.0")


def socket_order(**params: object) -> dict[str, object]:
    usual = {"order_type": "trailing-stop", "side": "sell", "order_qty": 0.1, "symbol": BTC}
    return {**usual, "triggers": {"price": 1.0, "price_type": "pct"}, **params}


def test_a_socket_gives_the_distance_as_a_trigger(market: EmptyExchange) -> None:
    subscriber = market.subscribe()
    market.socket("add_order", **socket_order())
    first = subscriber.rows()[0]
    assert first["triggers"] == {
        "price": Decimal("1.0000"),
        "price_type": "pct",
        "actual_price": Decimal("62370.0"),
        "reference": "last",
        "status": "untriggered",
    }
    assert first["stop_price"] == Decimal("62370.0")


@pytest.mark.parametrize(
    ("params", "refusal"),
    [
        ({"triggers": {"price": 62000.0}}, "EGeneral:Invalid arguments:triggers"),
        (
            {"triggers": {"price": -1.0, "price_type": "pct"}},
            "EGeneral:Invalid arguments:triggers",
        ),
        ({"limit_price": 1.0}, "EGeneral:Invalid arguments:limit_price"),
        ({"order_type": "trailing-stop-limit"}, "EGeneral:Invalid arguments:limit_price"),
    ],
)
def test_a_socket_refuses_what_is_no_distance(
    market: EmptyExchange, params: dict[str, object], refusal: str
) -> None:
    assert market.socket("add_order", **socket_order(**params)) == [refusal]


def test_only_the_quantity_of_a_waiting_one_can_be_amended(market: EmptyExchange) -> None:
    txid = trailing(market, "sell")
    refusal = market.refused("AmendOrder", txid=txid, trigger_price="62000")
    assert refusal == "EGeneral:Invalid arguments:trigger_price"
    market.rest("AmendOrder", txid=txid, order_qty="0.2")
    assert market.order(txid).qty == 20_000_000


def test_an_edit_keeps_the_distance_or_takes_a_new_one(market: EmptyExchange) -> None:
    kept = market.rest("EditOrder", pair="XBTUSD", txid=trailing(market, "sell"), volume="0.2")
    assert market.order(kept["txid"]).trigger_price == 629_000
    new = market.rest("EditOrder", pair="XBTUSD", txid=kept["txid"], price="+200")
    assert market.order(new["txid"]).trigger_price == 628_000


def test_a_conditional_close_may_trail(market: EmptyExchange) -> None:
    close = {"close[ordertype]": "trailing-stop", "close[price]": "+100"}
    market.add("buy", "0.1", "63000", **close)
    market.agent("sell", "0.1", "63000")
    (waiting,) = market.account.orders.open(BTC)
    assert (waiting.request.order_type, waiting.trigger_price) == ("trailing-stop", 629_000)


def test_the_prices_of_a_sockets_close_may_be_distances_too(market: EmptyExchange) -> None:
    close = {"order_type": "stop-loss", "trigger_price": -1.0, "trigger_price_type": "pct"}
    (answer,) = market.socket(
        "add_order",
        **socket_order(
            order_type="limit", side="buy", limit_price=62500.0, triggers=None, conditional=close
        ),
    )
    parent = market.order(answer["order_id"]).request.close
    assert parent is not None
    assert parent.trigger_price == 623_700
