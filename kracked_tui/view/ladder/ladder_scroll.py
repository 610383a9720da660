"""Where the ladder stands: its centre, its cursor, its grouping, and what moves them.

Price rows never move by themselves while the market is in sight. They recentre when the
best prices come near the edge, unless the ladder is held or was scrolled away on purpose.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

_NICE = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class LadderScroll:
    """Prices are scaled integers and multiples of `step`."""

    centre: int = 0
    cursor: int | None = None
    """None: on the best bid, wherever it goes."""
    step: int = 0
    """Price difference of neighbouring rows; 0 until the first book chose one."""
    held: bool = False

    @property
    def ready(self) -> bool:
        return self.step > 0


def top_price(position: LadderScroll, rows: int) -> int:
    """The price of the first row."""
    return position.centre + rows // 2 * position.step


def bottom_price(position: LadderScroll, rows: int) -> int:
    return top_price(position, rows) - (rows - 1) * position.step


def below(price: int, step: int) -> int:
    """The row a bid of this price is counted in."""
    return price // step * step


def above(price: int, step: int) -> int:
    """The row an ask of this price is counted in."""
    return -(-price // step) * step


def steps(tick: int) -> tuple[int, ...]:
    """The groupings offered: 1, 2, 5, 10, ... ticks."""
    return tuple(tick * nice * 10**power for power in range(6) for nice in _NICE)


def fitting_step(tick: int, reach: int, rows: int) -> int:
    """The trade_bars grouping that shows `reach` of price on half of the rows."""
    half = max(1, rows // 2 - 1)
    return next((step for step in steps(tick) if step * half >= reach), steps(tick)[-1])


def started(tick: int, bids: list[int], asks: list[int], rows: int) -> LadderScroll:
    """A first position for these prices, best first: most of them in sight, centred."""
    reach = max(bids[0] - bids[-1], asks[-1] - asks[0])
    step = fitting_step(tick, reach, rows)
    return LadderScroll(centre=below(bids[0], step), step=step)


def following(position: LadderScroll, bid: int, ask: int, rows: int) -> LadderScroll:
    """The position after the best prices moved."""
    if position.held:
        return position
    step, margin = position.step, rows // 5 * position.step
    top = top_price(position, rows)
    in_sight = ask <= top - margin - step and bid >= top - (rows - 1) * step + margin + step
    if in_sight:
        return position
    return replace(position, centre=below((bid + ask) // 2, position.step))


def recentred(position: LadderScroll, bid: int, ask: int) -> LadderScroll:
    """On the market, with the cursor back on the best bid and nothing held."""
    return replace(position, centre=below((bid + ask) // 2, position.step), cursor=None, held=False)


def moved(position: LadderScroll, rows_up: int, *, bid: int, rows: int) -> LadderScroll:
    """The cursor `rows_up` higher; past the edge the ladder scrolls, and is then held."""
    at = below(bid, position.step) if position.cursor is None else position.cursor
    return pointed(position, max(position.step, at + rows_up * position.step), rows=rows)


def pointed(position: LadderScroll, price: int, *, rows: int) -> LadderScroll:
    """The cursor on this row's price."""
    over = max(0, price - top_price(position, rows))
    under = max(0, bottom_price(position, rows) - price)
    return replace(
        position,
        cursor=price,
        centre=position.centre + over - under,
        held=position.held or bool(over or under),
    )


def regrouped(position: LadderScroll, tick: int, coarser: int, *, bid: int) -> LadderScroll:
    """The next coarser (1) or finer (-1) grouping, around the best bid."""
    offered = steps(tick)
    nearest = min(range(len(offered)), key=lambda at: abs(offered[at] - position.step))
    step = offered[max(0, min(len(offered) - 1, nearest + coarser))]
    cursor = None if position.cursor is None else below(position.cursor, step)
    return replace(position, step=step, centre=below(bid, step), cursor=cursor)
