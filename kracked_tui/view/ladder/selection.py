"""What the ladder's cursor is on."""

from __future__ import annotations

from typing import NamedTuple

from kracked.instruments import Precision
from kracked.protocol.events import Side


class Selection(NamedTuple):
    """A range of prices of one side; a row of grouped prices covers several."""

    side: Side
    low: int
    """Scaled, included, like `high`."""
    high: int

    def text(self, precision: Precision, width: int) -> str:
        """For the title of a pane so wide: which prices these are, the best one first."""
        best, worst = (self.low, self.high) if self.side is Side.ASK else (self.high, self.low)
        text = f"{self.side.value} {precision.price_text(best)}"
        if best == worst:
            return text
        whole = f"{text} to {precision.price_text(worst)}"
        return whole if len(whole) + 14 <= width else f"{text}…"
