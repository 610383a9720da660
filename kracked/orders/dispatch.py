"""Records actions, sends each at most once, and records the answer.

The order of the steps must not change: the line is on the disk, the sending is claimed, the
request goes out, the answer is recorded. If the program ends between two of them, the entry
is looked up after the restart.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import TypeVar

import msgspec

from kracked.errors import ConfigError, RecordError
from kracked.instruments import Instrument
from kracked.orders import reconcile_rules
from kracked.orders.draft import Draft, to_order
from kracked.orders.outbox.client_ids import ClientIds
from kracked.orders.outbox.order_states import OrderState
from kracked.orders.outbox.outbox import (
    ActionKind,
    AlreadySent,
    Outbox,
    OutboxEntry,
    PreparedAction,
    StateChange,
)
from kracked.orders.reconciler import Reconciler
from kracked.protocol.own_orders import OwnOrders
from kracked.rest.limiter import EngineLimiter
from kracked.rest.orders import AddOrder
from kracked.rest.replies import OutcomeUnknown, Refused, proves_nothing_happened
from kracked.rest.request_executor import RequestTiming
from kracked.rest.transport import NotSent

T = TypeVar("T")


_LATE = "EService:Deadline elapsed"
_BAD_DEADLINE = "EGeneral:Invalid arguments:deadline"
_UNWRITTEN = "it could not be recorded, and was not sent"


class ActionAnswer(msgspec.Struct, frozen=True):
    """The exchange's answer to one action of a request."""

    txid: str | None = None
    """The order's id at the exchange, if the order was accepted."""
    error: str | None = None
    """The exchange's refusal."""


class Dispatch:
    """The only way to send a request that may place or change an order.

    Args:
        outbox: Owner of the entries.
        working: The orders as the account's stream shows them.
        engine: The rate counters.
        reconciler: Looks up what stays unknown.
        sync: Returns when all records are on the disk.
        timing: Clocks.
        exchange_now: Returns the exchange's time, by which it measures deadlines.
    """

    def __init__(
        self,
        outbox: Outbox,
        working: OwnOrders,
        engine: EngineLimiter,
        reconciler: Reconciler,
        *,
        sync: Callable[[], Awaitable[None]],
        timing: RequestTiming,
        exchange_now: Callable[[], int],
    ) -> None:
        self._exchange_now = exchange_now
        self._outbox, self._working, self._engine = outbox, working, engine
        self._reconciler, self._sync = reconciler, sync
        self._clock, self._steady = timing.clock, timing.steady()

    def prepare(
        self,
        kind: ActionKind,
        id_: str,
        symbol: str,
        members: Mapping[str, object],
        *,
        deadline_ns: int,
        target: str | None = None,
    ) -> OutboxEntry:
        """Record a fresh action; its line is with the operating system, not yet on the disk.

        Args:
            kind: Whether it places or amends.
            id_: The client order id, or the id of the amend.
            symbol: The pair.
            members: The request, by the exchange's names.
            deadline_ns: Time from now after which the exchange refuses it.
            target: The order that an amend is about, by the exchange's id.

        Raises:
            JournalFull: It could not be recorded.
        """
        now = self._clock()
        return self._outbox.prepare(
            PreparedAction(
                at=now,
                id=id_,
                kind=kind,
                symbol=symbol,
                deadline=self._exchange_now() + deadline_ns,
                request={name: str(value) for name, value in members.items()},
                target=target,
            )
        )

    def prepare_orders(
        self, drafts: Sequence[Draft], instrument: Instrument, ids: ClientIds, deadline_ns: int
    ) -> list[tuple[AddOrder, OutboxEntry]]:
        """Record all orders of a request under fresh ids, or none.

        Args:
            drafts: The orders, rounded.
            instrument: Their instrument.
            ids: Makes the client ids.
            deadline_ns: Time from now after which the exchange refuses them.

        Raises:
            JournalFull: One could not be recorded; the others are given up.
        """
        recorded: list[tuple[AddOrder, OutboxEntry]] = []
        try:
            for draft in drafts:
                id_ = ids.fresh()
                order = to_order(draft, instrument, id_)
                entry = self.prepare(
                    ActionKind.ADD, id_, draft.symbol, order.flat(), deadline_ns=deadline_ns
                )
                recorded.append((order, entry))
        except RecordError:
            self.give_up([entry for _, entry in recorded])
            raise
        return recorded

    async def send(
        self,
        entries: Sequence[OutboxEntry],
        cost: Decimal,
        call: Callable[[], Awaitable[T]],
        answers: Callable[[T], Sequence[ActionAnswer]],
        stopped: Callable[[], str],
    ) -> tuple[OutboxEntry, ...]:
        """Send one request for all entries and return them as its answer leaves them.

        Nothing is sent if a cancel has withdrawn any of them, or the exchange has meanwhile
        announced that it takes no orders.

        Args:
            entries: Entries that `prepare` returned.
            cost: What the request adds to the rate counter of their pair.
            call: Makes the request.
            answers: Returns the answer to each entry, in their order, from the reply.
            stopped: Returns why nothing may be sent any more; empty when it may.

        Raises:
            JournalFull: The lines are not on the disk, and nothing was sent.
        """
        self._engine.spend(entries[0].symbol, cost, self._steady())
        await self._claim(entries, stopped)
        current = tuple(self._outbox[entry.id] for entry in entries)
        if any(entry.state is not OrderState.SENT for entry in current):
            return current
        return await self._deliver(current, call(), answers)

    async def _claim(self, entries: Sequence[OutboxEntry], stopped: Callable[[], str]) -> None:
        """Put all lines on the disk and claim all sendings; or mark all entries as refused."""
        try:
            await self._sync()
            if any(self._outbox[entry.id].ended for entry in entries):
                self.give_up(entries, "withdrawn with the others of its batch")
                return
            if reason := stopped():
                self.give_up(entries, f"not sent: {reason}")
                return
            for entry in entries:
                self._outbox.send(entry.id, self._clock())
        except AlreadySent:
            raise
        except BaseException:
            self.give_up(entries, _UNWRITTEN)
            raise

    def give_up(self, entries: Sequence[OutboxEntry], reason: str = _UNWRITTEN) -> None:
        """Mark entries as refused: they were not sent, and never will be."""
        for entry in entries:
            self.learn(entry, OrderState.REFUSED, reason)

    async def _deliver(
        self,
        entries: Sequence[OutboxEntry],
        call: Awaitable[T],
        answers: Callable[[T], Sequence[ActionAnswer]],
    ) -> tuple[OutboxEntry, ...]:
        """Wait for the answer and record it for each entry."""
        try:
            replies = answers(await call)
        except Refused as refused:
            proven = refused.kind.nothing_happened
            return tuple(self._refused(entry, refused.error, proven=proven) for entry in entries)
        except (NotSent, ConfigError) as error:
            reason = f"not sent: {error}"
            return tuple(self.learn(entry, OrderState.REFUSED, reason) for entry in entries)
        except OutcomeUnknown as error:
            return tuple(self._mark_unknown(entry, error.reason) for entry in entries)
        except BaseException:
            # A cancellation or a defect: the request may be on its way all the same.
            for entry in entries:
                self._mark_unknown(entry, "the program stopped waiting for the answer")
            raise
        if len(replies) != len(entries):
            reason = f"the reply names {len(replies)} orders of {len(entries)}"
            return tuple(self._mark_unknown(entry, reason) for entry in entries)
        return tuple(map(self._answered, entries, replies))

    def learn(
        self, entry: OutboxEntry, state: OrderState, reason: str = "", txid: str | None = None
    ) -> OutboxEntry:
        """Record a change that came from no report and no look-up."""
        now = self._clock()
        return self._outbox.learn(
            StateChange(at=now, id=entry.id, state=state, reason=reason, txid=txid)
        )

    def _answered(self, entry: OutboxEntry, answer: ActionAnswer) -> OutboxEntry:
        txid, error = answer.txid, answer.error
        if error is not None and txid is not None:
            return self._mark_unknown(entry, f"the reply names both {txid} and {error}")
        if error is not None:
            return self._refused(entry, error, proven=proves_nothing_happened(error))
        if entry.kind is ActionKind.AMEND:
            return self.learn(entry, OrderState.ACKNOWLEDGED)
        if not txid:
            return self._mark_unknown(entry, "the reply names no order")
        known = self._outbox.order(txid=txid, cl_ord_id=None)
        if known is not None and known.id != entry.id:
            # A gateway has mixed up two answers, or sent one twice.
            return self._mark_unknown(entry, f"the reply names {txid}, an earlier order")
        acknowledged = self.learn(entry, OrderState.ACKNOWLEDGED, txid=txid)
        # The stream may have shown the whole life of the order before the answer came.
        order = self._working.open.get(txid) or self._working.closed.get(txid)
        change = reconcile_rules.from_order(entry, order, self._clock()) if order else None
        return self._outbox.learn(change) if change else acknowledged

    def _refused(self, entry: OutboxEntry, error: str, *, proven: bool) -> OutboxEntry:
        self._engine.heed(error, entry.symbol, self._steady())
        if error.startswith(_BAD_DEADLINE):
            self._reconciler.measure_clock()
        # A used id proves an earlier arrival: it is fresh, so only this request can have used it.
        if not proven or "cl_ord_id not unique" in error:
            return self._mark_unknown(entry, error)
        return self.learn(entry, OrderState.REFUSED, error)

    def _mark_unknown(self, entry: OutboxEntry, reason: str) -> OutboxEntry:
        """Record that the outcome is not known, and wake the reconciler."""
        if reason.startswith(_LATE):
            reason += "; if it was sent in time, this computer's clock is slow"
            self._reconciler.measure_clock()
        unknown = self.learn(entry, OrderState.UNKNOWN, reason)
        self._reconciler.wake()
        return unknown
