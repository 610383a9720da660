"""A level 3 book as the kernel's integers, for the rows of one file.

It numbers the file's prices and orders as nodes, lets the kernel apply rows, and reads the
book back. A row that the kernel cannot apply is only reported; `order_replay` deals with it.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import NamedTuple
from zlib import crc32

import numpy as np
import pandas as pd

from kracked.book.checksum import LEVELS_HASHED, level_digits
from kracked.book.l3 import L3Book
from kracked.errors import says
from kracked.frames.books.numba_engine import Kernel
from kracked.frames.books.order_kernel import (
    ADD,
    DELETE,
    FREE,
    WHOLE,
    Cells,
    OrderChanges,
    Rings,
    Shape,
    Touches,
)
from kracked.frames.books.order_rows import Ints, OrderRows

NONE = -1
"""In place of the price and quantity of a missing level."""


class BookOrder(NamedTuple):
    """An order in a book."""

    order_id: str
    key: int
    """Its price; an ask's is negative."""
    qty: int


class QueuedOrders(NamedTuple):
    """All orders in a book, each level's in queue order."""

    order: Ints
    """Node of each order."""
    level: Ints
    """Node of its level."""
    qty: Ints


@says("the kernel cannot apply row {row}")
class UnexpectedRow(Exception):
    """A row that only the book's own rules can judge; caught by `order_replay`."""

    row: int


class OrderArrays:
    """One symbol's book while the messages of one file are applied."""

    def __init__(self, rows: OrderRows, resting: list[BookOrder], kernel: Kernel) -> None:
        """Hold the orders in the book when the file begins, each level's in queue order."""
        self._rows, self._kernel, count = rows, kernel, len(resting)
        ids = rows.frame["order_id"]
        before = pd.Series([one.order_id for one in resting], dtype=ids.dtype)
        codes, names = pd.factorize(pd.concat([before, ids]))
        before_keys = np.array([one.key for one in resting], dtype=np.int64)
        ranks, keys = pd.factorize(np.concatenate((before_keys, rows.key)), sort=True)
        self._keys = np.concatenate(([0], keys))
        """Key of each level's node."""
        self._price = np.concatenate(([NONE], np.abs(keys)))
        self._names, self._orders = pd.Index(names), len(self._keys)
        """Order id of each order's node, and the first such node."""
        self._node, self._level = codes + self._orders, ranks + 1
        """Nodes of the order and level of the `count` orders, then of each row."""
        self._count = count
        self._nodes: dict[str, int] = {}
        first_bid = int(np.searchsorted(keys, 0)) + 1
        self._shape = Shape(first_bid, FREE, FREE)
        cells, nodes = kernel.cells, self._orders + len(names)
        blank, alone = np.zeros(nodes, dtype=np.int64), np.arange(nodes)
        self._rings = Rings(cells(alone), cells(alone.copy()), cells(blank), cells(blank.copy()))
        self._found = cells(blank.copy())
        self._bids, self._asks = [0], [0]
        self._room = -1
        self._make_room(0)
        qty = np.array([one.qty for one in resting], dtype=np.int64)
        self._put(QueuedOrders(self._node[:count], self._level[:count], qty))

    def _make_room(self, messages: int) -> None:
        """Make room for the touches of so many messages."""
        if messages > self._room:
            self._room, blank = messages, np.zeros(messages, dtype=np.int64)
            self._touches = Touches(*(self._kernel.cells(blank.copy()) for _ in Touches._fields))

    # --- changing -----------------------------------------------------------------

    def advance(self, first: int, last: int) -> int:
        """Apply the messages from `first` until before `last`; return how often the touch changed.

        Raises `UnexpectedRow`, with some rows applied.
        """
        begin, end, before = self._rows.begin(first), self._rows.begin(last), self._count
        columns = (
            self._node[before + begin : before + end],
            self._level[before + begin : before + end],
            self._rows.qty[begin:end],
            self._rows.action[begin:end],
        )
        self._make_room(last - first)
        count, unexpected = self._apply(
            OrderChanges(*map(self._kernel.cells, columns)), self._shape
        )
        if unexpected != WHOLE:
            raise UnexpectedRow(begin + unexpected)
        return count

    def touches(self, first: int, last: int) -> Ints:
        """Apply the same messages and return the touch after the first and after each change.

        Columns: message, bid, its quantity, ask, its quantity.
        """
        count, rows = self.advance(first, last), self._rows
        row, bid, bid_qty, ask, ask_qty = (np.array(one[:count], np.int64) for one in self._touches)
        message = np.searchsorted(rows.ends, row + rows.begin(first), side="right")
        bid_qty[bid == 0] = ask_qty[ask == 0] = NONE
        return np.column_stack((message, self._price[bid], bid_qty, self._price[ask], ask_qty))

    def load_book(self, book: L3Book, first: int, last: int) -> None:
        """Hold the orders of a book after messages; each is held now, or in these messages."""
        held = self._orders_in([*self._asks[1:], *self._bids[1:]])
        names = dict(zip(self._order_ids(held), held.tolist(), strict=True))
        part = slice(self._rows.begin(first), self._rows.begin(last))
        ids, nodes = self._rows.frame["order_id"].iloc[part], self._node[self._count :][part]
        names.update(zip(ids.tolist(), nodes.tolist(), strict=True))
        found = [
            (names[order.order_id], sign * order.price, order.qty)
            for side, sign in ((book.bids, 1), (book.asks, -1))
            for queue in side
            for order in queue
        ]
        order, key, qty = np.array(found, dtype=np.int64).reshape(-1, 3).T
        self.match_limits(book)
        self.restore(QueuedOrders(order, np.searchsorted(self._keys[1:], key) + 1, qty))

    def match_limits(self, book: L3Book) -> None:
        """Cut at a book's depth, and report rows that this book might contradict."""
        limit = book.bids.limit if book.bids.limit > LEVELS_HASHED else FREE
        self._shape = self._shape._replace(depth=book.depth, limit=limit)

    def queued_orders(self) -> QueuedOrders:
        """Return the orders in the book."""
        order = self._orders_in([*self._asks[1:], *self._bids[1:]])
        return QueuedOrders(order, _at(self._rings.level, order), _at(self._rings.qty, order))

    def restore(self, held: QueuedOrders) -> None:
        """Hold these orders and no others."""
        after, before, qty, level_of = self._rings
        levels = self._bids[1:] + self._asks[1:]
        for order in self._orders_in(levels).tolist():
            level_of[order] = 0
        for level in levels:
            after[level] = before[level] = level
            qty[level] = 0
        self._bids, self._asks = [0], [0]
        self._put(held)

    def _put(self, held: QueuedOrders) -> None:
        adds = np.full(len(held.order), ADD, dtype=np.int64)
        columns = (held.order, held.level, held.qty, adds)
        changes = OrderChanges(*map(self._kernel.cells, columns))
        self._apply(changes, self._shape._replace(limit=FREE))

    def _apply(self, changes: OrderChanges, shape: Shape) -> tuple[int, int]:
        cells = self._kernel.cells
        sides = (cells(np.array(self._bids)), cells(np.array(self._asks)))
        count, unexpected, self._bids, self._asks = self._kernel.advance(
            changes, self._rings, sides, shape, self._touches
        )
        return count, unexpected

    # --- reading ------------------------------------------------------------------

    def levels(self, count: int) -> list[int]:
        """Return price and quantity of the best levels, bid and ask in turn."""
        cells: list[int] = []
        for rank in range(1, count + 1):
            for side in (self._bids, self._asks):
                level = side[-rank] if rank < len(side) else 0
                cells += (int(self._price[level]), int(self._rings.qty[level]) if level else NONE)
        return cells

    def queue_position(self, order_id: str) -> list[int]:
        """Return an order's place in its level; an empty list while it does not rest.

        Price, quantity, quantity ahead, quantity of the level, position, orders in the level.
        """
        node, (_, _, qty, level_of) = self._node_of(order_id), self._rings
        if not node or not (level := int(level_of[node])):
            return []
        orders = self._orders_in([level]).tolist()
        position = orders.index(node)
        ahead = sum(int(qty[order]) for order in orders[:position])
        own, whole = int(qty[node]), int(qty[level])
        return [int(self._price[level]), own, ahead, whole, position + 1, len(orders)]

    def messages_near(self, order_id: str) -> Ints:
        """Return the messages that may change an order's place: those about its levels' orders.

        They end with its removal.
        """
        node, rows, before = self._node_of(order_id), self._rows, self._count
        own = np.flatnonzero(self._node == node) - before if node else np.zeros(0, dtype=np.int64)
        if not len(own):
            return own
        own_levels = np.zeros(self._orders, dtype=bool)
        own_levels[self._level[own + before]] = True
        near = np.zeros(self._orders + len(self._names), dtype=bool)
        near[self._node[own_levels[self._level]]] = True
        gone = own[-1] >= 0 and rows.action[own[-1]] & 3 == DELETE
        first, last = max(0, own[0]), own[-1] + 1 if gone else len(rows.action)
        found = np.flatnonzero(near[self._node[before + first : before + last]]) + first
        return np.unique(np.searchsorted(rows.ends, found, side="right"))

    def messages_crowding(self, order_id: str) -> Ints:
        """Return the message of each row that may add a level better than an order's."""
        node, rows, before = self._node_of(order_id), self._rows, self._count
        own = np.flatnonzero(self._node == node) if node else np.zeros(0, dtype=np.int64)
        if not len(own):
            return own
        keys = self._keys[self._level[own]]
        better = np.zeros(len(rows.key), dtype=bool)
        for mine in (keys[keys > 0], keys[keys < 0]):
            if len(mine):
                better |= ((rows.key > 0) == (mine[0] > 0)) & (rows.key > mine.min())
        found = np.flatnonzero(better & (rows.action & 3 != DELETE))
        found = found[found >= max(0, int(own[0]) - before)]
        return np.searchsorted(rows.ends, found, side="right").astype(np.int64)

    def room_before_cut(self, order_id: str) -> int | None:
        """Return how many better levels may come before an order is cut; None if it is not held."""
        node = self._node_of(order_id)
        if not node or not (level := int(self._rings.level[node])):
            return None
        side = self._bids if level >= self._shape.first_bid else self._asks
        return max(0, self._shape.depth - (len(side) - bisect_left(side, level)))

    def resting(self) -> list[BookOrder]:
        """Return the orders in the book, for the next file."""
        held = self.queued_orders()
        cells = (self._order_ids(held.order), self._keys[held.level].tolist(), held.qty.tolist())
        return [BookOrder(*one) for one in zip(*cells, strict=True)]

    def checksum(self) -> int:
        """Return the CRC-32 of the best ten levels a side, asks first, order by order.

        The rule is `kracked.book.checksum`'s.
        """
        best = slice(-1, -1 - LEVELS_HASHED, -1)
        order = self._orders_in(self._asks[1:][best] + self._bids[1:][best])
        price = self._price[_at(self._rings.level, order)]
        qty = _at(self._rings.qty, order)
        return crc32("".join(map(level_digits, price.tolist(), qty.tolist())).encode())

    def _orders_in(self, levels: list[int]) -> Ints:
        """Return the nodes of the orders of these levels, each level's in queue order."""
        cells = self._kernel.cells(np.array(levels, dtype=np.int64))
        count = self._kernel.queued(cells, self._rings.after, self._found)
        return np.array(self._found[:count], dtype=np.int64)

    def _order_ids(self, orders: Ints) -> list[str]:
        return [str(name) for name in self._names[orders - self._orders]]

    def _node_of(self, order_id: str) -> int:
        """Return the node of an order; 0 for one that is neither in the book nor in the file."""
        if order_id not in self._nodes:
            found = np.flatnonzero(self._names == order_id)
            self._nodes[order_id] = int(found[0]) + self._orders if len(found) else 0
        return self._nodes[order_id]


def _at(cells: Cells, nodes: Ints) -> Ints:
    return np.array([cells[node] for node in nodes.tolist()], dtype=np.int64)
