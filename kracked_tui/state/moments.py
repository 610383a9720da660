"""The moments that one looks back for: own fills, sweeps, other sightings, big cancels.

They are noted when they are seen, by the measures of the store that sees them, so that a
moment of the live session is the one its detectors told. A book that is gone does not matter.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

from kracked.flow import MarketFlow, MarketFlows
from kracked.flow.detectors.sighting import Kind
from kracked.flow.facts import Fact, Outcome, What
from kracked.protocol import events
from kracked.protocol.events import Event

MOST = 2_000
"""Moments that are noted; the oldest go."""


class MomentKind(StrEnum):
    """The kind of a moment, in the words of the screen."""

    FILL = "own fill"
    SWEEP = "sweep"
    SIGHTING = "sighting"
    CANCEL = "big cancel"


class NotedMoment(NamedTuple):
    """Something that happened, and when it was received."""

    received: int
    """ns since the Unix epoch: the place to look at is right after this message."""
    symbol: str
    kind: MomentKind
    words: str


class Moments:
    """What was seen so far, oldest first.

    Attributes:
        through: How far a recording was looked through, ns; None once that is all of it.
    """

    def __init__(self) -> None:
        self.through: int | None = None
        self._found: deque[NotedMoment] = deque(maxlen=MOST)
        self._sighted: dict[str, int] = {}
        """The newest sighting noted of each pair."""

    def __iter__(self) -> Iterator[NotedMoment]:
        return iter(tuple(self._found))

    def see(self, event: Event, outcomes: Sequence[Outcome], flows: MarketFlows) -> None:
        """Note what an event was, once the measures have taken it.

        Args:
            event: The event.
            outcomes: What the ledgers told of it.
            flows: The measures.
        """
        if type(event) is events.Executions:
            self._see_fills(event)
            return
        if not outcomes:
            return
        for outcome in outcomes:
            if type(outcome) is Fact and outcome.what is What.CANCELLED:
                self._see_cancel(event.received, outcome, flows)
        symbol = getattr(event, "symbol", None)
        for each in tuple(flows.markets) if symbol is None else (symbol,):
            self._see_sightings(event.received, flows[each])

    def _see_fills(self, event: events.Executions) -> None:
        for report in event.reports if not event.snapshot else ():
            if report.get("exec_type") == "trade":
                side, qty, price, symbol = (
                    str(report.get(name, ""))
                    for name in ("side", "last_qty", "last_price", "symbol")
                )
                self._add(event.received, symbol, MomentKind.FILL, f"{side} {qty} @ {price}")

    def _see_cancel(self, received: int, fact: Fact, flows: MarketFlows) -> None:
        market = flows[fact.symbol]
        known, precision = market.detectors.context.orders.thresholds(), market.precision
        if known is None or known.learning or fact.qty < known.huge or precision is None:
            return
        qty, price = precision.qty_text(fact.qty), precision.price_text(fact.price)
        self._add(received, fact.symbol, MomentKind.CANCEL, f"{fact.side} {qty} @ {price}")

    def _see_sightings(self, received: int, market: MarketFlow) -> None:
        """Note the sightings that are new; one that has grown was noted when it came."""
        by_number, symbol = market.detectors.sightings.by_number, market.symbol
        newest, before = next(reversed(by_number), 0), self._sighted.get(market.symbol, 0)
        precision = market.precision
        if newest == before or precision is None:
            return
        self._sighted[symbol] = newest
        for number in range(max(before, newest - MOST) + 1, newest + 1):
            if (seen := by_number.get(number)) is not None:
                kind = MomentKind.SWEEP if seen.kind is Kind.SWEEP else MomentKind.SIGHTING
                self._add(received, symbol, kind, seen.words(precision))

    def _add(self, received: int, symbol: str, kind: MomentKind, words: str) -> None:
        self._found.append(NotedMoment(received, symbol, kind, words))

    # --- finding --------------------------------------------------------------------------

    def beside(self, time: int, symbol: str, by: int) -> NotedMoment | None:
        """Return the next moment of a pair after a time (1), or the last one before it (-1).

        An own fill whose report names no pair counts for each.
        """
        of_pair = [one for one in self if one.symbol in (symbol, "")]
        if by > 0:
            return min((one for one in of_pair if one.received > time), default=None)
        return max((one for one in of_pair if one.received < time), default=None)
