"""The time to wait for an answer, and the time before the next attempt.

Source of the limits on resubscribing: docs.kraken.com/api/docs/guides/spot-ws-book-v2;
the figures are those of clients that have run against the exchange for years.
"""

from __future__ import annotations

from kracked.protocol.client.subscription import SubscriptionState
from kracked.protocol.client.subscription_stages import SubscriptionStage
from kracked.times import NS_PER_S

ANSWER_NS = 5 * NS_PER_S
"""How long an answer may take; measured: well under a second."""
SNAPSHOT_NS = 10 * NS_PER_S
"""How long a snapshot may take after its answer; measured: 13 to 470 ms."""
RETRY_NS = (0, *(NS_PER_S * halves // 2 for halves in (1, 2, 4, 8, 16)))
"""Waits before the first and the five further attempts at one subscription."""
LONG_WAIT_NS = 60 * NS_PER_S
"""Wait between attempts at a subscription that a whole new connection did not help either."""
HANG_UPS = 3
"""How often the server may end the connection at one and the same request."""
SET_ASIDE_NS = 600 * NS_PER_S
"""How long a subscription rests at which the server hung up that often."""
STABLE_NS = 10 * NS_PER_S
"""A subscription that was live for this long starts from no failed attempts."""
SLOW_DOWN_NS = NS_PER_S
"""Pause of a request that came too fast."""
UNREADABLE_NS = NS_PER_S
"""How long to wait for a snapshot when something unreadable came in its place."""


def schedule_retry(state: SubscriptionState, now: int) -> bool:
    """Set when to subscribe next, later with each failed attempt.

    Returns:
        False when the attempts on this connection are used up and another connection may
        help. After that the subscription is tried at long intervals for ever.
    """
    if state.stage is SubscriptionStage.LIVE and now - state.live_since >= STABLE_NS:
        state.attempts = state.connections_spent = 0
    if state.attempts < len(RETRY_NS):
        state.retry_at = now + RETRY_NS[state.attempts]
        state.attempts += 1
        return True
    state.retry_at = now + LONG_WAIT_NS
    state.connections_spent += 1
    return state.connections_spent > 1
