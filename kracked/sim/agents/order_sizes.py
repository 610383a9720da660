"""The sizes of orders: the mixture that recorded trades show.

Programs repeat a few uneven sizes to the last digit, people type round numbers or spend a
round amount of money, and the rest has a heavy tail.
"""

from __future__ import annotations

from random import Random

from kracked.sim.listings import Listing

SPENT = (10, 20, 25, 50, 100, 200, 250, 500, 1_000)
"""Amounts of the quote currency that people spend at a time."""
ROUND = (1, 2, 2.5, 5, 10)


class Sizes:
    """Draws order quantities for one instrument, scaled and above its minimum."""

    def __init__(self, listing: Listing, random: Random) -> None:
        """Draw the sizes that this instrument's programs repeat."""
        precision = listing.instrument.precision
        self.least = listing.instrument.qty_min
        scale: int = 10 ** (precision.price + precision.qty)
        self._unit_cost = scale
        typical = max(self.least, listing.nature.typical_value * scale // listing.opening_price)
        self.typical = typical
        """The median order."""
        self._random = random
        self._programs = [self._program_size() for _ in range(10)]
        magnitude = 10 ** (len(str(typical)) - 1)
        self._rounds = [max(self.least, int(step * magnitude)) for step in ROUND]

    def draw(self) -> int:
        """Return a resting order's quantity."""
        random = self._random
        kind = random.random()
        if kind < 0.35:
            return self._programs[int(random.random() * 10)]
        if kind < 0.50:
            return self._rounds[int(random.random() * 5)]
        return self.heavy_tailed(1.0)

    def heavy_tailed(self, scale: float) -> int:
        """Return a heavy-tailed quantity to the last digit, `scale` times the typical one."""
        qty = int(self.typical * scale * self._random.lognormvariate(-0.4, 1.3))
        return qty if qty > self.least else self.least

    def program(self, place: int) -> int:
        """Return one of the sizes that programs repeat."""
        return self._programs[place % 10]

    def small(self, price: int) -> int:
        """Return a small taker's: a round amount of money, or the least a program may send."""
        random = self._random
        if random.random() < 0.3:
            return self.least + self._programs[0] % (self.least // 8 + 1)
        spent = SPENT[int(random.random() * len(SPENT))]
        return max(self.least, spent * self._unit_cost // price)

    def _program_size(self) -> int:
        """Return a size of three to five leading digits."""
        qty = self.heavy_tailed(1.0)
        step: int = 10 ** max(0, len(str(qty)) - self._random.randint(3, 5))
        return max(self.least, qty - qty % step)
