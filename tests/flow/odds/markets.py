"""Ledgers of scripted and simulated markets, with the odds' own followers beside them."""

from __future__ import annotations

import random
from math import exp

from kracked.flow.odds.samples import Sample
from kracked.flow.odds.situation import Situation
from kracked.protocol.events import Side
from kracked.times import NS_PER_S

START = 1_716_144_920 * NS_PER_S


def invented(count: int, seed: int = 1, every_s: int = 2) -> list[Sample]:
    """Return samples whose chance of a fill falls with the quantity ahead, by a known rule."""
    drawn = random.Random(seed)
    samples = []
    for number in range(count):
        ahead = drawn.expovariate(1.0)
        chance = 1 / (1 + exp(2 * ahead - 1.5))
        filled = drawn.random() < chance
        wait = int(drawn.uniform(1, 299) * NS_PER_S) if filled else None
        samples.append(
            Sample(
                START + number // 4 * every_s * NS_PER_S,
                Side.BID,
                True,
                situation(ahead=ahead),
                wait,
                not filled and drawn.random() < 0.5,
            )
        )
    return samples


def situation(**changes: float) -> Situation:
    """Return a usual situation, with some of its members changed."""
    usual = {
        "rank": 0.0,
        "distance": 0.0,
        "spread": 0.1,
        "ahead": 1.0,
        "orders": 2.0,
        "before": 0.0,
        "own_touch": 1.0,
        "other_touch": 1.5,
        "own_best": 6.0,
        "other_best": 5.0,
        "taken_10": 0.5,
        "taken_60": 3.0,
        "taken_300": 14.0,
        "lifted_60": 2.0,
        "moved_60": 4.0,
        "towards_10": 0.2,
        "towards_60": -0.5,
    }
    return Situation(**(usual | changes))
