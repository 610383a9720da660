"""REST's private methods: what each needs, what it costs, what it answers.

Sources: the endpoint pages below docs.kraken.com/api/docs/rest-api/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from kracked.gateway import order_words, refusals
from kracked.gateway.accounts.rate_counters import CallCounts
from kracked.gateway.auth import ApiKeys, Call, Permission
from kracked.gateway.listing import ListedPair
from kracked.gateway.private_api import dead_man_switch, order_checks, order_lookup, placement
from kracked.gateway.private_api.order_reader import OrderContext, read_amend, read_order
from kracked.gateway.private_api.permissions import TRADING, Alternatives, permits
from kracked.gateway.private_api.ports import Amender, Broker, Cancelled, Market, Placed
from kracked.gateway.private_api.queries import PrivateRequest, Queries
from kracked.gateway.private_api.rest_params import RestOrderForm, RestParams, read_edit
from kracked.gateway.private_api.rest_rows import RestRows
from kracked.gateway.refusals import Refusal
from kracked.gateway.rest_names import RestNames
from kracked.protocol import limits

_BATCH_CANCELS = range(1, 51)
_LATEST = 2**63
"""An engine's own time may be a few ns ahead of the clock: what it did is shown all the same."""


class Endpoint(NamedTuple):
    """One method: what a key must be allowed, and what the method does."""

    needed: Alternatives
    answer: Callable[[PrivateRequest], object]


class PrivateRest:
    """Answers private calls about one exchange."""

    def __init__(
        self,
        market: Market,
        broker: Broker,
        amends: Amender,
        *,
        keys: ApiKeys,
        names: RestNames[Any],
        besides: Mapping[str, Endpoint],
    ) -> None:
        """Prepare to answer.

        Args:
            market: The market.
            broker: Whoever keeps the accounts.
            amends: What changes open orders.
            keys: The keys that calls may be signed with.
            names: The names of pairs and assets.
            besides: Methods that only this exchange has, by name.
        """
        self._market, self._broker, self._amends = market, broker, amends
        self._keys, self._names = keys, names
        self._counts = CallCounts()
        self._endpoints = self._trading() | _account(Queries(market, broker, names)) | dict(besides)

    def _trading(self) -> dict[str, Endpoint]:
        """Return the methods that need more than an account's records."""
        answers = {
            "AddOrder": self.add_order,
            "AddOrderBatch": self.add_batch,
            "AmendOrder": self.amend_order,
            "EditOrder": self.edit_order,
            "CancelOrder": self.cancel_order,
            "CancelOrderBatch": self.cancel_batch,
            "CancelAll": self.cancel_all,
            "CancelAllOrdersAfter": self.cancel_all_after,
        }
        endpoints = {name: Endpoint(TRADING[name], answer) for name, answer in answers.items()}
        return endpoints | {
            "GetWebSocketsToken": Endpoint(only(Permission.WEBSOCKETS), self.token),
        }

    def knows(self, method: str) -> bool:
        """Whether there is such a method."""
        return method in self._endpoints

    def answer(self, method: str, call: Call, now: int, *, lag_ns: int = 0) -> object:
        """Answer a call, after checking its key, signature, nonce and permission in turn.

        Args:
            method: A known method.
            call: The signed call.
            now: Time, ns since the Unix epoch.
            lag_ns: How old the orders and trades are that queries show.

        Raises:
            Refusal: The call was not acted on.
        """
        admitted = self._keys.identify(call)
        endpoint, key = self._endpoints[method], admitted.key
        if not permits(key, endpoint.needed):
            raise Refusal(refusals.PERMISSION_DENIED)
        account = self._broker.accounts[key.account]
        self._counts.charge(key.key, account.tier, method, now)
        key.last_used = now
        as_of = now - lag_ns if lag_ns else _LATEST
        params = RestParams(admitted.params)
        return endpoint.answer(PrivateRequest(account, key, params, now, as_of))

    # --- placing and changing ---------------------------------------------------------

    def add_order(self, request: PrivateRequest) -> object:
        """Answer AddOrder."""
        listing, context = self._listing(request)
        placed = placement.place(
            self._broker,
            request.account,
            listing.symbol,
            lambda: read_order(RestOrderForm(request.params.raw, context)),
            request.now,
            validate=request.params.flag("validate"),
        )
        rows = self._rows(listing)
        description = {"order": rows.description(placed.request)}
        if placed.request.close is not None:
            description["close"] = rows.closing(placed.request.close)
        return {"descr": description} | ({"txid": [placed.order_id]} if placed.order_id else {})

    def add_batch(self, request: PrivateRequest) -> object:
        """Answer AddOrderBatch: each order is placed or refused by itself."""
        listing, context = self._listing(request)
        orders = placement.batch_of(request.params.raw)
        placed = placement.place_all(
            self._broker,
            request.account,
            listing.symbol,
            lambda: [read_order(RestOrderForm(order, context)) for order in orders],
            request.now,
            validate=request.params.flag("validate"),
            cost=limits.cost_of_batch_add(len(orders)),
        )
        rows = self._rows(listing)
        return {"orders": [_batch_row(rows, outcome) for outcome in placed]}

    def amend_order(self, request: PrivateRequest) -> object:
        """Answer AmendOrder."""
        params = request.params
        self._check_deadline(request)
        order = order_lookup.open_order(
            request.account, order_id=params.text("txid"), cl_ord_id=params.text("cl_ord_id")
        )
        context = self._context(request, self._market.listing(order.symbol))
        amend_id = self._amends.amend(
            request.account,
            order,
            lambda: read_amend(RestOrderForm(params.raw, context), order),
            request.now,
        )
        return {"amend_id": amend_id}

    def edit_order(self, request: PrivateRequest) -> object:
        """Answer EditOrder."""
        listing, context = self._listing(request)
        found = order_lookup.by_id_or_userref(request.account, request.params.required("txid"))
        if len(found) != 1 or found[0].symbol != listing.symbol:
            raise Refusal(order_words.INVALID_ORDER)
        (old,) = found
        new = self._amends.edit(
            request.account,
            old,
            lambda: read_edit(request.params, context, old),
            request.now,
            validate=request.params.flag("validate"),
        )
        precision = listing.instrument.precision
        return {
            "status": "ok",
            "txid": new.order_id,
            "originaltxid": old.order_id,
            "volume": precision.qty_text(new.request.qty),
            "price": precision.price_text(new.request.trigger_price or new.request.price or 0),
            "orders_cancelled": 1 if new.order_id else 0,
            "descr": {"order": self._rows(listing).description(new.request)},
        }

    # --- cancelling -------------------------------------------------------------------

    def cancel_order(self, request: PrivateRequest) -> object:
        """Answer CancelOrder: by id, by userref, or by client id."""
        name, cl_ord_id = request.params.text("txid"), request.params.text("cl_ord_id")
        if name is not None and cl_ord_id is None:
            orders = order_lookup.by_id_or_userref(request.account, name)
        else:
            orders = [order_lookup.open_order(request.account, order_id=name, cl_ord_id=cl_ord_id)]
        return _cancelled(self._broker.cancel(request.account, orders, request.now))

    def cancel_batch(self, request: PrivateRequest) -> object:
        """Answer CancelOrderBatch."""
        names, cl_ord_ids = request.params.texts("orders"), request.params.texts("cl_ord_ids")
        if len(names) + len(cl_ord_ids) not in _BATCH_CANCELS:
            raise Refusal(refusals.ARGUMENTS)
        orders = order_lookup.batch(request.account, names, cl_ord_ids)
        return _cancelled(self._broker.cancel(request.account, orders, request.now))

    def cancel_all(self, request: PrivateRequest) -> object:
        """Answer CancelAll."""
        orders = request.account.orders.open()
        return _cancelled(self._broker.cancel(request.account, orders, request.now))

    def cancel_all_after(self, request: PrivateRequest) -> object:
        """Answer CancelAllOrdersAfter: the dead-man's switch."""
        timeout_s = request.params.whole("timeout")
        if timeout_s is None:
            raise Refusal(refusals.argument("timeout"))
        return dead_man_switch.renew(self._broker, request.account, timeout_s, request.now)

    # --- besides ----------------------------------------------------------------------

    def token(self, request: PrivateRequest) -> object:
        """Answer GetWebSocketsToken."""
        return self._keys.token_reply(request.key, request.now)

    # --- shared -----------------------------------------------------------------------

    def _listing(self, request: PrivateRequest) -> tuple[ListedPair, OrderContext]:
        """Return the named pair, if the request is in time, and what its orders are read for."""
        listing = self._names.pair(request.params.required("pair"))
        self._check_deadline(request)
        return listing, self._context(request, listing)

    def _check_deadline(self, request: PrivateRequest) -> None:
        deadline = request.params.deadline()
        order_checks.deadline(deadline, request.now, order_checks.REST_NOTICE_NS)

    def _context(self, request: PrivateRequest, listing: ListedPair) -> OrderContext:
        return OrderContext.of(self._market, self._broker, request.account, listing, request.now)

    def _rows(self, listing: ListedPair) -> RestRows:
        return RestRows(listing, self._broker.amounts[listing.symbol])


def _cancelled(outcome: Cancelled) -> dict[str, object]:
    """Return what a cancel answers; `pending` is there only where it is true."""
    row: dict[str, object] = {"count": outcome.orders}
    return row | ({"pending": True} if outcome.pending else {})


def _batch_row(rows: RestRows, outcome: Placed | Refusal) -> dict[str, object]:
    """Return what a batch answers about one of its orders."""
    if isinstance(outcome, Refusal):
        return {"error": outcome.error}
    row: dict[str, object] = {"descr": {"order": rows.description(outcome.request)}}
    row |= {"txid": outcome.order_id} if outcome.order_id else {}
    close = outcome.request.close
    return row | ({"close": rows.closing(close)} if close else {})


def _account(queries: Queries) -> dict[str, Endpoint]:
    """Return the methods that show an account's records."""
    funds, open_orders = only(Permission.QUERY_FUNDS), only(Permission.QUERY_ORDERS)
    closed, ledger = only(Permission.QUERY_CLOSED), only(Permission.QUERY_LEDGER)
    either = (*open_orders, *closed)
    return {
        "Balance": Endpoint(funds, queries.balance),
        "BalanceEx": Endpoint(funds, queries.balance_ex),
        "TradeBalance": Endpoint(open_orders, queries.trade_balance),
        "TradeVolume": Endpoint(funds, queries.trade_volume),
        "OpenOrders": Endpoint(open_orders, queries.open_orders),
        "ClosedOrders": Endpoint(closed, queries.closed_orders),
        "QueryOrders": Endpoint(either, queries.query_orders),
        "OrderAmends": Endpoint(either, queries.order_amends),
        "TradesHistory": Endpoint(closed, queries.trades_history),
        "QueryTrades": Endpoint(closed, queries.query_trades),
        "Ledgers": Endpoint(ledger, queries.ledgers),
        "QueryLedgers": Endpoint(ledger, queries.query_ledgers),
        "OpenPositions": Endpoint(open_orders, lambda _: {}),
        "GetApiKeyInfo": Endpoint((), queries.key_info),
    }


def only(permission: Permission) -> Alternatives:
    """Return what a method needs that one permission opens."""
    return (frozenset((permission,)),)
