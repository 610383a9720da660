"""The states of an action that is sent to the exchange, and every step between them.

Rules:

- SENT is entered from PREPARED alone: nothing is sent twice.
- UNKNOWN is a state like any other, not a failure: the request may have been carried out. An
  UNKNOWN action is never sent again; it is looked up until its outcome is known.
- A REFUSED action may still turn up: if the exchange shows it, the exchange is right.
"""

from __future__ import annotations

from enum import StrEnum


class OrderState(StrEnum):
    """The state of an action: of an order or of an amend."""

    PREPARED = "prepared"
    """Recorded, not sent."""
    SENT = "sent"
    """On its way; no answer yet."""
    ACKNOWLEDGED = "acknowledged"
    """Accepted by the exchange. An amend ends here; an order is not known to rest yet."""
    LIVE = "live"
    """Open at the exchange, perhaps filled in part."""
    FILLED = "filled"
    """Completely filled."""
    CANCELLED = "cancelled"
    """Ended by anyone, or expired; it may be filled in part."""
    REFUSED = "refused"
    """Without effect: refused, not sent, or found never to have been placed."""
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
    # If the exchange shows an order that was given up here, the exchange is right.
    OrderState.REFUSED: _OUTCOMES,
    OrderState.FILLED: frozenset(),
    OrderState.CANCELLED: frozenset(),
}
"""Every legal step."""

UNANSWERED = frozenset({OrderState.PREPARED, OrderState.SENT})
"""States without an outcome: UNKNOWN after the program has ended in one of them."""
ENDED = frozenset({OrderState.FILLED, OrderState.CANCELLED, OrderState.REFUSED})
"""States in which nothing more is expected."""
