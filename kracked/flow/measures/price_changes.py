"""Pulling and stacking: what owners and takers did at each price within a window of time.

Each quantity is counted by the ledger's own reason. A fill is no pulling, an order that came
into view or was in a snapshot is no stacking, and one that left view was not pulled.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from kracked.flow.facts import Fact, Link, Outcome, Settled, What
from kracked.flow.links import EARLY_NS, MEMORY_NS, SLACK_NS
from kracked.flow.measures.level_changes import ChangeRecords, LevelChanges, Shortened, Span
from kracked.protocol.events import Side
from kracked.times import NS_PER_S

__all__ = ["DEFAULT_WINDOW_NS", "WINDOWS", "LevelChanges", "PriceChanges", "Shortened", "Span"]

WINDOWS: tuple[int | None, ...] = (5 * NS_PER_S, 30 * NS_PER_S, 120 * NS_PER_S, None)
"""Lengths of the window on offer, ns; None is since the last reset."""
DEFAULT_WINDOW_NS = 30 * NS_PER_S
MOST_FACTS = 200_000
"""Facts that are kept. With more of them the window shrinks, and says so."""
MOST_WAITING = 1_024
"""What is taken and not summed up, until somebody looks."""

_STACKED, _PULLED, _TRADED, _REFILLED, _PENDING, _MOVED_OUT, _MOVED_IN, _CLEARED = range(8)
_PARTS = 5
_RECORDS = 2 * _PARTS


class PriceChanges:
    """Sums of what happened at each price within a window, both sides.

    A move between two prices is pulled at the one and stacked at the other; within one price,
    or one row of `rows`, only the difference in quantity counts. The time that matters is the
    exchange's. A hole in the data begins all sums anew.

    Attributes:
        window_ns: Length of the window; None is since the last reset.
    """

    def __init__(
        self, window_ns: int | None = DEFAULT_WINDOW_NS, *, most_facts: int = MOST_FACTS
    ) -> None:
        """Begin with nothing known.

        Args:
            window_ns: Length of the window; None is since the last reset.
            most_facts: Facts that are kept, at least 2.
        """
        self.window_ns = window_ns
        self._most = most_facts
        self._kept = ChangeRecords()
        self._sums: dict[int, list[int]] = {}
        """By side and price: five quantities, then their five counts."""
        self._moves: dict[tuple[int, int], list[int]] = {}
        """By both ends: what cancels out within a row, moves that grew, that shrank, all."""
        self._first = 0
        """The oldest record within the window."""
        self._since: dict[Side, tuple[int, Shortened]] = {}
        """When the facts of each side begin, and why; nothing is known of a side without."""
        self._why = Shortened.START
        self._dropped: int | None = None
        """When the newest fact that is no longer kept happened."""
        self._newest = 0
        self._away: dict[str, tuple[int, int]] = {}
        """By order id, what left its level to be amended and has not arrived: key, quantity."""
        self._shown: dict[str, int] = {}
        """By order id, the remainder of a taker that is shown."""
        self._open: dict[str, list[_Open]] = {}
        """Reductions that a trade may still explain, by order id."""
        self._open_in_order: deque[tuple[str, _Open]] = deque()
        self._waiting: list[Outcome] = []
        """What is not summed up yet: many at once cost less."""

    # --- facts ------------------------------------------------------------------------------

    def take(self, outcomes: Sequence[Outcome]) -> None:
        """Take what the symbol's ledger told, in its order; it is summed up when it is read."""
        waiting = self._waiting
        waiting += outcomes
        if len(waiting) >= MOST_WAITING:
            self._sum_up()

    def _sum_up(self) -> None:
        """Sum up what was taken since the last look."""
        waiting, self._waiting, newest = self._waiting, [], self._newest
        for one in waiting:
            if type(one) is not Fact:
                if type(one) is Link:
                    self._link(one)
                elif type(one) is Settled:
                    self._settle(one)
                continue
            what, time = one.what, one.time
            if what is _HOLE:
                self._lose()
                continue
            if time > newest:
                newest = self._newest = time
            if not self._since:
                self._since = dict.fromkeys(Side, (newest, self._why))
            part = _PART_OF.get(what)
            if part is not None:
                self._add(one.price << 1 | (one.side is _ASK), part, one.qty)
            elif what not in _OF_VIEW:
                self._rarer(one, one.price << 1 | (one.side is _ASK))

    def _rarer(self, fact: Fact, key: int) -> None:
        what = fact.what
        if what is What.MOVED_AWAY:
            self._away[fact.order_id] = (key, fact.qty)
        elif what is What.MOVED_IN:
            from_key, out = self._away.pop(fact.order_id, (key, 0))
            if from_key != key:
                self._add(from_key, _MOVED_OUT, out)
                self._add(key, _MOVED_IN, fact.qty)
            elif fact.qty != out:
                self._add(key, _STACKED if fact.qty > out else _PULLED, abs(fact.qty - out))
        elif what is What.REDUCED:
            self._await(fact, self._add(key, _PENDING, fact.qty))
        elif what is What.MOVED_OUT:
            left = self._away.pop(fact.order_id, None)
            if left is not None:
                self._add(left[0], _PULLED, left[1])
        else:
            self._of_taker(fact, key)

    def _of_taker(self, fact: Fact, key: int) -> None:
        """Follow the remainder of a taker: it counts once it rests."""
        if fact.what is What.SHOWN:
            self._shown[fact.order_id] = fact.qty
            return
        if fact.order_id not in self._shown:
            return
        if fact.what is What.RESTED:
            self._add(key, _STACKED, self._shown.pop(fact.order_id))
        else:
            self._shown[fact.order_id] -= fact.qty
            if not self._shown[fact.order_id]:
                del self._shown[fact.order_id]

    def _await(self, fact: Fact, at: int) -> None:
        one = _Open(fact.time, fact.number, at, fact.qty)
        self._open.setdefault(fact.order_id, []).append(one)
        waiting = self._open_in_order
        waiting.append((fact.order_id, one))
        while self._newest - waiting[0][1].time > MEMORY_NS:
            order_id, old = waiting.popleft()
            rest = self._open[order_id]
            rest.remove(old)
            if not rest:
                del self._open[order_id]

    def _link(self, link: Link) -> None:
        """Count a reduction as traded once trades explain all of it, as they do or do not."""
        if link.order_id is None or link.standing is None:
            return
        for one in self._open.get(link.order_id, ()):
            of_instant = -EARLY_NS <= one.time - link.instant < SLACK_NS
            if one.left and of_instant and one.number == link.standing.number:
                one.left -= min(link.qty, one.left)
                if not one.left:
                    self._recount(one.at, _TRADED)
                return

    def _settle(self, settled: Settled) -> None:
        """Count a reduction that no trade explains as pulled; a trade may still come late."""
        for one in self._open.get(settled.order_id, ()):
            if one.time == settled.time and one.left == settled.qty:
                self._recount(one.at, _PULLED)
                return

    # --- records ----------------------------------------------------------------------------

    def _add(self, key: int, part: int, qty: int) -> int:
        kept = self._kept
        at = kept.add(self._newest, key, part, qty)
        if part < _MOVED_OUT:
            sums = self._sums.get(key)
            if sums is None:
                sums = self._sums[key] = [0] * _RECORDS
            sums[part] += qty
            sums[part + _PARTS] += 1
        else:
            self._count(at, 1)
        if at - kept.first >= self._most:
            self._dropped = kept.time(kept.first)
            self._drop()
        return at

    def _count(self, at: int, sign: int) -> None:
        """Add a record to the sums, or take it out of them."""
        key, part, qty = self._kept[at]
        if part >= _MOVED_OUT:
            if part == _CLEARED:
                return
            if part == _MOVED_IN:
                self._count_move(at, sign)
            part = _PULLED if part == _MOVED_OUT else _STACKED
        sums = self._sums.get(key)
        if sums is None:
            sums = self._sums[key] = [0] * _RECORDS
        sums[part] += sign * qty
        sums[part + _PARTS] += sign
        if not sums[part + _PARTS] and not any(sums[_PARTS:]):
            del self._sums[key]

    def _count_move(self, at: int, sign: int) -> None:
        """Note what a move takes from its two prices and would not take from one row."""
        to_key, _, into = self._kept[at]
        from_key, _, out = self._kept[at - 1]
        move = self._moves.setdefault((from_key, to_key), [0, 0, 0, 0])
        move[0] += sign * min(out, into)
        move[1] += sign * (into > out)
        move[2] += sign * (out > into)
        move[3] += sign
        if not move[3]:
            del self._moves[from_key, to_key]

    def _recount(self, at: int, part: int) -> None:
        """Give a reduction another reason; it keeps its time."""
        kept = self._kept
        if at < kept.first or kept[at][1] == _CLEARED:
            return
        if at >= self._first:
            self._count(at, -1)
        kept.set_part(at, part)
        if at >= self._first:
            self._count(at, 1)

    def _drop(self) -> None:
        """Let go of the oldest record, and of the other half of a move."""
        kept = self._kept
        pair = 1 + (kept[kept.first][1] == _MOVED_OUT)
        for at in reversed(range(kept.first, kept.first + pair)):
            if at >= self._first:
                self._count(at, -1)
        kept.drop(pair)
        self._first = max(self._first, kept.first)

    def _lose(self) -> None:
        """Forget all: data are missing."""
        self._since.clear()
        self._why = Shortened.HOLE
        self._kept, self._first, self._dropped = ChangeRecords(), 0, None
        for each in (self._sums, self._moves, self._away, self._shown, self._open):
            each.clear()
        self._open_in_order.clear()

    # --- the window ---------------------------------------------------------------------------

    def advance(self, now: int) -> None:
        """Let what is older than the window leave the sums: once a frame is enough.

        Args:
            now: On the exchange's clock, ns since the Unix epoch.
        """
        self._sum_up()
        if self.window_ns is None:
            return
        kept, horizon = self._kept, now - self.window_ns
        while self._first < kept.end and kept.time(self._first) <= horizon:
            pair = 1 + (kept[self._first][1] == _MOVED_OUT)
            for at in reversed(range(self._first, self._first + pair)):
                self._count(at, -1)
            self._first += pair
        oldest = now - _LONGEST_NS
        while kept.first < self._first and kept.time(kept.first) <= oldest:
            self._dropped = kept.time(kept.first)
            self._drop()

    def set_window(self, window_ns: int | None, now: int) -> None:
        """Sum over another window: the facts of the last two minutes are there already."""
        self._sum_up()
        self.window_ns = window_ns
        self._sums.clear()
        self._moves.clear()
        self._first = self._kept.first
        for at in range(self._kept.first, self._kept.end):
            self._count(at, 1)
        self.advance(now)

    def reset(self, now: int, side: Side | None = None) -> None:
        """Begin the sums of one side anew, or those of both."""
        self._sum_up()
        kept = self._kept
        cleared = {Side.BID: (0,), Side.ASK: (1,), None: (0, 1)}[side]
        for at in reversed(range(kept.first, kept.end)):
            if kept[at][0] & 1 in cleared:
                if at >= self._first:
                    self._count(at, -1)
                kept.set_part(at, _CLEARED)
        begin = max(now, self._newest)
        for one in self._since:
            if side in (None, one):
                self._since[one] = (begin, Shortened.START)

    def span(self, side: Side, now: int) -> Span | None:
        """Return the time that a side's sums cover; None while nothing is known of the book."""
        self._sum_up()
        if side not in self._since:
            return None
        since, why = self._since[side]
        wanted = since if self.window_ns is None else now - self.window_ns
        dropped = self._dropped
        if dropped is not None and dropped >= since and dropped > wanted - (wanted == since):
            return Span(dropped, Shortened.LIMIT)
        if since > wanted or (self.window_ns is None and why is Shortened.HOLE):
            return Span(since, why)
        return Span(wanted, None)

    # --- reading ------------------------------------------------------------------------------

    def at(self, side: Side, price: int) -> LevelChanges:
        """Return the sums of one price."""
        self._sum_up()
        sums = self._sums.get(price << 1 | (side is Side.ASK))
        return LevelChanges(*sums) if sums is not None else _NOTHING

    def row(self, side: Side, row: int, step: int = 1) -> LevelChanges:
        """Return the sums of the row of this price, as `rows` has them."""
        ask = int(side is Side.ASK)
        low, high = (row - step + 1, row) if ask else (row, row + step - 1)
        total = [0] * _RECORDS
        near: Sequence[int] = range(low << 1 | ask, (high << 1 | ask) + 1, 2)
        if high - low >= len(self._sums):
            near = [at for at in self._sums if at & 1 == ask and low <= at >> 1 <= high]
        for key in near:
            if (sums := self._sums.get(key)) is not None:
                total = [one + other for one, other in zip(total, sums, strict=False)]
        for (out_key, in_key), (both, grew, shrank, count) in self._moves.items():
            here = out_key & 1 == ask and low <= out_key >> 1 <= high
            if here and low <= in_key >> 1 <= high:
                total[_STACKED] -= both
                total[_PULLED] -= both
                total[_STACKED + _PARTS] -= count - grew
                total[_PULLED + _PARTS] -= count - shrank
        return LevelChanges(*total)

    def rows(self, side: Side, step: int = 1) -> dict[int, LevelChanges]:
        """Return the sums of each row where something happened.

        Args:
            side: Bids or asks.
            step: Prices a row. Bids belong to the row at or below them, asks to that above.
        """
        self._sum_up()
        ask = int(side is Side.ASK)
        sign = -1 if ask else 1
        found: dict[int, list[int]] = {}
        for key, sums in self._sums.items():
            if key & 1 == ask:
                row = sign * (sign * (key >> 1) // step * step)
                total = found.get(row)
                if total is None:
                    found[row] = sums.copy()
                else:
                    found[row] = [one + other for one, other in zip(total, sums, strict=True)]
        for (out_key, in_key), (both, grew, shrank, count) in self._moves.items():
            row = sign * (sign * (out_key >> 1) // step * step)
            if out_key & 1 == ask and row == sign * (sign * (in_key >> 1) // step * step):
                total = found[row]
                total[_STACKED] -= both
                total[_PULLED] -= both
                total[_STACKED + _PARTS] -= count - grew
                total[_PULLED + _PARTS] -= count - shrank
        return {row: LevelChanges(*total) for row, total in found.items() if any(total)}


class _Open:
    """A reduction in place whose cause may still become known."""

    __slots__ = ("at", "left", "number", "time")

    def __init__(self, time: int, number: int, at: int, qty: int) -> None:
        self.time, self.number, self.at, self.left = time, number, at, qty


_NOTHING = LevelChanges()
_PART_OF = {
    What.NEW: _STACKED,
    What.RAISED: _STACKED,
    What.CANCELLED: _PULLED,
    What.FILLED: _TRADED,
    What.REFILLED: _REFILLED,
}
_OF_VIEW = {What.CAME, What.RETURNED, What.PRESENT, What.LEFT_VIEW, What.LOST}
_HOLE, _ASK = What.HOLE, Side.ASK
_LONGEST_NS = max(length for length in WINDOWS if length is not None)
