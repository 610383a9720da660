"""Writes actions down, sends each at most once, and enters what the answer says.

The order of the steps is the whole point: the line is on the disk, the sending is
claimed, the request goes out, the answer is entered. Whatever ends the program between
two of them leaves an entry that is looked up after the restart.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import TypeVar

import msgspec

from kracked.errors import ConfigError
from kracked.orders import reconcile_rules
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
from kracked.rest.replies import ErrorClass, OutcomeUnknown, Refused, classify
from kracked.rest.request_executor import RequestTiming
from kracked.rest.transport import NotSent

T = TypeVar("T")


_LATE = "EService:Deadline elapsed"
_UNWRITTEN = "it could not be written down, and was not sent"


class ActionAnswer(msgspec.Struct, frozen=True):
    """What the exchange said to one action of a request."""

    txid: str | None = None
    error: str | None = None


class Dispatch:
    """The one way out for whatever may place or change an order."""

    def __init__(
        self,
        outbox: Outbox,
        working: OwnOrders,
        engine: EngineLimiter,
        reconciler: Reconciler,
        *,
        sync: Callable[[], Awaitable[None]],
        timing: RequestTiming,
    ) -> None:
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
        """Enters a fresh action, its line handed to the operating system."""
        now = self._clock()
        return self._outbox.prepare(
            PreparedAction(
                at=now,
                id=id_,
                kind=kind,
                symbol=symbol,
                deadline=now + deadline_ns,
                request={name: str(value) for name, value in members.items()},
                target=target,
            )
        )

    async def send(
        self,
        entries: Sequence[OutboxEntry],
        cost: Decimal,
        call: Callable[[], Awaitable[T]],
        answers: Callable[[T], Sequence[ActionAnswer]],
    ) -> tuple[OutboxEntry, ...]:
        """The entries after the one request for them all was answered, refused or lost.

        `cost` is what it adds to the rate counter. Nothing is sent if a cancel withdrew
        any of them before. Raises `JournalFull`.
        """
        self._engine.spend(entries[0].symbol, cost, self._steady())
        await self._announce(entries)
        now_are = tuple(self._outbox[entry.id] for entry in entries)
        if any(entry.state is not OrderState.SENT for entry in now_are):
            return now_are
        return await self._deliver(now_are, call(), answers)

    async def _announce(self, entries: Sequence[OutboxEntry]) -> None:
        """All lines are on the disk and all sendings claimed when this returns, or all refused."""
        try:
            await self._sync()
            if any(self._outbox[entry.id].ended for entry in entries):
                self.give_up(entries, "withdrawn with the others of its batch")
                return
            for entry in entries:
                self._outbox.send(entry.id, self._clock())
        except AlreadySent:
            raise
        except BaseException:
            self.give_up(entries, _UNWRITTEN)
            raise

    def give_up(self, entries: Sequence[OutboxEntry], reason: str = _UNWRITTEN) -> None:
        """They were not sent, and never will be."""
        for entry in entries:
            self.learn(entry, OrderState.REFUSED, reason)

    async def _deliver(
        self,
        entries: Sequence[OutboxEntry],
        call: Awaitable[T],
        answers: Callable[[T], Sequence[ActionAnswer]],
    ) -> tuple[OutboxEntry, ...]:
        try:
            said = answers(await call)
        except Refused as refused:
            return tuple(self._refused(entry, refused.error, refused.kind) for entry in entries)
        except (NotSent, ConfigError) as error:
            reason = f"not sent: {error}"
            return tuple(self.learn(entry, OrderState.REFUSED, reason) for entry in entries)
        except OutcomeUnknown as error:
            return tuple(self._doubt(entry, error.reason) for entry in entries)
        except BaseException:
            # Cancelled, or a defect: the request may be on its way all the same.
            for entry in entries:
                self._doubt(entry, "the program stopped waiting for the answer")
            raise
        if len(said) != len(entries):
            reason = f"the reply names {len(said)} orders of {len(entries)}"
            return tuple(self._doubt(entry, reason) for entry in entries)
        return tuple(map(self._answered, entries, said))

    def learn(
        self, entry: OutboxEntry, state: OrderState, reason: str = "", txid: str | None = None
    ) -> OutboxEntry:
        """Enters news that no report or look-up brought."""
        now = self._clock()
        return self._outbox.learn(
            StateChange(at=now, id=entry.id, state=state, reason=reason, txid=txid)
        )

    def _answered(self, entry: OutboxEntry, said: ActionAnswer) -> OutboxEntry:
        if said.error is not None and said.txid is not None:
            return self._doubt(entry, f"the reply names both {said.txid} and {said.error}")
        if said.error is not None:
            return self._refused(entry, said.error, classify(said.error))
        if entry.kind is ActionKind.AMEND:
            return self.learn(entry, OrderState.ACKNOWLEDGED)
        if said.txid is None:
            return self._doubt(entry, "the reply names no order")
        learnt = self.learn(entry, OrderState.ACKNOWLEDGED, txid=said.txid)
        # The stream may have told its whole life before the answer came.
        order = self._working.open.get(said.txid) or self._working.closed.get(said.txid)
        news = reconcile_rules.from_order(entry, order, self._clock()) if order else None
        return self._outbox.learn(news) if news else learnt

    def _refused(self, entry: OutboxEntry, error: str, kind: ErrorClass) -> OutboxEntry:
        if error.startswith("EOrder:Rate limit exceeded"):
            self._engine.exceeded(entry.symbol, self._steady())
        # A taken id proves an earlier arrival: it is fresh, so only this very request took it.
        if kind is ErrorClass.UNKNOWN_OUTCOME or "cl_ord_id not unique" in error:
            return self._doubt(entry, error)
        return self.learn(entry, OrderState.REFUSED, error)

    def _doubt(self, entry: OutboxEntry, reason: str) -> OutboxEntry:
        if reason.startswith(_LATE):
            reason += "; if it was sent in time, this computer's clock is slow"
        learnt = self.learn(entry, OrderState.UNKNOWN, reason)
        self._reconciler.wake()
        return learnt
