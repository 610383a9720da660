"""Order and trade ids in the exchange's form: `OZYA6B-OE3BH-YJ4PY5`.

Sixteen base-32 digits after a letter that tells the kind: 80 bits, taken from a
counter by a mapping that never meets itself, so no id is ever given twice.
"""

from __future__ import annotations

from itertools import product

_MASK = (1 << 80) - 1
_STRIDE = 0x9E37_79B9_7F4A_7C15_F39D
"""Odd, so multiplying by it permutes the 80-bit numbers; its digits are the golden ratio's."""
_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_TWO = [a + b for a, b in product(_DIGITS, repeat=2)]
_THREE = [a + b for a, b in product(_DIGITS, _TWO)]


class Ids:
    """An endless row of distinct ids; the same `start` gives the same row."""

    def __init__(self, letter: str, *, start: int) -> None:
        self._letter = letter
        self._count = start

    def take(self) -> str:
        """The next id."""
        self._count += 1
        bits = self._count * _STRIDE & _MASK
        # Without this step neighbours would differ mostly in their first digits.
        bits ^= bits >> 41
        return (
            f"{self._letter}{_THREE[bits >> 65]}{_TWO[bits >> 55 & 1023]}"
            f"-{_THREE[bits >> 40 & 32767]}{_TWO[bits >> 30 & 1023]}"
            f"-{_THREE[bits >> 15 & 32767]}{_THREE[bits & 32767]}"
        )
