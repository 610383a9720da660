"""A ticket as it would be sent: in words, with everything that speaks against it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from kracked.orders import (
    AmendedTerms,
    Check,
    FailedCheck,
    Limits,
    MarketContext,
    OrderManager,
    OrderReview,
    keeps_place,
)
from kracked_tui.sources.base import Access
from kracked_tui.trader import ticket_to_order
from kracked_tui.trader.account_terms import AccountTerms
from kracked_tui.trader.presets import Presets
from kracked_tui.trader.ticket_to_order import MarketMoment
from kracked_tui.view.queue.queue_effect import Effect, effect_of
from kracked_tui.view.ticket.post_only import BestPrices, note
from kracked_tui.view.ticket.ticket import Ticket
from kracked_tui.view.ticket.ticket_lines import TicketView

if TYPE_CHECKING:
    from kracked.book.l3 import L3Book

_FOREVER_NS = 1 << 62
_WAIVABLE = frozenset({Check.DUPLICATE, Check.DISTANCE})


class Reviewer:
    """Joins the market, the account and the trader's own bounds. It sends nothing."""

    def __init__(self, access: Access, terms: AccountTerms, presets: Presets) -> None:
        self._access, self._terms, self._presets = access, terms, presets

    def look(
        self,
        desk: OrderManager,
        ticket: Ticket,
        moment: MarketMoment,
        book: L3Book | None,
        *,
        blocked: str,
        at: int,
    ) -> TicketView:
        """All that is known of the ticket `at` (ns); `blocked`: why no order at all would go."""
        quote = BestPrices(moment.bid, moment.ask)
        review = self._review(desk, ticket, moment)
        problems = [blocked] if blocked else []
        problems += [refusal.sentence for refusal in review.refusals]
        return TicketView(
            ticket,
            moment.instrument,
            quote,
            at,
            self._presets.sizes(moment),
            self._presets.size(moment),
            review.words,
            tuple(problems),
            _waivable(review.refusals),
            note(ticket, quote, moment.instrument.precision),
            self.effect(desk, ticket, moment, book),
        )

    def _review(self, desk: OrderManager, ticket: Ticket, moment: MarketMoment) -> OrderReview:
        """By the very rules that sending goes by."""
        now, limits = self.situation(moment), self.limits(desk, ticket)
        order = desk.working.get(ticket.amends) if ticket.amends else None
        if order is None:
            return desk.review(ticket_to_order.draft_of(ticket), now, limits)
        change = AmendedTerms(**ticket_to_order.changes(ticket, order, moment.instrument))
        return desk.review_amend(order, now, change, limits)

    def effect(
        self, desk: OrderManager, ticket: Ticket, moment: MarketMoment, book: L3Book | None
    ) -> Effect:
        """What an amend will do to the place in the queue; of a new order nothing."""
        if not ticket.amends:
            return Effect()
        order = desk.working.get(ticket.amends)
        wanted = ticket_to_order.wanted(ticket, moment.instrument)
        keeps = None if order is None else keeps_place(order, **wanted)
        return effect_of(ticket, keeps, book, moment.instrument.precision)

    def situation(self, moment: MarketMoment) -> MarketContext:
        silent = self._access.silent_ns()
        return MarketContext(
            instrument=moment.instrument,
            bid=moment.bid,
            ask=moment.ask,
            book_verified=moment.verified,
            book_age_ns=_FOREVER_NS if silent is None else silent,
            fees=self._terms.fees.get(moment.instrument.symbol),
        )

    def limits(self, desk: OrderManager, ticket: Ticket) -> Limits:
        """The desk's own, but for what the user has said to be meant."""
        if not ticket.waived:
            return desk.limits
        return msgspec.structs.replace(desk.limits, allow_duplicate=True, max_distance_percent=None)


def _waivable(refusals: Iterable[FailedCheck]) -> bool:
    checks = {refusal.check for refusal in refusals}
    return bool(checks) and checks <= _WAIVABLE
