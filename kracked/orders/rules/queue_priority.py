"""What an amend does to an order's place in the queue. Pure.

Source: docs.kraken.com/api/docs/guides/spot-amends
"""

from __future__ import annotations

from decimal import Decimal

from kracked.protocol.own_orders import OwnOrder


def keeps_place(
    order: OwnOrder, *, qty: Decimal | None = None, price: Decimal | None = None
) -> bool:
    """Whether an amend to this total quantity or limit price leaves the order where it queues."""
    moves = price is not None and order.limit_price is not None and price != order.limit_price
    return not moves and (qty is None or qty <= order.order_qty)
