"""The vocabulary of the ledger: what it states about orders, takers and places, as values.

Prices and quantities are scaled integers of the symbol's precision; times are ns since the Unix
epoch on the exchange's clock. How certain a statement is, is part of it.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from kracked.protocol.events import Side, Trade


class Certainty(StrEnum):
    """The certainty that a trade filled an order."""

    EXACT = "exact"
    """No other order can have been meant."""
    LIKELY = "likely"
    """Price, time and quantities agree, and the first in the queue was taken of several."""
    GUESS = "guess"
    """Only a part of the quantities agrees."""
    UNKNOWN = "unknown"
    """No visible order explains the trade: hidden quantity, out of view, or in a hole."""


class PlaceKnown(StrEnum):
    """The source from which an order's place in its queue is known, best first."""

    OBSERVED = "observed"
    """It was seen to join the back of a queue."""
    SNAPSHOT = "snapshot"
    """From the order of a snapshot."""
    REENTRY = "re-entry"
    """Its whole level came into view: from the order of the message."""
    UNKNOWN = "unknown"
    """It lies somewhere between the front and where it is listed."""


class Birth(StrEnum):
    """The circumstance in which an order was first seen."""

    SEEN = "seen"
    """It entered the book in view."""
    CAME_INTO_VIEW = "came into view"
    """It had rested before, out of view."""
    SNAPSHOT = "snapshot"
    """It was there when the book was first told, or told anew."""


class State(StrEnum):
    """The state of an order as it is known now; the last one is how it ended."""

    LIVE = "live"
    FILLED = "filled"
    CANCELLED = "cancelled"
    MOVING = "moving"
    """Amended: it left its level and has not joined another one yet."""
    AWAY = "left view"
    """It rests out of view, or has been cancelled there."""
    TAKER = "taker"
    """The remainder of a taker, shown for some nanoseconds until it was killed: it never rested."""
    UNKNOWN = "unknown"
    """It was lost in a hole of the data."""


class What(StrEnum):
    """The event told of an order. The sign tells what its quantity does to its level."""

    NEW = "new"
    """+ It entered the book."""
    CAME = "came into view"
    """+ It was first seen, and had rested before."""
    RETURNED = "returned"
    """+ It is back in view, as it was or with less."""
    MOVED_IN = "moved in"
    """+ It was amended, and lost its place."""
    REFILLED = "refilled"
    """+ The next part of an iceberg, at the back of the queue."""
    RAISED = "raised"
    """+ More was shown in place."""
    PRESENT = "present"
    """+ It was in a snapshot."""
    SHOWN = "shown"
    """+ The remainder of a taker; it never rested, or a later `rested` says that it did."""
    RESTED = "rested"
    """No quantity: what was `shown` before rests."""
    FILLED = "filled"
    """- All that it showed was filled."""
    REDUCED = "reduced"
    """- It was filled in part, or amended downwards in place; a `Link` or `Settled` follows."""
    CANCELLED = "cancelled"
    """- It was cancelled, or it expired."""
    MOVED_AWAY = "moved away"
    """- It left its level to be amended."""
    LEFT_VIEW = "left view"
    """- Its level fell below the depth."""
    MOVED_OUT = "moved out"
    """No quantity: what `moved away` before joined no level in view."""
    TAKEN = "taken"
    """- The remainder of a taker was filled on, or killed."""
    LOST = "lost"
    """No quantity: it was alive before a hole, and is not in the snapshot after it."""
    HOLE = "hole"
    """No order: nothing is known before the next snapshot, and every level begins from 0 there."""


class Fact(msgspec.Struct, frozen=True, gc=False):
    """Something that happened to an order, as soon as its message came.

    The ledger makes one for every change, so by position: keywords cost a seventh more.
    """

    symbol: str
    what: What
    time: int
    """The exchange's time of the event, else of its message."""
    side: Side
    price: int
    qty: int
    order_id: str
    number: int
    """The order's number in the queue of its level: lower ones are filled first."""

    @classmethod
    def hole(cls, symbol: str, time: int) -> Fact:
        """Return the fact that nothing is known of a symbol from a time on."""
        return cls(symbol, What.HOLE, time, side=Side.BID, price=0, qty=0, order_id="", number=0)


class Standing(msgspec.Struct, frozen=True, gc=False):
    """The place of an order in the queue at its price, for comparison with another one there."""

    made: int
    """Which of the levels at this price, one after the other: the message that made it."""
    number: int
    """Its number in that level; lower ones are filled first."""
    entered: int
    """The exchange's time when it entered the book at this price."""

    def before(self, other: Standing) -> bool:
        """Whether this order is filled first."""
        if self.made == other.made:
            return self.number < other.number
        return self.entered < other.entered


class Link(msgspec.Struct, frozen=True):
    """A trade and the resting order that it filled, all or in part."""

    symbol: str
    trade_id: int
    instant: int
    """The trade's own time, which the exchange cuts to microseconds."""
    side: Side
    """The side of the resting order."""
    price: int
    qty: int
    order_id: str | None
    """None where no visible order explains the trade."""
    certainty: Certainty
    taker_side: Side
    taker_order_id: str | None = None
    """The taker's own order, where its remainder was shown."""
    standing: Standing | None = None
    """Where the order stood; None without one."""


class Taker(msgspec.Struct, frozen=True):
    """One incoming order: its trades, in order, and the orders they filled."""

    symbol: str
    instant: int
    side: Side
    trades: tuple[Trade, ...]
    links: tuple[Link, ...]
    order_id: str | None
    """Its own order, where its remainder was shown or rests; else None."""
    killed: int | None
    """The remainder that was shown and killed; None where none was shown."""
    limit: int | None = None
    """The price of its own order; None where none was shown."""


class Settled(msgspec.Struct, frozen=True, gc=False):
    """A `reduced` order was amended by its owner: no trade explains the reduction."""

    symbol: str
    order_id: str
    side: Side
    price: int
    qty: int
    time: int


class Moves(msgspec.Struct, frozen=True, gc=False):
    """The quantity that left from before an order since it joined its queue, by cause."""

    filled: int = 0
    cancelled: int = 0
    amended: int = 0
    """Moved to another price or the back of the queue, or lowered in place."""
    pending: int = 0
    """Lowered in place, by a fill or an amend; not yet known which."""
    earlier: int = 0
    """What left so long ago that its cause is no longer kept."""


class Place(msgspec.Struct, frozen=True):
    """The place of an order in the queue of its level, and how well it is known."""

    order_id: str
    side: Side
    price: int
    known: PlaceKnown
    """The worst of the order and of all that are ahead of it."""
    position: int
    """1 is first to fill."""
    of: int
    qty_ahead: int
    """Shown quantity ahead. A lower bound behind an iceberg, an upper one where `known` says
    unknown."""
    level_qty: int
    hidden_ahead: bool
    """Whether an order ahead has shown that it is an iceberg."""
    joined_position: int
    joined_qty_ahead: int
    moves: Moves


Outcome = Fact | Link | Settled | Taker
"""What the ledger returns."""
