"""The trading desk: checks an order, writes it down, sends it once, and learns how it ended.

`OrderManager` joins the REST client, the outbox and its file, and the account's stream. An order
goes out only after its line is on the disk, and at most once. Cancels reduce risk:
they pass no checks and are repeated when their answer is lost.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial

import msgspec

from kracked.errors import RecordError
from kracked.feed.account import Account
from kracked.orders import amends, preview, reconcile_rules
from kracked.orders.amends import AmendedTerms
from kracked.orders.cancels import CancelOutcome, Cancels
from kracked.orders.dispatch import ActionAnswer, Dispatch
from kracked.orders.draft import Draft, rounded, to_order
from kracked.orders.outbox.client_ids import ClientIds
from kracked.orders.outbox.order_states import OrderState
from kracked.orders.outbox.outbox import ActionKind, Outbox, OutboxEntry
from kracked.orders.reconciler import Reconciler
from kracked.orders.rules import batch_checks, funds
from kracked.orders.rules.fees import Fees
from kracked.orders.rules.market_context import Check, FailedCheck, Limits, MarketContext
from kracked.orders.rules.order_checks import refusals
from kracked.protocol.events import Executions, Side
from kracked.protocol.limits import (
    cost_of_add,
    cost_of_amend,
    cost_of_batch_add,
    cost_of_cancel,
)
from kracked.protocol.own_orders import OwnOrder, OwnOrders
from kracked.rest.client import RestClient
from kracked.rest.encoding import fields
from kracked.rest.limiter import EngineLimiter
from kracked.rest.orders import Added, AddOrder, BatchReply, OrderRef
from kracked.rest.request_executor import RequestTiming


class OrderDeclined(msgspec.Struct, frozen=True):
    """Not sent, for these reasons."""

    refusals: tuple[FailedCheck, ...]

    @property
    def sentence(self) -> str:
        return self.refusals[0].sentence


class OrderReview(msgspec.Struct, frozen=True):
    """An order as it would be sent, in words, and what speaks against it."""

    draft: Draft
    words: str
    refusals: tuple[FailedCheck, ...]
    remarks: tuple[str, ...] = ()
    """What could not be checked, in sentences; it does not block the order."""


class BatchReview(msgspec.Struct, frozen=True):
    """Several orders as they would be sent together."""

    reviews: tuple[OrderReview, ...]
    refusals: tuple[FailedCheck, ...]
    """What speaks against any of them, and against all together."""


class AccountFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the account besides its orders; the mappings may be filled in later."""

    account: Account | None = None
    """The account as its streams tell it."""
    pairs: Mapping[str, str] = {}
    """REST's names of symbols."""
    fees: Mapping[str, Fees] = {}
    """What the account pays, by symbol."""

    def free_funds(self) -> dict[str, Decimal] | None:
        """Return what new orders may use, by asset; None while balances are not known."""
        account = self.account
        if account is None or not account.balances_known:
            return None
        return funds.free_funds(account.balances, account.orders.values(), self.fees.values())


class OrderManager:
    """Places, amends and cancels. One per key; make it with `open_order_manager`.

    Run `reconciler.run()` beside it, and hand it every `Executions` event.
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
        """Make a manager; `open_order_manager` explains the arguments it shares.

        `sync` returns when all records are on the disk.
        """
        self.outbox, self.working = outbox, OwnOrders()
        self.engine, self.limits = engine or EngineLimiter(), limits or Limits()
        timing = timing or RequestTiming()
        self._client, self._clock, self._steady = client, timing.clock, timing.steady()
        self._ids, self._facts = ids or ClientIds(timing.clock), facts or AccountFacts()
        self.reconciler = Reconciler(client, outbox, timing=timing)
        self._cancels = Cancels(client, self.working, outbox, self.engine, timing)
        self._dispatch = Dispatch(
            outbox, self.working, self.engine, self.reconciler, sync=sync, timing=timing
        )

    # --- placing ---------------------------------------------------------------------------

    def review(self, draft: Draft, now: MarketContext, limits: Limits | None = None) -> OrderReview:
        """The rounded order in words, with its cost and fee, and every reason against it.

        `limits` in place of the desk's own, for an order that is meant to go beyond them.
        """
        final, now = rounded(draft, now.instrument), self._completed(now)
        against = refusals(final, now, limits or self.limits)
        return OrderReview(final, preview.preview(final, now), against, funds.unchecked(final, now))

    def review_batch(
        self, drafts: Sequence[Draft], now: MarketContext, limits: Limits | None = None
    ) -> BatchReview:
        """Each order as `review` shows it, and what speaks against them together."""
        reviews = tuple(self.review(draft, now, limits) for draft in drafts)
        final = tuple(review.draft for review in reviews)
        together = batch_checks.refusals(final, self._completed(now), limits or self.limits)
        each = tuple(refusal for review in reviews for refusal in review.refusals)
        return BatchReview(reviews, together + each)

    async def place(
        self, draft: Draft, now: MarketContext, limits: Limits | None = None
    ) -> OutboxEntry | OrderDeclined:
        """Sends the order unless a check speaks against it. UNKNOWN entries settle by themselves.

        Raises `JournalFull` when it could not be written down; it was not sent then.
        """
        review = self.review(draft, now, limits)
        if review.refusals:
            return OrderDeclined(review.refusals)
        order, entry = self._written(review.draft, now, limits)
        pair, deadline = self._pair(draft.symbol), entry.deadline
        call = partial(self._client.add_order, order, pair, deadline=deadline)
        (placed,) = await self._dispatch.send(
            [entry],
            cost_of_add(),
            call,
            lambda reply: [ActionAnswer(reply.txid[0] if reply.txid else None)],
        )
        return placed

    async def place_batch(
        self, drafts: Sequence[Draft], now: MarketContext, limits: Limits | None = None
    ) -> tuple[OutboxEntry, ...] | OrderDeclined:
        """Sends 2 to 15 orders of one pair in one request, unless a check speaks against any.

        The exchange may refuse some and take the others: each entry tells its own end.
        When the answer is lost all are UNKNOWN, and each settles by itself.
        """
        review = self.review_batch(drafts, now, limits)
        if review.refusals:
            return OrderDeclined(review.refusals)
        written = self._all_written([each.draft for each in review.reviews], now, limits)
        entries = [entry for _, entry in written]
        call = partial(
            self._client.add_order_batch,
            [order for order, _ in written],
            self._pair(drafts[0].symbol),
            deadline=min(entry.deadline for entry in entries),
        )
        return await self._dispatch.send(
            entries,
            cost_of_batch_add(len(entries)),
            call,
            lambda reply: [ActionAnswer(order.txid, order.error) for order in reply.orders],
        )

    async def validate(self, draft: Draft, now: MarketContext) -> Added:
        """Asks the exchange to check the order's form, and to do nothing. Raises `Refused`.

        It does not look at funds.
        """
        order = to_order(rounded(draft, now.instrument), now.instrument, None)
        return await self._client.add_order(order, self._pair(draft.symbol), validate=True)

    async def validate_batch(self, drafts: Sequence[Draft], now: MarketContext) -> BatchReply:
        """The same for a batch; one order of wrong form refuses all."""
        orders = [
            to_order(rounded(draft, now.instrument), now.instrument, None) for draft in drafts
        ]
        pair = self._pair(now.instrument.symbol)
        return await self._client.add_order_batch(orders, pair, validate=True)

    def _written(
        self, draft: Draft, now: MarketContext, limits: Limits | None
    ) -> tuple[AddOrder, OutboxEntry]:
        """The request under a fresh id, and its line in the outbox."""
        id_ = self._ids.fresh()
        order = to_order(draft, now.instrument, id_)
        deadline_ns = (limits or self.limits).deadline_ns
        entry = self._dispatch.prepare(
            ActionKind.ADD, id_, draft.symbol, order.flat(), deadline_ns=deadline_ns
        )
        return order, entry

    def _all_written(
        self, drafts: Sequence[Draft], now: MarketContext, limits: Limits | None
    ) -> list[tuple[AddOrder, OutboxEntry]]:
        """All of a batch, or none: what was written before the disk was full is given up."""
        written: list[tuple[AddOrder, OutboxEntry]] = []
        try:
            written.extend(self._written(draft, now, limits) for draft in drafts)
        except RecordError:
            self._dispatch.give_up([entry for _, entry in written])
            raise
        return written

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
        """Amend a working order, checked like a new one; None leaves a term as it is."""
        change = AmendedTerms(
            qty=qty, price=price, trigger_price=trigger_price, display_qty=display_qty
        )
        limits = limits or self.limits
        review = self.review_amend(order, now, change, limits)
        if review.refusals:
            return OrderDeclined(review.refusals)
        draft, now = review.draft, self._completed(now)
        wanted = amends.request(order, draft, now, change)
        entry = self._dispatch.prepare(
            ActionKind.AMEND,
            self._ids.fresh(),
            draft.symbol,
            fields(wanted),
            deadline_ns=limits.deadline_ns,
            target=order.order_id,
        )
        target, deadline = OrderRef(txid=order.order_id), entry.deadline
        call = partial(self._client.amend_order, target, wanted, deadline=deadline)
        (sent,) = await self._dispatch.send(
            [entry], self.cost_of_amend(order), call, lambda _: [ActionAnswer()]
        )
        return sent

    def review_amend(
        self,
        order: OwnOrder,
        now: MarketContext,
        change: AmendedTerms,
        limits: Limits | None = None,
    ) -> OrderReview:
        """The order as the change would leave it, and every reason against that."""
        now = self._completed(now)
        problem = amends.not_amendable(order, now.instrument.symbol)
        if any(entry.target == order.order_id for entry in now.pending):
            problem = "The last amend of this order is not settled; wait for it."
        if problem:
            nothing = Draft(symbol=order.symbol, side=order.side or Side.BID, qty=0)
            return OrderReview(nothing, "", (FailedCheck(Check.FORM, problem),))
        draft = rounded(amends.amended(order, now, change), now.instrument)
        against = self._against_amending(order, draft, now, limits or self.limits)
        return OrderReview(draft, preview.preview(draft, now), against)

    def _against_amending(
        self, order: OwnOrder, draft: Draft, now: MarketContext, limits: Limits
    ) -> tuple[FailedCheck, ...]:
        # Its funds are held already, it counts as open already, and it may well look like itself.
        freed = msgspec.structs.replace(now, available=None, open_room=None)
        limits = msgspec.structs.replace(limits, allow_duplicate=True)
        against = [it for it in refusals(draft, freed, limits) if it.check is not Check.DISPLAY]
        more = (amends.leaves_some(order, draft, now), amends.shows_enough(order, draft, now))
        return (*against, *(refusal for refusal in more if refusal))

    # --- cancelling ------------------------------------------------------------------------

    async def cancel(
        self, *, txid: str | None = None, cl_ord_id: str | None = None
    ) -> CancelOutcome:
        """One order, by the exchange's id or by ours; also one of unknown outcome.

        That one was cancelled proves that it was placed; that none was proves nothing.
        """
        outcome = await self._cancels.one(txid=txid, cl_ord_id=cl_ord_id)
        entry = self.outbox.order(txid=txid, cl_ord_id=cl_ord_id)
        if outcome.count and entry is not None and entry.state is OrderState.UNKNOWN:
            self._dispatch.learn(
                entry, OrderState.ACKNOWLEDGED, "it was placed: its cancel was taken"
            )
        return outcome

    async def cancel_pair(self, symbol: str, side: Side | None = None) -> CancelOutcome:
        """All orders of the pair (of one side), also those not yet known to rest."""
        return await self._cancels.pair(symbol, side)

    async def cancel_own(self) -> CancelOutcome:
        """All orders this outbox has sent and not seen end, on all pairs, and no others."""
        return await self._cancels.own()

    async def cancel_all(self) -> CancelOutcome:
        """Every order of the account, on all pairs, whoever placed it."""
        return await self._cancels.everything()

    # --- learning --------------------------------------------------------------------------

    def apply(self, event: Executions) -> None:
        """Takes what the account's stream says; first and best evidence of every outcome."""
        self.working.apply(event)
        now = self._clock()
        for report in event.reports:
            self._learn(report, now, snapshot=event.snapshot)
        if event.snapshot:
            # What it does not show may have ended while the stream was away.
            shown = {order.cl_ord_id for order in self.working}
            for entry in self.outbox.pending():
                if entry.id not in shown and entry.txid not in self.working:
                    self.reconciler.recheck(entry)

    def _learn(self, report: Mapping[str, object], now: int, *, snapshot: bool) -> None:
        txid, id_ = report.get("order_id"), report.get("cl_ord_id")
        entry = self.outbox.order(
            txid=txid if isinstance(txid, str) else None,
            cl_ord_id=id_ if isinstance(id_, str) else None,
        )
        news = reconcile_rules.from_report(entry, report, now, snapshot=snapshot) if entry else None
        if entry and news:
            self.outbox.learn(news)
            self.reconciler.confirm(entry)
        for amend in self.outbox.pending():
            if amend.target is not None and amend.target == txid:
                news = reconcile_rules.amend_from_report(amend, report, now)
                if news:
                    self.outbox.learn(news)

    # --- shared ----------------------------------------------------------------------------

    def _completed(self, now: MarketContext) -> MarketContext:
        """The situation with what the desk itself knows."""
        at, symbol = self._clock(), now.instrument.symbol
        return msgspec.structs.replace(
            now,
            at=at,
            available=self._facts.free_funds() if now.available is None else now.available,
            fees=now.fees or self._facts.fees.get(symbol),
            rate_room=self.rate(symbol)[1],
            open_room=self.engine.tier.open_orders - len(self.working.of(symbol)),
            pending=tuple(self.outbox.pending()),
        )

    def _pair(self, symbol: str) -> str:
        return self._facts.pairs.get(symbol, symbol)

    def _age_ns(self, order: OwnOrder) -> int:
        return max(0, self._clock() - order.touched)

    def rate(self, symbol: str) -> tuple[Decimal, Decimal]:
        """The pair's rate counter as it is now, and what adding and amending may still spend."""
        now = self._steady()
        return self.engine.count(symbol, now), self.engine.room(symbol, now)

    def cost_of_amend(self, order: OwnOrder) -> Decimal:
        """What amending it now adds to the rate counter of its pair."""
        return cost_of_amend(self._age_ns(order))

    def cost_of_cancel(self, order: OwnOrder) -> Decimal:
        """What cancelling it now adds to the rate counter of its pair."""
        return cost_of_cancel(self._age_ns(order))
