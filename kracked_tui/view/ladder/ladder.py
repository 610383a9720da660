"""The price ladder: fixed price rows, bids to the left, asks to the right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from kracked.instruments import Precision
from kracked.protocol.events import Level, Side
from kracked_tui.view import block_bars
from kracked_tui.view import format as fmt
from kracked_tui.view.account.orders import OwnLevel, joined, own_level_text
from kracked_tui.view.ladder import ladder_scroll
from kracked_tui.view.ladder.ladder_scroll import LadderScroll
from kracked_tui.view.line import Line, Span, fit

_QTY = 8
_TRADED = 7
_COUNT = 4
_MINE, _LEAST_MINE = 11, 7
_LEAST_BAR = 2
_LARGE, _HUGE = 3, 8
"""A level this many times the visible mean is large, or huge."""
_MARKS = (" ", "•", "◆")
"""Size is told by a sign as well as by a colour."""
_STEPS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100)


class LadderRow(NamedTuple):
    """Everything one row shows. Equal rows look equal: this is what is compared, not text."""

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
    """0 for usual, 1 for large, 2 for huge against what else is in sight."""
    ask_weight: int = 0


class LadderView(NamedTuple):
    rows: tuple[LadderRow, ...] = ()
    largest: int = 1
    """What bars are drawn against; it moves in coarse steps so that few rows change."""
    bid_total: int = 0
    ask_total: int = 0


class Traded(NamedTuple):
    """Quantity traded at a price since the last reset."""

    sold: int = 0
    """By takers that hit the bid."""
    bought: int = 0
    """By takers that lifted the ask."""


def ladder_view(
    bids: Iterable[Level],
    asks: Iterable[Level],
    where: LadderScroll,
    rows: int,
    *,
    traded: Mapping[int, Traded],
    orders: Mapping[int, int],
    last: int | None,
    mine: Mapping[int, OwnLevel] | None = None,
) -> LadderView:
    """`rows` rows from the top price down. Levels come best first; `orders` counts per price."""
    step = where.step
    top, bottom = ladder_scroll.top_price(where, rows), ladder_scroll.bottom_price(where, rows)
    bid_at, bid_orders = _grouped_bids(bids, step, bottom, orders)
    ask_at, ask_orders = _grouped_asks(asks, step, top, orders)
    sold, bought = _grouped_traded(traded, step, bottom, top)
    cursor = where.cursor if where.cursor is not None else max(bid_at, default=None)
    last_row = None if last is None else _row_of(last, step, bid_at)
    own = _grouped_mine(mine or {}, step)
    prices = range(top, bottom - 1, -step)
    seen_bids = [bid_at[price] for price in prices if price in bid_at]
    seen_asks = [ask_at[price] for price in prices if price in ask_at]
    seen = seen_bids + seen_asks
    mean = sum(seen) // len(seen) if seen else 0
    ladder = tuple(
        LadderRow(
            price,
            bid_at.get(price, 0),
            ask_at.get(price, 0),
            bid_orders.get(price, 0),
            ask_orders.get(price, 0),
            sold.get(price, 0),
            bought.get(price, 0),
            price == cursor,
            price == last_row,
            own.get(price),
            _weight(bid_at.get(price, 0), mean),
            _weight(ask_at.get(price, 0), mean),
        )
        for price in prices
    )
    largest = _coarse(max(seen, default=0))
    return LadderView(ladder, largest, sum(seen_bids), sum(seen_asks))


def _row_of(last: int, step: int, bid_at: Mapping[int, int]) -> int:
    """A last trade at or below the best bid was a sale and belongs to the bid's row."""
    low = ladder_scroll.below(last, step)
    return low if bid_at and low <= max(bid_at) else ladder_scroll.above(last, step)


def _grouped_bids(
    levels: Iterable[Level], step: int, bottom: int, orders: Mapping[int, int]
) -> tuple[dict[int, int], dict[int, int]]:
    qtys: dict[int, int] = {}
    counts: dict[int, int] = {}
    for price, qty in levels:
        if price < bottom:
            break
        row = price // step * step
        qtys[row] = qtys.get(row, 0) + qty
        counts[row] = counts.get(row, 0) + orders.get(price, 0)
    return qtys, counts


def _grouped_asks(
    levels: Iterable[Level], step: int, top: int, orders: Mapping[int, int]
) -> tuple[dict[int, int], dict[int, int]]:
    qtys: dict[int, int] = {}
    counts: dict[int, int] = {}
    for price, qty in levels:
        if price > top:
            break
        row = -(-price // step) * step
        qtys[row] = qtys.get(row, 0) + qty
        counts[row] = counts.get(row, 0) + orders.get(price, 0)
    return qtys, counts


def _grouped_traded(
    traded: Mapping[int, Traded], step: int, bottom: int, top: int
) -> tuple[dict[int, int], dict[int, int]]:
    sold: dict[int, int] = {}
    bought: dict[int, int] = {}
    # After hours there are more traded prices than prices in sight.
    inside = range(bottom, top + 1) if top - bottom < len(traded) else traded
    for price in inside:
        quantities = traded.get(price)
        if quantities and bottom <= price <= top:
            low, high = ladder_scroll.below(price, step), ladder_scroll.above(price, step)
            sold[low] = sold.get(low, 0) + quantities.sold
            bought[high] = bought.get(high, 0) + quantities.bought
    return sold, bought


def _grouped_mine(mine: Mapping[int, OwnLevel], step: int) -> dict[int, OwnLevel]:
    """By row."""
    rows: dict[int, OwnLevel] = {}
    for price, one in mine.items():
        low, high = ladder_scroll.below(price, step), ladder_scroll.above(price, step)
        row = low if one.side is Side.BID else high
        was = rows.get(row)
        rows[row] = one if was is None else joined(was, one)
    return rows


def _weight(qty: int, mean: int) -> int:
    if not mean or qty < _LARGE * mean:
        return 0
    return 2 if qty >= _HUGE * mean else 1


def _coarse(value: int) -> int:
    """Up to the next of ten steps a decade: a bar's scale that does not tremble."""
    power = int(10 ** max(0, len(str(value)) - 2))
    return next(step * power for step in _STEPS if step * power >= value)


class LadderColumns(NamedTuple):
    """Widths of one half; the halves mirror each other around the price."""

    width: int
    price: int
    bar: int
    traded: int
    orders: int
    mine: int = 0


def columns_for(width: int, price_width: int, *, mine: bool = False) -> LadderColumns:
    """What fits in `width`. Order counts go first, then the traded columns, then the bars.

    Own orders are never left out, though their column gives way to the prices.
    """
    least = price_width + 3 + 2 * (_QTY + 2)
    own = max(_LEAST_MINE, min(_MINE, width - least)) if mine else 0
    spare = (width - own - price_width - 3) // 2 - (_QTY + 2)
    traded = _TRADED if spare >= _TRADED + _LEAST_BAR else 0
    spare -= traded
    count = _COUNT if spare >= _COUNT + 3 * _LEAST_BAR else 0
    return LadderColumns(width, price_width, max(0, spare - count), traded, count, own)


def head_line(columns: LadderColumns) -> Line:
    bid = "BID".rjust(_QTY + 1)
    ask = "ASK".rjust(_QTY + 1)
    left = "#".rjust(columns.orders)[: columns.orders] + " " * columns.bar + bid + " "
    left += "SOLD".rjust(columns.traded)[: columns.traded]
    right = "BGHT".rjust(columns.traded)[: columns.traded] + ask + " " + " " * columns.bar
    right += "#".rjust(columns.orders)[: columns.orders]
    own = "MINE".ljust(columns.mine)[: columns.mine]
    text = f" {own}{left} {'PRICE'.rjust(columns.price)} {right}"
    return Line(fit([Span(text, "header")], columns.width))


def ladder_line(
    row: LadderRow, largest: int, columns: LadderColumns, precision: Precision, decimals: int
) -> Line:
    """One row of the ladder as it is drawn."""

    def amount(value: int, width: int) -> str:
        text = fmt.qty(value, precision.qty, decimals, width - 1) if value else ""
        return text.rjust(width)

    bid_role = "large" if row.bid_weight else "bid"
    ask_role = "large" if row.ask_weight else "ask"
    return Line(
        fit(
            (
                Span("▸" if row.cursor else " ", "accent"),
                _mine_span(row.mine, columns.mine),
                Span(_count(row.bid_orders, columns.orders), "faint"),
                *block_bars.leftwards(row.bid, largest, columns.bar, "bid"),
                Span(amount(row.bid, _QTY + 1), bid_role),
                Span(_MARKS[row.bid_weight], "mark"),
                Span(amount(row.sold, columns.traded) if columns.traded else "", "dim"),
                Span(" "),
                Span(precision.price_text(row.price).rjust(columns.price), _price_role(row)),
                Span("◂" if row.last else " ", "last"),
                Span(amount(row.bought, columns.traded) if columns.traded else "", "dim"),
                Span(amount(row.ask, _QTY + 1), ask_role),
                Span(_MARKS[row.ask_weight], "mark"),
                *block_bars.rightwards(row.ask, largest, columns.bar, "ask"),
                Span(_count(row.ask_orders, columns.orders), "faint"),
            ),
            columns.width,
        ),
        "cursor" if row.cursor else "",
    )


def _mine_span(mine: OwnLevel | None, width: int) -> Span:
    if mine is None or not width:
        return Span(" " * width)
    return Span(own_level_text(mine, width - 1).ljust(width), mine.side.value)


def _count(orders: int, width: int) -> str:
    return (str(orders) if orders else "").rjust(width)[:width]


def _price_role(row: LadderRow) -> str:
    if row.last:
        return "last"
    if row.bid or row.ask:
        return "price"
    return "faint"


def foot_spans(bids: int, asks: int, precision: Precision, width: int) -> tuple[Span, ...]:
    """The quantity in sight on each side, and which way it leans."""
    both = bids + asks
    lean = fmt.percent(bids - asks, both) if both else 0
    return (
        Span("bid ", "dim"),
        Span(fmt.compact(bids, precision.qty), "bid"),
        Span(" "),
        *block_bars.share(bids, both, max(6, min(24, width - 42))),
        Span(" "),
        Span(fmt.compact(asks, precision.qty), "ask"),
        Span(" ask", "dim"),
        Span(f"  imb {fmt.signed(str(lean))}%", "dim"),
    )
