"""Own orders as the screen shows them: place in the queue, age, and the true state. Pure."""

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

_UNKNOWN = "UNKNOWN"
_CANCELLED_BY_US = "User requested"
"""The exchange's reason for a cancel of ours: it would only fill the row."""
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
    """One line of the orders pane. Amounts are text: nothing is computed from a row."""

    symbol: str
    side: Side | None
    qty: str
    price: str
    place: str = ""
    """``4/6``; empty where the order does not rest in a book we have."""
    ahead: str = ""
    age: str = ""
    state: str = ""
    role: str = ""
    order_id: str = ""
    """The exchange's id; empty while it is not known."""
    cl_ord_id: str = ""
    limit: Decimal | None = None
    ours: bool = True
    """Whether this program placed it."""
    ended: bool = False
    """Whether it is shown only for its outcome."""
    cursor: bool = False

    @property
    def key(self) -> str:
        """An id that stays the same for as long as the order does."""
        return self.cl_ord_id or self.order_id


def rows_of(
    orders: Iterable[OwnOrder],
    sent: Sequence[Sent],
    books: Mapping[str, L3Book],
    precisions: Mapping[str, Precision],
    now: int,
) -> tuple[OrderRow, ...]:
    """Return the rows of the pane: unknown outcomes, then open orders, then ended ones.

    Each part has the newest first.

    Args:
        orders: The open orders.
        sent: Entries of the outbox, oldest first.
        books: Level 3 books by symbol.
        precisions: Decimals by symbol.
        now: The present, ns.
    """
    order_ids = {order.order_id for order in orders}
    cl_ord_ids = {order.cl_ord_id for order in orders}
    ours = {entry.id for entry in sent}
    working = [
        _open_row(order, books.get(order.symbol), precisions.get(order.symbol), now, ours)
        for order in sorted(orders, key=lambda order: order.touched, reverse=True)
    ]
    # An amend has a row of its own only while its outcome is open, or when it was refused.
    others = [
        _sent_row(entry, now)
        for entry in reversed(sent)
        if entry.id not in cl_ord_ids
        and entry.txid not in order_ids
        and (entry.what == "add" or entry.state in (_UNKNOWN, "sent", "refused"))
    ]
    unknown = [row for row in others if row.state.startswith(_UNKNOWN)]
    ended = [row for row in others if not row.state.startswith(_UNKNOWN)]
    return (*unknown, *working, *ended)


def _open_row(
    order: OwnOrder,
    book: L3Book | None,
    precision: Precision | None,
    now: int,
    ours: set[str],
) -> OrderRow:
    place = book.place(order.order_id) if book is not None else None
    ahead = ""
    if place is not None and precision is not None:
        qty_ahead = place.qty_ahead
        ahead = fmt.qty(qty_ahead, precision.qty, 4, 8) if qty_ahead else "front"
    state = "live"
    if order.order_status == "pending_new":
        state = "pending"
    elif order.triggers.price is not None and order.triggers.status != "triggered":
        state = order.order_type.replace("-", " ")
    elif order.cum_qty:
        state = f"{int(100 * order.cum_qty / order.order_qty)}% done"
    return OrderRow(
        symbol=order.symbol,
        side=order.side,
        qty=amount_text(order.remaining),
        price=_price_text(order),
        place="" if place is None else f"{place.position}/{place.of}",
        ahead=ahead,
        age=fmt.age(max(0, now - order.touched)),
        state=state,
        role="good" if state == "live" else "mark",
        order_id=order.order_id,
        cl_ord_id=order.cl_ord_id or "",
        limit=None if _trails(order) else order.limit_price,
        ours=order.cl_ord_id in ours,
    )


def _price_text(order: OwnOrder) -> str:
    """Write the limit, else the trigger; the distance of a trailing order as the exchange does."""
    if _trails(order):
        percent = order.triggers.price_type == "pct"
        distance = amount_text(order.triggers.price or Decimal(0))
        return f"+{distance}{'%' if percent else ''}"
    price = order.limit_price if order.limit_price is not None else order.triggers.price
    return "" if price is None else f"{price:f}"


def _trails(order: OwnOrder) -> bool:
    return order.order_type in TRAILING and order.triggers.status != "triggered"


def _sent_row(entry: Sent, now: int) -> OrderRow:
    what = "amend " if entry.what == "amend" else ""
    reason = f": {entry.reason}" if entry.reason not in ("", _CANCELLED_BY_US) else ""
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
    """Return the first order of the pair at the selected prices."""
    for row in rows:
        if selection and row.symbol == symbol and row.limit is not None:
            price = int(row.limit.scaleb(precision.price))
            if selection.low <= price <= selection.high:
                return row
    return None


class OrderColumns(NamedTuple):
    """Widths of the columns; 0 leaves one out."""

    width: int
    symbol: int
    ahead: int
    qty: int
    price: int


def columns_for(width: int) -> OrderColumns:
    """Fit the columns: the quantity ahead comes first, then whole numbers, then the pair."""
    ahead = 8 if width >= 50 else 0
    qty, price = (12, 11) if width >= 62 else (9, 9)
    return OrderColumns(width, 10 if width >= 76 else 0, ahead, qty, price)


def _right_aligned(text: str, width: int) -> str:
    """Align a number right behind a blank; an ellipsis marks one that is cut."""
    room = width - 1
    return (text if len(text) <= room else f"{text[: room - 1]}…").rjust(width)


def head_line(columns: OrderColumns) -> Line:
    """Draw the heads of the columns."""
    symbol = "pair".ljust(columns.symbol)[: columns.symbol]
    ahead = "ahead".rjust(columns.ahead)[: columns.ahead]
    numbers = f"{'qty':>{columns.qty}}{'price':>{columns.price}}{'place':>{_PLACE}}{ahead}"
    text = f" {symbol}{'side':<4}{numbers}{'age':>6} state"
    return Line(fit([Span(text, "header")], columns.width))


def order_line(row: OrderRow, columns: OrderColumns) -> Line:
    """Draw one order. An order without a place gives that room to a long state."""
    role = "bid" if row.side is Side.BID else "ask" if row.side is Side.ASK else "dim"
    word = "" if row.side is None else verb(row.side)
    spans = [
        Span("▸" if row.cursor else " ", "accent"),
        Span(row.symbol.ljust(columns.symbol)[: columns.symbol], "dim"),
        Span(f"{word:<4}", role),
        Span(_right_aligned(row.qty, columns.qty), role),
        Span(_right_aligned(row.price, columns.price), "price"),
    ]
    ending = (
        Span(f"{row.age:>6} ", "dim"),
        Span(row.state if row.ours else f"{row.state} (elsewhere)", row.role),
    )
    room = columns.width - sum(len(span.text) for span in (*spans, *ending))
    if row.place:
        place_role = "accent" if row.place.startswith("1/") else ""
        spans.append(Span(f"{row.place:>{_PLACE}}", place_role))
        spans.append(Span(row.ahead.rjust(columns.ahead)[: columns.ahead], "dim"))
    elif _PLACE + columns.ahead <= room:
        spans.append(Span(" " * (_PLACE + columns.ahead)))
    return Line(fit((*spans, *ending), columns.width), "cursor" if row.cursor else "")


class OwnLevel(NamedTuple):
    """Own orders at one price of the ladder."""

    side: Side
    qty: Decimal
    place: int = 0
    """Place of the first of them in the queue; 0 while not known."""
    orders: int = 1


def own_levels(
    orders: Iterable[OwnOrder], symbol: str, book: L3Book | None, precision: Precision
) -> dict[int, OwnLevel]:
    """Return the pair's resting own orders by scaled price."""
    found: dict[int, OwnLevel] = {}
    for order in orders:
        if order.symbol != symbol or order.limit_price is None or order.side is None:
            continue
        if _trails(order):
            continue
        price = int(order.limit_price.scaleb(precision.price))
        place = book.place(order.order_id) if book is not None else None
        level = OwnLevel(order.side, order.remaining, place.position if place else 0)
        found[price] = joined(found[price], level) if price in found else level
    return found


def joined(one: OwnLevel, other: OwnLevel) -> OwnLevel:
    """Join two levels in one row: the sum, and the first of the places."""
    places = [place for place in (one.place, other.place) if place]
    qty, orders = one.qty + other.qty, one.orders + other.orders
    return OwnLevel(one.side, qty, min(places, default=0), orders)


def own_level_text(level: OwnLevel, width: int) -> str:
    """Write side, quantity and place: ``B.15q4``; a plus where there are several orders.

    >>> own_level_text(OwnLevel(Side.BID, Decimal("0.15000000"), 4), 9)
    'B.15 q4'
    >>> own_level_text(OwnLevel(Side.ASK, Decimal("0.00035"), 12), 9)
    'S.0003q12'
    """
    place = f" q{level.place}" if level.place else ""
    if level.orders > 1:
        place += "+"
    letter = "B" if level.side is Side.BID else "S"
    qty = f"{level.qty:.8f}".rstrip("0").rstrip(".").removeprefix("0")
    if len(qty) + len(place) >= width:
        place = place.lstrip()
    room = max(1, width - 1 - len(place))
    # A quantity too small for its column is shown as less than a digit, never as zero.
    shown = qty if len(qty) <= room else qty[:room].rstrip(".")
    return f"{letter}{shown if shown.strip('.0') else '<' + shown[:-1]}{place}"


def mine_line(rows: Sequence[OrderRow], width: int, *, known: bool, empty: str) -> Line:
    """Draw the orders side by side, for a screen without room for the pane.

    Args:
        rows: The rows of the pane.
        width: Cells of the line.
        known: Whether the account's streams are up; without them the line is marked stale.
        empty: The sentence where there is no order.
    """
    if not rows:
        return Line(fit([Span(" MINE", "header"), Span(f"  {empty}", "dim")], width))
    spans: list[Span] = [Span(" MINE", "header"), Span("" if known else "  STALE", "warn")]
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
