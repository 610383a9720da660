"""The matching engine's requests, and what it does: frozen values only.

A request goes in, an `EngineBatch` comes out: everything that one request did, in the order
the engine did it. Prices and quantities are integers scaled by the instrument's
precision; times are ns since the Unix epoch, passed in by the owner of the clock.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import msgspec

from kracked.protocol.events import Side
from kracked.protocol.order_terms import SelfTrade, TimeInForce


class TakerType(StrEnum):
    """The type of a taker's order, as trades report it."""

    MARKET = "market"
    LIMIT = "limit"


class LeaveCause(StrEnum):
    """The cause of a visible order's leaving its level."""

    FILLED = "filled"
    CANCELLED = "cancelled"
    AMENDED = "amended"
    EXPIRED = "expired"


class OrderEnd(StrEnum):
    """The way an order ended."""

    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class EngineReason(StrEnum):
    """The reason the engine refused a request, or ended an order on its own."""

    POST_ONLY = "Post only order"
    FILL_OR_KILL = "Fill or kill"
    IMMEDIATE_OR_CANCEL = "Immediate or cancel"
    NO_LIQUIDITY = "No liquidity"
    SELF_TRADE = "Self trade prevention"
    EXPIRED = "Order expired"
    USER_REQUESTED = "User requested"
    UNKNOWN_ORDER = "Unknown order"
    DUPLICATE_ORDER = "Duplicate order"
    INVALID_QUANTITY = "Invalid quantity"


# --- requests -----------------------------------------------------------------------


class NewOrder(msgspec.Struct, frozen=True, gc=False):
    """An order as the engine takes it; the exchange's own checks come before."""

    order_id: str
    side: Side
    qty: int
    price: int | None = None
    """The limit price; None is a market order."""
    tif: TimeInForce = TimeInForce.GTC
    expire_at: int | None = None
    """When a GTD order ends."""
    post_only: bool = False
    display_qty: int | None = None
    """How much of an iceberg is shown; None shows all."""
    owner: str = ""
    """The account, which may not trade with itself; empty for the market's agents, who may."""
    stp: SelfTrade = SelfTrade.CANCEL_NEWEST


class AmendTerms(msgspec.Struct, frozen=True, gc=False):
    """New terms for a resting order; a term that is None stays as it is."""

    order_id: str
    qty: int | None = None
    """The new total, what is already filled included."""
    price: int | None = None
    display_qty: int | None = None
    post_only: bool = False
    """Refuse a price that would take, and leave the order as it was."""


# --- steps --------------------------------------------------------------------------


class EngineStep(msgspec.Struct, frozen=True, gc=False):
    """One step of the engine, about one order."""

    order_id: str


class RequestRefused(EngineStep, frozen=True, gc=False):
    """The request changed nothing; its order may not exist."""

    reason: EngineReason


class BookStep(EngineStep, frozen=True, gc=False):
    """A step that changed one side of the book."""

    side: Side


class OrderFilled(BookStep, frozen=True, gc=False):
    """A trade; `order_id` and `side` are the taker's."""

    trade_id: int
    price: int
    qty: int
    maker_order_id: str
    taker_type: TakerType
    maker_left: int
    """What is left of the maker, an iceberg's hidden part included."""
    taker_left: int


class Rested(BookStep, frozen=True, gc=False):
    """An order joined the back of its level: new, amended, or an iceberg's next part."""

    price: int
    visible_qty: int
    entered: int


class Resized(BookStep, frozen=True, gc=False):
    """The visible quantity changed in place: a partial fill, or an amend downwards."""

    price: int
    visible_qty: int
    entered: int


class LeftLevel(BookStep, frozen=True, gc=False):
    """A visible order left its level; the order itself may go on (see `Done`)."""

    price: int
    visible_qty_left: int
    """What it still showed: 0 when filled."""
    entered: int
    cause: LeaveCause


class Done(BookStep, frozen=True, gc=False):
    """An order ended."""

    status: OrderEnd
    cum_qty: int
    reason: str = ""
    """Empty when filled; a request to cancel may give its own reason."""


class KilledRemainder(NamedTuple):
    """The rest of a taker with a limit that was left when it was killed."""

    order_id: str
    side: Side
    price: int
    qty: int


class EngineBatch(msgspec.Struct, frozen=True, gc=False):
    """Everything that one request did, in order. No two batches have the same time."""

    time: int
    steps: tuple[EngineStep, ...]
    killed: KilledRemainder | None = None
    """What was left of a taker that traded, had a limit, and may not rest."""

    @property
    def refusal(self) -> EngineReason | None:
        """The reason the request was refused; None if it was not."""
        match self.steps:
            case (RequestRefused(reason=reason),):
                return reason
        return None


# --- reading a book -----------------------------------------------------------------


class Queued(NamedTuple):
    """One visible order of a level's queue."""

    order_id: str
    price: int
    visible_qty: int
    entered: int


class OpenOrder(msgspec.Struct, frozen=True, gc=False):
    """A resting order at one instant, the hidden part included."""

    order_id: str
    side: Side
    price: int
    left: int
    filled: int
    visible_qty: int
    display_qty: int | None
    entered: int
    expire_at: int | None
    owner: str
    stp: SelfTrade

    @property
    def qty(self) -> int:
        """The order's total: what is filled and what is left."""
        return self.filled + self.left
