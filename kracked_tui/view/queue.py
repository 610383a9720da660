"""The orders of one price level, first to fill first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from kracked import times
from kracked.instruments import Precision
from kracked.protocol.events import OrderChange, Side
from kracked_tui.view import bars
from kracked_tui.view import format as fmt
from kracked_tui.view.line import Line, Span, fit, line

_COARSE_AGE_NS = times.NS_PER_S
_LARGE = 4
"""An order this many times the level's mean is large."""


class QueueRow(NamedTuple):
    place: int
    order_id: str
    qty: int
    ahead: int
    """Quantity that fills before it."""
    age: str
    large: bool = False


class QueueView(NamedTuple):
    side: Side | None = None
    price: int = 0
    total: int = 0
    orders: int = 0
    rows: tuple[QueueRow, ...] = ()
    largest: int = 1


def queue_view(
    side: Side, price: int, orders: Sequence[OrderChange], now: int, *, skip: int, rows: int
) -> QueueView:
    """`rows` orders of the level from the one at `skip`, with what stands before each."""
    total = sum(order.qty for order in orders)
    mean = total // len(orders) if orders else 0
    ahead = sum(order.qty for order in orders[:skip])
    shown = []
    for place, order in enumerate(orders[skip : skip + rows], skip + 1):
        large = len(orders) > 2 and order.qty >= _LARGE * mean
        age = fmt.age(max(0, now - order.exchange_time))
        shown.append(QueueRow(place, order.order_id, order.qty, ahead, age, large))
        ahead += order.qty
    largest = max((order.qty for order in orders), default=1)
    return QueueView(side, price, total, len(orders), tuple(shown), largest)


def head_line(width: int) -> Line:
    return Line(fit([Span(_row_text("#", "order", "qty", "ahead", "age", width), "header")], width))


def queue_line(
    row: QueueRow, side: Side, largest: int, width: int, precision: Precision, decimals: int
) -> Line:
    """Place, order, quantity, what is ahead, age; bars where there is room."""
    shown = min(precision.qty, decimals + 1)
    id_width = _id_width(width)
    bar = max(0, width - 30 - id_width)
    return Line(
        fit(
            line(
                Span(f"{row.place:>3} ", "accent" if row.place == 1 else "dim"),
                Span(_short_id(row.order_id, id_width), "faint"),
                Span(
                    fmt.qty(row.qty, precision.qty, shown, 8).rjust(9),
                    "large" if row.large else side.value,
                ),
                Span("•" if row.large else " ", "mark"),
                Span(_ahead(row.ahead, precision, shown).rjust(9), "dim"),
                Span(row.age.rjust(7), "dim"),
                " " if bar > 4 else "",
                *(bars.rightwards(row.qty, largest, bar - 1, side.value) if bar > 4 else ()),
            ).spans,
            width,
        )
    )


def _ahead(ahead: int, precision: Precision, shown: int) -> str:
    return fmt.qty(ahead, precision.qty, shown, 8) if ahead else "front"


def _id_width(width: int) -> int:
    """An order id is told apart by its last letters; whole only where it costs nothing."""
    if width >= 64:
        return 19
    return 7 if width >= 37 else 0


def _short_id(order_id: str, width: int) -> str:
    if len(order_id) <= width:
        return order_id.ljust(width)
    return "…" + order_id[-(width - 1) :] if width else ""


def _row_text(place: str, order: str, qty: str, ahead: str, age: str, width: int) -> str:
    id_width = _id_width(width)
    return f"{place:>3} {order[:id_width]:<{id_width}}{qty:>9} {ahead:>9}{age:>7}"


def note_text(view: QueueView, precision: Precision) -> str:
    """For the pane's title: which level this is."""
    if view.side is None:
        return ""
    return f"{view.side.value} {precision.price_text(view.price)}"


def foot_spans(view: QueueView, precision: Precision, decimals: int) -> tuple[Span, ...]:
    if not view.orders:
        return ()
    total = fmt.qty(view.total, precision.qty, decimals, 9)
    noun = "order" if view.orders == 1 else "orders"
    return (
        Span(f"{view.orders} {noun}", "dim"),
        Span(" · ", "faint"),
        Span(total, view.side.value if view.side else ""),
    )


def level_orders(
    queues: Iterable[tuple[int, Sequence[OrderChange]]],
) -> tuple[int, Sequence[OrderChange]]:
    """The first of several prices grouped in one ladder row: the one that fills first."""
    return next(iter(queues), (0, ()))
