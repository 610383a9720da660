"""Order entry for the scripted exchange: it accepts orders, shows them, and can fail.

A fault is tied to one call: it says whether the exchange acts before the answer is
lost. The tests ask the exchange itself what it received.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import web

from kracked.times import NS_PER_S
from tests.rest import scripted_http as answers
from tests.rest.scripted_http import Exchange

Fault = Callable[[web.Request], Any]


class Market:
    """Orders by id, as the query endpoints show them."""

    def __init__(self, exchange: Exchange, clock: Callable[[], int]) -> None:
        """Make a market; `clock` is the exchange's own, ns since the Unix epoch."""
        self.exchange, self.clock = exchange, clock
        self.orders: dict[str, dict[str, Any]] = {}
        self.fills_at_once = False
        self.refuses: dict[int, str] = {}
        """Errors for some orders of a batch, by their place in it."""
        handlers = {
            "AddOrder": self.add,
            "AddOrderBatch": self.add_batch,
            "AmendOrder": self.amend,
            "CancelOrder": self.cancel,
            "CancelOrderBatch": self.cancel_batch,
            "CancelAll": self.cancel_all,
            "OpenOrders": lambda request: {"open": self._shown(("open",))},
            "ClosedOrders": lambda request: {"closed": self._shown(("closed", "canceled"))},
            "QueryOrders": lambda request: self.orders,
            "Time": lambda request: {"unixtime": self.clock() // NS_PER_S, "rfc1123": ""},
        }
        exchange.always |= handlers

    @property
    def _body(self) -> dict[str, Any]:
        return self.exchange.calls[-1].body

    def fails(self, name: str, fault: Fault, *, after_acting: bool) -> None:
        """Answer the next call of `name` by `fault`."""
        act = self.exchange.always[name]

        def answer(request: web.Request) -> Any:
            if after_acting:
                act(request)
            return fault(request)

        self.exchange.script[name].append(answer)

    def add(self, request: web.Request) -> Any:
        body = self._body
        if body.get("validate"):
            return {"descr": {"order": "buy"}}
        return {"descr": {"order": "buy"}, "txid": [self._take(body)]}

    def add_batch(self, request: web.Request) -> Any:
        rows = []
        for place, order in enumerate(self._body["orders"]):
            if self._body.get("validate"):
                rows.append({"descr": {"order": "buy"}})
            elif place in self.refuses:
                rows.append({"descr": {"order": "buy"}, "error": self.refuses[place]})
            else:
                rows.append({"descr": {"order": "buy"}, "txid": self._take(order)})
        return {"orders": rows}

    def _take(self, body: dict[str, Any]) -> str:
        txid = f"OTEST{len(self.orders)}-AAAAA-AAAAAA"
        self.orders[txid] = {
            "status": "closed" if self.fills_at_once else "open",
            "cl_ord_id": body["cl_ord_id"],
            "opentm": 1754000000.0,
            "vol": body["volume"],
            "vol_exec": body["volume"] if self.fills_at_once else "0.00000000",
            "descr": {"type": body["type"], "ordertype": "limit", "price": body.get("price", "0")},
        }
        return txid

    def amend(self, request: web.Request) -> Any:
        order = self.orders[self._body["txid"]]
        order["vol"] = self._body.get("order_qty", order["vol"])
        order["descr"]["price"] = self._body.get("limit_price", order["descr"]["price"])
        return {"amend_id": "TTEST1-AAAAA-AAAAAA"}

    def cancel(self, request: web.Request) -> Any:
        return self._end([self._body.get("txid"), self._body.get("cl_ord_id")])

    def cancel_batch(self, request: web.Request) -> Any:
        return self._end([*self._body.get("orders", ()), *self._body.get("cl_ord_ids", ())])

    def cancel_all(self, request: web.Request) -> Any:
        return self._end(list(self.orders)) if self.orders else {"count": 0}

    def _end(self, names: list[str | None]) -> Any:
        ended = [
            order
            for txid, order in self.orders.items()
            if order["status"] == "open" and (txid in names or order["cl_ord_id"] in names)
        ]
        for order in ended:
            order["status"] = "canceled"
        if not ended:
            return answers.reply(error="EOrder:Unknown order")
        return {"count": len(ended)}

    def _shown(self, statuses: tuple[str, ...]) -> dict[str, Any]:
        wanted = self._body.get("cl_ord_id")
        return {
            txid: msgspec.json.decode(msgspec.json.encode(order))
            for txid, order in self.orders.items()
            if order["status"] in statuses and order["cl_ord_id"] == wanted
        }
