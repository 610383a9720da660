"""REST's private endpoints: what a key may call, what it costs, what is answered.

Sources: the endpoint pages below docs.kraken.com/api/docs/rest-api/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from kracked.gateway import refusals
from kracked.gateway.auth import ApiKeys, Call, Permission
from kracked.gateway.refusals import Refusal
from kracked.protocol import limits
from kracked.sim import messages
from kracked.sim.accounts.rate_counters import CallCounts
from kracked.sim.listings import Listing
from kracked.sim.market_data import book_rows
from kracked.sim.order_entry import order_checks
from kracked.sim.order_entry.amends import Amends
from kracked.sim.order_entry.brokerage import Brokerage
from kracked.sim.order_entry.ports import TradingVenue
from kracked.sim.private_api import dead_man_switch, order_lookup
from kracked.sim.private_api.queries import Queries
from kracked.sim.private_api.rest_params import RestOrderReader, RestParams
from kracked.sim.private_api.rest_request import PrivateRequest
from kracked.sim.private_api.rest_rows import RestRows
from kracked.sim.rest_names import RestNames, reply_key

_FUNDS, _OPEN, _CLOSED = (
    Permission.QUERY_FUNDS,
    Permission.QUERY_ORDERS,
    Permission.QUERY_CLOSED,
)
_MODIFY, _CANCEL = Permission.MODIFY_ORDERS, Permission.CANCEL_ORDERS
_BATCH_ADDS, _BATCH_CANCELS = range(2, 16), 50
_LATEST = 2**63
"""An engine's own time may be a few ns ahead of the clock: what it did is seen all the same."""


class Endpoint(NamedTuple):
    """One method: who may call it, and what it does."""

    needed: tuple[frozenset[Permission], ...]
    """Alternatives; a key needs all of one. None at all is open to every key."""
    answer: Callable[[PrivateRequest], object]


class PrivateRest:
    """Answers private calls about one exchange."""

    def __init__(
        self, venue: TradingVenue, brokerage: Brokerage, keys: ApiKeys, names: RestNames
    ) -> None:
        self._brokerage, self._keys, self._names = brokerage, keys, names
        self._venue, self._changes = venue, Amends(venue, brokerage)
        self._counts = CallCounts()
        self._endpoints = _endpoints(self, Queries(venue, brokerage, names))

    def knows(self, method: str) -> bool:
        return method in self._endpoints

    def answer(self, method: str, call: Call, now: int, *, lag_ns: int = 0) -> object:
        """The result. Raises `Refusal`. Checked in turn: key, signature, nonce, permission."""
        admitted = self._keys.identify(call)
        endpoint, key = self._endpoints[method], admitted.key
        if endpoint.needed and not any(need <= key.permissions for need in endpoint.needed):
            raise Refusal(refusals.PERMISSION_DENIED)
        account = self._brokerage.account(key.account)
        self._counts.charge(key.key, account.tier, method, now)
        key.last_used = now
        seen = now - lag_ns if lag_ns else _LATEST
        return endpoint.answer(PrivateRequest(account, key, RestParams(admitted.params), now, seen))

    # --- orders -----------------------------------------------------------------------

    def add_order(self, ask: PrivateRequest) -> object:
        listing = self._names.pair(ask.form.needed("pair"))
        self._in_time(ask)
        reader = self._reader(ask, listing)
        placed = self._brokerage.place(
            ask.account,
            listing.symbol,
            lambda: reader.ticket(ask.form),
            ask.now,
            validate=ask.form.flag("validate"),
        )
        rows = self._rows(listing)
        descr = {"order": rows.description(placed.ticket)}
        if placed.ticket.close is not None:
            descr["close"] = rows.closing(placed.ticket.close)
        return {"descr": descr} | ({"txid": [placed.order_id]} if placed.order_id else {})

    def add_batch(self, ask: PrivateRequest) -> object:
        listing = self._names.pair(ask.form.needed("pair"))
        self._in_time(ask)
        asked = ask.form.params.get("orders")
        if not isinstance(asked, list) or len(asked) not in _BATCH_ADDS:
            raise Refusal(refusals.argument("orders"))
        if not all(isinstance(one, dict) for one in asked):
            raise Refusal(refusals.argument("orders"))
        reader, rows = self._reader(ask, listing), self._rows(listing)
        placed = self._brokerage.place_all(
            ask.account,
            listing.symbol,
            lambda: [reader.ticket(RestParams(one)) for one in asked],
            ask.now,
            validate=ask.form.flag("validate"),
            cost=limits.cost_of_batch_add(len(asked)),
        )
        orders: list[object] = []
        for one in placed:
            if isinstance(one, Refusal):
                orders.append({"error": one.error})
                continue
            row: dict[str, object] = {"descr": {"order": rows.description(one.ticket)}}
            row |= {"txid": one.order_id} if one.order_id else {}
            row |= {"close": rows.closing(one.ticket.close)} if one.ticket.close else {}
            orders.append(row)
        return {"orders": orders}

    def amend_order(self, ask: PrivateRequest) -> object:
        self._in_time(ask)
        order = order_lookup.one(
            ask.account, order_id=ask.form.text("txid"), cl_ord_id=ask.form.text("cl_ord_id")
        )
        reader = self._reader(ask, self._venue.listing(order.symbol))
        amend_id = self._changes.amend(
            ask.account, order, lambda: reader.change(ask.form, order), ask.now
        )
        return {"amend_id": amend_id}

    def edit_order(self, ask: PrivateRequest) -> object:
        listing = self._names.pair(ask.form.needed("pair"))
        self._in_time(ask)
        found = order_lookup.meant(ask.account, ask.form.needed("txid"))
        if len(found) != 1 or found[0].symbol != listing.symbol:
            raise Refusal(messages.INVALID_ORDER)
        old, reader = found[0], self._reader(ask, listing)
        new = self._changes.edit(
            ask.account,
            old,
            lambda: reader.edited(ask.form, old),
            ask.now,
            validate=ask.form.flag("validate"),
        )
        rows, digits = self._rows(listing), listing.instrument.precision
        return {
            "status": "ok",
            "txid": new.order_id,
            "originaltxid": old.order_id,
            "volume": digits.qty_text(new.ticket.qty),
            "price": digits.price_text(new.ticket.trigger_price or new.ticket.price or 0),
            "orders_cancelled": 1 if new.order_id else 0,
            "descr": {"order": rows.description(new.ticket)},
        }

    def cancel_order(self, ask: PrivateRequest) -> object:
        name, cl_ord_id = ask.form.text("txid"), ask.form.text("cl_ord_id")
        if name is not None and cl_ord_id is None:
            found = order_lookup.meant(ask.account, name)
        else:
            found = [order_lookup.one(ask.account, order_id=name, cl_ord_id=cl_ord_id)]
        return {"count": self._brokerage.cancel(ask.account, found, ask.now)}

    def cancel_batch(self, ask: PrivateRequest) -> object:
        names, cl_ord_ids = ask.form.names("orders"), ask.form.names("cl_ord_ids")
        if not 1 <= len(names) + len(cl_ord_ids) <= _BATCH_CANCELS:
            raise Refusal(refusals.ARGUMENTS)
        found = order_lookup.several(ask.account, names, cl_ord_ids)
        return {"count": self._brokerage.cancel(ask.account, found, ask.now)}

    def cancel_all(self, ask: PrivateRequest) -> object:
        every = ask.account.orders.open()
        return {"count": self._brokerage.cancel(ask.account, every, ask.now)}

    def cancel_all_after(self, ask: PrivateRequest) -> object:
        timeout_s = ask.form.whole("timeout")
        if timeout_s is None:
            raise Refusal(refusals.argument("timeout"))
        return dead_man_switch.turn(ask.account, timeout_s, ask.now)

    def token(self, ask: PrivateRequest) -> object:
        return self._keys.token_reply(ask.key, ask.now)

    def level3(self, ask: PrivateRequest) -> object:
        """Every order of a book; costs a call like any query."""
        name, depth = ask.form.needed("pair"), ask.form.whole("depth", 100)
        listing = self._names.pair(name)
        if depth not in book_rows.ORDER_DEPTHS:
            raise Refusal(refusals.argument("depth"))
        orders = book_rows.orders(listing, self._venue.matcher(listing.symbol), depth)
        return {"pair": reply_key(name, listing), **orders}

    def _in_time(self, ask: PrivateRequest) -> None:
        order_checks.deadline(ask.form.deadline(), ask.now, order_checks.REST_NOTICE_NS)

    def _reader(self, ask: PrivateRequest, listing: Listing) -> RestOrderReader:
        def bought_for(cash: int) -> int:
            return self._brokerage.funds.bought_for(ask.account, listing.symbol, cash)

        last = self._venue.last_price(listing.symbol)
        return RestOrderReader(listing, last, ask.now, bought_for)

    def _rows(self, listing: Listing) -> RestRows:
        return RestRows(listing, self._brokerage.clerk.amounts[listing.symbol])


def _endpoints(private: PrivateRest, queries: Queries) -> Mapping[str, Endpoint]:
    def only(*permissions: Permission) -> tuple[frozenset[Permission], ...]:
        return (frozenset(permissions),)

    orders = (frozenset((_MODIFY,)), frozenset((_CANCEL,)))
    either = (frozenset((_OPEN,)), frozenset((_CLOSED,)))
    return {
        "AddOrder": Endpoint(only(_MODIFY), private.add_order),
        "AddOrderBatch": Endpoint(only(_MODIFY, _CANCEL), private.add_batch),
        "AmendOrder": Endpoint(orders, private.amend_order),
        "EditOrder": Endpoint(only(_MODIFY, _CANCEL), private.edit_order),
        "CancelOrder": Endpoint(orders, private.cancel_order),
        "CancelOrderBatch": Endpoint(orders, private.cancel_batch),
        "CancelAll": Endpoint(orders, private.cancel_all),
        "CancelAllOrdersAfter": Endpoint(orders, private.cancel_all_after),
        "GetWebSocketsToken": Endpoint(only(Permission.WEBSOCKETS), private.token),
        "Balance": Endpoint(only(_FUNDS), queries.balance),
        "BalanceEx": Endpoint(only(_FUNDS), queries.balance_ex),
        "TradeBalance": Endpoint(only(_OPEN), queries.trade_balance),
        "TradeVolume": Endpoint(only(_FUNDS), queries.trade_volume),
        "OpenOrders": Endpoint(only(_OPEN), queries.open_orders),
        "ClosedOrders": Endpoint(only(_CLOSED), queries.closed_orders),
        "QueryOrders": Endpoint(either, queries.query_orders),
        "OrderAmends": Endpoint(either, queries.order_amends),
        "TradesHistory": Endpoint(only(_CLOSED), queries.trades_history),
        "QueryTrades": Endpoint(only(_CLOSED), queries.query_trades),
        "Ledgers": Endpoint(only(Permission.QUERY_LEDGER), queries.ledgers),
        "QueryLedgers": Endpoint(only(Permission.QUERY_LEDGER), queries.query_ledgers),
        "Level3": Endpoint(only(_OPEN), private.level3),
        "OpenPositions": Endpoint(only(_OPEN), lambda _: {}),
        "GetApiKeyInfo": Endpoint((), queries.key_info),
    }
