"""Own orders that ended while nothing was told."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from kracked.flow.alerts import AlertMemory
from kracked.protocol.events import Executions, Reconnecting
from tests.flow.alerts.scene import BTC, START, S, watching


def order(order_id: str) -> dict[str, object]:
    return {
        "exec_type": "new",
        "order_id": order_id,
        "symbol": BTC,
        "order_status": "new",
        "side": "buy",
        "order_qty": Decimal(1),
        "timestamp": "2024-11-12T06:44:00.000000Z",
    }


def test_an_order_that_is_gone_after_a_reconnect_is_told_once() -> None:
    watch = watching("own cancel", "own fill")
    watch.apply(Executions(START, (order("A"), order("B")), 1, snapshot=True))
    watch.apply(Executions(START + S, (order("A"),), 1, snapshot=True))
    (alert,) = watch.elapse(START + 60 * S)
    assert (alert.figures["order_id"], alert.late, alert.time) == ("B", True, START + 3 * S)
    assert not watch.apply(Executions(START + 61 * S, (order("A"),), 1, snapshot=True))
    assert not watch.elapse(START + 120 * S)


def test_an_order_that_is_gone_after_a_restart_is_told() -> None:
    memory = AlertMemory()
    first = watching("own order", memory=memory)
    first.apply(Executions(START, (order("A"),), 1, snapshot=True))
    memory = msgspec.json.decode(msgspec.json.encode(memory), type=AlertMemory)
    again = watching("own order", memory=memory)
    again.apply(Executions(START + 9 * S, (), 1, snapshot=True))
    (alert,) = again.elapse(START + 60 * S)
    assert alert.words == (
        "own order A is no longer open: filled or cancelled while nothing was told"
    )


def test_the_second_part_of_a_snapshot_has_orders_that_are_not_gone() -> None:
    watch = watching("own cancel")
    watch.apply(Executions(START, (order("A"), order("B")), 1, snapshot=True))
    watch.apply(Executions(START + S, (order("A"),), 1, snapshot=True))
    watch.apply(Executions(START + S, (order("B"),), 2, snapshot=True))
    assert not watch.elapse(START + 60 * S)


def test_an_order_that_is_cancelled_after_a_snapshot_is_told_by_its_report_alone() -> None:
    watch = watching("own cancel")
    watch.apply(Executions(START, (order("A"),), 1, snapshot=True))
    watch.apply(Executions(START + S, (order("A"),), 1, snapshot=True))
    report = {**order("A"), "exec_type": "canceled", "order_status": "canceled"}
    (alert,) = watch.apply(Executions(START + 2 * S, (report,), 2))
    assert alert.words == "own order A cancelled"
    assert not watch.elapse(START + 60 * S)


def test_a_snapshot_that_cannot_be_read_whole_proves_no_order_gone() -> None:
    watch = watching("own cancel")
    watch.apply(Executions(START, (order("A"),), 1, snapshot=True))
    odd = {**order("A"), "order_qty": "much"}
    watch.apply(Executions(START + S, (odd,), 1, snapshot=True))
    assert not watch.elapse(START + 60 * S)
    watch.apply(Executions(START + 70 * S, (), 1, snapshot=True))
    assert len(watch.elapse(START + 90 * S)) == 1


def test_a_connection_lost_within_a_snapshot_proves_no_order_gone() -> None:
    watch = watching("own cancel")
    watch.apply(Executions(START, (order("A"),), 1, snapshot=True))
    watch.apply(Executions(START + S, (), 1, snapshot=True))
    watch.apply(Reconnecting(START + S, "private", "ws://x", "closed", 1, 1.0))
    assert not watch.elapse(START + 60 * S)
