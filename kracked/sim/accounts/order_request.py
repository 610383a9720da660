"""An order as a client asked for it, read and scaled, whichever way it came in.

Source: docs.kraken.com/api/docs/rest-api/add-order, .../websocket-v2/add_order
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import msgspec

from kracked.protocol.events import Side
from kracked.sim.accounts.trailing_stops import Trail
from kracked.sim.engine.orders import SelfTrade, TimeInForce


class OrderType(StrEnum):
    """The order types a spot account may send."""

    MARKET = "market"
    LIMIT = "limit"
    ICEBERG = "iceberg"
    STOP_LOSS = "stop-loss"
    TAKE_PROFIT = "take-profit"
    STOP_LOSS_LIMIT = "stop-loss-limit"
    TAKE_PROFIT_LIMIT = "take-profit-limit"
    TRAILING_STOP = "trailing-stop"
    TRAILING_STOP_LIMIT = "trailing-stop-limit"

    @property
    def waits(self) -> bool:
        """Whether it stands outside the book until its trigger."""
        return self not in (OrderType.MARKET, OrderType.LIMIT, OrderType.ICEBERG)

    @property
    def limited(self) -> bool:
        """Whether it has a limit price."""
        return self not in (
            OrderType.MARKET,
            OrderType.STOP_LOSS,
            OrderType.TAKE_PROFIT,
            OrderType.TRAILING_STOP,
        )

    @property
    def trails(self) -> bool:
        """Whether its trigger follows the market."""
        return self in (OrderType.TRAILING_STOP, OrderType.TRAILING_STOP_LIMIT)

    @property
    def stops(self) -> bool:
        """Whether it buys above and sells below its trigger; a profit is taken the other way."""
        return self in (OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT) or self.trails

    @property
    def words(self) -> str:
        """As order descriptions say it: `stop loss`."""
        return self.removesuffix("-limit").replace("-", " ")


class Pricing(NamedTuple):
    """The prices an order type takes; None those it does not."""

    price: int | None = None
    trigger_price: int | None = None
    trail: Trail | None = None


class CloseTerms(msgspec.Struct, frozen=True, kw_only=True):
    """The opposite order that follows each fill."""

    kind: OrderType
    price: int | None = None
    trigger_price: int | None = None
    trail: Trail | None = None


class OrderRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for. Prices and quantities are scaled; times ns since the Unix epoch."""

    symbol: str
    side: Side
    kind: OrderType
    qty: int
    price: int | None = None
    """The limit, of the kinds that have one."""
    trigger_price: int | None = None
    trail: Trail | None = None
    """Instead of both, of the kinds that follow the market."""
    by_index: bool = False
    """The trigger watches the index; here it is the last trade all the same."""
    tif: TimeInForce = TimeInForce.GTC
    start_at: int | None = None
    """When to place it; None, or a time that is past, is at once."""
    expire_at: int | None = None
    post_only: bool = False
    display_qty: int | None = None
    stp: SelfTrade = SelfTrade.CANCEL_NEWEST
    cl_ord_id: str | None = None
    userref: int | None = None
    fee_in_base: bool = False
    cash_qty: int | None = None
    """Market buys may be asked for in the quote currency, scaled by price and quantity."""
    close: CloseTerms | None = None


class AmendRequest(msgspec.Struct, frozen=True, kw_only=True):
    """New terms for an open order; None keeps what it has."""

    qty: int | None = None
    price: int | None = None
    trigger_price: int | None = None
    display_qty: int | None = None
    post_only: bool = False
