"""Compaction of the outbox's file: it drops actions that ended long ago. Pure.

An entry is retained as a whole, in as few records as express it. An action that has not
ended is never dropped, however old.
"""

from __future__ import annotations

from collections.abc import Iterable

from kracked.orders.outbox.order_states import OrderState
from kracked.orders.outbox.outbox import Outbox, OutboxEntry, PreparedAction, Record, StateChange
from kracked.times import NS_PER_S

COMPACT_ABOVE_BYTES = 64 * 1024
"""A smaller file is read quickly and left as it is."""
RETENTION_NS = 7 * 86_400 * NS_PER_S
"""How long an ended action is retained: it shows the outcome of a key pressed this week."""
MAX_ENDED = 500
"""Ended actions that are retained."""


def retained(outbox: Outbox, now: int) -> list[OutboxEntry]:
    """Return the entries to retain, oldest first: all that have not ended, and the latest ended."""
    recent = [entry for entry in outbox if entry.ended and now - entry.since < RETENTION_NS]
    dropped = {entry.id for entry in outbox if entry.ended}
    dropped -= {entry.id for entry in recent[-MAX_ENDED:]}
    return [entry for entry in outbox if entry.id not in dropped]


def records_of(entries: Iterable[OutboxEntry]) -> list[Record]:
    """Return the fewest records that rebuild the entries exactly."""
    return [record for entry in entries for record in _records(entry)]


def _records(entry: OutboxEntry) -> list[Record]:
    prepared = PreparedAction(
        at=entry.prepared,
        id=entry.id,
        kind=entry.kind,
        symbol=entry.symbol,
        deadline=entry.deadline,
        request=entry.request,
        target=entry.target,
    )
    if entry.state is OrderState.PREPARED:
        return [prepared]
    moved = StateChange(
        at=entry.since,
        id=entry.id,
        state=entry.state,
        txid=entry.txid,
        filled=entry.filled,
        reason=entry.reason,
    )
    return [prepared, moved]
