"""What the ladder's cursor is on."""

from __future__ import annotations

from typing import NamedTuple

from kracked.protocol.events import Side


class Selection(NamedTuple):
    """A range of prices of one side; a row of grouped prices covers several."""

    side: Side
    low: int
    """Scaled, included, like `high`."""
    high: int
