"""Client order ids: fresh, unique, and in the order they were made.

A UUID of version 7, with dashes: one of the forms the exchange takes for `cl_ord_id`,
and one whose text sorts by time. Source: RFC 9562, section 5.7.
"""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Callable

_NS_PER_MS = 1_000_000
_RANDOM_BITS = 74


class ClientIds:
    """Makes ids. `clock` gives ns since the Unix epoch, `entropy(bits)` a random integer."""

    def __init__(
        self,
        clock: Callable[[], int] = time.time_ns,
        entropy: Callable[[int], int] = secrets.randbits,
    ) -> None:
        self._clock, self._entropy = clock, entropy
        self._last = 0

    def fresh(self) -> str:
        """An id no order had before, as 36 characters; above all earlier ones of this run."""
        # Time and randomness read as one number that only rises: a clock set back, or
        # two ids within a millisecond, count on from the last.
        drawn = (self._clock() // _NS_PER_MS) << _RANDOM_BITS | self._entropy(_RANDOM_BITS)
        self._last = drawn if drawn > self._last else self._last + 1
        # 48 bits of time and 74 of chance, with version and variant where the RFC wants them.
        milliseconds, chance = self._last >> _RANDOM_BITS, self._last & (1 << _RANDOM_BITS) - 1
        high, low = chance >> 62, chance & (1 << 62) - 1
        return str(uuid.UUID(int=milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low))
