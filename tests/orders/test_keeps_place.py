"""The effect of an amend on an order's place in the queue."""

from __future__ import annotations

from decimal import Decimal

import pytest

from kracked.orders.amends import keeps_place
from kracked.protocol.own_orders import OwnOrder

ORDER = OwnOrder(
    order_id="OVN7VD-7VYHS-APBKHA",
    order_status="new",
    order_qty=Decimal("0.00010000"),
    limit_price=Decimal("80000.0"),
)


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({"qty": Decimal("0.00009")}, True),
        ({"qty": Decimal("0.00011")}, False),
        ({"price": Decimal("80000.0")}, True),
        ({"price": Decimal("80000.1")}, False),
        ({"qty": Decimal("0.00009"), "price": Decimal("79999.9")}, False),
    ],
)
def test_only_a_smaller_quantity_at_the_same_price_keeps_the_place(
    change: dict[str, Decimal], kept: bool
) -> None:
    assert keeps_place(ORDER, **change) is kept
