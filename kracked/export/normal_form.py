"""The normal form of every export: what happened to the book of a symbol, in the engine's order.

A row is a trade, a fill of a resting order, or a change of the book, with the reason for it. It
is made of what the ledger of `kracked.flow` says. A trade is linked with its orders up to a
minute after them, so rows are held for that long.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec.structs import replace

from kracked.export.rows import Action, Flags, NormalRow, Why
from kracked.flow.facts import Fact, Link, Outcome, Taker, What
from kracked.flow.links import EARLY_NS, HOLD_NS, MEMORY_NS, SLACK_NS
from kracked.protocol.events import Trade
from kracked.times import NS_PER_S

_SNAPSHOT, _LAST = int(Flags.SNAPSHOT), int(Flags.LAST)

_ADDS = {
    What.NEW: Why.NEW,
    What.SHOWN: Why.NEW,
    What.CAME: Why.BACK,
    What.RETURNED: Why.BACK,
    What.MOVED_IN: Why.AMEND,
    What.REFILLED: Why.REFILL,
    What.PRESENT: Why.SNAPSHOT,
}
_ENDS = {
    What.CANCELLED: Why.CANCEL,
    What.MOVED_AWAY: Why.AMEND,
    What.LEFT_VIEW: Why.LEFT_VIEW,
    What.FILLED: Why.FILL,
    What.LOST: Why.AMEND,  # told anew while it was there; after a hole it is in no book
}
_IN_PLACE = frozenset((What.REDUCED, What.RAISED, What.TAKEN))
# To look a member up in its enum costs 70 ns each time, a name in the module 5.
_ADD, _CANCEL, _MODIFY, _FILL = Action.ADD, Action.CANCEL, Action.MODIFY, Action.FILL
_BY_FILL, _BY_AMEND = Why.FILL, Why.AMEND
_KEPT_NS = MEMORY_NS + 4 * HOLD_NS
"""How long rows wait: after this no trade is linked with them any more."""


class _Change(msgspec.Struct, gc=False, eq=False):
    """A change of one order, until it is known which trades caused it. Made by position."""

    action: Action
    fact: Fact
    qty: int
    """The quantity of its row."""
    why: Why
    number: int
    """The number of its message."""
    left: int = 0
    """The part of a reduction that no trade has claimed."""
    fills: Sequence[tuple[int, int]] = ()
    """Quantity and trade of each fill."""
    takers: Sequence[Taker] = ()
    """Those whose trades come before it."""


class _Message:
    """The changes of one message, and the trades that came before it."""

    __slots__ = ("at", "changes", "received", "snapshot", "takers")

    def __init__(self, at: int, received: int, *, snapshot: bool) -> None:
        self.at, self.received, self.snapshot = at, received, snapshot
        self.changes: list[_Change | None] = []
        self.takers: list[Taker] = []


class NormalForm:
    """Turns what a ledger says of one symbol into rows. Opens nothing, knows no clock.

    Attributes:
        ids: The number of each order, in the order of their first rows.
        counts: What the rows cannot say of themselves, by its name, in words.
    """

    def __init__(self) -> None:
        """Begin without a book."""
        self.ids: dict[str, int] = {}
        self.counts: Counter[str] = Counter()
        self._messages: deque[_Message] = deque()
        self._first = 0
        """The number of the first message that is held."""
        self._begun = 0
        """The time of the first book."""
        self._last = 0
        """The engine time of the last row."""
        self._shown: dict[str, int] = {}
        """The quantity of each order in the book."""
        self._open: dict[str, list[_Change]] = {}
        """Reductions by order."""
        self._arrivals: dict[int, int] = {}
        """When each trade came, until it is decided."""

    def message(
        self, outcomes: Iterable[Outcome], at: int, received: int, *, snapshot: bool
    ) -> list[NormalRow]:
        """Take what the ledger said of a level 3 message; return the rows that are final.

        A message that the ledger was told to distrust (`Ledger.lose`) is one as well.

        Args:
            outcomes: What the ledger returned.
            at: The exchange's time of the message; 0 without one.
            received: When it came.
            snapshot: Whether it held the whole book.
        """
        message = _Message(at, received, snapshot=snapshot)
        number = self._first + len(self._messages)
        self._messages.append(message)
        if snapshot:
            self._begun = self._begun or at or received
            self._shown.clear()
            message.changes.append(_clear(Why.SNAPSHOT, at, number))
        self._take(outcomes, message, number)
        return self._settled(received - _KEPT_NS)

    def traded(
        self, outcomes: Iterable[Outcome], trades: Iterable[Trade], received: int
    ) -> list[NormalRow]:
        """Take trades that came, and what the ledger said then; return the rows that are final."""
        for trade in trades:
            self._arrivals.setdefault(trade.trade_id, received)
        self._take(outcomes, None, 0)
        return self._settled(received - _KEPT_NS)

    def finish(self, outcomes: Iterable[Outcome]) -> list[NormalRow]:
        """Take what the ledger said at its end; return all rows that are left."""
        self._take(outcomes, None, 0)
        return self._settled(1 << 63)

    # --- what the ledger says -----------------------------------------------------------------

    def _take(self, outcomes: Iterable[Outcome], message: _Message | None, number: int) -> None:
        for one in outcomes:
            kind = type(one)
            if kind is Fact and message is not None:
                change = self._change(one, message, number)  # type: ignore[arg-type]
                if change is not None:
                    message.changes.append(change)
            elif kind is Taker:
                self._taker(one)  # type: ignore[arg-type]
            elif kind is Fact and one.what is What.HOLE:  # type: ignore[union-attr]
                raise AssertionError("a hole without a message")

    def _change(self, fact: Fact, message: _Message, number: int) -> _Change | None:
        """Return what a fact changes; None where that is nothing, or not the last thing."""
        what, order_id, shown = fact.what, fact.order_id, self._shown
        if (why := _ADDS.get(what)) is not None:
            qty = shown[order_id] = fact.qty
            return _Change(_ADD, fact, qty, why, number)
        if (why := _ENDS.get(what)) is not None and order_id in shown:
            qty = shown.pop(order_id)
            if why is not _BY_FILL:
                return _Change(_CANCEL, fact, qty, why, number)
            return self._reduction(_Change(_CANCEL, fact, qty, why, number, qty))
        if what is What.HOLE:
            self.counts["holes in level 3"] += 1
            if not message.snapshot:
                shown.clear()
                return _clear(Why.HOLE, fact.time, number)
        return self._change_in_place(fact, number) if what in _IN_PLACE else None

    def _change_in_place(self, fact: Fact, number: int) -> _Change | None:
        """Return what a fact changes of an order that stays where it is."""
        what, order_id, shown = fact.what, fact.order_id, self._shown
        if what is What.TAKEN:
            return self._taken(fact, number)
        if what is What.RAISED:
            qty = shown[order_id] = shown[order_id] + fact.qty
            return _Change(_MODIFY, fact, qty, _BY_AMEND, number)
        qty = shown[order_id] = shown[order_id] - fact.qty
        return self._reduction(_Change(_MODIFY, fact, qty, _BY_FILL, number, fact.qty))

    def _reduction(self, change: _Change) -> _Change:
        """Keep a reduction until its trades are known; return it."""
        self._open.setdefault(change.fact.order_id, []).append(change)
        return change

    def _taken(self, fact: Fact, number: int) -> _Change | None:
        """Return a reduction of a taker's own order; where it ends it, it has never rested."""
        order_id = fact.order_id
        left = self._shown[order_id] - fact.qty
        if left:
            self._shown[order_id] = left
            return _Change(_MODIFY, fact, left, Why.TAKER, number)
        del self._shown[order_id]
        for earlier in reversed(self._messages):
            for at in range(len(earlier.changes) - 1, -1, -1):
                change = earlier.changes[at]
                if change is None or change.fact.order_id != order_id:
                    continue
                earlier.changes[at] = None
                if change.action is _ADD:
                    self.counts["takers that were shown for an instant, left out"] += 1
                    return None
        # Its rows are written: nothing came for a minute.
        return _Change(_CANCEL, fact, fact.qty, Why.TAKER, number)

    def _taker(self, taker: Taker) -> None:
        """Put a taker's trades before the first order that they filled."""
        if taker.instant + SLACK_NS < self._begun or not self._begun:
            self.counts["trades before the first book, left out"] += len(taker.trades)
            for trade in taker.trades:
                self._arrivals.pop(trade.trade_id, None)
            return
        filled: list[_Change] = []
        for link in taker.links:
            self._claim(link, filled)
        if not filled:
            self._message_after(taker.instant).takers.append(taker)
            return
        first = min(change.number for change in filled)
        changes = self._messages[first - self._first].changes
        of_first = [change for change in filled if change.number == first]
        anchor = min(of_first, key=changes.index)
        anchor.takers = [*anchor.takers, taker]

    def _claim(self, link: Link, filled: list[_Change]) -> None:
        """Give a link's quantity to the reductions of its order at its instant."""
        if link.order_id is None:
            return
        left = link.qty
        start, end = link.instant - EARLY_NS, link.instant + SLACK_NS
        fitting = [
            change
            for change in self._open.get(link.order_id, ())
            if change.left and change.fact.price == link.price and start <= change.fact.time < end
        ]
        if len(fitting) > 1:
            fitting.sort(key=lambda change: change.left != left)
        for change in fitting:
            if left:
                part = min(left, change.left)
                change.left -= part
                change.fills = [*change.fills, (part, link.trade_id)]
                filled.append(change)
                left -= part

    def _message_after(self, instant: int) -> _Message:
        """Return the first message that is not older than an instant, a new one without any."""
        messages = self._messages
        at = bisect_left(messages, instant, key=lambda message: message.at or message.received)
        while at < len(messages) and messages[at].snapshot:
            at += 1
        if at == len(messages):
            received = messages[-1].received if messages else instant
            messages.append(_Message(instant, received, snapshot=False))
        return messages[at]

    # --- rows -----------------------------------------------------------------------------------

    def _settled(self, until: int) -> list[NormalRow]:
        """Let go of the messages that came before an instant, as rows, a second of them at once."""
        messages, rows = self._messages, list[NormalRow]()
        if not messages or messages[0].received >= until - NS_PER_S:
            return rows
        while messages and messages[0].received < until:
            message = messages.popleft()
            self._first += 1
            for taker in message.takers:
                rows += self._trades(taker)
            changes = [change for change in message.changes if change is not None]
            if changes:
                self._add_rows(message, changes, rows)
            elif message.takers:
                rows[-1] = replace(rows[-1], flags=_LAST)
        return rows

    def _add_rows(self, message: _Message, changes: list[_Change], rows: list[NormalRow]) -> None:
        """Add the rows of what a message changed."""
        at, received, ids = message.at, message.received, self.ids
        if at < self._last:
            self.counts["times of messages that fell, raised"] += at > 0
            at = self._last
        self._last = at
        flags, final = _SNAPSHOT if message.snapshot else 0, changes[-1]
        for change in changes:
            if change.takers:
                for taker in change.takers:
                    rows += self._trades(taker, at)
            fact, number = change.fact, 0
            order_id, side, price = fact.order_id, fact.side, fact.price
            if order_id:
                number = ids.get(order_id) or ids.setdefault(order_id, len(ids) + 1)
            if change.why is _BY_FILL:
                self._close(change)
                for qty, trade in change.fills:
                    fill = NormalRow(
                        at,
                        received,
                        _FILL,
                        side,
                        price,
                        qty,
                        order=number,
                        flags=0,
                        why=_BY_FILL,
                        trade=trade,
                    )
                    rows.append(fill)
            action, qty, why = change.action, change.qty, change.why
            if change is final:
                flags |= _LAST
            rows.append(NormalRow(at, received, action, side, price, qty, number, flags, why, 0))

    def _close(self, change: _Change) -> None:
        """Settle a reduction: all of an order that is gone was filled, else what is left amended.

        The ledger links a reduction as a whole or not at all.
        """
        held = self._open[change.fact.order_id]
        held.remove(change)
        if not held:
            del self._open[change.fact.order_id]
        if not change.left:
            return
        if change.action is _CANCEL:
            change.fills = [*change.fills, (change.left, 0)]
            self.counts["fills without a recorded trade"] += 1
        else:
            change.why = _BY_AMEND

    def _trades(self, taker: Taker, latest: int = 1 << 63) -> Iterator[NormalRow]:
        """Yield a taker's trades, then the fills that no visible order explains."""
        self._last = at = min(max(self._last, taker.instant), latest)
        arrivals = {t.trade_id: self._arrivals.pop(t.trade_id, at) for t in taker.trades}
        for trade in taker.trades:
            yield NormalRow(
                at,
                arrivals[trade.trade_id],
                Action.TRADE,
                trade.side,
                trade.price,
                trade.qty,
                order=0,
                flags=0,
                why=Why.FILL,
                trade=trade.trade_id,
            )
        for link in taker.links:
            if link.order_id is None:
                self.counts["fills that no visible order explains"] += 1
                yield NormalRow(
                    at,
                    arrivals[link.trade_id],
                    Action.FILL,
                    link.side,
                    link.price,
                    link.qty,
                    order=0,
                    flags=0,
                    why=Why.HIDDEN,
                    trade=link.trade_id,
                )


def _clear(why: Why, at: int, number: int) -> _Change:
    return _Change(Action.CLEAR, Fact.hole("", at), 0, why, number)
