"""The account's working orders, as the executions channel tells them. Pure.

Updates are deltas: only the first report of an order names its symbol, side and
price, so rows are kept by order id and merged. A snapshot replaces everything. Orders
placed elsewhere, by hand or by another program, are here as well.

Source: docs.kraken.com/api/docs/websocket-v2/executions
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

import msgspec

from kracked.errors import ProtocolError
from kracked.protocol.events import Executions, Side
from kracked.times import parse_ns

ZERO = Decimal(0)
_OPEN = frozenset({"pending_new", "new", "partially_filled"})
_TOUCHING = frozenset({"pending_new", "new", "amended"})


class WorkingOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One open order."""

    order_id: str
    cl_ord_id: str | None = None
    symbol: str = ""
    """Empty when the stream began in the middle of the order's life."""
    side: Side | None = None
    order_type: str = ""
    order_qty: Decimal = ZERO
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None
    cum_qty: Decimal = ZERO
    avg_price: Decimal = ZERO
    post_only: bool = False
    status: str = "new"
    """The exchange's `order_status`."""
    touched: int = 0
    """When it was placed or last amended, ns since the Unix epoch: the rate limit's age."""

    @property
    def remaining(self) -> Decimal:
        return self.order_qty - self.cum_qty


def keeps_place(
    order: WorkingOrder, *, qty: Decimal | None = None, price: Decimal | None = None
) -> bool:
    """Whether an amend to this total quantity or limit price leaves the order where it queues.

    Source: docs.kraken.com/api/docs/guides/spot-amends
    """
    moves = price is not None and order.limit_price is not None and price != order.limit_price
    return not moves and (qty is None or qty <= order.order_qty)


class WorkingOrders:
    """Owner of the table. Changes by `apply` alone."""

    def __init__(self) -> None:
        self._orders: dict[str, WorkingOrder] = {}

    def __iter__(self) -> Iterator[WorkingOrder]:
        return iter(tuple(self._orders.values()))

    def __len__(self) -> int:
        return len(self._orders)

    def __contains__(self, order_id: object) -> bool:
        return order_id in self._orders

    def get(self, order_id: str) -> WorkingOrder | None:
        return self._orders.get(order_id)

    def of(self, symbol: str) -> list[WorkingOrder]:
        """Those of one pair."""
        return [order for order in self if order.symbol == symbol]

    def apply(self, event: Executions) -> None:
        if event.snapshot:
            self._orders = {}
        for report in event.reports:
            self._merge(report)

    def _merge(self, report: Mapping[str, object]) -> None:
        order_id = str(report.get("order_id"))
        status = str(report.get("order_status"))
        if report.get("exec_type") == "trade" and "cum_qty" not in report:
            return  # a past fill
        if status not in _OPEN:
            self._orders.pop(order_id, None)
            return
        old = self._orders.get(order_id) or WorkingOrder(order_id=order_id)
        changes: dict[str, object] = {"status": status}
        for name in ("cl_ord_id", "symbol", "order_type", "post_only"):
            if name in report:
                changes[name] = report[name]
        for name in ("order_qty", "limit_price", "cum_qty", "avg_price"):
            if name in report:
                changes[name] = Decimal(str(report[name]))
        self._orders[order_id] = msgspec.structs.replace(
            old, **changes, **_side(report), **_trigger(report), **_touched(old, report)
        )


def _side(report: Mapping[str, object]) -> dict[str, Side]:
    side = report.get("side")
    return {"side": Side.BID if side == "buy" else Side.ASK} if side else {}


def _trigger(report: Mapping[str, object]) -> dict[str, Decimal]:
    triggers = report.get("triggers")
    price = triggers.get("price") if isinstance(triggers, dict) else None
    return {} if price is None else {"trigger_price": Decimal(str(price))}


def _touched(old: WorkingOrder, report: Mapping[str, object]) -> dict[str, int]:
    if old.touched and report.get("exec_type") not in _TOUCHING:
        return {}
    try:
        return {"touched": parse_ns(str(report.get("timestamp")))}
    except ProtocolError:
        return {}
