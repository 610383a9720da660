"""The orders of a level 3 book that are in view, kept to tell which of them its depth cuts.

The exchange sends no removal for orders whose level falls beyond the depth of the
subscription: they are just no longer spoken of, and come again with `add` when there is room.
The feed's own book may be ahead of the message whose rows are made, so the orders are kept here
once more, as little of them as that takes.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable

from kracked.book import l3
from kracked.instruments import Precision
from kracked.protocol import events
from kracked.protocol.events import OrderAction, OrderChange
from kracked.record.write import rows
from kracked.record.write.rows import CutOrder

_NO_PRECISION = Precision(0, 0)
_ADD, _DELETE = OrderAction.ADD, OrderAction.DELETE


def least_depth(levels: int) -> int:
    """Return the least depth offered that holds so many levels."""
    return next((depth for depth in l3.DEPTHS if depth >= levels), levels)


def rescaled(orders: Iterable[OrderChange], price: int, qty: int) -> list[OrderChange]:
    """Return the orders with every price and quantity multiplied."""
    return [
        OrderChange(_ADD, each.order_id, each.price * price, each.qty * qty, each.timestamp)
        for each in orders
    ]


class OrderScope:
    """One symbol's orders by level; of a known depth, from a snapshot on."""

    def __init__(self) -> None:
        self.depth = 0
        """Levels a side of the subscription; 0 before it is acknowledged."""
        self._bids, self._asks = _SideScope("b", 1), _SideScope("a", -1)
        self._whole = False
        self._precision = _NO_PRECISION

    def forget(self) -> None:
        """Trust nothing until the next snapshot: messages are missing."""
        self._whole = False

    def replace(self, event: events.L3Snapshot) -> None:
        """Hold a snapshot's orders and no others."""
        for side, orders in ((self._bids, event.bids), (self._asks, event.asks)):
            side.clear()
            side.apply(orders)
        if not self.depth:
            self.depth = least_depth(max(len(self._bids.keys), len(self._asks.keys)))
        self._whole, self._precision = True, event.precision

    def hold(
        self, precision: Precision, bids: Iterable[OrderChange], asks: Iterable[OrderChange]
    ) -> None:
        """Hold all orders in view, queue by queue."""
        for side, orders in ((self._bids, bids), (self._asks, asks)):
            side.clear()
            side.apply(orders)
        self._whole, self._precision = True, precision

    def rows(self, event: events.L3Update, seq: int, flags: int) -> tuple[str, int]:
        """Apply an update; return its rows, those of the orders that the depth cuts included."""
        cut = self.apply(event) or ()
        made = len(event.bids) + len(event.asks) + len(cut)
        return rows.orders(event, seq, flags, cut), made

    def apply(self, event: events.L3Update) -> list[CutOrder] | None:
        """Apply an update; return the orders whose levels are beyond the depth after it."""
        if event.precision is not self._precision:
            self._refine(event.precision)
        if not self._whole:
            return None
        depth, cut = self.depth, None
        if event.bids:
            bids = self._bids
            bids.apply(event.bids)
            if len(bids.keys) > depth:
                cut = bids.cut(depth)
        if event.asks:
            asks = self._asks
            asks.apply(event.asks)
            if len(asks.keys) > depth:
                cut = [*(cut or ()), *asks.cut(depth)]
        return cut

    def _refine(self, precision: Precision) -> None:
        """Hold the orders with more decimals from now on; with fewer trust none of them."""
        price, qty = precision.price - self._precision.price, precision.qty - self._precision.qty
        self._precision = precision
        if price < 0 or qty < 0:
            self.forget()
        elif self._whole and (price or qty):
            self._bids.rescale(10**price, 10**qty)
            self._asks.rescale(10**price, 10**qty)


class _SideScope:
    """The levels of a side, worst first, and the orders of each."""

    __slots__ = ("_key_of", "_letter", "_levels", "_sign", "keys")

    def __init__(self, letter: str, sign: int) -> None:
        self._letter, self._sign = letter, sign
        self.keys: list[int] = []
        """Price of each level, an ask's negative."""
        self._levels: dict[int, dict[str, OrderChange]] = {}
        self._key_of: dict[str, int] = {}

    def clear(self) -> None:
        """Hold no order."""
        self.keys.clear()
        self._levels.clear()
        self._key_of.clear()

    def rescale(self, price: int, qty: int) -> None:
        """Multiply every price and quantity."""
        held = [each for level in self._levels.values() for each in level.values()]
        orders = rescaled(held, price, qty)
        self.clear()
        self.apply(orders)

    def apply(self, changes: Iterable[OrderChange]) -> None:
        """Apply changes in turn, whatever the action of one that brings an order."""
        key_of, levels, sign = self._key_of, self._levels, self._sign
        for order in changes:
            order_id = order.order_id
            if order.action is _ADD and order_id not in key_of:
                key = sign * order.price
            else:
                if (before := key_of.pop(order_id, None)) is not None:
                    level = levels[before]
                    del level[order_id]
                    if not level:
                        del levels[before]
                        del self.keys[bisect_left(self.keys, before)]
                if order.action is _DELETE:
                    continue
                key = sign * order.price
            if (held := levels.get(key)) is None:
                levels[key] = {order_id: order}
                insort(self.keys, key)
            else:
                held[order_id] = order
            key_of[order_id] = key

    def cut(self, depth: int) -> list[CutOrder]:
        """Drop the levels beyond the depth and return their orders."""
        surplus = len(self.keys) - depth
        gone: list[CutOrder] = []
        for key in self.keys[:surplus]:
            for order_id, order in self._levels.pop(key).items():
                del self._key_of[order_id]
                gone.append(CutOrder(self._letter, order))
        del self.keys[:surplus]
        return gone
