"""ccxt and python-kraken-sdk, unmodified, trade on each exchange of ours.

    pip install ccxt python-kraken-sdk
    python tests/benchmarks/trading_strangers.py path/to/python

The argument is a Python that has kracked; this one needs it not. It runs the simulator, paper over
the simulator, and a recording with --trade, and lets each client place, amend, fill and cancel
orders of every kind it has, and compare books and balances. The exit code is 1 when something is
wrong.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from importlib.util import find_spec

SYMBOL, PAIR = "BTC/USD", "XBTUSD"
PATIENCE_S = 150.0
RECORDED_S = 90
REST_S = 12.0
"""How long the counter of calls takes to come down after the client before."""
BOOKS = 200
"""Updates of a book whose checksums are compared."""


@contextmanager
def serving(
    python: str, *words: str, key: dict[str, str] | None = None
) -> Iterator[dict[str, str]]:
    """Run a server of ours; yield its first line."""
    keys = {"KRAKEN_API_KEY": key["api_key"], "KRAKEN_API_SECRET": key["api_secret"]} if key else {}
    process = subprocess.Popen(
        [python, "-m", "kracked", *words],
        stdout=subprocess.PIPE,
        env={**os.environ, **keys},
        text=True,
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()


# --- ccxt -----------------------------------------------------------------------------------


async def with_ccxt(at: dict[str, str]) -> list[str]:
    """Trade with ccxt over REST and WebSocket; return what was right."""
    import ccxt.pro

    # Its own throttle would take three seconds a call.
    keys = {"apiKey": at["api_key"], "secret": at["api_secret"], "enableRateLimit": False}
    client = ccxt.pro.kraken(keys)
    client.urls["api"] |= {"public": at["rest"], "private": at["rest"]}
    client.urls["api"]["ws"] |= {"publicV2": at["all"], "privateV2": at["all"]}
    done: list[str] = []
    try:
        for _ in range(BOOKS):  # its own checksum fails everywhere: it splits numbers as text
            book = await client.watch_order_book(SYMBOL, 100)
            check(book["bids"][0][0] < book["asks"][0][0])
        done.append("books in order")
        before = await client.fetch_balance()
        order = await client.create_order(SYMBOL, "market", "buy", 0.02)
        await until_filled(client, order["id"])
        trades = [
            one for one in await client.fetch_my_trades(SYMBOL) if one["order"] == order["id"]
        ]
        paid = sum(Decimal(str(one["cost"])) + Decimal(str(one["fee"]["cost"])) for one in trades)
        after = await client.fetch_balance()
        check(
            abs(Decimal(str(before["USD"]["total"] - after["USD"]["total"])) - paid)
            < Decimal("0.01")
        )
        check(abs(after["BTC"]["total"] - before["BTC"]["total"] - 0.02) < 1e-9)
        done.append("market order filled, balances right")
        await over_rest(client, book, done)
        await kinds_over_rest(client, book, done)
        await over_websocket(client, book, done)
        await until_made(client, done)
    finally:
        await client.close()
    return done


async def over_rest(client, book, done: list[str]) -> None:
    far = round(book["bids"][0][0] * 0.9, 1)
    order = await client.create_order(SYMBOL, "limit", "buy", 0.01, far, {"postOnly": True})
    await client.edit_order(order["id"], SYMBOL, "limit", "buy", 0.02, far + 1)
    [shown] = await client.fetch_open_orders(SYMBOL)
    check((shown["amount"], shown["price"]) == (0.02, far + 1))
    await client.cancel_order(shown["id"], SYMBOL)
    await until_closed(client)
    done.append("placed, amended and cancelled over REST")


async def kinds_over_rest(client, book, done: list[str]) -> None:
    """Let orders of many kinds wait or rest, count them, and end them by the dead-man's switch."""
    mid = book["bids"][0][0]
    far, high = round(mid * 0.9, 1), round(mid * 1.1, 1)
    close = {"close": {"ordertype": "limit", "price": high}}
    waiting = [
        ("market", "sell", 0.01, None, {"stopLossPrice": far}),
        ("limit", "sell", 0.01, far - 1, {"stopLossPrice": far}),
        ("market", "sell", 0.01, None, {"takeProfitPrice": high}),
        ("market", "sell", 0.01, None, {"trailingAmount": "5000"}),
        ("limit", "buy", 0.01, far, {"timeinforce": "GTD", "expiretm": "+60"}),
        ("limit", "buy", 0.01, far, {"oflags": "fcib"}),
        ("limit", "buy", 0.01, far, {"stptype": "cancel-both"}),
        ("limit", "buy", 0.01, far, close),
    ]
    for kind, side, amount, price, params in waiting:
        await client.create_order(SYMBOL, kind, side, amount, price, params)
    both = [
        {"symbol": SYMBOL, "type": "limit", "side": "buy", "amount": 0.01, "price": price}
        for price in (far, far - 1)
    ]
    placed = await client.create_orders(both)
    check(len(await client.fetch_open_orders(SYMBOL)) == len(waiting) + 2)
    await client.cancel_orders([order["id"] for order in placed])
    fok = {"timeInForce": "FOK"}
    killed = await client.create_order(SYMBOL, "limit", "buy", 1, far, fok)
    check((await client.fetch_order(killed["id"], SYMBOL))["filled"] == 0)
    bought = await client.create_order(SYMBOL, "market", "buy", 0.001, None, close)
    await asyncio.sleep(1)
    shown = await client.fetch_open_orders(SYMBOL)
    check(any(one["info"]["refid"] == bought["id"] for one in shown))
    await client.cancel_all_orders_after(1000)
    await until_closed(client)
    done.append("stops, trailing stops, GTD, closes, batches, FOK, the dead-man's switch over REST")


async def over_websocket(client, book, done: list[str]) -> None:
    far = round(book["bids"][0][0] * 0.9, 1)
    updates = asyncio.create_task(client.watch_orders())
    order = await client.create_order_ws(SYMBOL, "limit", "buy", 0.01, far)
    await client.cancel_order_ws(order["id"])
    await until_closed(client)
    check(any(one["id"] == order["id"] for one in await updates))
    done.append("placed, followed and cancelled over WebSocket")


async def until_made(client, done: list[str]) -> None:
    """Rest at the touch, and follow it, until an order is filled as a maker."""
    while True:
        book = await client.watch_order_book(SYMBOL, 100)
        orders = [
            await client.create_order(SYMBOL, "limit", side, 0.0005, book[levels][0][0])
            for side, levels in (("buy", "bids"), ("sell", "asks"))
        ]
        await asyncio.sleep(5)  # calls for history cost four of twenty, and one comes back a second
        await client.cancel_all_orders()
        await until_closed(client)
        ids = {order["id"] for order in orders}
        trades = [one for one in await client.fetch_my_trades(SYMBOL) if one["order"] in ids]
        if any(one["takerOrMaker"] == "maker" for one in trades):
            done.append("filled in the queue as a maker")
            return


async def until_filled(client, order_id: str) -> None:
    while (await client.fetch_order(order_id, SYMBOL))["status"] != "closed":  # noqa: ASYNC110
        await asyncio.sleep(1)


async def until_closed(client) -> None:
    while await client.fetch_open_orders(SYMBOL):  # noqa: ASYNC110
        await asyncio.sleep(1)


# --- python-kraken-sdk ------------------------------------------------------------------------


async def with_sdk(at: dict[str, str]) -> list[str]:
    """Trade with python-kraken-sdk over REST and WebSocket; return what was right."""
    import kraken.base_api
    from kraken.spot import Trade, User

    kraken.base_api.SpotClient.URL = at["rest"]
    trade, user = (one(key=at["api_key"], secret=at["api_secret"]) for one in (Trade, User))
    call, done = asyncio.to_thread, [await sdk_books(at)]
    await asyncio.sleep(REST_S)
    before = await call(user.get_account_balance)
    bought = {"ordertype": "market", "side": "buy", "pair": PAIR, "volume": "0.02"}
    [placed] = (await call(lambda: trade.create_order(**bought)))["txid"]
    after = await call(user.get_account_balance)
    trades = (await call(user.get_trades_history))["trades"].values()
    mine = [one for one in trades if one["ordertxid"] == placed]
    paid = sum(Decimal(one["cost"]) + Decimal(one["fee"]) for one in mine)
    check(abs(Decimal(before["ZUSD"]) - Decimal(after["ZUSD"]) - paid) < Decimal("0.001"))
    check(Decimal(after["XXBT"]) - Decimal(before["XXBT"]) == Decimal("0.02"))
    done.append("market order filled, balances right")
    limit = {**bought, "ordertype": "limit", "price": "20000", "oflags": "post", "userref": 7}
    [placed] = (await call(lambda: trade.create_order(**limit)))["txid"]
    extra = {"order_qty": "0.03", "limit_price": "20001.5"}
    await call(lambda: trade.amend_order(txid=placed, extra_params=extra))
    shown = (await call(lambda: user.get_open_orders(userref=7)))["open"][placed]
    check((shown["vol"], shown["descr"]["price"]) == ("0.03000000", "20001.5"))
    check((await call(lambda: trade.cancel_order(txid=placed)))["count"] == 1)
    while (await call(user.get_open_orders))["open"]:  # noqa: ASYNC110
        await asyncio.sleep(1)
    done.append("placed, amended and cancelled over REST")
    done.append(await sdk_kinds(trade, user))
    done.append(await sdk_over_websocket(at))
    return done


async def sdk_kinds(trade, user) -> str:
    """Let orders of many kinds wait or rest, count them, and end them by the dead-man's switch."""
    call = asyncio.to_thread
    sell = {"side": "sell", "pair": PAIR, "volume": "0.01"}
    buy = {**sell, "side": "buy", "ordertype": "limit", "price": "20000"}
    waiting = [
        {**sell, "ordertype": "stop-loss-limit", "price": "20000", "price2": "19000"},
        {**sell, "ordertype": "take-profit", "price": "200000"},
        {**sell, "ordertype": "trailing-stop", "price": "+5%"},
        {**sell, "ordertype": "trailing-stop-limit", "price": "+5000", "price2": "-10"},
        {**buy, "ordertype": "iceberg", "displayvol": "0.002"},
        {**buy, "timeinforce": "GTD", "expiretm": "+60"},
        {**buy, "close_ordertype": "stop-loss", "close_price": "10000"},
        {**buy, "stptype": "cancel-oldest", "oflags": "fcib"},
        {**buy, "starttm": "+30"},
    ]
    for order in waiting:
        await call(lambda order=order: trade.create_order(**order))
    both = [
        {"ordertype": "limit", "type": "buy", "volume": "0.01", "price": price}
        for price in ("20000", "20001")
    ]
    placed = await call(lambda: trade.create_order_batch(orders=both, pair=PAIR))
    await asyncio.sleep(REST_S / 4)
    check(len((await call(user.get_open_orders))["open"]) == len(waiting) + 2)
    ids = [one["txid"] for one in placed["orders"]]
    check((await call(lambda: trade.cancel_order_batch(orders=ids)))["count"] == 2)
    await call(lambda: trade.cancel_all_orders_after_x(1))
    await asyncio.sleep(2)
    while (await call(user.get_open_orders))["open"]:  # noqa: ASYNC110
        await asyncio.sleep(2)
    return "icebergs, trailing stops, GTD, closes, starts, batches, the dead-man's switch"


async def sdk_books(at: dict[str, str]) -> str:
    """Let it keep a book, and compare the checksum of each update."""
    from kraken.spot import SpotOrderBookClient
    from kraken.spot.websocket import SpotWSClientBase

    SpotWSClientBase.WS_URL = at["public"].removesuffix("/v2")
    valid: list[bool] = []

    class Books(SpotOrderBookClient):
        async def on_book_update(self, pair: str, message: object) -> None:
            valid.append(self.get(pair)["valid"])

    books = Books(depth=100)
    await books.start()
    await books.add_book(pairs=[SYMBOL])
    while len(valid) < BOOKS:  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    await books.close()
    check(all(valid))
    return "books verified"


async def sdk_over_websocket(at: dict[str, str]) -> str:
    from kraken.spot import SpotWSClient

    kinds: list[str] = []
    ended = asyncio.Event()
    add = {
        "order_type": "limit",
        "side": "buy",
        "symbol": SYMBOL,
        "order_qty": 0.01,
        "limit_price": 20000,
    }

    async def on_message(message: dict) -> None:
        if message.get("channel") == "executions" and message["type"] == "snapshot":
            await client.send_message({"method": "add_order", "params": add})
        for row in message.get("data") or () if message.get("channel") == "executions" else ():
            kinds.append(row["exec_type"])
            if row["exec_type"] == "new" and message["type"] == "update":
                params = {"order_id": [row["order_id"]]}
                await client.send_message({"method": "cancel_order", "params": params})
            if row["exec_type"] == "canceled":
                ended.set()

    client = SpotWSClient(
        at["api_key"],
        at["api_secret"],
        callback=on_message,
        no_public=True,
        rest_url=at["rest"],
        auth_ws_url=at["private"].removesuffix("/v2"),
    )
    await client.start()
    await client.subscribe(params={"channel": "executions"})
    await ended.wait()
    await client.close()
    check(kinds[-3:] == ["pending_new", "new", "canceled"])
    return "placed, followed and cancelled over WebSocket"


def check(right: bool) -> None:
    """Stop where something is wrong."""
    if not right:
        raise AssertionError


CLIENTS = {"ccxt": ("ccxt", with_ccxt), "python-kraken-sdk": ("kraken", with_sdk)}


def main() -> int:
    python, failed = sys.argv[1], 0
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_STATE_HOME"] = folder
        simulator = ("sim", "--seed", "5", "--symbols", SYMBOL, "--rate", "8")
        rich = ("--balances", "USD=100000,BTC=2")
        with serving(python, *simulator) as sim:
            failed += try_all("sim", sim)
            paper = ("paper", SYMBOL, "--endpoint", sim["rest"], "--memory", *rich)
            with serving(python, *paper, key=sim) as at:
                failed += try_all("paper", at)
            session = f"{folder}/session"
            words = f"--duration {RECORDED_S}s --channels book=100 level3=1000 trade ticker ohlc"
            record = [python, "-m", "kracked", "record", SYMBOL, "--out", session]
            record += ["--endpoint", sim["rest"], *words.split()]
            keys = {"KRAKEN_API_KEY": sim["api_key"], "KRAKEN_API_SECRET": sim["api_secret"]}
            subprocess.run(record, check=True, env={**os.environ, **keys})
        for name, (package, client) in CLIENTS.items():
            with serving(python, "replay", session, "--serve", "0", "--trade", *rich) as at:
                failed += attempt("replay --trade", name, package, client, at)
    return int(failed > 0)


def try_all(door: str, at: dict[str, str]) -> int:
    return sum(attempt(door, name, *how, at) for name, how in CLIENTS.items())


def attempt(door: str, name: str, package: str, client, at: dict[str, str]) -> int:
    """Let a client trade on an exchange; return 1 when that failed."""
    if find_spec(package) is None:
        print(f"{door}: {name}: not checked, {package} is missing")
        return 0
    try:
        done = asyncio.run(asyncio.wait_for(client(at), PATIENCE_S))
    except Exception as error:
        import traceback

        traceback.print_exc()
        print(f"{door}: {name}: FAILED: {error!r}")
        return 1
    print(f"{door}: {name}: {'; '.join(done)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
