"""The rows of the `executions` channel that tell of a paper account.

Their members are the exchange's own, numbers are `Decimal`, and `OwnOrders` merges them to the
account's orders. An order whose outcome is unknown is a `status` row with its `reason`.

Source: docs.kraken.com/api/docs/websocket-v2/executions
"""

from __future__ import annotations

from decimal import Decimal

from kracked.instruments import Precision
from kracked.paper.account import PaperAccount
from kracked.paper.account_events import (
    Accepted,
    AnyAccountEvent,
    Carried,
    Ended,
    Filled,
    Listed,
    Obscured,
    Opened,
    PaperOrder,
    Started,
    SwitchSet,
    TermsChanged,
    TriggerMet,
    TriggerMoved,
)
from kracked.paper.terms import PaperState
from kracked.protocol.events import Side
from kracked.times import to_rfc3339

Row = dict[str, object]
_ENDS = {
    PaperState.FILLED: "filled",
    PaperState.CANCELLED: "canceled",
    PaperState.EXPIRED: "expired",
}
_SIDES = {Side.BID: "buy", Side.ASK: "sell"}
USER_REQUESTED = "User requested"
EXPIRED = "Order expired"


def rows(account: PaperAccount, order: PaperOrder | None, event: AnyAccountEvent) -> list[Row]:
    """Return the rows of an event that was applied; three kinds have none.

    Args:
        account: The account after it.
        order: The order after it.
        event: What happened.
    """
    if order is None or isinstance(event, Opened | Carried | Listed | SwitchSet):
        return []
    delta = _delta(order, event.time)
    changed: Row
    match event:
        case Accepted():
            pending = _pending(account, order, event.time)
            return [pending, delta | {"exec_type": "new"}] if order.started else [pending]
        case Started():
            changed = {"exec_type": "new"}
        case Filled():
            return _filled(account, order, event, delta)
        case TermsChanged():
            precision = _precision(account, order)
            changed = _prices(precision, order) | {"order_qty": precision.qty_decimal(event.qty)}
            if order.request.display_qty is not None:
                changed["display_qty"] = precision.qty_decimal(order.request.display_qty)
            changed |= {"exec_type": "amended", "reason": USER_REQUESTED}
        case TriggerMet() | TriggerMoved():
            changed = {"exec_type": "status", "triggers": _triggers(account, order)}
        case Ended():
            ended = "expired" if event.expired else "canceled"
            changed = {"exec_type": ended, "reason": event.reason}
            changed |= _progress(account, order)
        case Obscured():
            changed = {"exec_type": "status", "reason": event.reason}
    return [delta | changed]


def snapshot(account: PaperAccount) -> list[Row]:
    """Return the rows of the open orders, for a subscription that begins."""
    return [
        _delta(order, order.touched)
        | _terms(account, order)
        | _progress(account, order)
        | {"exec_type": "new"}
        | ({"reason": order.reason} if order.reason else {})
        for order in account.open.values()
    ]


def _filled(account: PaperAccount, order: PaperOrder, event: Filled, delta: Row) -> list[Row]:
    """Return the row of a fill, `partially_filled` even for the last; then that of the end."""
    request, precision = order.request, _precision(account, order)
    asset, fee = account.money.fee(request, event.price, event.qty, maker=event.maker)
    trade: Row = {
        "exec_type": "trade",
        "exec_id": event.exec_id,
        "symbol": request.symbol,
        "side": _SIDES[request.side],
        "order_type": request.order_type.value,
        "last_qty": precision.qty_decimal(event.qty),
        "last_price": precision.price_decimal(event.price),
        "liquidity_ind": "m" if event.maker else "t",
        "cost": precision.cost_decimal(event.price, event.qty),
        "fees": [{"asset": asset, "qty": fee}],
        "order_status": "partially_filled",
    }
    if event.trade_id is not None:
        trade["trade_id"] = event.trade_id
    found = [delta | _progress(account, order) | trade]
    if not order.left:
        found.append(delta | _progress(account, order) | {"exec_type": "filled"})
    if event.close_id is not None:
        found.append(_pending(account, account.open[event.close_id], event.time))
    return found


def _pending(account: PaperAccount, order: PaperOrder, time: int) -> Row:
    """Return the row of an order that was accepted."""
    pending = {"exec_type": "pending_new", "order_status": "pending_new"}
    return _delta(order, time) | _terms(account, order) | pending


def _delta(order: PaperOrder, time: int) -> Row:
    """Return what every row has."""
    row: Row = {
        "order_id": order.order_id,
        "order_status": _status(order),
        "timestamp": to_rfc3339(time, 9),
    }
    if order.request.cl_ord_id is not None:
        row["cl_ord_id"] = order.request.cl_ord_id
    return row


def _status(order: PaperOrder) -> str:
    """Return the state in the exchange's words, which has none for an unknown outcome."""
    if not order.is_open:
        return _ENDS[order.state]
    if not order.started:
        return "pending_new"
    return "partially_filled" if order.filled else "new"


def _terms(account: PaperAccount, order: PaperOrder) -> Row:
    request, precision = order.request, _precision(account, order)
    row: Row = {
        "symbol": request.symbol,
        "side": _SIDES[request.side],
        "order_type": request.order_type.value,
        "order_qty": precision.qty_decimal(request.qty),
        "time_in_force": request.time_in_force.value,
        **_prices(precision, order),
    }
    if request.post_only:
        row["post_only"] = True
    if request.display_qty is not None:
        row["display_qty"] = precision.qty_decimal(request.display_qty)
    if request.order_type.waits:
        row["triggers"] = _triggers(account, order)
    if request.expire_at is not None:
        row["expire_time"] = to_rfc3339(request.expire_at, 6)
    if order.ref_id is not None:
        row["ord_ref_id"] = order.ref_id
    if request.close is not None:
        row["contingent"] = {"order_type": request.close.order_type.value}
    return row


def _prices(precision: Precision, order: PaperOrder) -> Row:
    request = order.request
    row: Row = {}
    if request.price is not None:
        row["limit_price"] = precision.price_decimal(request.price)
    if request.trigger_price is not None and request.trail is None:
        price = precision.price_decimal(request.trigger_price)
        row["triggers"] = {"price": price}
    return row


def _triggers(account: PaperAccount, order: PaperOrder) -> Row:
    """Return the trigger; of an order that trails its distance, and where it stands now."""
    precision, trail = _precision(account, order), order.request.trail
    stands = precision.price_decimal(order.request.trigger_price or 0)
    row: Row = {"price": stands, "price_type": "static"}
    if trail is not None:
        distance = trail.distance
        by = distance.by if distance.percent else distance.by.scaleb(-precision.price)
        row = {"price": by, "price_type": "pct" if distance.percent else "quote"}
        if order.request.trigger_price is not None:
            row["actual_price"] = stands
    return row | {
        "reference": "last",
        "status": "triggered" if order.triggered else "untriggered",
    }


def _progress(account: PaperAccount, order: PaperOrder) -> Row:
    precision, filled = _precision(account, order), order.filled
    average = (2 * order.notional + filled) // (2 * filled) if filled else 0
    return {
        "cum_qty": precision.qty_decimal(filled),
        "cum_cost": precision.cost_decimal(order.notional, 1) if filled else Decimal(0),
        "avg_price": precision.price_decimal(average),
    }


def _precision(account: PaperAccount, order: PaperOrder) -> Precision:
    return account.instruments[order.request.symbol].precision
