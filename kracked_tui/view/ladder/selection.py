"""The prices under the ladder's cursor, and the orders there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from kracked.instruments import Precision
from kracked.protocol.events import OrderChange, Side

if TYPE_CHECKING:
    from kracked.book.l3 import L3Book
    from kracked.book.queue import LevelQueue


class Selection(NamedTuple):
    """A range of prices of one side; a row of grouped prices covers several."""

    side: Side
    low: int
    """Lowest price, scaled and included."""
    high: int
    """Highest price, scaled and included."""

    def text(self, precision: Precision, width: int) -> str:
        """Name the prices, the best one first, for the title of a pane of this width."""
        best, worst = (self.low, self.high) if self.side is Side.ASK else (self.high, self.low)
        text = f"{self.side.value} {precision.price_text(best)}"
        if best == worst:
            return text
        whole = f"{text} to {precision.price_text(worst)}"
        return whole if len(whole) + 14 <= width else f"{text} on"


def levels_from(book: L3Book, selection: Selection) -> Iterator[LevelQueue]:
    """Yield levels from the best selected price on, in the order they fill."""
    side, low, high = selection
    for queue in book.side(side):
        if queue.price <= high if side is Side.BID else queue.price >= low:
            yield queue


def orders_at(book: L3Book, selection: Selection) -> list[OrderChange]:
    """Return the orders at the selected prices, in the order they fill."""
    found: list[OrderChange] = []
    for queue in levels_from(book, selection):
        if not selection.low <= queue.price <= selection.high:
            break
        found += queue
    return found
