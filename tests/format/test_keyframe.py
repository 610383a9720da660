"""A whole book as one message: it says what the book says, whatever the exchange wrote there."""

from __future__ import annotations

import pytest

from kracked.book.l2 import L2Book
from kracked.book.l3 import L3Book
from kracked.format import keyframe
from kracked.instruments import Precision
from kracked.protocol import events
from kracked.protocol.codec import Codec
from kracked.protocol.events import (
    BookSnapshot,
    BookUpdate,
    L3Snapshot,
    OrderAction,
    OrderChange,
)

PRECISION = Precision(1, 8)


@pytest.mark.parametrize("text", ["2026-08-01T02:53:53.646219Z", '"}],', "a\\", "\n", "\u00e9"])
def test_text_of_any_kind_is_read_back(text: str) -> None:
    book = L3Book("BTC/USD", PRECISION, 10)
    order = OrderChange(OrderAction.ADD, text, 630050, 1, text)
    book.apply(L3Snapshot(0, "BTC/USD", PRECISION, (order,), (), 0, text))
    message = keyframe.as_snapshot(keyframe.encode(book))
    [event] = Codec({"BTC/USD": PRECISION}).decode(message)
    assert isinstance(event, events.L3Snapshot)
    assert (event.bids, event.timestamp) == ((order,), text)


def book_of(symbol: str, levels: int, depth: int = 10) -> L2Book:
    """A verified book of so many bids."""
    book = L2Book(symbol, PRECISION, depth)
    book.apply(
        BookSnapshot(0, symbol, PRECISION, tuple((630050 - n, 1) for n in range(levels)), (), 0)
    )
    book.verified = True
    return book


def test_a_level_2_picture_is_not_changed_by_what_comes() -> None:
    book = book_of("BTC/USD", 3)
    taken = keyframe.lazy_snapshot(book, 1)
    book.apply(BookUpdate(2, "BTC/USD", PRECISION, ((630050, 0), (630049, 7)), (), 0))
    assert [*taken.bids] == [(630050, 1), (630049, 1), (630048, 1)]
