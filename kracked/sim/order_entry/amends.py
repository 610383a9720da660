"""Amending and editing: new terms for an order that is open.

An amend keeps the order, its id and its fills, and where it can its place in the queue.
An edit, the older way, cancels it and places another.

Source: docs.kraken.com/api/docs/guides/spot-amends, .../rest-api/edit-order
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from msgspec.structs import replace

from kracked.gateway import refusals
from kracked.gateway.refusals import Refusal
from kracked.protocol import limits
from kracked.protocol.order_terms import OrderType
from kracked.sim import messages
from kracked.sim.accounts.account import ClientAccount
from kracked.sim.accounts.order_records import OrderRecord, OrderStatus
from kracked.sim.accounts.order_request import AmendRequest, OrderRequest
from kracked.sim.engine.orders import AmendTerms
from kracked.sim.listings import Listing
from kracked.sim.order_entry import order_checks
from kracked.sim.order_entry.brokerage import Brokerage, Placed
from kracked.sim.order_entry.ports import ExchangePort
from kracked.sim.order_entry.settlement import Triggered
from kracked.sim.order_entry.triggers import met

_ONE = Decimal(1)


class Amends:
    """Changes open orders, through the brokerage that placed them."""

    def __init__(self, exchange: ExchangePort, brokerage: Brokerage) -> None:
        self._exchange, self._brokerage, self._settlement = (
            exchange,
            brokerage,
            brokerage.settlement,
        )

    def amend(
        self, account: ClientAccount, order: OrderRecord, read: Callable[[], AmendRequest], now: int
    ) -> str:
        """Change an open order in place: the id of the amend. Raises `Refusal`.

        The counter's fixed part is charged even when the request is malformed.
        """
        try:
            change = read()
            self._check(order, change)
        except Refusal:
            account.counts.spend(order.symbol, _ONE, now)
            raise
        account.counts.charge(order.symbol, _cost(order, change, now), now)
        new = self._amended(order, change, now)
        if new.left and not new.waiting:
            held = account.ledger.held_by(order.order_id)
            new = replace(new, reserve=self._brokerage.funds.afforded(account, new, freed=held))
        self._apply(account, new, change, now)
        return new.amends[-1].amend_id

    def _check(self, order: OrderRecord, change: AmendRequest) -> None:
        listing = self._exchange.listing(order.symbol)
        as_asked = replace(order.request, post_only=change.post_only)
        order_checks.mode(self._exchange.system, listing.instrument.status, as_asked)
        _check_change(order, change, listing)

    def _amended(self, order: OrderRecord, change: AmendRequest, now: int) -> OrderRecord:
        new = replace(
            order,
            touched=now,
            qty=order.qty if change.qty is None else max(change.qty, order.filled),
            price=order.price if change.price is None else change.price,
            trigger_price=(
                order.trigger_price if change.trigger_price is None else change.trigger_price
            ),
            display_qty=order.display_qty if change.display_qty is None else change.display_qty,
        )
        amendment = self._brokerage.amendment(new, now, post_only=change.post_only)
        return replace(new, amends=(*order.amends, amendment))

    def _apply(
        self, account: ClientAccount, new: OrderRecord, change: AmendRequest, now: int
    ) -> None:
        """Change the engine's order, or the one that waits, and tell so first."""
        batch = None
        if not new.waiting:
            terms = AmendTerms(
                new.order_id, change.qty, change.price, change.display_qty, change.post_only
            )
            batch = self._exchange.matcher(new.symbol).amend(terms, now)
            if batch.refusal is not None:
                raise Refusal(messages.POST_ONLY)
        self._settlement.update(account, new, now)
        row = self._settlement.rows[new.symbol].amended(new, now)
        self._settlement.send_execution(account, new.symbol, row, now)
        if batch is not None:
            self._exchange.publish(new.symbol, batch)
        elif not new.left:
            self._settlement.close(account, new, OrderStatus.CANCELED, messages.USER_REQUESTED, now)
        elif not new.started:
            return
        elif met(new, last := self._exchange.last_price(new.symbol)):
            self._settlement.waiting.remove(new)
            self._brokerage.trigger(Triggered(account, new, last), now)
        else:
            self._settlement.waiting.put(new)

    def edit(
        self,
        account: ClientAccount,
        order: OrderRecord,
        read: Callable[[], OrderRequest],
        now: int,
        *,
        validate: bool = False,
    ) -> Placed:
        """Cancel an order and place its successor. Raises `Refusal`.

        Nothing is cancelled unless the successor would be accepted.
        """
        try:
            request = read()
            _check_edit(order, request)
            self._brokerage.check(account, request, now)
        except Refusal:
            account.counts.spend(order.symbol, _ONE, now)
            raise
        account.counts.charge(order.symbol, limits.cost_of_edit(now - order.touched), now)
        if validate:
            return Placed(request)
        self._check_funds(account, order, request, now)
        self._brokerage.remove(account, order, messages.USER_REQUESTED, now)
        return Placed(request, self._brokerage.add(account, request, now))

    def _check_funds(
        self, account: ClientAccount, order: OrderRecord, request: OrderRequest, now: int
    ) -> None:
        """Whether the successor can be paid for with what the order gives back."""
        if request.order_type.waits:
            return
        successor = OrderRecord(
            order_id="",
            request=request,
            rates=account.rates(now),
            opened=now,
            touched=now,
            qty=request.qty,
            price=request.price,
            trigger_price=None,
            display_qty=None,
        )
        held = account.ledger.held_by(order.order_id)
        self._brokerage.funds.afforded(account, successor, freed=held)


def _cost(order: OrderRecord, change: AmendRequest, now: int) -> Decimal:
    """Of an amend; one that cancels what is left costs what cancelling does as well."""
    age_ns = now - order.touched
    empties = change.qty is not None and change.qty <= order.filled
    return limits.cost_of_amend(age_ns) + (limits.cost_of_cancel(age_ns) if empties else 0)


def _check_edit(order: OrderRecord, request: OrderRequest) -> None:
    if order.triggered or order.request.close is not None or order.filled > request.qty:
        raise Refusal(messages.INVALID_ORDER)


def _check_change(order: OrderRecord, change: AmendRequest, listing: Listing) -> None:
    """Whether the order has what is to be changed, and the new terms are allowed."""
    kind, instrument = order.request.order_type, listing.instrument
    if order.request.close is not None:
        raise Refusal(refusals.ARGUMENTS)
    if change.price is not None and (not kind.limited or (kind.trails and order.waiting)):
        raise Refusal(messages.INVALID_LIMIT)
    if change.trigger_price is not None and (not (kind.waits and order.waiting) or kind.trails):
        raise Refusal(refusals.argument("trigger_price"))
    if change.display_qty is not None and kind is not OrderType.ICEBERG:
        raise Refusal(refusals.argument("display_qty"))
    order_checks.tick(instrument, change.price, change.trigger_price)
    qty = order.qty if change.qty is None else change.qty
    price = change.price or order.price or change.trigger_price or order.trigger_price or 0
    if qty > order.filled:
        order_checks.minimum(instrument, qty, price)
        shown = change.display_qty
        if shown is not None and not qty - order.filled <= 15 * shown <= 15 * qty:
            raise Refusal(refusals.argument("display_qty"))
