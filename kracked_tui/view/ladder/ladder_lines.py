"""The ladder's rows as text: which columns fit, and how each row is drawn in them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from kracked.flow.measures.touch import Near
from kracked.instruments import Precision
from kracked_tui.view import block_bars
from kracked_tui.view import format as fmt
from kracked_tui.view.account.own_levels import OwnLevel, own_level_text, price_tail
from kracked_tui.view.ladder.ladder import LadderRow
from kracked_tui.view.line import Line, Span, fit

_QTY = 8
_TRADED, _CHANGE, _PROFILE = 7, 8, 9
_COUNT = 4
_MINE, _ROOMY_MINE, _LEAST_MINE = 11, 14, 7
_ROOMY = 60
"""Width from which there is room for the digits of an own order's price in a row of several."""
_LEAST_BAR = 2
_MARKS = (" ", "•", "◆")
"""Size is shown by a sign as well as by a colour."""


class LadderColumns(NamedTuple):
    """Widths of the columns of one half; the halves mirror each other around the price."""

    width: int
    price: int
    bar: int
    traded: int
    orders: int
    mine: int = 0
    change: int = 0
    profile: int = 0
    """Of the whole row: the profile has no second half."""
    window: str = ""
    """The head of the column of changes."""
    user: tuple[tuple[str, int], ...] = ()
    """Head and width of each of the user's own columns, at the right edge."""


class ColumnSet(StrEnum):
    """The columns that the ladder shows beside the sizes."""

    SIZE = "traded"
    CHANGES = "pulled and stacked"
    PROFILE = "profile"


def columns_for(
    width: int,
    price_width: int,
    *,
    mine: bool = False,
    shown: ColumnSet = ColumnSet.SIZE,
    window: str = "",
    user: tuple[tuple[str, int], ...] = (),
) -> LadderColumns:
    """Fit the columns. Order counts are left out first, then traded quantities, then bars.

    The column of own orders is never left out, though it gives way to the prices. What a set
    adds takes the room of the traded quantities where there is too little for both.

    Args:
        width: Cells of a row.
        price_width: Characters of a price.
        mine: Whether there is a column of own orders.
        shown: The set.
        window: The length of the window of changes, as its head.
        user: Head and width of the user's own columns; those without room are left out.
    """
    everything = width
    while user and width - _user_width(user) < price_width + 3 + 2 * (_QTY + 2) + _LEAST_MINE:
        user = user[:-1]
    width -= _user_width(user)
    profile = min(_PROFILE, max(0, width - price_width - 3 - 2 * (_QTY + 2) - _LEAST_MINE))
    profile = profile if shown is ColumnSet.PROFILE else 0
    width -= profile
    least = price_width + 3 + 2 * (_QTY + 2)
    wanted = _ROOMY_MINE if width >= _ROOMY else _MINE
    own = max(_LEAST_MINE, min(wanted, width - least)) if mine else 0
    spare = (width - own - price_width - 3) // 2 - (_QTY + 2)
    change = _CHANGE if shown is ColumnSet.CHANGES and spare >= _CHANGE else 0
    spare -= change
    traded = _TRADED if spare >= _TRADED + _LEAST_BAR else 0
    spare -= traded
    count = _COUNT if spare >= _COUNT + 3 * _LEAST_BAR else 0
    return LadderColumns(
        everything,
        price_width,
        bar=max(0, spare - count),
        traded=traded,
        orders=count,
        mine=own,
        change=change,
        profile=profile,
        window=window,
        user=user,
    )


def _user_width(user: tuple[tuple[str, int], ...]) -> int:
    return sum(width + 1 for _, width in user)


def head_line(columns: LadderColumns) -> Line:
    """Draw the heads of the columns."""
    bid = "BID".rjust(_QTY + 1)
    ask = "ASK".rjust(_QTY + 1)
    left = "#".rjust(columns.orders)[: columns.orders] + " " * columns.bar + bid + " "
    change = f"±{columns.window}".rjust(columns.change)[: columns.change]
    left += change + "SOLD".rjust(columns.traded)[: columns.traded]
    right = "BOUGHT".rjust(columns.traded)[: columns.traded] + change + ask + " "
    right += " " * columns.bar + "#".rjust(columns.orders)[: columns.orders]
    right += "PROFILE".rjust(columns.profile)[: columns.profile]
    right += "".join(f" {head:>{width}}" for head, width in columns.user)
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
        text = str(orders) if orders else ""
        if len(text) > columns.orders > 0:  # never the first digits of a longer number
            text = fmt.compact(orders, width=columns.orders)
        return Span(text.rjust(columns.orders)[: columns.orders], "faint")

    def change(value: int, flag: str) -> Span:
        """Write what was stacked less what was pulled, with its sign and its flag."""
        if not columns.change:
            return Span("")
        text = fmt.qty(abs(value), precision.qty, min(3, decimals), 5) if value else ""
        text = f"{flag}{'+' if value > 0 else '-'}{text}" if value else flag
        return Span(text.rjust(columns.change), "good" if value > 0 else "sell" if value else "dim")

    mine = Span(" " * columns.mine)
    if row.mine is not None and columns.mine:
        tail = price_tail(row.mine.price, row.price, precision) if row.mine.price else ""
        text = own_level_text(row.mine, columns.mine - 1, tail)
        mine = Span(text.ljust(columns.mine), row.mine.side.value)

    price_role = "last" if row.last else "price" if row.bid or row.ask else "faint"
    return Line(
        fit(
            (
                Span("▸" if row.cursor else " ", "accent"),
                mine,
                count(row.bid_orders),
                *block_bars.leftwards(row.bid, largest, columns.bar, "bid"),
                Span(amount(row.bid, _QTY + 1), _qty_role(row.bid_weight, "bid")),
                Span(_MARKS[row.bid_weight], "mark"),
                change(row.bid_change, row.bid_flag),
                Span(amount(row.sold, columns.traded) if columns.traded else "", "dim"),
                Span(row.mark or " ", "accent"),
                Span(precision.price_text(row.price).rjust(columns.price), price_role),
                Span("◂" if row.last else " ", "last"),
                Span(amount(row.bought, columns.traded) if columns.traded else "", "dim"),
                change(row.ask_change, row.ask_flag),
                Span(amount(row.ask, _QTY + 1), _qty_role(row.ask_weight, "ask")),
                Span(_MARKS[row.ask_weight], "mark"),
                *block_bars.rightwards(row.ask, largest, columns.bar, "ask"),
                count(row.ask_orders),
                *_profile_bar(row.profile, columns.profile),
                *(Span(f" {cell}", "dim") for cell in row.user[: len(columns.user)]),
            ),
            columns.width,
        ),
        "cursor" if row.cursor else "",
    )


def _qty_role(weight: int, side: str) -> str:
    return "large" if weight else side


def _profile_bar(eighths: int, width: int) -> tuple[Span, ...]:
    if not width:
        return ()
    return (Span(" " + block_bars.eighths(eighths, width - 1), "faint"),)


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
    if not found:
        return ""
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


def foot_spans(near: Near, precision: Precision, width: int) -> tuple[Span, ...]:
    """Draw the quantity near the mid on each side, and how it leans.

    Args:
        near: What rests near the mid, whichever rows are in sight.
        precision: Decimals of the instrument.
        width: Cells of the line.
    """
    both = near.bids + near.asks
    lean = fmt.percent(near.bids - near.asks, both) if both else 0
    return (
        Span("bid ", "dim"),
        Span(fmt.compact(near.bids, precision.qty), "bid"),
        Span(" "),
        *block_bars.share(near.bids, both, max(6, min(24, width - 52))),
        Span(" "),
        Span(fmt.compact(near.asks, precision.qty), "ask"),
        Span(" ask", "dim"),
        Span(f"  leans {fmt.signed(str(lean))}% {near.bp:.3g} bp", "dim"),
    )
