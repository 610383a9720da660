"""The vocabulary of orders, and the terms that every exchange of ours takes alike.

Each word has one spelling, REST's; `ws_name` is the WebSocket's where that differs. REST
requests, the order manager, the monitor, the simulator and paper all use these words.

Sources: docs.kraken.com/api/docs/rest-api/add-order, .../websocket-v2/add_order
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Self

import msgspec

from kracked.protocol.events import Side


class OrderType(StrEnum):
    """The type of an order: how it is priced, and whether it waits for a trigger."""

    MARKET = "market"
    LIMIT = "limit"
    ICEBERG = "iceberg"
    STOP_LOSS = "stop-loss"
    TAKE_PROFIT = "take-profit"
    STOP_LOSS_LIMIT = "stop-loss-limit"
    TAKE_PROFIT_LIMIT = "take-profit-limit"
    TRAILING_STOP = "trailing-stop"
    TRAILING_STOP_LIMIT = "trailing-stop-limit"
    SETTLE_POSITION = "settle-position"
    """Margin accounts only."""

    @property
    def waits(self) -> bool:
        """Whether it stays out of the book until it is triggered."""
        return self in _WAITING

    @property
    def limited(self) -> bool:
        """Whether it has a limit price."""
        return self in _LIMITED

    @property
    def two_prices(self) -> bool:
        """Whether it has a trigger and a limit."""
        return self.waits and self.limited

    @property
    def trails(self) -> bool:
        """Whether its trigger follows the market at a distance."""
        return self in TRAILING

    @property
    def stops(self) -> bool:
        """Whether it is a stop: it buys when the price rises to the trigger, sells when it falls.

        A take-profit order does so the other way round.
        """
        return self in _STOPS

    @property
    def words(self) -> str:
        """The type as order descriptions name it: `stop loss`."""
        return self.removesuffix("-limit").replace("-", " ")


TRAILING = frozenset((OrderType.TRAILING_STOP, OrderType.TRAILING_STOP_LIMIT))
_STOPS = TRAILING | {OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT}
_WAITING = _STOPS | {OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT}
_LIMITED = frozenset(
    (
        OrderType.LIMIT,
        OrderType.ICEBERG,
        OrderType.STOP_LOSS_LIMIT,
        OrderType.TAKE_PROFIT_LIMIT,
        OrderType.TRAILING_STOP_LIMIT,
    )
)
SPOT_ORDER_TYPES = frozenset(OrderType) - {OrderType.SETTLE_POSITION}
"""The types that an account without margin may send."""


class TimeInForce(StrEnum):
    """The time that an order stays open."""

    GTC = "GTC"
    """Until it is cancelled."""
    IOC = "IOC"
    """At once: what does not fill is cancelled."""
    FOK = "FOK"
    """At once and completely, or not at all."""
    GTD = "GTD"
    """Until its expiry."""

    @property
    def ws_name(self) -> str:
        """The WebSocket's spelling."""
        return self.lower()


class SelfTrade(StrEnum):
    """Which of two own orders that would trade with each other is cancelled."""

    CANCEL_NEWEST = "cancel-newest"
    CANCEL_OLDEST = "cancel-oldest"
    CANCEL_BOTH = "cancel-both"

    @property
    def ws_name(self) -> str:
        """The WebSocket's spelling."""
        return self.replace("-", "_")


class Trigger(StrEnum):
    """The price that triggers a waiting order."""

    LAST = "last"
    INDEX = "index"


# --- distances of trailing orders -----------------------------------------------------------

_PERCENT_DECIMALS = 4


class TrailOffset(msgspec.Struct, frozen=True):
    """A distance from some price: a scaled amount, or a percentage of it."""

    by: Decimal
    percent: bool
    tick: int
    """The step that prices at this distance are rounded to."""

    def price_from(self, base: int) -> int:
        """Return the price at this distance from `base`, to the nearest tick."""
        shift = base * self.by / 100 if self.percent else self.by
        return int(((base + shift) / self.tick).to_integral_value(ROUND_HALF_UP)) * self.tick

    def text(self, decimals: int) -> str:
        """Return the distance as REST writes it: `+150.0`, `+1.0000%`.

        Args:
            decimals: Those of the instrument's prices.
        """
        if self.percent:
            return f"{self.by:+.{_PERCENT_DECIMALS}f}%"
        return f"{self.by.scaleb(-decimals):+.{decimals}f}"


class Trail(msgspec.Struct, frozen=True):
    """The distances of a trailing order."""

    distance: TrailOffset
    """How far the trigger keeps from the best price seen; positive."""
    limit: TrailOffset | None = None
    """From the trigger to the limit, of the type that has one."""

    def trigger(self, side: Side, best: int) -> int:
        """Return the trigger price when `best` is the best price seen."""
        offset = self.distance
        if side is Side.ASK:
            offset = TrailOffset(-offset.by, offset.percent, offset.tick)
        return offset.price_from(best)

    def follow(self, side: Side, trigger: int, last: int) -> int:
        """Return the trigger price after a trade at `last`: it never goes back."""
        new = self.trigger(side, last)
        return min(trigger, new) if side is Side.BID else max(trigger, new)


# --- the terms of an order ------------------------------------------------------------------


class CloseTerms(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A conditional close: the opposite order that follows each fill."""

    order_type: OrderType
    price: int | None = None
    trigger_price: int | None = None
    trail: Trail | None = None


class OrderTerms(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The terms that the simulator and paper take alike.

    Prices and quantities are scaled by the pair's precision; times are ns since the Unix epoch.
    """

    symbol: str
    side: Side
    order_type: OrderType
    qty: int
    price: int | None = None
    """The limit price, of the types that have one."""
    trigger_price: int | None = None
    """The price of the last trade that triggers an order which waits for one."""
    trail: Trail | None = None
    """In place of both prices, of the types that follow the market."""
    start_at: int | None = None
    """When to place it; None, or a time that is past, is at once."""
    expire_at: int | None = None
    """When a GTD order ends."""
    post_only: bool = False
    display_qty: int | None = None
    """The part of an iceberg that is shown."""
    stp: SelfTrade = SelfTrade.CANCEL_NEWEST
    """Which order is cancelled where it would trade with an own one."""
    cl_ord_id: str | None = None
    userref: int | None = None
    """The client's own number; several orders may share one."""
    fee_in_base: bool = False
    """Whether fees are taken in the base asset."""
    cash_qty: int | None = None
    """The value a market buy was requested in, scaled by price and quantity; else None."""
    close: CloseTerms | None = None
    """The order that follows each fill."""

    def closing(self, qty: int) -> Self:
        """Return the order that closes a fill of this quantity.

        Source: docs.kraken.com/api/docs/rest-api/add-order (close)
        """
        assert self.close is not None
        return type(self)(
            symbol=self.symbol,
            side=self.side.opposite,
            order_type=self.close.order_type,
            qty=qty,
            price=self.close.price,
            trigger_price=self.close.trigger_price,
            trail=self.close.trail,
            userref=self.userref,
        )


def is_met(order_type: OrderType, side: Side, trigger_price: int, last: int) -> bool:
    """Whether a trade at `last` triggers an order that waits.

    A stop buys above and sells below its trigger; a profit is taken the other way round.
    """
    rises = (side is Side.BID) == order_type.stops
    return last >= trigger_price if rises else last <= trigger_price
