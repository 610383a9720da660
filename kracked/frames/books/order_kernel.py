"""The level 3 book as plain integers: what makes replaying millions of rows quick.

`kracked.book` holds the rules, all of them; here stands only what a sound message may do:
an order comes, goes with the numbers it had, or changes. At anything else the kernel stops
and says where, and the keeper takes over (see `order_replay`). It hashes nothing.

A *node* is a small number: 0 is nothing, then come the price levels, sorted towards the
best of each side, asks before bids, then the orders. A level and its orders are a ring in
queue order, `after` and `before`; `qty` of a level is the sum over its ring; `level` is
where an order rests, 0 for nowhere.

Every line is both Python over lists and what numba compiles over arrays (see `compiled`).
So it is one loop without a call or an object for a row: a call each would cost a fifth.
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
"""No row was strange."""


class OrderChanges(NamedTuple):
    """Rows, one cell of each column a row."""

    order: Cells
    level: Cells
    qty: Cells
    action: Cells


class Rings(NamedTuple):
    """The orders that rest, by node."""

    after: Cells
    before: Cells
    qty: Cells
    level: Cells


class Shape(NamedTuple):
    first_bid: int
    """The lowest node of a bid's level."""
    depth: int
    """Levels a side that stay after a message."""
    limit: int
    """An order behind so many levels is strange."""


class Touches(NamedTuple):
    """Best levels by node and what rests there, each time they changed; `row` ended the message."""

    row: Cells
    bid: Cells
    bid_qty: Cells
    ask: Cells
    ask_qty: Cells


def advance(  # noqa: C901, PLR0912, PLR0915 - one loop, see above
    changes: OrderChanges, rings: Rings, sides: tuple[Cells, Cells], shape: Shape, touches: Touches
) -> tuple[int, int, list[int], list[int]]:
    """Apply rows; how many touches were told, the strange row or WHOLE, and the sides.

    `sides` are the levels that hold orders, bids and asks, each as 0 and then worst to best.
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
            else:  # it goes, or moves to another price
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
                if front == back:  # only the level is left of its ring
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
    """Forget the worst levels with all their orders, until the side is so long."""
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
    """Put the orders of these levels into `found`, each level's in queue order; how many."""
    count = 0
    for level in levels:
        order = after[level]
        while order != level:
            found[count] = order
            count += 1
            order = after[order]
    return count
