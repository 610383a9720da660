"""The price ladder: fixed price rows, bids to the left, asks to the right. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from kracked.instruments import Precision
from kracked.protocol.events import Level, Side
from kracked_tui.view import block_bars
from kracked_tui.view import format as fmt
from kracked_tui.view.account.orders import OwnLevel, joined, own_level_text, price_tail
from kracked_tui.view.ladder.ladder_scroll import LadderScroll, ask_row, bid_row
from kracked_tui.view.line import Line, Span, fit

_QTY = 8
_TRADED = 7
_COUNT = 4
_MINE, _ROOMY_MINE, _LEAST_MINE = 11, 14, 7
_ROOMY = 60
"""Width from which there is room for the digits of an own order's price in a row of several."""
_LEAST_BAR = 2
_LARGE, _HUGE = 3, 8
"""A level this many times the mean in sight is large, or huge."""
_MARKS = (" ", "•", "◆")
"""Size is shown by a sign as well as by a colour."""
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
    """0 for usual, 1 for large, 2 for huge, against the other levels in sight."""
    ask_weight: int = 0


class LadderView(NamedTuple):
    """The rows in sight, top to bottom, and their sums."""

    rows: tuple[LadderRow, ...] = ()
    largest: int = 1
    """The quantity of the longest bar; it moves in coarse steps so that few rows change."""
    bid_total: int = 0
    ask_total: int = 0


class Traded(NamedTuple):
    """Quantity traded at a price since the last reset."""

    sold: int = 0
    """Sold by takers that hit the bid."""
    bought: int = 0
    """Bought by takers that lifted the ask."""


def ladder_view(
    bids: Iterable[Level],
    asks: Iterable[Level],
    scroll: LadderScroll,
    rows: int,
    *,
    traded: Mapping[int, Traded],
    orders: Mapping[int, int],
    last: int | None,
    mine: Mapping[int, OwnLevel] | None = None,
) -> LadderView:
    """Return the rows from the top price down.

    Args:
        bids: Levels, best first.
        asks: Levels, best first.
        scroll: Which prices are in sight.
        rows: Rows in sight.
        traded: Traded quantities by price.
        orders: Number of orders by price.
        last: Price of the last trade.
        mine: Own orders by price.
    """
    step, top, bottom = scroll.step, scroll.top_price(rows), scroll.bottom_price(rows)
    bid_at, bid_orders = _side_by_row(bids, orders, step, sign=1, edge=bottom)
    ask_at, ask_orders = _side_by_row(asks, orders, step, sign=-1, edge=top)
    sold, bought = _traded_by_row(traded, step, bottom, top)
    own = _own_by_row(mine or {}, step)
    cursor = scroll.cursor if scroll.cursor is not None else max(bid_at, default=None)
    last_row = None
    if last is not None:
        # A last trade at or below the best bid was a sale and belongs to the bid's row.
        row = bid_row(last, step)
        last_row = row if bid_at and row <= max(bid_at) else ask_row(last, step)
    prices = range(top, bottom - 1, -step)
    seen_bids = [bid_at[price] for price in prices if price in bid_at]
    seen_asks = [ask_at[price] for price in prices if price in ask_at]
    seen = seen_bids + seen_asks
    mean = sum(seen) // len(seen) if seen else 0
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
            bid_weight=_weight(bid_at.get(price, 0), mean),
            ask_weight=_weight(ask_at.get(price, 0), mean),
        )
        for price in prices
    )
    largest = bar_scale(max(seen, default=0))
    return LadderView(ladder, largest, sum(seen_bids), sum(seen_asks))


def _side_by_row(
    levels: Iterable[Level], orders: Mapping[int, int], step: int, *, sign: int, edge: int
) -> tuple[dict[int, int], dict[int, int]]:
    """Sum quantities and order counts by row, up to the edge of the screen.

    `sign` is 1 for bids, which are counted in the row below them, and -1 for asks, which are
    counted in the row above.
    """
    qtys: dict[int, int] = {}
    counts: dict[int, int] = {}
    for price, qty in levels:
        if sign * price < sign * edge:
            break
        row = sign * (sign * price // step * step)
        qtys[row] = qtys.get(row, 0) + qty
        counts[row] = counts.get(row, 0) + orders.get(price, 0)
    return qtys, counts


def _traded_by_row(
    traded: Mapping[int, Traded], step: int, bottom: int, top: int
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


def _own_by_row(mine: Mapping[int, OwnLevel], step: int) -> dict[int, OwnLevel]:
    rows: dict[int, OwnLevel] = {}
    for price, level in mine.items():
        row = bid_row(price, step) if level.side is Side.BID else ask_row(price, step)
        before = rows.get(row)
        rows[row] = level if before is None else joined(before, level)
    return rows


def _weight(qty: int, mean: int) -> int:
    if not mean or qty < _LARGE * mean:
        return 0
    return 2 if qty >= _HUGE * mean else 1


def bar_scale(largest: int) -> int:
    """Round the largest quantity up to the scale of the bars.

    There are few scales a decade: bars do not tremble with each change of the largest level.
    """
    power = int(10 ** max(0, len(str(largest)) - 2))
    return next(scale * power for scale in _SCALES if scale * power >= largest)


class LadderColumns(NamedTuple):
    """Widths of the columns of one half; the halves mirror each other around the price."""

    width: int
    price: int
    bar: int
    traded: int
    orders: int
    mine: int = 0


def columns_for(width: int, price_width: int, *, mine: bool = False) -> LadderColumns:
    """Fit the columns. Order counts are left out first, then traded quantities, then bars.

    The column of own orders is never left out, though it gives way to the prices.

    Args:
        width: Cells of a row.
        price_width: Characters of a price.
        mine: Whether there is a column of own orders.
    """
    least = price_width + 3 + 2 * (_QTY + 2)
    wanted = _ROOMY_MINE if width >= _ROOMY else _MINE
    own = max(_LEAST_MINE, min(wanted, width - least)) if mine else 0
    spare = (width - own - price_width - 3) // 2 - (_QTY + 2)
    traded = _TRADED if spare >= _TRADED + _LEAST_BAR else 0
    spare -= traded
    count = _COUNT if spare >= _COUNT + 3 * _LEAST_BAR else 0
    return LadderColumns(width, price_width, max(0, spare - count), traded, count, own)


def head_line(columns: LadderColumns) -> Line:
    """Draw the heads of the columns."""
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
    """Draw one row of the ladder; a quantity has at most `decimals`."""

    def amount(value: int, width: int) -> str:
        """Write a quantity, aligned right; blank for none."""
        text = fmt.qty(value, precision.qty, decimals, width - 1) if value else ""
        return text.rjust(width)

    def count(orders: int) -> Span:
        """Write a number of orders, aligned right; blank for none."""
        text = (str(orders) if orders else "").rjust(columns.orders)[: columns.orders]
        return Span(text, "faint")

    mine = Span(" " * columns.mine)
    if row.mine is not None and columns.mine:
        tail = price_tail(row.mine.price, row.price, precision) if row.mine.price else ""
        text = own_level_text(row.mine, columns.mine - 1, tail)
        mine = Span(text.ljust(columns.mine), row.mine.side.value)

    bid_role = "large" if row.bid_weight else "bid"
    ask_role = "large" if row.ask_weight else "ask"
    price_role = "last" if row.last else "price" if row.bid or row.ask else "faint"
    return Line(
        fit(
            (
                Span("▸" if row.cursor else " ", "accent"),
                mine,
                count(row.bid_orders),
                *block_bars.leftwards(row.bid, largest, columns.bar, "bid"),
                Span(amount(row.bid, _QTY + 1), bid_role),
                Span(_MARKS[row.bid_weight], "mark"),
                Span(amount(row.sold, columns.traded) if columns.traded else "", "dim"),
                Span(" "),
                Span(precision.price_text(row.price).rjust(columns.price), price_role),
                Span("◂" if row.last else " ", "last"),
                Span(amount(row.bought, columns.traded) if columns.traded else "", "dim"),
                Span(amount(row.ask, _QTY + 1), ask_role),
                Span(_MARKS[row.ask_weight], "mark"),
                *block_bars.rightwards(row.ask, largest, columns.bar, "ask"),
                count(row.ask_orders),
            ),
            columns.width,
        ),
        "cursor" if row.cursor else "",
    )


def beyond_text(
    edges: tuple[int, int],
    precision: Precision,
    width: int,
    *,
    quote: tuple[int, int] | None,
    cursor: int | None,
    mine: Mapping[int, OwnLevel],
) -> str:
    """Tell where the market, the cursor and own orders are that the rows do not show.

    Args:
        edges: The lowest and the highest price in sight.
        precision: The decimals of the instrument.
        width: Cells for the text; prices are left out where there are too few.
        quote: Best bid and ask.
        cursor: The cursor's price; None while it goes with the best bid.
        mine: Own orders by price.
    """
    bottom, top = edges
    found: list[tuple[str, int, int]] = []
    if quote is not None and quote[1] > top:
        found.append(("market", quote[1], 1))
    elif quote is not None and quote[0] < bottom:
        found.append(("market", quote[0], 1))
    if cursor is not None and not bottom <= cursor <= top:
        found.append(("cursor", cursor, 1))
    above, below = [p for p in mine if p > top], [p for p in mine if p < bottom]
    if above:
        found.append(("mine", min(above), len(above)))
    if below:
        found.append(("mine", max(below), len(below)))
    signs = ["▲" if price > top else "▼" for _, price, _ in found]
    counts = [f"{count} {name}" if count > 1 else name for name, _, count in found]
    whole = [
        f"{sign} {text} {precision.price_text(price)}"
        for sign, text, (_, price, _) in zip(signs, counts, found, strict=True)
    ]
    text = "  ".join(whole)
    if len(text) <= width:
        return text
    return " ".join(sign + text for sign, text in zip(signs, counts, strict=True))


def foot_spans(bids: int, asks: int, precision: Precision, width: int) -> tuple[Span, ...]:
    """Draw the quantity in sight on each side, and the imbalance between them."""
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
