"""The exchange's answers about own orders: open ones, closed ones, and their history.

Numbers and instants are as in `kracked.rest.account`.

Sources: docs.kraken.com/api/docs/rest-api/ get-open-orders, get-closed-orders, get-order-amends
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

from kracked.rest.account import ZERO, seconds_to_ns
from kracked.times import NS_PER_S


class OrderDescription(
    msgspec.Struct, frozen=True, rename={"side": "type", "order_type": "ordertype"}
):
    """The terms of an order, as the exchange describes them."""

    pair: str = ""
    """The altname, such as ``XBTUSD``."""
    side: str = ""
    """`buy` or `sell`."""
    order_type: str = ""
    price: str = ""
    """Limit or trigger; may be relative text such as ``+1.0%``."""
    price2: str = ""
    """Limit of a type that has a trigger and a limit."""
    leverage: str = "none"
    order: str = ""
    """The order in words."""
    close: str | None = None


class OrderInfo(msgspec.Struct, frozen=True):
    """One order as the query endpoints describe it."""

    status: str
    """`pending`, `open`, `closed` (completely filled), `canceled`, `expired`."""
    descr: OrderDescription = OrderDescription()
    refid: str | None = None
    """The order that made this one; ``None`` may come as that text."""
    userref: int | None = None
    cl_ord_id: str | None = None
    opentm: Decimal = ZERO
    starttm: Decimal = ZERO
    expiretm: Decimal = ZERO
    closetm: Decimal = ZERO
    vol: Decimal = ZERO
    vol_exec: Decimal = ZERO
    cost: Decimal = ZERO
    fee: Decimal = ZERO
    price: Decimal = ZERO
    """Average price of the fills, not the limit."""
    stopprice: Decimal = ZERO
    limitprice: Decimal = ZERO
    trigger: str = "last"
    margin: bool = False
    misc: str = ""
    oflags: str = ""
    trades: tuple[str, ...] = ()
    reason: str | None = None

    @property
    def opened(self) -> int:
        """The time it was placed, ns since the Unix epoch."""
        return seconds_to_ns(self.opentm)

    @property
    def remaining(self) -> Decimal:
        """The quantity that is not filled."""
        return self.vol - self.vol_exec


class OpenOrders(msgspec.Struct, frozen=True):
    """The open orders."""

    open: dict[str, OrderInfo]
    """By order id."""


class OpenOrderTerms(msgspec.Struct, frozen=True):
    """The pair and the side of an open order: what a cancel needs to know."""

    pair: str = ""
    """The altname, such as ``XBTUSD``; empty where the order could not be read."""
    side: str = ""
    """`buy` or `sell`."""


class _OpenRow(msgspec.Struct):
    descr: OrderDescription


class _OpenRows(msgspec.Struct):
    open: dict[str, msgspec.Raw]


def read_open_terms(raw: bytes) -> dict[str, OpenOrderTerms]:
    """Return pair and side of every open order by its id, also of one that cannot be read."""
    found: dict[str, OpenOrderTerms] = {}
    for txid, row in msgspec.json.decode(raw, type=_OpenRows).open.items():
        try:
            descr = msgspec.json.decode(row, type=_OpenRow).descr
        except (msgspec.MsgspecError, RecursionError):
            descr = OrderDescription()
        found[txid] = OpenOrderTerms(descr.pair, descr.side)
    return found


class ClosedOrders(msgspec.Struct, frozen=True):
    """A page of closed orders."""

    closed: dict[str, OrderInfo]
    """By order id, newest first, 50 to a page."""
    count: int = 0
    """Rows of all pages."""


class ClosedBy(StrEnum):
    """The time of an order that a span of closed orders means; by default the exchange's `both`."""

    OPEN = "open"
    CLOSE = "close"
    BOTH = "both"


class AmendInfo(msgspec.Struct, frozen=True):
    """One state in the history of an order."""

    amend_id: str
    amend_type: str
    """`original`, `user`, or `restated` by the engine."""
    order_qty: Decimal = ZERO
    remaining_qty: Decimal = ZERO
    display_qty: Decimal | None = None
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None
    reason: str | None = None
    post_only: bool = False
    timestamp: int = 0
    """Milliseconds, unlike all other times."""

    @property
    def amended(self) -> int:
        """ns since the Unix epoch."""
        return self.timestamp * (NS_PER_S // 1_000)


class OrderAmends(msgspec.Struct, frozen=True):
    """The history of an order."""

    amends: tuple[AmendInfo, ...] = ()
    """Oldest first; the first is the order as it was placed."""
    count: int = 0
