"""The worth of an instrument to its market makers: the hidden price that quotes follow.

It is a jump process, because that is what a real touch does: it stands still, then moves.
Jumps come faster and larger in wild regimes, run one way in momentum bursts, and are
pulled back slowly towards where the market opened. The model's numbers are floats;
they become prices only when somebody quotes.
"""

from __future__ import annotations

from enum import Enum
from math import exp, sqrt
from random import Random

DAY_S = 86_400.0
PULL_PER_DAY = 6.0
"""How fast a deviation from the opening price fades: by half in under three hours."""
LEAST_PRICE = 60.0
"""In ticks: below it, relative moves would be smaller than one tick's rounding."""


class Regime(Enum):
    """A degree of excitement: jumps per second, their size, and how long it lasts."""

    CALM = (0.12, 0.6, 50.0)
    NORMAL = (0.4, 1.0, 40.0)
    WILD = (1.6, 1.5, 12.0)

    def __init__(self, jumps_per_s: float, size: float, lasts_s: float) -> None:
        self.jumps_per_s = jumps_per_s
        self.size = size
        self.lasts_s = lasts_s


TYPICAL_JUMPS_PER_S = 0.45
"""The mean over all regimes, weighted by their squared sizes: the day's volatility is spread
over so many jumps."""


class FairPrice:
    """The hidden price, in ticks, and the mood that moves it."""

    def __init__(
        self, opening: int, daily_volatility: float, random: Random, *, pace: float = 1.0
    ) -> None:
        """Start at the opening price.

        Args:
            opening: The price in ticks.
            daily_volatility: Standard deviation of a day's return.
            random: Where chance comes from.
            pace: 1 for a busy pair; quiet pairs jump less often, and further.
        """
        self.price = float(opening)
        self.regime = Regime.NORMAL
        self.burst = 0
        """Jumps left in a momentum burst; its sign is the direction."""
        self._anchor = float(opening)
        self._random = random
        self._regime_left_s = 0.0
        self._pace = pace
        self._jump = daily_volatility / sqrt(DAY_S * TYPICAL_JUMPS_PER_S * pace)

    @property
    def direction(self) -> int:
        """The way a momentum burst pushes: -1, 0 or 1."""
        return (self.burst > 0) - (self.burst < 0)

    @property
    def heat(self) -> float:
        """The rate of takers, relative to the normal regime."""
        return 3.5 if self.burst else self.regime.jumps_per_s / 1.2 + 0.6

    def wait_s(self) -> float:
        """Return the seconds until the next jump."""
        rate = 5.0 if self.burst else self.regime.jumps_per_s
        return self._random.expovariate(rate * self._pace)

    def jump(self, waited_s: float) -> float:
        """Move once, and return the move's size in units of a typical one."""
        random = self._random
        self._change_regime(waited_s)
        # A mixture of two normals: most jumps are small, one in eight is large.
        size = random.gauss(0.0, 2.2 if random.random() < 0.125 else 0.7) * self.regime.size
        if self.burst:
            size = abs(size) * self.direction
            self.burst -= self.direction
        pull = PULL_PER_DAY * waited_s / DAY_S * (self.price / self._anchor - 1.0)
        self.price = max(LEAST_PRICE, self.price * exp(size * self._jump - pull))
        return size

    def nudge(self, fraction: float) -> None:
        """Shift the price a little for good, by a fraction of a typical jump: a trade's news."""
        self.price *= 1.0 + fraction * self._jump

    def _change_regime(self, waited_s: float) -> None:
        """Change the regime when its time is over; begin a momentum burst now and then."""
        random = self._random
        self._regime_left_s -= waited_s
        if self._regime_left_s <= 0:
            self.regime = random.choices(tuple(Regime), (0.4, 0.5, 0.1))[0]
            self._regime_left_s = random.expovariate(1 / self.regime.lasts_s)
        if not self.burst and random.random() < 0.02:
            self.burst = random.randint(5, 18) * random.choice((-1, 1))
