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
from kracked.flow.facts import Fact, Link, Outcome, Taker, What
from kracked.flow.ledger import Ledger
from kracked.flow.measures.touch import Touch
from kracked.protocol.events import Side, Trade


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

    def take_news(self) -> list[Sighting]:
        """Return the sightings that came or grew since the last call, in order."""
        return self.sightings.take_news()

    # --- level 3 ----------------------------------------------------------------------------

    def take(self, outcomes: Sequence[Outcome], ledger: Ledger | None) -> None:
        """Take what the ledger told of one event, before `see` takes the new best prices."""
        self.context.ledger = ledger
        facts: list[Fact] = []
        for outcome in outcomes:
            kind = type(outcome)
            if kind is Fact:
                if self._counts(outcome):  # type: ignore[arg-type]
                    facts.append(outcome)  # type: ignore[arg-type]
            elif kind is Link:
                self.walls.link(outcome)  # type: ignore[arg-type]
            elif kind is Taker:
                self._taker(outcome)  # type: ignore[arg-type]
        if any(fact.what is What.FILLED or fact.what is What.REDUCED for fact in facts):
            self._absorption.facts(facts)

    def _counts(self, fact: Fact) -> bool:
        """Give a fact to the detectors; return whether it is about the order of somebody else."""
        context, what = self.context, fact.what
        if what is What.HOLE:
            self._lose()
            return False
        if what is What.PRESENT:
            if context.ready_at is None:
                context.ready_at = fact.time + context.numbers.warm_up_ns
            return False
        if context.own and fact.order_id in context.own:
            return False
        if what is What.NEW:
            context.orders.add(fact.qty, fact.time)
        self.hidden.fact(fact)
        self.walls.fact(fact)
        return True

    def see(self, touch: Touch, time: int) -> None:
        """Take the best prices after a message."""
        self.context.time = max(self.context.time, time)
        self.context.see(touch, time)
        self.walls.settle(time)
        self._sweeps.see(touch, time)

    def _taker(self, taker: Taker) -> None:
        if taker.order_id in self.context.own:
            return
        self.hidden.taker(taker)
        self._absorption.taker(taker)

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


def _taker_of(timed: tuple[int, Trade]) -> tuple[int, Side]:
    return timed[0], timed[1].side
