"""The outbox: one sending, late changes ignored, and the same again from its records."""

from __future__ import annotations

from decimal import Decimal
from itertools import product

import pytest

from kracked.orders.outbox.order_states import ENDED, TRANSITIONS, OrderState
from kracked.orders.outbox.outbox import (
    ActionKind,
    AlreadySent,
    Outbox,
    PreparedAction,
    Record,
    StateChange,
)

T = 1_754_000_000_000_000_000
K = "0198628c-0400-77f9-9e3b-2052a5820d7b"
PREPARED = PreparedAction(
    at=T, id=K, kind=ActionKind.ADD, symbol="BTC/USD", deadline=T + 5, request={"volume": "1"}
)


def moved(state: OrderState, **more: object) -> StateChange:
    return StateChange(at=T + 1, id=K, state=state, **more)  # type: ignore[arg-type]


def outbox(*states: OrderState) -> Outbox:
    """Return an outbox whose order went through these states."""
    return Outbox([].append, [PREPARED, *map(moved, states)])


def test_every_step_of_the_table_is_taken_and_no_other() -> None:
    for old, new in product(OrderState, OrderState):
        box = Outbox([].append, [PREPARED, moved(old)])
        wanted = new if new in TRANSITIONS[old] else old
        assert (old, new, box.learn(moved(new)).state) == (old, new, wanted)


def test_sent_is_entered_from_prepared_alone() -> None:
    assert [old for old in OrderState if OrderState.SENT in TRANSITIONS[old]] == [
        OrderState.PREPARED
    ]


def test_unknown_can_only_become_an_outcome() -> None:
    assert TRANSITIONS[OrderState.UNKNOWN] == {
        OrderState.ACKNOWLEDGED,
        OrderState.LIVE,
        OrderState.FILLED,
        OrderState.CANCELLED,
        OrderState.REFUSED,
    }


def test_whoever_asks_is_told_when_the_unknown_becomes_known() -> None:
    box = outbox(OrderState.UNKNOWN)
    told: list[OrderState] = []
    box.on_settled = lambda entry: told.append(entry.state)
    for state in (OrderState.SENT, OrderState.LIVE, OrderState.FILLED):
        box.learn(moved(state))
    assert told == [OrderState.LIVE]


def test_whoever_asks_is_told_when_an_order_given_up_turns_up() -> None:
    box = outbox(OrderState.UNKNOWN, OrderState.REFUSED)
    told: list[OrderState] = []
    box.on_settled = lambda entry: told.append(entry.state)
    box.learn(moved(OrderState.LIVE))
    assert told == [OrderState.LIVE]


@pytest.mark.parametrize(
    "state", [state for state in OrderState if state is not OrderState.PREPARED]
)
def test_what_is_not_fresh_is_never_sent(state: OrderState) -> None:
    with pytest.raises(AlreadySent):
        outbox(state).send(K, T)


def test_an_id_is_used_once() -> None:
    with pytest.raises(AlreadySent):
        outbox().prepare(PREPARED)


def test_a_record_is_written_before_it_takes_effect() -> None:
    def full(record: Record) -> None:
        raise OSError("disk full")

    box = Outbox(full, [PREPARED])
    with pytest.raises(OSError, match="disk full"):
        box.send(K, T)
    assert box[K].state is OrderState.PREPARED


def test_the_records_rebuild_the_outbox() -> None:
    records: list[Record] = []
    first = Outbox(records.append)
    first.prepare(PREPARED)
    first.send(K, T + 1)
    first.learn(moved(OrderState.LIVE, txid="O1", filled=Decimal("0.25")))
    assert list(Outbox([].append, records)) == list(first)


def test_after_a_restart_what_had_no_outcome_is_unknown() -> None:
    for state in (OrderState.PREPARED, OrderState.SENT):
        box = Outbox(
            [].append, [PREPARED, moved(state)] if state is OrderState.SENT else [PREPARED]
        )
        box.recover(T + 2)
        assert box[K].state is OrderState.UNKNOWN


def test_a_restart_leaves_outcomes_alone() -> None:
    assert outbox(OrderState.SENT, OrderState.LIVE).recover(T + 2) == []


def test_fills_only_grow() -> None:
    box = outbox(OrderState.SENT, OrderState.LIVE)
    box.learn(moved(OrderState.LIVE, filled=Decimal("0.5")))
    box.learn(moved(OrderState.LIVE, filled=Decimal("0.25")))
    assert box[K].filled == Decimal("0.5")


def test_an_order_given_up_on_that_shows_up_counts_again() -> None:
    box = outbox(OrderState.SENT, OrderState.UNKNOWN, OrderState.REFUSED)
    box.learn(moved(OrderState.LIVE, txid="O1"))
    assert [entry.state for entry in box.pending()] == [OrderState.LIVE]


def test_an_order_is_found_by_either_id() -> None:
    box = outbox(OrderState.SENT)
    box.learn(moved(OrderState.LIVE, txid="O1"))
    by_txid, by_ours = box.order(txid="O1", cl_ord_id=None), box.order(txid=None, cl_ord_id=K)
    assert by_txid is by_ours is box[K]


def test_ended_orders_are_pending_no_more() -> None:
    for state in ENDED:
        assert outbox(OrderState.SENT, state).pending() == []


def test_an_acknowledged_amend_has_ended() -> None:
    amend = PreparedAction(
        at=T, id=K, kind=ActionKind.AMEND, symbol="BTC/USD", deadline=T, request={}, target="O1"
    )
    box = Outbox([].append, [amend, moved(OrderState.SENT), moved(OrderState.ACKNOWLEDGED)])
    assert box[K].ended


def test_an_outbox_holds_the_ids_that_it_was_told_of_and_no_others() -> None:
    box = outbox(OrderState.SENT)
    assert K in box
    assert "another" not in box
    assert len(box) == 1


def test_a_fill_leaves_the_time_since_which_an_order_is_live() -> None:
    box = outbox(OrderState.SENT, OrderState.LIVE)
    more = StateChange(at=T + 9, id=K, state=OrderState.LIVE, filled=Decimal("0.5"))
    assert (box.learn(more).since, box[K].filled) == (T + 1, Decimal("0.5"))
    assert box.learn(StateChange(at=T + 10, id=K, state=OrderState.FILLED)).since == T + 10


def test_an_amend_is_not_found_by_the_id_of_the_order_that_it_changes() -> None:
    box = outbox(OrderState.SENT)
    amend = PreparedAction(
        at=T, id="amend", kind=ActionKind.AMEND, symbol="BTC/USD", deadline=T + 5, request={}
    )
    box.prepare(amend)
    box.learn(StateChange(at=T, id="amend", state=OrderState.UNKNOWN, txid="O1"))
    assert box.order(txid="O1", cl_ord_id=None) is None
    box.learn(moved(OrderState.LIVE, txid="O1"))
    assert box.order(txid="O1", cl_ord_id=None) is box[K]
