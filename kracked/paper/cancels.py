"""How orders end without a fill: by a cancel, by their own time, or in what is not known.

An order that rests ends once the takers of before are decided; one of them may still fill it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kracked.paper.account import PaperAccount
from kracked.paper.account_events import PaperOrder
from kracked.paper.market import SymbolMarket
from kracked.paper.order_entry import OrderEntry
from kracked.paper.reports import EXPIRED
from kracked.paper.requests import Answer
from kracked.paper.terms import UNKNOWN_ORDER, PaperRefusal, PaperState


class Cancels:
    """Ends the orders of one account."""

    def __init__(
        self,
        account: PaperAccount,
        entry: OrderEntry,
        markets: Mapping[str, SymbolMarket],
        answer: Callable[[Answer], None],
    ) -> None:
        """Begin without cancels.

        Args:
            account: The account.
            entry: Puts ends down as events.
            markets: The markets by symbol, as they are now.
            answer: Takes the answer to a request once it is decided.
        """
        self._account, self._entry, self._markets = account, entry, markets
        self._answer = answer

    def open(self, order_id: str) -> PaperOrder:
        """Return an order that is open and not about to end.

        Raises:
            PaperRefusal: There is none.
        """
        order = self._account.open.get(order_id)
        market = self._markets.get(order.request.symbol) if order else None
        if order is None or (market is not None and order_id in market.ending):
            raise PaperRefusal(UNKNOWN_ORDER)
        return order

    def cancel(self, order: PaperOrder, reason: str, time: int, ticket: int | None) -> None:
        """Cancel an order; one that rests ends once the takers of before are decided."""
        market = self._markets.get(order.request.symbol)
        if market is None or not market.begin_end(order.order_id, reason, time, ticket):
            self._entry.end(order.order_id, reason, time)
            self._tell(ticket, order.order_id, time)

    def cancel_all(self, reason: str, time: int) -> int:
        """Cancel what is open and not about to end; return how many."""
        ending = {one for market in self._markets.values() for one in market.ending}
        orders = [order for order in self._account.open.values() if order.order_id not in ending]
        for order in orders:
            self.cancel(order, reason, time, None)
        return len(orders)

    def expire(self, order_id: str, time: int) -> None:
        """End an order whose time is over, if it is still open."""
        order = self._account.open.get(order_id)
        if order is None:
            return
        market = self._markets.get(order.request.symbol)
        if market is None or not market.begin_expiry(order_id, EXPIRED, time):
            reason = EXPIRED
            if order.state is PaperState.UNKNOWN:
                reason = f"{EXPIRED}; fills before it are {order.reason}"
            self._entry.end(order_id, reason, time, expired=True)

    def end_decided(self, market: SymbolMarket, now: int) -> None:
        """End the orders whose cancel or expiry is decided, and answer."""
        for order_id, ending in market.ended(now):
            filled = order_id not in self._account.open
            if not filled:
                time, expired = ending.arrival, ending.expired
                self._entry.end(order_id, ending.reason, time, expired=expired)
            self._tell(ending.ticket, order_id, ending.arrival, filled=filled)

    def obscure(self, market: SymbolMarket, reason: str, *, waiting: bool) -> None:
        """Say of orders that their outcome is unknown from here on; cancels in hand end them.

        Args:
            market: Their market.
            reason: Why it is not known.
            waiting: Whether that concerns orders that wait for a trigger, too.
        """
        for order in tuple(self._account.open.values()):
            if order.request.symbol != market.ledger.symbol:
                continue
            order_id = order.order_id
            ending = market.ending.pop(order_id, None)
            market.resting.drop(order_id)
            if ending is not None:
                words = f"{ending.reason}; fills just before it are {reason}"
                self._entry.end(order_id, words, ending.arrival, expired=ending.expired)
                self._tell(ending.ticket, order_id, ending.arrival)
            elif order.state is PaperState.RESTING or (
                waiting and order.state is PaperState.WAITING
            ):
                self._entry.obscure(order_id, reason, market.time)

    def _tell(self, ticket: int | None, order_id: str, time: int, *, filled: bool = False) -> None:
        """Answer a request to cancel."""
        if ticket is not None:
            error, count = (UNKNOWN_ORDER, 0) if filled else (None, 1)
            self._answer(
                Answer(ticket=ticket, time=time, error=error, order_id=order_id, count=count)
            )
