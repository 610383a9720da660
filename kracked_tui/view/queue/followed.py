"""Orders of one size that a person follows: each size has a letter wherever its orders show. Pure.

A size is no person: what is followed is "orders like this one".
"""

from __future__ import annotations

from collections.abc import Mapping

from kracked.book.l3 import L3Book
from kracked.instruments import Precision
from kracked.protocol.events import Side
from kracked_tui.view.queue.own_place import exact

LETTERS = "abc"
_DULL_DIGITS = 3
"""A size of no more digits than this is one that many choose."""


class Followed:
    """Owner of the sizes that are followed, by pair: up to three of each."""

    def __init__(self) -> None:
        self._sizes: dict[str, dict[int, str]] = {}

    def of(self, symbol: str) -> Mapping[int, str]:
        """Return the letters of a pair's sizes."""
        return self._sizes.get(symbol, {})

    def toggle(self, symbol: str, qty: int, precision: Precision) -> str:
        """Follow a size, or stop following it. Returns what happened, in words."""
        sizes, text = self._sizes.setdefault(symbol, {}), exact(qty, precision)
        if qty in sizes:
            return f"{sizes.pop(qty)}: {text} is not followed any more"
        if len(str(qty).rstrip("0")) <= _DULL_DIGITS:
            return f"not followed: {text} is a size that many choose"
        free = [letter for letter in LETTERS if letter not in sizes.values()]
        if not free:
            return f"not followed: {len(LETTERS)} sizes are already; m on one of them stops it"
        sizes[qty] = free[0]
        return f"{free[0]}: orders of {text} are followed, m again stops it"


def levels_of(book: L3Book, sizes: Mapping[int, str]) -> dict[tuple[Side, int], str]:
    """Return the letter of each level that holds an order of a followed size."""
    found = {}
    for side in Side:
        for order in book.side(side).orders():
            letter = sizes.get(order.qty)
            if letter is not None:
                found[side, order.price] = letter
    return found


def counts_text(book: L3Book, sizes: Mapping[int, str], precision: Precision) -> str:
    """Count the orders of each followed size on both sides: ``a 0.11733 ×5: 3 bid 2 ask``."""
    parts = []
    for qty, letter in sorted(sizes.items(), key=lambda item: item[1]):
        bids, asks = (
            sum(order.qty == qty for order in side.orders()) for side in (book.bids, book.asks)
        )
        parts.append(f"{letter} {exact(qty, precision)} ×{bids + asks}: {bids} bid {asks} ask")
    return "  ".join(parts)
