"""The price ladder: fixed price rows, bids to the left, asks to the right. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from kracked.flow.measures.price_changes import LevelChanges
from kracked.flow.measures.traded_at_price import PriceTrades
from kracked.protocol.events import Level, Side
from kracked_tui.view.account.own_levels import OwnLevel, joined
from kracked_tui.view.ladder.ladder_scroll import LadderScroll, ask_row, bid_row

_LARGE, _HUGE = 3, 8
"""A level this many times the mean in sight is large, or huge."""
_SCALES = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100)


class LadderRow(NamedTuple):
    """Everything one row shows. Equal rows look equal: rows are compared, and not their text."""

    price: int
    bid: int = 0
    ask: int = 0
    bid_orders: int = 0
    ask_orders: int = 0
    sold: int = 0
    bought: int = 0
    cursor: bool = False
    last: bool = False
    mine: OwnLevel | None = None
    """Own orders at this price."""
    bid_weight: int = 0
    """0 for usual, 1 for large, 2 for huge."""
    ask_weight: int = 0
    bid_change: int = 0
    """Stacked minus pulled within the window; 0 too where it is not worth showing."""
    ask_change: int = 0
    bid_flag: str = ""
    """`=` for eaten and put back, `~` for flickering."""
    ask_flag: str = ""
    profile: int = 0
    """Eighths of the profile's bar."""
    mark: str = ""
    """What stands beside the price: point of control, averages, own entry."""
    user: tuple[str, ...] = ()
    """The cells of the user's own columns."""


class LadderView(NamedTuple):
    """The rows in sight, top to bottom."""

    rows: tuple[LadderRow, ...] = ()
    largest: int = 1
    """The quantity of the longest bar; it moves in coarse steps so that few rows change."""


class RowMeasures(NamedTuple):
    """The order flow of the ladder's rows; empty where nothing of it is known."""

    traded: Mapping[int, PriceTrades] = {}
    """Traded quantities by price."""
    bid_changes: Mapping[int, LevelChanges] = {}
    """Pulling and stacking by row."""
    ask_changes: Mapping[int, LevelChanges] = {}
    typical_qty: int = 0
    """Half of all new orders are smaller: what is below it is noise."""
    profile: Mapping[int, int] = {}
    """Eighths of the profile's bar by row."""
    marks: Mapping[int, str] = {}
    """Marks beside the price by row."""
    weigh: Callable[[Side, int, int], int | None] | None = None
    """Returns the weight of the largest level of a side's row; None while it is not known."""


NO_MEASURES = RowMeasures()
_UNCHANGED = (0, "")


def ladder_view(
    bids: Iterable[Level],
    asks: Iterable[Level],
    scroll: LadderScroll,
    prices: Sequence[int],
    *,
    orders: Mapping[int, int],
    last: int | None,
    mine: Mapping[int, OwnLevel] | None = None,
    measures: RowMeasures = NO_MEASURES,
) -> LadderView:
    """Return the rows from the top price down.

    Args:
        bids: Levels, best first.
        asks: Levels, best first.
        scroll: The grouping and the cursor.
        prices: The prices of the rows in sight, falling.
        orders: Number of orders by price.
        last: Price of the last trade.
        mine: Own orders by price.
        measures: What is known of the order flow.
    """
    step, top, bottom = scroll.step, max(prices, default=0), min(prices, default=0)
    bid_at, bid_orders, bid_most = _side_by_row(bids, orders, step, sign=1, edge=bottom)
    ask_at, ask_orders, ask_most = _side_by_row(asks, orders, step, sign=-1, edge=top)
    sold, bought = _traded_by_row(measures.traded, step, bottom, top)
    own = _own_by_row(mine or {}, step)
    cursor = scroll.cursor if scroll.cursor is not None else max(bid_at, default=None)
    last_row = _last_row(last, bid_at, step)
    seen_bids, seen_asks = ([at[row] for row in prices if row in at] for at in (bid_at, ask_at))
    seen = seen_bids + seen_asks
    bid_weights = _weights(Side.BID, bid_at, bid_most, seen, measures)
    ask_weights = _weights(Side.ASK, ask_at, ask_most, seen, measures)
    bid_changes = _changes(measures.bid_changes, prices, bid_at, measures.typical_qty)
    ask_changes = _changes(measures.ask_changes, prices, ask_at, measures.typical_qty)
    ladder = tuple(
        LadderRow(
            price,
            bid=bid_at.get(price, 0),
            ask=ask_at.get(price, 0),
            bid_orders=bid_orders.get(price, 0),
            ask_orders=ask_orders.get(price, 0),
            sold=sold.get(price, 0),
            bought=bought.get(price, 0),
            cursor=price == cursor,
            last=price == last_row,
            mine=own.get(price),
            bid_weight=bid_weights.get(price, 0),
            ask_weight=ask_weights.get(price, 0),
            bid_change=bid_changes.get(price, _UNCHANGED)[0],
            ask_change=ask_changes.get(price, _UNCHANGED)[0],
            bid_flag=bid_changes.get(price, _UNCHANGED)[1],
            ask_flag=ask_changes.get(price, _UNCHANGED)[1],
            profile=measures.profile.get(price, 0),
            mark=measures.marks.get(price, ""),
        )
        for price in prices
    )
    return LadderView(ladder, bar_scale(max(seen, default=0)))


def _last_row(last: int | None, bids: Mapping[int, int], step: int) -> int | None:
    """Return the row of the last trade: one at or below the best bid was a sale, and is its."""
    if last is None:
        return None
    row = bid_row(last, step)
    return row if bids and row <= max(bids) else ask_row(last, step)


def _weights(
    side: Side,
    qtys: Mapping[int, int],
    largest: Mapping[int, int],
    seen: Sequence[int],
    measures: RowMeasures,
) -> dict[int, int]:
    """Return how large the rows of a side are: by the market's sizes, else by those in sight."""
    found, mean = {}, sum(seen) // len(seen) if seen else 0
    for price, qty in qtys.items():
        weight = measures.weigh(side, price, largest[price]) if measures.weigh else None
        if weight is None:
            weight = 0
            if mean and qty >= _LARGE * mean:
                weight = 2 if qty >= _HUGE * mean else 1
        found[price] = weight
    return found


def _side_by_row(
    levels: Iterable[Level], orders: Mapping[int, int], step: int, *, sign: int, edge: int
) -> tuple[dict[int, int], dict[int, int], dict[int, int]]:
    """Return quantities, order counts and largest levels by row, up to the edge of the screen.

    `sign` is 1 for bids, which are counted in the row below them, and -1 for asks, which are
    counted in the row above.
    """
    qtys: dict[int, int] = {}
    counts: dict[int, int] = {}
    largest: dict[int, int] = {}
    for price, qty in levels:
        if sign * price < sign * edge:
            break
        row = sign * (sign * price // step * step)
        qtys[row] = qtys.get(row, 0) + qty
        counts[row] = counts.get(row, 0) + orders.get(price, 0)
        largest[row] = max(qty, largest.get(row, 0))
    return qtys, counts, largest


def _traded_by_row(
    traded: Mapping[int, PriceTrades], step: int, bottom: int, top: int
) -> tuple[dict[int, int], dict[int, int]]:
    sold: dict[int, int] = {}
    bought: dict[int, int] = {}
    # After hours there are more traded prices than prices in sight.
    inside = range(bottom, top + 1) if top - bottom < len(traded) else traded
    for price in inside:
        quantities = traded.get(price)
        if quantities and bottom <= price <= top:
            low, high = bid_row(price, step), ask_row(price, step)
            sold[low] = sold.get(low, 0) + quantities.sold
            bought[high] = bought.get(high, 0) + quantities.bought
    return sold, bought


def _changes(
    changes: Mapping[int, LevelChanges],
    prices: Sequence[int],
    qtys: Mapping[int, int],
    typical_qty: int,
) -> dict[int, tuple[int, str]]:
    """Return what was stacked less what was pulled by row, without noise, and its flag."""
    found = {}
    for price in prices if changes else ():
        if (change := changes.get(price)) is None:
            continue
        qty = qtys.get(price, 0)
        shown = change.difference if change.above_noise(qty, typical_qty) else 0
        found[price] = (shown, change.mark(qty) if qty else "")
    return found


def filled_rows(
    bids: Iterable[Level],
    asks: Iterable[Level],
    step: int,
    rows: int,
    *,
    always: Iterable[int] = (),
) -> tuple[int, ...]:
    """Return the prices of the rows that hold a level, half of them of each side, falling.

    Args:
        bids: Levels, best first.
        asks: Levels, best first.
        step: Price difference of neighbouring rows.
        rows: Rows there are.
        always: Rows that are shown empty too: the cursor, own orders.
    """
    found = set(always)
    for levels, row_of, room in ((asks, ask_row, rows // 2), (bids, bid_row, rows - rows // 2)):
        side: dict[int, None] = {}
        for price, _ in levels:
            side[row_of(price, step)] = None
            if len(side) >= room:
                break
        found |= side.keys()
    return tuple(sorted((price for price in found if price > 0), reverse=True)[:rows])


def _own_by_row(mine: Mapping[int, OwnLevel], step: int) -> dict[int, OwnLevel]:
    rows: dict[int, OwnLevel] = {}
    for price, level in mine.items():
        row = bid_row(price, step) if level.side is Side.BID else ask_row(price, step)
        before = rows.get(row)
        rows[row] = level if before is None else joined(before, level)
    return rows


def bar_scale(largest: int) -> int:
    """Round the largest quantity up to the scale of the bars.

    There are few scales a decade: bars do not tremble with each change of the largest level.
    """
    power = int(10 ** max(0, len(str(largest)) - 2))
    return next(scale * power for scale in _SCALES if scale * power >= largest)
