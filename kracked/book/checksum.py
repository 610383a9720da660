"""The checksum recipe of a book, stated once.

CRC-32 over the digits of the best ten price levels a side, asks from low to high and
then bids from high to low: each price and quantity without its point and without
leading zeros, which is `str` of the scaled integer. Always ten levels, whatever the
depth; fewer where the market has fewer; an empty book hashes to 0.

Sources: docs.kraken.com/api/docs/guides/spot-ws-book-v2 (per level) and
docs.kraken.com/api/docs/guides/spot-ws-l3-v2 (per order, in queue order)
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from zlib import crc32

LEVELS_HASHED = 10


def level_digits(price: int, qty: int) -> str:
    """Return the digits that one level, or one order, adds to the checksum's text."""
    return f"{price}{qty}"


def checksum(asks: Iterable[tuple[int, int]], bids: Iterable[tuple[int, int]]) -> int:
    """Return the checksum of a book's sides, computed from scratch.

    The books keep their digits ready instead; this is for everyone else, and the
    measure those are tested against.

    Args:
        asks: Price and quantity of each level, scaled, lowest price first.
        bids: Price and quantity of each level, scaled, highest price first.
    """
    best = [*islice(asks, LEVELS_HASHED), *islice(bids, LEVELS_HASHED)]
    return crc32("".join(level_digits(price, qty) for price, qty in best).encode())
