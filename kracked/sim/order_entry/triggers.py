"""Stops, trailing stops and take-profits, which wait outside the book until they trigger.

They hold no funds while they wait. The trigger watches the last trade; `index` falls
back to it, as the exchange's does when its feed fails.

Source: docs.kraken.com/api/docs/rest-api/add-order
"""

from __future__ import annotations

from msgspec.structs import replace

from kracked.gateway.accounts.order_records import OrderRecord


class WaitingStops:
    """The untriggered orders of every account, by symbol, oldest first."""

    def __init__(self) -> None:
        self._orders: dict[str, dict[str, OrderRecord]] = {}

    def put(self, order: OrderRecord) -> None:
        """Take in an order, or a new version of one."""
        self._orders.setdefault(order.symbol, {})[order.order_id] = order

    def remove(self, order: OrderRecord) -> None:
        """Take an order out, if it waits."""
        orders = self._orders.get(order.symbol, {})
        orders.pop(order.order_id, None)
        if not orders:
            self._orders.pop(order.symbol, None)

    def __contains__(self, symbol: str) -> bool:
        """Whether any order of a symbol waits."""
        return symbol in self._orders

    def trail(self, symbol: str, last: int) -> list[OrderRecord]:
        """Return the orders whose triggers follow a trade at `last`, with the new triggers."""
        moved = []
        for order in self._orders.get(symbol, {}).values():
            trail, before = order.request.trail, order.trigger_price
            if trail is None or before is None:
                continue
            trigger = trail.follow(order.side, before, last)
            if trigger != before:
                moved.append(replace(order, trigger_price=trigger))
        return moved

    def due(self, symbol: str, last: int) -> list[OrderRecord]:
        """Take out the orders that a trade at `last` triggers, and return them."""
        orders = [order for order in self._orders.get(symbol, {}).values() if order.is_met(last)]
        for order in orders:
            self.remove(order)
        return orders
