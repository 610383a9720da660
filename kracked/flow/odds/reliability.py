"""How often things happened where such odds were given: the proof of any odds.

Counts, no verdicts: calibration error, hit rate and skill are worked out from them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import msgspec

DECILES = 10


class Band(NamedTuple):
    """An interval that holds a frequency four times of five, as far as the counts tell."""

    low: float
    high: float


Z_80 = 1.2816
Z_90 = 1.6449
"""Standard deviations that hold 80 and 90 in 100 of a normal distribution."""


def wilson(happened: float, cases: float, z: float = Z_80) -> Band:
    """Return the Wilson interval of a frequency; 0 to 1 without a case.

    Args:
        happened: How often it happened.
        cases: How often it could have. Cases that depend on each other count for less: give the
            number of independent ones that would tell as much.
        z: Standard deviations; by default for 80 %.

    Source: E. B. Wilson, Journal of the American Statistical Association 22 (1927), 209-212.
    """
    if cases <= 0:
        return Band(0.0, 1.0)
    rate = happened / cases
    middle = (rate + z * z / (2 * cases)) / (1 + z * z / cases)
    half = z / (1 + z * z / cases) * sqrt(rate * (1 - rate) / cases + (z / (2 * cases)) ** 2)
    return Band(max(0.0, min(rate, middle - half)), min(1.0, max(rate, middle + half)))


class Reliability(msgspec.Struct):
    """Odds that were given and what happened, by bins of the odds.

    It is made with the bins of a fit, in which there were equally many cases, and counts on.
    """

    edges: tuple[float, ...]
    """Where each bin but the last ends."""
    cases: list[int] = []
    happened: list[int] = []
    given: list[float] = []
    """The sum of the odds that were given."""
    squares: float = 0.0
    """The sum of the squared differences between the odds and what happened (1 or 0)."""
    hits: int = 0
    """Cases in which the likelier of both happened."""

    def __post_init__(self) -> None:
        """Give every bin a count."""
        if not self.cases:
            bins = len(self.edges) + 1
            self.cases, self.happened, self.given = [0] * bins, [0] * bins, [0.0] * bins

    def add(self, odds: float, *, happened: bool) -> None:
        """Count a case."""
        at = bisect_right(self.edges, odds)
        self.cases[at] += 1
        self.happened[at] += happened
        self.given[at] += odds
        self.squares += (odds - happened) ** 2
        self.hits += (odds >= 0.5) is happened

    @property
    def whole(self) -> bool:
        """Whether every bin has its counts."""
        lengths = {len(self.cases), len(self.happened), len(self.given)}
        return lengths == {len(self.edges) + 1}

    @property
    def total(self) -> int:
        """Return how many cases there were."""
        return sum(self.cases)

    @property
    def base_rate(self) -> float:
        """Return how often it happened of all."""
        return sum(self.happened) / max(1, self.total)

    @property
    def hit_rate(self) -> float:
        """Return the share of cases in which the likelier of both happened."""
        return self.hits / max(1, self.total)

    @property
    def error(self) -> float:
        """Return the mean distance between odds and frequency, weighted by cases."""
        return sum(
            abs(given - happened) for given, happened in zip(self.given, self.happened, strict=True)
        ) / max(1, self.total)

    @property
    def worst(self) -> float:
        """Return the largest distance between odds and frequency of a bin."""
        return max((abs(row.given - row.happened) for row in self.rows()), default=0.0)

    @property
    def skill(self) -> float:
        """Return the share of the squared error that the odds save over the base rate itself."""
        plain = self.base_rate * (1 - self.base_rate)
        return 1 - self.squares / (max(1, self.total) * plain) if plain else 0.0

    def rows(self) -> list[ReliabilityRow]:
        """Return the bins that had a case, lowest odds first."""
        told = zip(self.cases, self.happened, self.given, strict=True)
        return [ReliabilityRow(n, given / n, count / n) for n, count, given in told if n]


class ReliabilityRow(NamedTuple):
    """A bin: how many cases, the odds given on average, how often it happened."""

    cases: int
    given: float
    happened: float


def bin_edges(odds: Sequence[float], bins: int = DECILES) -> tuple[float, ...]:
    """Return the edges of bins that hold equally many of these odds, which are sorted."""
    return tuple(odds[len(odds) * at // bins] for at in range(1, bins))
