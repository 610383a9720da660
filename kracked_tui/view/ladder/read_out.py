"""The row under the cursor in words, and what it costs to trade now. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from kracked.flow.measures.price_changes import LevelChanges
from kracked.flow.measures.traded_at_price import PriceTrades
from kracked.instruments import Precision
from kracked.orders.rules.market_context import walk_levels
from kracked.protocol.events import Level, OrderChange, Side
from kracked_tui.view import format as fmt
from kracked_tui.view.account.position import money
from kracked_tui.view.ladder.selection import Selection
from kracked_tui.view.queue.own_place import exact

_TIMES = (1, 5, 25)
"""How many times the size of the next order the costs are told of."""
_BP = 10_000


class Foot(StrEnum):
    """The subject of the ladder's last line."""

    SUMS = "sums in sight"
    CURSOR = "the row at the cursor"
    COST = "the cost to trade"


class CursorRow(NamedTuple):
    """The facts about the prices under the cursor."""

    selection: Selection
    symbol: str
    precision: Precision
    decimals: int
    """Decimals of a quantity on the screen."""
    quote: tuple[int, int]
    """Best bid and ask."""
    levels: Iterable[Level]
    """The side of the selection, best first."""
    orders: Sequence[OrderChange] | None = None
    """The orders there; None without level 3."""
    now: int = 0
    changes: LevelChanges = LevelChanges()
    window: str = ""
    traded: PriceTrades = PriceTrades()
    result: Fraction | None = None
    """The result of leaving the session's position at this price; None without one."""


def cursor_parts(row: CursorRow) -> list[str]:
    """Return the facts of the row, the most important first."""
    selection, precision = row.selection, row.precision
    bids = selection.side is Side.BID
    at = selection.low if bids else selection.high
    here = to_here = cost = 0
    for price, qty in row.levels:
        if price < selection.low if bids else price > selection.high:
            break
        to_here, cost = to_here + qty, cost + price * qty
        here += qty if selection.low <= price <= selection.high else 0
    base_quote = row.symbol.partition("/")[2]
    parts = [f"{precision.price_text(at)} {selection.side.value}"]
    if row.orders is not None:
        parts.append(f"{len(row.orders)} order{'' if len(row.orders) == 1 else 's'}")
    parts.append(_qty(here, row))
    if row.result is not None:
        parts.append(f"leaving here {money(row.result, 2)}")
    worth = fmt.compact(cost, precision.price + precision.qty)
    parts.append(f"sum to here {_qty(to_here, row)} = {worth} {base_quote}")
    parts.append(f"{_points(Fraction(at), row.quote)} bp from mid")
    if row.orders:
        oldest = min(order.exchange_time for order in row.orders)
        most = max(order.qty for order in row.orders)
        parts.append(f"oldest {fmt.age(max(0, row.now - oldest))}")
        parts.append(f"largest {fmt.percent(most, here)} %")
    parts += filter(None, (_changes(row), _traded(row)))
    return parts


def _qty(value: int, row: CursorRow) -> str:
    return fmt.qty(value, row.precision.qty, row.decimals, 9) if value else "0"


def _changes(row: CursorRow) -> str:
    found = (
        ("+", row.changes.stacked, "new"),
        ("+", row.changes.refilled, "refilled"),
        ("-", row.changes.pulled, "cancelled"),
        ("-", row.changes.traded, "traded"),
        ("-", row.changes.pending, "not known yet"),
    )
    texts = [f"{sign}{_qty(value, row)} {name}" for sign, value, name in found if value]
    return f"{row.window}: {' '.join(texts)}" if texts else ""


def _traded(row: CursorRow) -> str:
    sold, bought, _ = row.traded
    texts = [
        f"{name} here {_qty(value, row)}"
        for name, value in (("sold", sold), ("bought", bought))
        if value
    ]
    return " ".join(texts)


def _points(price: Fraction, quote: tuple[int, int]) -> str:
    """Write how far a scaled price is from the middle, in basis points."""
    points = _BP * (2 * price - sum(quote)) / sum(quote)
    digits = 1 if abs(points) >= 1 else 2
    return f"{Decimal(round(points * 10**digits)).scaleb(-digits):.{digits}f}"


def traded_in(traded: Mapping[int, PriceTrades], selection: Selection) -> PriceTrades:
    """Return what traded at the selected prices."""
    inside = [
        traded.get(price, PriceTrades())
        for price in (
            range(selection.low, selection.high + 1)
            if selection.high - selection.low < len(traded)
            else [price for price in traded if selection.low <= price <= selection.high]
        )
    ]
    return PriceTrades(sum(each.sold for each in inside), sum(each.bought for each in inside))


def cost_parts(
    size: int,
    bids: Sequence[tuple[int, int]],
    asks: Sequence[tuple[int, int]],
    precision: Precision,
    *,
    own: Mapping[int, int],
) -> list[str]:
    """Return what it costs to buy and to sell the size at once, and more of it.

    Args:
        size: The quantity of the next order, scaled.
        bids: The verified book, best first.
        asks: As `bids`.
        precision: The decimals of the pair.
        own: Own quantity by price: it is left out, the exchange would cancel it.
    """
    if not bids or not asks or size <= 0:
        return ["the cost to trade is not known"]
    quote, parts = (bids[0][0], asks[0][0]), []
    for times in _TIMES:
        for name, levels in (("buy", asks), ("sell", bids)):
            others = [(price, qty - own.get(price, 0)) for price, qty in levels]
            taken = walk_levels([level for level in others if level[1] > 0], times * size)
            text = f"{name} {exact(times * size, precision)}"
            if taken is None or taken.qty < times * size:
                held = exact(taken.qty if taken else 0, precision)
                far = precision.price_text(levels[-1][0])
                parts.append(f"{text}: the book known to {far} holds {held}")
                continue
            average = Fraction(taken.cost, taken.qty)
            shown = precision.price_text(round(average))
            points = fmt.signed(_points(average, quote))
            count = f"{taken.levels} level{'' if taken.levels == 1 else 's'}"
            parts.append(f"{text}: {shown} {points} bp, {count}")
    return parts + (["own orders left out"] if own else [])


def as_line(parts: Sequence[str], width: int) -> str:
    """Join the parts that fit whole, in their order."""
    text = ""
    for part in parts:
        longer = f"{text} · {part}" if text else part
        text = longer if len(longer) <= width else text
    return text
