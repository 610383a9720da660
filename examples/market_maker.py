"""Quote both sides of a market by post-only orders, follow it by amends, cancel at the end.

    kracked sim                                       its first line has the address and a key
    export KRAKEN_API_KEY=... KRAKEN_API_SECRET=...
    python examples/market_maker.py http://127.0.0.1:PORT [SECONDS]

The client is python-kraken-sdk, unmodified. The same command trades on paper in the real market
(`kracked paper BTC/USD`) and in a recording (`kracked replay SESSION --serve 8800 --trade`, of
`kracked record BTC/USD --channels level3=1000 trade ticker=bbo`): only address and key are others.
It shows the plumbing; to join the best price is no strategy.
"""

import asyncio
import os
import sys
from decimal import Decimal
from uuid import uuid4

from kraken.spot import SpotWSClient

SYMBOL, QTY = "BTC/USD", 0.01
OVER = ("filled", "canceled", "expired", "rejected")


class MarketMaker(SpotWSClient):
    def __init__(self, address: str) -> None:
        host = address.removeprefix("http").rstrip("/")
        key, secret = os.environ["KRAKEN_API_KEY"], os.environ["KRAKEN_API_SECRET"]
        urls = {"ws_url": f"ws{host}/public", "auth_ws_url": f"ws{host}/private"}
        super().__init__(key, secret, rest_url=address, **urls)
        self.quotes: dict[str, dict] = {}  # one a side: its id, its price, whether an answer is due
        self.cash = self.position = self.mid = Decimal(0)
        self.closing, self.fills = False, 0

    async def on_message(self, message: dict) -> None:
        channel = message.get("channel")
        for row in message.get("data", ()) if channel in ("ticker", "executions") else ():
            if channel == "executions":
                self.follow(row)
            elif not self.closing:
                self.mid = (Decimal(str(row["bid"])) + Decimal(str(row["ask"]))) / 2
                await self.quote("buy", row["bid"])
                await self.quote("sell", row["ask"])
        refused, method = message.get("success") is False, message.get("method")
        if refused:  # a post-only order that would trade, say
            print(f"{method} refused: {message['error']}")
        if method in ("add_order", "amend_order"):
            side = ("buy", "sell")[message["req_id"]]
            self.quotes.get(side, {})["due"] = False
            if refused and method == "add_order":
                self.quotes.pop(side, None)

    async def quote(self, side: str, price: float) -> None:
        """Stand at a price; one request a side is under way at a time."""
        quote = self.quotes.get(side)
        if quote and (quote["due"] or quote["price"] == price):
            return
        terms = {"limit_price": price, "order_qty": QTY, "post_only": True}
        if quote is None:
            method, quote = "add_order", {"id": str(uuid4())}
            terms |= {"symbol": SYMBOL, "side": side, "order_type": "limit"}
        else:
            method = "amend_order"
        self.quotes[side] = {**quote, "price": price, "due": True}
        terms["cl_ord_id"] = quote["id"]
        req_id = ("buy", "sell").index(side)
        await self.send_message({"method": method, "params": terms, "req_id": req_id})

    def follow(self, report: dict) -> None:
        """Count a fill, and forget a quote that is over."""
        side = next((s for s, q in self.quotes.items() if q["id"] == report.get("cl_ord_id")), None)
        if side and report["exec_type"] == "trade":
            qty, price = (Decimal(str(report[name])) for name in ("last_qty", "last_price"))
            fee = sum(Decimal(str(one["qty"])) for one in report.get("fees", ()))
            signed = qty if side == "buy" else -qty
            self.fills, self.position = self.fills + 1, self.position + signed
            self.cash -= signed * price + fee
            print(f"{side} {qty} at {price}, fee {fee}; position {self.position}")
        if side and report["order_status"] in OVER:
            del self.quotes[side]


async def main(address: str, seconds: int) -> None:
    maker = MarketMaker(address)
    await maker.start()
    await maker.subscribe({"channel": "executions", "snap_orders": False})
    await maker.subscribe({"channel": "ticker", "symbol": [SYMBOL], "event_trigger": "bbo"})
    for second in range(seconds):
        if second % 20 == 0:  # should this program die, the exchange cancels its orders
            switch = {"method": "cancel_all_orders_after", "params": {"timeout": 60}}
            await maker.send_message(switch)
        await asyncio.sleep(1)
    maker.closing = True
    waited = 0
    while maker.quotes and waited < 100:
        if waited % 20 == 0:  # again, for what was under way before
            ids = [quote["id"] for quote in maker.quotes.values()]
            await maker.send_message({"method": "cancel_order", "params": {"cl_ord_id": ids}})
        waited += 1
        await asyncio.sleep(0.05)
    await maker.send_message({"method": "cancel_all_orders_after", "params": {"timeout": 0}})
    worth = maker.cash + maker.position * maker.mid
    left = f", NOT CANCELLED: {maker.quotes}" if maker.quotes else ""
    print(f"{maker.fills} fills, position {maker.position}, P&L {worth:.2f} USD at the mid{left}")
    await maker.close()


if __name__ == "__main__":
    if len(sys.argv) < 2 or not sys.argv[1].startswith("http://127.0.0.1:"):
        sys.exit("This example trades: name a simulated exchange's address, http://127.0.0.1:PORT")
    asyncio.run(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 60))
