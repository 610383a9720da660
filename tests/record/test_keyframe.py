"""A whole book as one message: it says what the book says, whatever the exchange wrote there."""

from __future__ import annotations

import pytest

from kracked.book.l3 import L3Book
from kracked.instruments import Precision
from kracked.protocol import events
from kracked.protocol.codec import Codec
from kracked.protocol.events import OrderAction, OrderChange, OrdersSnapshot
from kracked.record import keyframe

PRECISION = Precision(1, 8)


@pytest.mark.parametrize("text", ["2026-08-01T02:53:53.646219Z", '"}],', "a\\", "\n", "\u00e9"])
def test_text_of_any_kind_is_read_back(text: str) -> None:
    book = L3Book("BTC/USD", PRECISION, 10)
    order = OrderChange(OrderAction.ADD, text, 630050, 1, text)
    book.apply(OrdersSnapshot(0, "BTC/USD", PRECISION, (order,), (), 0, text))
    message = keyframe.as_snapshot(keyframe.encode(book))
    [event] = Codec({"BTC/USD": PRECISION}).decode(message)
    assert isinstance(event, events.OrdersSnapshot)
    assert (event.bids, event.timestamp) == ((order,), text)
