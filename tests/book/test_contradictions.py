"""Updates that contradict the book: an earlier update was lost.

The checksum sees ten levels a side. Each case here is a book of twelve, with what the
exchange would say of it next, below the tenth or of no consequence for the ten.
"""

from __future__ import annotations

import random

import pytest

from kracked.book.checksum import checksum
from kracked.book.keeper import BookKeeper
from kracked.book.l2 import L2Book
from kracked.book.l3 import L3Book
from kracked.instruments import Precision
from kracked.protocol.codec import Codec
from kracked.protocol.events import (
    BookSnapshot,
    BookUpdate,
    L3Snapshot,
    L3Update,
    OrderAction,
    OrderChange,
    Resync,
    Subscribed,
)
from tests.benchmarks.streams import stream

PRECISION = Precision(1, 8)
NOW = "2026-08-01T02:53:53.646219Z"
DEPTH = 12
BIDS = tuple((1000 - rank, 5) for rank in range(DEPTH))
WORST = 1000 - DEPTH + 1
ADD, MODIFY, DELETE = OrderAction.ADD, OrderAction.MODIFY, OrderAction.DELETE


def order(price: int, qty: int = 5, action: OrderAction = ADD, name: str = "") -> OrderChange:
    return OrderChange(action, name or f"O{price}", price, qty, NOW)


def levels(*changes: tuple[int, int], known: bool = True) -> L2Book:
    """Return a level 2 book after one more update."""
    book = L2Book("BTC/USD", PRECISION, DEPTH)
    book.set_limit(DEPTH if known else 0)
    book.apply(BookSnapshot(0, "BTC/USD", PRECISION, BIDS, (), checksum((), BIDS)))
    book.apply(BookUpdate(0, "BTC/USD", PRECISION, changes, (), checksum((), BIDS)))
    return book


def orders(*changes: OrderChange, asks: tuple[OrderChange, ...] = ()) -> L3Book:
    """Return a level 3 book with an order a level, after one more update."""
    book = L3Book("BTC/USD", PRECISION, DEPTH)
    held, digits = tuple(order(price) for price, _ in BIDS), checksum((), BIDS)
    book.apply(L3Snapshot(0, "BTC/USD", PRECISION, held, (), digits))
    book.apply(L3Update(0, "BTC/USD", PRECISION, changes, asks, digits))
    return book


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ((WORST - 1, 7), "a level was added beyond the depth at 98.8"),
        ((WORST, -7), "a quantity was below zero at 98.9"),
        ((WORST - 5, -7), "a quantity was below zero at 98.4"),
    ],
)
def test_a_level_that_cannot_be_ends_the_trust(change: tuple[int, int], words: str) -> None:
    book = levels(change)
    assert (book.verified, book.contradiction) == (False, words)


def test_a_level_that_goes_without_having_come_ends_the_trust() -> None:
    book = levels((WORST, 0), (WORST, 0))
    assert book.contradiction == "a level was removed that was not held at 98.9"


def test_a_level_that_goes_beyond_all_that_are_held_may_have_been_cut_here() -> None:
    assert levels((WORST - 3, 0)).verified


def test_a_depth_that_was_guessed_proves_nothing() -> None:
    assert levels((WORST - 1, 7), known=False).verified


def test_a_level_may_go_and_be_back_within_one_message() -> None:
    assert levels((WORST, 0), (WORST, 5)).verified


def test_the_next_level_may_come_before_another_goes_in_one_message() -> None:
    book = levels((WORST - 1, 7), (WORST, 0))
    assert (book.verified, book.bids[DEPTH - 1].price) == (True, WORST - 1)


def test_the_orders_of_the_next_level_may_come_before_another_level_goes() -> None:
    book = orders(order(WORST - 1), order(WORST, 0, DELETE))
    assert (book.verified, book.bids[DEPTH - 1].price) == (True, WORST - 1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (order(WORST - 1), "an order was added beyond the depth at 98.8"),
        (order(WORST, 0, name="new"), "an order had no quantity at 98.9"),
        (order(WORST, 0, MODIFY), "an order had no quantity at 98.9"),
        (order(WORST), "an order was added that was held already at 98.9"),
        (
            order(WORST, 5, DELETE, "new"),
            "an order was changed or removed that was not held at 98.9",
        ),
        (
            order(WORST, 5, MODIFY, "new"),
            "an order was changed or removed that was not held at 98.9",
        ),
        (order(WORST, 4, DELETE), "an order was removed with other numbers than held at 98.9"),
        (
            order(WORST - 1, 5, DELETE, f"O{WORST}"),
            "an order was removed with other numbers than held at 98.8",
        ),
    ],
)
def test_an_order_that_cannot_be_ends_the_trust(change: OrderChange, words: str) -> None:
    book = orders(change)
    assert (book.verified, book.contradiction) == (False, words)


def test_an_order_that_changes_sides_ends_the_trust() -> None:
    assert orders(asks=(order(WORST, 5, MODIFY),)).contradiction


def test_an_order_that_goes_beyond_all_that_are_held_may_have_been_cut_here() -> None:
    assert orders(order(WORST - 3, 5, DELETE, "new")).verified


@pytest.mark.parametrize("left", [0, 5])
def test_a_filled_order_goes_with_nothing_and_a_cancelled_one_with_all_that_was_left(
    left: int,
) -> None:
    assert not orders(order(WORST, left, DELETE)).contradiction


def test_a_contradiction_is_a_resync_with_its_reason() -> None:
    keeper = BookKeeper()
    keeper.apply(Subscribed(0, "book", "BTC/USD", 25))
    keeper.apply(BookSnapshot(0, "BTC/USD", PRECISION, BIDS, (), checksum((), BIDS)))
    lost = BookUpdate(3, "BTC/USD", PRECISION, ((5, 0),), (), checksum((), BIDS))
    [resync] = keeper.apply(lost)
    assert resync == Resync(
        3, "BTC/USD", "book", "impossible", "a level was removed that was not held at 0.5"
    )
    assert keeper.stats["BTC/USD", "book"].mismatched == 1


BEST = BIDS[0][0]


@pytest.mark.parametrize(
    "change",
    [
        order(BEST, 4, DELETE, "new"),
        order(BEST + 1, 5, DELETE, "new"),
        order(BEST, 5, MODIFY, "new"),
        order(BEST),
    ],
)
def test_among_the_best_ten_the_checksum_alone_decides(change: OrderChange) -> None:
    assert orders(change).verified


def test_a_level_unknown_among_the_best_ten_may_go() -> None:
    assert levels((BEST + 1, 0)).verified


def test_a_book_of_ten_levels_is_the_checksums_to_judge() -> None:
    keeper = BookKeeper(depth=10)
    ten = BIDS[:10]
    keeper.apply(BookSnapshot(0, "BTC/USD", PRECISION, ten, (), checksum((), ten)))
    for change in ((WORST - 1, 7), (WORST - 1, 0), (5, 0)):
        update = BookUpdate(1, "BTC/USD", PRECISION, (change,), (), checksum((), ten))
        assert keeper.apply(update) == ()
    assert keeper.l2["BTC/USD"].verified


def test_a_snapshot_ends_a_contradiction() -> None:
    book = levels((WORST - 1, 7))
    assert book.apply(BookSnapshot(0, "BTC/USD", PRECISION, BIDS, (), checksum((), BIDS)))


@pytest.mark.parametrize("depth", [10, 100, 1000])
@pytest.mark.parametrize("channel", ["book", "level3"])
def test_a_market_that_loses_nothing_contradicts_nothing(channel: str, depth: int) -> None:
    snapshot, updates = stream(channel, depth, 3_000)
    keeper = BookKeeper(depth=depth)
    keeper.receive(snapshot)
    for update in updates:
        keeper.receive(update)
    [stats] = keeper.stats.values()
    assert stats.verified == len(updates) + 1


def test_nearly_every_lost_message_of_a_deep_level_3_book_is_noticed() -> None:
    """A cancelled order far from the touch may never be mentioned again."""
    snapshot, updates = stream("level3", 100, 2_000)
    codec = Codec({"BTC/USD": PRECISION})
    [first], said = codec.decode(snapshot), [codec.decode(update)[0] for update in updates]
    noticed = 0
    for lost in random.Random(1).sample(range(1_000), 40):
        keeper = BookKeeper(depth=100)
        keeper.apply(first)
        heard = (event for number, event in enumerate(said) if number != lost)
        noticed += any(keeper.apply(event) for event in heard)
    assert noticed >= 36
