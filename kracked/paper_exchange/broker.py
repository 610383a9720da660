"""Takes the requests of the private API to the paper engine, and tells what became of them.

The engine answers a new order and an amend at once: requests wait before they come here, not
on the way back. A cancel of an order that rests is decided once the takers of before are, at
most half a second later; until then it is `pending`, as the exchange says it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from kracked.gateway.accounts.account import ClientAccount
from kracked.gateway.accounts.amounts import Amounts
from kracked.gateway.accounts.order_records import OrderRecord
from kracked.gateway.accounts.order_request import AmendRequest, OrderRequest
from kracked.gateway.listing import ListedAsset
from kracked.gateway.order_words import ORDERS_LIMIT, UNKNOWN_ORDER
from kracked.gateway.private_api import order_checks, placement
from kracked.gateway.private_api.ports import Cancelled, Market, Placed
from kracked.gateway.refusals import Refusal
from kracked.paper import Answer, PaperEngine
from kracked.paper.account_events import AnyAccountEvent
from kracked.paper.terms import NOT_VERIFIED
from kracked.paper_exchange.records import AccountRecords
from kracked.paper_exchange.terms import paper_amend, paper_request
from kracked.protocol import limits
from kracked.protocol.events import Event
from kracked.times import NS_PER_S

PLACES_EVERY_NS = NS_PER_S
"""How often the places of orders are told, where they have changed."""
_ANSWERS = 1_000
"""Answers that nobody has taken yet and that are retained."""


class PaperMarket(Market, Protocol):
    """The market that paper orders are for; the last price is 0 before the first trade."""

    @property
    def system(self) -> str:
        """The exchange's mode."""


class PaperBroker:
    """One paper account, its engine, and its records."""

    def __init__(
        self,
        market: PaperMarket,
        engine: PaperEngine,
        records: AccountRecords,
        *,
        assets: Mapping[str, ListedAsset],
        pending: list[AnyAccountEvent],
    ) -> None:
        """Begin to take requests.

        Args:
            market: The market.
            engine: The engine.
            records: The account's records; they have taken what the engine's account has.
            assets: The assets of the pairs, by the WebSocket's names.
            pending: The engine's `record` adds its events here; they are taken out.
        """
        self._market, self.engine, self.records = market, engine, records
        self._pending = pending
        self._looked = 0
        self._answers: dict[int, Answer] = {}
        self.assets = assets
        self.accounts = {records.account.name: records.account}

    @property
    def amounts(self) -> Mapping[str, Amounts]:
        """The arithmetic of each pair, by symbol."""
        return self.records.amounts

    @property
    def scales(self) -> Mapping[str, int]:
        """The decimals that ledgers count each asset in."""
        return self.records.scales

    # --- time and the market ------------------------------------------------------------

    def apply(self, event: Event) -> None:
        """Give the engine an event of the market, and tell what followed."""
        self._tell(self.engine.apply(event))

    def elapse(self, now: int) -> None:
        """Let the engine decide what is due, and tell what followed."""
        self._tell(self.engine.elapse(now))
        if not 0 <= now - self._looked < PLACES_EVERY_NS:
            self._looked = now
            for order in self.records.account.orders.open():
                place = self.engine.bounds(order.order_id)
                if place != order.place:
                    self.records.place(order, place, now)

    def _tell(self, news: Iterable[object]) -> None:
        """Let the records follow, and keep the answers for whoever asked."""
        events, self._pending[:] = tuple(self._pending), ()
        for event in events:
            self.records.apply(event)
        for one in news:
            if isinstance(one, Answer):
                self._answers[one.ticket] = one
        while len(self._answers) > _ANSWERS:
            del self._answers[next(iter(self._answers))]

    def _asked(self, ticket: int, now: int) -> Answer | None:
        """Let a request arrive; return its answer, None when that is yet to come."""
        self.elapse(now)
        return self._answers.pop(ticket, None)

    # --- placing ------------------------------------------------------------------------

    def bought_for(self, _account: ClientAccount, symbol: str, cash: int) -> int:
        """Return the quantity that a market buy of a value gets; both are scaled."""
        return self.engine.bought_for(symbol, cash)

    def check(self, account: ClientAccount, request: OrderRequest, now: int) -> None:
        """Check an order as far as that needs neither the book nor the funds."""
        instrument = self._market.listing(request.symbol).instrument
        order_checks.mode(self._market.system, instrument.status, request)
        paper_request(request)
        last = self._market.last_price(request.symbol)
        if not last:  # there has been neither a trade nor a book
            raise Refusal(NOT_VERIFIED)
        order_checks.terms(request, instrument, last, now)
        order_checks.client_id(request.cl_ord_id, request.userref, account.orders)

    def add(self, account: ClientAccount, request: OrderRequest, now: int) -> str:
        """Place a checked order, and return its id.

        Raises:
            Refusal: The account has too many open orders, or the engine refuses it.
        """
        if len(account.orders.open(request.symbol)) >= account.tier.open_orders:
            raise Refusal(ORDERS_LIMIT)
        answer = self._asked(self.engine.submit(paper_request(request), now), now)
        assert answer is not None
        if answer.error is not None:
            raise Refusal(answer.error)
        return answer.order_id or ""

    # --- changing -----------------------------------------------------------------------

    def amend(
        self, account: ClientAccount, order: OrderRecord, read: Callable[[], AmendRequest], now: int
    ) -> str:
        """Change an open order in place, and return the id of the amend.

        Raises:
            Refusal: It stays as it was.
        """
        try:
            asked = read()
            instrument = self._market.listing(order.symbol).instrument
            order_checks.amend(order, asked, self._market.system, instrument)
            amend = paper_amend(order.order_id, asked)
        except Refusal:
            account.counts.spend(order.symbol, placement.FIXED_COST, now)
            raise
        cost = placement.cost_of_amend(order, asked, now)
        account.counts.charge(order.symbol, cost, now)
        answer = self._asked(self.engine.amend(amend, now), now)
        if answer is not None and answer.error is not None:
            raise Refusal(answer.error)
        new = account.orders.get(order.order_id)
        assert new is not None
        return new.amends[-1].amend_id

    def edit(
        self,
        account: ClientAccount,
        order: OrderRecord,
        read: Callable[[], OrderRequest],
        now: int,
        *,
        validate: bool = False,
    ) -> Placed:
        """Place an order's successor, then cancel it: both may hold funds for a moment.

        Raises:
            Refusal: The order stays as it was.
        """
        request = placement.read_successor(self, account, order, read, now)
        if validate:
            return Placed(request)
        placed = Placed(request, self.add(account, request, now))
        self._asked(self.engine.cancel(order.order_id, now), now)
        return placed

    # --- cancelling ---------------------------------------------------------------------

    def cancel(self, account: ClientAccount, orders: Iterable[OrderRecord], now: int) -> Cancelled:
        """Cancel open orders.

        Raises:
            Refusal: None of them can be cancelled any more.
        """
        count, pending, refused = 0, False, False
        for order in orders:
            account.counts.spend(order.symbol, limits.cost_of_cancel(now - order.touched), now)
            answer = self._asked(self.engine.cancel(order.order_id, now), now)
            if answer is not None and answer.error is not None:
                refused = True
                continue
            count, pending = count + 1, pending or answer is None
        if refused and not count:
            raise Refusal(UNKNOWN_ORDER)
        return Cancelled(count, pending)

    def cancel_all_at(self, _account: ClientAccount, until: int | None, now: int) -> None:
        """Set the time when the dead-man's switch cancels everything; None disarms it."""
        timeout = None if until is None else until - now
        self._asked(self.engine.cancel_all_after(timeout, now), now)
