"""`OrderManager`: checks an order, records it, sends it once, and learns its outcome.

It joins the REST client, the outbox with its file, and the account's stream. An order is sent
only after its line is on the disk, and at most once. Cancels reduce risk: they pass no checks
and are repeated when their answer is lost.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from functools import partial

import msgspec

from kracked.orders import amends, preview
from kracked.orders.account_reports import AccountReports
from kracked.orders.amends import AmendedTerms
from kracked.orders.cancels import CancelOutcome, Cancels
from kracked.orders.dispatch import ActionAnswer, Dispatch
from kracked.orders.draft import Draft, rounded, to_order
from kracked.orders.outbox.client_ids import ClientIds
from kracked.orders.outbox.order_states import OrderState
from kracked.orders.outbox.outbox import ActionKind, Outbox, OutboxEntry
from kracked.orders.reconciler import Reconciler
from kracked.orders.reviews import BatchReview, OrderDeclined, OrderReview
from kracked.orders.rules import funds, maintenance
from kracked.orders.rules.funds import AccountFacts
from kracked.orders.rules.market_context import Limits, MarketContext
from kracked.orders.rules.order_checks import batch_refusals, refusals
from kracked.protocol.events import Executions, Side, Status
from kracked.protocol.limits import (
    cost_of_add,
    cost_of_amend,
    cost_of_batch_add,
    cost_of_cancel,
)
from kracked.protocol.maintenance.tracker import MaintenanceTracker
from kracked.protocol.own_orders import OwnOrder, OwnOrders
from kracked.rest.client import RestClient
from kracked.rest.encoding import fields
from kracked.rest.limiter import EngineLimiter
from kracked.rest.orders import Added, BatchReply, OrderRef
from kracked.rest.request_executor import RequestTiming


class OrderManager:
    """Places, amends and cancels orders. Use one per key; make it with `open_order_manager`.

    Run `reconciler.run()` in a task beside it, and pass every `Executions` event to `apply`.

    In every method `now` is the market as the caller knows it, and `limits` replaces the
    manager's own, for an order that is meant to exceed them.

    Args:
        client: REST client with the account's key.
        outbox: The actions that were sent and those that will be.
        sync: Returns when all records of the outbox are on the disk.
        engine: Rate counters of the account's pairs; by default those of a starter.
        limits: The account's own bounds for every order.
        facts: The account's balances, fees and pair names.
        ids: Makes client order ids.
        timing: Clocks and sleep; tests bring their own.

    Attributes:
        working: Open and closed orders, as the account's stream has shown them.
        reconciler: Looks up actions whose outcome is not known.
        maintenance: What the exchange has announced, by which orders are refused. Set it to
            `FeedManager.maintenance`, or give `apply` every `Status`; None checks nothing.
    """

    def __init__(
        self,
        client: RestClient,
        outbox: Outbox,
        *,
        sync: Callable[[], Awaitable[None]],
        engine: EngineLimiter | None = None,
        limits: Limits | None = None,
        facts: AccountFacts | None = None,
        ids: ClientIds | None = None,
        timing: RequestTiming | None = None,
    ) -> None:
        self.outbox, self.working = outbox, OwnOrders()
        self.engine, self.limits = engine or EngineLimiter(), limits or Limits()
        timing = timing or RequestTiming()
        self._client, self._clock, self._steady = client, timing.clock, timing.steady()
        self._ids, self._facts = ids or ClientIds(timing.clock), facts or AccountFacts()
        self.maintenance: MaintenanceTracker | None = None
        self.reconciler = Reconciler(client, outbox, self.working, timing=timing)
        self._reports = AccountReports(
            outbox, self.working, self.reconciler, self._facts.account, timing.clock
        )
        self._cancels = Cancels(
            client,
            self.working,
            outbox,
            self.engine,
            timing,
            names=lambda symbol: funds.rest_names(symbol) | {self._pair(symbol)},
            all_known=self._reports.all_known,
        )
        self._dispatch = Dispatch(
            outbox,
            self.working,
            self.engine,
            self.reconciler,
            sync=sync,
            timing=timing,
            exchange_now=client.exchange_clock.now,
        )

    # --- placing ---------------------------------------------------------------------------

    def review(self, draft: Draft, now: MarketContext, limits: Limits | None = None) -> OrderReview:
        """Return the order as it would be sent, in words, with every reason against it."""
        final, now = rounded(draft, now.instrument), self._completed(now)
        against = refusals(final, now, limits or self.limits)
        remarks = (*funds.unchecked(final, now), *preview.unwalked(final, now))
        return OrderReview(final, preview.preview(final, now), against, remarks)

    def review_batch(
        self, drafts: Sequence[Draft], now: MarketContext, limits: Limits | None = None
    ) -> BatchReview:
        """Return the review of each order, and every reason against sending them together."""
        reviews = tuple(self.review(draft, now, limits) for draft in drafts)
        final = tuple(review.draft for review in reviews)
        together = batch_refusals(final, self._completed(now), limits or self.limits)
        each = tuple(refusal for review in reviews for refusal in review.refusals)
        return BatchReview(reviews, together + each)

    async def place(
        self, draft: Draft, now: MarketContext, limits: Limits | None = None
    ) -> OutboxEntry | OrderDeclined:
        """Send an order, unless a check fails.

        Returns:
            The entry of the outbox, whose state is ACKNOWLEDGED, REFUSED or UNKNOWN (the
            reconciler settles it); or `OrderDeclined`, and nothing was sent.

        Raises:
            JournalFull: The order could not be recorded, and was not sent.
        """
        limits, final = limits or self.limits, rounded(draft, now.instrument)
        if against := refusals(final, self._completed(now), limits):
            return OrderDeclined(against)
        ((order, entry),) = self._dispatch.prepare_orders(
            [final], now.instrument, self._ids, limits.deadline_ns
        )
        pair, deadline = self._pair(draft.symbol), entry.deadline
        call = partial(self._client.add_order, order, pair, deadline=deadline)
        (placed,) = await self._dispatch.send(
            [entry],
            cost_of_add(),
            call,
            lambda reply: [ActionAnswer(reply.txid[0] if reply.txid else None)],
            partial(self._stopped, (final,), now, limits),
        )
        return placed

    async def place_batch(
        self, drafts: Sequence[Draft], now: MarketContext, limits: Limits | None = None
    ) -> tuple[OutboxEntry, ...] | OrderDeclined:
        """Send 2 to 15 orders of one pair in one request, unless a check fails for any.

        The exchange may accept some of them and refuse the others.

        Returns:
            An entry of the outbox for each order, in their order, each with its own state (all
            UNKNOWN when the answer is lost); or `OrderDeclined`, and nothing was sent.

        Raises:
            JournalFull: The orders could not be recorded, and none was sent.

        Source: docs.kraken.com/api/docs/rest-api/add-order-batch
        """
        review = self.review_batch(drafts, now, limits)
        if review.refusals:
            return OrderDeclined(review.refusals)
        final, deadline_ns = (
            [it.draft for it in review.reviews],
            (limits or self.limits).deadline_ns,
        )
        recorded = self._dispatch.prepare_orders(final, now.instrument, self._ids, deadline_ns)
        entries = [entry for _, entry in recorded]
        call = partial(
            self._client.add_order_batch,
            [order for order, _ in recorded],
            self._pair(drafts[0].symbol),
            deadline=min(entry.deadline for entry in entries),
        )
        return await self._dispatch.send(
            entries,
            cost_of_batch_add(len(entries)),
            call,
            lambda reply: [ActionAnswer(order.txid, order.error) for order in reply.orders],
            partial(self._stopped, [each.draft for each in review.reviews], now, limits),
        )

    async def validate(self, draft: Draft, now: MarketContext) -> Added:
        """Let the exchange check the form of an order and place nothing; it ignores funds.

        Raises:
            Refused: The exchange would not accept it.
            BadOrder: Its parts do not go together.
        """
        order = to_order(rounded(draft, now.instrument), now.instrument, None)
        return await self._client.add_order(order, self._pair(draft.symbol), validate=True)

    async def validate_batch(self, drafts: Sequence[Draft], now: MarketContext) -> BatchReply:
        """Let the exchange check the form of 2 to 15 orders of one pair and place nothing.

        Raises:
            Refused: The form of one of them is wrong.
            BadOrder: The parts of one of them do not go together, or there are too many.
        """
        orders = [
            to_order(rounded(draft, now.instrument), now.instrument, None) for draft in drafts
        ]
        pair = self._pair(now.instrument.symbol)
        return await self._client.add_order_batch(orders, pair, validate=True)

    # --- amending --------------------------------------------------------------------------

    async def amend(
        self,
        order: OwnOrder,
        now: MarketContext,
        limits: Limits | None = None,
        /,
        *,
        qty: int | None = None,
        price: int | None = None,
        trigger_price: int | None = None,
        display_qty: int | None = None,
    ) -> OutboxEntry | OrderDeclined:
        """Change an open order, unless a check fails; None leaves a term as it is.

        Args:
            order: The order as the account's stream shows it.
            qty: The new total quantity, scaled.
            price: The new limit, scaled; the trigger of an order without a limit.
            trigger_price: The new trigger of an order that has a limit too, scaled.
            display_qty: The new visible quantity of an iceberg, scaled.

        Returns:
            The entry of the outbox; or `OrderDeclined`, and nothing was sent.

        Raises:
            JournalFull: The amend could not be recorded, and was not sent.

        Source: docs.kraken.com/api/docs/rest-api/amend-order
        """
        change = AmendedTerms(
            qty=qty, price=price, trigger_price=trigger_price, display_qty=display_qty
        )
        limits = limits or self.limits
        review = self.review_amend(order, now, change, limits)
        if review.refusals:
            return OrderDeclined(review.refusals)
        draft = review.draft
        request = amends.request(order, draft, self._completed(now), change)
        entry = self._dispatch.prepare(
            ActionKind.AMEND,
            self._ids.fresh(),
            draft.symbol,
            fields(request),
            deadline_ns=limits.deadline_ns,
            target=order.order_id,
        )
        target, deadline = OrderRef(txid=order.order_id), entry.deadline
        call = partial(self._client.amend_order, target, request, deadline=deadline)
        (sent,) = await self._dispatch.send(
            [entry],
            self.cost_of_amend(order),
            call,
            lambda _: [ActionAnswer()],
            partial(self._stopped, (draft,), now, limits),
        )
        return sent

    def review_amend(
        self,
        order: OwnOrder,
        now: MarketContext,
        change: AmendedTerms,
        limits: Limits | None = None,
    ) -> OrderReview:
        """Return the order as the change would leave it, with every reason against that."""
        return amends.review(order, self._completed(now), change, limits or self.limits)

    # --- cancelling ------------------------------------------------------------------------

    async def cancel(
        self, *, txid: str | None = None, cl_ord_id: str | None = None
    ) -> CancelOutcome:
        """Cancel an order, also one whose outcome is not known.

        A cancelled order proves that it was placed; none cancelled proves nothing.

        Args:
            txid: The exchange's id of the order.
            cl_ord_id: The client's id, in place of `txid`.
        """
        outcome = await self._cancels.one(txid=txid, cl_ord_id=cl_ord_id)
        entry = self.outbox.order(txid=txid, cl_ord_id=cl_ord_id)
        if outcome.count and entry is not None and entry.state is OrderState.UNKNOWN:
            self._dispatch.learn(
                entry, OrderState.ACKNOWLEDGED, "it was placed: its cancel was taken"
            )
        return outcome

    async def cancel_pair(self, symbol: str, side: Side | None = None) -> CancelOutcome:
        """Cancel all orders of a pair, or of one side of it, also those not shown as open yet.

        While the account's stream is down, the exchange is asked which are open.
        """
        return await self._cancels.pair(symbol, side)

    async def cancel_own(self) -> CancelOutcome:
        """Cancel all open orders that this outbox has sent, on all pairs, and no others."""
        return await self._cancels.own()

    async def cancel_all(self) -> CancelOutcome:
        """Cancel every order of the account, on all pairs, whoever placed it."""
        return await self._cancels.everything()

    # --- learning --------------------------------------------------------------------------

    def apply(self, event: Executions | Status) -> None:
        """Take a message of the account's stream: the first and best evidence of every outcome.

        A status of the exchange says whether it takes orders.
        """
        if isinstance(event, Status):
            self.maintenance = self.maintenance or MaintenanceTracker()
            self.maintenance.apply(event)
            return
        self._reports.apply(event)

    # --- shared ----------------------------------------------------------------------------

    def _completed(self, now: MarketContext) -> MarketContext:
        """Return the context with what the manager itself knows."""
        at, symbol = self._client.exchange_clock.now(), now.instrument.symbol
        return msgspec.structs.replace(
            now,
            at=at,
            available=self._facts.free_funds() if now.available is None else now.available,
            fees=now.fees or self._facts.fees.get(symbol),
            rate_room=self.engine.room(symbol, self._steady()),
            open_room=self.engine.tier.open_orders - len(self.working.of(symbol)),
            pending=tuple(self.outbox.pending()),
            maintenance=now.maintenance
            or (self.maintenance.effect(at) if self.maintenance else None),
        )

    def _stopped(self, drafts: Sequence[Draft], now: MarketContext, limits: Limits | None) -> str:
        """Return why the exchange takes one of these orders no more; empty when it takes all."""
        now, limits = self._completed(now), limits or self.limits
        found = (maintenance.refusal(draft, now, limits) for draft in drafts)
        return next((failed.sentence for failed in found if failed), "")

    def _pair(self, symbol: str) -> str:
        return self._facts.pairs.get(symbol, symbol)

    def _age_ns(self, order: OwnOrder) -> int:
        return max(0, self._clock() - order.touched)

    def rate(self, symbol: str) -> tuple[Decimal, Decimal]:
        """Return a pair's rate counter, and what adds and amends may still spend of it."""
        now = self._steady()
        return self.engine.count(symbol, now), self.engine.room(symbol, now)

    def cost_of_amend(self, order: OwnOrder) -> Decimal:
        """Return what an amend of this order would add to the rate counter of its pair now."""
        return cost_of_amend(self._age_ns(order))

    def cost_of_cancel(self, order: OwnOrder) -> Decimal:
        """Return what a cancel of this order would add to the rate counter of its pair now."""
        return cost_of_cancel(self._age_ns(order))
