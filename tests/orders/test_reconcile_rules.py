"""The outcome of an action, by what the exchange shows of it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from kracked.orders import reconcile_rules
from kracked.orders.outbox.order_states import OrderState
from kracked.orders.outbox.outbox import ActionKind, OutboxEntry
from kracked.rest.order_info import OrderDescription, OrderInfo
from kracked.times import NS_PER_S

T = 1_754_000_000 * NS_PER_S
K, TXID = "0198628c-0400-77f9-9e3b-2052a5820d7b", "OUF4EM-FRGI2-MQMWZD"
ENTRY = OutboxEntry(
    id=K,
    kind=ActionKind.ADD,
    symbol="BTC/USD",
    prepared=T,
    deadline=T + 5 * NS_PER_S,
    request={"type": "buy", "volume": "1.25"},
    state=OrderState.UNKNOWN,
    since=T,
)
SETTLED = ENTRY.deadline + 60 * NS_PER_S


def row(status: str, **more: object) -> OrderInfo:
    return OrderInfo(status=status, **{"cl_ord_id": K, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("pending", OrderState.ACKNOWLEDGED),
        ("open", OrderState.LIVE),
        ("closed", OrderState.FILLED),
        ("canceled", OrderState.CANCELLED),
        ("expired", OrderState.CANCELLED),
    ],
)
def test_a_found_order_is_what_its_status_says(status: str, state: OrderState) -> None:
    news = reconcile_rules.from_rows(ENTRY, {TXID: row(status, vol_exec=Decimal("0.5"))}, T)
    assert news is not None
    assert (news.state, news.txid, news.filled) == (state, TXID, Decimal("0.5"))


def test_of_several_orders_under_one_id_the_youngest_counts() -> None:
    rows = {"O1": row("closed", opentm=Decimal(1)), "O2": row("open", opentm=Decimal(2))}
    news = reconcile_rules.from_rows(ENTRY, rows, T)
    assert news is not None
    assert news.txid == "O2"


def test_a_row_of_another_client_id_is_not_ours() -> None:
    assert reconcile_rules.from_rows(ENTRY, {TXID: row("open", cl_ord_id="other")}, T) is None


def test_a_row_without_a_client_id_must_look_like_the_order() -> None:
    same = OrderDescription(side="buy")
    like = row("open", cl_ord_id=None, vol=Decimal("1.250"), descr=same)
    unlike = row("open", cl_ord_id=None, vol=Decimal("7"), descr=same)
    assert reconcile_rules.from_rows(ENTRY, {TXID: like}, T)
    assert not reconcile_rules.from_rows(ENTRY, {TXID: unlike}, T)


def test_absence_proves_nothing_before_the_settle_window_is_over() -> None:
    assert reconcile_rules.from_absence(ENTRY, SETTLED - 1, at=T) is None


def test_absence_after_the_settle_window_means_never_placed() -> None:
    news = reconcile_rules.from_absence(ENTRY, SETTLED, at=T)
    assert news is not None
    assert (news.state, "never placed" in news.reason) == (OrderState.REFUSED, True)


def test_looks_come_at_once_then_less_and_less_often() -> None:
    pauses = [reconcile_rules.pause_ns(looks) // NS_PER_S for looks in range(7)]
    assert pauses == [0, 2, 5, 10, 20, 29, 29]


def test_one_look_falls_just_behind_the_end_of_the_settle_window() -> None:
    after = sum(reconcile_rules.pause_ns(looks) for looks in range(6))
    assert SETTLED < T + after <= SETTLED + NS_PER_S


def report(**members: object) -> dict[str, object]:
    return {"order_id": TXID, "cl_ord_id": K, "exec_type": "new", **members}


def test_a_report_settles_an_unknown_order() -> None:
    news = reconcile_rules.from_report(ENTRY, report(order_status="new"), T)
    assert news is not None
    assert (news.state, news.txid) == (OrderState.LIVE, TXID)


def test_the_last_fill_still_says_partially_filled_and_is_believed() -> None:
    fill = report(exec_type="trade", order_status="partially_filled", cum_qty=Decimal("1.25"))
    news = reconcile_rules.from_report(ENTRY, fill, T)
    assert news is not None
    assert (news.state, news.filled) == (OrderState.LIVE, Decimal("1.25"))


def test_a_past_fill_in_a_snapshot_is_history() -> None:
    past = report(exec_type="trade", order_status="filled", last_qty=Decimal("0.1"))
    assert reconcile_rules.from_report(ENTRY, past, T) is None


def test_a_cancelled_report_keeps_the_reason_of_the_exchange() -> None:
    ended = report(exec_type="canceled", order_status="canceled", reason="Post only order")
    news = reconcile_rules.from_report(ENTRY, ended, T)
    assert news is not None
    assert (news.state, news.reason) == (OrderState.CANCELLED, "Post only order")


AMEND = OutboxEntry(
    id="a",
    kind=ActionKind.AMEND,
    symbol="BTC/USD",
    prepared=T,
    deadline=T + 5 * NS_PER_S,
    request={"limit_price": "25000.5"},
    target=TXID,
    state=OrderState.UNKNOWN,
    since=T,
)


def limit(price: str, status: str = "open") -> OrderInfo:
    return OrderInfo(status=status, descr=OrderDescription(order_type="limit", price=price))


def states(*news: object) -> list[object]:
    return [getattr(one, "state", None) for one in news]


def test_an_amend_is_settled_by_what_is_in_force() -> None:
    assert states(
        reconcile_rules.amend_from_order(AMEND, limit("25000.50"), T, at=T),
        reconcile_rules.amend_from_order(AMEND, limit("24000.0"), T, at=T),
        reconcile_rules.amend_from_order(AMEND, limit("24000.0"), SETTLED, at=T),
        reconcile_rules.amend_from_order(AMEND, limit("24000.0", "canceled"), T, at=T),
        reconcile_rules.amend_from_order(AMEND, None, T, at=T),
    ) == [OrderState.ACKNOWLEDGED, None, OrderState.REFUSED, OrderState.REFUSED, None]


def test_a_status_nobody_knows_ends_no_amend() -> None:
    assert reconcile_rules.amend_from_order(AMEND, limit("24000.0", "sleeping"), T, at=T) is None


def test_an_amend_is_settled_by_the_report_of_it() -> None:
    amended = report(exec_type="amended", order_status="new", limit_price=Decimal("25000.5"))
    other = report(exec_type="amended", order_status="new", limit_price=Decimal("24000.5"))
    ended = report(exec_type="canceled", order_status="canceled")
    assert states(
        reconcile_rules.amend_from_report(AMEND, amended, T),
        reconcile_rules.amend_from_report(AMEND, other, T),
        reconcile_rules.amend_from_report(AMEND, ended, T),
    ) == [OrderState.ACKNOWLEDGED, None, OrderState.REFUSED]
