"""What an order is judged by: the market and the account now, and the trader's own bounds. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum

import msgspec

from kracked.instruments import Instrument
from kracked.orders.draft import Draft
from kracked.orders.outbox.outbox import OutboxEntry
from kracked.orders.rules.fees import Fees
from kracked.protocol.events import Side
from kracked.times import NS_PER_S


class Check(StrEnum):
    MARKET = "market"
    BOOK = "book"
    UNKNOWN = "unknown"
    FORM = "form"
    DUPLICATE = "duplicate"
    PRICE = "price"
    QUANTITY = "quantity"
    MINIMUM = "minimum"
    COST = "cost"
    DISPLAY = "display"
    EXPIRY = "expiry"
    CROSSING = "crossing"
    TRIGGER = "trigger"
    LIMIT = "limit"
    NOTIONAL = "notional"
    DISTANCE = "distance"
    FUNDS = "funds"
    RATE = "rate"
    OPEN_ORDERS = "open orders"


class FailedCheck(msgspec.Struct, frozen=True):
    """An order that was not sent, and what to do about it."""

    check: Check
    sentence: str


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The trader's own bounds; None is no bound."""

    max_qty: Decimal | None = None
    """In the base currency."""
    max_notional: Decimal | None = None
    """In the quote currency."""
    max_distance_percent: Decimal | None = Decimal(3)
    """From the middle of best bid and ask."""
    max_book_age_ns: int = 5 * NS_PER_S
    deadline_ns: int = 5 * NS_PER_S
    """From the key press until the engine refuses the order; REST takes 2 to 60 s."""
    allow_duplicate: bool = False


class MarketContext(msgspec.Struct, frozen=True, kw_only=True):
    """The market and the account as they are known at this moment."""

    instrument: Instrument
    bid: int | None
    """Best price, scaled; None when that side is empty."""
    ask: int | None
    book_verified: bool
    """Its last checksum matched and it waits for no resync."""
    book_age_ns: int
    """Since anything was heard on the book's connection."""
    available: Mapping[str, Decimal] | None = None
    """Free funds by the feed's asset codes (`BTC`, `USD`); None leaves it to the order manager,
    which works them out from its account, if it has one."""
    fees: Fees | None = None
    """What the account pays on this pair; None leaves it to the order manager."""
    rate_room: Decimal | None = None
    """What the engine's rate counter leaves for adding; None when not known."""
    open_room: int | None = None
    """How many more orders the pair takes; None when not known."""
    pending: tuple[OutboxEntry, ...] = ()
    """All of the outbox that has not ended."""
    at: int | None = None
    """This moment, ns since the Unix epoch; the desk fills it in, as it does the last three."""

    @property
    def middle_twice(self) -> int | None:
        """Best bid plus best ask, which keeps half ticks whole; None without both."""
        return None if self.bid is None or self.ask is None else self.bid + self.ask


def notional(draft: Draft, now: MarketContext) -> Decimal | None:
    """Price times quantity in the quote currency; at the market, by the opposite best price."""
    opposite = now.ask if draft.side is Side.BID else now.bid
    known = (draft.limit, draft.trigger_price, opposite)
    price = next((it for it in known if it is not None), None)
    return None if price is None else now.instrument.precision.cost_decimal(price, draft.qty)


def distance_percent(price: int, now: MarketContext) -> Decimal | None:
    """How far above (below: negative) the middle a price is; None without a middle."""
    twice = now.middle_twice
    return None if not twice else Decimal(200 * price - 100 * twice) / twice
