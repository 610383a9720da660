"""The compiled books under the names of the Python ones.

The levels and orders are held by `kracked._native.engine`; these classes read them. A book that
meets a number of more than 62 bits is handed over to its Python twin by the keeper.
"""

from __future__ import annotations

from typing import Any, TypeVar

from msgspec.structs import replace

from kracked import _native
from kracked.book.base import Book
from kracked.book.l2 import L2Book
from kracked.book.l3 import L3Book
from kracked.book.native_sides import SIDES, NativeOrderSide, NativeSide, queue_of
from kracked.book.queue import QueuePosition
from kracked.book.stats import BookStats
from kracked.instruments import Precision
from kracked.protocol.codec import Codec
from kracked.protocol.events import (
    BookSnapshot,
    L3Snapshot,
    OrderAction,
    OrderChange,
    Side,
)


class _NativeState:
    """The state that both kinds of book read from the compiled one in the same way."""

    _core: Any
    _stats: BookStats
    symbol: str
    precision: Precision

    __slots__ = ()

    @property
    def core(self) -> Any:
        """The compiled book, for the keeper's reader."""
        return self._core

    @property
    def verified(self) -> bool:
        """Whether the last message was proven."""
        verified: bool = self._core.verified
        return verified

    @verified.setter
    def verified(self, verified: bool) -> None:
        self._core.verified = verified

    @property
    def last(self) -> Any:
        """The message that was applied last; None before the first."""
        core = self._core
        if core.pending is not None:  # a run makes no events
            raw, received = core.pending
            core.last = Codec({self.symbol: self.precision}).decode(raw, received)[0]
            core.pending = None
        return core.last

    @last.setter
    def last(self, event: Any) -> None:
        self._core.last, self._core.pending = event, None

    @property
    def computed(self) -> int:
        """The checksum of the levels it holds."""
        computed: int = self._core.computed
        return computed

    @computed.setter
    def computed(self, computed: int) -> None:
        self._core.computed = computed

    @property
    def depth(self) -> int:
        """Price levels a side that the subscription shows."""
        depth: int = self._core.depth
        return depth

    @depth.setter
    def depth(self, depth: int) -> None:
        self._core.depth = depth

    @property
    def stats(self) -> BookStats:
        """Counts of its messages, with those that a reader applied meanwhile."""
        if more := self._core.verified_updates:
            self._core.verified_updates = 0
            self._stats.verified += more
        return self._stats

    @stats.setter
    def stats(self, stats: BookStats) -> None:
        self._stats = stats  # type: ignore[misc]

    def apply(self, event: Any) -> bool:
        """Apply one message; return whether the book is verified after it.

        Raises:
            OverflowError: A number has more than 62 bits; nothing was changed.
        """
        core = self._core
        change = core.replace if isinstance(event, BookSnapshot | L3Snapshot) else core.apply
        bids, asks = event.bids, event.asks
        change(
            bids if type(bids) is tuple else tuple(bids),
            asks if type(asks) is tuple else tuple(asks),
        )
        core.verified = False  # until it is judged: memory may run out before
        self.last = event
        core.verified = (
            core.computed == event.checksum
            and core.contradiction(0) is None
            and core.contradiction(1) is None
        )
        verified: bool = core.verified
        return verified

    def set_depth(self, depth: int) -> None:
        """Cut to the depth in force, when the acknowledgement comes after its snapshot."""
        core = self._core
        core.depth = depth
        core.set_limit(depth)
        core.cut()


class NativeL2Book(_NativeState, L2Book):
    """A compiled level 2 book; attributes as in `Book`.

    Args:
        engine: The compiled module.
        symbol: The pair.
        precision: The decimals of its scaled integers.
        depth: Price levels a side.
    """

    __slots__ = ("_core", "_stats")

    def __init__(self, engine: Any, symbol: str, precision: Precision, depth: int) -> None:
        self._core = engine.LevelBook()
        sides = NativeSide(self._core, 0), NativeSide(self._core, 1)
        Book.__init__(self, symbol, precision, depth, sides, BookStats(symbol, "book"))

    def rescale(self, precision: Precision) -> None:
        """Hold the same levels in a wider precision.

        Raises:
            OverflowError: A number has more than 62 bits then; nothing was changed.
        """
        by_price = 10 ** (precision.price - self.precision.price)
        by_qty = 10 ** (precision.qty - self.precision.qty)
        self._core.replace(
            *(
                [(level.price * by_price, level.qty * by_qty) for level in side]
                for side in (self.bids, self.asks)
            )
        )
        self.precision = precision

    def python_twin(self) -> L2Book:
        """Return a Python book that holds the same levels and has seen the same messages."""
        twin = L2Book(self.symbol, self.precision, self.depth)
        for ours, theirs in ((self.bids, twin.bids), (self.asks, twin.asks)):
            theirs.replace(ours, self.depth)
            theirs.limit = ours.limit
        return _with_state(twin, self)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by way of the Python book that holds the same levels."""
        return _restored, (self.python_twin(),)


class NativeL3Book(_NativeState, L3Book):
    """A compiled level 3 book; attributes as in `Book`.

    Args:
        engine: The compiled module.
        symbol: The pair.
        precision: The decimals of its scaled integers.
        depth: Price levels a side.
    """

    __slots__ = ("_core", "_stats")

    def __init__(self, engine: Any, symbol: str, precision: Precision, depth: int) -> None:
        self._core = engine.OrderBook()
        sides = NativeOrderSide(self._core, 0), NativeOrderSide(self._core, 1)
        Book.__init__(self, symbol, precision, depth, sides, BookStats(symbol, "level3"))

    def rescale(self, precision: Precision) -> None:
        """Hold the same orders in a wider precision.

        Raises:
            OverflowError: A number has more than 62 bits then; nothing was changed.
        """
        by_price = 10 ** (precision.price - self.precision.price)
        by_qty = 10 ** (precision.qty - self.precision.qty)
        self._core.replace(
            *(
                [
                    replace(
                        order,
                        action=OrderAction.ADD,
                        price=order.price * by_price,
                        qty=order.qty * by_qty,
                    )
                    for order in side.orders()
                ]
                for side in (self.bids, self.asks)
            )
        )
        self.precision = precision

    def order(self, order_id: str) -> OrderChange | None:
        """Return a resting order as last reported; None when it is not held."""
        order: OrderChange | None = self._core.order(order_id)
        return order

    def place(self, order_id: str) -> QueuePosition | None:
        """Return an order's place in its level: position, quantity and orders ahead."""
        found = self._core.level_of(order_id)
        return queue_of(found).place(order_id) if found else None

    def side_of(self, order_id: str) -> Side | None:
        """Return the side an order rests on; None when it is not held."""
        found = self._core.level_of(order_id)
        return SIDES[found[0]] if found else None

    def __len__(self) -> int:
        """Return the number of orders."""
        held: int = self._core.held()
        return held

    def python_twin(self) -> L3Book:
        """Return a Python book that holds the same orders and has seen the same messages."""
        twin = L3Book(self.symbol, self.precision, self.depth)
        bids, asks = tuple(self.bids.orders()), tuple(self.asks.orders())
        twin.apply(L3Snapshot(0, self.symbol, self.precision, bids, asks, self.computed))
        twin.set_limit(self.bids.limit)
        return _with_state(twin, self)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by way of the Python book that holds the same orders."""
        return _restored, (self.python_twin(),)


_Twin = TypeVar("_Twin", L2Book, L3Book)


def _with_state(twin: _Twin, book: NativeL2Book | NativeL3Book) -> _Twin:
    for ours, theirs in ((book.bids, twin.bids), (book.asks, twin.asks)):
        theirs.contradiction = ours.contradiction
    twin._hash()  # noqa: SLF001
    twin.stats, twin.last, twin.verified = book.stats, book.last, book.verified
    return twin


def _restored(twin: L2Book | L3Book) -> L2Book | L3Book:
    """Return a compiled book like this one; a doubted one stays until its snapshot."""
    engine = _native.load()
    if engine is None or not twin.verified:
        return twin
    book: NativeL2Book | NativeL3Book
    if isinstance(twin, L2Book):
        book = NativeL2Book(engine, twin.symbol, twin.precision, twin.depth)
        book.core.replace(tuple(twin.bids), tuple(twin.asks))
    else:
        book = NativeL3Book(engine, twin.symbol, twin.precision, twin.depth)
        book.core.replace(tuple(twin.bids.orders()), tuple(twin.asks.orders()))
    book.set_limit(twin.bids.limit)
    book.stats, book.last, book.verified = twin.stats, twin.last, True
    return book
