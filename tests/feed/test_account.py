from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from kracked.feed.account import MAX_CLOSED, Account
from kracked.protocol.codec import Codec
from kracked.protocol.events import Balances, Executions, Side

D = Decimal
PENDING = {
    "order_id": "O1",
    "cl_ord_id": "mine",
    "exec_type": "pending_new",
    "order_status": "pending_new",
    "symbol": "BTC/USD",
    "side": "buy",
    "order_type": "limit",
    "order_qty": D("0.5"),
    "limit_price": D("100.0"),
    "timestamp": "2026-01-01T00:00:00.000001Z",
}
NEW = {
    "order_id": "O1",
    "exec_type": "new",
    "order_status": "new",
    "timestamp": "2026-01-01T00:00:00.000002Z",
}
TRADE = {
    "order_id": "O1",
    "exec_id": "T1",
    "exec_type": "trade",
    "order_status": "partially_filled",
    "symbol": "BTC/USD",
    "side": "buy",
    "last_qty": D("0.2"),
    "last_price": D("99.9"),
    "cost": D("19.98"),
    "liquidity_ind": "t",
    "fees": [{"asset": "USD", "qty": D("0.05")}],
    "cum_qty": D("0.2"),
    "cum_cost": D("19.98"),
    "avg_price": D("99.9"),
    "timestamp": "2026-01-01T00:00:01Z",
}
AMENDED = {
    "order_id": "O1",
    "exec_type": "amended",
    "order_status": "partially_filled",
    "limit_price": D("101.0"),
    "timestamp": "2026-01-01T00:00:02Z",
}
CANCELED = {
    "order_id": "O1",
    "exec_type": "canceled",
    "order_status": "canceled",
    "reason": "User requested",
    "timestamp": "2026-01-01T00:00:03Z",
}


def told(*reports, snapshot: bool = False) -> Account:
    account = Account()
    account.apply(Executions(0, (), 1, snapshot=True))
    for report in reports:
        account.apply(Executions(0, (report,)))
    return account


def test_nothing_is_known_before_the_snapshots() -> None:
    account = Account()
    assert not account.orders_known
    assert not account.balances_known


def test_deltas_are_merged_into_the_first_report() -> None:
    order = told(PENDING, NEW, TRADE, AMENDED).orders["O1"]
    assert (order.symbol, order.side, order.cl_ord_id) == ("BTC/USD", Side.BID, "mine")
    assert (order.limit_price, order.order_qty, order.cum_qty) == (D("101.0"), D("0.5"), D("0.2"))
    assert (order.order_status, order.remaining) == ("partially_filled", D("0.3"))


def test_a_fill_does_not_make_an_order_younger_but_an_amendment_does() -> None:
    assert told(PENDING, TRADE).orders["O1"].touched == 1_767_225_600_000_001_000
    assert told(PENDING, AMENDED).orders["O1"].touched == 1_767_225_602_000_000_000


def test_a_closed_order_leaves_the_open_ones_and_says_why() -> None:
    account = told(PENDING, NEW, CANCELED)
    assert account.orders == {}
    assert account.closed["O1"].reason == "User requested"


def test_late_words_do_not_reopen_a_closed_order() -> None:
    assert told(PENDING, CANCELED, NEW).orders == {}


def test_the_first_fill_of_an_arriving_order_is_its_own_history() -> None:
    (fill,) = told(PENDING, NEW, TRADE).fills
    assert (fill.last_qty, fill.cl_ord_id, fill.fees[0].qty) == (D("0.2"), "mine", D("0.05"))


def test_a_fill_told_twice_counts_once() -> None:
    assert len(told(PENDING, TRADE, TRADE).fills) == 1


def test_past_fills_of_a_snapshot_open_no_order() -> None:
    account = Account()
    past = {**TRADE, "order_status": "filled"}
    del past["cum_qty"]
    account.apply(Executions(0, (past,), 1, snapshot=True))
    assert (account.orders, len(account.fills)) == ({}, 1)


def test_a_snapshot_replaces_the_open_orders() -> None:
    account = told(PENDING)
    account.apply(Executions(0, ({**PENDING, "order_id": "O2"},), 1, snapshot=True))
    assert list(account.orders) == ["O2"]


def test_a_snapshot_in_several_messages_is_one() -> None:
    account = Account()
    account.apply(Executions(0, (PENDING,), 1, snapshot=True))
    account.apply(Executions(0, ({**PENDING, "order_id": "O2"},), 2, snapshot=True))
    assert list(account.orders) == ["O1", "O2"]


def test_an_order_seen_from_the_middle_is_to_be_looked_up() -> None:
    assert told(NEW).undescribed == ["O1"]


def test_an_unknown_status_is_taken_for_an_open_order() -> None:
    assert told(PENDING, {**NEW, "order_status": "triggered"}).orders["O1"].is_open


@pytest.mark.parametrize(
    "broken",
    [
        {"order_id": "O1"},
        {**PENDING, "order_qty": "many"},
        {**PENDING, "timestamp": "yesterday"},
        {**TRADE, "last_price": None},
    ],
)
def test_an_unreadable_report_means_the_orders_are_not_known(broken) -> None:
    account = told(broken)
    assert not account.orders_known
    assert account.unreadable == 1


def test_closed_orders_are_kept_in_bounded_number() -> None:
    account = told(*({**CANCELED, "order_id": f"O{n}"} for n in range(MAX_CLOSED + 3)))
    assert next(iter(account.closed)) == "O3"


def test_a_ledger_entry_sets_the_new_total() -> None:
    account = Account()
    account.apply(Balances(0, ({"asset": "USD", "balance": D("10.50"), "wallets": []},), 1, True))
    account.apply(Balances(0, ({"asset": "USD", "amount": D("-1"), "balance": D("9.5")},), 2))
    account.apply(Balances(0, ({"asset": "BTC", "amount": 1, "balance": 1},), 3))
    assert account.balances == {"USD": D("9.5"), "BTC": D(1)}


@pytest.mark.parametrize("balance", ["NaN", D("NaN"), D("1e999999999"), True, None])
def test_a_total_that_is_no_amount_makes_the_balances_unknown(balance: object) -> None:
    account = Account()
    account.apply(Balances(0, (), 1, snapshot=True))
    account.apply(Balances(0, ({"asset": "USD", "balance": balance},), 2))
    assert (account.balances, account.balances_known, account.unreadable) == ({}, False, 1)


def test_a_fill_of_no_amount_is_none() -> None:
    account = told(PENDING, {**TRADE, "last_price": "NaN"})
    assert (list(account.fills), account.orders_known) == ([], False)


def test_a_lost_stream_makes_its_half_unknown() -> None:
    account = told(PENDING)
    account.apply(Balances(0, (), 1, snapshot=True))
    account.distrust("executions")
    assert (account.orders_known, account.balances_known) == (False, True)
    account.distrust()
    assert not account.balances_known


@given(st.lists(st.sampled_from([PENDING, NEW, TRADE, AMENDED, CANCELED]), max_size=12))
def test_no_order_is_both_open_and_closed(reports) -> None:
    account = told(*reports)
    assert not account.orders.keys() & account.closed.keys()


def copied(account: Account) -> Account:
    """Return an account that has got only the snapshots of another."""
    copy = Account()
    for event in account.snapshots(0):
        copy.apply(event)
    return copy


STOP = {**PENDING, "order_id": "O3", "triggers": {"price": D("90.0"), "status": "untriggered"}}


@given(st.lists(st.sampled_from([PENDING, NEW, TRADE, AMENDED, CANCELED, STOP]), max_size=12))
def test_what_stands_tells_the_open_orders_and_the_fills_again(reports) -> None:
    account = told(PENDING, *reports)
    copy = copied(account)
    assert [replace(order, timestamp="") for order in copy.orders.values()] == [
        replace(order, timestamp="") for order in account.orders.values()
    ]
    assert copy.fills == account.fills


def test_what_stands_tells_the_balances_again() -> None:
    account = Account()
    account.apply(Balances(0, ({"asset": "USD", "balance": D("10.50")},), 1, snapshot=True))
    copy = copied(account)
    assert (copy.balances, copy.balances_known) == ({"USD": D("10.50")}, True)


def test_nothing_stands_of_what_is_not_known() -> None:
    account = told(PENDING)
    account.distrust("executions")
    assert account.snapshots(0) == []


def test_every_private_frame_on_record_is_understood(vectors: Path) -> None:
    account, codec = Account(), Codec()
    for frame in json.loads((vectors / "private_frames.json").read_text())["frames"]:
        for event in codec.decode(frame["text"].encode()):
            if isinstance(event, Executions | Balances):
                account.apply(event)
    assert account.unreadable == 0
    assert account.balances["BTC"] == D("0.005")


@pytest.mark.parametrize(
    "odd",
    [
        {"timestamp": "soon"},
        {"timestamp": None},
        {"exec_id": None},
        {"exec_id": ["T1"]},
        {"exec_id": {}},
        {"side": "both", "order_id": "O9"},
        {"last_price": "x"},
    ],
)
def test_a_fill_that_cannot_be_read_leaves_the_orders_unknown_and_is_no_fill(
    odd: dict[str, object],
) -> None:
    account = Account()
    account.apply(Executions(0, (PENDING, NEW), sequence=1, snapshot=True))
    account.apply(Executions(0, (TRADE | odd,), sequence=2))
    assert (list(account.fills), account.orders_known) == ([], False)
    assert account.unreadable > 0


def test_a_fill_has_the_time_of_its_trade() -> None:
    account = Account()
    account.apply(Executions(0, (PENDING, NEW), sequence=1, snapshot=True))
    account.apply(Executions(0, (TRADE | {"fees": None, "cost": None},), sequence=2))
    [fill] = account.fills
    assert fill.exchange_time == 1_767_225_601 * 10**9
    assert (fill.fees, fill.cost) == ((), 0)
