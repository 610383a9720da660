"""The orders that a ledger knows: the live ones, and those that may still be heard of."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from kracked.flow.facts import State, What
from kracked.flow.life import Life, QueueSide
from kracked.flow.links import MEMORY_NS
from kracked.protocol.events import Side

# As in the ledger: a name in the module costs a fourteenth of a member of an enum.
FILLED, RETURNED, MOVED_IN = State.FILLED, What.RETURNED, What.MOVED_IN

REMEMBERED = 1 << 16
"""Orders out of view that are remembered, so that they are known when they return."""


class Lives:
    """Every order by its id, until nothing more is to be expected of it.

    An order that ended is kept a minute, for a late trade or the next part of an iceberg; one
    that is out of view as long as there is room.

    Attributes:
        known: Every order by its id.
        moving: Those that left their level to be amended.
        away: Those out of view.
    """

    __slots__ = ("_ended", "_finished", "_remembered", "away", "known", "moving")

    def __init__(self, remembered: int, finished: Callable[[Life], None] | None) -> None:
        """Begin with none.

        Args:
            remembered: Orders out of view to keep.
            finished: Takes each order once no more is to be expected of it.
        """
        self.known: dict[str, Life] = {}
        self.moving: dict[str, Life] = {}
        self.away: dict[str, Life] = {}
        self._ended: deque[tuple[int, Life]] = deque()
        self._remembered = remembered
        self._finished = finished

    def live(self) -> Iterator[Life]:
        """Iterate the orders that rest in view."""
        return (life for life in self.known.values() if life.state is State.LIVE)

    def come(self, life: Life) -> None:
        """Take an order as one that is in view again."""
        self.away.pop(life.order_id, None)
        self.moving.pop(life.order_id, None)
        life.state, life.ended = State.LIVE, 0

    def move(self, life: Life, message: int) -> None:
        """Take an order as amended by a message: it will join another level."""
        life.state, life.message = State.MOVING, message
        self.moving[life.order_id] = life

    def come_back(self, life: Life, side: Side, price: int, qty: int, entered: int) -> What:
        """Bring a known order back to life as a message adds it; return why it comes."""
        if entered == life.entered and life.state is not FILLED:
            what = RETURNED
            if qty != life.qty:
                life.resized += 1
        elif life.state is FILLED:
            life.slices += 1
            what = What.REFILLED
        else:
            life.amended += 1
            what = MOVED_IN
        life.side, life.price, life.qty, life.entered = side, price, qty, entered
        self.come(life)
        return what

    def depart(self, life: Life, at: int, state: State = State.AWAY) -> None:
        """Take an order as out of view; where there is no room, let go of the oldest one."""
        life.state, life.ended = state, at
        life.departures += state is State.AWAY
        away = self.away
        away[life.order_id] = life
        if len(away) > self._remembered:
            self._forget(away.pop(next(iter(away))))

    def end(self, life: Life, state: State, time: int, arrived: int) -> None:
        """Take an order as ended."""
        life.state, life.ended = state, time
        self._ended.append((arrived, life))

    def lose_all(self, present: int, at: int) -> list[Life]:
        """Take as unknown what message `present`, a snapshot, does not have; return the live."""
        lost = [life for life in self.live() if life.message != present]
        for life in (*lost, *self.moving.values()):
            self.depart(life, at, State.UNKNOWN)
        self.moving.clear()
        for life in self.away.values():
            life.state = State.UNKNOWN
        return lost

    def give_up_moving(self, message: int, at: int) -> list[Life]:
        """Return amended orders of earlier messages that joined no level: they are out of view."""
        gone = [life for life in self.moving.values() if life.message != message]
        for life in gone:
            del self.moving[life.order_id]
            self.depart(life, at)
        return gone

    def settle(self, now: int) -> None:
        """Let go of what ended more than a minute ago; `now` is on the clock of arrivals."""
        ended = self._ended
        while ended and now - ended[0][0] > MEMORY_NS:
            _, life = ended.popleft()
            if life.state in _ENDS:
                self._forget(life)

    def finish(self) -> None:
        """Let go of all: the data end here."""
        for life in list(self.known.values()):
            self._forget(life)
        self._ended.clear()

    def _forget(self, life: Life) -> None:
        if self.known.get(life.order_id) is life:
            del self.known[life.order_id]
            if self._finished is not None:
                self._finished(life)


class Crossing:
    """Orders that entered across the spread: takers at work, until a later instant is seen.

    Attributes:
        lives: Those that entered across it and are not decided.
    """

    __slots__ = ("_slack", "lives")

    def __init__(self, slack_ns: int) -> None:
        self.lives: list[Life] = []
        self._slack = slack_ns

    def review(
        self, bids: QueueSide, asks: QueueSide, newest: int
    ) -> tuple[list[Life], list[Life]]:
        """After a message, return the orders that cross the book now, and those that rest."""
        shown, rested, still = list[Life](), list[Life](), list[Life]()
        for life in self.lives:
            if life.state is not State.LIVE:
                continue
            own, other = (bids, asks) if life.side is Side.BID else (asks, bids)
            if not life.taking and other.keys and own.sign * life.price + other.keys[-1] >= 0:
                life.taking = True
                shown.append(life)
            if life.taking and newest > life.entered + self._slack:
                life.taking = False
                rested.append(life)
            elif life.taking:
                still.append(life)
        self.lives = still
        return shown, rested


_ENDS = (State.FILLED, State.CANCELLED, State.TAKER)
