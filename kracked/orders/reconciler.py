"""Looks up actions until their outcome is known: queries and waits.

The conclusions are drawn by `kracked.orders.reconcile_rules`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence

from kracked.errors import KrackedError
from kracked.orders import reconcile_rules
from kracked.orders.outbox.order_states import OrderState
from kracked.orders.outbox.outbox import ActionKind, Outbox, OutboxEntry, StateChange
from kracked.protocol.own_orders import OwnOrders
from kracked.rest.client import RestClient
from kracked.rest.order_info import OrderInfo
from kracked.rest.pagination import every_closed_order
from kracked.rest.request_executor import RequestTiming
from kracked.times import NS_PER_S

log = logging.getLogger(__name__)

QUIET_NS = 5 * NS_PER_S
"""An order that the exchange accepted but the stream does not show is looked up after this."""
CLOCK_OFF_NS = 2 * NS_PER_S
"""A clock that is wrong by more is told of."""
MEASURED_EVERY_NS = 300 * NS_PER_S
"""How often the exchange's time is asked for."""
UNMEASURED_AGAIN_NS = 10 * NS_PER_S
"""How soon it is asked for again when there was no answer."""
AUDIT_NS = 60 * NS_PER_S
"""An open order of which the stream has shown nothing new is looked up this often."""
_PER_QUERY = 50
"""Orders of one query."""
_LATE = 5
"""After this many look-ups without a result the settle window may be over, even if this
computer's clock is slow."""


class Reconciler:
    """Queries the exchange with growing pauses. `run` it in a task beside the manager."""

    def __init__(
        self, client: RestClient, outbox: Outbox, working: OwnOrders, *, timing: RequestTiming
    ) -> None:
        """
        Args:
            client: REST client with the account's key.
            outbox: The actions to look up.
            working: The orders as the account's stream shows them.
            timing: Clocks and sleep.
        """
        self._client, self._outbox, self._timing = client, outbox, timing
        self._working = working
        self.on_ended: Callable[[str, OrderInfo], None] | None = None
        """Called with the id and the row of an order that has ended, though the stream shows it
        as open."""
        self._seen: dict[str, tuple[object, int]] = {}
        """What the stream has last shown of each open order, and the tick since which it has
        shown nothing new or was looked up."""
        self._looks: dict[str, tuple[int, int]] = {}
        """Look-ups without a result so far, and the tick of the last one, by entry."""
        self._rechecked: dict[str, int] = {}
        """The tick since which an entry may have changed unseen, by entry."""
        self._awake = asyncio.Event()
        self._measured: int | None = None
        """The tick at which the exchange's clock was last asked for; None: ask at once."""
        self.on_clock: Callable[[int], None] | None = None
        """Called with how far the exchange's clock is ahead of this computer's, ns, when that is
        more than `CLOCK_OFF_NS` and has changed; negative where this computer's is fast."""
        self._told_ahead_ns = 0

    def measure_clock(self) -> None:
        """Ask for the exchange's time soon: a deadline was refused."""
        self._measured = None
        self.wake()

    async def _measure(self) -> None:
        """Ask for the exchange's time when that is due."""
        now = self._timing.ticks()
        if self._measured is not None and now < self._measured + MEASURED_EVERY_NS:
            return
        self._measured = now
        try:
            await self._client.server_time()
        except KrackedError as error:
            # Tried again before long, because deadlines may be wrong meanwhile.
            self._measured = now - MEASURED_EVERY_NS + UNMEASURED_AGAIN_NS
            log.warning("exchange's clock not known", extra={"reason": str(error)})
            return
        ahead_ns = self._client.exchange_clock.ahead_ns
        if abs(ahead_ns - self._told_ahead_ns) < CLOCK_OFF_NS:
            return
        self._told_ahead_ns = ahead_ns
        log.warning("this computer's clock is wrong", extra={"ahead_ns": ahead_ns})
        if self.on_clock is not None:
            self.on_clock(ahead_ns)

    def recheck(self, entry: OutboxEntry) -> None:
        """Look an entry up: it may have changed while the account's stream was down."""
        self._rechecked[entry.id] = self._timing.ticks()
        self._looks.pop(entry.id, None)
        self.wake()

    def confirm(self, entry: OutboxEntry) -> None:
        """Look an entry up no more: the account's stream shows it, which is better evidence."""
        self._rechecked.pop(entry.id, None)

    def wake(self) -> None:
        """Check at once whether a look-up is due."""
        self._awake.set()

    async def run(self) -> None:
        """Look up what is due, until cancelled."""
        while True:
            self._awake.clear()
            await self._measure()
            await self.reconcile_due()
            await self.audit()
            due = self.next_due()
            # Acknowledged orders become due without a call of `wake`.
            wait_ns = QUIET_NS
            if due is not None:
                wait_ns = min(QUIET_NS, max(0, due - self._timing.ticks()))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_ns / NS_PER_S):
                    await self._awake.wait()

    def next_due(self) -> int | None:
        """Return the tick of the next look-up; None when every outcome is known."""
        return min((self._due(entry) for entry in self._unsettled()), default=None)

    async def reconcile_due(self) -> None:
        """Make one look-up of every entry that is due."""
        now = self._timing.ticks()
        due = [entry for entry in self._unsettled() if self._due(entry) <= now]
        rows = await self._query([entry.txid for entry in due if entry.txid is not None])
        for entry in due:
            await self._look(entry, rows)

    async def audit(self) -> None:
        """Look up the open orders of whose end the stream may have lost the report.

        One that is filled in full and still open is doubted soon, any other one seldom: the last
        reports before a silence can be lost without a gap that shows.
        """
        now, orders = self._timing.ticks(), {order.order_id: order for order in self._working}
        for gone in self._seen.keys() - orders.keys():
            del self._seen[gone]
        due = []
        for txid, order in orders.items():
            version = (order.order_status, order.cum_qty, order.timestamp)
            known, since = self._seen.get(txid, (None, now))
            if known != version:
                self._seen[txid] = (version, now)
            elif now >= since + (QUIET_NS if order.remaining <= 0 else AUDIT_NS):
                self._seen[txid] = (version, now)
                due.append(txid)
        rows = await self._query(due)
        for txid in due:
            row = rows.get(txid)
            ended = row is not None and reconcile_rules.has_ended(row)
            if row is not None and ended and self.on_ended is not None:
                self.on_ended(txid, row)

    async def _query(self, txids: Sequence[str]) -> dict[str, OrderInfo]:
        """Return the rows of orders by the exchange's ids; none when a query fails."""
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
        begun = self._timing.ticks()
        try:
            queried = await self._exchange_time(entry)
            known = {txid: row for txid, row in rows.items() if txid == entry.txid}
            change = reconcile_rules.from_rows(entry, known, self._timing.clock())
            if change is None:
                adds = entry.kind is ActionKind.ADD
                look_up = self._look_up_order if adds else self._look_up_amend
                change = await look_up(entry, queried)
        except KrackedError as error:
            log.warning("look-up failed", extra={"id": entry.id, "reason": str(error)})
            change = None
        settled = False
        if change is not None:
            settled = self._outbox.learn(change).ended
            if not settled:
                # Queries lag: an order shown as open may have ended since.
                since = self._rechecked.setdefault(entry.id, begun)
                settled = begun >= since + reconcile_rules.SETTLE_NS
        if settled:
            self._looks.pop(entry.id, None)
            self._rechecked.pop(entry.id, None)
        else:
            self._looks[entry.id] = (self._looks.get(entry.id, (0, 0))[0] + 1, begun)

    async def _exchange_time(self, entry: OutboxEntry) -> int:
        """Return the exchange's clock, ns since the epoch; 0 while it is too early to matter."""
        looks, _ = self._looks.get(entry.id, (0, 0))
        now = self._client.exchange_clock.now()
        if now < reconcile_rules.settles_at(entry) and looks < _LATE:
            return 0
        return (await self._client.server_time()).unixtime * NS_PER_S

    async def _look_up_order(self, entry: OutboxEntry, queried: int) -> StateChange | None:
        if entry.userref is None:
            rows = await self._client.open_orders(cl_ord_id=entry.id)
        else:
            rows = await self._client.open_orders(userref=entry.userref)
        at = self._timing.clock()
        change = reconcile_rules.from_rows(entry, rows, at)
        if change is not None:
            return change
        # A market order, or one that traded at once, was never among the open orders.
        start = reconcile_rules.looked_up_from(entry)
        id_ = entry.id if entry.userref is None else None
        every = every_closed_order(self._client, cl_ord_id=id_, userref=entry.userref, start=start)
        found = reconcile_rules.from_rows(entry, {txid: row async for txid, row in every}, at)
        return found or reconcile_rules.from_absence(entry, queried, at=at)

    async def _look_up_amend(self, entry: OutboxEntry, queried: int) -> StateChange | None:
        assert entry.target is not None
        if "display_qty" in entry.request:  # no query of the order itself shows it
            history = await self._client.order_amends(entry.target)
            change = reconcile_rules.amend_from_history(entry, history.amends, self._timing.clock())
            if change is not None:
                return change
        found = await self._client.query_orders(entry.target)
        row = found.get(entry.target)
        return reconcile_rules.amend_from_order(entry, row, queried, at=self._timing.clock())
