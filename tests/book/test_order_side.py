"""What a change of one side's orders says: whether a checksum must be computed, what cannot be."""

from __future__ import annotations

import pytest

from kracked.book.l3 import L3Book
from kracked.instruments import Precision
from kracked.protocol.events import L3Snapshot, Level, OrderAction, OrderChange, Side

P = Precision(1, 8)
ADD, MODIFY, DELETE = OrderAction.ADD, OrderAction.MODIFY, OrderAction.DELETE


def order(rank: float, qty: int = 5, action: OrderAction = ADD, name: str = "") -> OrderChange:
    """Return an order of the level of this rank; the best bid is at 1000, the next at 990."""
    price = round(1000 - 10 * rank)
    return OrderChange(action, name or f"O{price}", price, qty, "2026-01-01T00:00:00Z")


def held(count: int, depth: int = 25, *, limit: int | None = None) -> L3Book:
    """Return a book with this many levels of bids, an order each."""
    book = L3Book("BTC/USD", P, depth)
    book.apply(L3Snapshot(0, "BTC/USD", P, tuple(order(rank) for rank in range(count)), (), 0))
    book.set_limit(depth if limit is None else limit)
    return book


@pytest.mark.parametrize(("rank", "hashed"), [(0, True), (9, True), (10, False), (11, False)])
@pytest.mark.parametrize("action", [MODIFY, DELETE])
def test_a_change_counts_for_the_checksum_among_the_best_ten_levels_alone(
    rank: int, hashed: bool, action: OrderAction
) -> None:
    bids = held(12).bids
    change = order(rank, 5 if action is DELETE else 4, action)
    assert bids.apply([change], 25) is hashed
    assert bids.contradiction is None
    assert bids.apply([], 25) is False


@pytest.mark.parametrize(("rank", "hashed"), [(9, True), (9.5, False), (10, False), (11, False)])
def test_a_new_order_counts_for_the_checksum_among_the_best_ten_levels_alone(
    rank: float, hashed: bool
) -> None:
    assert held(12).bids.apply([order(rank, name="new")], 25) is hashed


@pytest.mark.parametrize(("qty", "told"), [(1, False), (0, True), (-1, True)])
@pytest.mark.parametrize("action", [ADD, MODIFY])
def test_an_order_rests_with_a_quantity_above_zero(
    qty: int, told: bool, action: OrderAction
) -> None:
    bids = held(12).bids
    change = order(11, qty, action, "new" if action is ADD else "")
    assert bids.apply([change], 25) is told
    assert (bids.contradiction is not None) is told


def test_of_an_id_that_a_snapshot_has_twice_the_last_row_counts() -> None:
    book = L3Book("BTC/USD", P, 25)
    rows = (order(0, name="twice"), order(1), order(2, 7, name="twice"))
    book.apply(L3Snapshot(0, "BTC/USD", P, rows, (), 0))
    assert [each.order_id for each in book.bids.orders()] == ["O990", "twice"]
    assert [level.price for level in book.bids] == [990, 980]
    resting = book.order("twice")
    assert resting is not None
    assert (resting.price, resting.qty) == (980, 7)


def test_an_order_that_was_saved_by_a_removal_is_none_beyond_the_depth_later() -> None:
    bids = held(11, 11).bids
    bids.apply([order(11), order(0, 5, DELETE)], 11)
    assert bids.contradiction is None
    bids.apply([order(-1)], 11)
    assert bids.contradiction is None
    assert next(iter(bids)).price == 1010


def test_an_order_below_a_full_side_is_beyond_the_depth() -> None:
    bids = held(11, 11).bids
    assert bids.apply([order(11)], 11) is True
    assert bids.contradiction is not None
    assert bids.contradiction[1] == 890


def test_every_rank_has_its_level_and_any_other_is_an_index_error() -> None:
    bids = held(3).bids
    assert [bids[rank].price for rank in range(3)] == [1000, 990, 980]
    for rank in (-1, 3, 4):
        with pytest.raises(IndexError):
            bids[rank]


def test_a_price_has_its_queue_and_a_price_between_has_none() -> None:
    bids = held(3).bids
    found = {price: bids.at(price) for price in (1001, 1000, 995, 980, 979)}
    assert {price: queue.price for price, queue in found.items() if queue} == {1000: 1000, 980: 980}


def test_the_best_level_is_the_sum_of_its_orders() -> None:
    book = held(2)
    book.bids.apply([order(0, 7, name="second")], 25)
    assert book.bids.best == Level(1000, 12)
    assert (book.asks.best, book.side_of("second"), book.side_of("none")) == (None, Side.BID, None)
    assert book.place("none") is None


def test_orders_are_counted_by_price_from_the_best_one_to_an_edge() -> None:
    bids = [order(0), order(1), order(1, name="other"), order(2), order(3)]
    asks = [order(-1), order(-2), order(-2, name="third"), order(-3)]
    book = L3Book("BTC/USD", P, 25)
    book.apply(L3Snapshot(0, "BTC/USD", P, tuple(bids), tuple(asks), 0))
    assert book.bids.counts(980) == {1000: 1, 990: 2, 980: 1}
    assert book.bids.counts(1001) == {}
    assert book.asks.counts(1020) == {1010: 1, 1020: 2}
