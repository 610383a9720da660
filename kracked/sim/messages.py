"""What the exchange says when it refuses an order, and why orders end.

Sources: docs.kraken.com/api/docs/guides/spot-errors, recordings in public clients' tests.
"""

from __future__ import annotations

from kracked.times import NS_PER_S

ARGUMENTS = "EGeneral:Invalid arguments"
VOLUME = "EGeneral:Invalid arguments:volume"
VOLUME_MINIMUM = "EGeneral:Invalid arguments:volume minimum not met"
CLIENT_ID = "EGeneral:Invalid arguments:cl_ord_id"
CLIENT_ID_IN_USE = "EGeneral:Invalid arguments:cl_ord_id not unique"
NO_INDEX = "EGeneral:Invalid arguments:Index unavailable"
PERMISSION_DENIED = "EGeneral:Permission denied"
INVALID_PRICE = "EOrder:Invalid price:Invalid price argument."
INVALID_PRICE2 = "EOrder:Invalid price:Invalid secondary price argument"
INVALID_LIMIT = "EOrder:Invalid limit price"
TICK_SIZE = "EOrder:Tick size check failed"
COST_MINIMUM = "EOrder:Cost minimum not met"
INSUFFICIENT_FUNDS = "EOrder:Insufficient funds"
ORDERS_LIMIT = "EOrder:Orders limit exceeded"
ORDER_RATE = "EOrder:Rate limit exceeded"
CALL_RATE = "EAPI:Rate limit exceeded"
UNKNOWN_ORDER = "EOrder:Unknown order"
INVALID_ORDER = "EOrder:Invalid order"
POST_ONLY = "EOrder:Post only order"
NO_POSITION = "EOrder:Reduce only:No position exists"
NO_MARGIN = "EOrder:Cannot open position"
DEADLINE = "EService:Deadline elapsed"
UNAVAILABLE = "EService:Unavailable"
UNKNOWN_PAIR = "EQuery:Unknown asset pair"
UNKNOWN_ASSET = "EQuery:Unknown asset"
UNKNOWN_METHOD = "EGeneral:Unknown method"

# Reasons in `executions`. Only the first is recorded and the second known from clients.
USER_REQUESTED = "User requested"
NO_FUNDS = "Insufficient funds"
TIMED_OUT = "Cancel all orders after"
"""The dead-man's switch."""


def argument(name: str) -> str:
    """The refusal of one argument."""
    return f"{ARGUMENTS}:{name}"


def too_many_decimals(rest_id: str, decimals: int) -> str:
    return f"EOrder:Invalid price:{rest_id} price can only be specified up to {decimals} decimals."


def throttled(until: int) -> str:
    """`until` in ns since the Unix epoch; the exchange says whole seconds."""
    return f"EService: Throttled: {-(-until // NS_PER_S)}"


def market_mode(mode: str) -> str:
    return f"EService:Market in {mode} mode"
