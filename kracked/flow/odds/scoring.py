"""Keeps the score of odds that were given: of own orders, and of ghosts, as they end."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from kracked.flow.odds.reliability import Reliability
from kracked.flow.odds.samples import HORIZON_S, Sample
from kracked.flow.odds.table import HORIZONS_S, Odds, OddsTable
from kracked.times import NS_PER_S

MOST_OPEN = 1_000
"""Own orders whose end is awaited; the oldest one is let go for one more."""
_HORIZONS_NS = tuple(seconds * NS_PER_S for seconds in HORIZONS_S)


class OddsScore(msgspec.Struct, kw_only=True):
    """The odds that one table gave live, against what happened."""

    fitted: int
    """When the table was fitted: a score belongs to one table."""
    own: tuple[Reliability, ...]
    """Of own orders, by horizon."""
    observed: tuple[Reliability, ...]
    """Of ghosts in the same queues, by `OUTCOMES`."""

    @classmethod
    def of(cls, table: OddsTable) -> OddsScore:
        """Return the empty score of a table."""
        bins = [one.reliability.edges for one in table.outcomes]
        return cls(
            fitted=table.fitted,
            own=tuple(Reliability(edges) for edges in bins[:-1]),
            observed=tuple(Reliability(edges) for edges in bins),
        )

    def saw(self, odds: Odds, sample: Sample) -> None:
        """Count a ghost that ended."""
        wait = sample.wait_ns
        happened = [wait is not None and wait <= horizon for horizon in _HORIZONS_NS]
        told = zip(self.observed, odds.rates, (*happened, sample.left), strict=True)
        for reliability, rate, each in told:
            reliability.add(rate, happened=each)


class _Awaited(NamedTuple):
    placed: int
    odds: Odds


class OwnOrderScorer:
    """Scores the odds of own orders, from where they joined a queue to their end there.

    An order that its owner cancels or amends counts for the horizons that it has outlived, and
    no others: what would have happened is not known.
    """

    def __init__(self, score: OddsScore) -> None:
        """Count into a score."""
        self._score = score
        self._open: dict[str, _Awaited] = {}

    def __len__(self) -> int:
        """Return how many orders' ends are awaited."""
        return len(self._open)

    def __contains__(self, order_id: object) -> bool:
        """Whether an order's end is awaited."""
        return order_id in self._open

    def joined(self, order_id: str, odds: Odds, time: int) -> None:
        """Take the odds of an order that joined the back of a queue.

        Args:
            order_id: The order.
            odds: The odds that all of it is filled.
            time: When it joined, on the exchange's clock.
        """
        self.ended(order_id, time)
        while len(self._open) >= MOST_OPEN:
            del self._open[next(iter(self._open))]
        self._open[order_id] = _Awaited(time, odds)

    def filled(self, order_id: str, time: int) -> None:
        """Take that all of an order was filled."""
        awaited = self._open.pop(order_id, None)
        if awaited is not None:
            wait = time - awaited.placed
            for at, horizon in enumerate(_HORIZONS_NS):
                self._count(awaited, at, happened=wait <= horizon)

    def ended(self, order_id: str, time: int) -> None:
        """Take that an order left its place unfilled, or is not known of any more."""
        awaited = self._open.pop(order_id, None)
        if awaited is not None:
            for at, horizon in enumerate(_HORIZONS_NS):
                if time - awaited.placed > horizon:
                    self._count(awaited, at, happened=False)

    def lose(self, time: int) -> None:
        """Take that data are missing from a time on: whether orders were filled is not known."""
        for order_id in list(self._open):
            self.ended(order_id, time)

    def pass_time(self, now: int) -> None:
        """Count the orders that have outlived the last horizon."""
        while self._open:
            order_id, awaited = next(iter(self._open.items()))
            if now - awaited.placed <= HORIZON_S * NS_PER_S:
                break
            self.ended(order_id, now)

    def _count(self, awaited: _Awaited, at: int, *, happened: bool) -> None:
        self._score.own[at].add(awaited.odds.rates[at], happened=happened)
