"""Own orders as the screen shows them: place in the queue, age, and an honest state. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from kracked.feed.account import OwnOrder
from kracked.instruments import Precision
from kracked.protocol.events import Side
from kracked.protocol.order_terms import TRAILING
from kracked_tui.view import format as fmt
from kracked_tui.view.account.balances import amount_text
from kracked_tui.view.ladder.selection import Selection
from kracked_tui.view.line import Line, Span, fit
from kracked_tui.view.words import verb

if TYPE_CHECKING:
    from kracked.book.l3 import L3Book
    from kracked.book.queue import QueuePosition

_UNKNOWN = "UNKNOWN"
_AS_WANTED = "User requested"
"""The exchange's reason where we cancelled: it would only fill the row."""
_PLACE = 6
"""Width of the place in the queue."""


class Sent(NamedTuple):
    """One entry of the outbox, in the words of the screen."""

    id: str
    symbol: str
    what: str
    """`add` or `amend`."""
    side: Side | None
    qty: str
    price: str
    state: str
    since: int
    reason: str = ""
    txid: str | None = None
    ended: bool = False


class OrderRow(NamedTuple):
    """One line of the pane. Amounts are text: nothing is computed from a row."""

    symbol: str
    side: Side | None
    qty: str
    price: str
    place: str = ""
    """`4/6`; empty where it does not rest in a book we see."""
    ahead: str = ""
    age: str = ""
    state: str = ""
    role: str = ""
    order_id: str = ""
    """The exchange's; empty while it is not known."""
    cl_ord_id: str = ""
    limit: Decimal | None = None
    ours: bool = True
    """Placed by this program."""
    ended: bool = False
    """It is only shown for how it ended."""
    cursor: bool = False

    @property
    def key(self) -> str:
        """The same for as long as it is the same order, whatever else is shown."""
        return self.cl_ord_id or self.order_id


def rows_of(
    orders: Iterable[OwnOrder],
    sent: Sequence[Sent],
    books: Mapping[str, L3Book],
    precisions: Mapping[str, Precision],
    now: int,
) -> tuple[OrderRow, ...]:
    """What is doubtful first, then what works, then what has just ended; newest first in each."""
    shown = {order.order_id for order in orders}
    names = {order.cl_ord_id for order in orders}
    ours = {entry.id for entry in sent}
    working = [
        _working(order, books.get(order.symbol), precisions.get(order.symbol), now, ours)
        for order in sorted(orders, key=lambda order: order.touched, reverse=True)
    ]
    beside = [
        _sent(entry, now)
        for entry in reversed(sent)
        if entry.id not in names and entry.txid not in shown and _beside(entry)
    ]
    doubtful = [row for row in beside if row.state.startswith(_UNKNOWN)]
    ending = [row for row in beside if not row.state.startswith(_UNKNOWN)]
    return (*doubtful, *working, *ending)


def _beside(entry: Sent) -> bool:
    """An amend is a line of its own only while its outcome is open, or when it was refused."""
    return entry.what == "add" or entry.state in (_UNKNOWN, "sent", "refused")


def _working(
    order: OwnOrder,
    book: L3Book | None,
    precision: Precision | None,
    now: int,
    ours: set[str],
) -> OrderRow:
    place = book.place(order.order_id) if book is not None else None
    state = "live"
    if order.order_status == "pending_new":
        state = "pending"
    elif order.triggers.price is not None and order.triggers.status != "triggered":
        state = order.order_type.replace("-", " ")
    elif order.cum_qty:
        state = f"{int(100 * order.cum_qty / order.order_qty)}% done"
    return OrderRow(
        order.symbol,
        order.side,
        amount_text(order.remaining),
        _price(order),
        "" if place is None else f"{place.position}/{place.of}",
        _ahead(place, precision),
        fmt.age(max(0, now - order.touched)),
        state,
        "good" if state == "live" else "mark",
        order.order_id,
        order.cl_ord_id or "",
        None if _trails(order) else order.limit_price,
        order.cl_ord_id in ours,
    )


def _price(order: OwnOrder) -> str:
    """Its limit, else its trigger; of a trailing order its distance, as the exchange writes it."""
    if _trails(order):
        percent = order.triggers.price_type == "pct"
        distance = amount_text(order.triggers.price or Decimal(0))
        return f"+{distance}{'%' if percent else ''}"
    price = order.limit_price if order.limit_price is not None else order.triggers.price
    return "" if price is None else f"{price:f}"


def _trails(order: OwnOrder) -> bool:
    return order.order_type in TRAILING and order.triggers.status != "triggered"


def _ahead(place: QueuePosition | None, precision: Precision | None) -> str:
    if place is None or precision is None:
        return ""
    return fmt.qty(place.qty_ahead, precision.qty, 4, 8) if place.qty_ahead else "front"


def _sent(entry: Sent, now: int) -> OrderRow:
    what = "amend " if entry.what == "amend" else ""
    reason = f": {entry.reason}" if entry.reason not in ("", _AS_WANTED) else ""
    state = f"{entry.state}{reason}"
    if state.startswith(_UNKNOWN):
        state = f"{_UNKNOWN}{reason}"
    role = "warn" if entry.state in (_UNKNOWN, "refused") else "dim"
    return OrderRow(
        entry.symbol,
        entry.side,
        amount_text(Decimal(entry.qty)) if entry.qty else "",
        entry.price,
        age=fmt.age(max(0, now - entry.since)),
        state=f"{what}{state}" if not state.startswith(_UNKNOWN) else state,
        role=role,
        order_id=entry.txid or "",
        cl_ord_id=entry.id,
        ended=entry.ended,
    )


def row_at(
    rows: Iterable[OrderRow], symbol: str, selection: Selection | None, precision: Precision
) -> OrderRow | None:
    """The first order of the pair at the selected prices."""
    for row in rows:
        if selection and row.symbol == symbol and row.limit is not None:
            price = int(row.limit.scaleb(precision.price))
            if selection.low <= price <= selection.high:
                return row
    return None


class OrderColumns(NamedTuple):
    """Widths; 0 leaves a column out."""

    width: int
    symbol: int
    ahead: int
    qty: int
    price: int


def columns_for(width: int) -> OrderColumns:
    """The state always; then the quantity ahead, then whole numbers, then the pair."""
    ahead = 8 if width >= 50 else 0
    qty, price = (12, 11) if width >= 62 else (9, 9)
    return OrderColumns(width, 10 if width >= 76 else 0, ahead, qty, price)


def _cut(text: str, width: int) -> str:
    """At the right edge behind a blank; a number that is cut says so."""
    room = width - 1
    return (text if len(text) <= room else f"{text[: room - 1]}…").rjust(width)


def head_line(columns: OrderColumns) -> Line:
    symbol = "pair".ljust(columns.symbol)[: columns.symbol]
    ahead = "ahead".rjust(columns.ahead)[: columns.ahead]
    numbers = f"{'qty':>{columns.qty}}{'price':>{columns.price}}{'place':>{_PLACE}}{ahead}"
    text = f" {symbol}{'side':<4}{numbers}{'age':>6} state"
    return Line(fit([Span(text, "header")], columns.width))


def order_line(row: OrderRow, columns: OrderColumns) -> Line:
    role = "bid" if row.side is Side.BID else "ask" if row.side is Side.ASK else "dim"
    word = "" if row.side is None else verb(row.side)
    spans = [
        Span("▸" if row.cursor else " ", "accent"),
        Span(row.symbol.ljust(columns.symbol)[: columns.symbol], "dim"),
        Span(f"{word:<4}", role),
        Span(_cut(row.qty, columns.qty), role),
        Span(_cut(row.price, columns.price), "price"),
    ]
    ending = (
        Span(f"{row.age:>6} ", "dim"),
        Span(row.state if row.ours else f"{row.state} (elsewhere)", row.role),
    )
    room = columns.width - sum(len(span.text) for span in (*spans, *ending))
    spans += (*_queueing(row, columns, room), *ending)
    return Line(fit(spans, columns.width), "cursor" if row.cursor else "")


def _queueing(row: OrderRow, columns: OrderColumns, room: int) -> tuple[Span, ...]:
    """Place and what is ahead; an order without a place gives the room to a long state."""
    if not row.place:
        blank = " " * (_PLACE + columns.ahead)
        return (Span(blank),) if len(blank) <= room else ()
    role = "accent" if row.place.startswith("1/") else ""
    ahead = row.ahead.rjust(columns.ahead)[: columns.ahead]
    return Span(f"{row.place:>{_PLACE}}", role), Span(ahead, "dim")


class OwnLevel(NamedTuple):
    """Own orders at one price of the ladder."""

    side: Side
    qty: Decimal
    place: int = 0
    """Of the first of them; 0 while not known."""
    orders: int = 1


def own_levels(
    orders: Iterable[OwnOrder], symbol: str, book: L3Book | None, precision: Precision
) -> dict[int, OwnLevel]:
    """Resting own orders of the pair by scaled price."""
    found: dict[int, OwnLevel] = {}
    for order in orders:
        if order.symbol != symbol or order.limit_price is None or order.side is None:
            continue
        if _trails(order):
            continue
        price = int(order.limit_price.scaleb(precision.price))
        place = book.place(order.order_id) if book is not None else None
        position = place.position if place else 0
        mine = OwnLevel(order.side, order.remaining, position)
        found[price] = joined(found[price], mine) if price in found else mine
    return found


def joined(one: OwnLevel, other: OwnLevel) -> OwnLevel:
    """Both in one row: the sum, and the first of the places."""
    places = [place for place in (one.place, other.place) if place]
    qty, orders = one.qty + other.qty, one.orders + other.orders
    return OwnLevel(one.side, qty, min(places, default=0), orders)


def own_level_text(mine: OwnLevel, width: int) -> str:
    """``B.15q4``: side, quantity, place; a plus where there are several orders.

    >>> own_level_text(OwnLevel(Side.BID, Decimal("0.15000000"), 4), 9)
    'B.15 q4'
    >>> own_level_text(OwnLevel(Side.ASK, Decimal("0.00035"), 12), 9)
    'S.0003q12'
    """
    place = f" q{mine.place}" if mine.place else ""
    if mine.orders > 1:
        place += "+"
    letter = "B" if mine.side is Side.BID else "S"
    qty = f"{mine.qty:.8f}".rstrip("0").rstrip(".").removeprefix("0")
    if len(qty) + len(place) >= width:
        place = place.lstrip()
    room = max(1, width - 1 - len(place))
    # What is too small for its column is a dot with a sign, never a zero.
    shown = qty if len(qty) <= room else qty[:room].rstrip(".")
    return f"{letter}{shown if shown.strip('.0') else '<' + shown[:-1]}{place}"


def line_of_orders(rows: Sequence[OrderRow], width: int, *, stale: bool = False) -> Line:
    """Working orders side by side, for a screen without room for the pane."""
    spans: list[Span] = [Span(" MINE", "header"), Span("  STALE" if stale else "", "warn")]
    for row in rows:
        role = "bid" if row.side is Side.BID else "ask"
        word = verb(row.side) if row.side else ""
        place = f" q{row.place}" if row.place else f" {row.state}"
        ahead = f" ahead {row.ahead}" if row.ahead and row.ahead != "front" else ""
        part = [Span(f"  {word} {row.qty}@{row.price}", role), Span(f"{place}{ahead}", "dim")]
        if sum(len(span.text) for span in (*spans, *part)) > width:
            spans.append(Span(" …", "dim"))
            break
        spans += part
    return Line(fit(spans, width))


def mine_line(rows: Sequence[OrderRow], width: int, *, known: bool, empty: str) -> Line:
    """One row for a screen without room for the orders pane; `empty` is said without orders."""
    if rows:
        return line_of_orders(rows, width, stale=not known)
    return Line(fit([Span(" MINE", "header"), Span(f"  {empty}", "dim")], width))
