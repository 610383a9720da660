"""The account as its streams tell it: open orders, fills and balances merged into one state.

Updates are deltas: only an order's first report names its symbol, side and price, so
reports are kept by order id and merged. A snapshot replaces what was there. While a
stream is down or has a hole its half of the account is not `known`, and must not be
traded on. Pure: no clock, no I/O.

Sources: docs.kraken.com/api/docs/websocket-v2/executions and .../balances
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from decimal import Decimal

import msgspec

from kracked.errors import ProtocolError
from kracked.protocol.events import Balances, Executions, Side
from kracked.times import parse_ns

ZERO = Decimal(0)
CLOSED = frozenset(("filled", "canceled", "expired"))
"""The `order_status` of an order that is over; any other, known or not, is open."""
_PLACED = frozenset(("pending_new", "new", "amended"))
_SIDES = {"buy": Side.BID, "sell": Side.ASK}
KEPT_FILLS, KEPT_CLOSED = 1_000, 500


class Fee(msgspec.Struct, frozen=True):
    asset: str
    qty: Decimal


class Triggers(msgspec.Struct, frozen=True):
    price: Decimal | None = None
    status: str = ""
    """`untriggered` or `triggered`."""


class OwnOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One order of the account. Amounts are exact decimals, as the exchange wrote them."""

    order_id: str
    order_status: str
    """`pending_new`, `new`, `partially_filled`; of a closed one `filled`, `canceled`, `expired`."""
    cl_ord_id: str | None = None
    order_userref: int | None = None
    symbol: str = ""
    """Empty when the stream began in the middle of the order's life: look it up."""
    side: Side | None = None
    order_type: str = ""
    order_qty: Decimal = ZERO
    limit_price: Decimal | None = None
    triggers: Triggers = Triggers()
    display_qty: Decimal | None = None
    time_in_force: str = ""
    expire_time: str | None = None
    post_only: bool = False
    reduce_only: bool = False
    cum_qty: Decimal = ZERO
    cum_cost: Decimal = ZERO
    avg_price: Decimal = ZERO
    reason: str = ""
    timestamp: str = ""
    touched: int = 0
    """When it was placed or last amended, ns since the Unix epoch: the rate limit's age."""

    @property
    def remaining(self) -> Decimal:
        return self.order_qty - self.cum_qty

    @property
    def is_open(self) -> bool:
        return self.order_status not in CLOSED


class Fill(msgspec.Struct, frozen=True, kw_only=True):
    """One trade of an own order."""

    exec_id: str
    order_id: str
    symbol: str
    side: Side
    last_qty: Decimal
    last_price: Decimal
    timestamp: str
    trade_id: int | None = None
    cl_ord_id: str | None = None
    cost: Decimal = ZERO
    liquidity_ind: str = ""
    """`m` maker, `t` taker."""
    fees: tuple[Fee, ...] = ()

    @property
    def exchange_time(self) -> int:
        return parse_ns(self.timestamp)


class Account:
    """Owner of the account's state. Changes by `apply` and `distrust` alone."""

    def __init__(self) -> None:
        self.orders: dict[str, OwnOrder] = {}
        """Open orders by order id, those placed elsewhere included."""
        self.closed: dict[str, OwnOrder] = {}
        """The latest closed ones, oldest first."""
        self.fills: deque[Fill] = deque(maxlen=KEPT_FILLS)
        """The latest, oldest first."""
        self.balances: dict[str, Decimal] = {}
        """Totals by asset, what open orders hold included."""
        self.orders_known = False
        self.balances_known = False
        self.unreadable = 0
        """Reports that were not what the documentation promises."""
        self._executions: set[str] = set()

    @property
    def unexplained(self) -> list[str]:
        """Ids of open orders whose terms the stream never told: ask for them by REST."""
        return [order.order_id for order in self.orders.values() if not order.symbol]

    def of(self, symbol: str) -> list[OwnOrder]:
        """Open orders of one pair."""
        return [order for order in self.orders.values() if order.symbol == symbol]

    def distrust(self, channel: str | None = None) -> None:
        """A stream is down or has a hole: its half is not known until a snapshot comes."""
        if channel in (None, "executions"):
            self.orders_known = False
        if channel in (None, "balances"):
            self.balances_known = False

    def apply(self, event: Executions | Balances) -> None:
        if isinstance(event, Executions):
            self._apply_executions(event)
        else:
            self._apply_balances(event)

    # --- orders -----------------------------------------------------------------------

    def _apply_executions(self, event: Executions) -> None:
        if event.snapshot:
            if event.sequence in (None, 1):  # a later one continues the first
                self.orders.clear()
            self.orders_known = True
        for report in event.reports:
            try:
                self._merge(report, event.snapshot)
            except (msgspec.ValidationError, ProtocolError):
                self.unreadable += 1
                self.orders_known = False

    def _merge(self, report: Mapping[str, object], snapshot: bool) -> None:
        if report.get("exec_type") == "trade":
            self._add_fill(report)
            if snapshot or "cum_qty" not in report:
                return  # a fill of the past says nothing of what the order is now
        order_id = str(report.get("order_id", ""))
        if order_id in self.closed and not snapshot:
            return  # late words about an order that is over
        old = self.orders.get(order_id)
        order = _merged(old, report)
        if order.is_open:
            self.orders[order_id] = order
            return
        self.orders.pop(order_id, None)
        self.closed[order_id] = order
        while len(self.closed) > KEPT_CLOSED:
            del self.closed[next(iter(self.closed))]

    def _add_fill(self, report: Mapping[str, object]) -> None:
        exec_id = report.get("exec_id")
        if exec_id is None or exec_id in self._executions:
            return
        known = self.orders.get(str(report.get("order_id", "")))
        terms = {"symbol": known.symbol, "cl_ord_id": known.cl_ord_id} if known else {}
        fill = msgspec.convert({**terms, **report, **_side(report, known)}, Fill)
        if len(self.fills) == KEPT_FILLS:
            self._executions.discard(self.fills[0].exec_id)
        self._executions.add(fill.exec_id)
        self.fills.append(fill)

    # --- balances ---------------------------------------------------------------------

    def _apply_balances(self, event: Balances) -> None:
        if event.snapshot:
            if event.sequence in (None, 1):
                self.balances.clear()
            self.balances_known = True
        for entry in event.entries:
            asset, balance = entry.get("asset"), entry.get("balance")
            if isinstance(asset, str) and isinstance(balance, Decimal | int):
                self.balances[asset] = Decimal(balance)
            else:
                self.unreadable += 1
                self.balances_known = False


def _merged(old: OwnOrder | None, report: Mapping[str, object]) -> OwnOrder:
    """The order after this report; what the report leaves out stays."""
    told = {name: value for name, value in report.items() if name in _FIELDS and value is not None}
    placed = report.get("exec_type") in _PLACED
    if placed or old is None or not old.touched:
        told["touched"] = parse_ns(str(report.get("timestamp")))
    told.update(_side(report, old))
    new = msgspec.convert({"order_status": "new", **told}, OwnOrder)
    if old is None:
        return new
    return msgspec.structs.replace(old, **{name: getattr(new, name) for name in told})


def _side(report: Mapping[str, object], known: OwnOrder | None) -> dict[str, Side]:
    """Ours for the exchange's `buy` and `sell`."""
    side = _SIDES.get(str(report.get("side")))
    side = side or (known.side if known else None)
    return {"side": side} if side else {}


_FIELDS = frozenset(OwnOrder.__struct_fields__) - {"side", "touched"}
