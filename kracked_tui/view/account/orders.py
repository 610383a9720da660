"""Own orders as the screen shows them: place in the queue, age, and the true state. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from kracked.feed.account import OwnOrder
from kracked.instruments import Precision
from kracked.protocol.events import Side
from kracked_tui.view import format as fmt
from kracked_tui.view.account.balances import amount_text
from kracked_tui.view.account.own_levels import trails
from kracked_tui.view.ladder.selection import Selection
from kracked_tui.view.line import Line, Span, fit, left_cell, right_cell
from kracked_tui.view.queue.own_place import OwnPlace
from kracked_tui.view.words import verb

_UNKNOWN = "UNKNOWN"
_CANCELLED_BY_US = "User requested"
"""The exchange's reason for a cancel of ours: it would only fill the row."""
_QTY, _PRICE, _PLACE, _AHEAD, _STATE = 9, 9, 6, 7, 8
"""Least widths of the columns: what comes and goes in a row seldom moves the others."""
_WITH_PAIR = 76
"""Width from which there is a column for the pair."""


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
    places: Mapping[str, OwnPlace],
    precisions: Mapping[str, Precision],
    now: int,
    *,
    closed: Mapping[str, OwnOrder] | None = None,
    doubted: Collection[str] = (),
) -> tuple[OrderRow, ...]:
    """Return the rows of unknown outcomes, of open orders, of ended ones, each newest first.

    Args:
        orders: The open orders.
        sent: Entries of the outbox, oldest first.
        places: Places in the queue by order id.
        precisions: Decimals by symbol.
        now: The present, ns.
        closed: Closed orders by order id, for their average prices.
        doubted: Ids of open orders of which nobody knows whether they were filled.
    """
    order_ids = {order.order_id for order in orders}
    cl_ord_ids = {order.cl_ord_id for order in orders}
    ours = {entry.id for entry in sent}
    working = [
        _open_row(order, places.get(order.order_id), precisions.get(order.symbol), now, ours)
        if order.order_id not in doubted
        else _open_row(order, None, None, now, ours)._replace(state=_UNKNOWN)
        for order in sorted(orders, key=lambda order: order.touched, reverse=True)
    ]
    # An amend has a row of its own only while its outcome is open, or when it was refused.
    others = [
        _with_average(_sent_row(entry, now), (closed or {}).get(entry.txid or ""), precisions)
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
    place: OwnPlace | None,
    precision: Precision | None,
    now: int,
    ours: set[str],
) -> OrderRow:
    ahead = ""
    if place is not None and precision is not None:
        ahead = place.amounts(precision)
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
        place="" if place is None else place.short,
        ahead=ahead,
        age=fmt.age(max(0, now - order.touched)),
        state=state,
        role="good" if state == "live" else "mark",
        order_id=order.order_id,
        cl_ord_id=order.cl_ord_id or "",
        limit=None if trails(order) else order.limit_price,
        ours=order.cl_ord_id in ours,
    )


def _with_average(
    row: OrderRow, order: OwnOrder | None, precisions: Mapping[str, Precision]
) -> OrderRow:
    """Give a row without a price, as a market order's, the average of its fills."""
    precision = precisions.get(row.symbol)
    if row.price or order is None or not order.cum_qty or precision is None:
        return row
    average = order.avg_price or order.cum_cost / order.cum_qty
    return row._replace(price=f"avg {round(average, precision.price):f}") if average else row


def _price_text(order: OwnOrder) -> str:
    """Write the limit, else the trigger; the distance of a trailing order as the exchange does."""
    if trails(order):
        percent = order.triggers.price_type == "pct"
        distance = amount_text(order.triggers.price or Decimal(0))
        return f"+{distance}{'%' if percent else ''}"
    price = order.limit_price if order.limit_price is not None else order.triggers.price
    return "" if price is None else f"{price:f}"


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
    qty: int
    price: int
    place: int
    ahead: int
    age: int = 6


def columns_for(width: int, rows: Sequence[OrderRow] = ()) -> OrderColumns:
    """Fit the columns to what the rows hold, so that no number is cut beside free space.

    Where there is too little room the quantity ahead is left out first, then the age, then the
    place; only where there is no room for them alone quantity and price are cut.
    """

    def widest(least: int, cells: Iterable[str]) -> int:
        """Return the cells that every text of a column needs, and a blank before it."""
        return max(least, 1 + max(map(len, cells), default=0))

    qty, price = widest(_QTY, (row.qty for row in rows)), widest(_PRICE, (r.price for r in rows))
    place, ahead = widest(_PLACE, (r.place for r in rows)), widest(_AHEAD, (r.ahead for r in rows))
    age = 6
    others = 1 + 4 + age + 1
    symbol = 10 if width >= max(_WITH_PAIR, others + 10 + qty + price + place + ahead + 4) else 0
    if others + qty + price + place + ahead + 4 > width:
        ahead = 0
    if others + qty + price + place + 4 > width:
        others, age = others - age, 0
    if others + qty + price + place + 4 > width:
        place = 0
    room = width - others - place - ahead - symbol - 4
    if qty + price > room:
        price = max(1, min(price, room - _QTY))
        qty = max(1, min(qty, room - price))
    return OrderColumns(
        width, symbol=symbol, qty=qty, price=price, place=place, ahead=ahead, age=age
    )


def head_line(columns: OrderColumns) -> Line:
    """Draw the heads of the columns."""
    heads = (
        left_cell("pair", columns.symbol),
        f"{'side':<4}",
        right_cell("qty", columns.qty),
        right_cell("price", columns.price),
        right_cell("age", columns.age),
        right_cell("place", columns.place),
        right_cell("ahead", columns.ahead),
    )
    text = f" {''.join(heads)}"
    text += " state" if len(text) + 6 <= columns.width else ""
    return Line(fit([Span(text, "header")], columns.width))


def order_line(row: OrderRow, columns: OrderColumns) -> Line:
    """Draw one order. Where it has no place, a long state begins in that column."""
    role = "bid" if row.side is Side.BID else "ask" if row.side is Side.ASK else "dim"
    word = "" if row.side is None else verb(row.side)
    spans = [
        Span("▸" if row.cursor else " ", "accent"),
        Span(left_cell(row.symbol, columns.symbol), "dim"),
        Span(f"{word:<4}", role),
        Span(right_cell(row.qty, columns.qty), role),
        Span(right_cell(row.price, columns.price), "price"),
        Span(right_cell(row.age, columns.age), "dim"),
    ]
    state = Span(f" {row.state if row.ours else f'{row.state} (elsewhere)'}", row.role)
    places = columns.place + columns.ahead
    room = columns.width - sum(len(span.text) for span in spans) - places
    if row.place:
        place_role = "accent" if row.place.startswith("1/") else ""
        spans.append(Span(right_cell(row.place, columns.place), place_role))
        spans.append(Span(right_cell(row.ahead, columns.ahead), "dim"))
    elif len(state.text) <= room:
        spans.append(Span(" " * places))
    return Line(fit((*spans, state), columns.width), "cursor" if row.cursor else "")


def mine_line(
    rows: Sequence[OrderRow], width: int, *, symbol: str, known: bool, empty: str
) -> Line:
    """Draw the orders side by side, for a screen without room for the pane.

    Args:
        rows: The rows of the pane.
        width: Cells of the line.
        symbol: The pair shown; orders of others begin with theirs.
        known: Whether the account's streams are up; without them the line is marked stale.
        empty: The sentence where there is no order.
    """
    if not rows:
        return Line(fit([Span(" MINE", "header"), Span(f"  {empty}", "dim")], width))
    spans: list[Span] = [Span(" MINE", "header"), Span("" if known else "  STALE", "warn")]
    for row in rows:
        role = "bid" if row.side is Side.BID else "ask"
        word = verb(row.side) if row.side else ""
        pair = f"{row.symbol} " if row.symbol != symbol else ""
        place = f" {row.place}" if row.place else f" {row.state}"
        ahead = f", {row.ahead} ahead" if row.ahead and row.ahead != "front" else ""
        part = [Span(f"  {pair}{word} {row.qty}@{row.price}", role), Span(f"{place}{ahead}", "dim")]
        if sum(len(span.text) for span in (*spans, *part)) > width:
            spans.append(Span(" …", "dim"))
            break
        spans += part
    return Line(fit(spans, width))
