"""Requests that place, change and cancel orders, and the exchange's answers to them.

Prices and quantities are `Decimal` and must fit the instrument. Instants are ns since the
Unix epoch. A `Side.BID` buys, a `Side.ASK` sells.

Sources: docs.kraken.com/api/docs/rest-api/ add-order, add-order-batch, amend-order,
edit-order, cancel-order, cancel-order-batch, cancel-all-orders, cancel-all-orders-after
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

from kracked import times
from kracked.protocol.events import Side
from kracked.protocol.order_terms import OrderType, SelfTrade, TimeInForce, Trigger
from kracked.rest.encoding import BadOrder, RelativePrice, fields


class OrderFlag(StrEnum):
    """A flag of an order."""

    POST = "post"
    """Never take liquidity; limit orders only."""
    FEE_IN_BASE = "fcib"
    FEE_IN_QUOTE = "fciq"
    VOLUME_IN_QUOTE = "viqc"
    """The volume is in the quote currency; market buys without margin only."""


Price = Decimal | RelativePrice

_PRICES = {
    OrderType.MARKET: (False, False),
    OrderType.SETTLE_POSITION: (False, False),
    OrderType.LIMIT: (True, False),
    OrderType.ICEBERG: (True, False),
    OrderType.STOP_LOSS: (True, False),
    OrderType.TAKE_PROFIT: (True, False),
    OrderType.TRAILING_STOP: (True, False),
    OrderType.STOP_LOSS_LIMIT: (True, True),
    OrderType.TAKE_PROFIT_LIMIT: (True, True),
    OrderType.TRAILING_STOP_LIMIT: (True, True),
}
"""Whether the type takes `price` and `price2`."""


class ConditionalClose(
    msgspec.Struct, frozen=True, kw_only=True, rename={"order_type": "ordertype"}
):
    """An opposite order that the exchange places for each fill of the first.

    Raises:
        BadOrder: Its prices and its type do not go together.
    """

    order_type: OrderType
    price: Price | None = None
    price2: Price | None = None

    def __post_init__(self) -> None:
        if self.order_type in (OrderType.MARKET, OrderType.SETTLE_POSITION):
            raise BadOrder(f"an order cannot be closed by a {self.order_type} order")
        if problem := _price_problem(self):
            raise BadOrder(f"{problem}, also as a close")


class AddOrder(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename={
        "order_type": "ordertype",
        "side": "type",
        "display_volume": "displayvol",
        "self_trade": "stptype",
        "flags": "oflags",
        "time_in_force": "timeinforce",
    },
):
    """One order.

    Raises:
        BadOrder: Prices, flags and type do not go together.
    """

    order_type: OrderType
    side: Side
    volume: Decimal
    """In the base currency; 0 only to settle a whole margin position."""
    price: Price | None = None
    """The limit of `limit` and `iceberg`, the trigger of the triggered types, and the distance
    (a `RelativePrice` with ``+``) of the trailing ones."""
    price2: Price | None = None
    """The limit of the types that end in ``-limit``."""
    trigger: Trigger | None = None
    """The price that triggers it; the last trade by default."""
    display_volume: Decimal | None = None
    """Icebergs only: at least a fifteenth of `volume`."""
    leverage: int | None = None
    reduce_only: bool = False
    self_trade: SelfTrade | None = None
    flags: tuple[OrderFlag, ...] = ()
    time_in_force: TimeInForce | None = None
    starts: int | None = None
    """When it is activated, sent in whole seconds."""
    expires: int | None = None
    """Good-till-date: the instant, sent in whole seconds."""
    expires_in_s: int | None = None
    """Good-till-date, in place of `expires`: seconds from now by the exchange's clock."""
    close: ConditionalClose | None = None
    userref: int | None = None
    cl_ord_id: str | None = None

    def __post_init__(self) -> None:
        if problem := _price_problem(self) or _terms_problem(self):
            raise BadOrder(problem)

    def members(self) -> dict[str, object]:
        """Return the members on the wire, with the conditional close nested as in a batch."""
        members = fields(self)
        for name in ("starts", "expires", "expires_in_s"):
            members.pop(name, None)
        if self.flags:
            members["oflags"] = ",".join(self.flags)
        if self.leverage is not None:
            members["leverage"] = str(self.leverage)
        if self.starts is not None:
            members["starttm"] = str(self.starts // times.NS_PER_S)
        if self.expires is not None:
            members["expiretm"] = str(self.expires // times.NS_PER_S)
        if self.expires_in_s is not None:
            members["expiretm"] = f"+{self.expires_in_s}"
        return members

    def flat(self) -> dict[str, object]:
        """Return the members on the wire, with the conditional close in flat keys for AddOrder."""
        members = self.members()
        close = {} if self.close is None else fields(self.close)
        members.pop("close", None)
        return {**members, **{f"close[{name}]": value for name, value in close.items()}}


def _price_problem(order: AddOrder | ConditionalClose) -> str | None:
    kind = order.order_type
    for name, value, takes in zip(
        ("price", "price2"), (order.price, order.price2), _PRICES[kind], strict=True
    ):
        if takes and value is None:
            return f"a {kind} order needs {name}"
        if not takes and value is not None:
            return f"a {kind} order takes no {name}; leave it out"
    if not kind.trails:
        return None
    if not (isinstance(order.price, RelativePrice) and order.price.sign == "+"):
        return f"the price of a {kind} order is a distance; give a RelativePrice with +"
    second = order.price2
    if second is None or (isinstance(second, RelativePrice) and second.sign in ("+", "-")):
        return None
    return f"the price2 of a {kind} order counts from its trigger: a RelativePrice with + or -"


def _terms_problem(order: AddOrder) -> str | None:
    """Say which flag, time or name does not go with the order; None where all do."""
    kind, flags, named = order.order_type, order.flags, order.cl_ord_id is not None
    ends = (order.expires is not None) + (order.expires_in_s is not None)
    problems = {
        f"only limit orders can be post-only, not {kind} orders": OrderFlag.POST in flags
        and kind is not OrderType.LIMIT,
        "a volume in the quote currency is for market orders only": (
            OrderFlag.VOLUME_IN_QUOTE in flags and kind is not OrderType.MARKET
        ),
        "a fee is paid in the base or in the quote currency, not in both": (
            OrderFlag.FEE_IN_BASE in flags and OrderFlag.FEE_IN_QUOTE in flags
        ),
        "display_volume belongs to iceberg orders, and they need it": (
            (order.display_volume is not None) != (kind is OrderType.ICEBERG)
        ),
        "an expiry belongs to good-till-date orders, and they need it": (
            bool(ends) != (order.time_in_force is TimeInForce.GTD)
        ),
        "an order expires at an instant or after a while, not both": ends > 1,
        "an order carries cl_ord_id or userref, not both": named and order.userref is not None,
        "an order with a conditional close takes no cl_ord_id; name it by a userref": (
            named and order.close is not None
        ),
    }
    return next((problem for problem, applies in problems.items() if applies), None)


def add_members(
    order: AddOrder, pair: str, deadline: int | None, *, validate: bool
) -> dict[str, object]:
    """Return the body of AddOrder."""
    return {**order.flat(), "pair": pair, **sending(deadline, validate=validate)}


def batch_members(
    orders: tuple[AddOrder, ...], pair: str, deadline: int | None, *, validate: bool
) -> dict[str, object]:
    """Return the body of AddOrderBatch.

    Raises:
        BadOrder: There are not 2 to 15 orders.
    """
    if not 2 <= len(orders) <= 15:
        raise BadOrder(f"a batch holds 2 to 15 orders, not {len(orders)}")
    each = [order.members() for order in orders]
    return {"pair": pair, "orders": each, **sending(deadline, validate=validate)}


def client_names(*orders: AddOrder) -> set[object]:
    """Return the names by which a cancel may mean these orders before they have a txid."""
    names = (name for order in orders for name in (order.cl_ord_id, order.userref))
    return {name for name in names if name is not None}


def sending(deadline: int | None, *, validate: bool = False) -> dict[str, object]:
    """Return the members of every write: its deadline, and whether it is only validated."""
    members: dict[str, object] = {}
    if deadline is not None:
        members["deadline"] = times.to_rfc3339(deadline, 3)
    if validate:
        members["validate"] = True
    return members


class OrderRef(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The name of an order: the exchange's id or the client's.

    Raises:
        BadOrder: Both are given, or neither.
    """

    txid: str | int | None = None
    """The exchange's id; a cancel also takes a `userref`, for every order that carries it."""
    cl_ord_id: str | None = None
    """The client's id."""

    def __post_init__(self) -> None:
        if (self.txid is None) == (self.cl_ord_id is None):
            raise BadOrder("name an order by its txid or by its cl_ord_id, one of the two")


class AmendOrder(msgspec.Struct, frozen=True, kw_only=True):
    """The changes of an open order; None leaves a term as it is."""

    order_qty: Decimal | None = None
    """The new total, not the remainder."""
    display_qty: Decimal | None = None
    limit_price: Price | None = None
    trigger_price: Price | None = None
    post_only: bool = False
    """Refuse a price that would take liquidity."""


class EditOrder(msgspec.Struct, frozen=True, kw_only=True, rename={"display_volume": "displayvol"}):
    """A replacement of an order by a new one, with a new id and without its place in the queue."""

    txid: str
    volume: Decimal | None = None
    display_volume: Decimal | None = None
    price: Price | None = None
    price2: Price | None = None
    oflags: str | None = None
    """`post` or nothing: the flag of the old order is not taken over."""
    userref: int | None = None
    cancel_response: bool = False
    """Whether to answer only when the old order is gone."""


# --- replies ------------------------------------------------------------------------


class Description(msgspec.Struct, frozen=True):
    """The exchange's own words for an order."""

    order: str = ""
    close: str = ""


class Added(msgspec.Struct, frozen=True):
    """An order was accepted; `txid` is empty when it was only validated."""

    descr: Description = Description()
    txid: tuple[str, ...] = ()


class BatchAdded(msgspec.Struct, frozen=True):
    """One order of a batch: accepted under `txid`, or refused with `error`."""

    txid: str | None = None
    error: str | None = None
    descr: Description = Description()
    close: str = ""


class BatchReply(msgspec.Struct, frozen=True):
    """The answer to a batch."""

    orders: tuple[BatchAdded, ...]
    """In the order of the request."""


class Amended(msgspec.Struct, frozen=True):
    """An amend was accepted. A reply without its id is none to an amend."""

    amend_id: str
    """Empty on some of the exchange's gateways."""


class Edited(msgspec.Struct, frozen=True):
    """An order was replaced by a new one."""

    txid: str = ""
    originaltxid: str = ""
    status: str = "ok"
    orders_cancelled: int = 0
    descr: Description = Description()
    error_message: str | None = None


class Cancelled(msgspec.Struct, frozen=True):
    """The answer to a cancel. A reply without a count is none to a cancel."""

    count: int
    """Orders that it cancelled."""
    pending: bool = False
    """Whether the cancel is still on its way."""


class CancelAllTimer(
    msgspec.Struct, frozen=True, rename={"current": "currentTime", "trigger": "triggerTime"}
):
    """The timer that cancels every order unless it is set again."""

    current: str
    """The exchange's time, RFC 3339."""
    trigger: str
    """When it fires, RFC 3339; ``0`` when it is stopped."""

    @property
    def remaining_ns(self) -> int | None:
        """The time until it fires, by the exchange's own clock; None when it is stopped."""
        if self.trigger in ("", "0"):
            return None
        return times.parse_ns(self.trigger) - times.parse_ns(self.current)
