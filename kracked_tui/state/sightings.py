"""What the detectors of a market saw, in the order and the forms in which panes show it.

It is made anew when something was seen or grew, and not with every frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import NamedTuple

from msgspec.structs import replace

from kracked.flow import MarketFlow, MarketFlows
from kracked.flow.detectors.context import Sightings
from kracked.flow.detectors.sighting import Kind, Sighting, Sureness
from kracked.protocol.events import Side
from kracked.times import NS_PER_S
from kracked_tui.view.chart.candles import SeenMark

MARKED_NS = 60 * NS_PER_S
"""How long hidden size and absorption mark their price on the ladder."""
HIDDEN_MARK, ABSORBED_MARK, WALL_MARK = "h", "=", "W"
_NOTED = 200
"""The newest sightings that mark tape, ladder and chart."""


class PriceMark(NamedTuple):
    """A price that a sighting marks."""

    price: int
    time: int
    """Of the latest event there, exchange time."""
    glyph: str


class Seen(NamedTuple):
    """The sightings of one market."""

    newest_first: tuple[Sighting, ...] = ()
    notes: Mapping[int, str] = {}
    """Words for the prints of takers, by their time."""
    prices: tuple[PriceMark, ...] = ()
    chart: tuple[SeenMark, ...] = ()

    def marks(self, now: int) -> dict[int, str]:
        """Return the marks of prices where something was seen lately, by price.

        Args:
            now: On the exchange's clock.
        """
        return {each.price: each.glyph for each in self.prices if now - each.time <= MARKED_NS}


_LAST_AND_NUMBER = attrgetter("last", "number")
_SURE = {Sureness.EXACT: 2, Sureness.MATCHED: 1, Sureness.PATTERN: 0}


class SeenMarkets:
    """Owner of what was made of the sightings of the market shown."""

    def __init__(self) -> None:
        self._made_of: tuple[Sightings | None, int] = (None, 0)
        self._seen = Seen()

    def of(self, market: MarketFlow) -> Seen:
        """Return the sightings of a market."""
        sightings = market.detectors.sightings
        made_of = (sightings, sightings.reports)
        if made_of != self._made_of:
            self._made_of, self._seen = made_of, _seen(sightings.by_number.values())
        return self._seen


class SightingsThen(SeenMarkets):
    """What was seen up to the instant of the past that is shown.

    The session's own detectors had all of the day before them, those of a place minutes of it.
    """

    def __init__(self, session: MarketFlows, now: Callable[[], int]) -> None:
        """
        Args:
            session: The measures of the session that goes on.
            now: Returns the instant shown, ns.
        """
        super().__init__()
        self._session, self._instant = session, now
        self._shown_at: tuple[object, ...] = ()

    def of(self, market: MarketFlow) -> Seen:
        """Return the sightings of a market up to the instant shown."""
        here, then = market.detectors.sightings, market.now(self._instant())
        shown_at = (here, here.reports, then)
        if shown_at != self._shown_at:
            session = self._session.markets.get(market.symbol)
            told = session.detectors.sightings.by_number.values() if session is not None else ()
            self._shown_at = shown_at
            self._seen = _seen(sightings_then([*told], [*here.by_number.values()], then))
        return self._seen


def sightings_then(
    session: Sequence[Sighting], place: Sequence[Sighting], then: int
) -> list[Sighting]:
    """Return what was seen up to an instant.

    Args:
        session: The session's sightings, of later instants too.
        place: Those of the measures that were made for the instant, from less of the past.
        then: The instant, on the exchange's clock.
    """
    found = [one for one in session if one.last <= then]
    by_place: dict[tuple[Kind, Side, int], list[Sighting]] = {}
    for one in session:
        by_place.setdefault((one.kind, one.side, one.price), []).append(one)
    for one in place:
        like = by_place.get((one.kind, one.side, one.price), ())
        same = [other for other in like if other.first <= one.last and one.first <= other.last]
        if not any(other.last <= then for other in same):
            # It grew later: what is known of it at the instant is what the place has.
            found.append(replace(one, number=same[0].number if same else -one.number))
    return found


def _seen(sightings: Iterable[Sighting]) -> Seen:
    newest = sorted(sightings, key=_LAST_AND_NUMBER, reverse=True)
    notes: dict[int, str] = {}
    prices: list[PriceMark] = []
    chart: list[SeenMark] = []
    for one in reversed(newest[:_NOTED]):
        notes |= _notes(one)
        if one.kind is Kind.HIDDEN and one.count:  # refilled: it may be refilled again
            prices.append(PriceMark(one.price, one.last, HIDDEN_MARK))
        elif one.kind is Kind.ABSORBED:
            prices.append(PriceMark(one.price, one.last, ABSORBED_MARK))
        glyph = _CHART.get(one.kind, "")
        if glyph and (one.count or one.kind is not Kind.HIDDEN):
            chart.append(SeenMark(one.last, one.last_price, glyph, _SURE[one.sureness]))
    return Seen(tuple(newest), notes, tuple(prices), tuple(chart))


_CHART = {Kind.SWEEP: "»", Kind.HIDDEN: "h", Kind.PULLED: "×", Kind.ABSORBED: "="}
"""Letters and signs that fills and averages do not use."""


def _notes(one: Sighting) -> dict[int, str]:
    """Return the words that a sighting adds to prints of the tape."""
    match one.kind:
        case Kind.SWEEP:
            return {one.first: "your sweep" if "yours" in one.detail else "sweep"}
        case Kind.BURST:
            return {one.last: "burst"}
        case Kind.ABSORBED:
            return {one.last: "absorbed"}
        case Kind.SAME_SIZE:
            return {each.time: f"same size ×{one.count}" for each in one.evidence}
        case _:
            return {}
