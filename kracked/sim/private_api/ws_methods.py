"""The WebSocket's trading methods: what a token's key may call, and what is answered.

Sources: docs.kraken.com/api/docs/websocket-v2/ add_order, amend_order, edit_order,
cancel_order, cancel_all, cancel_after, batch_add, batch_cancel
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from kracked.gateway import refusals
from kracked.gateway.auth import ApiKey, Permission
from kracked.gateway.client_session import Answers, Result
from kracked.gateway.refusals import Refusal
from kracked.protocol import limits
from kracked.sim import messages
from kracked.sim.accounts.account import ClientAccount
from kracked.sim.accounts.order_records import OrderRecord
from kracked.sim.faults.order_faults import OrderFault
from kracked.sim.listings import Listing
from kracked.sim.order_entry import order_checks
from kracked.sim.order_entry.amends import Amends
from kracked.sim.order_entry.brokerage import Brokerage, Placed
from kracked.sim.order_entry.ports import TradingVenue
from kracked.sim.private_api import dead_man_switch, known_params, order_lookup
from kracked.sim.private_api.ws_params import WsOrderReader, WsParams
from kracked.sim.rest_names import RestNames

_MODIFY, _CANCEL = Permission.MODIFY_ORDERS, Permission.CANCEL_ORDERS
_BATCH_ADDS, _BATCH_CANCELS = range(2, 16), range(2, 51)
_ALSO = {
    "starttm": "effective_time",
    "expiretm": "expire_time",
    "displayvol": "display_qty",
}
"""Arguments REST calls by another name."""


class MethodRequest(NamedTuple):
    """One request of a key that may make it."""

    account: ClientAccount
    fields: WsParams
    now: int


class Method(NamedTuple):
    rest: str
    """Its counterpart over REST, by which mishaps name it."""
    needed: tuple[frozenset[Permission], ...]
    """Alternatives; a key needs all of one."""
    answers: Callable[[MethodRequest], Iterator[Result | str]]
    """Results, and refusals as text; most methods give one."""


class TradingMethods:
    """Answers trading requests about one exchange."""

    def __init__(self, venue: TradingVenue, brokerage: Brokerage, names: RestNames) -> None:
        self._venue, self._brokerage, self._names = venue, brokerage, names
        self._changes = Amends(venue, brokerage)
        either = (frozenset((_MODIFY,)), frozenset((_CANCEL,)))
        add, both = (frozenset((_MODIFY,)),), (frozenset((_MODIFY, _CANCEL)),)
        self._methods = {
            "add_order": Method("AddOrder", add, self._add_order),
            "amend_order": Method("AmendOrder", either, self._amend_order),
            "edit_order": Method("EditOrder", both, self._edit_order),
            "cancel_order": Method("CancelOrder", either, self._cancel_order),
            "cancel_all": Method("CancelAll", either, self._cancel_all),
            "cancel_all_orders_after": Method(
                "CancelAllOrdersAfter", either, self._cancel_all_after
            ),
            "batch_add": Method("AddOrderBatch", both, self._batch_add),
            "batch_cancel": Method("CancelOrderBatch", either, self._batch_cancel),
        }

    def request(
        self,
        method: str,
        params: dict[str, object],
        key: ApiKey,
        now: int,
        answer: Callable[[Answers], None],
    ) -> None:
        """Act on a request and answer it, unless a fault of orders comes between."""
        fault = self._venue.order_faults.strike(self._methods[method].rest)
        if fault is not None and not fault.kind.acts:
            if fault.kind is OrderFault.UNAVAILABLE:
                answer([refusals.UNAVAILABLE])
            elif fault.kind is OrderFault.THROTTLED:
                answer([messages.throttled(now + fault.length_ns)])
            return  # the others are lost on their way here, and never answered
        answers = self.answer(method, params, key, now)
        if fault is None or fault.kind is OrderFault.REST_LAG:
            answer(answers)
        elif fault.kind is OrderFault.REPLY_LATE:
            self._venue.call_at(now + fault.length_ns, partial(answer, answers))

    def answer(self, method: str, params: dict[str, object], key: ApiKey, now: int) -> Answers:
        """Everything to answer, in order: results, and refusals as text."""
        found = self._methods[method]
        if not any(need <= key.permissions for need in found.needed):
            return [refusals.PERMISSION_DENIED]
        asked = MethodRequest(self._brokerage.account(key.account), WsParams(params), now)
        try:
            known_params.check(method, params)
            return list(found.answers(asked))
        except Refusal as refusal:
            return [_renamed(refusal.error)]

    # --- placing ----------------------------------------------------------------------

    def _add_order(self, asked: MethodRequest) -> Iterator[Result | str]:
        listing = self._listing(asked.fields)
        self._in_time(asked)
        reader = self._reader(asked, listing)
        placed = self._brokerage.place(
            asked.account,
            listing.symbol,
            lambda: reader.ticket(asked.fields),
            asked.now,
            validate=asked.fields.flag("validate"),
        )
        yield _ids(placed)

    def _batch_add(self, asked: MethodRequest) -> Iterator[Result | str]:
        listing = self._listing(asked.fields)
        self._in_time(asked)
        orders = asked.fields.params.get("orders")
        if not isinstance(orders, list) or len(orders) not in _BATCH_ADDS:
            raise Refusal(refusals.argument("orders"))
        if not all(isinstance(one, dict) for one in orders):
            raise Refusal(refusals.argument("orders"))
        reader = self._reader(asked, listing)
        placed = self._brokerage.place_all(
            asked.account,
            listing.symbol,
            lambda: [reader.ticket(WsParams(one)) for one in orders],
            asked.now,
            validate=asked.fields.flag("validate"),
            cost=limits.cost_of_batch_add(len(orders)),
        )
        yield [
            {"success": False, "error": _renamed(one.error)}
            if isinstance(one, Refusal)
            else _ids(one)
            for one in placed
        ]

    # --- changing ---------------------------------------------------------------------

    def _amend_order(self, asked: MethodRequest) -> Iterator[Result | str]:
        fields = asked.fields
        self._in_time(asked)
        order_id, cl_ord_id = fields.text("order_id"), fields.text("cl_ord_id")
        order = order_lookup.one(asked.account, order_id=order_id, cl_ord_id=cl_ord_id)
        reader = self._reader(asked, self._venue.listing(order.symbol))
        amend_id = self._changes.amend(
            asked.account, order, lambda: reader.change(fields), asked.now
        )
        name = {"cl_ord_id": cl_ord_id} if order_id is None else {"order_id": order_id}
        yield {"amend_id": amend_id, **name}

    def _edit_order(self, asked: MethodRequest) -> Iterator[Result | str]:
        listing = self._listing(asked.fields)
        self._in_time(asked)
        old = order_lookup.one(
            asked.account, order_id=asked.fields.needed("order_id"), cl_ord_id=None
        )
        if old.symbol != listing.symbol:
            raise Refusal(messages.INVALID_ORDER)
        reader = self._reader(asked, listing)
        new = self._changes.edit(
            asked.account,
            old,
            lambda: reader.edited(asked.fields, old),
            asked.now,
            validate=asked.fields.flag("validate"),
        )
        yield _ids(new) | {"original_order_id": old.order_id}

    # --- cancelling -------------------------------------------------------------------

    def _cancel_order(self, asked: MethodRequest) -> Iterator[Result | str]:
        """One answer per order, each of them granted or refused by itself."""
        fields, account = asked.fields, asked.account
        ids, client_ids = fields.texts("order_id"), fields.texts("cl_ord_id")
        userrefs = fields.texts("order_userref")
        if not (ids or client_ids or userrefs):
            raise Refusal(refusals.ARGUMENTS)
        for name in (*ids, *userrefs):
            yield from self._cancelled(asked, partial(order_lookup.meant, account, name))
        for name in client_ids:
            find = partial(order_lookup.by_client_id, account, name)
            yield from self._cancelled(asked, find, {"cl_ord_id": name})

    def _cancelled(
        self,
        asked: MethodRequest,
        find: Callable[[], list[OrderRecord]],
        named: dict[str, object] | None = None,
    ) -> Iterator[Result | str]:
        """Cancel what is found; each is answered by the name it was called, or by its id."""
        try:
            for order in find():
                self._brokerage.cancel(asked.account, [order], asked.now)
                yield named or {"order_id": order.order_id}
        except Refusal as refusal:
            yield refusal.error

    def _batch_cancel(self, asked: MethodRequest) -> Iterator[Result | str]:
        names, client_ids = asked.fields.texts("orders"), asked.fields.texts("cl_ord_id")
        if len(names) + len(client_ids) not in _BATCH_CANCELS:
            raise Refusal(refusals.ARGUMENTS)
        found = order_lookup.several(asked.account, names, client_ids)
        yield {"count": self._brokerage.cancel(asked.account, found, asked.now)}

    def _cancel_all(self, asked: MethodRequest) -> Iterator[Result | str]:
        every = asked.account.orders.open()
        yield {"count": self._brokerage.cancel(asked.account, every, asked.now)}

    def _cancel_all_after(self, asked: MethodRequest) -> Iterator[Result | str]:
        timeout_s = asked.fields.whole("timeout")
        if timeout_s is None:
            raise Refusal(refusals.argument("timeout"))
        yield dead_man_switch.turn(asked.account, timeout_s, asked.now)

    # --- shared -----------------------------------------------------------------------

    def _listing(self, fields: WsParams) -> Listing:
        symbol = fields.needed("symbol")
        if not self._names.lists(symbol):
            raise Refusal(refusals.unsupported_pair(symbol))
        return self._venue.listing(symbol)

    def _reader(self, asked: MethodRequest, listing: Listing) -> WsOrderReader:
        def bought_for(cash: int) -> int:
            return self._brokerage.funds.bought_for(asked.account, listing.symbol, cash)

        return WsOrderReader(listing, self._venue.last_price(listing.symbol), bought_for)

    @staticmethod
    def _in_time(asked: MethodRequest) -> None:
        order_checks.deadline(
            asked.fields.time("deadline"), asked.now, order_checks.SOCKET_NOTICE_NS
        )


def _ids(placed: Placed) -> dict[str, object]:
    """The order's ids; one that was only validated has none of the exchange's."""
    ids: dict[str, object] = {"order_id": placed.order_id} if placed.order_id else {}
    ticket = placed.ticket
    if ticket.cl_ord_id is not None:
        ids["cl_ord_id"] = ticket.cl_ord_id
    if ticket.userref is not None:
        ids["order_userref"] = ticket.userref
    return ids


def _renamed(error: str) -> str:
    """A refusal with the argument's name of this side."""
    head, _, name = error.rpartition(":")
    return refusals.argument(_ALSO[name]) if head == refusals.ARGUMENTS and name in _ALSO else error
