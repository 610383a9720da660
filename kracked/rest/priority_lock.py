"""One private call at a time per key, and the ones that reduce risk first.

Two requests that set out together can overtake each other, and the exchange refuses the
one whose nonce then comes late. So calls take turns; a cancel does not queue behind the
reads. Nor does it wait for a slow answer: after `OVERTAKE_AFTER_S` the call on its way has
arrived if it ever will, and whoever is more urgent goes out beside it, with the higher
nonce. Should the slow one arrive after all, it is the one that is refused.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator, Iterator, Set
from contextlib import asynccontextmanager
from enum import IntEnum

OVERTAKE_AFTER_S = 0.5
"""How long a call may keep a more urgent one waiting; a round trip takes a fraction of it."""


class Urgency(IntEnum):
    """Who goes first when several wait; equals go in the order they came."""

    CANCEL = 0
    SWITCH = 1
    """The dead-man's switch: turned on, turned off."""
    ORDER = 2
    READ = 3


class Withdrawn(Exception):
    """A cancel took back what had not gone out yet."""


class LockTurn:
    """One call's place in the queue, and afterwards what happened in its time."""

    def __init__(self, urgency: Urgency, names: Set[object]) -> None:
        self.urgency, self.names = urgency, names
        self.overtaken = False
        """A more urgent call went out while this one's answer was awaited."""
        self.granted: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.since = 0.0

    def yields_to(self, other: LockTurn) -> bool:
        """Cancels wait for nobody's answer, not even each other's; repeated they do no harm."""
        return other.urgency < self.urgency or other.urgency is Urgency.CANCEL


class PriorityLock:
    """A lock whose waiters are served by urgency, and that a slow holder loses to an urgent one."""

    def __init__(self, overtake_after_s: float = OVERTAKE_AFTER_S) -> None:
        self._overtake_after_s = overtake_after_s
        self._holder: LockTurn | None = None
        self._arrivals = 0
        self._waiting: list[tuple[int, int, LockTurn]] = []
        self._watch: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def turn(
        self, urgency: Urgency, names: Set[object] = frozenset()
    ) -> AsyncIterator[LockTurn]:
        """Holds the turn until the block ends, or until it is overtaken.

        `names` are what `withdraw` knows it by. Raises `Withdrawn`.
        """
        turn = LockTurn(urgency, names)
        await self._wait(turn)
        try:
            yield turn
        finally:
            self._leave(turn)

    def withdraw(self, names: Set[object] | None = None) -> None:
        """Takes back the orders that wait: those with one of the names, or without names all."""
        for turn in self._queued():
            if turn.urgency is Urgency.ORDER and (
                names is None or not names.isdisjoint(turn.names)
            ):
                turn.granted.set_result(False)

    async def _wait(self, turn: LockTurn) -> None:
        if self._holder is None:
            self._grant(turn)
            return
        self._arrivals += 1
        heapq.heappush(self._waiting, (turn.urgency, self._arrivals, turn))
        self._watch_holder()
        try:
            granted = await turn.granted
        except asyncio.CancelledError:
            self._leave(turn)
            raise
        if not granted:
            raise Withdrawn

    def _queued(self) -> Iterator[LockTurn]:
        return (turn for _, _, turn in self._waiting if not turn.granted.done())

    def _grant(self, turn: LockTurn) -> None:
        turn.since = asyncio.get_running_loop().time()
        turn.granted.set_result(True)
        self._holder = turn

    def _leave(self, turn: LockTurn) -> None:
        if self._holder is turn:
            self._pass_on()

    def _pass_on(self) -> None:
        self._holder = None
        while self._waiting and self._holder is None:
            following = heapq.heappop(self._waiting)[2]
            if not following.granted.done():
                self._grant(following)
        self._watch_holder()

    def _watch_holder(self) -> None:
        """Sets the time at which the holder has had its turn, if somebody waits who goes before."""
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        holder = self._holder
        if holder is not None and any(holder.yields_to(turn) for turn in self._queued()):
            loop = asyncio.get_running_loop()
            self._watch = loop.call_at(
                holder.since + self._overtake_after_s, self._overtake, holder
            )

    def _overtake(self, holder: LockTurn) -> None:
        self._watch = None
        if self._holder is holder and any(holder.yields_to(turn) for turn in self._queued()):
            holder.overtaken = True
            self._pass_on()
