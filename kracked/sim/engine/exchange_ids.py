"""Order and trade ids in the exchange's form: `OZYA6B-OE3BH-YJ4PY5`.

Sixteen base-32 digits after a letter that tells the kind: 80 bits, taken from a
counter by a mapping that never meets itself, so no id is ever given twice. The halves
are scrambled apart: arithmetic on 80 bits at once costs three times as much.
"""

from __future__ import annotations

from itertools import product

_HALF = (1 << 40) - 1
_ODD = 0x9E_3779_B97F
"""Odd, so multiplying by it permutes the 40-bit numbers; its digits are the golden ratio's."""
_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_TWO = [a + b for a, b in product(_DIGITS, repeat=2)]
_THREE = [a + b for a, b in product(_DIGITS, _TWO)]


class ExchangeIds:
    """An endless row of distinct ids; the same `start` gives the same row."""

    def __init__(self, letter: str, *, start: int) -> None:
        self._letter = letter
        self._count = start

    def take(self) -> str:
        """The next id."""
        self._count += 1
        low = self._count * _ODD & _HALF
        low ^= low >> 21
        # Whoever knows `low` can take it off again: the pair is as unique as the count.
        high = ((self._count >> 40) + low * 0x5_DEEC + (low >> 7)) * _ODD & _HALF
        high ^= high >> 19
        return (
            f"{self._letter}{_THREE[high >> 25]}{_TWO[high >> 15 & 1023]}"
            f"-{_THREE[high & 32767]}{_TWO[low >> 30]}"
            f"-{_THREE[low >> 15 & 32767]}{_THREE[low & 32767]}"
        )
