"""The orders of one price level, first to fill first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from kracked.book.queue import LevelQueue
from kracked.instruments import Precision
from kracked.protocol.events import OrderChange, Side
from kracked_tui.view import block_bars
from kracked_tui.view import format as fmt
from kracked_tui.view.ladder.selection import Selection
from kracked_tui.view.line import Line, Span, fit

_LARGE = 4
"""An order this many times the mean of those selected is large."""


class QueueRow(NamedTuple):
    place: int
    """1 is first to fill of those selected."""
    price: int
    order_id: str
    qty: int
    ahead: int
    """Quantity that fills before it."""
    age: str
    large: bool = False
    mine: bool = False
    beyond: bool = False
    """Past the selected prices: shown because there is room."""


class QueueView(NamedTuple):
    side: Side = Side.BID
    low: int = 0
    high: int = 0
    """The selected prices, both included; equal where a row is one price."""
    total: int = 0
    orders: int = 0
    rows: tuple[QueueRow, ...] = ()
    largest: int = 1


def queue_view(
    selection: Selection,
    queues: Iterable[LevelQueue],
    now: int,
    *,
    skip: int,
    rows: int,
    own: frozenset[str] = frozenset(),
) -> QueueView:
    """`rows` orders from the one at `skip`: the selected prices, then those that fill after.

    `queues` come in the order they fill, the first of them selected; `own` are our orders.
    """
    selected: list[OrderChange] = []
    beyond: list[OrderChange] = []
    for queue in queues:
        if selection.low <= queue.price <= selection.high:
            selected += queue
        elif len(selected) + len(beyond) < skip + rows:
            beyond += queue
        else:
            break
    total = sum(order.qty for order in selected)
    mean = total // len(selected) if selected else 0
    large = _LARGE * mean if len(selected) > 2 else None
    found = [*selected, *beyond]
    ahead = sum(order.qty for order in found[:skip])
    shown = []
    for place, order in enumerate(found[skip : skip + rows], skip + 1):
        shown.append(
            QueueRow(
                place,
                order.price,
                order.order_id,
                order.qty,
                ahead,
                fmt.age(max(0, now - order.exchange_time)),
                large is not None and order.qty >= large,
                order.order_id in own,
                place > len(selected),
            )
        )
        ahead += order.qty
    largest = max((row.qty for row in shown), default=1)
    return QueueView(
        selection.side, selection.low, selection.high, total, len(selected), tuple(shown), largest
    )


class QueueColumns(NamedTuple):
    """Widths; 0 leaves a column out. What is left over is for bars."""

    width: int
    order: int
    price: int
    number: int
    bar: int
    decimals: int


def columns_for(width: int, price_width: int, precision: Precision, decimals: int) -> QueueColumns:
    """Price first, then the order's id, then bars, as the room allows."""
    narrow = width < 44
    number = 8 if narrow else 10
    spare = width - 4 - 2 * number - 1 - 6
    price = price_width + 1 if spare >= price_width + 1 else 0
    order = 0
    for wanted in (20, 8):
        if price and spare - price >= wanted + (0 if wanted == 8 else 6):
            order = wanted
            break
    bar = spare - price - order - 1
    shown = decimals if narrow else decimals + 1
    return QueueColumns(
        width, order, price, number, bar if bar >= 3 else 0, min(precision.qty, shown)
    )


def head_line(columns: QueueColumns) -> Line:
    order = "order".ljust(columns.order)[: columns.order]
    price = "price".rjust(columns.price)[: columns.price]
    text = f"  # {order}{price}{'qty':>{columns.number}} {'ahead':>{columns.number}}{'age':>6}"
    return Line(fit([Span(text, "header")], columns.width))


def queue_line(
    row: QueueRow, side: Side, largest: int, columns: QueueColumns, precision: Precision
) -> Line:
    """Place, order, price, quantity, what is ahead, age; a bar where there is room."""
    room = columns.number - 1
    ahead = fmt.qty(row.ahead, precision.qty, columns.decimals, room) if row.ahead else "front"
    qty = fmt.qty(row.qty, precision.qty, columns.decimals, room)
    role = "large" if row.large else "dim" if row.beyond and not row.mine else side.value
    price = precision.price_text(row.price) if columns.price else ""
    bar = block_bars.rightwards(row.qty, largest, columns.bar, side.value) if columns.bar else ()
    spans = (
        Span(f"{row.place:>3} ", "accent" if row.place == 1 else "faint" if row.beyond else "dim"),
        Span(_short_id(row.order_id, columns.order), "faint"),
        Span(price.rjust(columns.price), "faint" if row.beyond else "price"),
        Span(qty.rjust(columns.number), role),
        Span("•" if row.large else " ", "mark"),
        Span(ahead.rjust(columns.number), "faint" if row.beyond else "dim"),
        Span(" ◀ YOU" if row.mine else row.age.rjust(6), _age_role(row)),
        Span(" " if columns.bar else ""),
        *bar,
    )
    return Line(fit(spans, columns.width), "cursor" if row.mine else "")


def _age_role(row: QueueRow) -> str:
    return "mine" if row.mine else "faint" if row.beyond else "dim"


def _short_id(order_id: str, width: int) -> str:
    """An order id is told apart by its last letters."""
    if len(order_id) < width:
        return order_id.ljust(width)
    return "…" + order_id[-(width - 2) :] + " " if width else ""


def foot_spans(view: QueueView, precision: Precision, decimals: int) -> tuple[Span, ...]:
    if not view.orders:
        return ()
    noun = "order" if view.orders == 1 else "orders"
    total = fmt.qty(view.total, precision.qty, decimals, 9)
    return (
        Span(f"{view.orders} {noun}", "dim"),
        Span(" · ", "faint"),
        Span(total, view.side.value),
    )
