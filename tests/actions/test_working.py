"""The account's working orders, from the stream's own frames."""

from __future__ import annotations

from decimal import Decimal

import pytest

from kracked.actions.working import WorkingOrders, keeps_place
from kracked.protocol.events import Executions, Side

OPENED = {
    "order_id": "OVN7VD-7VYHS-APBKHA",
    "symbol": "BTC/USDT",
    "order_qty": Decimal("0.00010000"),
    "exec_type": "pending_new",
    "side": "buy",
    "order_type": "limit",
    "cl_ord_id": "b17c7bb34d000200",
    "limit_price": Decimal("80000.0"),
    "order_status": "pending_new",
    "timestamp": "2026-01-22T06:06:19.833306Z",
}
DELTA = {"order_id": "OVN7VD-7VYHS-APBKHA", "order_status": "new"}
NEW = {**DELTA, "exec_type": "new", "timestamp": "2026-01-22T06:06:19.833336Z"}
AMENDED = {
    **DELTA,
    "exec_type": "amended",
    "limit_price": Decimal("81818.0"),
    "timestamp": "2026-01-22T06:06:27.552281Z",
}
FILL = {
    **DELTA,
    "exec_type": "trade",
    "order_status": "partially_filled",
    "cum_qty": Decimal("0.00004"),
    "timestamp": "2026-01-22T06:06:30Z",
}


def after(*reports: dict[str, object], snapshot: bool = False) -> WorkingOrders:
    orders = WorkingOrders()
    for report in reports:
        orders.apply(Executions(0, (report,), snapshot=snapshot))
    return orders


def test_deltas_are_merged_into_what_the_first_report_said() -> None:
    (order,) = after(OPENED, NEW, AMENDED, FILL)
    assert (order.symbol, order.side, order.limit_price, order.remaining) == (
        "BTC/USDT",
        Side.BID,
        Decimal("81818.0"),
        Decimal("0.00006"),
    )


def test_the_age_runs_from_the_last_amend_and_not_from_fills() -> None:
    (order,) = after(OPENED, NEW, AMENDED, FILL)
    assert order.touched == 1_769_061_987_552_281_000


@pytest.mark.parametrize("status", ["filled", "canceled", "expired"])
def test_an_ended_order_leaves_the_table(status: str) -> None:
    assert len(after(OPENED, {**DELTA, "exec_type": status, "order_status": status})) == 0


def test_a_snapshot_replaces_everything() -> None:
    orders = after(OPENED)
    orders.apply(Executions(0, (), snapshot=True))
    assert list(orders) == []


def test_past_fills_in_a_snapshot_are_no_orders() -> None:
    fill = {**FILL, "order_status": "filled"}
    del fill["cum_qty"]
    assert len(after(fill, snapshot=True)) == 0


def test_a_triggered_order_shows_its_trigger() -> None:
    (order,) = after({**OPENED, "triggers": {"price": Decimal("0.2"), "reference": "index"}})
    assert order.trigger_price == Decimal("0.2")


def test_orders_are_listed_by_pair() -> None:
    orders = after(OPENED)
    assert [len(orders.of(symbol)) for symbol in ("BTC/USDT", "BTC/USD")] == [1, 0]


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
    (order,) = after(OPENED)
    assert keeps_place(order, **change) is kept
