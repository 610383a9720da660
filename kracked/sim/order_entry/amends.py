"""Amending and editing: new terms for an order that is open.

An amend keeps the order, its id and its fills, and where it can its place in the queue.
An edit, the older way, cancels it and places another.

Source: docs.kraken.com/api/docs/guides/spot-amends, .../rest-api/edit-order
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from kracked.gateway import order_words
from kracked.gateway.accounts.account import ClientAccount
from kracked.gateway.accounts.order_records import OrderRecord, OrderStatus
from kracked.gateway.accounts.order_request import AmendRequest, OrderRequest
from kracked.gateway.private_api import order_checks, placement
from kracked.gateway.private_api.ports import Placed
from kracked.gateway.refusals import Refusal
from kracked.sim.engine.orders import AmendTerms
from kracked.sim.order_entry.brokerage import Brokerage
from kracked.sim.order_entry.ports import ExchangePort
from kracked.sim.order_entry.settlement import Triggered


class Amends:
    """Changes open orders, through the brokerage that placed them."""

    def __init__(self, exchange: ExchangePort, brokerage: Brokerage) -> None:
        self._exchange, self._brokerage = exchange, brokerage
        self._settlement = brokerage.settlement

    def amend(
        self, account: ClientAccount, order: OrderRecord, read: Callable[[], AmendRequest], now: int
    ) -> str:
        """Change an open order in place, and return the id of the amend.

        Args:
            account: Whose order it is.
            order: The order.
            read: Returns the new terms, or raises `Refusal`.
            now: Time, ns since the Unix epoch.

        Raises:
            Refusal: It stays as it was.
        """
        try:
            amend = read()
            instrument = self._exchange.listing(order.symbol).instrument
            order_checks.amend(order, amend, self._exchange.system, instrument)
        except Refusal:
            account.counts.spend(order.symbol, placement.FIXED_COST, now)
            raise
        account.counts.charge(order.symbol, placement.cost_of_amend(order, amend, now), now)
        new = self._amended(order, amend, now)
        if new.left and not new.waiting:
            freed = account.ledger.held_by(order.order_id)
            reserve = self._brokerage.funds.reserve_for(account, new, freed=freed)
            new = replace(new, reserve=reserve)
        self._apply(account, new, amend, now)
        return new.amends[-1].amend_id

    def _amended(self, order: OrderRecord, amend: AmendRequest, now: int) -> OrderRecord:
        """Return the order with its new terms."""
        new = replace(
            order,
            touched=now,
            qty=order.qty if amend.qty is None else max(amend.qty, order.filled),
            price=order.price if amend.price is None else amend.price,
            trigger_price=(
                order.trigger_price if amend.trigger_price is None else amend.trigger_price
            ),
            display_qty=order.display_qty if amend.display_qty is None else amend.display_qty,
        )
        amendment = self._brokerage.amendment(new, now, post_only=amend.post_only)
        return replace(new, amends=(*order.amends, amendment))

    def _apply(
        self, account: ClientAccount, new: OrderRecord, amend: AmendRequest, now: int
    ) -> None:
        """Report the amend to the owner, then amend the engine's order or the one that waits."""
        batch = None
        if not new.waiting:
            terms = AmendTerms(
                new.order_id, amend.qty, amend.price, amend.display_qty, amend.post_only
            )
            batch = self._exchange.matcher(new.symbol).amend(terms, now)
            if batch.refusal is not None:
                raise Refusal(order_words.POST_ONLY)
        self._settlement.update(account, new, now)
        row = self._settlement.rows[new.symbol].amended(new, now)
        self._settlement.send_execution(account, new.symbol, row, now)
        if batch is not None:
            self._exchange.publish(new.symbol, batch)
        elif not new.left:
            self._settlement.close(
                account, new, OrderStatus.CANCELED, order_words.USER_REQUESTED, now
            )
        elif not new.started:
            return
        elif new.is_met(last := self._exchange.last_price(new.symbol)):
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
        """Cancel an order and place its successor.

        Nothing is cancelled unless the successor would be accepted.

        Args:
            account: Whose order it is.
            order: The order.
            read: Returns the successor, or raises `Refusal`.
            now: Time, ns since the Unix epoch.
            validate: Check the successor and do nothing.

        Raises:
            Refusal: The order stays as it was.
        """
        request = placement.read_successor(self._brokerage, account, order, read, now)
        if validate:
            return Placed(request)
        self._check_funds(account, order, request, now)
        self._brokerage.remove(account, order, order_words.USER_REQUESTED, now)
        return Placed(request, self._brokerage.add(account, request, now))

    def _check_funds(
        self, account: ClientAccount, order: OrderRecord, request: OrderRequest, now: int
    ) -> None:
        """Check that the successor can be paid for with what the order gives back."""
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
        freed = account.ledger.held_by(order.order_id)
        self._brokerage.funds.reserve_for(account, successor, freed=freed)
