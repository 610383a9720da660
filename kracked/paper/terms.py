"""The terms of paper orders: what is asked for, what it costs, how long it takes to arrive.

Prices and quantities are scaled integers of the instrument's precision; times are ns since the
Unix epoch. Refusals have the exchange's words where it has some.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from kracked.errors import ConfigError, says
from kracked.instruments import Instrument
from kracked.protocol.events import Side
from kracked.protocol.order_terms import OrderType, TimeInForce

RATE_DECIMALS = 4
"""Fee rates are integers of 1/10,000: 0.40 % is 40."""

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
NOT_VERIFIED = "EService:Unavailable:paper has no verified book"
NOT_MODELLED = "EGeneral:Invalid arguments:not modelled on paper"
OUTCOME_UNKNOWN = "EOrder:Invalid order:its outcome is unknown, it can only be cancelled"

_MODELLED = frozenset(
    (
        OrderType.MARKET,
        OrderType.LIMIT,
        OrderType.ICEBERG,
        OrderType.STOP_LOSS,
        OrderType.STOP_LOSS_LIMIT,
        OrderType.TAKE_PROFIT,
        OrderType.TAKE_PROFIT_LIMIT,
    )
)
_ICEBERG_PARTS = 15
"""An iceberg shows at least one part in so many."""


@says("{error}")
class PaperRefusal(ConfigError):
    """A paper request that is refused. Nothing has been done."""

    error: str
    """The text that the client reads."""


class FeeRates(msgspec.Struct, frozen=True):
    """The fees of a trade, in 1/10,000 of its cost, always in the quote currency."""

    maker: int = 25
    taker: int = 40


class Latency(msgspec.Struct, frozen=True):
    """How long a request is on its way and its effect on the way back, in ns.

    It is the round trip, because it counts on the clock on which market data arrive: the first
    message that comes later than this is the first that can know of the request.
    """

    submit: int = 0
    cancel: int = 0
    amend: int = 0


class PaperRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A new order, in scaled integers."""

    symbol: str
    side: Side
    order_type: OrderType
    qty: int
    price: int | None = None
    """The limit; None for an order without one."""
    trigger_price: int | None = None
    """The price of the last trade that triggers a stop or a take-profit."""
    display_qty: int | None = None
    """The part of an iceberg that is shown."""
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    cl_ord_id: str | None = None
    userref: int | None = None
    """The client's own number; several orders may share one."""


class PaperAmend(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """New terms of an open order; None leaves a term as it is."""

    order_id: str
    qty: int | None = None
    """The whole quantity, what is filled included."""
    price: int | None = None
    trigger_price: int | None = None
    post_only: bool = False


class PaperState(StrEnum):
    """What is known of a paper order."""

    WAITING = "waiting"
    """Not triggered."""
    RESTING = "resting"
    UNKNOWN = "unknown"
    """Data were lost while it was open: what would have happened to it cannot be told."""
    FILLED = "filled"
    CANCELLED = "cancelled"


def check_terms(request: PaperRequest, instrument: Instrument, last: int) -> None:
    """Check that an order's parts go together, its tick size and its minimums.

    Args:
        request: The order.
        instrument: Its pair's rules.
        last: Price that measures an order without one of its own; 0 when none is known.

    Raises:
        PaperRefusal: A part is out of bounds, or is not modelled.
    """
    kind = request.order_type
    if kind not in _MODELLED or request.time_in_force is TimeInForce.GTD:
        raise PaperRefusal(NOT_MODELLED)
    together = (
        (request.price is not None) == kind.limited
        and (request.trigger_price is not None) == kind.waits
        and (request.display_qty is not None) == (kind is OrderType.ICEBERG)
    )
    at_once = request.time_in_force is not TimeInForce.GTC
    if not together or (request.post_only and (at_once or not kind.limited or kind.waits)):
        raise PaperRefusal(INVALID_ORDER)
    if at_once and kind is OrderType.ICEBERG:
        raise PaperRefusal(INVALID_ORDER)
    check_prices(instrument, request.price, request.trigger_price)
    check_minimums(instrument, request.qty, request.price or request.trigger_price or last)
    shown = request.display_qty
    if shown is not None and not request.qty <= shown * _ICEBERG_PARTS <= (
        request.qty * _ICEBERG_PARTS
    ):
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
