"""The trading desk: checks an order, writes it down, sends it once, and learns how it ended.

`Desk` joins the REST client, the outbox and its file, and the account's stream. An order
goes out only after its line is on the disk, and at most once. Cancels reduce risk:
they pass no checks and are repeated when their answer is lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import msgspec

from kracked.actions import preview, reconcile
from kracked.actions.cancels import CancelOutcome, Cancels
from kracked.actions.checks import refusals
from kracked.actions.draft import TRIGGERED, Draft, rounded, to_order
from kracked.actions.ids import ClientIds
from kracked.actions.journal import Journal
from kracked.actions.outbox import Entry, Kind, Moved, Outbox, Prepared
from kracked.actions.settling import Settler
from kracked.actions.situation import Check, Limits, Refusal, Situation
from kracked.actions.states import State
from kracked.actions.working import WorkingOrder, WorkingOrders
from kracked.errors import ConfigError
from kracked.protocol.events import Executions, Side
from kracked.protocol.limits import cost_of_add, cost_of_amend, cost_of_cancel
from kracked.rest.bodies import fields
from kracked.rest.caller import Pace
from kracked.rest.client import RestClient
from kracked.rest.limiter import EngineLimiter
from kracked.rest.orders import TRAILING, Added, Amend, OrderRef, OrderType
from kracked.rest.replies import OutcomeUnknown, Refused
from kracked.rest.transport import NotSent


class Declined(msgspec.Struct, frozen=True):
    """Not sent, for these reasons."""

    refusals: tuple[Refusal, ...]

    @property
    def sentence(self) -> str:
        return self.refusals[0].sentence


class Review(msgspec.Struct, frozen=True):
    """An order as it would be sent, in words, and what speaks against it."""

    draft: Draft
    words: str
    refusals: tuple[Refusal, ...]


class Desk:
    """Places, amends and cancels. One per key; make it with `open_desk`.

    Run `settler.run()` beside it, and hand it every `Executions` event.
    """

    def __init__(
        self,
        client: RestClient,
        outbox: Outbox,
        *,
        sync: Callable[[], Awaitable[None]],
        engine: EngineLimiter | None = None,
        limits: Limits | None = None,
        pairs: Mapping[str, str] | None = None,
        ids: ClientIds | None = None,
        pace: Pace | None = None,
    ) -> None:
        """`sync` returns when all records are on the disk; `pairs` names symbols to REST."""
        self.outbox, self.working = outbox, WorkingOrders()
        self.engine, self.limits = engine or EngineLimiter(), limits or Limits()
        pace = pace or Pace()
        self._client, self._sync, self._clock = client, sync, pace.clock
        self._ids, self._pairs = ids or ClientIds(pace.clock), pairs or {}
        self.settler = Settler(client, outbox, clock=pace.clock)
        self._cancels = Cancels(client, self.working, outbox, self.engine, pace)

    # --- placing ---------------------------------------------------------------------------

    def review(self, draft: Draft, now: Situation, limits: Limits | None = None) -> Review:
        """The rounded order in words, with its cost and fee, and every reason against it.

        `limits` in place of the desk's own, for an order that is meant to go beyond them.
        """
        final, now = rounded(draft, now.instrument), self._completed(now)
        against = refusals(final, now, limits or self.limits)
        return Review(final, preview.preview(final, now), against)

    async def place(
        self, draft: Draft, now: Situation, limits: Limits | None = None
    ) -> Entry | Declined:
        """Sends the order unless a check speaks against it. UNKNOWN entries settle by themselves.

        Raises `JournalFull` when it could not be written down; it was not sent then.
        """
        review = self.review(draft, now, limits)
        if review.refusals:
            return Declined(review.refusals)
        order = to_order(review.draft, now.instrument, self._ids.fresh())
        assert order.cl_ord_id is not None
        entry = self._prepare(Kind.ADD, order.cl_ord_id, draft.symbol, order.members())
        await self._announced(entry, cost_of_add())
        call = self._client.add_order(order, self._pair(draft.symbol), deadline=entry.deadline)
        return await self._deliver(entry, call)

    async def validate(self, draft: Draft, now: Situation) -> Added:
        """Asks the exchange to check the order's form, and to do nothing. Raises `Refused`.

        It does not look at funds.
        """
        order = to_order(rounded(draft, now.instrument), now.instrument, None)
        return await self._client.add_order(order, self._pair(draft.symbol), validate=True)

    # --- amending --------------------------------------------------------------------------

    async def amend(
        self,
        order: WorkingOrder,
        now: Situation,
        *,
        qty: int | None = None,
        price: int | None = None,
    ) -> Entry | Declined:
        """Changes quantity (the new total) or price of a working order, checked like a new one.

        The price is the limit, or the trigger of an order without a limit.
        """
        now = self._completed(now)
        if problem := _not_amendable(order, now):
            return Declined((Refusal(Check.FORM, problem),))
        draft = rounded(_amended(order, now, qty, price), now.instrument)
        against = self._against_amending(order, draft, now)
        if against:
            return Declined(against)
        change = _change(order, draft, now, qty=qty, price=price)
        id_ = self._ids.fresh()
        entry = self._prepare(Kind.AMEND, id_, draft.symbol, fields(change), order.order_id)
        await self._announced(entry, cost_of_amend(self._age_ns(order)))
        target = OrderRef(txid=order.order_id)
        call = self._client.amend_order(target, change, deadline=entry.deadline)
        return await self._deliver(entry, call)

    def _against_amending(
        self, order: WorkingOrder, draft: Draft, now: Situation
    ) -> tuple[Refusal, ...]:
        if any(entry.target == order.order_id for entry in now.pending):
            sentence = "The last amend of this order is not settled; wait for it."
            return (Refusal(Check.DUPLICATE, sentence),)
        # Its funds are held already, and it may well look like itself.
        freed = msgspec.structs.replace(now, available=None, open_room=None)
        limits = msgspec.structs.replace(self.limits, allow_duplicate=True)
        return refusals(draft, freed, limits)

    # --- cancelling ------------------------------------------------------------------------

    async def cancel(
        self, *, txid: str | None = None, cl_ord_id: str | None = None
    ) -> CancelOutcome:
        """One order, by the exchange's id or by ours; also one of unknown outcome.

        That one was cancelled proves that it was placed; that none was proves nothing.
        """
        outcome = await self._cancels.one(txid=txid, cl_ord_id=cl_ord_id)
        entry = self.outbox.order(txid=txid, cl_ord_id=cl_ord_id)
        if outcome.count and entry is not None and entry.state is State.UNKNOWN:
            self._learn_state(entry, State.ACKNOWLEDGED, "it was placed: its cancel was taken")
        return outcome

    async def cancel_pair(self, symbol: str, side: Side | None = None) -> CancelOutcome:
        """All orders of the pair (of one side), also those not yet known to rest."""
        return await self._cancels.pair(symbol, side)

    async def cancel_all(self) -> CancelOutcome:
        """Every order of the account, on all pairs, whoever placed it."""
        return await self._cancels.everything()

    # --- learning --------------------------------------------------------------------------

    def apply(self, event: Executions) -> None:
        """Takes what the account's stream says; first and best evidence of every outcome."""
        self.working.apply(event)
        now = self._clock()
        for report in event.reports:
            self._learn(report, now)
        if event.snapshot:
            self._doubt_the_missing()

    def _learn(self, report: Mapping[str, object], now: int) -> None:
        txid, id_ = report.get("order_id"), report.get("cl_ord_id")
        entry = self.outbox.order(
            txid=txid if isinstance(txid, str) else None,
            cl_ord_id=id_ if isinstance(id_, str) else None,
        )
        news = reconcile.of_report(entry, report, now) if entry else None
        if entry and news:
            self.outbox.learn(news)
            self.settler.trust(entry)
        for amend in self.outbox.pending():
            if amend.target is not None and amend.target == txid:
                news = reconcile.of_amend_report(amend, report, now)
                if news:
                    self.outbox.learn(news)

    def _doubt_the_missing(self) -> None:
        """What a fresh snapshot does not show may have ended while the stream was away."""
        shown = {order.cl_ord_id for order in self.working}
        for entry in self.outbox.pending():
            if entry.id not in shown and entry.txid not in self.working:
                self.settler.doubt(entry)

    # --- sending ---------------------------------------------------------------------------

    def _prepare(
        self,
        kind: Kind,
        id_: str,
        symbol: str,
        members: Mapping[str, object],
        target: str | None = None,
    ) -> Entry:
        now = self._clock()
        return self.outbox.prepare(
            Prepared(
                at=now,
                id=id_,
                kind=kind,
                symbol=symbol,
                deadline=now + self.limits.deadline_ns,
                request={name: str(value) for name, value in members.items()},
                target=target,
            )
        )

    async def _announced(self, entry: Entry, cost: Decimal) -> None:
        """The line is on the disk and the sending claimed when this returns."""
        self.engine.spend(entry.symbol, cost, self._clock())
        try:
            await self._sync()
        except BaseException:
            reason = "it could not be written down, and was not sent"
            self._learn_state(entry, State.REFUSED, reason)
            raise
        self.outbox.send(entry.id, self._clock())

    async def _deliver(self, entry: Entry, call: Awaitable[object]) -> Entry:
        try:
            reply = await call
        except Refused as refused:
            return self._refused(entry, refused)
        except (NotSent, ConfigError) as error:
            return self._learn_state(entry, State.REFUSED, f"not sent: {error}")
        except OutcomeUnknown as error:
            return self._doubtful(entry, error.reason)
        except BaseException:
            # Cancelled, or a defect: the request may be on its way all the same.
            self._doubtful(entry, "the program stopped waiting for the answer")
            raise
        txid = reply.txid[0] if isinstance(reply, Added) and reply.txid else None
        return self._learn_state(entry, State.ACKNOWLEDGED, txid=txid)

    def _refused(self, entry: Entry, refused: Refused) -> Entry:
        if refused.error == "EOrder:Rate limit exceeded":
            self.engine.exceeded(entry.symbol, self._clock())
        if "cl_ord_id not unique" in refused.error:
            # The id is fresh: only this very request, arrived before, can have taken it.
            return self._doubtful(entry, refused.error)
        return self._learn_state(entry, State.REFUSED, refused.error)

    def _doubtful(self, entry: Entry, reason: str) -> Entry:
        learnt = self._learn_state(entry, State.UNKNOWN, reason)
        self.settler.wake()
        return learnt

    def _learn_state(
        self, entry: Entry, state: State, reason: str = "", txid: str | None = None
    ) -> Entry:
        now = self._clock()
        return self.outbox.learn(Moved(at=now, id=entry.id, state=state, reason=reason, txid=txid))

    # --- shared ----------------------------------------------------------------------------

    def _completed(self, now: Situation) -> Situation:
        """The situation with what the desk itself knows."""
        at, symbol = self._clock(), now.instrument.symbol
        return msgspec.structs.replace(
            now,
            at=at,
            rate_room=self.engine.room(symbol, at),
            open_room=self.engine.tier.open_orders - len(self.working.of(symbol)),
            pending=tuple(self.outbox.pending()),
        )

    def _pair(self, symbol: str) -> str:
        return self._pairs.get(symbol, symbol)

    def _age_ns(self, order: WorkingOrder) -> int:
        return max(0, self._clock() - order.touched)

    def cost_of_amend(self, order: WorkingOrder) -> Decimal:
        """What amending it now adds to the rate counter of its pair."""
        return cost_of_amend(self._age_ns(order))

    def cost_of_cancel(self, order: WorkingOrder) -> Decimal:
        """What cancelling it now adds to the rate counter of its pair."""
        return cost_of_cancel(self._age_ns(order))


def _not_amendable(order: WorkingOrder, now: Situation) -> str | None:
    if order.symbol != now.instrument.symbol or not order.order_type or order.side is None:
        return "The stream has not described this order yet; wait for its snapshot."
    if order.order_type in TRAILING:
        return "A trailing order follows the market by itself; cancel it and place another."
    return None


def _amended(order: WorkingOrder, now: Situation, qty: int | None, price: int | None) -> Draft:
    """The order as it would be after the change."""
    kind = OrderType(order.order_type)
    precision = now.instrument.precision
    limit, trigger = (
        None if it is None else int(it.scaleb(precision.price))
        for it in (order.limit_price, order.trigger_price)
    )
    two_prices = kind in TRIGGERED and order.limit_price is not None
    changed = price if price is not None else (trigger if limit is None else limit)
    return Draft(
        symbol=order.symbol,
        side=order.side or Side.BID,
        qty=qty if qty is not None else int(order.order_qty.scaleb(precision.qty)),
        order_type=kind,
        price=trigger if two_prices else changed,
        price2=changed if two_prices else None,
        post_only=order.post_only,
    )


def _change(
    order: WorkingOrder, draft: Draft, now: Situation, *, qty: int | None, price: int | None
) -> Amend:
    precision = now.instrument.precision
    value = draft.price if draft.price2 is None else draft.price2
    moved = None if price is None or value is None else precision.price_decimal(value)
    limited = order.limit_price is not None
    return Amend(
        order_qty=None if qty is None else precision.qty_decimal(draft.qty),
        limit_price=moved if limited else None,
        trigger_price=None if limited else moved,
        post_only=order.post_only and price is not None,
    )


@contextmanager
def open_desk(
    client: RestClient,
    path: Path,
    *,
    engine: EngineLimiter | None = None,
    limits: Limits | None = None,
    pairs: Mapping[str, str] | None = None,
    pace: Pace | None = None,
) -> Iterator[Desk]:
    """A desk whose outbox is the file at `path`; what an earlier run left open is taken up.

    Raises `JournalInUse` or `DamagedJournal`.
    """
    with Journal(path) as journal:
        outbox = Outbox(journal.append, journal.read())
        outbox.recover((pace or Pace()).clock())
        desk = Desk(
            client,
            outbox,
            sync=lambda: asyncio.to_thread(journal.sync),
            engine=engine,
            limits=limits,
            pairs=pairs,
            pace=pace,
        )
        for entry in outbox.pending():
            desk.settler.doubt(entry)
        yield desk
