"""The exchange's words about orders: why it refuses them, and why they end.

Sources: docs.kraken.com/api/docs/guides/spot-errors, recordings in public clients' tests.
"""

from __future__ import annotations

from kracked.gateway.refusals import argument
from kracked.times import NS_PER_S

VOLUME_MINIMUM = "EGeneral:Invalid arguments:volume minimum not met"
CLIENT_ID = argument("cl_ord_id")
CLIENT_ID_IN_USE = "EGeneral:Invalid arguments:cl_ord_id not unique"
NO_INDEX = "EGeneral:Invalid arguments:Index unavailable"
INVALID_PRICE = "EOrder:Invalid price:Invalid price argument."
INVALID_PRICE2 = "EOrder:Invalid price:Invalid secondary price argument"
INVALID_LIMIT = "EOrder:Invalid limit price"
TICK_SIZE = "EOrder:Tick size check failed"
COST_MINIMUM = "EOrder:Cost minimum not met"
INSUFFICIENT_FUNDS = "EOrder:Insufficient funds"
ORDERS_LIMIT = "EOrder:Orders limit exceeded"
ORDER_RATE = "EOrder:Rate limit exceeded"
DOMAIN_RATE = "EOrder:Domain rate limit exceeded"
CALL_RATE = "EAPI:Rate limit exceeded"
UNKNOWN_ORDER = "EOrder:Unknown order"
INVALID_ORDER = "EOrder:Invalid order"
POST_ONLY = "EOrder:Post only order"
NO_POSITION = "EOrder:Reduce only:No position exists"
NO_MARGIN = "EOrder:Cannot open position"
DEADLINE = "EService:Deadline elapsed"

# Reasons in `executions`. Only the first is recorded, one known from clients, one ours.
USER_REQUESTED = "User requested"
NO_FUNDS = "Insufficient funds"
NO_PRICE = "Invalid price"
TIMED_OUT = "Cancel all orders after"
"""The dead-man's switch."""


def too_many_decimals(rest_id: str, decimals: int) -> str:
    """Return the refusal of a price with more decimals than its pair allows."""
    return f"EOrder:Invalid price:{rest_id} price can only be specified up to {decimals} decimals."


def throttled(until: int) -> str:
    """Return the refusal until a time in ns since the Unix epoch; it states whole seconds."""
    return f"EService: Throttled: {-(-until // NS_PER_S)}"


def market_mode(mode: str) -> str:
    """Return the refusal of an order that the market's mode does not take."""
    return f"EService:Market in {mode} mode"


def no_price(asset: str) -> str:
    """Return the refusal of a value that needs the price of an asset in dollars."""
    return f"EService:Unavailable:no price of {asset} in USD is known here"
