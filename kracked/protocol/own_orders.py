"""Own orders and fills, merged from the executions channel. Pure, and the only place that merges.

Updates are deltas: only the first report of an order names its symbol, side and price, so
reports are merged by order id. A snapshot replaces the open orders. Orders that were placed
elsewhere, by hand or by another program, are included.

Source: docs.kraken.com/api/docs/websocket-v2/executions
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TypeVar

import msgspec

from kracked.errors import ProtocolError
from kracked.protocol.events import Executions, Side
from kracked.protocol.replies import UNREADABLE
from kracked.times import parse_ns, to_rfc3339

ZERO = Decimal(0)
_MAX_EXPONENT = 40
"""Powers of ten that an amount may lie from one; beyond that it is no amount."""
MAX_CLOSED = 500
"""Closed orders that are retained."""
CLOSED = frozenset(("filled", "canceled", "expired"))
"""The `order_status` of an order that is over; any other, known or not, is open."""
_PLACED = frozenset(("pending_new", "new", "amended"))
"""The reports that start the age of the rate limit; the engine's own changes do not."""
_SIDES = {"buy": Side.BID, "sell": Side.ASK}
_WORDS = {side: word for word, side in _SIDES.items()}
_PROGRESS = ("cum_qty", "cum_cost", "avg_price")


class Fee(msgspec.Struct, frozen=True):
    """A fee that was paid."""

    asset: str
    qty: Decimal


class Triggers(msgspec.Struct, frozen=True, omit_defaults=True):
    """The trigger of a waiting order."""

    price: Decimal | None = None
    """A price, or a trailing order's distance, by `price_type`."""
    price_type: str = "static"
    """`static`: a price; `pct` or `quote`: a distance in percent or in the quote currency."""
    status: str = ""
    """`untriggered` or `triggered`."""
    reference: str = "last"
    """The price that triggers: `last` or `index`."""
    actual_price: Decimal | None = None
    """The price at which a trailing order would be triggered now."""
    peak_price: Decimal | None = None
    """The best price that a trailing order has seen."""


class QueuePlace(msgspec.Struct, frozen=True, omit_defaults=True):
    """What stands ahead of a resting order, as `kracked paper` tells it; Kraken does not.

    All is None where the place is not known.
    """

    limit_price: Decimal | None = None
    """The price at which it rests."""
    qty_ahead_least: Decimal | None = None
    """At best so much is ahead; the same as at most where level 3 tells the queue."""
    qty_ahead_most: Decimal | None = None
    """At worst so much is ahead; None while the level has not been told."""


class OwnOrder(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One order of the account. Amounts are exact decimals, as the exchange wrote them."""

    order_id: str
    order_status: str
    """Open: `pending_new`, `new`, `partially_filled`; closed: `filled`, `canceled`, `expired`."""
    cl_ord_id: str | None = None
    order_userref: int | None = None
    ord_ref_id: str | None = None
    """The order whose conditional close this is."""
    symbol: str = ""
    """Empty when the stream began in the middle of the order's life: look it up by REST."""
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
    """Its conditional close, by the exchange's names."""
    queue_place: QueuePlace | None = None
    """Its place in the queue, on paper alone; None where none was told."""
    cum_qty: Decimal = ZERO
    cum_cost: Decimal = ZERO
    avg_price: Decimal = ZERO
    reason: str = ""
    """The reason of the last report, in the exchange's words."""
    timestamp: str = ""
    """The time of the last report, RFC 3339."""
    touched: int = 0
    """When it was placed or last amended, ns since the Unix epoch: its age for the rate limit."""

    @property
    def remaining(self) -> Decimal:
        """The quantity that is not filled."""
        return self.order_qty - self.cum_qty

    @property
    def is_open(self) -> bool:
        """Whether it is not over."""
        return self.order_status not in CLOSED

    @property
    def trigger_price(self) -> Decimal | None:
        """The price at which it is triggered; None for an order without a trigger."""
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
        """ns since the Unix epoch."""
        return parse_ns(self.timestamp)


_Known = TypeVar("_Known", bound=msgspec.Struct)


class OwnOrders:
    """Owner of the open orders and the latest closed ones; changes by `apply` alone.

    It iterates over the open orders.
    """

    def __init__(self) -> None:
        self.open: dict[str, OwnOrder] = {}
        """Open orders by order id."""
        self.closed: dict[str, OwnOrder] = {}
        """The latest closed orders by order id, oldest first."""
        self.unreadable = 0
        """Reports that were not what the documentation promises."""

    def __iter__(self) -> Iterator[OwnOrder]:
        """Iterate over a copy of the open orders."""
        return iter(tuple(self.open.values()))

    def __len__(self) -> int:
        """Return the number of open orders."""
        return len(self.open)

    def __contains__(self, order_id: object) -> bool:
        """Whether an order is open."""
        return order_id in self.open

    def get(self, order_id: str) -> OwnOrder | None:
        """Return an open order; None when it is not open."""
        return self.open.get(order_id)

    def of(self, symbol: str) -> list[OwnOrder]:
        """Return the open orders of one pair."""
        return [order for order in self if order.symbol == symbol]

    def apply(self, event: Executions) -> None:
        """Merge every report; one that cannot be read is counted and changes nothing."""
        if event.snapshot and event.sequence in (None, 1):  # a later one continues the first
            self.open.clear()
        for report in event.reports:
            try:
                self._merge(report, event.snapshot)
            except UNREADABLE:
                self.unreadable += 1

    def _merge(self, report: Mapping[str, object], snapshot: bool) -> None:
        if is_past(report, snapshot=snapshot):
            return
        order_id = text_of(report, "order_id")
        if order_id in self.closed and not snapshot:
            return  # a late report about an order that is over
        order = merged(self.open.get(order_id), report)
        if order.is_open:
            self.closed.pop(order_id, None)
            self.open[order_id] = order
            return
        self.open.pop(order_id, None)
        self.closed[order_id] = order
        while len(self.closed) > MAX_CLOSED:
            del self.closed[next(iter(self.closed))]


def own_ids(event: Executions) -> Iterator[tuple[str, str]]:
    """Iterate symbol and id of the orders whose reports name both, as the first ones do."""
    for report in event.reports:
        symbol, order_id = text_of(report, "symbol"), text_of(report, "order_id")
        if symbol and order_id:
            yield symbol, order_id


def text_of(report: Mapping[str, object], member: str) -> str:
    """Return a member of a report; empty where it is missing or no text."""
    value = report.get(member)
    return value if isinstance(value, str) else ""


def is_past(report: Mapping[str, object], *, snapshot: bool) -> bool:
    """Whether the report is an old fill, which says nothing about the order's state now."""
    return report.get("exec_type") == "trade" and (snapshot or "cum_qty" not in report)


def merged(old: OwnOrder | None, report: Mapping[str, object]) -> OwnOrder:
    """Return the order after a report; members that the report leaves out stay.

    Args:
        old: The order before; None when this is its first report.
        report: The exchange's own object.

    Raises:
        msgspec.ValidationError: A member has the wrong type.
        ProtocolError: A time or an amount cannot be read.
    """
    members = {
        name: value for name, value in report.items() if name in _FIELDS and value is not None
    }
    # An old reason must not explain a new state; older servers say `cancel_reason`.
    members["reason"] = text_of(report, "reason") or text_of(report, "cancel_reason")
    if old is None or not old.touched or text_of(report, "exec_type") in _PLACED:
        members["touched"] = parse_ns(str(report.get("timestamp")))
    members.update(side_of(report, old))
    new = read({"order_status": "new", **members}, OwnOrder)
    if old is None:
        return new
    if isinstance(moved := members.get("triggers"), Mapping):  # it may name only what moved
        named = {name: getattr(new.triggers, name) for name in _TRIGGERS if name in moved}
        triggers = msgspec.structs.replace(old.triggers, **named)
        new = msgspec.structs.replace(new, triggers=triggers)
    # The filled quantity only rises: a report with less is late.
    late = _PROGRESS if new.cum_qty < old.cum_qty else ()
    changes = {name: getattr(new, name) for name in members if name not in late}
    return msgspec.structs.replace(old, **changes)


def read(members: Mapping[str, object], kind: type[_Known]) -> _Known:
    """Return the members of a report as an order or a fill; null is the same as left out.

    Raises:
        msgspec.ValidationError: A member has the wrong type.
        ProtocolError: An amount is no number, or of an absurd size.
    """
    known = msgspec.convert(_present(members), kind)
    for amount in _amounts(known):
        if not is_amount(amount):
            raise ProtocolError(f"{amount} is no amount")
    return known


def _present(value: object) -> object:
    """Return an object of the exchange without the members that are null, at any depth."""
    if isinstance(value, Mapping):
        return {name: _present(part) for name, part in value.items() if part is not None}
    return [_present(part) for part in value] if isinstance(value, list) else value


def is_amount(value: object) -> bool:
    """Whether this is a finite number of a possible size."""
    if isinstance(value, bool) or not isinstance(value, Decimal | int):
        return False
    number = Decimal(value)
    return number.is_finite() and abs(number.adjusted()) <= _MAX_EXPONENT


def _amounts(known: object) -> Iterator[Decimal]:
    """Iterate over every decimal of a value and of its parts."""
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
    """Return the side that a report names, else that of the known order; empty without one."""
    side = _SIDES.get(str(report.get("side")))
    side = side or (known.side if known else None)
    return {"side": side} if side else {}


def open_report(order: OwnOrder) -> dict[str, object]:
    """Return the report of an open order in a snapshot: `merged` makes the same order of it.

    Its time is that of `touched`, as in the exchange's own snapshots.
    """
    report = _members(order) | {"exec_type": "new", "timestamp": to_rfc3339(order.touched, 9)}
    del report["touched"]
    return report


def fill_report(fill: Fill) -> dict[str, object]:
    """Return the report of a fill in a snapshot."""
    return _members(fill) | {"exec_type": "trade", "order_status": "filled"}


def _members(known: OwnOrder | Fill) -> dict[str, object]:
    """Return the members of an order or a fill by the exchange's names."""
    members: dict[str, object] = msgspec.to_builtins(known, builtin_types=(Decimal,))
    return members | ({"side": _WORDS[known.side]} if known.side else {})


_TRIGGERS = Triggers.__struct_fields__
_FIELDS = frozenset(OwnOrder.__struct_fields__) - {"side", "touched", "reason"}
