"""The volume profile of a session: quantity by price row, point of control, value area.

Its rows are fixed when the session begins. The grouping of a ladder never moves the point of
control. Sources of the rules: linnsoft.com/qa/a/123.htm (point of control and its tie),
sierrachart.com/index.php?page=doc/StudiesReference.php&ID=209 (value area by two rows).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

ONE_BP = 10_000
"""How many times one basis point goes into a price."""
VALUE_SHARE = (70, 100)
"""The part of the volume that the value area holds, as a ratio."""


def profile_step(first_price: int, tick: int = 1) -> int:
    """Return the height of a row: the nice number of ticks nearest to one basis point.

    Args:
        first_price: The session's first price, scaled.
        tick: The instrument's price increment, scaled.

    Returns:
        1, 2 or 5 times a power of ten, in ticks; of two as near, the smaller. Scaled.
    """
    best, power = tick, 1
    while True:
        for nice in (power, 2 * power, 5 * power):
            step = nice * tick
            if abs(step * ONE_BP - first_price) < abs(best * ONE_BP - first_price):
                best = step
            if step * ONE_BP >= first_price:
                return best
        power *= 10


class ValueArea(NamedTuple):
    """The rows around the point of control that hold 70 % of the volume."""

    low: int
    """The lowest price of its lowest row."""
    high: int
    """The lowest price of its highest row."""
    qty: int
    tied: bool
    """Whether two pairs of rows were equal, and the upper one was taken first."""


class VolumeProfile:
    """Quantity traded in each row of prices.

    Attributes:
        step: Height of a row, in prices.
        rows: The quantities by the row's lowest price.
        qty: All that traded.
    """

    def __init__(self, step: int) -> None:
        """Begin with nothing traded; `step` is the height of a row, in prices."""
        self.step = step
        self.qty = 0
        self._rows: dict[int, int] = {}
        self._low = self._high = 0
        self._most = 0
        self._tied: list[int] = []
        """The rows of most volume."""
        self._area: ValueArea | None = None

    @property
    def rows(self) -> Mapping[int, int]:
        """The quantities by the row's lowest price."""
        return self._rows

    def add(self, price: int, qty: int) -> None:
        """Count a trade."""
        row = price // self.step * self.step
        total = self._rows.get(row, 0) + qty
        if not self._rows:
            self._low = self._high = row
        elif row < self._low:
            self._low = row
        elif row > self._high:
            self._high = row
        self._rows[row] = total
        self.qty += qty
        self._area = None
        if total > self._most:
            self._most, self._tied = total, [row]
        elif total == self._most:
            self._tied.append(row)

    @property
    def poc(self) -> int | None:
        """The point of control: the row of most volume; None before the first trade.

        Of several it is the one nearest to the middle of the range, then the lower one.
        """
        middle = self._low + self._high
        return min(self._tied, key=lambda row: (abs(2 * row - middle), row), default=None)

    def value_area(self) -> ValueArea | None:
        """Return the value area; None before the first trade.

        From the point of control on, the two rows above are compared with the two below, and the
        larger pair is taken whole, the upper one when they are equal, until 70 % is reached.
        """
        poc = self.poc
        if poc is None or self._area is not None:
            return self._area
        rows, step = self._rows, self.step
        low = high = poc
        qty, tied = rows[poc], False
        share, whole = VALUE_SHARE
        while qty * whole < self.qty * share:
            above = rows.get(high + step, 0) + rows.get(high + 2 * step, 0)
            below = rows.get(low - step, 0) + rows.get(low - 2 * step, 0)
            if high < self._high and (above >= below or low == self._low):
                tied = tied or (above == below and low > self._low)
                high = min(high + 2 * step, self._high)
                qty += above
            else:
                low = max(low - 2 * step, self._low)
                qty += below
        self._area = ValueArea(low, high, qty, tied)
        return self._area

    def between(self, low: int, high: int) -> int:
        """Return the quantity of the rows that begin at prices from `low` to below `high`."""
        first = -(-low // self.step) * self.step
        return sum(self._rows.get(row, 0) for row in range(first, high, self.step))
