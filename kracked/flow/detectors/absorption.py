"""Absorption: much was traded against one price in a short time, and the price held.

Definitions differ: some ask only for the volume, some allow a tick or two. Here several takers
must have traded more than large takers do, and several times what was shown, and the price must
still be the best one after the last of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from kracked.flow.detectors.context import MarketContext, Sightings
from kracked.flow.detectors.sighting import Evidence, Kind, Notes, Sighting, Sureness
from kracked.flow.facts import Fact, Outcome, Taker, What
from kracked.flow.links import SLACK_NS
from kracked.protocol.events import Side

PLACES = 1_024


class _Price:
    """The trades at a price within the window, and the quantity shown at first."""

    __slots__ = ("hits", "notes", "number", "qty", "reported", "shown")

    def __init__(self, number: int) -> None:
        self.number = number
        self.hits: deque[tuple[int, int]] = deque()
        """Instant and quantity of each taker."""
        self.shown: deque[tuple[int, int]] = deque()
        """Instant of each first reduction, and what was shown before it."""
        self.qty = 0
        self.reported = 0
        self.notes = Notes()


class Absorption:
    """Follows the prices that takers hit."""

    def __init__(self, context: MarketContext, sightings: Sightings) -> None:
        self._context, self._sightings = context, sightings
        self._prices: dict[tuple[Side, int], _Price] = {}
        self._count = 0

    def lose(self) -> None:
        """Forget the windows: data were missed."""
        self._prices.clear()

    def message(self, outcomes: Sequence[Outcome]) -> None:
        """Take what one message told: what was shown before it where something was filled."""
        ledger = self._context.ledger
        if ledger is None:
            return
        facts = [one for one in outcomes if type(one) is Fact]
        reduced = {(one.side, one.price): one for one in facts if one.what in _REDUCTIONS}
        for place, fact in reduced.items():
            level = ledger.side(place[0]).levels.get(place[1])
            shown = level.qty if level is not None else 0
            for one in facts:
                if (one.side, one.price) == place:
                    shown -= _SIGNS.get(one.what, 0) * one.qty
            found = self._price(place, fact.time)
            found.shown.append((fact.time, shown))

    def taker(self, taker: Taker) -> None:
        """Take one taker with the orders it filled."""
        context, time = self._context, taker.instant
        by_price: dict[int, int] = {}
        for trade in taker.trades:
            by_price[trade.price] = by_price.get(trade.price, 0) + trade.qty
        side = taker.side.opposite
        for price, qty in by_price.items():
            found = self._price((side, price), time)
            found.hits.append((time, qty))
            found.qty += qty
            found.notes.add(Evidence(time, "taker", taker.order_id or "", price, qty))
        if context.ready:
            self._look(taker, side)

    def _look(self, taker: Taker, side: Side) -> None:
        """Report the last price of a taker, if it has absorbed and holds."""
        context, numbers = self._context, self._context.numbers
        price, time = taker.trades[-1].price, taker.instant
        found = self._prices[side, price]
        hits, thresholds = found.hits, context.takers.thresholds()
        if thresholds is None or len(hits) < numbers.absorb_takers:
            return
        if hits[-1][0] - hits[0][0] < numbers.absorb_least_ns:
            return
        large = numbers.absorb_large * self._sightings.raise_limit(
            Kind.ABSORBED, thresholds.detector
        )
        shown = next((qty for at, qty in found.shown if at >= hits[0][0] - SLACK_NS), 0)
        if found.qty < large or found.qty < numbers.absorb_shown * shown or not shown:
            return
        touch = context.touch_at(time + SLACK_NS)
        best = None if touch is None else touch.bid if side is Side.BID else touch.ask
        if best != price:
            return
        if not found.reported or hits[0][0] - found.reported > numbers.absorb_again_ns:
            self._count += 1
            found.number = self._count
        found.reported = time
        self._sightings.report(
            found.number,
            Sighting(
                kind=Kind.ABSORBED,
                side=side,
                price=price,
                last_price=price,
                first=hits[0][0],
                last=time,
                qty=found.qty,
                count=len(hits),
                sureness=Sureness.PATTERN,
                evidence=found.notes.facts,
                detail={"shown": shown},
                numbers={"at least": large, "times shown": numbers.absorb_shown},
            ),
        )

    def _price(self, place: tuple[Side, int], time: int) -> _Price:
        """Return what is known of a price, without what is older than the window."""
        found = self._prices.pop(place, None)
        if found is None:
            found = _Price(0)
        self._prices[place] = found
        if len(self._prices) > PLACES:
            del self._prices[next(iter(self._prices))]
        horizon = time - self._context.numbers.absorb_ns
        while found.hits and found.hits[0][0] <= horizon:
            found.qty -= found.hits.popleft()[1]
        while found.shown and found.shown[0][0] <= horizon:
            found.shown.popleft()
        if not found.hits:
            found.notes = Notes()
        return found


_REDUCTIONS = (What.FILLED, What.REDUCED)
_SIGNS = {
    What.NEW: 1,
    What.MOVED_IN: 1,
    What.REFILLED: 1,
    What.RAISED: 1,
    What.CAME: 1,
    What.RETURNED: 1,
    What.FILLED: -1,
    What.REDUCED: -1,
    What.CANCELLED: -1,
    What.MOVED_AWAY: -1,
    What.LEFT_VIEW: -1,
}
