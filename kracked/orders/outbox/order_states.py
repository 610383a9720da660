"""The states of something sent to the exchange, and every step between them.

UNKNOWN is a state like any other, not a failure: the request may have been carried
out. What is UNKNOWN is never sent again; it is looked up until it is settled.
"""

from __future__ import annotations

from enum import StrEnum


class OrderState(StrEnum):
    PREPARED = "prepared"
    """Written down, not sent."""
    SENT = "sent"
    """On its way; no answer yet."""
    ACKNOWLEDGED = "acknowledged"
    """The exchange took it. An amend ends here; an order is not known to rest yet."""
    LIVE = "live"
    """Open at the exchange, perhaps filled in part."""
    FILLED = "filled"
    CANCELLED = "cancelled"
    """Ended by anyone, or expired; may be filled in part."""
    REFUSED = "refused"
    """Nothing came of it: refused, not sent, or settled as never placed."""
    UNKNOWN = "UNKNOWN"
    """It may or may not have reached the exchange."""


_OUTCOMES = frozenset(
    {OrderState.ACKNOWLEDGED, OrderState.LIVE, OrderState.FILLED, OrderState.CANCELLED}
)

TRANSITIONS: dict[OrderState, frozenset[OrderState]] = {
    OrderState.PREPARED: frozenset({OrderState.SENT, OrderState.REFUSED, OrderState.UNKNOWN}),
    OrderState.SENT: _OUTCOMES | {OrderState.REFUSED, OrderState.UNKNOWN},
    OrderState.UNKNOWN: _OUTCOMES | {OrderState.REFUSED},
    OrderState.ACKNOWLEDGED: frozenset({OrderState.LIVE, OrderState.FILLED, OrderState.CANCELLED}),
    OrderState.LIVE: frozenset({OrderState.FILLED, OrderState.CANCELLED}),
    # Should the exchange ever show an order we had given up on, it is right and we were not.
    OrderState.REFUSED: _OUTCOMES,
    OrderState.FILLED: frozenset(),
    OrderState.CANCELLED: frozenset(),
}
"""Every legal step. SENT is entered from PREPARED alone: nothing is sent twice."""

UNANSWERED = frozenset({OrderState.PREPARED, OrderState.SENT})
"""What a program that ends now leaves without an outcome."""
ENDED = frozenset({OrderState.FILLED, OrderState.CANCELLED, OrderState.REFUSED})
