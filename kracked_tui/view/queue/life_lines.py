"""The sizes of orders, first to last, as lines of blocks: how each was eaten or changed. Pure."""

from __future__ import annotations

from kracked_tui.view import block_bars

LIFE_CELLS = 6


class LifeLines:
    """Owner of the sizes that orders were seen with; those seen longest ago are let go."""

    def __init__(self, most: int = 2_000) -> None:
        """`most` orders are remembered."""
        self._most = most
        self._sizes: dict[str, list[int]] = {}

    def line(self, order_id: str, qty: int, *, first: int) -> str:
        """Return an order's line, its first size before those it was seen with since.

        Args:
            order_id: The order.
            qty: What it shows now.
            first: What it showed first.
        """
        sizes = self._sizes.pop(order_id, None) or [first]
        self._sizes[order_id] = sizes
        if sizes[-1] != qty:
            sizes.append(qty)
            del sizes[1 : len(sizes) - LIFE_CELLS + 1]
        if len(self._sizes) > self._most:
            del self._sizes[next(iter(self._sizes))]
        return block_bars.columns(sizes)
