"""New terms for an order that is open: they keep its place in the queue, or lose it.

Source: docs.kraken.com/api/docs/guides/spot-amends
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from kracked.paper.account import PaperAccount
from kracked.paper.account_events import AnyAccountEvent, PaperOrder, TermsChanged
from kracked.paper.market import SymbolMarket
from kracked.paper.order_entry import OrderEntry, triggers
from kracked.paper.terms import (
    ARGUMENTS,
    INVALID_ORDER,
    NOT_VERIFIED,
    OUTCOME_UNKNOWN,
    PaperAmend,
    PaperRefusal,
    PaperRequest,
    PaperState,
    check_minimums,
    check_prices,
    check_shown,
)


class Amends:
    """Changes open orders, through the entry that placed them."""

    def __init__(
        self,
        account: PaperAccount,
        entry: OrderEntry,
        put: Callable[[AnyAccountEvent], PaperOrder | None],
    ) -> None:
        """`put`: writes an event down, applies and reports it; returns the order after it."""
        self._account, self._entry, self._put = account, entry, put

    def amend(
        self, market: SymbolMarket | None, order: PaperOrder, amend: PaperAmend, time: int
    ) -> None:
        """Give an open order new terms. Less at the same price keeps the place.

        Raises:
            PaperRefusal: It stays as it was.
        """
        new = self._amended(order, amend)
        if market is None or not market.ready:
            raise PaperRefusal(NOT_VERIFIED)
        left = new.qty - order.filled
        event = TermsChanged(
            time=time,
            order_id=order.order_id,
            qty=new.qty,
            price=new.price,
            trigger_price=new.trigger_price,
            display_qty=new.display_qty,
        )
        if order.state is PaperState.PENDING:
            self._put(event)
            return
        if order.state is PaperState.WAITING:
            waiting = self._put(event)
            if waiting is not None and market.last and triggers(new, market.last):
                self._entry.trigger(market, waiting, market.last, time)
            return
        keeps = new.price == order.request.price and left <= order.left
        if not keeps:
            post_only = amend.post_only or new.post_only
            self._entry.check_arrival(market, new, left, post_only=post_only, own=order.order_id)
            market.resting.retire(order.order_id, market.time)
        amended = self._put(event)
        assert amended is not None
        if keeps:
            ghost = market.resting[order.order_id]
            ghost.amend(left, ghost.price, ghost.standing, display=new.display_qty)
        else:
            self._entry.meet(market, amended, time)

    def _amended(self, order: PaperOrder, amend: PaperAmend) -> PaperRequest:
        """Return the new terms, checked by themselves."""
        old, kind = order.request, order.request.order_type
        waiting = order.state in (PaperState.PENDING, PaperState.WAITING)
        if order.state is PaperState.UNKNOWN:
            raise PaperRefusal(OUTCOME_UNKNOWN)
        if old.close is not None:
            raise PaperRefusal(ARGUMENTS)
        if (
            (amend.price is not None and (not kind.limited or (kind.trails and waiting)))
            or (amend.trigger_price is not None and (not kind.waits or kind.trails or not waiting))
            or (amend.display_qty is not None and old.display_qty is None)
        ):
            raise PaperRefusal(INVALID_ORDER)
        new = replace(
            old,
            qty=old.qty if amend.qty is None else amend.qty,
            price=old.price if amend.price is None else amend.price,
            trigger_price=old.trigger_price if amend.trigger_price is None else amend.trigger_price,
            display_qty=old.display_qty if amend.display_qty is None else amend.display_qty,
        )
        instrument = self._account.instruments[old.symbol]
        check_prices(instrument, new.price, new.trigger_price)
        check_minimums(instrument, new.qty, new.price or new.trigger_price or 0)
        if amend.display_qty is not None:
            check_shown(amend.display_qty, new.qty - order.filled, new.qty)
        return new
