"""Looks up what is not known until it is. The decisions are `reconcile`'s; the waiting is here."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence

from kracked.errors import KrackedError
from kracked.orders import reconcile_rules
from kracked.orders.outbox.order_states import OrderState
from kracked.orders.outbox.outbox import ActionKind, Outbox, OutboxEntry, StateChange
from kracked.rest.account import OrderInfo
from kracked.rest.client import RestClient
from kracked.rest.pagination import every_closed_order
from kracked.rest.request_executor import RequestTiming
from kracked.times import NS_PER_S

log = logging.getLogger(__name__)

QUIET_NS = 5 * NS_PER_S
"""An order the exchange took but the stream does not show is looked up after this long."""
_PER_QUERY = 50
"""Orders to one query."""
_LATE = 5
"""After so many vain looks the window may be over, whatever our own clock says."""


class Reconciler:
    """Asks by what is known of an order, with growing pauses. `run` it beside the desk."""

    def __init__(self, client: RestClient, outbox: Outbox, *, timing: RequestTiming) -> None:
        self._client, self._outbox, self._timing = client, outbox, timing
        self._looks: dict[str, tuple[int, int]] = {}
        """Vain looks so far and the tick of the last, by entry."""
        self._rechecked: dict[str, int] = {}
        """Since which tick, by entry: what may have changed while nobody watched."""
        self._awake = asyncio.Event()

    def recheck(self, entry: OutboxEntry) -> None:
        """The entry may have changed while nobody watched: look it up."""
        self._rechecked[entry.id] = self._timing.ticks()
        self._looks.pop(entry.id, None)
        self.wake()

    def confirm(self, entry: OutboxEntry) -> None:
        """The account's stream shows the order: no look-up knows better."""
        self._rechecked.pop(entry.id, None)

    def wake(self) -> None:
        """There is something new to settle."""
        self._awake.set()

    async def run(self) -> None:
        """Settles for ever; ends by being cancelled."""
        while True:
            self._awake.clear()
            await self.reconcile_due()
            due = self.next_due()
            # Acknowledged orders fall due without waking anybody.
            wait_ns = QUIET_NS if due is None else max(0, due - self._timing.ticks())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_ns / NS_PER_S):
                    await self._awake.wait()

    def next_due(self) -> int | None:
        """The tick at which the next look is due; None when all is known."""
        return min((self._due(entry) for entry in self._unsettled()), default=None)

    async def reconcile_due(self) -> None:
        """One look at everything that is due now."""
        now = self._timing.ticks()
        due = [entry for entry in self._unsettled() if self._due(entry) <= now]
        rows = await self._query([entry.txid for entry in due if entry.txid is not None])
        for entry in due:
            await self._look(entry, rows)

    async def _query(self, txids: Sequence[str]) -> dict[str, OrderInfo]:
        """Orders whose id at the exchange is known, many to a call; none if it cannot be asked."""
        rows: dict[str, OrderInfo] = {}
        try:
            for first in range(0, len(txids), _PER_QUERY):
                rows |= await self._client.query_orders(*txids[first : first + _PER_QUERY])
        except KrackedError as error:
            log.warning("look-up failed", extra={"reason": str(error)})
        return rows

    def _unsettled(self) -> list[OutboxEntry]:
        now = self._timing.clock()
        return [
            entry
            for entry in self._outbox.pending()
            if entry.state is OrderState.UNKNOWN
            or (
                entry.state in (OrderState.ACKNOWLEDGED, OrderState.LIVE)
                and entry.id in self._rechecked
            )
            # `abs`: a clock set back shows times to come, which are not waited for.
            or (entry.state is OrderState.ACKNOWLEDGED and abs(now - entry.since) >= QUIET_NS)
        ]

    def _due(self, entry: OutboxEntry) -> int:
        looks, last = self._looks.get(entry.id, (0, 0))
        return last + reconcile_rules.pause_ns(looks)

    async def _look(self, entry: OutboxEntry, rows: Mapping[str, OrderInfo]) -> None:
        asked = self._timing.ticks()
        try:
            there = await self._exchange_time(entry)
            known = {txid: row for txid, row in rows.items() if txid == entry.txid}
            news = reconcile_rules.from_rows(entry, known, self._timing.clock())
            if news is None:
                look = self._look_up_order if entry.kind is ActionKind.ADD else self._look_up_amend
                news = await look(entry, there)
        except KrackedError as error:
            log.warning("look-up failed", extra={"id": entry.id, "reason": str(error)})
            news = None
        settled = False
        if news is not None:
            settled = self._outbox.learn(news).ended
            if not settled:
                # Queries lag: an order shown as open may have ended since.
                since = self._rechecked.setdefault(entry.id, asked)
                settled = asked >= since + reconcile_rules.SETTLE_NS
        if settled:
            self._looks.pop(entry.id, None)
            self._rechecked.pop(entry.id, None)
        else:
            self._looks[entry.id] = (self._looks.get(entry.id, (0, 0))[0] + 1, asked)

    async def _exchange_time(self, entry: OutboxEntry) -> int:
        """What the exchange's clock shows; 0, for long ago, while it is too early to matter."""
        looks, _ = self._looks.get(entry.id, (0, 0))
        if self._timing.clock() < reconcile_rules.settles_at(entry) and looks < _LATE:
            return 0
        return (await self._client.server_time()).unixtime * NS_PER_S

    async def _look_up_order(self, entry: OutboxEntry, asked: int) -> StateChange | None:
        rows, at = await self._client.open_orders(cl_ord_id=entry.id), self._timing.clock()
        news = reconcile_rules.from_rows(entry, rows, at)
        if news is not None:
            return news
        # A market order, or one that crossed, was never among the open ones.
        start = entry.prepared - reconcile_rules.LOOKBACK_NS
        every = every_closed_order(self._client, cl_ord_id=entry.id, start=start)
        found = reconcile_rules.from_rows(entry, {txid: row async for txid, row in every}, at)
        return found or reconcile_rules.from_absence(entry, asked, at=at)

    async def _look_up_amend(self, entry: OutboxEntry, asked: int) -> StateChange | None:
        assert entry.target is not None
        if "display_qty" in entry.request:  # which no query of the order itself shows
            history = await self._client.order_amends(entry.target)
            news = reconcile_rules.amend_from_history(entry, history.amends, self._timing.clock())
            if news is not None:
                return news
        found = await self._client.query_orders(entry.target)
        row = found.get(entry.target)
        return reconcile_rules.amend_from_order(entry, row, asked, at=self._timing.clock())
