"""A book held against the engine's own, as the simulator's test bench tells it."""

from __future__ import annotations

from kracked.book.l2 import L2Book
from kracked.book.l3 import L3Book, OrderSide
from kracked.book.side import BookSide


def differences(book: L2Book | L3Book, truth: dict) -> list[tuple]:
    """Side, our row and the exchange's, wherever they differ: every level, every order."""
    found = []
    for name, side in (("bids", book.bids), ("asks", book.asks)):
        ours, theirs = rows(side), truth[name]
        if ours != theirs:
            length = max(len(ours), len(theirs))
            padded = [[*each, *[None] * (length - len(each))] for each in (ours, theirs)]
            found += [(name, *pair) for pair in zip(*padded, strict=True) if pair[0] != pair[1]]
    return found


def rows(side: BookSide | OrderSide) -> list[list]:
    """Levels as (price, quantity); orders as (id, price, quantity, entered), in queue order."""
    if isinstance(side, BookSide):
        return [[level.price, level.qty] for level in side]
    return [
        [order.order_id, order.price, order.qty, order.exchange_time]
        for queue in side
        for order in queue
    ]
