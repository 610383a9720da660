"""Each endpoint: its body and its reply, in the documented shapes."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from kracked.errors import ProtocolError
from kracked.protocol.events import Side
from kracked.protocol.order_terms import OrderType
from kracked.rest import AddOrder, AmendOrder, BadOrder, EditOrder, OrderRef
from kracked.rest.account import seconds_to_ns
from kracked.rest.client import RestClient
from kracked.rest.encoding import RelativePrice
from kracked.rest.order_info import ClosedBy
from kracked.rest.replies import UnreadableReply
from tests.protocol.maintenance.maintenance_frames import MAJOR, planned
from tests.rest.scripted_http import Exchange, refusal
from tests.shared import VECTORS

SHARED = VECTORS / "rest_trading.json"
VECTORS: dict[str, Any] = json.loads(SHARED.read_text()) if SHARED.exists() else {}
needs_vectors = pytest.mark.skipif(not VECTORS, reason="the shared vectors are not here")

TXID, K = "OHYO67-6LP66-HMQ437", "6d1b345e-2821-40e2-ad83-4ecb18a06876"
ORDER = AddOrder(
    order_type=OrderType.LIMIT, side=Side.BID, volume=Decimal("1.25"), price=Decimal(27500)
)
Use = Callable[[RestClient], Awaitable[object]]
WRITES: dict[str, tuple[Use, dict[str, object]]] = {
    "AmendOrder": (
        lambda client: client.amend_order(
            OrderRef(cl_ord_id=K), AmendOrder(order_qty=Decimal("1.25")), deadline=2 * 10**18
        ),
        {"cl_ord_id": K, "order_qty": "1.25", "deadline": "2033-05-18T03:33:20.000Z"},
    ),
    "EditOrder": (
        lambda client: client.edit_order(EditOrder(txid=TXID, volume=Decimal("1.25")), "XBTUSD"),
        {"txid": TXID, "volume": "1.25", "pair": "XBTUSD"},
    ),
    "CancelOrder": (lambda client: client.cancel_order(OrderRef(txid=TXID)), {"txid": TXID}),
    "CancelOrderBatch": (
        lambda client: client.cancel_order_batch([TXID], [K]),
        {"orders": [TXID], "cl_ord_ids": [K]},
    ),
    "CancelAll": (lambda client: client.cancel_all(), {}),
    "GetWebSocketsToken": (lambda client: client.websockets_token(), {}),
    "TradeBalance": (lambda client: client.trade_balance(), {"asset": "ZUSD"}),
    "TradeVolume": (lambda client: client.trade_volume("XBTUSD"), {"pair": "XBTUSD"}),
    "OpenOrders": (lambda client: client.open_orders(cl_ord_id=K), {"cl_ord_id": K}),
    "ClosedOrders": (
        lambda client: client.closed_orders(cl_ord_id=K, start=17 * 10**8 * 10**9),
        {"cl_ord_id": K, "start": "1700000000"},
    ),
    "QueryOrders": (lambda client: client.query_orders(TXID, "O2"), {"txid": f"{TXID},O2"}),
    "TradesHistory": (
        lambda client: client.trades_history(
            offset=50, start="TCCCTY-WJ6EO-4FP4VZ", ledgers=True, count=False
        ),
        {"ofs": 50, "start": "TCCCTY-WJ6EO-4FP4VZ", "ledgers": True, "without_count": True},
    ),
    "OrderAmends": (lambda client: client.order_amends(TXID), {"order_id": TXID}),
    "QueryTrades": (lambda client: client.query_trades("T1", "T2"), {"txid": "T1,T2"}),
    "Ledgers": (
        lambda client: client.ledgers(
            assets=["ZUSD", "XXBT"], kind="trade", end=17 * 10**17 + 1, offset=50, count=False
        ),
        {
            "asset": "ZUSD,XXBT",
            "type": "trade",
            "end": "1700000001",
            "ofs": 50,
            "without_count": True,
        },
    ),
    "QueryLedgers": (lambda client: client.query_ledgers("L1", "L2"), {"id": "L1,L2"}),
    "OpenPositions": (lambda client: client.open_positions(), {"docalcs": True}),
    "GetApiKeyInfo": (lambda client: client.api_key_info(), {}),
}
RESULTS: dict[str, object] = {
    "AmendOrder": {"amend_id": "T1"},
    **{name: {"count": 1} for name in ("CancelOrder", "CancelOrderBatch", "CancelAll")},
    "GetApiKeyInfo": {"permissions": []},
    "GetWebSocketsToken": {"token": "t/+", "expires": 900},
    "OpenOrders": {"open": {}},
    "ClosedOrders": {"closed": {}, "count": 0},
    "TradesHistory": {"trades": {}, "count": 0},
    "Ledgers": {"ledger": {}, "count": 0},
}


@pytest.mark.parametrize("name", WRITES)
async def test_an_endpoint_sends_its_documented_body(
    exchange: Exchange, client: RestClient, name: str
) -> None:
    use, body = WRITES[name]
    exchange.always[name] = RESULTS.get(name, {})
    await use(client)
    assert {k: v for k, v in exchange.last(name).body.items() if k != "nonce"} == body


MORE: dict[str, tuple[str, Use, dict[str, object]]] = {
    "an edit that waits for the cancel": (
        "EditOrder",
        lambda client: client.edit_order(
            EditOrder(txid=TXID, price=Decimal(27500), oflags="post", cancel_response=True),
            "XBTUSD",
            deadline=2 * 10**18,
            validate=True,
        ),
        {
            "txid": TXID,
            "price": "27500",
            "oflags": "post",
            "cancel_response": True,
            "pair": "XBTUSD",
            "deadline": "2033-05-18T03:33:20.000Z",
            "validate": True,
        },
    ),
    "a cancel of all with a reference": (
        "CancelOrder",
        lambda client: client.cancel_order(OrderRef(txid=7)),
        {"txid": 7},
    ),
    "a batch cancel by reference": (
        "CancelOrderBatch",
        lambda client: client.cancel_order_batch([TXID, 7]),
        {"orders": [TXID, 7]},
    ),
    "open orders of a reference": (
        "OpenOrders",
        lambda client: client.open_orders(userref=7, trades=True),
        {"userref": 7, "trades": True},
    ),
    "closed orders by their closing": (
        "ClosedOrders",
        lambda client: client.closed_orders(
            userref=7, start=TXID, end=17 * 10**17, by=ClosedBy.CLOSE, offset=50, count=False
        ),
        {
            "userref": 7,
            "start": TXID,
            "end": "1700000000",
            "closetime": "close",
            "ofs": 50,
            "without_count": True,
        },
    ),
    "an amend of an iceberg": (
        "AmendOrder",
        lambda client: client.amend_order(
            OrderRef(txid=TXID),
            AmendOrder(
                display_qty=Decimal("1E-1"),
                limit_price=RelativePrice("-", Decimal(2), percent=True),
                trigger_price=Decimal("1E+4"),
                post_only=True,
            ),
        ),
        {
            "txid": TXID,
            "display_qty": "0.1",
            "limit_price": "-2%",
            "trigger_price": "10000",
            "post_only": True,
        },
    ),
}


@pytest.mark.parametrize("what", MORE)
async def test_every_parameter_is_spelled_as_documented(
    exchange: Exchange, client: RestClient, what: str
) -> None:
    name, use, body = MORE[what]
    exchange.always[name] = RESULTS.get(name, {})
    await use(client)
    assert {k: v for k, v in exchange.last(name).body.items() if k != "nonce"} == body


async def test_more_ids_than_a_call_takes_are_not_sent(
    exchange: Exchange, client: RestClient
) -> None:
    for asking in (client.query_orders(*["O"] * 51), client.query_trades(*["T"] * 21)):
        with pytest.raises(BadOrder, match="at once"):
            await asking
    with pytest.raises(BadOrder):
        await client.query_orders()
    assert exchange.calls == []


async def test_an_order_s_history_is_read_with_its_times(
    exchange: Exchange, client: RestClient
) -> None:
    first = {"amend_id": "T1", "amend_type": "original", "order_qty": "0.01"}
    exchange.always["OrderAmends"] = {
        "amends": [{**first, "timestamp": 1728821182545, "limit_price": "61031.3"}],
        "count": 1,
    }
    (amend,) = (await client.order_amends(TXID)).amends
    assert (amend.limit_price, amend.amended) == (Decimal("61031.3"), 1_728_821_182_545_000_000)


async def test_a_position_s_profit_comes_with_its_sign(
    exchange: Exchange, client: RestClient
) -> None:
    position = {"ordertxid": TXID, "pair": "XXBTZUSD", "type": "buy", "ordertype": "limit"}
    numbers = {"cost": "104610.5", "vol": "8.8", "net": "+154186.9728", "rollovertm": "1616672637"}
    exchange.always["OpenPositions"] = {"TF5GVO": {**position, **numbers}}
    assert (await client.open_positions())["TF5GVO"].net == Decimal("154186.9728")


async def test_a_batch_add_names_what_became_of_each_order(
    exchange: Exchange, client: RestClient
) -> None:
    exchange.always["AddOrderBatch"] = {
        "orders": [{"txid": "O5OR23-ADFAD-Y2G61C"}, {"error": "EOrder:Insufficient funds"}]
    }
    reply = await client.add_order_batch([ORDER, ORDER], "XBTUSD")
    assert [(order.txid, order.error) for order in reply.orders] == [
        ("O5OR23-ADFAD-Y2G61C", None),
        (None, "EOrder:Insufficient funds"),
    ]


async def test_a_validated_order_has_no_id(exchange: Exchange, client: RestClient) -> None:
    exchange.always["AddOrder"] = {"descr": {"order": "buy 0.00010000 XBTUSD @ limit 25000.0"}}
    added = await client.add_order(ORDER, "XBTUSD", validate=True)
    assert (added.txid, exchange.last("AddOrder").body["validate"]) == ((), True)


async def test_available_funds_leave_out_holds_and_used_credit(
    exchange: Exchange, client: RestClient
) -> None:
    exchange.always["BalanceEx"] = {
        "ZUSD": {"balance": 25435.21, "hold_trade": "8249.7600"},
        "XXBT": {
            "balance": "3.46840030",
            "credit": "1.26844502",
            "credit_used": "0.10002300",
            "hold_trade": "2.14560458",
        },
    }
    balances = await client.extended_balance()
    assert [balances[asset].available for asset in ("ZUSD", "XXBT")] == [
        Decimal("17185.45"),
        Decimal("2.49121774"),
    ]


@pytest.mark.parametrize("spelling", ["minfee", "min_fee"])
async def test_fees_are_read_in_both_spellings(
    exchange: Exchange, client: RestClient, spelling: str
) -> None:
    level = {"fee": "0.4000", spelling: "0.1000"}
    exchange.always["TradeVolume"] = {"volume": "7.5", "fees": {"XXBTZUSD": level}}
    found = (await client.trade_volume("XBTUSD")).fees["XXBTZUSD"]
    assert (found.fee, found.minfee) == (Decimal("0.4"), Decimal("0.1"))


@pytest.mark.parametrize(
    "spelled",
    [
        {"nonce_window": "15", "ip_allowlist": [""]},
        {"nonceWindow": 15, "ipAllowlist": []},
    ],
)
async def test_key_information_is_read_in_both_spellings(
    exchange: Exchange, client: RestClient, spelled: dict[str, object]
) -> None:
    exchange.always["GetApiKeyInfo"] = {"permissions": ["withdraw-funds"], **spelled}
    found = await client.api_key_info()
    assert (found.noncewindow, found.ipallowlist, found.may_withdraw) == (15, (), True)


async def test_pages_are_read_under_whatever_name_the_pair_comes_back(
    exchange: Exchange, client: RestClient
) -> None:
    row = ["83930.30000", "0.00010000", 1790359841.1382287, "b", "l", "", 7]
    exchange.always["Trades"] = {"XXBTZUSD": [row], "last": "1790359841138228746"}
    rows, last = await client.trades("XBTUSD")
    assert (rows[0].price, rows[0].traded, last) == (
        Decimal("83930.30000"),
        1790359841138228700,
        "1790359841138228746",
    )


async def test_candles_are_read_with_the_number_that_asks_for_the_next(
    exchange: Exchange, client: RestClient
) -> None:
    row = [1790359200, "83765.3", "84050.3", "83765.3", "84030.6", "83921.9", "53.72114923", 2375]
    exchange.always["OHLC"] = {"BTC/USD": [row], "last": 1790359140}
    rows, last = await client.ohlc("BTC/USD", interval=60)
    assert (rows[0].close, last) == (Decimal("84030.6"), "1790359140")


async def test_the_other_public_calls_are_read(exchange: Exchange, client: RestClient) -> None:
    exchange.always |= {
        "SystemStatus": {"status": "online", "timestamp": "2026-01-01T00:00:00Z"},
        "Assets": {"XXBT": {"altname": "XBT", "decimals": 10}},
        "Ticker": {"XXBTZUSD": TICKER},
        "Depth": {"XXBTZUSD": {"asks": [["2", "1", 1]], "bids": [["1.0", "1", 1]]}},
        "Spread": {"XXBTZUSD": [[1, "1.0", "2.0"]], "last": 1},
    }
    assert (await client.system_status()).status == "online"
    assert (await client.assets())["XXBT"].decimals == 10
    assert (await client.ticker("XBTUSD"))["XXBTZUSD"].last[0] == 3
    assert (await client.depth("XBTUSD")).bids[0].price == 1
    assert (await client.spread("XBTUSD"))[0][0].ask == 2


TICKER = {
    "a": ["2", "1", "1"],
    "b": ["1", "1", "1"],
    "c": ["3", "1"],
    **{key: ["1", "2"] for key in "vplh"},
    "t": [1, 2],
    "o": "1",
}


async def test_a_pair_tells_its_rules_and_fees(exchange: Exchange, client: RestClient) -> None:
    exchange.always["AssetPairs"] = {
        "XXBTZUSD": {
            "altname": "XBTUSD",
            "base": "XXBT",
            "quote": "ZUSD",
            "pair_decimals": 1,
            "lot_decimals": 8,
            "ordermin": "0.00005",
            "tick_size": "0.1",
            "fees": [[0, "0.40"], [10000, "0.35"]],
        }
    }
    pair = (await client.asset_pairs())["XXBTZUSD"]
    assert (pair.ordermin, pair.fees[1]) == (Decimal("0.00005"), (10000, Decimal("0.35")))


async def test_the_switch_takes_no_day(client: RestClient) -> None:
    with pytest.raises(BadOrder):
        await client.cancel_all_orders_after(86_400)


USES: dict[str, Use] = {name: use for name, (use, _) in WRITES.items()} | {
    "AddOrder": lambda client: client.add_order(ORDER, "XBTUSD"),
    "AddOrderBatch": lambda client: client.add_order_batch([ORDER, ORDER], "XBTUSD"),
    "CancelAllOrdersAfter": lambda client: client.cancel_all_orders_after(60),
    "Balance": lambda client: client.balance(),
    "BalanceEx": lambda client: client.extended_balance(),
}
DOCUMENTED = [
    row
    for row in VECTORS.get("exchanges", ())
    if row["endpoint"].rpartition("/")[2] in USES and "result" in row["response"]
]


@needs_vectors
@pytest.mark.parametrize("row", DOCUMENTED, ids=lambda row: f"{row['endpoint']} {row['name']}")
async def test_every_documented_reply_is_understood(
    exchange: Exchange, client: RestClient, row: dict[str, Any]
) -> None:
    name = row["endpoint"].rpartition("/")[2]
    exchange.always[name] = row["response"]["result"]
    assert await USES[name](client) is not None


@pytest.mark.parametrize("empty", [{}, {"upcoming_maintenance": None, "emergency": None}])
async def test_a_status_without_lists_announces_nothing(
    exchange: Exchange, client: RestClient, empty: dict[str, object]
) -> None:
    exchange.always["SystemStatus"] = {"status": "maintenance", **empty}
    found = await client.system_status()
    assert (found.status, found.upcoming_maintenance, found.emergency) == ("maintenance", (), ())


async def test_a_status_keeps_its_lists_though_an_entry_is_odd(
    exchange: Exchange, client: RestClient
) -> None:
    exchange.always["SystemStatus"] = {
        "status": "online",
        "upcoming_maintenance": [7, planned()],
        "emergency": [MAJOR],
    }
    found = await client.system_status()
    assert [event.event_id for event in found.upcoming_maintenance] == [51]
    assert [incident.impact for incident in found.emergency] == ["major"]


async def test_the_schedule_holds_the_windows_of_a_week(
    exchange: Exchange, client: RestClient
) -> None:
    exchange.always["MaintenanceSchedule"] = {"events": [planned(), planned(event_id=55)]}
    assert [event.event_id for event in await client.maintenance_schedule() or ()] == [51, 55]
    exchange.always["MaintenanceSchedule"] = {"events": []}
    assert await client.maintenance_schedule() == ()


async def test_a_schedule_that_an_older_exchange_does_not_know_is_not_known(
    exchange: Exchange, client: RestClient
) -> None:
    exchange.always["MaintenanceSchedule"] = refusal("EGeneral:Unknown method")
    assert await client.maintenance_schedule() is None


async def test_an_optional_list_that_is_null_is_an_empty_one(
    exchange: Exchange, client: RestClient
) -> None:
    exchange.always["AssetPairs"] = {"XXBTZUSD": {**PAIR, "fees": None, "fees_maker": None}}
    assert (await client.asset_pairs())["XXBTZUSD"].fees_maker == ()


PAIR = {
    "altname": "XBTUSD",
    "base": "XXBT",
    "quote": "ZUSD",
    "pair_decimals": 1,
    "lot_decimals": 8,
    "tick_size": "0.1",
}


@pytest.mark.parametrize(
    "odd", [{"ordermin": "x"}, {"fees": [["x"]]}, {"altname": 1}, {"base": []}]
)
async def test_an_odd_pair_costs_that_pair_alone_and_is_named_in_the_log(
    exchange: Exchange,
    client: RestClient,
    caplog: pytest.LogCaptureFixture,
    odd: dict[str, object],
) -> None:
    exchange.always["AssetPairs"] = {"XXBTZUSD": PAIR, "ODD": {**PAIR, **odd}, "NONE": None}
    assert list(await client.asset_pairs()) == ["XXBTZUSD"]
    assert {vars(record)["row"] for record in caplog.records} == {"ODD", "NONE"}


async def test_an_odd_asset_costs_that_asset_alone(exchange: Exchange, client: RestClient) -> None:
    exchange.always["Assets"] = {"XXBT": {"altname": "XBT"}, "ODD": {"display_decimals": None}}
    assert list(await client.assets()) == ["XXBT"]


async def test_a_table_without_one_readable_row_is_unreadable(
    exchange: Exchange, client: RestClient
) -> None:
    exchange.always["Assets"] = {"ODD": {"altname": None}}
    with pytest.raises(UnreadableReply):
        await client.assets()


@pytest.mark.parametrize("odd", [{"lastused": None}, {"ipallowlist": 7}, {"nonce": "many"}])
async def test_an_odd_member_of_the_key_costs_that_member_alone(
    exchange: Exchange, client: RestClient, odd: dict[str, object]
) -> None:
    exchange.always["GetApiKeyInfo"] = {"permissions": ["modify-trades"], "validuntil": 5, **odd}
    found = await client.api_key_info()
    assert (found.may_trade, found.validuntil) == (True, 5)


async def test_a_key_without_permissions_is_unreadable_and_not_one_that_may_nothing(
    exchange: Exchange, client: RestClient
) -> None:
    exchange.always["GetApiKeyInfo"] = {"nonce": 1}
    with pytest.raises(UnreadableReply):
        await client.api_key_info()


@pytest.mark.parametrize("seconds", ["1e999", "NaN", "Infinity"])
def test_a_time_beyond_reason_is_no_time(seconds: str) -> None:
    with pytest.raises(ProtocolError):
        seconds_to_ns(Decimal(seconds))
