"""An order as a client asked for it, read and scaled, whichever way it came in.

Source: docs.kraken.com/api/docs/rest-api/add-order, .../websocket-v2/add_order
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from kracked.protocol.events import Side
from kracked.protocol.order_terms import OrderType, SelfTrade, TimeInForce
from kracked.sim.accounts.trailing_stops import Trail


class Pricing(NamedTuple):
    """The prices an order type takes; None those it does not."""

    price: int | None = None
    trigger_price: int | None = None
    trail: Trail | None = None


class CloseTerms(msgspec.Struct, frozen=True, kw_only=True):
    """The opposite order that follows each fill."""

    order_type: OrderType
    price: int | None = None
    trigger_price: int | None = None
    trail: Trail | None = None


class OrderRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for. Prices and quantities are scaled; times ns since the Unix epoch."""

    symbol: str
    side: Side
    order_type: OrderType
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
