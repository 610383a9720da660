"""Order and trade ids in the exchange's form: `OZYA6B-OE3BH-YJ4PY5`.

A letter for the kind and sixteen base-32 digits: 80 bits, made from a counter by a mapping
that gives no value twice. The two halves are scrambled separately: arithmetic on 80 bits at
once costs three times as much.
"""

from __future__ import annotations

from itertools import product

_HALF = (1 << 40) - 1
_ODD = 0x9E_3779_B97F
"""An odd factor permutes the 40-bit numbers; these are the digits of the golden ratio."""
_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_TWO = [a + b for a, b in product(_DIGITS, repeat=2)]
_THREE = [a + b for a, b in product(_DIGITS, _TWO)]


class ExchangeIds:
    """An endless sequence of distinct ids; the same `start` gives the same sequence."""

    def __init__(self, letter: str, *, start: int) -> None:
        """`letter` is the kind: `O` for orders, `T` for trades, `L` for ledger entries."""
        self._letter = letter
        self._count = start

    def take(self) -> str:
        """Return the next id."""
        self._count += 1
        low = self._count * _ODD & _HALF
        low ^= low >> 21
        # Knowing `low`, this can be undone: the pair is as unique as the count.
        high = ((self._count >> 40) + low * 0x5_DEEC + (low >> 7)) * _ODD & _HALF
        high ^= high >> 19
        return (
            f"{self._letter}{_THREE[high >> 25]}{_TWO[high >> 15 & 1023]}"
            f"-{_THREE[high & 32767]}{_TWO[low >> 30]}"
            f"-{_THREE[low >> 15 & 32767]}{_THREE[low & 32767]}"
        )
