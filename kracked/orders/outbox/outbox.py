"""The outbox: every action to be sent, and its outcome. Pure.

Every change is a record that is written first and applied then; applying the same records
again rebuilds the outbox, and so it survives a crash. It knows no clock, no file and no
network: `now` and a `write` function come from outside.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from enum import StrEnum

import msgspec

from kracked.errors import KrackedError, RecordError, says
from kracked.orders.outbox.order_states import ENDED, TRANSITIONS, UNANSWERED, OrderState

log = logging.getLogger(__name__)

ZERO = Decimal(0)


class ActionKind(StrEnum):
    """The kind of an action."""

    ADD = "add"
    """It places an order."""
    AMEND = "amend"
    """It changes an open order."""


class PreparedAction(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="do", tag="prepared", omit_defaults=True
):
    """The record of an action about to be sent, with all that is needed to look it up later."""

    at: int
    """ns since the Unix epoch, here and below."""
    id: str
    """The `cl_ord_id` of an order; an id of our own for an amend."""
    kind: ActionKind
    symbol: str
    deadline: int
    """The instant after which the exchange refuses the request."""
    request: dict[str, str]
    """The request by the exchange's names; numbers as plain text."""
    target: str | None = None
    """The order that an amend changes, by its id at the exchange."""


class StateChange(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="do", tag="moved", omit_defaults=True
):
    """The record of a new state of an action."""

    at: int
    id: str
    state: OrderState
    txid: str | None = None
    """The order's id at the exchange."""
    filled: Decimal = ZERO
    """In the base currency, all fills together."""
    reason: str = ""
    """In words, the exchange's own if there are any."""


Record = PreparedAction | StateChange


class OutboxEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One action and its present state. Times are ns since the Unix epoch."""

    id: str
    """The `cl_ord_id` of an order; an id of our own for an amend."""
    kind: ActionKind
    symbol: str
    prepared: int
    """When it was recorded."""
    deadline: int
    """The instant after which the exchange refuses the request."""
    request: dict[str, str]
    """The request by the exchange's names; numbers as plain text."""
    target: str | None = None
    """The order that an amend changes, by its id at the exchange."""
    state: OrderState = OrderState.PREPARED
    since: int
    """When `state` was entered."""
    txid: str | None = None
    """The order's id at the exchange, once it is known."""
    filled: Decimal = ZERO
    """In the base currency, all fills together."""
    reason: str = ""
    """Why it is in this state, in words."""

    @property
    def userref(self) -> int | None:
        """The number that it carries in place of a client id, which a close rules out."""
        text = self.request.get("userref")
        return None if text is None else int(text)

    @property
    def ended(self) -> bool:
        """Whether nothing more is expected of it."""
        acknowledged_amend = self.kind is ActionKind.AMEND and self.state is OrderState.ACKNOWLEDGED
        return acknowledged_amend or self.state in ENDED


@says("{id} is {state} and is not sent again")
class AlreadySent(KrackedError):
    """An action that is not fresh was to be sent. This is a defect, and was stopped."""

    id: str
    state: OrderState


class Outbox:
    """Owner of all entries.

    Args:
        write: Writes a record before it takes effect; raises `RecordError` if it cannot.
        records: The records of earlier runs.
    """

    def __init__(self, write: Callable[[Record], None], records: Iterable[Record] = ()) -> None:
        self._write = write
        self._entries: dict[str, OutboxEntry] = {}
        self._by_txid: dict[str, str] = {}
        self._pending: dict[str, None] = {}
        self.on_settled: Callable[[OutboxEntry], None] | None = None
        """Called for each entry that leaves UNKNOWN or REFUSED."""
        for record in records:
            self._apply(record)

    def __getitem__(self, id: str) -> OutboxEntry:  # noqa: A002
        """Return an entry by its id."""
        return self._entries[id]

    def __contains__(self, id: str) -> bool:  # noqa: A002
        """Whether there is an entry of this id."""
        return id in self._entries

    def __iter__(self) -> Iterator[OutboxEntry]:
        """Iterate over a copy of the entries, oldest first."""
        return iter(tuple(self._entries.values()))

    def __len__(self) -> int:
        """Return the number of entries."""
        return len(self._entries)

    def order(self, *, txid: str | None, cl_ord_id: str | None) -> OutboxEntry | None:
        """Return the entry of an order by either of its ids; None when it is not of this outbox."""
        if cl_ord_id is not None and cl_ord_id in self._entries:
            return self._entries[cl_ord_id]
        return self._entries.get(self._by_txid.get(txid or "", ""))

    def unknown(self) -> list[OutboxEntry]:
        """Return the entries that block sending, oldest first."""
        return [entry for entry in self.pending() if entry.state is OrderState.UNKNOWN]

    def pending(self) -> list[OutboxEntry]:
        """Return the entries that have not ended, oldest first."""
        return [self._entries[name] for name in self._pending]

    def prepare(self, record: PreparedAction) -> OutboxEntry:
        """Record a fresh action.

        Raises:
            AlreadySent: Its id was used before.
            RecordError: It could not be written.
        """
        if record.id in self._entries:
            raise AlreadySent(record.id, self._entries[record.id].state)
        return self._record(record)

    def send(self, id: str, now: int) -> OutboxEntry:  # noqa: A002
        """Claim the one and only sending of an action.

        Raises:
            AlreadySent: It was claimed before, or has ended.
            RecordError: It could not be written.
        """
        entry = self._entries[id]
        if entry.state is not OrderState.PREPARED:
            raise AlreadySent(id, entry.state)
        return self._record(StateChange(at=now, id=id, state=OrderState.SENT))

    def learn(self, change: StateChange) -> OutboxEntry:
        """Apply a new state of an action; a late change, which is no legal step, does nothing.

        A change that cannot be written is applied all the same: the next run, without its
        record, looks the action up.
        """
        entry = self._entries[change.id]
        if change.state is entry.state:
            newer = change.filled > entry.filled or (change.txid and not entry.txid)
            return self._record_if_possible(change) if newer else entry
        if change.state not in TRANSITIONS[entry.state]:
            return entry
        changed = self._record_if_possible(change)
        if entry.state in (OrderState.UNKNOWN, OrderState.REFUSED) and self.on_settled is not None:
            self.on_settled(changed)
        return changed

    def recover(self, now: int) -> list[OutboxEntry]:
        """Mark actions of an earlier run without an outcome as UNKNOWN. Call it at the start."""
        reason = "the program ended before the outcome was known"
        return [
            self.learn(StateChange(at=now, id=entry.id, state=OrderState.UNKNOWN, reason=reason))
            for entry in self.pending()
            if entry.state in UNANSWERED
        ]

    def _record_if_possible(self, change: StateChange) -> OutboxEntry:
        try:
            return self._record(change)
        except RecordError as error:
            log.warning("outcome not written", extra={"id": change.id, "reason": str(error)})
            return self._apply(change)

    def _record(self, record: Record) -> OutboxEntry:
        self._write(record)
        return self._apply(record)

    def _apply(self, record: Record) -> OutboxEntry:
        match record:
            case PreparedAction():
                entry = OutboxEntry(
                    id=record.id,
                    kind=record.kind,
                    symbol=record.symbol,
                    prepared=record.at,
                    deadline=record.deadline,
                    request=record.request,
                    target=record.target,
                    since=record.at,
                )
            case StateChange():
                before = self._entries[record.id]
                entry = msgspec.structs.replace(
                    before,
                    state=record.state,
                    since=before.since if record.state is before.state else record.at,
                    txid=record.txid or before.txid,
                    filled=max(before.filled, record.filled),
                    reason=record.reason or before.reason,
                )
        self._entries[entry.id] = entry
        if entry.ended:
            self._pending.pop(entry.id, None)
        else:
            self._pending[entry.id] = None
        if entry.txid is not None and entry.kind is ActionKind.ADD:
            self._by_txid[entry.txid] = entry.id
        return entry
