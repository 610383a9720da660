"""Samples of what becomes of orders: ghosts in real queues, placed every two seconds.

At each instant a ghost of the smallest quantity stands on both sides, at the touch and 1 to 2, 3
to 5 and 6 to 10 levels behind it: one at the back of the level, one somewhere within its queue.
The ledger decides when it would have been filled. It sees only what level 3 and the trades tell,
so the same code samples a recording and a live market.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from heapq import heapify, heappop, heappush
from itertools import count
from random import Random
from typing import NamedTuple

from kracked.flow.facts import Fact, Outcome, Standing, Taker, What
from kracked.flow.ghost import JOINS, Ghost
from kracked.flow.ledger import Ledger
from kracked.flow.life import QueueLevel
from kracked.flow.odds.recent import RecentMarket
from kracked.flow.odds.situation import Situation, around, situation
from kracked.protocol.events import Side
from kracked.times import NS_PER_S

EVERY_NS = 2 * NS_PER_S
HORIZON_S = 300
"""How long a ghost is followed."""
LEAVES_BP = 1
"""How far the mid has to go away from an order for the price to have left it."""
RANKS = ((0, 0), (1, 2), (3, 5), (6, 10))
"""First and last of the levels among which one is drawn, the touch being 0."""
MANY = 1_024
"""Ghosts that ended and still wait for the price to leave, before they are looked through."""
_HOLE = What.HOLE
_BID, _ASK = Side.BID, Side.ASK
"""As names in the module: to look a member up in its enum costs 70 ns each time."""
_US = 1_000
_END_NS = HORIZON_S * NS_PER_S


class Sample(NamedTuple):
    """A ghost's situation when it was placed, and what became of it in 300 s."""

    placed: int
    """The exchange's time, ns since the Unix epoch."""
    side: Side
    back: bool
    """Whether it stood at the back of its level, as a new order does."""
    situation: Situation
    wait_ns: int | None
    """How long until it would have been filled; None if it would not."""
    left: bool
    """Whether the price left first: the mid went 1 bp away from its side before it was filled."""


class _Placed:
    """A ghost and what it was placed in."""

    __slots__ = ("back", "ghost", "left", "side", "situation", "time")

    def __init__(self, ghost: Ghost, time: int, situation: Situation, *, back: bool) -> None:
        self.ghost, self.time, self.situation, self.back = ghost, time, situation, back
        self.side = ghost.side
        self.left: int | None = None
        """When the price left it."""


class GhostField:
    """Places ghosts in one symbol's queues and follows them to their end.

    Give it every event's outcomes, after the ledger has applied the event.

    Attributes:
        began: The exchange's time of the first book; 0 before it.
        now: That of the newest one.
        watched_ns: For how long of these the book was known.
    """

    def __init__(
        self, recent: RecentMarket, decimals: int, *, every_ns: int = EVERY_NS, seed: int = 1
    ) -> None:
        """Begin without a ghost.

        Args:
            recent: The symbol's last minutes; whoever owns it lets it follow first.
            decimals: Decimals of the symbol's quantities.
            every_ns: Time between two instants.
            seed: Of the draws among levels and within queues.
        """
        self.began = self.now = self.watched_ns = 0
        self._recent, self._decimals, self._every = recent, decimals, every_ns
        self._random = Random(seed)
        self._due = 0
        self._known = False
        """Whether the book was known after the event before."""
        self._open: deque[_Placed] = deque()
        """All that are followed, in order of time."""
        self._bids: list[int] = []
        self._asks: list[int] = []
        """Prices with ghosts, as in `QueueSide.keys`: the best is last."""
        self._keys = {_BID: self._bids, _ASK: self._asks}
        self._at: dict[Side, dict[int, list[_Placed]]] = {side: {} for side in Side}
        self._crossed: deque[tuple[int, _Placed]] = deque()
        """Those that wait for the takers of before an order that rested across them, since when."""
        self._leaving: dict[Side, list[tuple[int, int, _Placed]]] = {side: [] for side in Side}
        """By the mid at which the price has left them."""
        self._numbers = count()
        self._mid = 0

    def follow(self, ledger: Ledger, outcomes: list[Outcome]) -> list[Sample]:
        """Follow one event; return the samples whose end is known now."""
        for one in outcomes:
            kind = type(one)
            if kind is Fact:
                if one.what in JOINS:  # type: ignore[union-attr]
                    self._rests(one)  # type: ignore[arg-type]
                elif one.what is _HOLE:  # type: ignore[union-attr]
                    self._lose()
            elif kind is Taker:
                self._take(one)  # type: ignore[arg-type]
        if ledger.lost:
            return []
        time = ledger.linker.level3_time
        if self._known:
            self.watched_ns += time - self.now
        else:
            self._known, self.began = True, self.began or time
        self.now = time
        if self._recent.mid != self._mid:
            self._see_mid(time)
        ended = self._settle(ledger.linker.decided)
        if time >= self._due:
            self._place(ledger, time)
        return ended

    # --- placing ------------------------------------------------------------------------------

    def _place(self, ledger: Ledger, time: int) -> None:
        self._due = time - time % self._every + self._every
        if self._recent.lacks_ns(time):
            return
        for side in Side:
            market = around(ledger, self._recent, side, self._decimals)
            if market is None:
                return
            queues = ledger.side(side)
            for first, last in RANKS:
                rank = self._random.randint(first, last)
                draw = self._random.random()
                if rank >= len(queues.keys):
                    continue
                level = queues.levels[queues.sign * queues.keys[-1 - rank]]
                for back in (True, False):
                    number, ahead, orders = _spot(level, None if back else draw)
                    found = situation(ledger, market, level.price, ahead, orders)
                    if found is not None:
                        # Takers of before this instant are cut to a microsecond.
                        standing = Standing(level.made, number, time + _US)
                        ghost = Ghost(side, level.price, 1, standing)
                        self._add(_Placed(ghost, time, found, back=back))

    def _add(self, one: _Placed) -> None:
        side, price, time = one.side, one.ghost.price, one.time
        key = price if side is Side.BID else -price
        self._open.append(one)
        at = self._at[side].get(key)
        if at is None:
            self._at[side][key] = [one]
            insort(self._keys[side], key)
        else:
            at.append(one)
        # The mid goes away from a bid by rising: compare twice the mid, signed.
        mid = self._recent.mid
        leaves_at = (mid if side is Side.BID else -mid) - (-mid * LEAVES_BP // 10_000)
        leaving = self._leaving[side]
        heappush(leaving, (leaves_at, next(self._numbers), one))
        if len(leaving) > len(self._open) + MANY:
            leaving[:] = [each for each in leaving if each[2].time > time - _END_NS]
            heapify(leaving)

    # --- following ----------------------------------------------------------------------------

    def _rests(self, fact: Fact) -> None:
        """Let an order that comes to rest across ghosts fill them."""
        if fact.side is _ASK:
            if not self._bids or fact.price > self._bids[-1]:
                return
            met = self._reached(_BID, fact.price)
        else:
            if not self._asks or -fact.price > self._asks[-1]:
                return
            met = self._reached(_ASK, -fact.price)
        for one in met:
            one.ghost.apply(fact)
            self._crossed.append((fact.time, one))

    def _take(self, taker: Taker) -> None:
        """Let a taker fill what it leaves to ghosts."""
        side = taker.side.opposite
        if not self._keys[side]:
            return
        sign = 1 if side is Side.BID else -1
        worst = min(sign * trade.price for trade in taker.trades)
        if taker.killed and taker.limit is not None:
            worst = min(worst, sign * taker.limit)
        for one in self._reached(side, worst):
            if one.ghost.take(taker):
                self._remove(one)

    def _reached(self, side: Side, limit: int) -> list[_Placed]:
        """Return the ghosts of a side at or above a key."""
        found: list[_Placed] = []
        for key in reversed(self._keys[side]):
            if key < limit:
                break
            found += self._at[side][key]
        return found

    def _see_mid(self, time: int) -> None:
        mid = self._mid = self._recent.mid
        for side, seen in ((_BID, mid), (_ASK, -mid)):
            leaving = self._leaving[side]
            while leaving and leaving[0][0] <= seen:
                one = heappop(leaving)[2]
                one.left = time

    def _settle(self, decided: int) -> list[Sample]:
        """Decide what all takers of before are known of; return what ended."""
        crossed = self._crossed
        while crossed and crossed[0][0] <= decided:
            one = crossed.popleft()[1]
            if one.ghost.settle(decided):
                self._remove(one)
        ended: list[Sample] = []
        while self._open and self._open[0].time + _US + _END_NS <= decided:
            ended.append(self._end(self._open.popleft()))
        return ended

    def _end(self, one: _Placed) -> Sample:
        """Take out a ghost that was followed long enough; return what became of it."""
        fills = one.ghost.fills
        if not fills:
            self._remove(one)
        wait = max(0, fills[0].instant - one.time) if fills else None
        if wait is not None and wait > _END_NS:
            wait = None
        left = one.left is not None and (
            one.left - one.time <= _END_NS and (wait is None or one.left - one.time < wait)
        )
        return Sample(one.time, one.side, one.back, one.situation, wait, left)

    def _remove(self, one: _Placed) -> None:
        """Take a ghost out of its price."""
        key = one.ghost.price if one.side is Side.BID else -one.ghost.price
        at = self._at[one.side].get(key)
        if at is None or one not in at:
            return
        at.remove(one)
        if not at:
            del self._at[one.side][key]
            self._keys[one.side].remove(key)

    def _lose(self) -> None:
        """Forget all: nobody can say what became of them in a hole."""
        self._open.clear()
        self._crossed.clear()
        self._known = False
        for side in Side:
            self._keys[side].clear()
            self._at[side].clear()
            self._leaving[side].clear()


def _spot(level: QueueLevel, draw: float | None) -> tuple[int, int, int]:
    """Return number, quantity ahead and orders ahead of a place: the back, or a drawn one."""
    if draw is None:
        return level.joined + 1, level.qty, len(level.orders)
    ahead = 0
    place = int(draw * len(level.orders))
    for at, life in enumerate(level.orders.values()):
        if at == place:
            return life.number, ahead, at
        ahead += life.qty
    return level.joined + 1, ahead, len(level.orders)
