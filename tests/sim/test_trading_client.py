"""A client by others trades: python-kraken-sdk, unmodified, only its address is set.

Its REST clients block, so they run in threads; its WebSocket client has a loop of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import pytest

from kracked.sim.server import SimOptions, SimServer
from tests.patience import PATIENCE_S

kraken = pytest.importorskip("kraken.spot", reason="the public client is not installed")


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SimServer]:
    async with SimServer(SimOptions(seed=8, symbols=["BTC/USD", "ETH/USD"])) as running:
        monkeypatch.setattr("kraken.base_api.SpotClient.URL", running.endpoints.rest)
        # It waits up to two seconds before its first attempt; this makes that one.
        monkeypatch.setattr("kraken.spot.websocket.connectors.random", lambda: 0.0)
        yield running


@pytest.fixture
def trade(server: SimServer) -> Any:
    return kraken.Trade(key=server.api_key, secret=server.api_secret)


@pytest.fixture
def user(server: SimServer) -> Any:
    return kraken.User(key=server.api_key, secret=server.api_secret)


async def limit(trade: Any, **terms: Any) -> str:
    """Place a limit order, far from the market by default, and return its id."""
    asked = {"ordertype": "limit", "side": "buy", "pair": "XBTUSD", "volume": "0.01"}
    reply = await asyncio.to_thread(trade.create_order, **{**asked, "price": "20000", **terms})
    return str(reply["txid"][0])


async def test_it_places_amends_and_cancels_an_order(trade: Any, user: Any) -> None:
    placed = await limit(trade, userref=7)
    resting = (await asyncio.to_thread(user.get_open_orders))["open"]
    assert resting[placed]["descr"]["order"] == "buy 0.01000000 XBTUSD @ limit 20000.0"
    amended = await asyncio.to_thread(
        trade.amend_order, txid=placed, extra_params={"order_qty": "0.02", "limit_price": "20001.5"}
    )
    assert amended["amend_id"]
    resting = (await asyncio.to_thread(user.get_open_orders, userref=7))["open"]
    assert (resting[placed]["vol"], resting[placed]["descr"]["price"]) == ("0.02000000", "20001.5")
    assert (await asyncio.to_thread(trade.cancel_order, txid=placed)) == {"count": 1}
    assert (await asyncio.to_thread(user.get_open_orders))["open"] == {}
    closed = (await asyncio.to_thread(user.get_closed_orders))["closed"]
    assert (closed[placed]["status"], closed[placed]["reason"]) == ("canceled", "User requested")


async def test_it_buys_at_the_market_and_pays_for_it(trade: Any, user: Any) -> None:
    before = await asyncio.to_thread(user.get_account_balance)
    reply = await asyncio.to_thread(
        trade.create_order, ordertype="market", side="buy", pair="XBTUSD", volume="0.5"
    )
    after = await asyncio.to_thread(user.get_account_balance)
    fills = (await asyncio.to_thread(user.get_trades_history))["trades"].values()
    assert {fill["ordertxid"] for fill in fills} == set(reply["txid"])
    paid = sum(Decimal(fill["cost"]) + Decimal(fill["fee"]) for fill in fills)
    assert Decimal(after["XXBT"]) - Decimal(before["XXBT"]) == Decimal("0.5")
    assert Decimal(before["ZUSD"]) - Decimal(after["ZUSD"]) == paid


async def test_it_edits_an_order_into_another(trade: Any, user: Any) -> None:
    placed = await limit(trade)
    edited = await asyncio.to_thread(
        trade.edit_order, txid=placed, pair="XBTUSD", volume="0.03", price="20002"
    )
    assert (edited["originaltxid"], edited["status"]) == (placed, "ok")
    resting = (await asyncio.to_thread(user.get_open_orders))["open"]
    assert [(txid, row["vol"]) for txid, row in resting.items()] == [(edited["txid"], "0.03000000")]


async def test_it_places_and_cancels_batches(trade: Any, user: Any) -> None:
    orders = [
        {"ordertype": "limit", "type": "buy", "volume": "0.01", "price": "20000"},
        {"ordertype": "limit", "type": "sell", "volume": "0.01", "price": "90000"},
    ]
    reply = await asyncio.to_thread(trade.create_order_batch, orders=orders, pair="XBTUSD")
    placed = [row["txid"] for row in reply["orders"]]
    assert set((await asyncio.to_thread(user.get_open_orders))["open"]) == set(placed)
    assert (await asyncio.to_thread(trade.cancel_order_batch, orders=placed)) == {"count": 2}


async def test_it_cancels_everything_at_once(trade: Any) -> None:
    for _ in range(3):
        await limit(trade)
    assert (await asyncio.to_thread(trade.cancel_all_orders)) == {"count": 3}


async def test_it_arms_the_dead_mans_switch(trade: Any) -> None:
    reply = await asyncio.to_thread(trade.cancel_all_orders_after_x, timeout=60)
    assert set(reply) == {"currentTime", "triggerTime"}
    reply = await asyncio.to_thread(trade.cancel_all_orders_after_x, timeout=0)
    assert reply["triggerTime"] == "0"


async def test_it_reads_refusals_as_its_own_exceptions(trade: Any) -> None:
    from kraken.exceptions import KrakenInsufficientFundsError, KrakenUnknownOrderError

    with pytest.raises(KrakenInsufficientFundsError):
        await limit(trade, volume="1000")
    placed = await limit(trade)
    await asyncio.to_thread(trade.cancel_order, txid=placed)
    with pytest.raises(KrakenUnknownOrderError):
        await asyncio.to_thread(trade.cancel_order, txid=placed)


async def test_its_order_is_in_the_public_book_under_its_own_id(
    server: SimServer, trade: Any
) -> None:
    best = server.exchange.market.matcher("BTC/USD").best_bid
    assert best is not None
    placed = await limit(trade, price=f"{best.price / 10 - 5:.1f}", oflags="post")
    order = server.exchange.market.matcher("BTC/USD").order(placed)
    assert order is not None
    assert order.owner == "main"


async def test_it_reads_its_balances_and_fees(user: Any) -> None:
    volume = await asyncio.to_thread(user.get_trade_volume, pair="XBTUSD")
    assert (volume["fees"]["XXBTZUSD"]["fee"], volume["fees_maker"]["XXBTZUSD"]["fee"]) == (
        "0.4000",
        "0.2500",
    )
    held = await asyncio.to_thread(user.get_balances)
    assert held["ZUSD"] == {"balance": "100000.0000", "hold_trade": "0.0000"}
    worth = await asyncio.to_thread(user.get_trade_balance)
    assert Decimal(worth["eb"]) > 200_000


async def stream_a_life(server: SimServer) -> list[dict[str, Any]]:
    """Return what it receives about one order that it places and cancels over WebSocket."""
    received: list[dict[str, Any]] = []
    ended = asyncio.Event()

    async def on_message(message: dict[str, Any]) -> None:
        received.append(message)
        if message.get("channel") == "executions" and message["type"] == "snapshot":
            await client.send_message(ADD)
        for row in message.get("data") or ():
            if isinstance(row, dict) and row.get("exec_type") == "new":
                await client.send_message(
                    {"method": "cancel_order", "params": {"order_id": [row["order_id"]]}}
                )
            if isinstance(row, dict) and row.get("exec_type") == "canceled":
                ended.set()

    client = kraken.SpotWSClient(
        server.api_key,
        server.api_secret,
        callback=on_message,
        no_public=True,
        rest_url=server.endpoints.rest,
        auth_ws_url=server.endpoints.private.removesuffix("/v2"),
    )
    await client.start()
    await client.subscribe(params={"channel": "executions"})
    await ended.wait()
    await asyncio.sleep(0)
    await client.close()
    return received


ADD = {
    "method": "add_order",
    "params": {
        "order_type": "limit",
        "side": "buy",
        "symbol": "BTC/USD",
        "order_qty": 0.01,
        "limit_price": 20000,
        "cl_ord_id": "theirs",
    },
}


async def apart(client: Callable[[], Any]) -> Any:
    """Run a client in a thread and a loop of its own."""
    return await asyncio.to_thread(lambda: asyncio.run(asyncio.wait_for(client(), PATIENCE_S)))


async def test_it_trades_over_websocket_and_follows_the_order(server: SimServer) -> None:
    received = await apart(lambda: stream_a_life(server))
    rows = [row for one in received if one.get("channel") == "executions" for row in one["data"]]
    assert [row["exec_type"] for row in rows] == ["pending_new", "new", "canceled"]
    assert {row["cl_ord_id"] for row in rows} == {"theirs"}
    added = next(one for one in received if one.get("method") == "add_order")
    assert added["success"]
    assert added["result"] == {"order_id": rows[0]["order_id"], "cl_ord_id": "theirs"}
