"""The states of something sent to the exchange, and every step between them.

UNKNOWN is a state like any other, not a failure: the request may have been carried
out. What is UNKNOWN is never sent again; it is looked up until it is settled.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
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


_OUTCOMES = frozenset({State.ACKNOWLEDGED, State.LIVE, State.FILLED, State.CANCELLED})

TRANSITIONS: dict[State, frozenset[State]] = {
    State.PREPARED: frozenset({State.SENT, State.REFUSED, State.UNKNOWN}),
    State.SENT: _OUTCOMES | {State.REFUSED, State.UNKNOWN},
    State.UNKNOWN: _OUTCOMES | {State.REFUSED},
    State.ACKNOWLEDGED: frozenset({State.LIVE, State.FILLED, State.CANCELLED}),
    State.LIVE: frozenset({State.FILLED, State.CANCELLED}),
    # Should the exchange ever show an order we had given up on, it is right and we were not.
    State.REFUSED: _OUTCOMES,
    State.FILLED: frozenset(),
    State.CANCELLED: frozenset(),
}
"""Every legal step. SENT is entered from PREPARED alone: nothing is sent twice."""

UNANSWERED = frozenset({State.PREPARED, State.SENT})
"""What a program that ends now leaves without an outcome."""
ENDED = frozenset({State.FILLED, State.CANCELLED, State.REFUSED})
