"""The fitted odds of one symbol, and what they say of an order."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from math import asinh, exp, log1p
from typing import NamedTuple

import msgspec

from kracked.flow.odds.reliability import Band, Reliability
from kracked.flow.odds.situation import NAMES, Situation, terms
from kracked.times import NS_PER_S

HORIZONS_S = (30, 60, 300)
OUTCOMES = (*(f"filled in {seconds} s" for seconds in HORIZONS_S), "price leaves first")
"""What odds are given of: a fill within each horizon, and the price leaving before it, in 300 s."""
LEAST_NS = 40 * 60 * NS_PER_S
"""Less watched time than this fits nothing."""


class FittedBand(NamedTuple):
    """Cases with about the same score: what really happened to them."""

    score: float
    """Their mean score: the chance that the terms alone would give."""
    rate: float
    """How often it happened."""
    low: float
    high: float
    cases: int


class FittedOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """The fit of one outcome, and its proof."""

    coefficients: tuple[float, ...]
    """One for each term of `NAMES`."""
    constant: float
    bands: tuple[FittedBand, ...]
    """What happened at which score, lowest first, of stretches that were left out of the fit."""
    reliability: Reliability
    """The odds given of the stretches that were left out, against what happened."""


class WaitBand(NamedTuple):
    """The waits of orders that were filled within 300 s."""

    score: float
    """The score of a fill in 300 s."""
    low: float
    """Seconds: one of ten waited less."""
    high: float
    """Seconds: one of ten waited longer."""


class OddsTable(msgspec.Struct, frozen=True, kw_only=True):
    """The odds of one symbol's orders, fitted to recordings of it."""

    symbol: str
    fitted: int
    """When, ns since the Unix epoch."""
    begin: int
    """The exchange's time of the first sample."""
    end: int
    """That of the last one."""
    recordings: int
    watched_s: float
    """How long the recordings were watched, holes left out."""
    samples: int
    unit: float
    """The median quantity at the touch, in the base currency."""
    usual: Situation
    """The median of each member of the samples' situations."""
    terms: tuple[str, ...] = NAMES
    lowest: tuple[float, ...]
    """The lowest value of each term, but for one sample in 200: beyond it nothing is known."""
    highest: tuple[float, ...]
    outcomes: tuple[FittedOutcome, FittedOutcome, FittedOutcome, FittedOutcome]
    """Those of `OUTCOMES`."""
    waits: tuple[WaitBand, ...]

    def odds(self, of: Situation, now: int) -> Odds:
        """Return the odds of an order in a situation.

        Args:
            of: Its situation.
            now: ns since the Unix epoch, for the age of the table.
        """
        values = [
            low if value < low else high if value > high else value
            for value, low, high in zip(
                terms(of, self.unit, log1p, asinh), self.lowest, self.highest, strict=True
            )
        ]
        scores = []
        for fitted in self.outcomes:
            total = fitted.constant
            for coefficient, value in zip(fitted.coefficients, values, strict=True):
                total += coefficient * value
            scores.append(1 / (1 + exp(-total if total > -500 else 500)))
        found = [
            _between(fitted.bands, score)
            for fitted, score in zip(self.outcomes, scores, strict=True)
        ]
        for at in (0, 1):  # what is filled in 30 s is filled in 60 s
            shorter, longer = found[at], found[at + 1]
            found[at + 1] = longer._replace(
                rate=max(shorter.rate, longer.rate),
                low=max(shorter.low, longer.low),
                high=max(shorter.high, longer.high),
            )
        at = max(0, bisect_right(self.waits, (scores[2], 0.0, 0.0)) - 1)
        return Odds(
            filled=tuple(Band(one.low, one.high) for one in found[:-1]),
            leaves=Band(found[-1].low, found[-1].high),
            wait_s=Band(self.waits[at].low, self.waits[at].high),
            cases=min(one.cases for one in found),
            age_ns=now - self.end,
            rates=tuple(one.rate for one in found),
        )


class Odds(NamedTuple):
    """The odds of an order: what happened to those that stood like it, as bands."""

    filled: tuple[Band, ...]
    """The frequency of a fill within each of `HORIZONS_S`."""
    leaves: Band
    """That of the mid going 1 bp away from the order's side before it is filled, in 300 s."""
    wait_s: Band
    """If it is filled within 300 s: so long, four times of five."""
    cases: int
    """Samples like it: the fewest that one of the bands rests on."""
    age_ns: int
    """How long ago the last of them was."""
    rates: tuple[float, ...]
    """The frequency itself, by `OUTCOMES`: to keep score, never to be shown without its band."""


class NoOdds(NamedTuple):
    """There are no odds for an order."""

    why: str
    """In words."""


def _between(bands: tuple[FittedBand, ...], score: float) -> FittedBand:
    """Return what happens at a score, on the lines between the scores that were fitted."""
    at = bisect_left(bands, (score,))
    if at in (0, len(bands)):
        return bands[min(at, len(bands) - 1)]
    left, right = bands[at - 1], bands[at]
    share = (score - left.score) / (right.score - left.score)
    return FittedBand(
        score,
        left.rate + share * (right.rate - left.rate),
        left.low + share * (right.low - left.low),
        left.high + share * (right.high - left.high),
        min(left.cases, right.cases),
    )
