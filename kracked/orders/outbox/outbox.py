"""The outbox: what was meant to be sent, what was sent, and what became of it. Pure.

Every change is a record that is written first and applied then; applying the same
records again rebuilds the outbox, which is how it survives a crash. It knows no
clock, no file and no network: `now` and a `write` function come from outside.
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
    ADD = "add"
    AMEND = "amend"


class PreparedAction(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="do", tag="prepared", omit_defaults=True
):
    """An action about to be sent, with all that is needed to look it up later."""

    at: int
    """ns since the Unix epoch, here and below."""
    id: str
    """Of an order its `cl_ord_id`; of an amend an id of our own."""
    kind: ActionKind
    symbol: str
    deadline: int
    """After it the exchange refuses the request."""
    request: dict[str, str]
    """What is asked for, by the exchange's names; numbers as plain text."""
    target: str | None = None
    """Of an amend: the order's id at the exchange."""


class StateChange(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="do", tag="moved", omit_defaults=True
):
    """What was learnt about an action."""

    at: int
    id: str
    state: OrderState
    txid: str | None = None
    filled: Decimal = ZERO
    """In the base currency, all fills together."""
    reason: str = ""
    """In words; the exchange's own where there are some."""


Record = PreparedAction | StateChange


class OutboxEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One action as it stands."""

    id: str
    kind: ActionKind
    symbol: str
    prepared: int
    deadline: int
    request: dict[str, str]
    target: str | None = None
    state: OrderState = OrderState.PREPARED
    since: int
    """When `state` was entered."""
    txid: str | None = None
    filled: Decimal = ZERO
    reason: str = ""

    @property
    def ended(self) -> bool:
        """Nothing more is expected of it."""
        acknowledged_amend = self.kind is ActionKind.AMEND and self.state is OrderState.ACKNOWLEDGED
        return acknowledged_amend or self.state in ENDED


@says("{id} is {state} and is not sent again")
class AlreadySent(KrackedError):
    """An action that is not fresh was to be sent. This is a defect, and was stopped."""

    id: str
    state: OrderState


class Outbox:
    """Owner of all entries. `write` keeps a record before it takes effect."""

    def __init__(self, write: Callable[[Record], None], records: Iterable[Record] = ()) -> None:
        self._write = write
        self._entries: dict[str, OutboxEntry] = {}
        self._by_txid: dict[str, str] = {}
        self._pending: dict[str, None] = {}
        self.on_settled: Callable[[OutboxEntry], None] | None = None
        """Told of each entry that was UNKNOWN, or had been given up, and is so no more."""
        for record in records:
            self._apply(record)

    def __getitem__(self, id: str) -> OutboxEntry:  # noqa: A002
        return self._entries[id]

    def __contains__(self, id: str) -> bool:  # noqa: A002
        return id in self._entries

    def __iter__(self) -> Iterator[OutboxEntry]:
        """Oldest first."""
        return iter(tuple(self._entries.values()))

    def __len__(self) -> int:
        return len(self._entries)

    def order(self, *, txid: str | None, cl_ord_id: str | None) -> OutboxEntry | None:
        """The order the exchange speaks of by either id."""
        if cl_ord_id is not None and cl_ord_id in self._entries:
            return self._entries[cl_ord_id]
        return self._entries.get(self._by_txid.get(txid or "", ""))

    def unknown(self) -> list[OutboxEntry]:
        """What blocks sending, oldest first."""
        return [entry for entry in self.pending() if entry.state is OrderState.UNKNOWN]

    def pending(self) -> list[OutboxEntry]:
        """All that has not ended, oldest first."""
        return [self._entries[name] for name in self._pending]

    def prepare(self, record: PreparedAction) -> OutboxEntry:
        """Enters a fresh action. Raises `AlreadySent` if its id was used before."""
        if record.id in self._entries:
            raise AlreadySent(record.id, self._entries[record.id].state)
        return self._record(record)

    def send(self, id: str, now: int) -> OutboxEntry:  # noqa: A002
        """Claims the one and only sending of an action. Raises `AlreadySent` the second time."""
        entry = self._entries[id]
        if entry.state is not OrderState.PREPARED:
            raise AlreadySent(id, entry.state)
        return self._record(StateChange(at=now, id=id, state=OrderState.SENT))

    def learn(self, news: StateChange) -> OutboxEntry:
        """Takes news of an action; old news, which leads nowhere from here, changes nothing.

        What could not be written is true all the same: the next run, which will not have
        heard of it, looks it up.
        """
        entry = self._entries[news.id]
        if news.state is entry.state:
            fresher = news.filled > entry.filled or (news.txid and not entry.txid)
            return self._note(news) if fresher else entry
        if news.state not in TRANSITIONS[entry.state]:
            return entry
        learnt = self._note(news)
        if entry.state in (OrderState.UNKNOWN, OrderState.REFUSED) and self.on_settled is not None:
            self.on_settled(learnt)
        return learnt

    def recover(self, now: int) -> list[OutboxEntry]:
        """After a start: whatever had no outcome when the last run ended is UNKNOWN."""
        reason = "the program ended before the outcome was known"
        return [
            self.learn(StateChange(at=now, id=entry.id, state=OrderState.UNKNOWN, reason=reason))
            for entry in self.pending()
            if entry.state in UNANSWERED
        ]

    def _note(self, news: StateChange) -> OutboxEntry:
        try:
            return self._record(news)
        except RecordError as error:
            log.warning("outcome not written", extra={"id": news.id, "reason": str(error)})
            return self._apply(news)

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
