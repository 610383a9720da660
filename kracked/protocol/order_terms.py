"""The vocabulary of orders: types, times in force, self-trade rules, reference prices.

Each word has one spelling, REST's; `ws_name` is the WebSocket's where that differs. REST
requests, the order manager, the monitor and the simulator all use these words.

Sources: docs.kraken.com/api/docs/rest-api/add-order, .../websocket-v2/add_order
"""

from __future__ import annotations

from enum import StrEnum


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
