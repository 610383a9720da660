"""A ticket as it would be sent: in words, with everything that speaks against it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from kracked.orders import (
    AmendedTerms,
    Check,
    Draft,
    Limits,
    MaintenanceConsent,
    MarketContext,
    OrderManager,
    OrderReview,
    keeps_place,
)
from kracked.orders.rules.funds import free_funds
from kracked_tui.sources.base import Access
from kracked_tui.trader import ticket_to_order
from kracked_tui.trader.account_terms import AccountTerms
from kracked_tui.trader.presets import Presets
from kracked_tui.view.queue.queue_effect import Effect, effect_of, joining
from kracked_tui.view.ticket.post_only import note
from kracked_tui.view.ticket.ticket import Ticket, TicketMarket
from kracked_tui.view.ticket.ticket_lines import TicketView

if TYPE_CHECKING:
    from kracked.book.l3 import L3Book
    from kracked.book.queue import QueuePosition
    from kracked.protocol.events import OrderChange

_FOREVER_NS = 1 << 62
_WAIVABLE = frozenset({Check.DUPLICATE, Check.DISTANCE, Check.DISCOURAGED})
_OF_OPEN_ORDERS = frozenset({Check.DUPLICATE, Check.OPEN_NOTIONAL, Check.OPEN_ORDERS})
_LOOKS, _LOOK_EVERY_S = 60, 0.05
"""The order's own stream and the book's come over two connections: one is ahead of the other."""


class Reviewer:
    """Joins the market, the account and the trader's limits. It sends nothing."""

    def __init__(self, access: Access, terms: AccountTerms, presets: Presets) -> None:
        self._access, self._terms, self._presets = access, terms, presets

    def review(
        self,
        manager: OrderManager,
        ticket: Ticket,
        market: TicketMarket,
        book: L3Book | None,
        *,
        blocked: str,
        now: int,
    ) -> TicketView:
        """Review a ticket by the very rules that apply when it is sent.

        Args:
            manager: The order manager.
            ticket: The ticket.
            market: The market it is checked against.
            book: The level 3 book, which holds the places in the queue; None without one.
            blocked: Why no order at all would be sent; empty where one would.
            now: The present, ns.
        """
        review = self._reviewed(manager, ticket, market)
        problems = [blocked] if blocked else []
        problems += [refusal.sentence for refusal in review.refusals]
        # What a key means belongs to the ticket; the preview shows the quantity itself.
        written = not (ticket.amends or ticket.previewed)
        remarks = (*review.remarks, *(self._presets.remarks(market) if written else ()))
        checks = {refusal.check for refusal in review.refusals}
        return TicketView(
            ticket=ticket,
            market=market,
            now=now,
            sizes=self._presets.sizes(market),
            size=self._presets.size(market),
            words=f"On PAPER: {review.words}" if self._access.paper else review.words,
            problems=tuple(problems),
            remarks=remarks,
            waivable=bool(checks) and checks <= _WAIVABLE,
            note=note(ticket, market),
            effect=self.effect(manager, ticket, market, book),
            paper=self._access.paper,
        )

    def _reviewed(self, manager: OrderManager, ticket: Ticket, market: TicketMarket) -> OrderReview:
        context, limits = self.context(market), self.limits(manager, ticket)
        order = manager.working.open.get(ticket.amends) if ticket.amends else None
        if order is None:
            return manager.review(ticket_to_order.draft_of(ticket), context, limits)
        change = AmendedTerms(**ticket_to_order.changes(ticket, order, market.instrument))
        return manager.review_amend(order, context, change, limits)

    def review_exit(
        self, manager: OrderManager, draft: Draft, market: TicketMarket
    ) -> tuple[str, str]:
        """Return an order in words, and the first rule it breaks; empty where it breaks none.

        The open orders of its pair are taken to be cancelled. What only they can break is checked
        again when it is sent, as everything is.
        """
        account, symbol = self._access.account, draft.symbol
        others = [order for order in account.orders.values() if order.symbol != symbol]
        free = free_funds(account.balances, others, self._terms.fees.values())
        known = free if account.balances_known else None
        context = msgspec.structs.replace(self.context(market), available=known)
        review = manager.review(draft, context, manager.limits)
        against = [it.sentence for it in review.refusals if it.check not in _OF_OPEN_ORDERS]
        words = f"On PAPER: {review.words}" if self._access.paper else review.words
        return words, next(iter(against), "")

    def effect(
        self, manager: OrderManager, ticket: Ticket, market: TicketMarket, book: L3Book | None
    ) -> Effect:
        """Predict the place in the queue: of a new order, or what an amend does to it."""
        if not ticket.amends:
            return joining(ticket, market, book)
        order = manager.working.open.get(ticket.amends)
        terms = ticket_to_order.amended_terms(ticket, market.instrument)
        keeps = None if order is None else keeps_place(order, **terms)
        return effect_of(ticket, keeps, book, market.instrument.precision)

    def context(self, market: TicketMarket) -> MarketContext:
        """Return the market and the account as the order checks see them."""
        freshness = self._access.freshness(market.instrument.symbol)
        return MarketContext(
            instrument=market.instrument,
            bid=market.bid,
            ask=market.ask,
            book_verified=market.verified,
            book_age_ns=_FOREVER_NS if freshness.age_ns is None else freshness.age_ns,
            book_stale=freshness.reason,
            bids=market.bids,
            asks=market.asks,
            fees=self._terms.fees.get(market.instrument.symbol),
        )

    def limits(self, manager: OrderManager, ticket: Ticket) -> Limits:
        """Return the manager's limits, without the checks that the user has waived."""
        if not ticket.waived:
            return manager.limits
        return msgspec.structs.replace(
            manager.limits,
            allow_duplicate=True,
            max_distance_percent=None,
            maintenance=MaintenanceConsent.CONFIRMED,
        )


async def place_after(
    book: L3Book, order_id: str, before: OrderChange | None
) -> QueuePosition | None:
    """Wait a few seconds until an amend shows in the book.

    Args:
        book: The level 3 book.
        order_id: The amended order.
        before: The order as the book had it before the amend.

    Returns:
        Its place in the queue then; None where the amend does not show.
    """
    for _ in range(_LOOKS):
        order = book.order(order_id)
        if order is not None and order != before:
            return book.place(order_id)
        await asyncio.sleep(_LOOK_EVERY_S)
    return None
