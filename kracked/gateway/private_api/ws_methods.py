"""WebSocket's trading methods: what each needs, and what it answers.

Sources: docs.kraken.com/api/docs/websocket-v2/ add_order, amend_order, edit_order,
cancel_order, cancel_all, cancel_after, batch_add, batch_cancel
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

from kracked.gateway import order_words, refusals
from kracked.gateway.accounts.account import ClientAccount
from kracked.gateway.accounts.order_records import OrderRecord
from kracked.gateway.auth import ApiKey
from kracked.gateway.client_session import Answers, Result
from kracked.gateway.listing import ListedPair
from kracked.gateway.private_api import dead_man_switch, order_checks, order_lookup, placement
from kracked.gateway.private_api.order_reader import OrderContext, read_amend, read_order
from kracked.gateway.private_api.permissions import TRADING, permits
from kracked.gateway.private_api.ports import Amender, Broker, Market, Placed
from kracked.gateway.private_api.ws_params import WsOrderForm, WsParams, read_edit
from kracked.gateway.refusals import Refusal
from kracked.gateway.rest_names import RestNames
from kracked.protocol import limits
from kracked.protocol.requests import unsupported_field

_BATCH_CANCELS = range(2, 51)
_OWN_NAMES = {
    "starttm": "effective_time",
    "expiretm": "expire_time",
    "displayvol": "display_qty",
}
"""WebSocket's names of arguments that are checked under REST's names."""


def _members(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ORDER_MEMBERS = _members(
    """order_type side order_qty cash_order_qty display_qty limit_price limit_price_type triggers
    time_in_force post_only reduce_only margin effective_time expire_time cl_ord_id order_userref
    conditional fee_preference stp_type sender_sub_id no_mpp stop_price trigger"""
)
_METHOD_MEMBERS: Mapping[str, frozenset[str]] = {
    "add_order": _ORDER_MEMBERS | _members("symbol deadline validate"),
    "amend_order": _members(
        """order_id cl_ord_id order_qty display_qty limit_price limit_price_type trigger_price
        trigger_price_type post_only deadline symbol"""
    ),
    "edit_order": _members(
        """order_id symbol order_qty limit_price display_qty triggers post_only reduce_only
        fee_preference order_userref deadline validate no_mpp"""
    ),
    "cancel_order": _members("order_id cl_ord_id order_userref"),
    "cancel_all": frozenset(),
    "cancel_all_orders_after": _members("timeout"),
    "batch_add": _members("symbol orders deadline validate"),
    "batch_cancel": _members("orders cl_ord_id"),
}
"""The members a request may have; any other is refused by name. An exchange that ignored
unknown members would ignore a misspelt `post_only`, or the symbol of an order inside a batch,
and trade what was not meant. The refusal's text is recorded for subscriptions."""
_OBJECT_MEMBERS: Mapping[str, frozenset[str]] = {
    "triggers": _members("reference price price_type"),
    "conditional": _members(
        """order_type limit_price limit_price_type trigger_price trigger_price_type stop_price"""
    ),
    "orders": _ORDER_MEMBERS,
}
"""The members of the objects within a request, at any depth."""


class MethodRequest(NamedTuple):
    """One request of a key that may make it."""

    account: ClientAccount
    params: WsParams
    now: int


class Method(NamedTuple):
    """One method."""

    rest: str
    """Its counterpart over REST: permissions are stated by that name."""
    answers: Callable[[MethodRequest], Iterator[Result | str]]
    """Iterates results, and refusals as text; most methods give one."""


class TradingMethods:
    """Answers trading requests about one exchange."""

    def __init__(
        self, market: Market, broker: Broker, amends: Amender, names: RestNames[Any]
    ) -> None:
        self._market, self._broker, self._names = market, broker, names
        self._amends = amends
        self._methods = {
            "add_order": Method("AddOrder", self.add_order),
            "amend_order": Method("AmendOrder", self.amend_order),
            "edit_order": Method("EditOrder", self.edit_order),
            "cancel_order": Method("CancelOrder", self.cancel_order),
            "cancel_all": Method("CancelAll", self.cancel_all),
            "cancel_all_orders_after": Method("CancelAllOrdersAfter", self.cancel_all_after),
            "batch_add": Method("AddOrderBatch", self.batch_add),
            "batch_cancel": Method("CancelOrderBatch", self.batch_cancel),
        }

    def request(
        self,
        method: str,
        params: dict[str, object],
        key: ApiKey,
        now: int,
        answer: Callable[[Answers], None],
    ) -> None:
        """Act on a request and answer it at once.

        Args:
            method: A known method.
            params: The request's parameters, without its token.
            key: Whose request it is.
            now: Time, ns since the Unix epoch.
            answer: Takes the answers.
        """
        answer(self.answer(method, params, key, now))

    def rest_name(self, method: str) -> str:
        """Return the name that a method has over REST."""
        return self._methods[method].rest

    def answer(self, method: str, params: dict[str, object], key: ApiKey, now: int) -> Answers:
        """Act on a request and return the answers in order; refusals are text."""
        found = self._methods[method]
        if not permits(key, TRADING[found.rest]):
            return [refusals.PERMISSION_DENIED]
        request = MethodRequest(self._broker.accounts[key.account], WsParams(params), now)
        try:
            _check_members(method, params, _METHOD_MEMBERS[method])
            return list(found.answers(request))
        except Refusal as refusal:
            return [_renamed(refusal.error)]

    # --- placing ----------------------------------------------------------------------

    def add_order(self, request: MethodRequest) -> Iterator[Result | str]:
        """Answer add_order."""
        listing, context = self._listing(request)
        placed = placement.place(
            self._broker,
            request.account,
            listing.symbol,
            lambda: read_order(WsOrderForm(request.params.raw, context)),
            request.now,
            validate=request.params.flag("validate"),
        )
        yield _ids(placed)

    def batch_add(self, request: MethodRequest) -> Iterator[Result | str]:
        """Answer batch_add: each order is placed or refused by itself."""
        listing, context = self._listing(request)
        orders = placement.batch_of(request.params.raw)
        placed = placement.place_all(
            self._broker,
            request.account,
            listing.symbol,
            lambda: [read_order(WsOrderForm(order, context)) for order in orders],
            request.now,
            validate=request.params.flag("validate"),
            cost=limits.cost_of_batch_add(len(orders)),
        )
        yield [
            {"success": False, "error": _renamed(outcome.error)}
            if isinstance(outcome, Refusal)
            else _ids(outcome)
            for outcome in placed
        ]

    # --- changing ---------------------------------------------------------------------

    def amend_order(self, request: MethodRequest) -> Iterator[Result | str]:
        """Answer amend_order."""
        params = request.params
        self._check_deadline(request)
        order_id, cl_ord_id = params.text("order_id"), params.text("cl_ord_id")
        order = order_lookup.open_order(request.account, order_id=order_id, cl_ord_id=cl_ord_id)
        context = self._context(request, self._market.listing(order.symbol))
        amend_id = self._amends.amend(
            request.account,
            order,
            lambda: read_amend(WsOrderForm(params.raw, context), order),
            request.now,
        )
        name = {"cl_ord_id": cl_ord_id} if order_id is None else {"order_id": order_id}
        yield {"amend_id": amend_id, **name}

    def edit_order(self, request: MethodRequest) -> Iterator[Result | str]:
        """Answer edit_order."""
        listing, context = self._listing(request)
        old = order_lookup.open_order(
            request.account, order_id=request.params.required("order_id"), cl_ord_id=None
        )
        if old.symbol != listing.symbol:
            raise Refusal(order_words.INVALID_ORDER)
        new = self._amends.edit(
            request.account,
            old,
            lambda: read_edit(request.params, context, old),
            request.now,
            validate=request.params.flag("validate"),
        )
        yield _ids(new) | {"original_order_id": old.order_id}

    # --- cancelling -------------------------------------------------------------------

    def cancel_order(self, request: MethodRequest) -> Iterator[Result | str]:
        """Answer cancel_order one order at a time: each is granted or refused by itself."""
        params, account = request.params, request.account
        ids, client_ids = params.texts("order_id"), params.texts("cl_ord_id")
        userrefs = params.texts("order_userref")
        if not (ids or client_ids or userrefs):
            raise Refusal(refusals.ARGUMENTS)
        for name in (*ids, *userrefs):
            find = partial(order_lookup.by_id_or_userref, account, name)
            yield from self._cancel_found(request, find)
        for name in client_ids:
            find = partial(order_lookup.by_client_id, account, name)
            yield from self._cancel_found(request, find, {"cl_ord_id": name})

    def _cancel_found(
        self,
        request: MethodRequest,
        find: Callable[[], list[OrderRecord]],
        answer: dict[str, object] | None = None,
    ) -> Iterator[Result | str]:
        """Cancel what is found, and answer each order with `answer`, or with its id."""
        try:
            for order in find():
                self._broker.cancel(request.account, [order], request.now)
                yield answer or {"order_id": order.order_id}
        except Refusal as refusal:
            yield refusal.error

    def batch_cancel(self, request: MethodRequest) -> Iterator[Result | str]:
        """Answer batch_cancel."""
        names, client_ids = request.params.texts("orders"), request.params.texts("cl_ord_id")
        if len(names) + len(client_ids) not in _BATCH_CANCELS:
            raise Refusal(refusals.ARGUMENTS)
        orders = order_lookup.batch(request.account, names, client_ids)
        yield {"count": self._broker.cancel(request.account, orders, request.now).orders}

    def cancel_all(self, request: MethodRequest) -> Iterator[Result | str]:
        """Answer cancel_all."""
        orders = request.account.orders.open()
        yield {"count": self._broker.cancel(request.account, orders, request.now).orders}

    def cancel_all_after(self, request: MethodRequest) -> Iterator[Result | str]:
        """Answer cancel_all_orders_after: the dead-man's switch."""
        timeout_s = request.params.whole("timeout")
        if timeout_s is None:
            raise Refusal(refusals.argument("timeout"))
        yield dead_man_switch.renew(self._broker, request.account, timeout_s, request.now)

    # --- shared -----------------------------------------------------------------------

    def _listing(self, request: MethodRequest) -> tuple[ListedPair, OrderContext]:
        """Return the named pair, if the request is in time, and what its orders are read for."""
        symbol = request.params.required("symbol")
        if not self._names.lists(symbol):
            raise Refusal(refusals.unsupported_pair(symbol))
        self._check_deadline(request)
        listing = self._market.listing(symbol)
        return listing, self._context(request, listing)

    def _context(self, request: MethodRequest, listing: ListedPair) -> OrderContext:
        return OrderContext.of(self._market, self._broker, request.account, listing, request.now)

    @staticmethod
    def _check_deadline(request: MethodRequest) -> None:
        deadline = request.params.time("deadline")
        order_checks.deadline(deadline, request.now, order_checks.SOCKET_NOTICE_NS)


def _ids(placed: Placed) -> dict[str, object]:
    """Return an order's ids; one that was only validated has none of the exchange's."""
    ids: dict[str, object] = {"order_id": placed.order_id} if placed.order_id else {}
    request = placed.request
    if request.cl_ord_id is not None:
        ids["cl_ord_id"] = request.cl_ord_id
    if request.userref is not None:
        ids["order_userref"] = request.userref
    return ids


def _renamed(error: str) -> str:
    """Return a refusal with WebSocket's name of the argument."""
    head, _, name = error.rpartition(":")
    own_name = _OWN_NAMES.get(name) if head == refusals.ARGUMENTS else None
    return error if own_name is None else refusals.argument(own_name)


def _check_members(method: str, members: Mapping[str, object], known: frozenset[str]) -> None:
    """Refuse a request with a member that its method does not have, at any depth."""
    for name, value in members.items():
        if name not in known:
            raise Refusal(unsupported_field(name, method))
        for part in value if isinstance(value, list) else (value,):
            if isinstance(part, dict) and name in _OBJECT_MEMBERS:
                _check_members(method, part, _OBJECT_MEMBERS[name])
