"""The orders of one price level, first to fill first. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from kracked.book.queue import LevelQueue
from kracked.flow import Birth, Life
from kracked.instruments import Precision
from kracked.protocol.events import OrderChange, Side
from kracked.times import NS_PER_S
from kracked_tui.view import block_bars
from kracked_tui.view import format as fmt
from kracked_tui.view.ladder.selection import Selection
from kracked_tui.view.line import Line, Span, fit, left_cell, right_cell
from kracked_tui.view.queue.life_lines import LIFE_CELLS

_NOTE = 8
"""Cells of the longest note."""
_BOTH = _NOTE + 1 + LIFE_CELLS
"""Cells that a note and a line of sizes need beside each other."""
_NEW_NS = 5 * NS_PER_S
_LARGE = 4
"""An order this many times the mean of those selected is large."""


class QueueRow(NamedTuple):
    """One order in the queue."""

    place: int
    """Place among the orders at its price; 1 is first to fill."""
    price: int
    order_id: str
    qty: int
    ahead: int
    """Quantity at its price that fills before it."""
    age: str
    large: bool = False
    mine: bool = False
    beyond: bool = False
    """Whether it is past the selected prices, and shown because there is room."""
    cursor: bool = False
    told: tuple[str, str] = ("", "")
    """A letter of a followed size, or what happened to the order, in a few characters; then the
    line of its sizes."""


class QueueView(NamedTuple):
    """The orders in sight, and the sums of the selected ones."""

    side: Side = Side.BID
    low: int = 0
    high: int = 0
    """Lowest and highest selected price, both included; equal where a row is one price."""
    total: int = 0
    orders: int = 0
    prices: int = 0
    """Selected prices at which there are orders."""
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
    notes: Callable[[OrderChange], tuple[str, str]] | None = None,
) -> QueueView:
    """Return the orders in sight: those at the selected prices, then those that fill after.

    Args:
        selection: The selected prices.
        queues: Levels in the order they fill, from the best selected one on.
        now: The present, ns.
        skip: Orders scrolled past.
        rows: Orders in sight.
        own: Ids of own orders.
        notes: Returns the note of an order, and the line of its sizes.
    """
    found: list[tuple[int, int, OrderChange, bool]] = []
    total = orders = prices = 0
    for queue in queues:
        chosen = selection.low <= queue.price <= selection.high
        if not chosen and len(found) >= skip + rows:
            break
        ahead = 0
        for place, order in enumerate(queue, 1):
            found.append((place, ahead, order, chosen))
            ahead += order.qty
        if chosen:
            total, orders, prices = total + ahead, orders + len(queue), prices + 1
    large = _LARGE * (total // orders) if orders > 2 else None
    shown = tuple(
        QueueRow(
            place=place,
            price=order.price,
            order_id=order.order_id,
            qty=order.qty,
            ahead=ahead,
            age=fmt.age(max(0, now - order.exchange_time)),
            large=large is not None and order.qty >= large,
            mine=order.order_id in own,
            beyond=not chosen,
            told=notes(order) if notes else ("", ""),
        )
        for place, ahead, order, chosen in found[skip : skip + rows]
    )
    return QueueView(
        side=selection.side,
        low=selection.low,
        high=selection.high,
        total=total,
        orders=orders,
        prices=prices,
        rows=shown,
        largest=max((row.qty for row in shown), default=1),
    )


class QueueColumns(NamedTuple):
    """Widths of the columns; 0 leaves one out."""

    width: int
    order: int
    price: int
    number: int
    bar: int
    decimals: int


def columns_for(width: int, price_width: int, precision: Precision, decimals: int) -> QueueColumns:
    """Fit the columns: the price comes first, then the order's id, then bars.

    Args:
        width: Cells of a row.
        price_width: Characters of a price.
        precision: Decimals of the instrument.
        decimals: Decimals of a quantity on the screen.
    """
    narrow = width < 44
    number = 8 if narrow else 10
    spare = width - 4 - 2 * number - 1 - 6
    price = price_width + 1 if spare >= price_width + 1 else 0
    order = 0
    for id_width in (20, 8):
        if price and spare - price >= id_width + (0 if id_width == 8 else 6):
            order = id_width
            break
    bar = spare - price - order - 1
    shown = decimals if narrow else decimals + 1
    return QueueColumns(
        width, order, price, number, bar if bar >= 3 else 0, min(precision.qty, shown)
    )


def head_line(columns: QueueColumns) -> Line:
    """Draw the heads of the columns."""
    order, price = left_cell("order", columns.order), right_cell("price", columns.price)
    qty, ahead = right_cell("qty", columns.number), right_cell("ahead", columns.number)
    text = f"  # {order}{price}{qty} {ahead}{right_cell('age', 6)}"
    return Line(fit([Span(text, "header")], columns.width))


def queue_line(
    row: QueueRow, side: Side, largest: int, columns: QueueColumns, precision: Precision
) -> Line:
    """Draw one order: place, id, price, quantity, quantity ahead, age, and a bar."""
    room = columns.number - 1
    ahead = fmt.qty(row.ahead, precision.qty, columns.decimals, room) if row.ahead else "front"
    qty = fmt.qty(row.qty, precision.qty, columns.decimals, room)
    role = "large" if row.large else "dim" if row.beyond and not row.mine else side.value
    price = precision.price_text(row.price) if columns.price else ""
    bar: tuple[Span, ...] = ()
    note, life = row.told
    if columns.bar and (note or len(life) > 1):
        shown = f"{note:<{_NOTE}} {life}"
        if columns.bar < _BOTH:
            short = note if len(note) <= columns.bar else note.partition(" ")[0]
            shown = short if 0 < len(short) <= columns.bar else life[-columns.bar :]
        bar = (Span(shown.ljust(columns.bar)[: columns.bar], "mark"),)
    elif columns.bar:
        bar = block_bars.rightwards(row.qty, largest, columns.bar, side.value)
    order_id = row.order_id.ljust(columns.order) if columns.order else ""
    if len(row.order_id) >= columns.order > 0:  # the last letters tell orders apart
        order_id = "…" + row.order_id[-(columns.order - 2) :] + " "
    age_role = "mine" if row.mine else "faint" if row.beyond else "dim"
    place = f"{row.place:>3} "
    if row.cursor:
        place = f"▸{place[1:]}"
    spans = (
        Span(place, "accent" if row.place == 1 else "faint" if row.beyond else "dim"),
        Span(order_id, "faint"),
        Span(right_cell(price, columns.price), "faint" if row.beyond else "price"),
        Span(right_cell(qty, columns.number), role),
        Span("•" if row.large else " ", "mark"),
        Span(right_cell(ahead, columns.number), "faint" if row.beyond else "dim"),
        Span(" ◀ YOU" if row.mine else row.age.rjust(6), age_role),
        Span(" " if columns.bar else ""),
        *bar,
    )
    return Line(fit(spans, columns.width), "cursor" if row.mine else "")


def note_of(life: Life | None, letter: str, now: int) -> str:
    """Return the note of an order: its letter, else the most telling thing that happened to it.

    Args:
        life: The ledger's story of the order; None where it was not followed.
        letter: The letter of its size; empty where that is not followed.
        now: On the exchange's clock.
    """
    if letter or life is None:
        return letter
    if life.slices:
        return f"refill {life.slices}"
    if life.filled:
        return "part"
    if life.amended:
        return "moved"
    return "new" if life.birth is Birth.SEEN and now - life.entered < _NEW_NS else ""


def foot_spans(view: QueueView, precision: Precision, decimals: int) -> tuple[Span, ...]:
    """Draw the number and the quantity of the selected orders; empty without one."""
    if not view.orders:
        return ()
    noun = "order" if view.orders == 1 else "orders"
    noun += f" at {view.prices} prices" if view.prices > 1 else ""
    total = fmt.qty(view.total, precision.qty, decimals, 9)
    return (
        Span(f"{view.orders} {noun}", "dim"),
        Span(" · ", "faint"),
        Span(total, view.side.value),
    )
