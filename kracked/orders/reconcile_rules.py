"""Concludes the outcome of an action from what the exchange shows of it. Pure.

Absence proves nothing while the exchange may still accept the order, or has accepted it and
its query endpoints do not show it yet. So *never placed* is concluded only from an empty
answer to a query that was sent after the deadline and the settle window. An amend names
absolute values; the order shows whether they are in force.

Sources: the exchange's REST view has lagged its stream by up to 60 s
(github.com/btschwertfeger/kraken-infinity-grid issue 82); an order that filled at once
is never among the open orders, so the closed orders are queried as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation

from kracked.orders.outbox.order_states import ENDED, OrderState
from kracked.orders.outbox.outbox import ZERO, OutboxEntry, StateChange
from kracked.protocol.own_orders import OwnOrder, is_past
from kracked.rest.account import seconds_to_ns
from kracked.rest.order_info import AmendInfo, OrderInfo
from kracked.times import NS_PER_S, to_rfc3339

SETTLE_NS = 60 * NS_PER_S
"""The settle window: how long after its deadline an order may still show up."""
LOOKBACK_NS = 60 * NS_PER_S
"""Closed orders are queried from this long before the sending, because clocks differ."""
LONGEST_DEADLINE_NS = 60 * NS_PER_S
_PAUSES_S = (2, 5, 10, 20, 29)
"""Seconds between look-ups. The sixth comes just after the window of a usual order has closed.

A look-up costs up to five units of a counter that falls by one in three seconds for a Starter.
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


_ENDED_BY_REST = {"closed": "filled", "canceled": "canceled", "expired": "expired"}
"""The stream's words for the ends of an order, by those of the query endpoints."""


def has_ended(row: OrderInfo) -> bool:
    """Whether a query shows that an order is over."""
    return row.status in _ENDED_BY_REST


def end_report(txid: str, row: OrderInfo) -> dict[str, object]:
    """Return the execution report of an order's end, as the stream would have sent it."""
    word = _ENDED_BY_REST[row.status]
    return {
        "order_id": txid,
        "exec_type": word,
        "order_status": word,
        "cum_qty": row.vol_exec,
        "cum_cost": row.cost,
        "reason": row.reason or "",
        "timestamp": to_rfc3339(seconds_to_ns(row.closetm), 9),
    }


def settles_at(entry: OutboxEntry) -> int:
    """Return when absence begins to prove that an order was never placed, ns since the epoch.

    It is an instant of the exchange's clock, by which the exchange measures the deadline. By a
    clock of ours that is wrong, an order that can still arrive would be given up.
    """
    return entry.deadline + SETTLE_NS


def looked_up_from(entry: OutboxEntry) -> int:
    """Return from when on the exchange is asked about an action, ns of its own clock.

    It accepts deadlines up to 60 s ahead: an accepted action did not come before that.
    """
    return min(entry.prepared, entry.deadline - LONGEST_DEADLINE_NS) - LOOKBACK_NS


def pause_ns(looks: int) -> int:
    """Return the wait after this many look-ups without a result; none before the first."""
    return _PAUSES_S[min(looks, len(_PAUSES_S)) - 1] * NS_PER_S if looks else 0


def from_rows(entry: OutboxEntry, rows: Mapping[str, OrderInfo], at: int) -> StateChange | None:
    """Return the state of an order by rows that were queried for it; None without its row.

    A client id can be used again after its order has ended; then the youngest row counts.
    """
    own = {txid: row for txid, row in rows.items() if _is_of(entry, row)}
    if not own:
        return None
    txid, row = max(own.items(), key=lambda item: item[1].opened)
    state = _BY_REST.get(row.status)
    if state is None:
        return None
    reason = row.reason or (row.status if state is OrderState.CANCELLED else "")
    return StateChange(
        at=at, id=entry.id, state=state, txid=txid, filled=row.vol_exec, reason=reason
    )


def from_absence(entry: OutboxEntry, queried: int, *, at: int) -> StateChange | None:
    """Return the state of an order that neither open nor closed orders show; None while open.

    Args:
        entry: The order.
        queried: The exchange's clock before the query, ns since the Unix epoch.
        at: This computer's clock now, ns since the Unix epoch.
    """
    if entry.state is not OrderState.UNKNOWN or queried < settles_at(entry):
        return None
    reason = "never placed: not found after its deadline and the settle window"
    return StateChange(at=at, id=entry.id, state=OrderState.REFUSED, reason=reason)


def _is_of(entry: OutboxEntry, row: OrderInfo) -> bool:
    """Whether a row is this order; a row without a client id must have its side and volume."""
    if row.cl_ord_id:
        return row.cl_ord_id == entry.id
    if entry.userref != row.userref and entry.userref is not None:
        return False
    same_side = row.descr.side in ("", entry.request.get("type"))
    return same_side and row.vol == _number(entry.request.get("volume"))


def amend_from_order(
    entry: OutboxEntry, row: OrderInfo | None, queried: int, *, at: int
) -> StateChange | None:
    """Return the outcome of an amend by its order's row; None while open.

    Args:
        entry: The amend.
        row: The order; None when it was not found.
        queried: The exchange's clock before the query, ns since the Unix epoch.
        at: This computer's clock now, ns since the Unix epoch.
    """
    if row is not None and _in_force(entry, row):
        return StateChange(
            at=at, id=entry.id, state=OrderState.ACKNOWLEDGED, reason="seen in force"
        )
    if row is not None and _BY_REST.get(row.status) in ENDED:
        reason = "the order is no longer open"
        return StateChange(at=at, id=entry.id, state=OrderState.REFUSED, reason=reason)
    if queried >= settles_at(entry):
        reason = "never applied: not in force after its deadline and the settle window"
        return StateChange(at=at, id=entry.id, state=OrderState.REFUSED, reason=reason)
    return None


def amend_from_history(
    entry: OutboxEntry, amends: Iterable[AmendInfo], at: int
) -> StateChange | None:
    """Return the outcome of an amend by its order's history, which shows more than the order."""
    since = looked_up_from(entry)
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
    """Whether the values of an amend's request are those that are shown."""
    requested = {name: _number(text) for name, text in entry.request.items() if name in shown}
    return bool(requested) and all(shown[name] == value for name, value in requested.items())


def from_report(
    entry: OutboxEntry, report: Mapping[str, object], now: int, *, snapshot: bool = False
) -> StateChange | None:
    """Return the state of an order by an execution report that names it; None without news."""
    if is_past(report, snapshot=snapshot):
        return None
    return _from_stream(
        entry,
        str(report.get("order_status")),
        at=now,
        txid=_text(report.get("order_id")),
        filled=_number(report.get("cum_qty")) or ZERO,
        reason=_text(report.get("reason")) or "",
    )


def from_order(entry: OutboxEntry, order: OwnOrder, now: int) -> StateChange | None:
    """Return the state of an order by what the stream has shown of it; None without news."""
    return _from_stream(
        entry,
        order.order_status,
        at=now,
        txid=order.order_id,
        filled=order.cum_qty,
        reason=order.reason,
    )


def _from_stream(
    entry: OutboxEntry, status: str, *, at: int, txid: str | None, filled: Decimal, reason: str
) -> StateChange | None:
    state = _BY_STREAM.get(status)
    if state is None:
        return None
    return StateChange(at=at, id=entry.id, state=state, txid=txid, filled=filled, reason=reason)


def amend_from_report(
    entry: OutboxEntry, report: Mapping[str, object], now: int
) -> StateChange | None:
    """Return the outcome of an amend by an execution report about its order; None while open."""
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
    """Return a number of the exchange; None for anything else, such as ``+1%``."""
    if isinstance(value, Decimal):
        return value
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    try:
        return Decimal(value)
    except InvalidOperation:
        return None
