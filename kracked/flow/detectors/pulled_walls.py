"""Pulled walls: large orders cancelled, with nothing filled, when the price had come near.

Distance is measured in price: the tenth level may be 30 or 100 ticks away. A cancel that is a
move, and a whole side that pulls back, are no pulled walls.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from kracked.flow.detectors.context import MarketContext, Sightings
from kracked.flow.detectors.sighting import Evidence, Kind, Notes, Sighting, Sureness
from kracked.flow.facts import Birth, Fact, Outcome, What
from kracked.flow.measures.sizes import Share
from kracked.flow.measures.touch import NEAR_BP
from kracked.protocol.events import Side
from kracked.times import NS_PER_S

MOST_WALLS = 500
WALL: Share = (1, 1_000)
"""The part of new orders that are walls where they stand."""
LATELY_NS = NS_PER_S
"""How long facts are kept to see whether a whole side pulled back."""


class _Wall:
    """A large order whose arrival was seen."""

    __slots__ = ("distance", "filled", "note", "order_id", "price", "qty", "side", "time")

    def __init__(self, fact: Fact, note: Evidence, distance: int) -> None:
        self.order_id, self.side, self.price = fact.order_id, fact.side, fact.price
        self.qty, self.time, self.note, self.distance = fact.qty, fact.time, note, distance
        self.filled = False


class _Gone(NamedTuple):
    """A wall that was cancelled near the price, and may yet turn out to have moved."""

    wall: _Wall
    note: Evidence
    time: int
    distance: int
    middle: int
    """Best bid plus best ask."""
    near: int
    """What else rests of the side within 10 bp, after it went."""


class StandingWall(NamedTuple):
    """An order among the largest that has stood a while, not far from the price."""

    order_id: str
    side: Side
    price: int
    qty: int
    since: int
    """When it entered the book at this price."""
    arrival_seen: bool


class PulledWalls:
    """Follows large orders from their arrival to their end.

    Attributes:
        standing: Large orders that are followed, by id.
        gone: Walls that went and have still to be decided about.
        traded: Walls that the price reached and that were filled.
        pulled: Walls that the price reached and that were cancelled.
    """

    def __init__(self, context: MarketContext, sightings: Sightings) -> None:
        self._context, self._sightings = context, sightings
        self.traded = self.pulled = 0
        self.standing: dict[str, _Wall] = {}
        self.gone: deque[_Gone] = deque()
        self._lately: deque[tuple[int, Sequence[Outcome]]] = deque()
        """What was told of late, by message."""
        self._groups = 0
        self._stood_at, self._stood = 0, list[StandingWall]()
        """The second of the last look at walls that stand, and what was found."""

    def lose(self) -> None:
        """Forget what a hole may have changed."""
        self.standing.clear()
        self.gone.clear()
        self._lately.clear()

    def came(self, fact: Fact) -> None:
        """Take a new order."""
        if self.gone:
            self._see_moves(fact)
        thresholds = self._context.orders.in_force
        if thresholds is not None and fact.qty >= thresholds.detector:
            self._consider(fact)

    def left(self, fact: Fact) -> None:
        """Take an order of `standing` that was cancelled, moved or filled."""
        wall = self.standing.pop(fact.order_id)
        self.traded += fact.what is What.FILLED
        if fact.what is What.CANCELLED and not wall.filled:
            self._cancelled(wall, fact)

    def remember(self, outcomes: Sequence[Outcome], time: int) -> None:
        """Keep what a message told for a second, or as long as a wall waits to be decided about.

        Args:
            outcomes: What it told.
            time: The time of its last fact.
        """
        lately, horizon = self._lately, time - LATELY_NS
        lately.append((time, outcomes))
        while lately[0][0] < horizon and not self.gone:
            lately.popleft()

    def that_stand(self) -> list[StandingWall]:
        """Return the orders of the largest thousandth that have stood a while near the price.

        A mark and no alarm. While sizes are being learnt, or the book is not known, there are none.
        """
        context = self._context
        ledger, touch, second = context.ledger, context.touch, context.time // NS_PER_S
        if ledger is None or touch is None or not context.ready:
            return []
        if second == self._stood_at:
            return self._stood
        self._stood_at, self._stood = second, []
        found = context.orders.in_force
        if found is None or found.learning:
            return []
        least = max(found.detector, *context.orders.histogram.above(WALL))
        middle, numbers = touch.bid + touch.ask, context.numbers
        before = context.time - numbers.wall_stands_ns
        for side in (ledger.bids, ledger.asks):
            for key in reversed(side.keys):
                level = side.levels[side.sign * key]
                if abs(middle - 2 * level.price) * 10_000 > numbers.wall_stands_bp * middle:
                    break
                if level.qty >= least:
                    self._stood += [
                        StandingWall(
                            order_id=life.order_id,
                            side=side.side,
                            price=level.price,
                            qty=life.qty,
                            since=life.entered,
                            arrival_seen=life.birth is Birth.SEEN,
                        )
                        for life in level.orders.values()
                        if life.qty >= least
                        and life.entered <= before
                        and life.order_id not in context.own
                    ]
        return self._stood

    def settle(self, time: int) -> None:
        """Decide about walls that went long enough ago, by the exchange's clock."""
        gone, wait_ns = self.gone, self._context.numbers.group_went_ns
        while gone and time - gone[-1].time > wait_ns:
            side = gone[0].wall.side
            self._decide([one for one in gone if one.wall.side is side])
            self.gone = gone = deque(one for one in gone if one.wall.side is not side)

    # --- coming and going -------------------------------------------------------------------

    def _consider(self, fact: Fact) -> None:
        """Follow an order if it is a wall: large, and far enough from the best price."""
        context = self._context
        thresholds = context.orders.in_force
        if thresholds is None or thresholds.learning:
            return
        if fact.qty < self._sightings.raise_limit(Kind.PULLED, thresholds.detector):
            return
        distance = context.distance(fact.side, fact.price)
        far = context.better_levels(fact.side, fact.price) >= context.numbers.wall_levels
        if distance is not None and far:
            self.standing[fact.order_id] = _Wall(fact, context.note(fact), distance)
            if len(self.standing) > MOST_WALLS:
                del self.standing[next(iter(self.standing))]

    def _see_moves(self, fact: Fact) -> None:
        """Take a cancel as a move when the same size comes to the same side right after."""
        for one in self.gone:
            same = one.wall.qty == fact.qty and one.wall.side is fact.side
            if same and 0 <= fact.time - one.time <= self._context.numbers.moved_ns:
                self.gone.remove(one)
                return

    def _cancelled(self, wall: _Wall, fact: Fact) -> None:
        context, numbers = self._context, self._context.numbers
        touch, distance = context.touch, context.distance(wall.side, wall.price)
        if touch is None or distance is None or not context.ready:
            return
        middle = touch.bid + touch.ask
        near = max(
            numbers.wall_near_bp * middle // 20_000,
            numbers.wall_near_spreads * (touch.ask - touch.bid),
        )
        if 2 * distance > wall.distance or distance > near:
            return
        before = context.touch_at(fact.time - numbers.wall_answer_ns)
        if before is not None and distance >= before.distance(wall.side, wall.price):
            return  # the price has stood there, and the wall with it
        rests = self._near_qty(wall.side, middle)
        note = context.note(fact)
        self.gone.append(_Gone(wall, note, fact.time, distance, middle, rests))

    def _near_qty(self, side: Side, middle: int) -> int:
        """Return what rests of a side within 10 bp of the mid."""
        ledger = self._context.ledger
        if ledger is None:
            return 0
        queues, total = ledger.side(side), 0
        for key in reversed(queues.keys):
            price = queues.sign * key
            if abs(middle - 2 * price) * 10_000 > NEAR_BP * middle:
                break
            total += queues.levels[price].qty
        return total

    def _lost(self, gone: list[_Gone], begin: int, end: int) -> int:
        """Return what else a side lost near the price between two instants."""
        side, middle = gone[0].wall.side, gone[0].middle
        walls = {one.wall.order_id for one in gone}
        return -sum(
            _SIGNS.get(fact.what, 0) * fact.qty
            for _, outcomes in self._lately
            for fact in outcomes
            if type(fact) is Fact
            and begin <= fact.time <= end
            and fact.side is side
            and fact.order_id not in walls
            and abs(middle - 2 * fact.price) * 10_000 <= NEAR_BP * middle
        )

    # --- decisions --------------------------------------------------------------------------

    def _decide(self, gone: list[_Gone]) -> None:
        """Report walls of one side that went together."""
        numbers = self._context.numbers
        first = gone[0]
        begin, end = first.time - numbers.group_went_ns, first.time + numbers.group_went_ns
        lost = self._lost(gone, begin, end)
        there = first.near + max(self._lost(gone, begin, first.time), 0)
        if there and lost * 100 > numbers.side_percent * there:
            self._report_side(gone, 100 * lost // there)
            return
        self.pulled += len(gone)
        for group in self._grouped(gone):
            self._report(group)

    def _grouped(self, gone: list[_Gone]) -> list[list[_Gone]]:
        """Return walls that came and went together as one group, the others by themselves."""
        numbers = self._context.numbers
        groups: list[list[_Gone]] = []
        for one in sorted(gone, key=lambda each: each.wall.time):
            if groups and one.wall.time - groups[-1][0].wall.time <= numbers.group_came_ns:
                groups[-1].append(one)
            else:
                groups.append([one])
        return [
            part
            for group in groups
            for part in ([group] if len(group) >= numbers.group_size else [[one] for one in group])
        ]

    def _report(self, group: list[_Gone]) -> None:
        group = sorted(group, key=lambda one: one.time)
        first, walls = group[0], [one.wall for one in group]
        notes = Notes(wall.note for wall in walls)
        for one in group:
            notes.add(one.note)
        self._groups += 1
        prices = [wall.price for wall in walls]
        nearest = min(group, key=lambda one: one.distance)
        self._sightings.report(
            self._groups,
            Sighting(
                kind=Kind.PULLED,
                side=first.wall.side,
                price=prices[0],
                last_price=prices[-1],
                first=min(wall.time for wall in walls),
                last=group[-1].time,
                qty=sum(wall.qty for wall in walls),
                count=len(group),
                sureness=Sureness.PATTERN,
                evidence=notes.facts,
                detail={
                    "stood ns": first.time - first.wall.time,
                    "came at bp/100": _bp(nearest.wall.distance, nearest.middle),
                    "went at bp/100": _bp(nearest.distance, nearest.middle),
                    "nearest first": int(group == sorted(group, key=lambda one: one.distance)),
                },
                numbers=self._limits(),
            ),
        )

    def _report_side(self, gone: list[_Gone], percent: int) -> None:
        self._groups += 1
        notes = Notes(one.note for one in gone)
        first = gone[0]
        self._sightings.report(
            self._groups,
            Sighting(
                kind=Kind.PULLED_BACK,
                side=first.wall.side,
                price=first.wall.price,
                last_price=gone[-1].wall.price,
                first=first.time,
                last=gone[-1].time,
                qty=sum(one.wall.qty for one in gone),
                count=len(gone),
                sureness=Sureness.PATTERN,
                evidence=notes.facts,
                detail={"percent": percent},
                numbers=self._limits(),
            ),
        )

    def _limits(self) -> dict[str, int]:
        thresholds = self._context.orders.thresholds()
        large = thresholds.detector if thresholds is not None else 0
        numbers = self._context.numbers
        return {
            "large order": large,
            "levels": numbers.wall_levels,
            "near bp": numbers.wall_near_bp,
        }


_SIGNS = {What.NEW: 1, What.MOVED_IN: 1, What.CANCELLED: -1, What.MOVED_AWAY: -1}


def _bp(distance: int, middle: int) -> int:
    """Return a distance in hundredths of a basis point of the mid."""
    return 2_000_000 * distance // middle
