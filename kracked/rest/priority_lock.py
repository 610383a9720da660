"""Lets one private call at a time per key go out, those that reduce risk first.

Two requests sent together can overtake each other, and the exchange refuses the one whose
nonce then comes late. So calls take turns; a cancel does not queue behind reads. Nor does it
wait for a slow answer: after `OVERTAKE_AFTER_S` the call on its way has arrived if it ever
will, and a more urgent call goes out beside it, with the higher nonce. If the slow one
arrives after all, it is the one that is refused.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator, Iterator, Set
from contextlib import asynccontextmanager
from enum import IntEnum

OVERTAKE_AFTER_S = 0.5
"""Seconds that a call may hold up a more urgent one; a round trip takes a fraction of it."""


class Urgency(IntEnum):
    """The rank of a call among those that wait, lowest first; equals go in order of arrival."""

    CANCEL = 0
    SWITCH = 1
    """Setting or stopping the dead man's switch."""
    ORDER = 2
    READ = 3


class Withdrawn(Exception):
    """A cancel withdrew an order that had not gone out yet."""


class LockTurn:
    """One call's turn: first its place in the queue, then its time as the holder."""

    def __init__(self, urgency: Urgency, names: Set[object]) -> None:
        self.urgency, self.names = urgency, names
        self.overtaken = False
        """Whether a more urgent call went out while this one's answer was awaited."""
        self.granted: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        """True when it is this call's turn, False when it was withdrawn."""
        self.since = 0.0
        """When the turn began, by the loop's clock."""

    def yields_to(self, other: LockTurn) -> bool:
        """Whether another call may go out before this one's answer.

        Cancels wait for no answer, not even of another cancel: repeated they do no harm.
        """
        return other.urgency < self.urgency or other.urgency is Urgency.CANCEL


class PriorityLock:
    """A lock that serves its waiters by urgency; a slow holder loses it to an urgent waiter."""

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
        """Wait for a turn and hold it until the block ends, or until it is overtaken.

        Args:
            urgency: The rank among the calls that wait.
            names: The names that `withdraw` knows the call by.

        Raises:
            Withdrawn: It was withdrawn while it waited.
        """
        turn = LockTurn(urgency, names)
        await self._wait(turn)
        try:
            yield turn
        finally:
            self._leave(turn)

    def withdraw(self, names: Set[object] | None = None) -> None:
        """Withdraw orders that wait: those with one of the names, or all without names."""
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
        """Set a timer to overtake the holder, if a call that may do so waits."""
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
