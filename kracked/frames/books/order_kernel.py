"""The level 3 book as plain integers, so that millions of rows replay quickly.

`kracked.book` has all the rules. The kernel does only what a valid message may do: add an
order, remove it with the numbers it had, or modify it. At anything else it stops and reports
the row, and the keeper takes over (see `order_replay`). It computes no checksum.

A *node* is a small number: 0 is nothing, then come the price levels, sorted towards the best
of each side, asks before bids, then the orders. A level and its orders are a ring in queue
order, by `after` and `before`. `qty` of a level is the sum over its ring. `level` is the level
of an order, 0 while it does not rest.

Every line is Python over lists, and compiled by numba over arrays too (see `numba_engine`). So
it is one loop without a call or an object per row: a call each would cost a fifth.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Any, NamedTuple

Cells = Any
"""A list of int, or an array of int64: the kernel reads and writes both alike."""

ADD, DELETE, MODIFY, UNKNOWN = 0, 1, 2, 3
LAST = 4
"""Added to the action of a message's last row."""
FREE = 1 << 62
"""In place of a number of levels: no limit."""
WHOLE = -1
"""In place of a row: every row was applied."""


class OrderChanges(NamedTuple):
    """Columns of rows: the nodes of order and level, the quantity, the action."""

    order: Cells
    level: Cells
    qty: Cells
    action: Cells


class Rings(NamedTuple):
    """The levels and their orders, by node."""

    after: Cells
    before: Cells
    qty: Cells
    level: Cells


class Shape(NamedTuple):
    """The bounds of a book."""

    first_bid: int
    """The lowest node of a bid's level."""
    depth: int
    """Levels a side that remain after a message."""
    limit: int
    """Levels before an order from which on it cannot be applied."""


class Touches(NamedTuple):
    """The best levels' nodes and quantities each time they changed, and the message's last row."""

    row: Cells
    bid: Cells
    bid_qty: Cells
    ask: Cells
    ask_qty: Cells


def advance(  # noqa: C901, PLR0912, PLR0915 - one loop, see above
    changes: OrderChanges, rings: Rings, sides: tuple[Cells, Cells], shape: Shape, touches: Touches
) -> tuple[int, int, list[int], list[int]]:
    """Apply rows.

    Args:
        changes: The rows.
        rings: The levels and their orders; changed in place.
        sides: The levels with orders, bids and asks, each as 0 and then worst to best.
        shape: The bounds of the book.
        touches: Filled with the touch after the first message and after each change.

    Returns:
        How many touches there are, the row that could not be applied or WHOLE, and the sides.
    """
    after, before, qty, resting = rings
    first_bid, depth, limit = shape
    ends, touch_bids, bid_qtys, touch_asks, ask_qtys = touches
    bids, asks = list(sides[0]), list(sides[1])
    room, count, row, grown = depth + 1, 0, -1, False
    bid, ask, bid_qty, ask_qty = -1, -1, -1, -1
    for order, level, size, action in zip(*changes):  # noqa: B905 - numba knows no strict
        row += 1
        held, last = resting[order], action >= LAST
        if last:
            action -= LAST  # noqa: PLW2901 - a name less to bind
        if action == MODIFY and held == level:  # in place
            qty[level] += size - qty[order]
            qty[order] = size
        else:
            if action == ADD:
                if held:
                    return count, row, bids, asks
            else:  # it is removed, or moves to another price
                if action == DELETE:
                    if held != level or (size and size != qty[order]):
                        return count, row, bids, asks
                elif action == UNKNOWN or not held or (held < first_bid) != (level < first_bid):
                    return count, row, bids, asks
                front, back = before[order], after[order]
                after[front] = back
                before[back] = front
                qty[held] -= qty[order]
                resting[order] = 0
                if front == back:  # the level was left alone in its ring
                    side = bids if held >= first_bid else asks
                    side.pop(bisect_left(side, held))
            if action != DELETE:
                front = before[level]
                if front == level:
                    side = bids if level >= first_bid else asks
                    at = bisect_left(side, level)
                    if len(side) - at >= limit:
                        return count, row, bids, asks
                    side.insert(at, level)
                    grown = True
                after[front] = before[level] = order
                before[order] = front
                after[order] = level
                qty[level] += size
                qty[order] = size
                resting[order] = level
        if last:
            if grown:
                grown = False
                if len(bids) > room:
                    cut(bids, room, rings)
                if len(asks) > room:
                    cut(asks, room, rings)
            if bids[-1] != bid or asks[-1] != ask or qty[bid] != bid_qty or qty[ask] != ask_qty:
                bid, ask = bids[-1], asks[-1]
                bid_qty, ask_qty = qty[bid], qty[ask]
                ends[count] = row
                touch_bids[count], bid_qtys[count] = bid, bid_qty
                touch_asks[count], ask_qtys[count] = ask, ask_qty
                count += 1
    return count, WHOLE, bids, asks


def cut(side: list[int], room: int, rings: Rings) -> None:
    """Remove the worst levels with all their orders, until the side has `room` nodes."""
    after, before, qty, resting = rings
    while len(side) > room:
        level = side.pop(1)
        order = after[level]
        while order != level:
            resting[order] = 0
            order = after[order]
        after[level] = before[level] = level
        qty[level] = 0


def queued(levels: Cells, after: Cells, found: Cells) -> int:
    """Put the orders of these levels into `found`, in queue order; return how many they are."""
    count = 0
    for level in levels:
        order = after[level]
        while order != level:
            found[count] = order
            count += 1
            order = after[order]
    return count
