"""One account's orders: open ones, closed ones, and their versions of a while ago.

An `OrderRecord` is a frozen value. The table replaces it at every change and retains the
versions of the last minute, because the REST view of an exchange may lag its engine.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable
from enum import StrEnum

import msgspec

from kracked.gateway.accounts.fees import Rates
from kracked.gateway.accounts.order_request import OrderRequest
from kracked.paper.terms import PlaceBounds
from kracked.protocol.events import Side
from kracked.protocol.order_terms import is_met
from kracked.times import NS_PER_S

VERSIONS_NS = 60 * NS_PER_S
"""How long versions of an order are retained."""
MOST_CLOSED = 10_000
"""Closed orders that an account retains; the exchange forgets none, but it has more memory."""


class OrderStatus(StrEnum):
    """The state of an order, in the words of `order_status` on the executions channel."""

    PENDING = "pending_new"
    NEW = "new"
    PARTIAL = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"

    @property
    def open(self) -> bool:
        """Whether the order may still fill."""
        return self in (OrderStatus.PENDING, OrderStatus.NEW, OrderStatus.PARTIAL)

    @property
    def rest(self) -> str:
        """The status as REST says it."""
        return _REST[self]


_REST = {
    OrderStatus.PENDING: "pending",
    OrderStatus.NEW: "open",
    OrderStatus.PARTIAL: "open",
    OrderStatus.FILLED: "closed",
    OrderStatus.CANCELED: "canceled",
    OrderStatus.EXPIRED: "expired",
}


class Amendment(msgspec.Struct, frozen=True, kw_only=True):
    """The terms of an order from an instant on."""

    amend_id: str
    time: int
    qty: int
    left: int
    price: int | None
    trigger_price: int | None
    display_qty: int | None
    post_only: bool
    original: bool = False
    """Whether these are the terms the order was placed with."""

    @classmethod
    def of(
        cls,
        order: OrderRecord,
        amend_id: str,
        now: int,
        *,
        post_only: bool = False,
        original: bool = False,
    ) -> Amendment:
        """Return an order's terms from now on.

        Args:
            order: The order with these terms.
            amend_id: The id of the amend.
            now: Time, ns since the Unix epoch.
            post_only: Whether an amend was post-only.
            original: Whether these are the terms the order is placed with.
        """
        return cls(
            amend_id=amend_id,
            time=now,
            qty=order.qty,
            left=order.left,
            price=order.price,
            trigger_price=order.trigger_price,
            display_qty=order.display_qty,
            post_only=post_only or (original and order.request.post_only),
            original=original,
        )


class FillRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One fill of an account's order. Amounts are in ledger units."""

    exec_id: str
    order_id: str
    trade_id: int
    """The id of the public trade."""
    time: int
    price: int
    qty: int
    cost: int
    fee: int
    fee_asset: str
    maker: bool
    ledgers: tuple[str, ...]
    """The ids of its two ledger entries, base and quote; none where they are forgotten."""


class OrderRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One order at one instant. Prices and quantities are scaled, amounts in ledger units."""

    order_id: str
    request: OrderRequest
    rates: Rates
    """The fee rates of its fills, fixed when it was accepted."""
    opened: int
    touched: int
    """When it was placed or last amended: cancelling and amending are charged by this age."""
    qty: int
    price: int | None
    trigger_price: int | None
    display_qty: int | None
    status: OrderStatus = OrderStatus.PENDING
    started: bool = True
    """Off until the time that a scheduled order is to be placed at."""
    triggered: bool = False
    filled: int = 0
    notional: int = 0
    """Sum of price times quantity of the fills."""
    fee_weight: int = 0
    """Sum of what fees are charged on, each times its rate."""
    cost: int = 0
    fee: int = 0
    reserve: int = 0
    """The most it may ever spend, fees included."""
    amends: tuple[Amendment, ...] = ()
    trades: tuple[str, ...] = ()
    """The ids of its fills."""
    closed: int | None = None
    reason: str = ""
    ref_id: str | None = None
    """The order whose fill placed this one as its conditional close."""
    place: PlaceBounds | None = None
    """What stands ahead of it, as told last; on paper alone."""

    @property
    def symbol(self) -> str:
        """The pair's symbol."""
        return self.request.symbol

    @property
    def side(self) -> Side:
        """Whether it buys or sells."""
        return self.request.side

    @property
    def left(self) -> int:
        """The quantity that is not filled."""
        return self.qty - self.filled

    @property
    def waiting(self) -> bool:
        """Whether it is outside the book, until its time or its trigger."""
        return not self.started or (self.request.order_type.waits and not self.triggered)

    def is_met(self, last: int) -> bool:
        """Whether a trade at `last` triggers it; it waits for that."""
        assert self.trigger_price is not None
        return is_met(self.request.order_type, self.side, self.trigger_price, last)

    @property
    def standing(self) -> OrderStatus:
        """The status of an open order, by its fills."""
        return OrderStatus.PARTIAL if self.filled else OrderStatus.NEW


class OrderRecords:
    """Owner of one account's orders. They change by `put` alone."""

    def __init__(self, on_forget: Callable[[OrderRecord], None] = lambda _: None) -> None:
        """`on_forget` is called with each order that is forgotten."""
        self._on_forget = on_forget
        self._orders: dict[str, OrderRecord] = {}
        self._open: dict[str, None] = {}
        self._closed: deque[str] = deque()
        self._versions: dict[str, list[tuple[int, OrderRecord]]] = {}

    def put(self, order: OrderRecord, now: int) -> OrderRecord:
        """Take in a new order, or a new version of one, and return it."""
        self._orders[order.order_id] = order
        if order.status.open:
            self._open[order.order_id] = None
        elif order.order_id in self._open or order.order_id not in self._versions:
            self._open.pop(order.order_id, None)
            self._closed.append(order.order_id)
            if len(self._closed) > MOST_CLOSED:  # forget the one that closed longest ago
                oldest = self._closed.popleft()
                del self._versions[oldest]
                self._on_forget(self._orders.pop(oldest))
        versions = self._versions.setdefault(order.order_id, [])
        versions.append((now, order))
        stale = bisect_right(versions, now - VERSIONS_NS, key=_time) - 1
        if stale > 0:
            del versions[:stale]
        return order

    def get(self, order_id: str) -> OrderRecord | None:
        """Return an order by id, open or closed."""
        return self._orders.get(order_id)

    def open(self, symbol: str | None = None) -> list[OrderRecord]:
        """Return the open orders, oldest first; with a symbol, those of that pair."""
        orders = (self._orders[order_id] for order_id in self._open)
        return [order for order in orders if symbol is None or order.symbol == symbol]

    def open_by(
        self, *, cl_ord_id: str | None = None, userref: int | None = None
    ) -> list[OrderRecord]:
        """Return the open orders with this client id, or with this userref."""
        return [
            order
            for order in self.open()
            if (cl_ord_id is not None and order.request.cl_ord_id == cl_ord_id)
            or (userref is not None and order.request.userref == userref)
        ]

    def as_of(self, then: int) -> Iterable[OrderRecord]:
        """Iterate every order as it was at an instant of the last minute, oldest first."""
        for versions in self._versions.values():
            place = bisect_right(versions, then, key=_time)
            if place:
                yield versions[place - 1][1]


def _time(version: tuple[int, OrderRecord]) -> int:
    return version[0]
