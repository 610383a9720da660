"""Which books' keyframes are due: each once a round, the rounds as far apart as searches bear."""

from __future__ import annotations

import pytest

from kracked.book.l2 import L2Book
from kracked.instruments import Precision
from kracked.protocol.events import BookSnapshot
from kracked.record.write.book_tracking import KeyframeSchedule
from kracked.times import NS_PER_S

PRECISION = Precision(1, 8)


def book_of(symbol: str, levels: int, depth: int = 10) -> L2Book:
    """A verified book of so many bids."""
    book = L2Book(symbol, PRECISION, depth)
    book.apply(
        BookSnapshot(0, symbol, PRECISION, tuple((630050 - n, 1) for n in range(levels)), (), 0)
    )
    book.verified = True
    return book


def test_all_books_have_their_turn_at_once_when_they_are_small() -> None:
    books = [book_of(f"{n}/USD", 10) for n in range(8)]
    schedule = KeyframeSchedule()
    assert schedule.due(books, 0) == books
    assert schedule.due(books, 1) == []


def test_of_deep_books_one_at_a_time_has_its_turn() -> None:
    books = [book_of(f"{n}/USD", 1000, 1000) for n in range(3)]
    schedule = KeyframeSchedule()
    assert [schedule.due(books, now) for now in range(4)] == [[book] for book in books] + [[]]


@pytest.mark.parametrize("levels", [10, 1000])
def test_a_round_is_due_after_messages_of_all_books_together(levels: int) -> None:
    """The more the larger the books are, by half a message a row."""
    books = [book_of("BTC/USD", levels, levels), book_of("ETH/USD", levels, levels)]
    schedule = KeyframeSchedule()
    for now in range(2):
        schedule.due(books, now)
    books[0].stats.verified += 4_000 + levels - 1
    assert schedule.due(books, 2) == []
    books[1].stats.verified += 1
    assert schedule.due(books, 3)


def test_a_book_in_doubt_has_its_turn_once_it_is_proven() -> None:
    book, doubted = book_of("BTC/USD", 10), book_of("ETH/USD", 10)
    doubted.verified = False
    schedule = KeyframeSchedule()
    assert schedule.due([book, doubted], 0) == [book]
    doubted.verified = True
    assert schedule.due([book, doubted], 1) == [doubted]


def test_after_a_minute_a_few_messages_are_enough() -> None:
    book = book_of("BTC/USD", 10)
    schedule = KeyframeSchedule()
    schedule.due([book], 0)
    book.stats.verified += 5
    assert schedule.due([book], 60 * NS_PER_S - 1) == []
    assert schedule.due([book], 60 * NS_PER_S) == [book]


def test_without_a_message_nothing_is_due() -> None:
    book = book_of("BTC/USD", 1)
    schedule = KeyframeSchedule()
    schedule.due([book], 0)
    assert schedule.due([book], 600 * NS_PER_S) == []
