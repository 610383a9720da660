"""Which members a trading request over WebSocket may have; any other is refused by name.

An exchange that ignored what it does not know would take a misspelt `post_only`, or a
symbol inside a batch for another pair, and trade.

Sources: docs.kraken.com/api/docs/websocket-v2/ add_order, amend_order, edit_order,
cancel_order, cancel_all, cancel_after, batch_add, batch_cancel; the refusal's words are
recorded for subscriptions
"""

from __future__ import annotations

from collections.abc import Mapping

from kracked.gateway.refusals import Refusal
from kracked.protocol.requests import unsupported_field


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ORDER = _names(
    """order_type side order_qty cash_order_qty display_qty limit_price limit_price_type triggers
    time_in_force post_only reduce_only margin effective_time expire_time cl_ord_id order_userref
    conditional fee_preference stp_type sender_sub_id no_mpp stop_price trigger"""
)
_METHODS: Mapping[str, frozenset[str]] = {
    "add_order": _ORDER | _names("symbol deadline validate"),
    "amend_order": _names(
        """order_id cl_ord_id order_qty display_qty limit_price limit_price_type trigger_price
        trigger_price_type post_only deadline symbol"""
    ),
    "edit_order": _names(
        """order_id symbol order_qty limit_price display_qty triggers post_only reduce_only
        fee_preference order_userref deadline validate no_mpp"""
    ),
    "cancel_order": _names("order_id cl_ord_id order_userref"),
    "cancel_all": frozenset(),
    "cancel_all_orders_after": _names("timeout"),
    "batch_add": _names("symbol orders deadline validate"),
    "batch_cancel": _names("orders cl_ord_id"),
}
_WITHIN: Mapping[str, frozenset[str]] = {
    "triggers": _names("reference price price_type"),
    "conditional": _names(
        """order_type limit_price limit_price_type trigger_price trigger_price_type stop_price"""
    ),
    "orders": _ORDER,
}
"""Of the objects within a request, wherever they lie."""


def check(method: str, params: Mapping[str, object]) -> None:
    """Raises `Refusal` for a member the method does not have."""
    _check(method, params, _METHODS[method])


def _check(method: str, found: Mapping[str, object], known: frozenset[str]) -> None:
    for name, value in found.items():
        if name not in known:
            raise Refusal(unsupported_field(name, method))
        for part in value if isinstance(value, list) else (value,):
            if isinstance(part, dict) and name in _WITHIN:
                _check(method, part, _WITHIN[name])
