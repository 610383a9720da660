"""An order as a client requests it, read and scaled, whichever form it came in.

Source: docs.kraken.com/api/docs/rest-api/add-order, .../websocket-v2/add_order
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from kracked.gateway.accounts.trailing_stops import Trail
from kracked.protocol.events import Side
from kracked.protocol.order_terms import OrderType, SelfTrade, TimeInForce


class Pricing(NamedTuple):
    """The prices an order type takes; those it does not take are None."""

    price: int | None = None
    trigger_price: int | None = None
    trail: Trail | None = None


class CloseTerms(msgspec.Struct, frozen=True, kw_only=True):
    """A conditional close: the opposite order that follows each fill."""

    order_type: OrderType
    price: int | None = None
    trigger_price: int | None = None
    trail: Trail | None = None


class OrderRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The terms of an order. Prices and quantities are scaled; times are ns since the epoch."""

    symbol: str
    side: Side
    order_type: OrderType
    qty: int
    price: int | None = None
    """The limit price, of the types that have one."""
    trigger_price: int | None = None
    trail: Trail | None = None
    """In place of both prices, of the types that follow the market."""
    by_index: bool = False
    """Whether the trigger watches the index; here that is the last trade all the same."""
    tif: TimeInForce = TimeInForce.GTC
    start_at: int | None = None
    """When to place it; None, or a time that is past, is at once."""
    expire_at: int | None = None
    post_only: bool = False
    display_qty: int | None = None
    """The part of an iceberg that is shown."""
    stp: SelfTrade = SelfTrade.CANCEL_NEWEST
    cl_ord_id: str | None = None
    userref: int | None = None
    fee_in_base: bool = False
    cash_qty: int | None = None
    """The value a market buy was requested in, scaled by price and quantity; else None."""
    close: CloseTerms | None = None


class AmendRequest(msgspec.Struct, frozen=True, kw_only=True):
    """New terms for an open order; a term that is None stays as it is."""

    qty: int | None = None
    price: int | None = None
    trigger_price: int | None = None
    display_qty: int | None = None
    post_only: bool = False
