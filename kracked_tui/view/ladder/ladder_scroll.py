"""Which prices the ladder shows: its centre, its cursor, its grouping, and what moves them.

Price rows never move by themselves while the market is in sight. They recentre when the
best prices come near the edge, unless the ladder is held, the cursor was placed, or keys send
orders: then they stand still, and the pane's edge says where the market is. While keys send
orders the cursor stands still as well: it names the price of the next one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

_NICE = (1, 2, 5)
_LEAST_ROWS_BELOW = 4
"""Rows that a grouping leaves between the best bid and zero."""
_FINE_PART = 5_000
"""A row of this part of the price, two hundredths of a per cent, is fine for any spread."""


def bid_row(price: int, step: int) -> int:
    """Return the price of the row in which a bid of this price is counted."""
    return price // step * step


def ask_row(price: int, step: int) -> int:
    """Return the price of the row in which an ask of this price is counted."""
    return -(-price // step) * step


@dataclass(frozen=True, slots=True)
class LadderScroll:
    """The rows in sight. Prices are scaled integers and multiples of `step`; a change is a copy."""

    centre: int = 0
    cursor: int | None = None
    """None: on the best bid, wherever it goes."""
    step: int = 0
    """Price difference of neighbouring rows; 0 until the first book chose one."""
    held: bool = False
    pinned: bool = False
    """Whether the cursor stands where it was when keys began to send orders."""

    @property
    def ready(self) -> bool:
        """Whether a first book has chosen the rows."""
        return self.step > 0

    def top_price(self, rows: int) -> int:
        """Return the price of the first of `rows` rows."""
        return self.centre + rows // 2 * self.step

    def bottom_price(self, rows: int) -> int:
        """Return the price of the last of `rows` rows; there is none at or below zero."""
        return max(self.step, self.top_price(rows) - (rows - 1) * self.step)

    def prices(self, rows: int) -> range:
        """Return the prices of the rows, falling."""
        return range(self.top_price(rows), self.bottom_price(rows) - 1, -self.step)

    def follows(self, *, armed: bool) -> bool:
        """Whether the rows may move by themselves; `armed` is whether keys send orders."""
        return not (self.held or armed or self.cursor is not None)

    def pinned_while(self, *, armed: bool, bid: int) -> LadderScroll:
        """Keep the cursor where it is while keys send orders; let it go with the bid after."""
        if armed and self.cursor is None:
            return replace(self, cursor=bid_row(bid, self.step), pinned=True)
        if self.pinned and not armed:
            return replace(self, cursor=None, pinned=False)
        return self

    def following(self, bid: int, ask: int, rows: int, *, armed: bool = False) -> LadderScroll:
        """Keep the best prices in sight, where the rows may move."""
        if not self.follows(armed=armed):
            return self
        step, margin = self.step, (rows // 5 + 1) * self.step
        bottom = self.bottom_price(rows)
        low = bottom if bottom == step else bottom + margin  # at zero there is nothing below
        in_sight = ask <= self.top_price(rows) - margin and bid >= low
        return self if in_sight else replace(self, centre=bid_row((bid + ask) // 2, step))

    def recentred(self, bid: int, ask: int) -> LadderScroll:
        """Go to the market, put the cursor back on the best bid, and hold nothing."""
        centre = bid_row((bid + ask) // 2, self.step)
        return replace(self, centre=centre, cursor=None, held=False, pinned=False)

    def moved(self, rows_up: int, *, bid: int, rows: int) -> LadderScroll:
        """Move the cursor; past the edge the ladder scrolls, and is then held."""
        at = bid_row(bid, self.step) if self.cursor is None else self.cursor
        return self.pointed(max(self.step, at + rows_up * self.step), rows=rows)

    def pointed(self, price: int, *, rows: int) -> LadderScroll:
        """Put the cursor on the row of this price; past the edge as `moved` does."""
        over = max(0, price - self.top_price(rows))
        under = max(0, self.bottom_price(rows) - price)
        held = self.held or bool(over or under)
        centre = self.centre + over - under
        return replace(self, cursor=price, centre=centre, held=held, pinned=False)

    def regrouped(self, tick: int, coarser: int, *, bid: int) -> LadderScroll:
        """Take the next coarser (1) or finer (-1) grouping, around the best bid."""
        offered = steps(tick, bid)
        nearest = min(range(len(offered)), key=lambda at: abs(offered[at] - self.step))
        step = offered[max(0, min(len(offered) - 1, nearest + coarser))]
        cursor = None if self.cursor is None else bid_row(self.cursor, step)
        return replace(self, step=step, centre=bid_row(bid, step), cursor=cursor)


def steps(tick: int, bid: int) -> tuple[int, ...]:
    """Return the groupings offered: 1, 2, 5, 10, ... ticks, while there are rows below the bid."""
    offered = [tick * nice * 10**power for power in range(6) for nice in _NICE]
    return tuple(step for step in offered if step == tick or step * _LEAST_ROWS_BELOW <= bid)


def first_scroll(tick: int, bids: list[int], asks: list[int], rows: int) -> LadderScroll:
    """Choose the grouping of these prices, best first, and centre it.

    It is the finest that shows most of them, and never so coarse that spread and price are lost in
    a row: a book whose next levels lie far away keeps its spread in sight.
    """
    reach = max(bids[0] - bids[-1], asks[-1] - asks[0])
    half = max(1, rows // 2 - 1)
    offered = steps(tick, bids[0])
    coarsest = max(tick, asks[0] - bids[0], bids[0] // _FINE_PART)
    offered = tuple(step for step in offered if step <= coarsest) or offered[:1]
    step = next((step for step in offered if step * half >= reach), offered[-1])
    return LadderScroll(centre=bid_row(bids[0], step), step=step)
