"""What every book says of itself, before its first message and after."""

from __future__ import annotations

import pytest

from kracked.book.checksum import checksum
from kracked.book.l2 import L2Book
from kracked.book.stats import BookStats
from kracked.instruments import Precision
from kracked.protocol.events import BookSnapshot, BookUpdate, Level, Side

P = Precision(1, 8)


def book(bids: tuple[tuple[int, int], ...] = (), asks: tuple[tuple[int, int], ...] = ()) -> L2Book:
    """Return a book with these levels."""
    made = L2Book("BTC/USD", P, 10)
    made.apply(BookSnapshot(7, "BTC/USD", P, bids, asks, checksum(asks, bids)))
    return made


def test_a_book_without_a_message_states_nothing() -> None:
    fresh = L2Book("BTC/USD", P, 10)
    assert (fresh.checksum, fresh.received, fresh.exchange_time) == (0, 0, None)
    assert (fresh.best_bid, fresh.best_ask, fresh.spread, fresh.crossed) == (
        None,
        None,
        None,
        False,
    )


def test_a_book_is_not_verified_before_a_message_has_proven_it() -> None:
    fresh = L2Book("BTC/USD", P, 10)
    assert (fresh.verified, fresh.computed) == (False, 0)
    bids = ((100, 5),)
    assert fresh.apply(BookUpdate(1, "BTC/USD", P, bids, (), checksum((), bids)))
    assert BookStats("BTC/USD", "book").depth == 0


def test_a_book_states_checksum_and_times_of_its_last_message() -> None:
    bids, asks = ((100, 4),), ((101, 7),)
    made, stated = book(((100, 5),), asks), checksum(asks, bids)
    update = BookUpdate(9, "BTC/USD", P, bids, (), stated, "2026-01-01T00:00:01.000000Z")
    assert made.apply(update)
    assert (made.checksum, made.received) == (stated, 9)
    assert made.exchange_time == 1_767_225_601_000_000_000


@pytest.mark.parametrize("side", Side)
def test_a_book_with_one_side_has_no_spread(side: Side) -> None:
    levels = ((100, 5),)
    made = book(levels, ()) if side is Side.BID else book((), levels)
    assert (made.spread, made.crossed) == (None, False)
    assert list(made.side(side)) == [Level(100, 5)]
    assert list(made.side(side.opposite)) == []


@pytest.mark.parametrize(
    ("ask", "spread", "crossed"), [(103, 3, False), (101, 1, False), (100, 0, True), (98, -2, True)]
)
def test_a_book_is_crossed_when_its_best_bid_reaches_its_best_ask(
    ask: int, spread: int, crossed: bool
) -> None:
    made = book(((100, 5), (99, 6)), ((ask, 7), (110, 8)))
    assert (made.spread, made.crossed) == (spread, crossed)
    assert (made.best_bid, made.best_ask) == (Level(100, 5), Level(ask, 7))
