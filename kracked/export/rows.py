"""The vocabulary of the normal form: a row, what it does, why."""

from __future__ import annotations

from enum import IntFlag, StrEnum

import msgspec

from kracked.protocol.events import Side


class Action(StrEnum):
    """The effect of a row."""

    ADD = "A"
    """An order joins the back of its level with this quantity."""
    CANCEL = "C"
    """An order leaves the book; the quantity is the one it had before."""
    MODIFY = "M"
    """An order has this quantity from here on, and keeps its place."""
    FILL = "F"
    """So much of a resting order is filled; its C or M follows and tells the book."""
    TRADE = "T"
    """A trade, on the taker's side; it changes nothing by itself."""
    CLEAR = "R"
    """The book is empty."""


class Why(StrEnum):
    """The reason for a row."""

    NEW = "new"
    BACK = "back"
    """The order had rested before, out of view."""
    LEFT_VIEW = "left view"
    """The level fell below the depth: the order rests on, or is cancelled there."""
    FILL = "fill"
    HIDDEN = "hidden"
    """A fill that no visible order explains: F without an order."""
    CANCEL = "cancel"
    AMEND = "amend"
    REFILL = "refill"
    """The next part of an iceberg."""
    TAKER = "taker"
    """The order was a taker at work."""
    SNAPSHOT = "snapshot"
    HOLE = "hole"
    """Messages were lost: nothing is known before the next snapshot."""


class Flags(IntFlag):
    """Bits of a row."""

    SNAPSHOT = 32
    LAST = 128
    """The last row of a message."""


class NormalRow(msgspec.Struct, frozen=True, gc=False):
    """A row of the normal form. Prices and quantities are scaled integers.

    It is made by position: keywords would double its cost.
    """

    ts_engine: int
    """The exchange's time of the message, of a trade its own; ns, and it never falls."""
    ts_recv: int
    """When the message came, ns."""
    action: Action
    side: Side
    """The side of the order; of T the taker's."""
    price: int
    qty: int
    order: int
    """The order's number, dense from 1; 0 for none."""
    flags: int
    why: Why
    trade: int
    """The id of the trade, with T and F; 0 where none was recorded."""
