"""An exchange without agents: every order in its books was put there by the test.

Brokerage, engines and endpoints are the real ones; agents and sockets are missing.
"""

from __future__ import annotations

import base64
import json
from decimal import Decimal
from typing import Any

import msgspec

from kracked import units
from kracked.gateway.accounts.account import ClientAccount
from kracked.gateway.accounts.order_records import OrderRecord
from kracked.gateway.auth import ApiKey, ApiKeys, Call, Permission
from kracked.gateway.exchange_ids import ExchangeIds
from kracked.gateway.private_api.stream_subscriptions import StreamSubscriptions
from kracked.gateway.private_api.ws_methods import TradingMethods
from kracked.gateway.refusals import Refusal
from kracked.gateway.rest_names import RestNames
from kracked.protocol.events import Side
from kracked.protocol.requests import Subscribe
from kracked.protocol.signing import sign
from kracked.sim import listings
from kracked.sim.engine.matching import Matcher
from kracked.sim.engine.orders import EngineBatch, NewOrder, OrderFilled
from kracked.sim.listings import Listing
from kracked.sim.order_entry.amends import Amends
from kracked.sim.order_entry.brokerage import Brokerage
from kracked.sim.order_entry.client_accounts import AccountOptions
from kracked.sim.order_entry.endpoints import private_rest
from kracked.times import NS_PER_S, to_rfc3339

NOW = 1_790_000_000_000_000_000
SECRET = base64.b64encode(b"a secret of the tests").decode()
BTC = "BTC/USD"


class EmptyExchange:
    """An exchange that the test owns: its time, its modes, its books."""

    def __init__(
        self,
        *symbols: str,
        terms: AccountOptions | None = None,
        permissions: frozenset[Permission] = frozenset(Permission),
    ) -> None:
        listed = listings.listings(symbols or (BTC,))
        self.now, self.system = NOW, "online"
        self.listed = {one.symbol: one for one in listed}
        self.matchers = {one.symbol: Matcher() for one in listed}
        self.last = {one.symbol: one.opening_price for one in listed}
        self.brokerage = Brokerage(self, listed, listings.assets(listed), terms)
        self.names = RestNames(self.listing, listed, listings.assets(listed))
        self.key = ApiKey("key", SECRET, permissions=permissions)
        self.keys = ApiKeys()
        self.keys.add(self.key)
        self.private = private_rest(self, self.brokerage, self.keys, self.names)
        self.methods = TradingMethods(
            self, self.brokerage, Amends(self, self.brokerage), self.names
        )
        self.subscriptions = StreamSubscriptions(self.brokerage)
        self._agents = ExchangeIds("O", start=0)
        self._nonce = 0

    @property
    def account(self) -> ClientAccount:
        return self.brokerage.accounts["main"]

    def order(self, txid: str) -> OrderRecord:
        """Return an order of the account as it is now."""
        order = self.account.orders.get(txid)
        assert order is not None
        return order

    # --- the exchange -------------------------------------------------------------------

    def listing(self, symbol: str) -> Listing:
        return self.listed[symbol]

    def matcher(self, symbol: str) -> Matcher:
        return self.matchers[symbol]

    def last_price(self, symbol: str) -> int:
        return self.last[symbol]

    def publish(self, symbol: str, batch: EngineBatch) -> None:
        for step in batch.steps:
            if isinstance(step, OrderFilled):
                self.last[symbol] = step.price
        self.brokerage.apply(symbol, batch)

    # --- time and agents ------------------------------------------------------------------

    def wait(self, seconds: float) -> None:
        self.now += int(seconds * NS_PER_S)
        for symbol, matcher in self.matchers.items():
            self.publish(symbol, matcher.expire(self.now))
        self.brokerage.advance(self.now)

    def agent(self, side: str, qty: str, price: str | None, symbol: str = BTC) -> str:
        """Place an order of somebody else; without a price, a market order."""
        digits = self.listed[symbol].instrument.precision
        order = NewOrder(
            self._agents.take(),
            Side.BID if side == "buy" else Side.ASK,
            units.scale(qty.encode(), digits.qty),
            None if price is None else units.scale(price.encode(), digits.price),
        )
        self.now += 1000
        self.publish(symbol, self.matchers[symbol].submit(order, self.now))
        return order.order_id

    # --- clients --------------------------------------------------------------------------

    def rest(self, method: str, **params: Any) -> Any:
        """Return the result of a signed call, or raise `Refusal`."""
        self.now += 1000
        self._nonce += 1
        body = json.dumps({"nonce": str(self._nonce), **params}).encode()
        path = f"/0/private/{method}"
        headers = {
            "API-Key": self.key.key,
            "API-Sign": sign(path, str(self._nonce), body, self.key.secret),
            "Content-Type": "application/json",
        }
        result = self.private.answer(method, Call(path, headers, body), self.now)
        return json.loads(msgspec.json.encode(result), parse_float=Decimal)

    def add(self, side: str, volume: str, price: str | None = None, **params: Any) -> str:
        """Place an order over REST, and return its id."""
        kind = {"ordertype": "market" if price is None else "limit", "pair": "XBTUSD"}
        if price is not None:
            kind["price"] = price
        return self.rest("AddOrder", **{**kind, "type": side, "volume": volume, **params})["txid"][
            0
        ]

    def refused(self, method: str, **params: Any) -> str:
        """Return the refusal of a call that must fail."""
        try:
            result = self.rest(method, **params)
        except Refusal as refusal:
            return refusal.error
        raise AssertionError(f"{method} was not refused: {result}")

    def socket(self, method: str, **params: Any) -> list[Any]:
        """Return every answer to a WebSocket request; refusals are text."""
        self.now += 1000
        text = json.dumps(params)
        fields = json.loads(text, parse_float=Decimal)
        return self.methods.answer(method, fields, self.key, self.now)

    def subscribe(self, channel: str = "executions", **options: Any) -> Subscriber:
        subscriber = Subscriber()
        request = Subscribe(channel=channel, token="", **options)
        self.subscriptions.begin("main", request, subscriber, subscriber.receive)
        return subscriber

    def rfc3339(self, seconds_ahead: float) -> str:
        return to_rfc3339(self.now + int(seconds_ahead * NS_PER_S), 3)


class Subscriber:
    """A subscriber, with what it has received as text and as rows."""

    def __init__(self) -> None:
        self.raw: list[str] = []

    def receive(self, data: bytes) -> None:
        self.raw.append(data.decode())

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(text, parse_float=Decimal) for text in self.raw]

    def rows(self) -> list[dict[str, Any]]:
        """Take out and return the rows of all updates."""
        found = [row for one in self.messages if one["type"] == "update" for row in one["data"]]
        self.raw.clear()
        return found

    def steps(self) -> list[str]:
        """Take out the rows of all updates, and return their types."""
        return [row["exec_type"] for row in self.rows()]
