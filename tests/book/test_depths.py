"""Depths and precisions that become known late, or change: no level is off, none stays too long."""

from __future__ import annotations

import pytest

from kracked.book.checksum import checksum
from kracked.book.keeper import BookKeeper
from kracked.book.side import BookSide
from kracked.instruments import Precision
from kracked.protocol import events
from kracked.protocol.events import (
    BookSnapshot,
    BookUpdate,
    L3Snapshot,
    L3Update,
    OrderAction,
    OrderChange,
    Resync,
    Side,
)

BTC = "BTC/USD"
P = Precision(1, 4)
WIDER = Precision(2, 6)
ADD, DELETE = OrderAction.ADD, OrderAction.DELETE


def levels(count: int, start: int = 1000, step: int = -1) -> tuple[tuple[int, int], ...]:
    return tuple((start + step * rank, 10 + rank) for rank in range(count))


def order(price: int, qty: int, action: OrderAction = ADD) -> OrderChange:
    return OrderChange(action, f"O{price}", price, qty, "2026-01-01T00:00:00Z")


def snapshot(bids, asks, precision: Precision = P) -> BookSnapshot:
    return BookSnapshot(0, BTC, precision, bids, asks, checksum(asks, bids))


def orders_of(side) -> tuple[OrderChange, ...]:
    return tuple(order(price, qty) for price, qty in side)


def l3_snapshot(bids, asks, precision: Precision = P) -> L3Snapshot:
    return L3Snapshot(0, BTC, precision, orders_of(bids), orders_of(asks), checksum(asks, bids))


BIDS, ASKS = levels(12), levels(12, 1001, 1)


# --- a precision that widens --------------------------------------------------------------


def widened(side, by: int = 10, qty_by: int = 100) -> list[tuple[int, int]]:
    return [(price * by, qty * qty_by) for price, qty in side]


def test_a_wider_update_widens_the_old_levels_and_verifies() -> None:
    keeper = BookKeeper(depth=25)
    keeper.apply(snapshot(BIDS, ASKS))
    bids = [(10005, 7), *widened(BIDS)]
    update = BookUpdate(1, BTC, WIDER, ((10005, 7),), (), checksum(widened(ASKS), bids))
    assert keeper.apply(update) == ()
    book = keeper.l2[BTC]
    assert (list(book.bids), list(book.asks)) == (bids, widened(ASKS))
    assert (book.verified, book.precision) == (True, WIDER)
    assert (book.stats.verified, book.stats.ignored, book.stats.mismatched) == (2, 0, 0)


def test_a_wider_update_widens_the_old_orders_and_verifies() -> None:
    keeper = BookKeeper(depth=100)
    keeper.apply(l3_snapshot(BIDS, ASKS))
    bids = [(10005, 7), *widened(BIDS)]
    update = L3Update(1, BTC, WIDER, (order(10005, 7),), (), checksum(widened(ASKS), bids))
    assert keeper.apply(update) == ()
    book = keeper.l3[BTC]
    assert [(one.price, one.qty) for one in book.bids.orders()] == bids
    assert [(one.price, one.qty) for one in book.asks.orders()] == widened(ASKS)
    assert (book.verified, book.precision) == (True, WIDER)


@pytest.mark.parametrize("wider", [Precision(2, 4), Precision(1, 6)])
def test_a_precision_may_widen_in_one_of_its_two_numbers(wider: Precision) -> None:
    keeper = BookKeeper(depth=25)
    keeper.apply(snapshot(BIDS, ASKS))
    by = 10 ** (wider.price - P.price), 10 ** (wider.qty - P.qty)
    bids, asks = widened(BIDS, *by), widened(ASKS, *by)
    update = BookUpdate(1, BTC, wider, ((bids[0][0], 3),), (), 0)
    bids[0] = (bids[0][0], 3)
    keeper.apply(
        BookUpdate(1, BTC, wider, update.bids, (), checksum(asks, bids)),
    )
    assert keeper.l2[BTC].verified
    assert list(keeper.l2[BTC].bids) == bids


@pytest.mark.parametrize("narrower", [Precision(0, 4), Precision(1, 3), Precision(0, 6)])
def test_a_narrower_precision_ends_the_trust(narrower: Precision) -> None:
    keeper = BookKeeper(depth=25)
    keeper.apply(snapshot(BIDS, ASKS))
    [resync] = keeper.apply(BookUpdate(1, BTC, narrower, ((100, 3),), (), 1))
    assert isinstance(resync, Resync)
    assert (resync.reason, resync.channel, resync.received) == ("precision", "book", 1)
    assert keeper.stats[BTC, "book"].ignored == 1
    assert not keeper.l2[BTC].verified


# --- depths -------------------------------------------------------------------------------


def test_a_guessed_depth_is_no_limit_and_an_acknowledged_one_is() -> None:
    guessing, told = BookKeeper(), BookKeeper()
    told.expect(BTC, "book", 25)
    for keeper in (guessing, told):
        keeper.apply(snapshot(levels(20), levels(20, 1001, 1)))
    assert (guessing.l2[BTC].depth, guessing.l2[BTC].bids.limit) == (25, 0)
    assert (told.l2[BTC].depth, told.l2[BTC].bids.limit) == (25, 25)


def test_a_snapshot_as_deep_as_acknowledged_is_believed() -> None:
    keeper = BookKeeper()
    keeper.expect(BTC, "book", 20)
    keeper.apply(snapshot(levels(20), levels(20, 1001, 1)))
    assert (keeper.l2[BTC].depth, keeper.l2[BTC].asks.limit) == (20, 20)


def test_an_empty_snapshot_has_the_depth_that_was_acknowledged() -> None:
    keeper = BookKeeper()
    keeper.expect(BTC, "book", 100)
    keeper.apply(snapshot((), ()))
    assert (keeper.l2[BTC].depth, keeper.l2[BTC].bids.limit) == (100, 100)


@pytest.mark.parametrize("channel", ["book", "level3"])
def test_acknowledged_depths_end_with_their_connection(channel: str) -> None:
    keeper = BookKeeper()
    keeper.apply(events.Status(0, "online", connection_id=1))
    keeper.apply(events.Subscribed(0, channel, BTC, 100))
    keeper.apply(events.Status(0, "online", connection_id=1))
    small = (BIDS[:5], ASKS[:5])
    make = snapshot if channel == "book" else l3_snapshot
    books = keeper.l2 if channel == "book" else keeper.l3
    keeper.apply(make(*small))
    assert books[BTC].depth == 100
    keeper.apply(events.Status(0, "online", connection_id=2))
    keeper.apply(make(*small))
    assert (books[BTC].depth, books[BTC].bids.limit) == (10, 0)


def test_a_forgotten_book_s_depth_is_forgotten_too() -> None:
    keeper = BookKeeper()
    keeper.expect(BTC, "book", 100)
    keeper.forget(BTC, "book")
    keeper.apply(snapshot(BIDS[:5], ASKS[:5]))
    assert keeper.l2[BTC].depth == 10


def test_a_depth_that_comes_late_cuts_hashes_and_limits_both_sides() -> None:
    keeper = BookKeeper()
    bids, asks = levels(12), levels(12, 1001, 1)
    keeper.apply(snapshot(bids, asks))
    keeper.expect(BTC, "book", 5)
    book = keeper.l2[BTC]
    assert (len(book.bids), len(book.asks)) == (5, 5)
    assert (book.depth, book.bids.limit, book.asks.limit) == (5, 5, 5)
    assert book.computed == checksum(asks[:5], bids[:5])
    assert keeper.stats[BTC, "book"].depth == 5


def test_a_depth_that_comes_late_cuts_hashes_and_limits_the_orders_too() -> None:
    keeper = BookKeeper()
    bids, asks = levels(12), levels(12, 1001, 1)
    keeper.apply(l3_snapshot(bids, asks))
    keeper.expect(BTC, "level3", 5)
    book = keeper.l3[BTC]
    assert (len(book.bids), len(book.asks), len(book)) == (5, 5, 10)
    assert (book.depth, book.bids.limit, book.asks.limit) == (5, 5, 5)
    assert book.computed == checksum(asks[:5], bids[:5])
    assert book.order("O989") is None


def test_after_a_late_depth_a_contradiction_is_seen() -> None:
    keeper = BookKeeper()
    bids, asks = levels(25), levels(25, 1001, 1)
    keeper.apply(snapshot(bids, asks))
    keeper.expect(BTC, "book", 25)
    far = BookUpdate(1, BTC, P, ((900, 5),), (), checksum(asks, bids))
    [resync] = keeper.apply(far)
    assert isinstance(resync, Resync)
    assert resync.reason == "impossible"
    assert "beyond the depth" in resync.detail


@pytest.mark.parametrize("channel", ["book", "level3"])
def test_a_snapshot_deeper_than_any_depth_on_offer_is_no_book(channel: str) -> None:
    keeper, make = BookKeeper(), snapshot if channel == "book" else l3_snapshot
    books = keeper.l2 if channel == "book" else keeper.l3
    keeper.apply(make(BIDS, ASKS))
    deep = levels(1001, 2000), levels(1000, 2001, 1)
    [resync] = keeper.apply(make(*deep))
    detail = "1001 levels a side, and at most 1000 are offered"
    assert resync == Resync(0, BTC, channel, "impossible", detail)
    assert not books[BTC].verified
    assert len(books[BTC].bids) == len(BIDS)
    assert (keeper.stats[BTC, channel].mismatched, keeper.stats[BTC, channel].snapshots) == (1, 2)


def test_a_snapshot_as_deep_as_the_caller_says_is_a_book_whatever_is_offered() -> None:
    keeper = BookKeeper(depth=2000)
    keeper.apply(snapshot(levels(1001, 2000), levels(1000, 2001, 1)))
    assert keeper.l2[BTC].verified


def test_a_depth_of_the_caller_is_not_overruled() -> None:
    keeper = BookKeeper(depths={BTC: 25})
    keeper.apply(snapshot(BIDS, ASKS))
    keeper.expect(BTC, "book", 5)
    assert (keeper.l2[BTC].depth, len(keeper.l2[BTC].bids)) == (25, 12)


# --- doubt --------------------------------------------------------------------------------


def both() -> BookKeeper:
    keeper = BookKeeper(depth=25)
    keeper.apply(snapshot(BIDS, ASKS))
    keeper.apply(l3_snapshot(BIDS, ASKS))
    return keeper


@pytest.mark.parametrize("channel", ["ticker", "trade", "ohlc", "instrument", "executions"])
def test_an_unreadable_message_of_another_channel_distrusts_no_book(channel: str) -> None:
    keeper = both()
    assert keeper.apply(events.Malformed(1, "", "odd", BTC, channel)) == ()
    assert keeper.l2[BTC].verified
    assert keeper.l3[BTC].verified
    assert all(stats.unreadable == 0 for stats in keeper.stats.values())


@pytest.mark.parametrize(("channel", "other"), [("book", "level3"), ("level3", "book")])
def test_an_unreadable_message_of_a_book_distrusts_and_counts_that_book_alone(
    channel: str, other: str
) -> None:
    keeper = both()
    [resync] = keeper.apply(events.Malformed(1, "", "odd", BTC, channel))
    assert resync == Resync(1, BTC, channel, "impossible", "odd")
    books = {"book": keeper.l2[BTC], "level3": keeper.l3[BTC]}
    assert (books[channel].verified, books[other].verified) == (False, True)
    assert (keeper.stats[BTC, channel].unreadable, keeper.stats[BTC, other].unreadable) == (1, 0)


def test_a_message_about_nothing_known_distrusts_both_books() -> None:
    keeper = both()
    resyncs = keeper.apply(events.Malformed(1, "", "odd"))
    assert {one.channel for one in resyncs} == {"book", "level3"}


# --- one side -----------------------------------------------------------------------------


def side_of(changes, depth: int = 25, limit: int = 0, kind: Side = Side.BID) -> BookSide:
    side = BookSide(kind)
    side.limit = limit
    side.replace(changes, depth)
    return side


@pytest.mark.parametrize("rank", [-1, 3, 4])
def test_a_rank_that_no_level_has_is_an_index_error(rank: int) -> None:
    with pytest.raises(IndexError):
        side_of(levels(3))[rank]


def test_every_rank_has_its_level() -> None:
    assert [side_of(levels(3))[rank] for rank in range(3)] == list(levels(3))


def test_a_level_of_nothing_in_a_snapshot_is_none() -> None:
    side = side_of([(1000, 5), (999, 0), (998, 7)])
    assert list(side) == [(1000, 5), (998, 7)]
    assert side.contradiction is None


def test_a_side_taken_from_another_is_cut_to_its_own_depth() -> None:
    deep, shallow = side_of(levels(20)), BookSide(Side.BID)
    shallow.contradiction = ("old", 1)
    shallow.replace(deep, 5)
    assert list(shallow) == list(levels(5))
    assert shallow.digits == side_of(levels(5)).digits
    assert shallow.contradiction is None
    assert len(deep) == 20


def test_the_removal_of_a_level_that_should_be_held_is_a_contradiction() -> None:
    side = side_of([*levels(11), (980, 4)], limit=25)
    assert side.apply([(985, 0)], 25)
    assert side.contradiction == ("a level was removed that was not held", 985)


def test_the_removal_of_the_eleventh_level_that_was_never_held_is_one_too() -> None:
    side = side_of([*levels(10), (980, 4)], limit=25)
    side.apply([(985, 0)], 25)
    assert side.contradiction == ("a level was removed that was not held", 985)


def test_below_a_full_side_a_removal_means_nothing() -> None:
    side = side_of(levels(25), limit=25)
    side.apply([(900, 0)], 25)
    assert side.contradiction is None


def test_below_a_side_that_is_not_full_a_removal_contradicts() -> None:
    side = side_of(levels(24), limit=25)
    side.apply([(900, 0)], 25)
    assert side.contradiction == ("a level was removed that was not held", 900)


def test_among_the_best_ten_a_removal_is_the_checksums_to_judge() -> None:
    side = side_of([*levels(5), *levels(20, 990)], limit=25)
    side.apply([(994, 0)], 25)
    assert side.contradiction is None
