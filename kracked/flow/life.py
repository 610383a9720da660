"""An order's life as the ledger knows it, and the queues it stands in."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator

import msgspec

from kracked.flow.facts import Birth, Certainty, Moves, Place, PlaceKnown, Standing, State
from kracked.protocol.events import Side

# To look a member up in its enum costs 70 ns each time, a name in the module 5.
_BID = Side.BID
_RANK = {known: rank for rank, known in enumerate(PlaceKnown)}
LOG_LIMIT = 4_096
"""Departures that a level remembers for the orders behind them."""


class Life(msgspec.Struct, gc=False, eq=False):
    """One order from its first sight to its end. The ledger alone changes it.

    It is made by position for each new order, as a struct that no garbage collection visits:
    so it costs a fifth of a class with an `__init__`.
    """

    order_id: str
    side: Side
    first_price: int
    """Its price at first sight."""
    first_qty: int
    """What it showed at first sight."""
    entered: int
    """When it entered the book at this price, as the exchange says."""
    born: int
    """When it was first seen: the time of that message."""
    birth: Birth
    """How it was first seen."""
    price: int
    """Where it rests, or rested last."""
    qty: int
    """What it shows, or showed last."""
    state: State = State.LIVE
    """What is known of it now."""
    ended: int = 0
    """When it ended or left view; 0 while it is live."""
    filled: int = 0
    """How much of it was filled in view."""
    amended: int = 0
    """Times it was amended and lost its place."""
    resized: int = 0
    """Times it was amended in place."""
    slices: int = 0
    """Parts that an iceberg has shown after the first."""
    departures: int = 0
    """Times it left view."""
    holes: int = 0
    """Holes in the data that it lived through."""
    trades: list[int] | tuple[int, ...] = ()
    """Ids of the trades that filled it, in order."""
    certainty: Certainty | None = None
    """The worst certainty of the links to its trades."""
    known: PlaceKnown = PlaceKnown.UNKNOWN
    """How its own place was learnt."""
    number: int = 0
    """Its number in the queue of its level."""
    joined_orders: int = 0
    """Orders ahead when it joined."""
    joined_qty: int = 0
    """Quantity ahead when it joined."""
    joined_log: int = 0
    """How many departures its level had told when it joined."""
    message: int = 0
    """The message that put it where it is."""
    taking: bool = False
    """Whether it is shown across the spread: a taker that is still at work."""


class Reduction(msgspec.Struct, gc=False, eq=False):
    """A quantity that left an order in place, or with it: a fill, or perhaps an amend."""

    life: Life
    price: int
    """The price it rested at."""
    qty: int
    """The quantity that left."""
    left: int
    """The part that no trade has claimed."""
    time: int
    """The exchange's time: of the fill, else of the message."""
    arrived: int
    """When the message came."""
    standing: Standing
    """Where the order stood in its queue."""
    whole: bool
    """Whether it was a fill of all that was shown, which needs no trade to be known."""
    amended: bool = False
    """Whether it was settled as an amend."""


Departure = Reduction | tuple[int, int, bool]
"""What left a queue: a reduction, or (number, quantity, whether by a cancel)."""


class QueueLevel:
    """The orders at one price, first to fill first, and what has left from between them.

    Attributes:
        price: The price.
        key: What it is sorted by: higher is better.
        orders: The orders by id, in queue order.
        qty: Their quantity.
        joined: How many have joined; the number of the last one.
        made: The message that made the level.
        log: Departures, oldest first.
        forgotten: How many departures were told before those in the log.
    """

    __slots__ = ("forgotten", "joined", "key", "log", "made", "orders", "price", "qty")

    def __init__(self, price: int, key: int, made: int) -> None:
        self.price = price
        self.key = key
        self.orders: dict[str, Life] = {}
        self.qty = self.joined = self.forgotten = 0
        self.made = made
        self.log: list[Departure] = []

    def join(self, life: Life, message: int, known: PlaceKnown) -> None:
        """Put an order at the back."""
        self.joined += 1
        life.number = self.joined
        life.joined_orders = len(self.orders)
        life.joined_qty = self.qty
        life.joined_log = self.forgotten + len(self.log)
        life.message = message
        life.known = known
        self.orders[life.order_id] = life
        self.qty += life.qty

    def reduced(self, life: Life, qty: int, time: int, arrived: int, *, whole: bool) -> Reduction:
        """Return a quantity that leaves one of the orders, and remember it."""
        standing = Standing(self.made, life.number, life.entered)
        reduction = Reduction(
            life, life.price, qty, qty, time, arrived, standing=standing, whole=whole
        )
        self.note(reduction)
        return reduction

    def ahead_of(self, standing: Standing) -> list[Life]:
        """Return the orders that are filled before one that stands at `standing`."""
        return [
            life
            for life in self.orders.values()
            if Standing(self.made, life.number, life.entered).before(standing)
        ]

    def note(self, departure: Departure) -> None:
        """Remember a departure for the orders behind it, if there are any."""
        if not self.orders:
            return
        log = self.log
        log.append(departure)
        if len(log) > LOG_LIMIT:
            front = next(iter(self.orders.values()), None)
            needed = front.joined_log - self.forgotten if front else len(log)
            drop = max(needed, LOG_LIMIT // 2)
            del log[:drop]
            self.forgotten += drop

    def place(self, life: Life) -> Place:
        """Return the place of one of the orders."""
        known, position, ahead, hidden = life.known, 1, 0, False
        for other in self.orders.values():
            if other is life:
                break
            position += 1
            ahead += other.qty
            hidden = hidden or other.slices > 0
            if _RANK[other.known] > _RANK[known]:
                known = other.known
        return Place(
            order_id=life.order_id,
            side=life.side,
            price=life.price,
            known=known,
            position=position,
            of=len(self.orders),
            qty_ahead=ahead,
            level_qty=self.qty,
            hidden_ahead=hidden,
            joined_position=life.joined_orders + 1,
            joined_qty_ahead=life.joined_qty,
            moves=self.moves(life, ahead),
        )

    def moves(self, life: Life, qty_ahead: int) -> Moves:
        """Return what left from before an order since it joined, by cause.

        Args:
            life: One of the orders, or one that was.
            qty_ahead: What is ahead of it now.
        """
        filled = cancelled = amended = pending = 0
        for entry in self.log[max(0, life.joined_log - self.forgotten) :]:
            if isinstance(entry, tuple):
                number, qty, by_cancel = entry
                if number < life.number:
                    if by_cancel:
                        cancelled += qty
                    else:
                        amended += qty
            elif entry.standing.number < life.number:
                if entry.whole:
                    filled += entry.qty
                else:
                    filled += entry.qty - entry.left
                    if entry.amended:
                        amended += entry.left
                    else:
                        pending += entry.left
        told = filled + cancelled + amended + pending
        earlier = max(0, life.joined_qty - qty_ahead - told)
        return Moves(filled, cancelled, amended, pending, earlier)


class QueueSide:
    """The levels of one side.

    Attributes:
        side: Bids or asks.
        sign: 1 for bids, -1 for asks: a price times this is a key.
        keys: The keys of all levels, ascending: the best is last.
        levels: The levels by price.
    """

    __slots__ = ("keys", "levels", "side", "sign")

    def __init__(self, side: Side) -> None:
        self.side = side
        self.sign = 1 if side is _BID else -1
        self.keys: list[int] = []
        self.levels: dict[int, QueueLevel] = {}

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Iterate prices and quantities of the levels, best first."""
        return ((self.sign * key, self.levels[self.sign * key].qty) for key in reversed(self.keys))

    def new_level(self, price: int, message: int) -> QueueLevel:
        """Make the level at a price that has none, and return it."""
        key = self.sign * price
        level = self.levels[price] = QueueLevel(price, key, message)
        insort(self.keys, key)
        return level

    def leave(self, life: Life) -> QueueLevel:
        """Take an order out of its level, and an empty level out of the side."""
        level = self.levels[life.price]
        del level.orders[life.order_id]
        level.qty -= life.qty
        if not level.orders:
            del self.levels[life.price]
            del self.keys[bisect_left(self.keys, level.key)]
        return level

    def cut(self, depth: int) -> list[QueueLevel]:
        """Drop the levels below the best `depth`, and return them, worst first."""
        surplus = len(self.keys) - depth
        if surplus <= 0:
            return []
        cut = [self.levels.pop(self.sign * key) for key in self.keys[:surplus]]
        del self.keys[:surplus]
        return cut

    def clear(self) -> None:
        """Forget all levels."""
        self.keys.clear()
        self.levels.clear()
