"""The permissions that a key needs for each trading method, over REST and over WebSocket.

Sources: the endpoint pages below docs.kraken.com/api/docs/rest-api/ and /websocket-v2/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from kracked.gateway.auth import ApiKey, Permission

Alternatives: TypeAlias = tuple[frozenset[Permission], ...]
"""A key needs all of one of these. None at all are open to every key."""

_MODIFY, _CANCEL = Permission.MODIFY_ORDERS, Permission.CANCEL_ORDERS
_EITHER: Alternatives = (frozenset((_MODIFY,)), frozenset((_CANCEL,)))
_BOTH: Alternatives = (frozenset((_MODIFY, _CANCEL)),)

TRADING: Mapping[str, Alternatives] = {
    "AddOrder": (frozenset((_MODIFY,)),),
    "AddOrderBatch": _BOTH,
    "AmendOrder": _EITHER,
    "EditOrder": _BOTH,
    "CancelOrder": _EITHER,
    "CancelOrderBatch": _EITHER,
    "CancelAll": _EITHER,
    "CancelAllOrdersAfter": _EITHER,
}
"""By the method's name over REST."""


def permits(key: ApiKey, needed: Alternatives) -> bool:
    """Whether a key has all permissions of one alternative."""
    return not needed or any(permissions <= key.permissions for permissions in needed)
