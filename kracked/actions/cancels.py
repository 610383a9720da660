"""Cancelling: it only reduces risk, so it passes no checks and repeats what got no answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from kracked.actions.outbox import Kind, Outbox
from kracked.protocol.events import Side
from kracked.protocol.limits import cost_of_cancel
from kracked.protocol.own import OwnOrder, OwnOrders
from kracked.rest.caller import Pace
from kracked.rest.client import RestClient
from kracked.rest.limiter import EngineLimiter
from kracked.rest.orders import Cancelled, OrderRef
from kracked.rest.replies import ErrorClass, OutcomeUnknown, Refused, UnreadableReply
from kracked.rest.transport import NotSent

_BATCH = 50
_PAUSES_S = (0.2, 0.5, 1.0)


class CancelOutcome(msgspec.Struct, frozen=True):
    """What became of a request to cancel; the executions channel has the last word."""

    count: int = 0
    pending: bool = False
    """Taken, and still on its way."""
    error: str = ""
    """The exchange's words, or why its answer is missing."""
    gone: bool = False
    """The order was not open any more."""


class Cancels:
    """The desk's way to cancel one order, a pair, or everything."""

    def __init__(
        self,
        client: RestClient,
        working: OwnOrders,
        outbox: Outbox,
        engine: EngineLimiter,
        pace: Pace,
    ) -> None:
        self._client, self._working, self._outbox = client, working, outbox
        self._engine, self._pace = engine, pace

    async def one(self, *, txid: str | None, cl_ord_id: str | None) -> CancelOutcome:
        """By the exchange's id, or by the client's."""
        if txid is not None and (order := self._working.get(txid)) is not None:
            self._count([order])
        ref = OrderRef(txid=txid, cl_ord_id=None if txid else cl_ord_id)
        return await self._repeated(lambda: self._client.cancel_order(ref))

    async def pair(self, symbol: str, side: Side | None) -> CancelOutcome:
        """All orders of the pair, or of one side of it."""
        shown = [order for order in self._working.of(symbol) if side in (None, order.side)]
        self._count(shown)
        names = [("txid", order.order_id) for order in shown]
        names += [("cl_ord_id", name) for name in self._unseen(symbol, side)]
        outcomes = [
            await self._some(names[first : first + _BATCH])
            for first in range(0, len(names), _BATCH)
        ]
        return _together(outcomes)

    async def everything(self) -> CancelOutcome:
        """The whole account."""
        self._count(list(self._working))
        return await self._repeated(self._client.cancel_all)

    def _count(self, orders: Sequence[OwnOrder]) -> None:
        now = self._pace.clock()
        for order in orders:
            cost = cost_of_cancel(max(0, now - order.touched))
            self._engine.spend(order.symbol, cost, now)

    def _unseen(self, symbol: str, side: Side | None) -> list[str]:
        """Orders of ours that may be open though the stream has not shown them."""
        verb = None if side is None else "buy" if side is Side.BID else "sell"
        return [
            entry.id
            for entry in self._outbox.pending()
            if entry.kind is Kind.ADD
            and entry.symbol == symbol
            and verb in (None, entry.request.get("type"))
            and (entry.txid is None or entry.txid not in self._working)
        ]

    async def _some(self, names: Sequence[tuple[str, str]]) -> CancelOutcome:
        txids = [name for kind, name in names if kind == "txid"]
        ours = [name for kind, name in names if kind == "cl_ord_id"]
        if len(names) > 1:
            outcome = await self._repeated(lambda: self._client.cancel_order_batch(txids, ours))
            if not outcome.error.startswith("EOrder:"):
                return outcome
            # One order that is gone may have spoilt the batch for the others.
            return _together([await self._some([name]) for name in names])
        ref = OrderRef(txid=txids[0]) if txids else OrderRef(cl_ord_id=ours[0])
        return await self._repeated(lambda: self._client.cancel_order(ref))

    async def _repeated(self, call: Callable[[], Awaitable[Cancelled]]) -> CancelOutcome:
        """Again while no answer comes: cancelling twice does no harm."""
        reason = ""
        for pause_s in (*_PAUSES_S, None):
            try:
                done = await call()
            except (OutcomeUnknown, NotSent, UnreadableReply) as error:
                reason = str(error)
            except Refused as error:
                return CancelOutcome(error=error.error, gone=error.kind is ErrorClass.GONE)
            else:
                return CancelOutcome(count=done.count, pending=done.pending)
            if pause_s is not None:
                await self._pace.sleep(pause_s)
        return CancelOutcome(error=reason)


def _together(outcomes: Sequence[CancelOutcome]) -> CancelOutcome:
    return CancelOutcome(
        count=sum(outcome.count for outcome in outcomes),
        pending=any(outcome.pending for outcome in outcomes),
        error="; ".join(outcome.error for outcome in outcomes if outcome.error),
        gone=bool(outcomes) and all(outcome.gone for outcome in outcomes),
    )
