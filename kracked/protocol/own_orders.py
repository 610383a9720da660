"""Own orders and fills, merged from the executions channel. Pure, and the only place that merges.

Updates are deltas: only an order's first report names its symbol, side and price, so
reports are kept by order id and merged. A snapshot replaces what was open. Orders
placed elsewhere, by hand or by another program, are here as well.

Source: docs.kraken.com/api/docs/websocket-v2/executions
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TypeVar

import msgspec

from kracked.errors import ProtocolError
from kracked.protocol.events import Executions, Side
from kracked.times import parse_ns, to_rfc3339

ZERO = Decimal(0)
_FURTHEST = 40
"""Powers of ten an amount may lie from one; past that it is none, and endless to write out."""
MAX_CLOSED = 500
CLOSED = frozenset(("filled", "canceled", "expired"))
"""The `order_status` of an order that is over; any other, known or not, is open."""
_PLACED = frozenset(("pending_new", "new", "amended"))
"""What the rate limit's age runs from; the engine's own changes are not among them."""
_SIDES = {"buy": Side.BID, "sell": Side.ASK}
_WORDS = {side: word for word, side in _SIDES.items()}
_PROGRESS = ("cum_qty", "cum_cost", "avg_price")


class Fee(msgspec.Struct, frozen=True):
    asset: str
    qty: Decimal


class Triggers(msgspec.Struct, frozen=True, omit_defaults=True):
    """What sets a waiting order off."""

    price: Decimal | None = None
    """A price, or a trailing order's distance: `price_type` says which."""
    price_type: str = "static"
    """`static`, `pct` or `quote`."""
    status: str = ""
    """`untriggered` or `triggered`."""
    reference: str = "last"
    actual_price: Decimal | None = None
    """Where a trailing order goes off as the market stands."""
    peak_price: Decimal | None = None


class OwnOrder(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One order of the account. Amounts are exact decimals, as the exchange wrote them."""

    order_id: str
    order_status: str
    """`pending_new`, `new`, `partially_filled`; of a closed one `filled`, `canceled`, `expired`."""
    cl_ord_id: str | None = None
    order_userref: int | None = None
    ord_ref_id: str | None = None
    """The order whose conditional close this is."""
    symbol: str = ""
    """Empty when the stream began in the middle of the order's life: look it up."""
    side: Side | None = None
    order_type: str = ""
    order_qty: Decimal = ZERO
    limit_price: Decimal | None = None
    triggers: Triggers = Triggers()
    display_qty: Decimal | None = None
    display_qty_remain: Decimal | None = None
    time_in_force: str = ""
    expire_time: str | None = None
    post_only: bool = False
    reduce_only: bool = False
    contingent: Mapping[str, object] | None = None
    """The conditional close it carries, by the exchange's names."""
    cum_qty: Decimal = ZERO
    cum_cost: Decimal = ZERO
    avg_price: Decimal = ZERO
    reason: str = ""
    """Why the last report came, in the exchange's words."""
    timestamp: str = ""
    touched: int = 0
    """When it was placed or last amended, ns since the Unix epoch: the rate limit's age."""

    @property
    def remaining(self) -> Decimal:
        return self.order_qty - self.cum_qty

    @property
    def is_open(self) -> bool:
        return self.order_status not in CLOSED

    @property
    def trigger_price(self) -> Decimal | None:
        """Where it goes off; None for an order that waits for nothing."""
        triggers = self.triggers
        return triggers.price if triggers.price_type == "static" else triggers.actual_price


class Fill(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
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


_Known = TypeVar("_Known", bound=msgspec.Struct)


class OwnOrders:
    """Owner of the open orders and the latest closed ones; changes by `apply` alone."""

    def __init__(self) -> None:
        self.open: dict[str, OwnOrder] = {}
        """By order id."""
        self.closed: dict[str, OwnOrder] = {}
        """By order id, the one that ended first first."""
        self.unreadable = 0
        """Reports that were not what the documentation promises."""

    def __iter__(self) -> Iterator[OwnOrder]:
        return iter(tuple(self.open.values()))

    def __len__(self) -> int:
        return len(self.open)

    def __contains__(self, order_id: object) -> bool:
        return order_id in self.open

    def get(self, order_id: str) -> OwnOrder | None:
        return self.open.get(order_id)

    def of(self, symbol: str) -> list[OwnOrder]:
        """Those of one pair."""
        return [order for order in self if order.symbol == symbol]

    def apply(self, event: Executions) -> None:
        """Takes every report; one that cannot be read is counted and changes nothing."""
        if event.snapshot and event.sequence in (None, 1):  # a later one continues the first
            self.open.clear()
        for report in event.reports:
            try:
                self._merge(report, event.snapshot)
            except (msgspec.ValidationError, ProtocolError):
                self.unreadable += 1

    def _merge(self, report: Mapping[str, object], snapshot: bool) -> None:
        if is_past(report, snapshot=snapshot):
            return
        order_id = str(report.get("order_id", ""))
        if order_id in self.closed and not snapshot:
            return  # late words about an order that is over
        order = merged(self.open.get(order_id), report)
        if order.is_open:
            self.closed.pop(order_id, None)
            self.open[order_id] = order
            return
        self.open.pop(order_id, None)
        self.closed[order_id] = order
        while len(self.closed) > MAX_CLOSED:
            del self.closed[next(iter(self.closed))]


def is_past(report: Mapping[str, object], *, snapshot: bool) -> bool:
    """Whether the report is a fill of the past, which says nothing of what its order is now."""
    return report.get("exec_type") == "trade" and (snapshot or "cum_qty" not in report)


def merged(old: OwnOrder | None, report: Mapping[str, object]) -> OwnOrder:
    """The order after this report; what the report leaves out stays.

    Raises msgspec's `ValidationError` or `ProtocolError` for what cannot be read.
    """
    told = {name: value for name, value in report.items() if name in _FIELDS and value is not None}
    # An old reason must not explain a new state; older servers say `cancel_reason`.
    told["reason"] = report.get("reason") or report.get("cancel_reason") or ""
    if old is None or not old.touched or report.get("exec_type") in _PLACED:
        told["touched"] = parse_ns(str(report.get("timestamp")))
    told.update(side_of(report, old))
    new = read({"order_status": "new", **told}, OwnOrder)
    if old is None:
        return new
    if isinstance(moved := told.get("triggers"), Mapping):  # it may name only what moved
        named = {name: getattr(new.triggers, name) for name in _TRIGGERS if name in moved}
        triggers = msgspec.structs.replace(old.triggers, **named)
        new = msgspec.structs.replace(new, triggers=triggers)
    # What is filled only rises: a report that says less is late.
    late = _PROGRESS if new.cum_qty < old.cum_qty else ()
    changes = {name: getattr(new, name) for name in told if name not in late}
    return msgspec.structs.replace(old, **changes)


def read(told: Mapping[str, object], kind: type[_Known]) -> _Known:
    """What a report says, as one of ours.

    Raises msgspec's `ValidationError`, or `ProtocolError` for an amount that is none.
    """
    known = msgspec.convert(told, kind)
    for amount in _amounts(known):
        if not is_amount(amount):
            raise ProtocolError(f"{amount} is no amount")
    return known


def is_amount(value: object) -> bool:
    """Whether this is a number, finite and of a size that can be."""
    if isinstance(value, bool) or not isinstance(value, Decimal | int):
        return False
    number = Decimal(value)
    return number.is_finite() and abs(number.adjusted()) <= _FURTHEST


def _amounts(known: object) -> Iterator[Decimal]:
    """Every decimal in it, those of its parts included."""
    match known:
        case Decimal():
            yield known
        case msgspec.Struct():
            for name in known.__struct_fields__:
                yield from _amounts(getattr(known, name))
        case tuple():
            for part in known:
                yield from _amounts(part)


def side_of(report: Mapping[str, object], known: OwnOrder | None) -> dict[str, Side]:
    """Ours for the exchange's `buy` and `sell`; that of the known order where none is named."""
    side = _SIDES.get(str(report.get("side")))
    side = side or (known.side if known else None)
    return {"side": side} if side else {}


def open_report(order: OwnOrder) -> dict[str, object]:
    """The report a snapshot makes of an open order: `merged` makes the same order of it.

    Its time is that of `touched`, as the exchange has it there.
    """
    report = _told(order) | {"exec_type": "new", "timestamp": to_rfc3339(order.touched, 9)}
    del report["touched"]
    return report


def fill_report(fill: Fill) -> dict[str, object]:
    """The report a snapshot makes of a fill."""
    return _told(fill) | {"exec_type": "trade", "order_status": "filled"}


def _told(known: OwnOrder | Fill) -> dict[str, object]:
    """Its members in the exchange's words."""
    members: dict[str, object] = msgspec.to_builtins(known, builtin_types=(Decimal,))
    return members | ({"side": _WORDS[known.side]} if known.side else {})


_TRIGGERS = Triggers.__struct_fields__
_FIELDS = frozenset(OwnOrder.__struct_fields__) - {"side", "touched", "reason"}
