"""The fee schedule: the more an account trades in thirty days, the less a trade costs.

Source: recorded AssetPairs of main pairs, early 2026 (fees and fees_maker).
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from kracked.times import NS_PER_S

DAYS_30_NS = 30 * 86_400 * NS_PER_S


class Rates(NamedTuple):
    """The fees of a trade, in 1/10,000 of its value."""

    taker: int
    maker: int


class Step(NamedTuple):
    """The rates from a 30-day volume on, in USD."""

    volume: int
    rates: Rates


SCHEDULE = (
    Step(0, Rates(40, 25)),
    Step(10_000, Rates(35, 20)),
    Step(50_000, Rates(24, 14)),
    Step(100_000, Rates(22, 12)),
    Step(250_000, Rates(20, 10)),
    Step(500_000, Rates(18, 8)),
    Step(1_000_000, Rates(16, 6)),
    Step(2_500_000, Rates(14, 4)),
    Step(5_000_000, Rates(12, 2)),
    Step(10_000_000, Rates(10, 0)),
)


def step_of(volume: int) -> int:
    """Return the place in the schedule of a volume in whole USD."""
    return max(place for place, step in enumerate(SCHEDULE) if volume >= step.volume)


def percent(rate: int) -> str:
    """Return a rate as the exchange writes it: percent with four decimals.

    >>> percent(40)
    '0.4000'
    """
    return f"{rate // 100}.{rate % 100:02d}00"


class Volume:
    """The value an account has traded in the last thirty days, in ledger units of USD."""

    def __init__(self, before: int = 0) -> None:
        """`before`: what it traded elsewhere, which never expires."""
        self._total = before
        self._traded: deque[tuple[int, int]] = deque()

    def add(self, amount: int, now: int) -> None:
        """Count a trade."""
        self._traded.append((now, amount))
        self._total += amount

    def total(self, now: int) -> int:
        """Return what was traded in the thirty days before `now`."""
        while self._traded and self._traded[0][0] <= now - DAYS_30_NS:
            self._total -= self._traded.popleft()[1]
        return self._total
