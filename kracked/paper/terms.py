"""The terms of paper orders: what is asked for, what it costs, how long it takes to arrive.

Prices and quantities are scaled integers of the instrument's precision; times are ns since the
Unix epoch. Refusals have the exchange's words where it has some.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from kracked.errors import ConfigError, says
from kracked.instruments import Instrument
from kracked.protocol.order_terms import (
    SPOT_ORDER_TYPES,
    OrderTerms,
    OrderType,
    TimeInForce,
)

RATE_DECIMALS = 4
"""Fee rates are integers of 1/10,000: 0.40 % is 40."""

ARGUMENTS = "EGeneral:Invalid arguments"
INVALID_ORDER = "EOrder:Invalid order"
INVALID_PRICE = "EOrder:Invalid price"
TICK_SIZE = "EOrder:Tick size check failed"
VOLUME_MINIMUM = "EGeneral:Invalid arguments:volume minimum not met"
COST_MINIMUM = "EOrder:Cost minimum not met"
INSUFFICIENT_FUNDS = "EOrder:Insufficient funds"
POST_ONLY = "EOrder:Post only order"
UNKNOWN_ORDER = "EOrder:Unknown order"
CLIENT_ID_IN_USE = "EGeneral:Invalid arguments:cl_ord_id not unique"
UNKNOWN_PAIR = "EQuery:Unknown asset pair"
NOT_VERIFIED = "EService:Market in cancel_only mode:paper has no verified book"
NO_TRADE = "EOrder:Invalid price:paper has seen no trade to keep a distance from"
NOT_MODELLED = "EGeneral:Invalid arguments:not modelled on paper"
OUTCOME_UNKNOWN = "EOrder:Invalid order:its outcome is unknown, it can only be cancelled"

_NO_CLOSE = frozenset((OrderType.MARKET, OrderType.ICEBERG, OrderType.SETTLE_POSITION))
_ICEBERG_PARTS = 15
"""An iceberg shows at least one part in so many."""


@says("{error}")
class PaperRefusal(ConfigError):
    """A paper request that is refused. Nothing has been done."""

    error: str
    """The text that the client reads."""


class FeeRates(msgspec.Struct, frozen=True):
    """The fees of a trade, in 1/10,000 of what they are taken from."""

    maker: int = 25
    taker: int = 40


class Latency(msgspec.Struct, frozen=True):
    """The time that a request is on its way and its effect on the way back, in ns.

    It is the round trip, because it counts on the clock on which market data arrive: the first
    message that comes later than this is the first that can know of the request.
    """

    submit: int = 0
    cancel: int = 0
    amend: int = 0


class PaperRequest(OrderTerms, frozen=True, kw_only=True, omit_defaults=True):
    """A new order, in scaled integers. The trigger of one that trails is the engine's."""

    time_in_force: TimeInForce = TimeInForce.GTC


class PaperAmend(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """New terms of an open order; None leaves a term as it is."""

    order_id: str
    qty: int | None = None
    """The whole quantity, what is filled included."""
    price: int | None = None
    trigger_price: int | None = None
    display_qty: int | None = None
    """The part of an iceberg that is shown: less at once, more from the next part on."""
    post_only: bool = False


class PaperState(StrEnum):
    """The known state of a paper order."""

    PENDING = "pending"
    """Accepted, and not in the market yet: it holds nothing."""
    WAITING = "waiting"
    """Not triggered."""
    RESTING = "resting"
    UNKNOWN = "unknown"
    """Data were lost while it was open: what would have happened to it cannot be told."""
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


def check_terms(request: PaperRequest, instrument: Instrument, last: int, now: int) -> None:
    """Check that an order's parts go together, its tick size and its minimums.

    Args:
        request: The order.
        instrument: Its pair's rules.
        last: Price that measures an order without one of its own; 0 when none is known.
        now: Time, ns since the Unix epoch.

    Raises:
        PaperRefusal: A part is out of bounds, or is not modelled.
    """
    kind, close = request.order_type, request.close
    if kind not in SPOT_ORDER_TYPES:
        raise PaperRefusal(NOT_MODELLED)
    if not _go_together(request):
        raise PaperRefusal(INVALID_ORDER)
    begins = max(now, request.start_at or now)
    if request.expire_at is not None and request.expire_at <= begins:
        raise PaperRefusal(INVALID_ORDER)
    check_prices(instrument, request.price, request.trigger_price)
    if close is not None:
        if close.order_type in _NO_CLOSE or request.cl_ord_id is not None:
            raise PaperRefusal(ARGUMENTS)
        check_prices(instrument, close.price, close.trigger_price)
    if kind.trails and not last:
        raise PaperRefusal(NO_TRADE)
    check_minimums(instrument, request.qty, request.price or request.trigger_price or last)
    if request.display_qty is not None:
        check_shown(request.display_qty, request.qty, request.qty)


def _go_together(request: PaperRequest) -> bool:
    """Whether an order has the parts of its type, and no others."""
    kind, tif = request.order_type, request.time_in_force
    limited = request.price is not None
    if request.trail is not None:
        limited = request.trail.limit is not None
    at_once = tif in (TimeInForce.IOC, TimeInForce.FOK)
    return (
        kind.trails == (request.trail is not None)
        and not (kind.trails and request.price is not None)
        and limited == kind.limited
        and (request.trigger_price is not None) == (kind.waits and not kind.trails)
        and (request.display_qty is not None) == (kind is OrderType.ICEBERG)
        and (request.expire_at is not None) == (tif is TimeInForce.GTD)
        and not (tif is TimeInForce.FOK and not kind.limited)
        and not (request.post_only and (at_once or not kind.limited or kind.waits))
    )


def check_shown(shown: int, left: int, qty: int) -> None:
    """Check the part of an iceberg that is shown: one in fifteen at least.

    Args:
        shown: The part.
        left: What is left of the order.
        qty: The whole of it.

    Raises:
        PaperRefusal: It is too small, or more than all.
    """
    if not left <= shown * _ICEBERG_PARTS <= qty * _ICEBERG_PARTS:
        raise PaperRefusal(INVALID_ORDER)


def check_prices(instrument: Instrument, *prices: int | None) -> None:
    """Check that prices are positive and whole ticks.

    Raises:
        PaperRefusal: One is not.
    """
    for price in prices:
        if price is not None and price <= 0:
            raise PaperRefusal(INVALID_PRICE)
        if price is not None and price % instrument.price_increment:
            raise PaperRefusal(TICK_SIZE)


def check_minimums(instrument: Instrument, qty: int, price: int) -> None:
    """Check the least quantity, and the least cost where a price measures the order.

    Raises:
        PaperRefusal: The order is too small, or its quantity is no multiple of the lot step.
    """
    if qty <= 0 or qty < instrument.qty_min or qty % instrument.qty_increment:
        raise PaperRefusal(VOLUME_MINIMUM)
    if price and instrument.precision.cost_decimal(price, qty) < instrument.cost_min:
        raise PaperRefusal(COST_MINIMUM)


class PlaceBounds(msgspec.Struct, frozen=True):
    """The quantity that stands ahead of a resting order; price and quantities are scaled."""

    price: int
    """The price at which it rests."""
    least: int
    """At best this much is ahead: what was cancelled since had stood there."""
    most: int | None
    """At worst this much is ahead; None while its level has not been told."""

    @property
    def exact(self) -> bool:
        """Whether the place is known, as by level 3."""
        return self.least == self.most
