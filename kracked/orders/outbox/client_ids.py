"""Client order ids: fresh, unique, and sorted by the time they were made.

They are UUIDs of version 7, with dashes: one of the forms that the exchange accepts for
`cl_ord_id`, and one whose text sorts by time. Source: RFC 9562, section 5.7.
"""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Callable

_NS_PER_MS = 1_000_000
_RANDOM_BITS = 74


class ClientIds:
    """Makes client order ids.

    Args:
        clock: Returns ns since the Unix epoch.
        entropy: Returns a random integer of as many bits as its argument.
    """

    def __init__(
        self,
        clock: Callable[[], int] = time.time_ns,
        entropy: Callable[[int], int] = secrets.randbits,
    ) -> None:
        self._clock, self._entropy = clock, entropy
        self._last = 0

    def fresh(self) -> str:
        """Return an id that no order had before, of 36 characters, above all earlier ids."""
        # Time and chance form one number that only rises: after a clock that was set back, or
        # within a millisecond, it counts on from the last id.
        drawn = (self._clock() // _NS_PER_MS) << _RANDOM_BITS | self._entropy(_RANDOM_BITS)
        self._last = drawn if drawn > self._last else self._last + 1
        # 48 bits of time and 74 of chance, with version and variant where the RFC wants them.
        milliseconds, chance = self._last >> _RANDOM_BITS, self._last & (1 << _RANDOM_BITS) - 1
        high, low = chance >> 62, chance & (1 << 62) - 1
        return str(uuid.UUID(int=milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low))


def userref_of(id_: str) -> int:
    """Return the number that stands for a client id where the exchange takes no client id.

    An order with a conditional close carries it. It is above zero and fits 32 bits; its bits are
    the random ones of the id.
    """
    return int(id_.replace("-", "")[-8:], 16) & 0x7FFF_FFFF or 1
