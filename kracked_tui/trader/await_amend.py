"""Waits for an amend to show in the book, to measure what it did to the place in the queue."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kracked.book.l3 import L3Book
    from kracked.book.queue import QueuePosition
    from kracked.protocol.events import OrderChange

_LOOKS, _EVERY_S = 60, 0.05
"""The order's own stream and the book's come over two connections: one is ahead of the other."""


async def place_after(
    book: L3Book, order_id: str, before: OrderChange | None
) -> QueuePosition | None:
    """Where the order stands once it is not as it was `before`; None when that never shows."""
    for _ in range(_LOOKS):
        order = book.order(order_id)
        if order is not None and order != before:
            return book.place(order_id)
        await asyncio.sleep(_EVERY_S)
    return None
