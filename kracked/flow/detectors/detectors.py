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
from kracked.flow.detectors.taker_runs import SameSize, Sweeps
from kracked.flow.facts import Fact, Taker, What
from kracked.flow.measures.touch import Touch
from kracked.protocol.events import Side, Trade
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
        self._absorption = Absorption(self.context, self.sightings)
        self._facts: list[Fact] = []
        """The facts of this message."""
        self._reduced = False
        """Whether one of them is a fill, or may be one."""

    def take_news(self) -> list[Sighting]:
        """Return the sightings that came or grew since the last call, in order."""
        return self.sightings.take_news()

    # --- level 3 ----------------------------------------------------------------------------

    def fact(self, fact: Fact) -> None:
        """Take a fact of the ledger, before `see` takes the best prices after its message."""
        context, what = self.context, fact.what
        if context.own and fact.order_id in context.own:
            return
        if what is What.NEW:
            context.orders.add(fact.qty, fact.time)
            self.hidden.came(fact)
            self.walls.came(fact)
        elif what is What.CANCELLED or what is What.MOVED_AWAY:
            self.walls.left(fact)
            self.hidden.left(fact)
        elif what is What.MOVED_IN:
            self.walls.came(fact)
        elif what is What.FILLED:
            self.hidden.filled(fact)
            self.walls.left(fact)
            self._reduced = True
        elif what is What.HOLE:
            self._lose()
            return
        elif what is What.PRESENT:
            if context.ready_at is None:
                context.ready_at = fact.time + context.numbers.warm_up_ns
            return
        else:
            self._rarer(fact)
        self._facts.append(fact)

    def _rarer(self, fact: Fact) -> None:
        if fact.what is What.REFILLED:
            self.hidden.refilled(fact)
        elif fact.what is What.REDUCED:
            self._reduced = True
        elif fact.what in _GONE:
            self.hidden.left(fact)

    def taker(self, taker: Taker) -> None:
        """Take a taker with the orders it filled."""
        if taker.order_id in self.context.own:
            return
        self.hidden.taker(taker)
        self._absorption.taker(taker)

    def end_message(self) -> None:
        """Take the facts so far as those of one message."""
        if self._reduced:
            self._absorption.facts(self._facts)
            self._reduced = False
        if self._facts:
            self._facts = []

    def see(self, touch: Touch, time: int) -> None:
        """Take the best prices after a message."""
        context = self.context
        context.time = max(context.time, time)
        if touch is not context.touch or time - context.sampled_at >= NS_PER_S:
            context.see(touch, time)
        if self.walls.waiting:
            self.walls.settle(time)
        if self._sweeps.waiting:
            self._sweeps.see(touch, time)

    def _lose(self) -> None:
        self.context.lose()
        for each in (self.hidden, self.walls, self._sweeps, self._absorption):
            each.lose()

    # --- trades -----------------------------------------------------------------------------

    def trades(self, trades: Sequence[tuple[int, Trade]]) -> None:
        """Take the new trades of one message that is no snapshot, with their instants."""
        for (time, _), group in groupby(trades, key=_taker_of):
            fills = [trade for _, trade in group]
            self.context.time = max(self.context.time, time)
            self._sweeps.taker(fills, time)
            self._same_size.taker(fills, time)
            self.context.takers.add(sum(trade.qty for trade in fills), time)

    def miss_trades(self) -> None:
        """Say that trades were missed."""
        self._same_size.lose()


_GONE = (What.LEFT_VIEW, What.LOST, What.TAKEN)


def _taker_of(timed: tuple[int, Trade]) -> tuple[int, Side]:
    return timed[0], timed[1].side
