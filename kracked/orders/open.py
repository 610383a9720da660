"""Opens an order manager on its outbox file, and takes up what an earlier run left open."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from kracked.errors import RecordError, says
from kracked.feed.account import Account
from kracked.orders.order_manager import OrderManager
from kracked.orders.outbox.compaction import COMPACT_ABOVE_BYTES, records_of, retained
from kracked.orders.outbox.journal import Journal, JournalFull
from kracked.orders.outbox.outbox import Outbox, OutboxEntry, Record
from kracked.orders.rules.fees import Fees
from kracked.orders.rules.funds import AccountFacts
from kracked.orders.rules.market_context import Limits
from kracked.protocol.events import Executions
from kracked.rest.client import RestClient
from kracked.rest.limiter import EngineLimiter
from kracked.rest.request_executor import RequestTiming

log = logging.getLogger(__name__)


@says("no order is sent from here, because none would be recorded: {reason}")
class NotRecorded(RecordError):
    """An order for a manager that has no outbox file, and so only cancels."""

    reason: str


PROMPT_S = 0.005
"""Seconds that the whole program waits for the disk; a slower one is awaited."""


@contextmanager
def open_order_manager(
    client: RestClient,
    path: Path,
    *,
    engine: EngineLimiter | None = None,
    limits: Limits | None = None,
    account: Account | None = None,
    pairs: Mapping[str, str] | None = None,
    fees: Mapping[str, Fees] | None = None,
    timing: RequestTiming | None = None,
) -> Iterator[OrderManager]:
    """Open an order manager on its outbox file, and take up what an earlier run left open.

    Args:
        client: REST client with the account's key.
        path: The outbox file; one for each key.
        engine: Rate counters of the account's pairs; by default those of a starter.
        limits: The account's own bounds for every order.
        account: The account by its streams (`FeedManager.account`): an order that it cannot pay
            for is declined. Without it a review remarks that funds were not checked.
        pairs: REST's names of symbols; may be filled in later. Default: the symbol itself.
        fees: What the account pays, by symbol; may be filled in later.
        timing: Clocks and sleep; tests bring their own.

    Raises:
        JournalInUse: Another program has the file open.
        JournalFull: The file cannot be written.
        DamagedJournal: A line in the middle of the file cannot be read.
    """
    with Journal(path) as journal, ThreadPoolExecutor(1, "outbox") as disk:
        now = (timing or RequestTiming()).clock()
        outbox = Outbox(journal.append, _compacted(journal, now))
        outbox.recover(now)
        manager = OrderManager(
            client,
            outbox,
            sync=partial(_synced, disk, journal),
            engine=engine,
            limits=limits,
            facts=AccountFacts(
                account=account,
                # Not `or`: an empty mapping may be filled in later.
                pairs={} if pairs is None else pairs,
                fees={} if fees is None else fees,
            ),
            timing=timing,
        )
        for entry in outbox.pending():
            manager.reconciler.recheck(entry)
        yield manager


def cancelling_manager(
    client: RestClient,
    reason: str,
    *,
    entries: Iterable[OutboxEntry] = (),
    account: Account | None = None,
    timing: RequestTiming | None = None,
) -> OrderManager:
    """Return an order manager that cancels and sends no order: it has no file to record one in.

    Cancels must work whatever else does not. What the account shows as open is known to it.

    Args:
        client: REST client with the account's key.
        reason: Why there is no file, for whoever tries to send an order.
        entries: The orders of a manager that it takes the place of.
        account: The account by its streams (`FeedManager.account`).
        timing: Clocks and sleep; tests bring their own.
    """
    timing = timing or RequestTiming()

    def refuse(_: Record) -> None:
        """Record nothing."""
        raise NotRecorded(reason)

    async def sync() -> None:
        """Record nothing."""
        raise NotRecorded(reason)

    outbox = Outbox(refuse, records_of(entries))
    facts = AccountFacts(account=account)
    manager = OrderManager(client, outbox, sync=sync, facts=facts, timing=timing)
    for event in account.snapshots(timing.clock()) if account is not None else ():
        if isinstance(event, Executions):
            manager.apply(event)
    return manager


async def _synced(disk: ThreadPoolExecutor, journal: Journal) -> None:
    """Wait for the disk, mostly without giving up control.

    To await lets every task that is ready go first: a repaint takes ten times longer than a
    disk, and the order would wait for it.
    """
    writing = disk.submit(journal.sync)
    try:
        writing.result(PROMPT_S)
    except TimeoutError:
        await asyncio.wrap_future(writing)


def _compacted(journal: Journal, now: int) -> list[Record]:
    """Return the records of the file; drop old ones from a long file first."""
    records = journal.read()
    if journal.size <= COMPACT_ABOVE_BYTES:
        return records
    unwritten: list[Record] = []
    compacted = records_of(retained(Outbox(unwritten.append, records), now))
    try:
        journal.replace(compacted)
    except JournalFull as error:
        log.warning("outbox not compacted", extra={"reason": str(error)})
        return records
    return compacted
