"""The numbers that detectors go by, and how often they were right with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from kracked.times import NS_PER_S

MS = NS_PER_S // 1_000


class DetectorNumbers(msgspec.Struct, frozen=True, kw_only=True):
    """The limits in force. They go into each sighting."""

    warm_up_ns: int = 60 * NS_PER_S
    """Nothing is told of a book for so long after it is first told, or told anew."""

    refill_ns: int = 300 * MS
    """A new order this soon after a full fill of its size at its price may be a refill."""
    refills: int = 3
    """Refills by new ids that make hidden size a pattern."""
    dull_refills: int = 4
    """The same for sizes of at most two significant digits, which many use."""
    loose_percent: int = 20
    """How far the sizes of refills may be apart for a mere mark."""
    loose_refills: int = 4

    wall_levels: int = 3
    """Better levels between a wall and the best price when it comes."""
    wall_near_bp: int = 1
    """A wall is reached within this distance of the best price, in basis points."""
    wall_near_spreads: int = 3
    """Or within so many spreads, whichever is further."""
    wall_answer_ns: int = NS_PER_S
    """A wall goes because the price comes when the price came nearer so shortly before."""
    group_size: int = 3
    group_came_ns: int = 2 * NS_PER_S
    """Walls that came this close together may be one group."""
    group_went_ns: int = 250 * MS
    """Walls that went this close together may be one group."""
    moved_ns: int = 50 * MS
    """A new order of the same size this soon after a cancel is a move."""
    side_percent: int = 30
    """When so much of a side leaves at once, the side pulled back and no wall was pulled."""

    wall_stands_ns: int = 60 * NS_PER_S
    """A wall that has rested so long is marked where it stands."""
    wall_stands_bp: int = 25
    """Walls further from the mid than this are not marked, in basis points."""

    same_takers: int = 5
    same_ns: int = 120 * NS_PER_S
    same_digits: int = 4
    """Significant digits of a size that is told apart from the sizes of others."""
    dust_minimums: int = 10
    """Takers below so many of the pair's smallest orders are not looked at."""

    sweep_prices: int = 3
    sweep_levels: int = 5
    """So many levels emptied by one taker are a sweep, whatever its size."""
    sweep_spreads: int = 3
    """So many median spreads moved by one taker are a sweep, whatever its size."""

    burst_takers: int = 3
    """Takers of one side in a second, at least, that are a burst with a volume rarely seen."""

    absorb_ns: int = 15 * NS_PER_S
    absorb_takers: int = 4
    absorb_least_ns: int = 2 * NS_PER_S
    absorb_large: int = 2
    """Traded quantity in large takers."""
    absorb_shown: int = 3
    """Traded quantity in quantities shown at the first of them."""
    absorb_again_ns: int = 30 * NS_PER_S

    budget: dict[str, int] | None = msgspec.field(
        default_factory=lambda: {
            "hidden size": 30,
            "pulled": 20,
            "same size": 10,
            "absorbed": 20,
            "burst": 20,
        }
    )
    """Sightings of a pattern an hour; above it the limits of size rise. None for no budget."""


class HitRate(NamedTuple):
    """The share of right sightings of one kind, in markets where the truth is known."""

    found: int
    planted: int
    wrong: int
    """Sightings that nothing planted explains."""
    hours: int = 3

    @property
    def text(self) -> str:
        """The rate in words."""
        return f"found {self.found} of {self.planted} planted, {self.wrong} others"


HITS: Mapping[tuple[str, str], HitRate] = {
    ("hidden size", "exact"): HitRate(404, 404, 0),
    ("hidden size", "matched"): HitRate(44, 44, 0),
    ("hidden size", "pattern"): HitRate(125, 125, 5),
    ("pulled", "pattern"): HitRate(64, 64, 2),
    ("same size", "pattern"): HitRate(92, 92, 5),
    ("sweep", "exact"): HitRate(87, 87, 0),
    ("absorbed", "pattern"): HitRate(64, 90, 4),
}
"""By kind and sureness: `python -m tests.benchmarks.detectors --seeds 9 21 33 --minutes 60`."""
