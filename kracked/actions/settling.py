"""Looks up what is not known until it is. The decisions are `reconcile`'s; the waiting is here."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from kracked.actions import reconcile
from kracked.actions.outbox import Entry, Kind, Moved, Outbox
from kracked.actions.states import State
from kracked.errors import KrackedError
from kracked.rest.client import RestClient
from kracked.times import NS_PER_S

log = logging.getLogger(__name__)

QUIET_NS = 5 * NS_PER_S
"""An order the exchange took but the stream does not show is looked up after this long."""


class Settler:
    """Asks open orders, then closed ones, with growing pauses. `run` it beside the desk."""

    def __init__(self, client: RestClient, outbox: Outbox, *, clock: Callable[[], int]) -> None:
        self._client, self._outbox, self._clock = client, outbox, clock
        self._looks: dict[str, tuple[int, int]] = {}
        """Vain looks so far and the time of the last, by entry."""
        self._doubted: dict[str, int] = {}
        """Since when, by entry: what may have changed while nobody watched."""
        self._awake = asyncio.Event()

    def doubt(self, entry: Entry) -> None:
        """The entry may have changed while nobody watched: look it up."""
        self._doubted[entry.id] = self._clock()
        self._looks.pop(entry.id, None)
        self.wake()

    def trust(self, entry: Entry) -> None:
        """The account's stream shows the order: no look-up knows better."""
        self._doubted.pop(entry.id, None)

    def wake(self) -> None:
        """There is something new to settle."""
        self._awake.set()

    async def run(self) -> None:
        """Settles for ever; ends by being cancelled."""
        while True:
            self._awake.clear()
            await self.settle_due()
            due = self.next_due()
            # Acknowledged orders fall due without waking anybody.
            wait_ns = QUIET_NS if due is None else max(0, due - self._clock())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_ns / NS_PER_S):
                    await self._awake.wait()

    def next_due(self) -> int | None:
        """When the next look is due, ns since the Unix epoch; None when all is known."""
        return min((self._due(entry) for entry in self._open_questions()), default=None)

    async def settle_due(self) -> None:
        """One look at everything that is due now."""
        for entry in self._open_questions():
            if self._due(entry) <= self._clock():
                await self._look(entry)

    def _open_questions(self) -> list[Entry]:
        quiet = self._clock() - QUIET_NS
        return [
            entry
            for entry in self._outbox.pending()
            if entry.state is State.UNKNOWN
            or (entry.state in (State.ACKNOWLEDGED, State.LIVE) and entry.id in self._doubted)
            or (entry.state is State.ACKNOWLEDGED and entry.since <= quiet)
        ]

    def _due(self, entry: Entry) -> int:
        looks, last = self._looks.get(entry.id, (0, 0))
        return reconcile.next_look(entry, looks, last)

    async def _look(self, entry: Entry) -> None:
        asked = self._clock()
        try:
            news = await (
                self._order(entry, asked) if entry.kind is Kind.ADD else self._amend(entry, asked)
            )
        except KrackedError as error:
            log.warning("look-up failed", extra={"id": entry.id, "reason": str(error)})
            news = None
        learnt = entry if news is None else self._outbox.learn(news)
        if news is not None and (learnt.ended or self._believable(learnt, asked)):
            self._looks.pop(entry.id, None)
            self._doubted.pop(entry.id, None)
        else:
            self._looks[entry.id] = (self._looks.get(entry.id, (0, 0))[0] + 1, asked)

    def _believable(self, entry: Entry, asked: int) -> bool:
        """Whether an order shown as open is: the queries lag, and it may have ended since."""
        since = self._doubted.setdefault(entry.id, asked)
        return asked >= since + reconcile.SETTLE_NS

    async def _order(self, entry: Entry, asked: int) -> Moved | None:
        rows = await self._client.open_orders(cl_ord_id=entry.id)
        news = reconcile.found(entry, rows, asked)
        if news is not None:
            return news
        # A market order, or one that crossed, was never among the open ones.
        start = entry.prepared - reconcile.LOOKBACK_NS
        closed = await self._client.closed_orders(cl_ord_id=entry.id, start=start)
        return reconcile.found(entry, closed.closed, asked) or reconcile.absent(entry, asked)

    async def _amend(self, entry: Entry, asked: int) -> Moved | None:
        assert entry.target is not None
        found = await self._client.query_orders(entry.target)
        return reconcile.of_amend(entry, found.get(entry.target), asked)
