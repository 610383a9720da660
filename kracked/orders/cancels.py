"""Cancels: they only reduce risk, so they pass no checks and are repeated without an answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence, Set

import msgspec

from kracked.errors import KrackedError
from kracked.orders.outbox.order_states import OrderState
from kracked.orders.outbox.outbox import ActionKind, Outbox, OutboxEntry, StateChange
from kracked.protocol.events import Side
from kracked.protocol.limits import cost_of_cancel
from kracked.protocol.own_orders import OwnOrder, OwnOrders
from kracked.rest.client import RestClient
from kracked.rest.limiter import EngineLimiter
from kracked.rest.orders import Cancelled, OrderRef
from kracked.rest.replies import (
    DOMAIN_RATE,
    PAIR_RATE,
    ErrorClass,
    OutcomeUnknown,
    Refused,
    UnreadableReply,
    classify,
)
from kracked.rest.request_executor import RequestTiming
from kracked.rest.transport import NotSent

_BATCH = 50
_PAUSES_S = (0.2, 0.5, 1.0)
_DOUBTFUL = (OrderState.SENT, OrderState.UNKNOWN)
_LANDED = (OrderState.ACKNOWLEDGED, OrderState.LIVE)
_RATES = (PAIR_RATE, DOMAIN_RATE)
_NEVER_ISSUED = "EOrder:Invalid order"
_VERBS = {Side.BID: "buy", Side.ASK: "sell"}


Name = tuple[str, str | int]
"""`txid` with the exchange's id or a userref, or `cl_ord_id` with the client's id."""


class CancelOutcome(msgspec.Struct, frozen=True):
    """The outcome of a request to cancel; the executions channel has the last word."""

    count: int = 0
    """Orders cancelled."""
    pending: bool = False
    """Whether the exchange has accepted the cancel and still carries it out."""
    error: str = ""
    """The exchange's words, or why its answer is missing."""
    gone: bool = False
    """Whether the order was not open any more."""
    failed: bool = False
    """Whether an order that was to be cancelled may still be open: its cancel was refused or got
    no answer, or the order itself got no answer and may still arrive."""


class Cancels:
    """Cancels one order, the orders of a pair, or all orders, for the order manager."""

    def __init__(
        self,
        client: RestClient,
        working: OwnOrders,
        outbox: Outbox,
        engine: EngineLimiter,
        timing: RequestTiming,
        *,
        names: Callable[[str], frozenset[str]],
        all_known: Callable[[], bool],
    ) -> None:
        """
        Args:
            client: REST client with the account's key.
            working: The orders as the account's stream shows them.
            outbox: The orders that were sent from here.
            engine: The rate counters.
            timing: Clocks and sleep.
            names: Returns REST's names of a symbol.
            all_known: Whether `working` holds every open order of the account.
        """
        self._names, self._all_known = names, all_known
        self._client, self._working, self._outbox = client, working, outbox
        self._engine, self._timing, self._steady = engine, timing, timing.steady()

    async def one(self, *, txid: str | None, cl_ord_id: str | None) -> CancelOutcome:
        """Cancel one order, by the exchange's id or by the client's."""
        order = None if txid is None else self._working.open.get(txid)
        self._count([order] if order else [])
        entry = self._outbox.order(txid=txid, cl_ord_id=cl_ord_id)
        underway = self._withdraw([] if entry is None else [entry])
        ref = OrderRef(txid=txid, cl_ord_id=None if txid else cl_ord_id)
        if txid is None and entry is not None and entry.userref is not None:
            ref = OrderRef(txid=entry.userref)
        outcome = await self._repeated(lambda: self._client.cancel_order(ref))
        self._heed(outcome, order.symbol if order else "")
        return await self._chased(underway, outcome) if outcome.gone else outcome

    async def pair(self, symbol: str, side: Side | None) -> CancelOutcome:
        """Cancel all orders of a pair, or of one side of it.

        While the stream does not show every order, the exchange is asked for the others.
        """
        shown = [order for order in self._working.of(symbol) if side in (None, order.side)]
        unseen = self._unseen(shown, symbol, side)
        outcome = await self._these(shown, unseen)
        if not self._all_known():
            named = {order.order_id for order in shown} | {entry.txid for entry in unseen}
            outcome = _together([outcome, await self._looked_up(symbol, side, named)])
        self._heed(outcome, symbol)
        return outcome

    async def _looked_up(
        self, symbol: str, side: Side | None, named: Set[str | None]
    ) -> CancelOutcome:
        """Ask for all open orders, and cancel those of the pair that no cancel has named yet."""
        try:
            found = await self._client.orders_to_cancel()
        except KrackedError as error:
            words = f"the open orders of {symbol} are not known, and cannot be asked for: {error}"
            return CancelOutcome(error=words, failed=True)
        wanted = None if side is None else _VERBS[side]
        others: list[Name] = [
            ("txid", txid)
            for txid, terms in found.items()
            if txid not in named
            and terms.pair.replace("/", "") in self._names(symbol)
            and wanted in (None, terms.side)
        ]
        outcome = await self._all(others)
        if odd := sum(not terms.pair for terms in found.values()):
            words = f"{odd} open orders cannot be read and may be of {symbol}: cancel all pairs"
            return _together([outcome, CancelOutcome(error=words, failed=True)])
        return outcome

    async def own(self) -> CancelOutcome:
        """Cancel all orders of this outbox, on all pairs, and no others."""
        ours = self._outbox.order
        shown = [
            it for it in self._working if ours(txid=it.order_id, cl_ord_id=it.cl_ord_id) is not None
        ]
        outcome = await self._these(shown, self._unseen(shown))
        self._heed(outcome, *{order.symbol for order in shown})
        return outcome

    async def _these(
        self, shown: Sequence[OwnOrder], unseen: Sequence[OutboxEntry]
    ) -> CancelOutcome:
        self._count(shown)
        unseen = self._withdraw(unseen)
        names: list[Name] = [("txid", order.order_id) for order in shown]
        names += [_name(entry) for entry in unseen]
        outcome = await self._chased(unseen, await self._all(names))
        if outcome.count >= len(names):  # so the orders without an answer were open, too
            return msgspec.structs.replace(outcome, failed=False)
        return outcome

    async def everything(self) -> CancelOutcome:
        """Cancel every order of the account."""
        self._count(list(self._working))
        underway = self._withdraw(
            [it for it in self._outbox.pending() if it.kind is ActionKind.ADD]
        )
        outcome = await self._repeated(self._client.cancel_all)
        if _worth_trying_alone(outcome):
            names: list[Name] = [("txid", order.order_id) for order in self._working]
            outcome = _together([outcome, *[await self._some([name]) for name in names]])
        self._heed(outcome, *{order.symbol for order in self._working})
        return await self._chased(underway, outcome)

    def _withdraw(self, entries: Sequence[OutboxEntry]) -> list[OutboxEntry]:
        """Withdraw the orders that were not sent yet; return the others that may be open."""
        for entry in entries:
            if entry.state is OrderState.PREPARED:
                reason = "withdrawn: a cancel came before it went out"
                now = self._timing.clock()
                self._outbox.learn(
                    StateChange(at=now, id=entry.id, state=OrderState.REFUSED, reason=reason)
                )
        return [entry for entry in entries if not self._outbox[entry.id].ended]

    async def _chased(
        self, entries: Sequence[OutboxEntry], outcome: CancelOutcome
    ) -> CancelOutcome:
        """Cancel again the orders that were on their way: the cancel may have overtaken them."""
        underway = [entry.id for entry in entries if entry.state is OrderState.SENT]
        outcomes = [outcome]
        for pause_s in _PAUSES_S:
            if not underway:
                break
            await self._timing.sleep(pause_s)
            landed = [id_ for id_ in underway if self._outbox[id_].state in _LANDED]
            outcomes.append(await self._all([_name(self._outbox[id_]) for id_ in landed]))
            underway = [id_ for id_ in underway if self._outbox[id_].state is OrderState.SENT]
        outcome = _together(outcomes)
        doubtful = any(self._outbox[entry.id].state in _DOUBTFUL for entry in entries)
        return msgspec.structs.replace(outcome, failed=True) if doubtful else outcome

    def _count(self, orders: Sequence[OwnOrder]) -> None:
        now = self._timing.clock()
        for order in orders:
            cost = cost_of_cancel(max(0, now - order.touched))
            self._engine.spend(order.symbol, cost, self._steady())

    def _heed(self, outcome: CancelOutcome, *symbols: str) -> None:
        for symbol in symbols:
            self._engine.heed(outcome.error, symbol, self._steady())

    def _unseen(
        self, shown: Sequence[OwnOrder], symbol: str | None = None, side: Side | None = None
    ) -> list[OutboxEntry]:
        """Return the own orders that may be open and are not among the `shown` ones."""
        verb = None if side is None else _VERBS[side]
        known = {order.order_id for order in shown}
        return [
            entry
            for entry in self._outbox.pending()
            if entry.kind is ActionKind.ADD
            and symbol in (None, entry.symbol)
            and verb in (None, entry.request.get("type"))
            and entry.txid not in known
        ]

    async def _all(self, names: Sequence[Name]) -> CancelOutcome:
        parts = [names[first : first + _BATCH] for first in range(0, len(names), _BATCH)]
        return _together([await self._some(part) for part in parts])

    async def _some(self, names: Sequence[Name]) -> CancelOutcome:
        txids = [name for kind, name in names if kind == "txid"]
        ours = [str(name) for kind, name in names if kind == "cl_ord_id"]
        if len(names) > 1:
            outcome = await self._repeated(lambda: self._client.cancel_order_batch(txids, ours))
            if not _worth_trying_alone(outcome):
                return outcome
            return _together([await self._some([name]) for name in names])
        ref = OrderRef(txid=txids[0]) if txids else OrderRef(cl_ord_id=ours[0])
        return await self._repeated(lambda: self._client.cancel_order(ref))

    async def _repeated(self, call: Callable[[], Awaitable[Cancelled]]) -> CancelOutcome:
        """Repeat a cancel while it gets no answer or no room: cancelling twice does no harm."""
        reason = ""
        for pause_s in (*_PAUSES_S, None):
            try:
                done = await call()
            except (OutcomeUnknown, NotSent, UnreadableReply) as error:
                reason = str(error)
            except Refused as error:
                if not error.error.startswith(_RATES):
                    gone = error.kind is ErrorClass.GONE or error.error == _NEVER_ISSUED
                    return CancelOutcome(error=error.error, gone=gone, failed=not gone)
                reason = error.error
            else:
                return CancelOutcome(count=done.count, pending=done.pending)
            if pause_s is not None:
                await self._timing.sleep(pause_s)
        return CancelOutcome(error=reason, failed=True)


def _name(entry: OutboxEntry) -> Name:
    """Return the name under which an order is cancelled that has no id of the exchange yet."""
    return ("cl_ord_id", entry.id) if entry.userref is None else ("txid", entry.userref)


def _worth_trying_alone(batch: CancelOutcome) -> bool:
    """Whether to cancel the orders of a refused batch one by one.

    One order that is gone may have failed the batch, its form may be refused, or calls limited.
    """
    refused = batch.error.startswith("E") and not batch.error.startswith(_RATES)
    return refused and classify(batch.error) is not ErrorClass.CHANGE_SETUP


def _together(outcomes: Sequence[CancelOutcome]) -> CancelOutcome:
    """Return the outcome of several cancels as one."""
    real = [outcome for outcome in outcomes if outcome != CancelOutcome()]
    gone = bool(real) and all(outcome.gone for outcome in real)
    errors = [outcome.error for outcome in real if outcome.error and (gone or not outcome.gone)]
    return CancelOutcome(
        count=sum(outcome.count for outcome in real),
        pending=any(outcome.pending for outcome in real),
        error="; ".join(dict.fromkeys(errors)),
        gone=gone,
        failed=any(outcome.failed for outcome in real),
    )
