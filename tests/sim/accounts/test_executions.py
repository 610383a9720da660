"""The rows of `executions` in each case: in order, and only as deltas."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.sim.empty_exchange import EmptyExchange, Subscriber


@pytest.fixture
def subscriber(exchange: EmptyExchange) -> Subscriber:
    subscriber = exchange.subscribe()
    subscriber.raw.clear()
    return subscriber


def test_an_order_that_rests_is_pending_and_then_new(
    exchange: EmptyExchange, subscriber: Subscriber
) -> None:
    exchange.add("buy", "0.0001", "8000", cl_ord_id="b6755a8d4d000200")
    pending, new = subscriber.rows()
    assert set(pending) == {
        "order_id",
        "symbol",
        "order_qty",
        "cum_cost",
        "time_in_force",
        "exec_type",
        "side",
        "order_type",
        "cl_ord_id",
        "limit_price_type",
        "limit_price",
        "stop_price",
        "order_status",
        "fee_usd_equiv",
        "fee_ccy_pref",
        "timestamp",
    }
    assert (pending["exec_type"], pending["time_in_force"]) == ("pending_new", "GTC")
    assert set(new) == {"timestamp", "order_status", "exec_type", "cl_ord_id", "order_id"}


def test_numbers_have_the_digits_of_the_exchange(
    exchange: EmptyExchange, subscriber: Subscriber
) -> None:
    exchange.add("buy", "0.0001", "8000")
    assert '"order_qty":0.00010000' in subscriber.raw[0]
    assert '"limit_price":8000.0' in subscriber.raw[0]
    assert '"cum_cost":0.00000' in subscriber.raw[0]
    assert '"fee_usd_equiv":0.0000' in subscriber.raw[0]


def test_an_order_filled_on_arrival_says_so_after_a_trade_per_fill(
    exchange: EmptyExchange, subscriber: Subscriber
) -> None:
    exchange.agent("sell", "0.3", "63000")
    exchange.agent("sell", "0.3", "63001")
    exchange.add("buy", "0.6", "63001")
    rows = subscriber.rows()
    assert [row["exec_type"] for row in rows] == ["pending_new", "new", "trade", "trade", "filled"]
    assert [row["order_status"] for row in rows[2:4]] == ["partially_filled"] * 2


def test_a_fill_is_reported_in_full(exchange: EmptyExchange, subscriber: Subscriber) -> None:
    exchange.agent("sell", "0.005", "26599.9")
    order_id = exchange.add("buy", "0.005", "26599.9", userref=3)
    (trade,) = [row for row in subscriber.rows() if row["exec_type"] == "trade"]
    told = {name: trade[name] for name in trade if name not in ("exec_id", "timestamp", "trade_id")}
    assert told == {
        "order_id": order_id,
        "order_userref": 3,
        "exec_type": "trade",
        "symbol": "BTC/USD",
        "side": "buy",
        "last_qty": Decimal("0.005"),
        "last_price": Decimal("26599.9"),
        "liquidity_ind": "t",
        "cost": Decimal("132.9995"),
        "order_type": "limit",
        "order_status": "partially_filled",
        "cum_qty": Decimal("0.005"),
        "cum_cost": Decimal("132.9995"),
        "avg_price": Decimal("26599.9"),
        "fee_usd_equiv": Decimal("0.5320"),
        "fees": [{"asset": "USD", "qty": Decimal("0.53200")}],
    }


def test_what_is_not_filled_on_arrival_rests(
    exchange: EmptyExchange, subscriber: Subscriber
) -> None:
    exchange.agent("sell", "0.3", "63000")
    exchange.add("buy", "0.6", "63000")
    assert subscriber.steps() == ["pending_new", "new", "trade"]


def test_a_resting_order_is_filled_as_maker(
    exchange: EmptyExchange, subscriber: Subscriber
) -> None:
    exchange.add("sell", "0.3", "63000")
    subscriber.raw.clear()
    exchange.agent("buy", "0.3", None)
    trade, filled = subscriber.rows()
    assert (trade["liquidity_ind"], filled["exec_type"]) == ("m", "filled")
    assert trade["fees"] == [{"asset": "USD", "qty": Decimal("47.25000")}]


def test_a_cancel_gives_the_users_wish_as_its_reason(
    exchange: EmptyExchange, subscriber: Subscriber
) -> None:
    txid = exchange.add("buy", "0.0001", "8000", cl_ord_id="a")
    subscriber.raw.clear()
    exchange.rest("CancelOrder", txid=txid)
    (row,) = subscriber.rows()
    row.pop("timestamp")
    assert row == {
        "order_status": "canceled",
        "exec_type": "canceled",
        "cum_qty": 0,
        "cum_cost": 0,
        "fee_usd_equiv": 0,
        "avg_price": 0,
        "cl_ord_id": "a",
        "cancel_reason": "User requested",
        "reason": "User requested",
        "order_id": txid,
    }


@pytest.mark.parametrize(
    ("terms", "steps", "reason"),
    [
        ({"oflags": "post"}, ["pending_new", "canceled"], "Post only order"),
        (
            {"timeinforce": "IOC"},
            ["pending_new", "new", "trade", "canceled"],
            "Immediate or cancel",
        ),
        ({"timeinforce": "FOK"}, ["pending_new", "canceled"], "Fill or kill"),
    ],
)
def test_an_order_the_book_does_not_suit_is_accepted_and_then_cancelled(
    exchange: EmptyExchange,
    subscriber: Subscriber,
    terms: dict[str, Any],
    steps: list[str],
    reason: str,
) -> None:
    exchange.agent("sell", "0.3", "63000")
    exchange.add("buy", "0.6", "63000", **terms)
    rows = subscriber.rows()
    assert [row["exec_type"] for row in rows] == steps
    assert rows[-1]["reason"] == reason


def test_an_amend_tells_all_its_new_terms_at_once(
    exchange: EmptyExchange, subscriber: Subscriber
) -> None:
    txid = exchange.add("buy", "0.0001", "80000", cl_ord_id="a")
    exchange.agent("sell", "0.00004", "79000")
    subscriber.raw.clear()
    exchange.rest("AmendOrder", txid=txid, order_qty="0.0002", limit_price="81818")
    (row,) = subscriber.rows()
    row.pop("timestamp")
    assert row == {
        "exec_type": "amended",
        "order_status": "partially_filled",
        "cum_qty": Decimal("0.00004"),
        "reason": "User requested",
        "amended": True,
        "order_qty": Decimal("0.0002"),
        "limit_price": Decimal("81818"),
        "limit_price_type": "static",
        "cl_ord_id": "a",
        "order_id": txid,
    }


def test_an_amend_that_crosses_is_reported_before_its_fills(
    exchange: EmptyExchange, subscriber: Subscriber
) -> None:
    txid = exchange.add("buy", "0.1", "60000")
    exchange.agent("sell", "0.1", "63000")
    subscriber.raw.clear()
    exchange.rest("AmendOrder", txid=txid, limit_price="63000")
    assert subscriber.steps() == ["amended", "trade", "filled"]


def test_an_amend_to_what_is_filled_ends_the_order(
    exchange: EmptyExchange, subscriber: Subscriber
) -> None:
    txid = exchange.add("buy", "0.2", "63000")
    exchange.agent("sell", "0.1", "63000")
    subscriber.raw.clear()
    exchange.rest("AmendOrder", txid=txid, order_qty="0.05")
    assert subscriber.steps() == ["amended", "canceled"]


def test_an_edit_ends_one_order_and_begins_another(
    exchange: EmptyExchange, subscriber: Subscriber
) -> None:
    txid = exchange.add("buy", "0.2", "60000")
    subscriber.raw.clear()
    new = exchange.rest("EditOrder", txid=txid, pair="XBTUSD", price="60001")["txid"]
    rows = subscriber.rows()
    assert [(row["exec_type"], row["order_id"]) for row in rows] == [
        ("canceled", txid),
        ("pending_new", new),
        ("new", new),
    ]


def test_a_good_till_date_order_expires(exchange: EmptyExchange, subscriber: Subscriber) -> None:
    exchange.add("buy", "0.2", "60000", timeinforce="GTD", expiretm="+10")
    subscriber.raw.clear()
    exchange.wait(11)
    assert subscriber.steps() == ["expired"]


def test_an_iceberg_tells_each_new_slice(exchange: EmptyExchange, subscriber: Subscriber) -> None:
    exchange.add("sell", "0.3", "63000", ordertype="iceberg", displayvol="0.1")
    subscriber.raw.clear()
    exchange.agent("buy", "0.15", None)
    assert subscriber.steps() == ["trade", "iceberg_refill", "trade"]


def test_the_snapshot_shows_open_orders_with_terms_and_progress(exchange: EmptyExchange) -> None:
    txid = exchange.add("buy", "0.5", "26599.9", cl_ord_id="a")
    exchange.agent("sell", "0.1", "26599.9")
    (message,) = exchange.subscribe().messages
    (row,) = message["data"]
    assert (message["type"], message["sequence"]) == ("snapshot", 1)
    assert (row["order_id"], row["order_status"], row["cum_qty"], row["limit_price"]) == (
        txid,
        "partially_filled",
        Decimal("0.1"),
        Decimal("26599.9"),
    )


def test_the_snapshot_shows_past_fills_only_when_asked(exchange: EmptyExchange) -> None:
    exchange.agent("sell", "0.1", "63000")
    exchange.add("buy", "0.1", "63000")
    assert exchange.subscribe().messages[0]["data"] == []
    (row,) = exchange.subscribe(snap_trades=True).messages[0]["data"]
    assert row["order_status"] == "filled"
    assert "cum_qty" not in row


def test_the_older_name_of_the_option_shows_past_fills_too(exchange: EmptyExchange) -> None:
    exchange.agent("sell", "0.1", "63000")
    exchange.add("buy", "0.1", "63000")
    assert len(exchange.subscribe(snapshot_trades=True).messages[0]["data"]) == 1


def test_no_snapshot_of_all_users_orders_comes(exchange: EmptyExchange) -> None:
    subscriber = exchange.subscribe(users="all")
    exchange.add("buy", "0.1", "60000")
    assert subscriber.steps() == ["pending_new", "new"]


def test_without_order_status_only_beginnings_ends_and_fills_are_reported(
    exchange: EmptyExchange,
) -> None:
    subscriber = exchange.subscribe(order_status=False)
    subscriber.raw.clear()
    txid = exchange.add("buy", "0.2", "60000")
    exchange.rest("AmendOrder", txid=txid, order_qty="0.1")
    exchange.rest("CancelOrder", txid=txid)
    assert subscriber.steps() == ["new", "canceled"]


def test_the_engines_counter_is_shown_when_asked(exchange: EmptyExchange) -> None:
    subscriber = exchange.subscribe(ratecounter=True)
    exchange.add("buy", "0.2", "60000")
    assert [row["ratecount"] for row in subscriber.rows()] == [1, 1]


def test_a_fill_moves_both_assets_under_one_reference(exchange: EmptyExchange) -> None:
    exchange.agent("sell", "0.1", "63000")
    subscriber = exchange.subscribe("balances")
    exchange.add("buy", "0.1", "63000")
    base, quote = subscriber.rows()
    assert base["ref_id"] == quote["ref_id"]
    assert (base["asset"], base["amount"], base["fee"]) == ("BTC", Decimal("0.1"), 0)
    assert (quote["asset"], quote["amount"], quote["fee"]) == ("USD", -6300, Decimal("25.2"))
    assert (base["balance"], quote["balance"]) == (Decimal("2.1"), Decimal("93674.8"))


def test_a_fee_may_be_paid_in_what_is_bought(
    exchange: EmptyExchange, subscriber: Subscriber
) -> None:
    exchange.agent("sell", "0.1", "63000")
    exchange.add("buy", "0.1", "63000", oflags="fcib")
    trade = next(row for row in subscriber.rows() if row["exec_type"] == "trade")
    assert trade["fees"] == [{"asset": "BTC", "qty": Decimal("0.0004")}]
    assert trade["fee_usd_equiv"] == Decimal("25.2")
    assert exchange.rest("Balance")["XXBT"] == "2.0996000000"


def test_a_conditional_close_follows_each_fill(
    exchange: EmptyExchange, subscriber: Subscriber
) -> None:
    close = {
        "close[ordertype]": "stop-loss-limit",
        "close[price]": "50000",
        "close[price2]": "49000",
    }
    parent = exchange.add("buy", "0.3", "63000", **close)
    subscriber.raw.clear()
    exchange.agent("sell", "0.1", "63000")
    trade, pending, new = subscriber.rows()
    assert (trade["exec_type"], new["exec_type"]) == ("trade", "new")
    assert (pending["ord_ref_id"], pending["side"], pending["order_qty"]) == (
        parent,
        "sell",
        Decimal("0.1"),
    )
    assert pending["triggers"]["price"] == 50000


def test_the_last_fills_each_tell_their_own_fee_s_worth(exchange: EmptyExchange) -> None:
    for _ in range(2):
        exchange.agent("sell", "0.004", "25000")
    exchange.add("buy", "0.008", "25000")
    subscriber = exchange.subscribe(snap_trades=True)
    (snapshot,) = subscriber.messages
    assert [str(row["fee_usd_equiv"]) for row in snapshot["data"]] == ["0.4000", "0.4000"]
