"""The detectors of one market, fed together by what `MarketFlow` gets."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from kracked.flow.detectors.absorption import Absorption
from kracked.flow.detectors.context import MarketContext, Sightings
from kracked.flow.detectors.hidden_size import HiddenSize
from kracked.flow.detectors.numbers import DetectorNumbers
from kracked.flow.detectors.pulled_walls import PulledWalls
from kracked.flow.detectors.sighting import Sighting
from kracked.flow.detectors.taker_runs import Bursts, SameSize, Sweeps
from kracked.flow.facts import Fact, Link, Outcome, Taker, What
from kracked.flow.measures.touch import Touch
from kracked.protocol.events import Trade
from kracked.times import NS_PER_S


class Detectors:
    """Everything that is looked for in one market.

    Attributes:
        context: What they look at.
        sightings: What they saw.
        walls: The detector of pulled walls, which counts those that traded too.
        hidden: The detector of hidden size, which has marks below a sighting too.
    """

    def __init__(self, symbol: str, numbers: DetectorNumbers | None = None) -> None:
        """Begin without a book.

        Args:
            symbol: The pair.
            numbers: The limits to go by.
        """
        numbers = numbers or DetectorNumbers()
        self.context = MarketContext(numbers)
        self.sightings = Sightings(symbol, numbers)
        self.hidden = HiddenSize(self.context, self.sightings)
        self.walls = PulledWalls(self.context, self.sightings)
        self._same_size = SameSize(self.context, self.sightings)
        self._sweeps = Sweeps(self.context, self.sightings)
        self._bursts = Bursts(self.context, self.sightings)
        self._absorption = Absorption(self.context, self.sightings)

    def take_news(self) -> list[Sighting]:
        """Return the sightings that came or grew since the last call, in order."""
        return self.sightings.take_news()

    # --- level 3 ----------------------------------------------------------------------------

    def take(self, outcomes: Sequence[Outcome]) -> None:
        """Take what the ledger told of one message, before `see` takes the best prices after it."""
        hidden, walls = self.hidden, self.walls
        reduced, time = False, 0
        outcomes = self._of_others(outcomes)
        for one in outcomes:
            if type(one) is not Fact:
                self._decided(one)
                continue
            what, time = one.what, one.time
            if what is _NEW:
                self.context.orders.add(one.qty, time)
                if hidden.recent:
                    hidden.came(one)
                walls.came(one)
            elif what in _GONE:
                hidden.children.pop(one.order_id, None)  # nothing follows it
                if one.order_id in walls.standing and what not in _UNKNOWN_WHY:
                    walls.left(one)
            elif what not in _UNSEEN:
                reduced |= self._rarer(one)
        if time:
            walls.remember(outcomes, time)
        if reduced:
            self._absorption.message(outcomes)

    def _of_others(self, outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
        """Leave out the facts of own orders, which never count."""
        own = self.context.own.ids
        if not own:
            return outcomes
        return [one for one in outcomes if type(one) is not Fact or one.order_id not in own]

    def _rarer(self, fact: Fact) -> bool:
        """Take a rarer fact; return whether something was filled, or may have been."""
        context, what = self.context, fact.what
        if what is What.FILLED:
            self.hidden.filled(fact)
            if fact.order_id in self.walls.standing:
                self.walls.left(fact)
        elif what is What.REFILLED:
            self.hidden.refilled(fact)
        elif what is What.HOLE:
            context.lose()
            for each in (self.hidden, self.walls, self._sweeps, self._absorption):
                each.lose()
        elif what is What.PRESENT and context.ready_at is None:
            context.ready_at = fact.time + context.numbers.warm_up_ns
        return what is What.FILLED or what is What.REDUCED

    def _decided(self, one: Outcome) -> None:
        """Take a trade with its order, or a taker with the orders it filled."""
        if type(one) is Link:
            wall = self.walls.standing.get(one.order_id or "")
            if wall is not None:  # filled in part it is no pulled one
                wall.filled = True
        elif type(one) is Taker and one.order_id not in self.context.own:
            self.hidden.taker(one)
            self._absorption.taker(one)

    def see(self, touch: Touch, time: int) -> None:
        """Take the best prices after a message."""
        context = self.context
        context.time = max(context.time, time)
        if touch is not context.touch or time - context.sampled_at >= NS_PER_S:
            context.see(touch, time)
        if self.walls.gone:
            self.walls.settle(time)
        if time >= self._sweeps.due_at:
            self._sweeps.see(touch, time)

    # --- trades -----------------------------------------------------------------------------

    def trades(self, trades: Sequence[tuple[int, Trade]]) -> None:
        """Take the new trades of one message that is no snapshot, with their instants."""
        for (time, _), group in groupby(trades, key=lambda timed: (timed[0], timed[1].side)):
            fills = [trade for _, trade in group]
            self.context.time = max(self.context.time, time)
            self._sweeps.taker(fills, time)
            self._same_size.taker(fills, time)
            self._bursts.taker(fills, time)
            self.context.takers.add(sum(trade.qty for trade in fills), time)

    def learn_own(self) -> None:
        """Mark what own takers did, after the account has told of their trades."""
        self._sweeps.learn_own()

    def miss_trades(self) -> None:
        """Say that trades were missed."""
        self._same_size.lose()
        self._bursts.lose()


# To look a member up in its enum costs 70 ns each time, a name in the module 5.
_NEW = What.NEW
_UNKNOWN_WHY = {What.LEFT_VIEW, What.LOST, What.TAKEN}
_GONE = {What.CANCELLED, What.MOVED_AWAY, *_UNKNOWN_WHY}
_UNSEEN = {What.CAME, What.RETURNED, What.MOVED_IN, What.RAISED}
