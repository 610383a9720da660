"""The input of the checks: the market and the account now, and the trader's own bounds. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_UP, Context, Decimal
from enum import StrEnum

import msgspec

from kracked.instruments import Instrument
from kracked.orders.draft import Draft
from kracked.orders.outbox.outbox import OutboxEntry
from kracked.orders.rules.fees import Fees
from kracked.protocol.events import Side
from kracked.protocol.maintenance.trading_effect import TradingEffect
from kracked.protocol.order_terms import OrderType
from kracked.times import NS_PER_S


class Check(StrEnum):
    """The checks of an order before it is sent."""

    MAINTENANCE = "maintenance"
    """The exchange takes no order, or not this one, for a while."""
    DISCOURAGED = "discouraged"
    """As `MAINTENANCE`, but a confirmation is enough."""
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
    DEPTH = "depth"
    CROSSING = "crossing"
    TRIGGER = "trigger"
    LIMIT = "limit"
    NOTIONAL = "notional"
    OPEN_NOTIONAL = "open notional"
    DISTANCE = "distance"
    FUNDS = "funds"
    RATE = "rate"
    OPEN_ORDERS = "open orders"


class MaintenanceConsent(StrEnum):
    """The sender's consent to send an order in the face of maintenance or an incident."""

    NONE = "none"
    """Nothing: the order is refused, as a program without a person should have it."""
    CONFIRMED = "confirmed"
    """Sends where the exchange discourages orders, or maintenance is near."""
    OVERRIDDEN = "overridden"
    """Sends even where the exchange announces that it blocks orders."""


class FailedCheck(msgspec.Struct, frozen=True):
    """A check that failed."""

    check: Check
    sentence: str
    """What is wrong, and what to do about it."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The trader's own bounds for every order; None is no bound."""

    max_qty: Decimal | None = None
    """In the base currency."""
    max_notional: Decimal | None = None
    """In the quote currency."""
    max_open_notional: Decimal | None = None
    """Cost of an order and of all that are open or on their way, in the same quote currency."""
    max_distance_percent: Decimal | None = Decimal(3)
    """Distance of a price from the middle of best bid and ask."""
    max_book_age_ns: int = 5 * NS_PER_S
    """Time without a message on the book's connection."""
    deadline_ns: int = 5 * NS_PER_S
    """Time from now until the engine refuses the order; REST accepts 2 to 60 s."""
    allow_duplicate: bool = False
    """Whether an order may equal one that is still pending."""
    maintenance: MaintenanceConsent = MaintenanceConsent.NONE
    """Whether an order may be sent in the face of maintenance or an incident."""


class MarketContext(msgspec.Struct, frozen=True, kw_only=True):
    """The market and the account as they are known at this moment."""

    instrument: Instrument
    bid: int | None
    """Best bid, scaled; None when that side is empty."""
    ask: int | None
    """Best ask, scaled; None when that side is empty."""
    book_verified: bool
    """Whether the book is verified (`book.verified`)."""
    book_age_ns: int
    """Time since the last sign that the book is current (`FeedManager.freshness`)."""
    book_stale: str = ""
    """Why the book is not current; empty when it is."""
    bids: Sequence[tuple[int, int]] | None = None
    """The levels of the verified book, best first: price and quantity, both scaled. None where
    they are not known; then a market order is judged by the best price alone, and says so."""
    asks: Sequence[tuple[int, int]] | None = None
    """As `bids`."""
    available: Mapping[str, Decimal] | None = None
    """Free funds by the feed's asset codes (`BTC`, `USD`); None leaves it to the order manager,
    which works them out from its account, if it has one."""
    fees: Fees | None = None
    """What the account pays on this pair; None leaves it to the order manager."""
    rate_room: Decimal | None = None
    """What the rate counter leaves for placing orders; the order manager sets it."""
    open_room: int | None = None
    """How many more open orders the pair may have; the order manager sets it."""
    pending: tuple[OutboxEntry, ...] = ()
    """The outbox's entries that have not ended; the order manager sets them."""
    amends: str | None = None
    """The id of the order that an amend changes; the order manager sets it."""
    at: int | None = None
    """This moment, ns since the Unix epoch; the order manager sets it."""
    maintenance: TradingEffect | None = None
    """What maintenance, incidents and the engine's state allow; None leaves it to the order
    manager, which knows it by its `MaintenanceTracker`, if it has one."""

    @property
    def middle_twice(self) -> int | None:
        """Best bid plus best ask, which keeps half ticks whole; None without both."""
        return None if self.bid is None or self.ask is None else self.bid + self.ask


class Walk(msgspec.Struct, frozen=True):
    """The levels that a market order would take from the book as it is known; prices are scaled."""

    qty: int
    """The quantity that the known levels hold, at most that of the order; scaled."""
    cost: int
    """Price times quantity, summed over the levels, both scaled."""
    best: int
    """The price of the first level."""
    worst: int
    """The price of the last level."""
    levels: int
    """Levels that it takes from."""

    @property
    def average(self) -> Decimal:
        """The average price, scaled."""
        return Decimal(self.cost) / self.qty

    @property
    def slippage_percent(self) -> Decimal:
        """The per cent by which the average is worse than the first price; never negative."""
        return abs(self.average - self.best) * 100 / self.best


def walk(draft: Draft, now: MarketContext) -> Walk | None:
    """Return what a market order would take; None for another type, or without known levels."""
    side = now.asks if draft.side is Side.BID else now.bids
    if draft.order_type is not OrderType.MARKET or side is None:
        return None
    return walk_levels(side, draft.qty)


def walk_levels(levels: Iterable[tuple[int, int]], wanted: int) -> Walk | None:
    """Return what a taker of this quantity would get; None without a level or a quantity.

    Args:
        levels: The other side of the book, best first: price and quantity, both scaled.
        wanted: The quantity, scaled. What the levels do not hold is not counted.
    """
    left, cost, best, worst, count = wanted, 0, 0, 0, 0
    for price, qty in levels:
        if left <= 0:
            break
        taken = min(left, qty)
        left, cost, best, worst = left - taken, cost + taken * price, best or price, price
        count += 1
    return Walk(wanted - left, cost, best, worst, count) if count else None


def notional(draft: Draft, now: MarketContext) -> Decimal | None:
    """Return price times quantity in the quote currency; None without any price.

    A market order is worth what it takes from the known levels; what they do not hold is counted
    at the last price. Of other orders the price is the limit, else the trigger, else the opposite
    best price.
    """
    taken = walk(draft, now)
    if taken is not None:
        cost = taken.cost + (draft.qty - taken.qty) * taken.worst
        return now.instrument.precision.cost_decimal(cost, 1)
    opposite = now.ask if draft.side is Side.BID else now.bid
    known = (draft.limit, draft.trigger_price, opposite)
    price = next((it for it in known if it is not None), None)
    return None if price is None else now.instrument.precision.cost_decimal(price, draft.qty)


def amount_text(
    amount: Decimal, asset: str, instrument: Instrument, rounding: str = ROUND_UP
) -> str:
    """Write an amount of one of a pair's two assets with the pair's digits.

    Args:
        amount: The amount.
        asset: The base or the quote currency of the pair.
        instrument: The pair.
        rounding: By default up, so that what is too much never reads as what is allowed.
    """
    based = asset == instrument.base
    decimals = instrument.precision.qty if based else max(instrument.cost_precision, 2)
    return f"{amount.quantize(Decimal(1).scaleb(-decimals), rounding, Context(prec=200)):f}"


def distance_percent(price: int, now: MarketContext) -> Decimal | None:
    """Return a price's distance from the middle in percent, negative below it.

    None without both sides of the book.
    """
    twice = now.middle_twice
    return None if not twice else Decimal(200 * price - 100 * twice) / twice
