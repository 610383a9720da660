"""An order as a client requests it, read and scaled, whichever form it came in.

Source: docs.kraken.com/api/docs/rest-api/add-order, .../websocket-v2/add_order
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from kracked.protocol.order_terms import OrderTerms, TimeInForce, Trail


class Pricing(NamedTuple):
    """The prices an order type takes; those it does not take are None."""

    price: int | None = None
    trigger_price: int | None = None
    trail: Trail | None = None


class OrderRequest(OrderTerms, frozen=True, kw_only=True, omit_defaults=True):
    """The terms of an order, as both forms state them."""

    by_index: bool = False
    """Whether the trigger watches the index."""
    tif: TimeInForce = TimeInForce.GTC


class AmendRequest(msgspec.Struct, frozen=True, kw_only=True):
    """New terms for an open order; a term that is None stays as it is."""

    qty: int | None = None
    price: int | None = None
    trigger_price: int | None = None
    display_qty: int | None = None
    post_only: bool = False
