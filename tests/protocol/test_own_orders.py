"""Own orders merged from reports: every kind of delta, and recorded frames."""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kracked.protocol.codec import Codec
from kracked.protocol.events import Executions, Side
from kracked.protocol.own_orders import CLOSED, MAX_CLOSED, OwnOrder, OwnOrders

D = Decimal
ID = {"order_id": "OVN7VD-7VYHS-APBKHA"}
OPENED = {
    **ID,
    "cl_ord_id": "b17c7bb34d000200",
    "symbol": "BTC/USDT",
    "side": "buy",
    "order_type": "limit",
    "order_qty": D("0.00010000"),
    "limit_price": D("80000.0"),
    "exec_type": "pending_new",
    "order_status": "pending_new",
    "timestamp": "2026-01-22T06:06:19.833306Z",
}
NEW = {**ID, "exec_type": "new", "order_status": "new", "timestamp": "2026-01-22T06:06:19.833336Z"}
AMENDED = {
    **ID,
    "exec_type": "amended",
    "order_status": "new",
    "limit_price": D("81818.0"),
    "cum_qty": D(0),
    "reason": "User requested",
    "timestamp": "2026-01-22T06:06:27.552281Z",
}
FILL = {
    **ID,
    "exec_type": "trade",
    "order_status": "partially_filled",
    "last_qty": D("0.00004"),
    "cum_qty": D("0.00004"),
    "cum_cost": D("3.2"),
    "avg_price": D("80000.0"),
    "timestamp": "2026-01-22T06:06:30Z",
}
RESTATED = {
    **ID,
    "exec_type": "restated",
    "order_status": "partially_filled",
    "order_qty": D("0.00009"),
    "reason": "Reduce non-tradable liquidity",
    "timestamp": "2026-01-22T06:06:31Z",
}
REFILL = {
    **ID,
    "exec_type": "iceberg_refill",
    "order_status": "partially_filled",
    "display_qty_remain": D("0.00002"),
    "timestamp": "2026-01-22T06:06:32Z",
}
TRIGGERED = {
    **ID,
    "exec_type": "status",
    "order_status": "new",
    "triggers": {"status": "triggered", "actual_price": D("80010.0")},
    "timestamp": "2026-01-22T06:06:33Z",
}
FILLED = {
    **ID,
    "exec_type": "filled",
    "order_status": "filled",
    "cum_qty": D("0.0001"),
    "timestamp": "2026-01-22T06:06:34Z",
}
EXPIRED = {
    **ID,
    "exec_type": "expired",
    "order_status": "expired",
    "timestamp": "2026-01-22T06:06:35Z",
}
EVERY_KIND = [OPENED, NEW, AMENDED, FILL, RESTATED, REFILL, TRIGGERED, FILLED, EXPIRED]


def after(*reports: dict[str, Any], snapshot: bool = False) -> OwnOrders:
    orders = OwnOrders()
    for report in reports:
        orders.apply(Executions(0, (report,), snapshot=snapshot))
    assert orders.unreadable == 0
    return orders


def order_after(*reports: dict[str, Any]) -> OwnOrder:
    (order,) = after(*reports)
    return order


def test_deltas_are_merged_into_what_the_first_report_said() -> None:
    order = order_after(OPENED, NEW, AMENDED, FILL)
    assert (order.symbol, order.side, order.limit_price, order.remaining) == (
        "BTC/USDT",
        Side.BID,
        D("81818.0"),
        D("0.00006"),
    )


@pytest.mark.parametrize("later", [FILL, RESTATED, REFILL, TRIGGERED])
def test_the_age_runs_from_the_last_amend_whatever_comes_after(later: dict[str, Any]) -> None:
    assert order_after(OPENED, NEW, AMENDED, later).touched == 1_769_061_987_552_281_000


@pytest.mark.parametrize("status", sorted(CLOSED))
def test_an_ended_order_leaves_the_open_ones(status: str) -> None:
    orders = after(OPENED, {**NEW, "exec_type": status, "order_status": status})
    assert (len(orders), list(orders.closed)) == (0, [ID["order_id"]])


def test_the_last_fill_leaves_it_open_until_it_is_called_filled() -> None:
    last = {**FILL, "cum_qty": D("0.00010000")}
    assert order_after(OPENED, NEW, last).remaining == 0
    assert len(after(OPENED, NEW, last, FILLED)) == 0


def test_the_engine_s_own_change_is_taken_as_it_says() -> None:
    order = order_after(OPENED, NEW, FILL, RESTATED)
    assert (order.order_qty, order.reason) == (D("0.00009"), "Reduce non-tradable liquidity")


def test_an_old_reason_does_not_explain_a_new_state() -> None:
    orders = after(OPENED, AMENDED, EXPIRED)
    assert orders.closed[ID["order_id"]].reason == ""


def test_the_older_name_of_a_reason_is_understood() -> None:
    canceled = {**NEW, "exec_type": "canceled", "order_status": "canceled"}
    orders = after(OPENED, {**canceled, "cancel_reason": "User requested"})
    assert orders.closed[ID["order_id"]].reason == "User requested"


def test_a_new_slice_of_an_iceberg_keeps_its_terms() -> None:
    order = order_after({**OPENED, "display_qty": D("0.00002")}, NEW, FILL, REFILL)
    assert (order.display_qty, order.display_qty_remain) == (D("0.00002"), D("0.00002"))


def test_a_trigger_that_goes_off_keeps_its_price_and_tells_so() -> None:
    triggers = {"price": D("80000.0"), "reference": "index", "status": "untriggered"}
    order = order_after({**OPENED, "triggers": triggers}, TRIGGERED)
    assert (order.trigger_price, order.triggers.status, order.triggers.reference) == (
        D("80000.0"),
        "triggered",
        "index",
    )


def test_a_trailing_order_s_trigger_is_where_it_stands_now_and_not_its_distance() -> None:
    triggers = {"price": D("1.5"), "price_type": "pct", "actual_price": D("78800.0")}
    moved = {**TRIGGERED, "triggers": {"actual_price": D("79000.0"), "status": "untriggered"}}
    order = order_after({**OPENED, "triggers": triggers}, moved)
    assert (order.triggers.price, order.trigger_price) == (D("1.5"), D("79000.0"))


def test_an_edited_order_lives_on_under_a_new_id() -> None:
    canceled = {**NEW, "exec_type": "canceled", "order_status": "canceled"}
    orders = after(OPENED, NEW, canceled, {**OPENED, "order_id": "ONEW"})
    assert ([order.order_id for order in orders], len(orders.closed)) == (["ONEW"], 1)


def test_a_close_names_the_order_it_belongs_to() -> None:
    assert order_after({**OPENED, "ord_ref_id": "OPARENT"}).ord_ref_id == "OPARENT"


def test_a_late_report_does_not_undo_a_fill() -> None:
    order = order_after(OPENED, FILL, {**AMENDED, "cum_qty": D("0.00001")})
    assert (order.cum_qty, order.limit_price) == (D("0.00004"), D("81818.0"))


def test_a_snapshot_replaces_everything() -> None:
    orders = after(OPENED)
    orders.apply(Executions(0, (), 1, snapshot=True))
    assert list(orders) == []


def test_a_snapshot_s_row_is_judged_by_its_status_whatever_it_calls_itself() -> None:
    row = {**OPENED, "exec_type": "status", "order_status": "partially_filled", "cum_qty": D(0)}
    assert len(after(row, snapshot=True)) == 1


def test_a_snapshot_that_shows_a_closed_order_open_is_believed() -> None:
    orders = after(OPENED, EXPIRED)
    orders.apply(Executions(0, (OPENED,), 1, snapshot=True))
    assert (len(orders), len(orders.closed)) == (1, 0)


@pytest.mark.parametrize("row", [{**FILL, "order_status": "filled"}, FILL])
def test_past_fills_in_a_snapshot_are_no_orders(row: dict[str, Any]) -> None:
    assert len(after(row, snapshot=True)) == 0


def test_orders_are_listed_by_pair() -> None:
    orders = after(OPENED)
    assert [len(orders.of(symbol)) for symbol in ("BTC/USDT", "BTC/USD")] == [1, 0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"order_qty": "many"},
        {"order_qty": "NaN"},
        {"limit_price": "Infinity"},
        {"order_qty": D("1e999999999")},
        {"triggers": {"price": "NaN"}},
    ],
)
def test_a_report_that_cannot_be_read_changes_nothing_and_is_counted(wrong: dict[str, Any]) -> None:
    orders = after(OPENED)
    orders.apply(Executions(0, ({**AMENDED, **wrong},)))
    assert (orders.unreadable, orders.open.get(ID["order_id"])) == (1, order_after(OPENED))


def test_closed_orders_are_kept_in_bounded_number() -> None:
    orders = after(*({**EXPIRED, "order_id": f"O{n}"} for n in range(MAX_CLOSED + 3)))
    assert next(iter(orders.closed)) == "O3"


@given(st.lists(st.tuples(st.sampled_from(EVERY_KIND), st.booleans()), max_size=15))
def test_whatever_comes_an_order_is_in_one_place_and_fills_only_rise(
    told: list[tuple[dict[str, Any], bool]],
) -> None:
    orders, filled = OwnOrders(), [D(0)]
    for report, snapshot in told:
        orders.apply(Executions(0, (report,), snapshot=snapshot))
        assert not orders.open.keys() & orders.closed.keys()
        filled = [D(0)] if snapshot else filled
        filled += [order.cum_qty for order in orders]
    assert all(earlier <= later for earlier, later in pairwise(filled))


LIVES = {
    "one that is amended and cancelled": (
        ["life_pending_new", "life_new", "life_amended", "life_canceled"],
        ("canceled", D("0.00010000"), D("81818.0"), D(0)),
    ),
    "one of a snapshot that is filled": (
        ["snapshot_open_orders", "restated", "filled"],
        ("filled", D("0.40000000"), D("26599.9"), D("0.50000000")),
    ),
    "one that expires": (
        ["snapshot_open_orders", "status_triggered", "expired_gtd"],
        ("expired", D("0.50000000"), D("26599.9"), D("0.10000000")),
    ),
    "one that must not take": (
        ["snapshot_empty", "canceled_post_only"],
        ("canceled", D(0), None, D(0)),
    ),
    "one that fills on arrival": (
        ["pending_new_2023", "new_2023", "trade_2023", "filled"],
        ("filled", D("0.005"), D("26500.0"), D("0.50000000")),
    ),
}


@pytest.mark.parametrize("name", LIVES)
def test_the_lives_on_record_end_as_they_did(vectors: Path, name: str) -> None:
    frames, (status, qty, limit, filled) = LIVES[name]
    texts = {
        frame["name"]: frame["text"]
        for frame in json.loads((vectors / "private_frames.json").read_text())["frames"]
    }
    orders, codec = OwnOrders(), Codec()
    for frame in frames:
        for event in codec.decode(texts[frame].encode()):
            assert isinstance(event, Executions)
            orders.apply(event)
    (order,) = orders.closed.values()
    assert (order.order_status, order.order_qty, order.limit_price) == (status, qty, limit)
    assert order.cum_qty == filled


def test_null_members_are_the_same_as_absent_ones_at_any_depth() -> None:
    nulls = dict.fromkeys(("cum_qty", "avg_price", "post_only", "contingent", "fees"))
    triggers = {"triggers": {"price": D(5), "price_type": None, "status": None}}
    with_nulls, without = OwnOrders(), OwnOrders()
    with_nulls.apply(Executions(0, (OPENED | nulls | triggers,), snapshot=True))
    without.apply(Executions(0, (OPENED | {"triggers": {"price": D(5)}},), snapshot=True))
    assert with_nulls.open == without.open
    assert with_nulls.unreadable == 0


@pytest.mark.parametrize("member", ["exec_type", "order_id", "reason", "side", "timestamp"])
@pytest.mark.parametrize("odd", [[], {}, 5, True])
def test_a_member_of_any_type_never_makes_the_orders_raise(member: str, odd: object) -> None:
    orders = OwnOrders()
    orders.apply(Executions(0, (OPENED,), snapshot=True))
    orders.apply(Executions(0, (AMENDED | {member: odd},)))
    assert orders.open.get(str(ID["order_id"])) is not None


def test_open_orders_are_counted_and_known_by_their_ids() -> None:
    orders = OwnOrders()
    orders.apply(Executions(0, (OPENED, NEW)))
    assert len(orders) == 1
    assert ID["order_id"] in orders
    assert "OTHER" not in orders
    orders.apply(Executions(0, ({**ID, "exec_type": "canceled", "order_status": "canceled"},)))
    assert len(orders) == 0
    assert ID["order_id"] not in orders
