"""The volume-weighted average price and its deviation, exact in integers.

VWAP is the sum of price times quantity over the sum of quantity. The deviation is that of the
prices around it, weighted by quantity, over all trades since the anchor. Floats would lose it:
the two sums that are subtracted agree in their first ten digits.
"""

from __future__ import annotations

from fractions import Fraction
from math import isqrt

LETTERS = "abcd"
"""The names of the anchored averages: as many as there may be at a time."""


class Vwap:
    """Sums of quantity, price times quantity, and squared price times quantity.

    Prices and quantities are scaled integers; so are the results.

    Attributes:
        anchor: When it begins, ns since the Unix epoch.
        qty: All that traded since.
    """

    __slots__ = ("_moment", "_square", "anchor", "qty")

    def __init__(self, anchor: int) -> None:
        """Begin at an instant, with nothing traded."""
        self.anchor = anchor
        self.qty = 0
        self._moment = 0
        self._square = 0

    def add(self, price: int, qty: int) -> None:
        """Count a trade."""
        self.qty += qty
        self._moment += price * qty
        self._square += price * price * qty

    def add_sums(self, qty: int, moment: int, square: int) -> None:
        """Count many trades by their sums of q, p * q and p * p * q."""
        self.qty += qty
        self._moment += moment
        self._square += square

    @property
    def exact(self) -> Fraction | None:
        """The average as it is; None before the first trade."""
        return Fraction(self._moment, self.qty) if self.qty else None

    @property
    def variance(self) -> Fraction | None:
        """The squared deviation as it is; None before the first trade."""
        if not self.qty:
            return None
        return Fraction(self._square * self.qty - self._moment**2, self.qty**2)

    def price(self, deviations: int = 0, *, finer: int = 1) -> int | None:
        """Return the average, or a band, to the nearest price; None before the first trade.

        Args:
            deviations: How many standard deviations above it, below it when negative.
            finer: How many parts of a price to count in: 10 is one more decimal.
        """
        qty = self.qty
        if not qty:
            return None
        spread = self._square * qty - self._moment**2
        # Two more digits than asked for before the root is cut to a whole number.
        away = isqrt(spread * (100 * finer) ** 2 * deviations**2)
        total = self._moment * 100 * finer + (away if deviations > 0 else -away)
        return (2 * total + 100 * qty) // (200 * qty)


class AnchoredVwaps:
    """Averages from chosen instants on, up to four, each with a letter."""

    def __init__(self) -> None:
        self._by_letter: dict[str, Vwap] = {}

    def __getitem__(self, letter: str) -> Vwap:
        """Return the average of a letter; raises KeyError where there is none."""
        return self._by_letter[letter]

    def items(self) -> list[tuple[str, Vwap]]:
        """Return letters and averages, in the order of the letters."""
        return sorted(self._by_letter.items())

    def place(self, vwap: Vwap) -> str:
        """Add an average; return its letter. With four there, the oldest anchor gives way."""
        free = [letter for letter in LETTERS if letter not in self._by_letter]
        if not free:
            free = [min(self._by_letter, key=lambda letter: self._by_letter[letter].anchor)]
        self._by_letter[free[0]] = vwap
        return free[0]

    def remove(self, letter: str) -> None:
        """Take an average away, if it is there."""
        self._by_letter.pop(letter, None)

    def add(self, price: int, qty: int, time: int) -> None:
        """Count a trade in every average that begins at its instant or before."""
        for vwap in self._by_letter.values():
            if time >= vwap.anchor:
                vwap.add(price, qty)
