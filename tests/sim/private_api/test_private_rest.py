"""The private endpoints: shapes, pages, filters and targets."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from kracked.gateway.accounts.fees import SCHEDULE
from kracked.sim.order_entry.client_accounts import AccountOptions
from tests.sim.empty_exchange import BTC, EmptyExchange


def test_an_open_order_is_shown_member_for_member(exchange: EmptyExchange) -> None:
    exchange.add("buy", "1.25", "30010")
    exchange.agent("sell", "0.375", "30010")
    ((txid, row),) = exchange.rest("OpenOrders", trades=True)["open"].items()
    (fill,) = exchange.account.fills
    assert txid.startswith("O")
    assert row.pop("opentm") > 1_789_000_000
    assert row == {
        "refid": None,
        "userref": 0,
        "status": "open",
        "starttm": 0,
        "expiretm": 0,
        "descr": {
            "pair": "XBTUSD",
            "type": "buy",
            "ordertype": "limit",
            "price": "30010.0",
            "price2": "0",
            "leverage": "none",
            "order": "buy 1.25000000 XBTUSD @ limit 30010.0",
            "close": "",
        },
        "vol": "1.25000000",
        "vol_exec": "0.37500000",
        "cost": "11253.75000",
        "fee": "28.13438",
        "price": "30010.0",
        "stopprice": "0.00000",
        "limitprice": "0.00000",
        "misc": "",
        "oflags": "fciq",
        "trades": [fill],
    }


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"ordertype": "market"}, "buy 1.00000000 XBTUSD @ market"),
        ({"price": "20000"}, "buy 1.00000000 XBTUSD @ limit 20000.0"),
        (
            {"ordertype": "stop-loss", "price": "70000"},
            "buy 1.00000000 XBTUSD @ stop loss 70000.0",
        ),
        (
            {"ordertype": "take-profit-limit", "price": "50000", "price2": "49000"},
            "buy 1.00000000 XBTUSD @ take profit 50000.0 -> limit 49000.0",
        ),
    ],
)
def test_an_order_is_described_in_words(
    exchange: EmptyExchange, terms: dict[str, str], words: str
) -> None:
    asked = {"ordertype": "limit", "type": "buy", "pair": "XBTUSD", "volume": "1", **terms}
    assert exchange.rest("AddOrder", **asked, validate=True)["descr"]["order"] == words


def test_orders_are_found_by_client_id_and_userref(exchange: EmptyExchange) -> None:
    mine = exchange.add("buy", "0.1", "20000", cl_ord_id="mine")
    other = exchange.add("buy", "0.1", "20000", userref=-7)
    assert list(exchange.rest("OpenOrders", cl_ord_id="mine")["open"]) == [mine]
    assert list(exchange.rest("OpenOrders", userref=-7)["open"]) == [other]
    assert exchange.rest("OpenOrders", cl_ord_id="nobody") == {"open": {}}


def test_closed_orders_come_newest_first_fifty_a_page(exchange: EmptyExchange) -> None:
    ids = []
    for _ in range(60):
        exchange.wait(30)
        ids.append(exchange.add("buy", "0.1", "20000"))
        exchange.rest("CancelOrder", txid=ids[-1])
    exchange.wait(60)
    first = exchange.rest("ClosedOrders")
    assert (list(first["closed"]), first["count"]) == (ids[:9:-1], 60)
    assert list(exchange.rest("ClosedOrders", ofs=50)["closed"]) == ids[9::-1]


def test_closed_orders_may_be_bounded_by_time_or_id(exchange: EmptyExchange) -> None:
    ids = []
    for _ in range(3):
        exchange.wait(10)
        ids.append(exchange.add("buy", "0.1", "20000"))
        exchange.rest("CancelOrder", txid=ids[-1])
    assert list(exchange.rest("ClosedOrders", start=ids[0])["closed"]) == ids[:0:-1]
    assert list(exchange.rest("ClosedOrders", end=ids[0])["closed"]) == ids[:1]
    assert exchange.rest("ClosedOrders", start=exchange.now // 10**9 + 1)["count"] == 0


def test_queried_orders_that_are_not_known_are_left_out(exchange: EmptyExchange) -> None:
    txid = exchange.add("buy", "0.1", "20000")
    assert list(exchange.rest("QueryOrders", txid=f"{txid},OAAAAA-AAAAA-AAAAAA")) == [txid]
    assert exchange.rest("QueryOrders", txid="OAAAAA-AAAAA-AAAAAA") == {}
    assert exchange.refused("QueryOrders", cl_ord_id="mine") == "EGeneral:Invalid arguments"


def test_amends_are_listed_from_the_original_on(exchange: EmptyExchange) -> None:
    txid = exchange.add("buy", "0.01", "61031.3")
    amend_id = exchange.rest("AmendOrder", txid=txid, order_qty="0.02", limit_price="61000")[
        "amend_id"
    ]
    reply = exchange.rest("OrderAmends", order_id=txid)
    original, amended = reply["amends"]
    assert reply["count"] == 2
    assert (original["amend_type"], original["limit_price"]) == ("original", "61031.3")
    assert (amended["amend_id"], amended["amend_type"], amended["order_qty"]) == (
        amend_id,
        "user",
        "0.02000000",
    )
    assert amended["timestamp"] == exchange.account.orders.open()[0].touched // 10**6


def test_a_trade_is_shown_with_its_order_and_its_ledger_entries(exchange: EmptyExchange) -> None:
    exchange.agent("sell", "0.5", "29500.5")
    txid = exchange.add("buy", "0.5", "29500.5")
    ((trade_id, row),) = exchange.rest("TradesHistory")["trades"].items()
    assert (row["ordertxid"], row["cost"], row["fee"], row["maker"]) == (
        txid,
        "14750.25000",
        "59.00100",
        False,
    )
    assert len(row["ledgers"]) == 2
    assert exchange.rest("QueryTrades", txid=trade_id) == {trade_id: row}


@pytest.mark.parametrize(
    ("name", "error"),
    [("OAAAAA-AAAAA-AAAAAA", "EOrder:Invalid order"), ("rubbish", "EOrder:Invalid order")],
)
def test_an_id_that_was_never_given_is_invalid(
    exchange: EmptyExchange, name: str, error: str
) -> None:
    assert exchange.refused("CancelOrder", txid=name) == error


def test_an_order_that_has_ended_is_unknown(exchange: EmptyExchange) -> None:
    txid = exchange.add("buy", "0.1", "20000", cl_ord_id="mine")
    exchange.rest("CancelOrder", cl_ord_id="mine")
    for name in ({"txid": txid}, {"cl_ord_id": "mine"}):
        assert exchange.refused("CancelOrder", **name) == "EOrder:Unknown order"
        assert exchange.refused("AmendOrder", **name, order_qty="1") == "EOrder:Unknown order"


def test_a_userref_cancels_all_that_carry_it(exchange: EmptyExchange) -> None:
    for _ in range(3):
        exchange.add("buy", "0.1", "20000", userref=7)
    exchange.add("buy", "0.1", "20000", userref=8)
    assert exchange.rest("CancelOrder", txid=7) == {"count": 3}


def test_a_batch_of_cancels_counts_what_was_there(exchange: EmptyExchange) -> None:
    first = exchange.add("buy", "0.1", "20000")
    exchange.add("buy", "0.1", "20000", cl_ord_id="mine")
    reply = exchange.rest(
        "CancelOrderBatch", orders=[first, "rubbish"], cl_ord_ids=["mine", "yours"]
    )
    assert reply == {"count": 2}


def test_a_batch_is_checked_as_a_whole_and_funded_one_by_one(exchange: EmptyExchange) -> None:
    good = {"ordertype": "limit", "type": "buy", "volume": "0.1", "price": "20000"}
    malformed = {**good, "price": "1e5"}
    assert "Invalid price" in exchange.refused(
        "AddOrderBatch", pair="XBTUSD", orders=[good, malformed]
    )
    assert exchange.account.orders.open() == []
    dear = {**good, "volume": "1000"}
    placed, refused = exchange.rest("AddOrderBatch", pair="XBTUSD", orders=[good, dear])["orders"]
    assert placed["txid"] == exchange.account.orders.open()[0].order_id
    assert refused == {"error": "EOrder:Insufficient funds"}


def test_a_batch_holds_two_to_fifteen(exchange: EmptyExchange) -> None:
    good = {"ordertype": "limit", "type": "buy", "volume": "0.1", "price": "20000"}
    for count in (1, 16):
        error = exchange.refused("AddOrderBatch", pair="XBTUSD", orders=[good] * count)
        assert error == "EGeneral:Invalid arguments:orders"


def test_an_open_order_holds_its_value_and_its_fee(exchange: EmptyExchange) -> None:
    exchange.add("buy", "1", "50000")
    held = Decimal(exchange.rest("BalanceEx")["ZUSD"]["hold_trade"])
    # 0.40 % on top, and two last decimals for rounding.
    assert held == Decimal("50200.00002")
    exchange.add("sell", "0.5", "90000")
    assert exchange.rest("BalanceEx")["XXBT"]["hold_trade"] == "0.5000000000"
    assert exchange.refused(
        "AddOrder", ordertype="limit", type="buy", pair="XBTUSD", volume="1", price="49800"
    ) == ("EOrder:Insufficient funds")


def test_an_amend_upwards_needs_the_funds_as_well(exchange: EmptyExchange) -> None:
    txid = exchange.add("buy", "1", "50000")
    assert exchange.refused("AmendOrder", txid=txid, order_qty="2") == "EOrder:Insufficient funds"
    exchange.rest("AmendOrder", txid=txid, order_qty="1.9")


def test_a_market_buy_may_be_asked_for_by_its_value(exchange: EmptyExchange) -> None:
    exchange.agent("sell", "0.1", "50000")
    exchange.agent("sell", "1", "60000")
    exchange.add("buy", "11000", oflags="viqc")
    bought = sum(fill.qty for fill in exchange.account.fills.values())
    assert bought == 20_000_000


def test_a_market_order_that_cannot_be_paid_for_is_refused(exchange: EmptyExchange) -> None:
    exchange.agent("sell", "1", "60000")
    exchange.agent("sell", "1", "90000")
    asked = {"ordertype": "market", "type": "buy", "pair": "XBTUSD"}
    assert exchange.refused("AddOrder", **asked, volume="2") == "EOrder:Insufficient funds"
    assert exchange.rest("AddOrder", **asked, volume="1")["txid"]


@pytest.mark.parametrize("step", SCHEDULE)
def test_fees_fall_with_the_volume_of_thirty_days(step: Any) -> None:
    exchange = EmptyExchange(terms=AccountOptions(volume=str(step.volume)))
    reply = exchange.rest("TradeVolume", pair="XBTUSD")
    taker, maker = (reply[name]["XXBTZUSD"]["fee"] for name in ("fees", "fees_maker"))
    assert (Decimal(taker) * 100, Decimal(maker) * 100) == step.rates


def test_volume_is_forgotten_after_thirty_days(exchange: EmptyExchange) -> None:
    exchange.agent("sell", "0.5", "60000")
    exchange.add("buy", "0.5", "60000")
    assert Decimal(exchange.rest("TradeVolume")["volume"]) == 30_000
    assert exchange.rest("TradeVolume", pair="XBTUSD")["fees"]["XXBTZUSD"]["fee"] == "0.3500"
    exchange.wait(31 * 86_400)
    assert Decimal(exchange.rest("TradeVolume")["volume"]) == 0


def test_the_account_is_worth_its_assets_at_the_last_trade(exchange: EmptyExchange) -> None:
    exchange.last[BTC] = 600_000
    worth = exchange.rest("TradeBalance")
    assert (worth["eb"], worth["m"]) == ("220000.0000", "0.0000")
    assert "ml" not in worth


def test_there_are_no_positions(exchange: EmptyExchange) -> None:
    assert exchange.rest("OpenPositions") == {}


def test_two_keys_may_act_for_one_account_and_others_do_not_see_it(exchange: EmptyExchange) -> None:
    exchange.add("buy", "0.1", "20000")
    exchange.key.account = "another"
    assert exchange.rest("OpenOrders") == {"open": {}}
    exchange.key.account = "main"
    assert len(exchange.rest("OpenOrders")["open"]) == 1


def test_an_edit_that_would_be_refused_cancels_nothing(exchange: EmptyExchange) -> None:
    txid = exchange.add("buy", "0.1", "20000")
    error = exchange.refused("EditOrder", txid=txid, pair="XBTUSD", volume="1000")
    assert error == "EOrder:Insufficient funds"
    assert [order.order_id for order in exchange.account.orders.open()] == [txid]


def test_websocket_cancels_answer_once_per_order(exchange: EmptyExchange) -> None:
    first, second = (
        exchange.add("buy", "0.1", "20000"),
        exchange.add("buy", "0.1", "20000", cl_ord_id="b"),
    )
    answers = exchange.socket("cancel_order", order_id=[first, "rubbish"], cl_ord_id=["b"])
    assert answers == [{"order_id": first}, "EOrder:Invalid order", {"cl_ord_id": "b"}]
    assert exchange.account.orders.get(second).status == "canceled"  # type: ignore[union-attr]


def test_websocket_amends_and_edits_answer_with_the_names_they_were_given(
    exchange: EmptyExchange,
) -> None:
    txid = exchange.add("buy", "0.1", "20000", cl_ord_id="mine")
    (answer,) = exchange.socket("amend_order", cl_ord_id="mine", order_qty=0.2)
    assert set(answer) == {"amend_id", "cl_ord_id"}
    (answer,) = exchange.socket("edit_order", order_id=txid, symbol=BTC, limit_price=21000)
    assert answer["original_order_id"] == txid
    assert exchange.account.orders.open()[0].price == 210_000


def test_websocket_batches_answer_as_lists_and_counts(exchange: EmptyExchange) -> None:
    order = {"order_type": "limit", "side": "buy", "order_qty": 0.1, "limit_price": 20000}
    orders = [{**order, "order_userref": 1}, {**order, "order_qty": 1000}]
    (answer,) = exchange.socket("batch_add", symbol=BTC, orders=orders)
    assert set(answer[0]) == {"order_id", "order_userref"}
    assert answer[1] == {"success": False, "error": "EOrder:Insufficient funds"}
    assert exchange.socket("batch_cancel", orders=["1", "rubbish"]) == [{"count": 1}]
    assert exchange.socket("cancel_all") == [{"count": 0}]
