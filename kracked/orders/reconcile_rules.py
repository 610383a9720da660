"""What became of an action, from whatever the exchange shows of it. Pure.

Absence proves nothing while the exchange may still take the order, or may already have
taken it without its query endpoints showing it. So *never placed* is concluded only
from an empty answer to a question asked after the deadline and the settle window.
An amend names absolute values; whether they are in force shows on the order.

Sources: the exchange's REST view has lagged its stream by up to 60 s
(github.com/btschwertfeger/kraken-infinity-grid issue 82); an order that filled at once
never appears among the open ones, so the closed ones are asked as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation

from kracked.orders.outbox.order_states import ENDED, OrderState
from kracked.orders.outbox.outbox import ZERO, OutboxEntry, StateChange
from kracked.protocol.own_orders import OwnOrder, is_past
from kracked.rest.account import AmendInfo, OrderInfo
from kracked.times import NS_PER_S

SETTLE_NS = 60 * NS_PER_S
"""How long after its deadline an order may still come to light."""
LOOKBACK_NS = 60 * NS_PER_S
"""Closed orders are asked for from this long before the sending: clocks differ."""
_PAUSES_S = (2, 5, 10, 20, 29)
"""The sixth look comes just after a usual window has closed.

A look costs up to five units of a counter that a Starter refills at one in three seconds.
"""

_BY_REST = {
    "pending": OrderState.ACKNOWLEDGED,
    "open": OrderState.LIVE,
    "closed": OrderState.FILLED,
    "canceled": OrderState.CANCELLED,
    "expired": OrderState.CANCELLED,
}
_BY_STREAM = {
    "pending_new": OrderState.ACKNOWLEDGED,
    "new": OrderState.LIVE,
    "partially_filled": OrderState.LIVE,
    "filled": OrderState.FILLED,
    "canceled": OrderState.CANCELLED,
    "expired": OrderState.CANCELLED,
}


def settles_at(entry: OutboxEntry) -> int:
    """From when on not being found means it was never placed, by the exchange's clock.

    Ours does not count here: the exchange measures the deadline by its own, and a clock
    set wrong would have us give up an order that still can arrive.
    """
    return entry.deadline + SETTLE_NS


def pause_ns(looks: int) -> int:
    """How long to wait after so many vain looks; none before the first."""
    return _PAUSES_S[min(looks, len(_PAUSES_S)) - 1] * NS_PER_S if looks else 0


def from_rows(entry: OutboxEntry, rows: Mapping[str, OrderInfo], at: int) -> StateChange | None:
    """News of an order from rows asked for by its client id; None if it is not among them.

    An id can be used again after its order has ended; then the youngest counts.
    """
    ours = {txid: row for txid, row in rows.items() if _is_of(entry, row)}
    if not ours:
        return None
    txid, row = max(ours.items(), key=lambda item: item[1].opened)
    state = _BY_REST.get(row.status)
    if state is None:
        return None
    reason = row.reason or (row.status if state is OrderState.CANCELLED else "")
    return StateChange(
        at=at, id=entry.id, state=state, txid=txid, filled=row.vol_exec, reason=reason
    )


def from_absence(entry: OutboxEntry, asked: int, *, at: int) -> StateChange | None:
    """What it means that neither open nor closed orders show an order; None: nothing yet.

    `asked`: what the exchange's clock showed before the question. `at`: our own now.
    """
    if entry.state is not OrderState.UNKNOWN or asked < settles_at(entry):
        return None
    reason = "never placed: not found after its deadline and the settle window"
    return StateChange(at=at, id=entry.id, state=OrderState.REFUSED, reason=reason)


def _is_of(entry: OutboxEntry, row: OrderInfo) -> bool:
    """Whether the row is this order; one that names no client id must look like it."""
    if row.cl_ord_id:
        return row.cl_ord_id == entry.id
    same_side = row.descr.side in ("", entry.request.get("type"))
    return same_side and row.vol == _number(entry.request.get("volume"))


def amend_from_order(
    entry: OutboxEntry, row: OrderInfo | None, asked: int, *, at: int
) -> StateChange | None:
    """News of an amend of unknown outcome from the order it is about. Times: see `from_absence`."""
    if row is not None and _in_force(entry, row):
        return StateChange(
            at=at, id=entry.id, state=OrderState.ACKNOWLEDGED, reason="seen in force"
        )
    if row is not None and _BY_REST.get(row.status) in ENDED:
        reason = "the order is no longer open"
        return StateChange(at=at, id=entry.id, state=OrderState.REFUSED, reason=reason)
    if asked >= settles_at(entry):
        reason = "never applied: not in force after its deadline and the settle window"
        return StateChange(at=at, id=entry.id, state=OrderState.REFUSED, reason=reason)
    return None


def amend_from_history(
    entry: OutboxEntry, amends: Iterable[AmendInfo], at: int
) -> StateChange | None:
    """News of an amend from all that its order has been; the order itself shows less."""
    since = entry.prepared - LOOKBACK_NS
    for amend in amends:
        shown = {name: getattr(amend, name) for name in (*_AMENDABLE, "display_qty")}
        if amend.amend_type == "user" and amend.amended >= since and _agree(entry, shown):
            return StateChange(
                at=at, id=entry.id, state=OrderState.ACKNOWLEDGED, reason="seen in force"
            )
    return None


def _in_force(entry: OutboxEntry, row: OrderInfo) -> bool:
    shown = {"order_qty": row.vol, "limit_price": _number(row.descr.price)}
    if row.descr.order_type.endswith("-limit"):
        shown = {"limit_price": _number(row.descr.price2)}
        shown |= {"order_qty": row.vol, "trigger_price": _number(row.descr.price)}
    elif row.descr.order_type not in ("limit", "iceberg", ""):
        shown = {"order_qty": row.vol, "trigger_price": _number(row.descr.price)}
    return _agree(entry, shown)


def _agree(entry: OutboxEntry, shown: Mapping[str, Decimal | None]) -> bool:
    asked = {name: _number(text) for name, text in entry.request.items() if name in shown}
    return bool(asked) and all(shown[name] == value for name, value in asked.items())


def from_report(
    entry: OutboxEntry, report: Mapping[str, object], now: int, *, snapshot: bool = False
) -> StateChange | None:
    """News of an order from one execution report that names it."""
    if is_past(report, snapshot=snapshot):
        return None
    return _told(
        entry,
        str(report.get("order_status")),
        at=now,
        txid=_text(report.get("order_id")),
        filled=_number(report.get("cum_qty")) or ZERO,
        reason=_text(report.get("reason")) or "",
    )


def from_order(entry: OutboxEntry, order: OwnOrder, now: int) -> StateChange | None:
    """News of an order from what the stream has told of it so far."""
    return _told(
        entry,
        order.order_status,
        at=now,
        txid=order.order_id,
        filled=order.cum_qty,
        reason=order.reason,
    )


def _told(
    entry: OutboxEntry, status: str, *, at: int, txid: str | None, filled: Decimal, reason: str
) -> StateChange | None:
    state = _BY_STREAM.get(status)
    if state is None:
        return None
    return StateChange(at=at, id=entry.id, state=state, txid=txid, filled=filled, reason=reason)


def amend_from_report(
    entry: OutboxEntry, report: Mapping[str, object], now: int
) -> StateChange | None:
    """News of an amend from one execution report about its order."""
    status = _BY_STREAM.get(str(report.get("order_status")))
    if report.get("exec_type") == "amended":
        shown = {name: _number(report.get(name)) for name in _AMENDABLE if name in report}
        if _agree(entry, shown):
            return StateChange(
                at=now, id=entry.id, state=OrderState.ACKNOWLEDGED, reason="seen in force"
            )
    if entry.state is OrderState.UNKNOWN and status in (OrderState.FILLED, OrderState.CANCELLED):
        reason = "the order is no longer open"
        return StateChange(at=now, id=entry.id, state=OrderState.REFUSED, reason=reason)
    return None


_AMENDABLE = ("order_qty", "limit_price", "trigger_price")


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: object) -> Decimal | None:
    """A decimal of the exchange; relative prices such as ``+1%`` are None."""
    if isinstance(value, Decimal):
        return value
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    try:
        return Decimal(value)
    except InvalidOperation:
        return None
