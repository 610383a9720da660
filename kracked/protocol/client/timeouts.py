"""How long to wait for an answer, and how long before asking again.

Source of the limits on resubscribing: docs.kraken.com/api/docs/guides/spot-ws-book-v2;
the figures are those of clients that have run against the exchange for years.
"""

from __future__ import annotations

from kracked.protocol.client.subscription import SubscriptionStage, SubscriptionState
from kracked.times import NS_PER_S

ANSWER_NS = 5 * NS_PER_S
"""How long an answer may take; measured: well under a second."""
SNAPSHOT_NS = 10 * NS_PER_S
"""How long a snapshot may take after its answer; measured: 13 to 470 ms."""
RETRY_NS = (0, *(NS_PER_S * halves // 2 for halves in (1, 2, 4, 8, 16)))
"""Waits before the first and the five further attempts at one subscription."""
LONG_WAIT_NS = 60 * NS_PER_S
"""Between attempts at a subscription that a whole new connection did not help either."""
SETTLED_NS = 10 * NS_PER_S
"""Live for this long, a subscription's past failures are forgotten."""
SLOW_DOWN_NS = NS_PER_S
"""Pause of a request that came too fast."""
PATIENCE_NS = NS_PER_S
"""For a snapshot, when something unreadable came in its place."""


def put_off(state: SubscriptionState, now: int) -> bool:
    """Set when to ask for this subscription next, later each time.

    False when its tries are used up on this connection and another may help; after
    that it is tried at long intervals for ever.
    """
    if state.stage is SubscriptionStage.LIVE and now - state.live_since >= SETTLED_NS:
        state.tries = state.rounds = 0
    if state.tries < len(RETRY_NS):
        state.resume_at = now + RETRY_NS[state.tries]
        state.tries += 1
        return True
    state.resume_at = now + LONG_WAIT_NS
    state.rounds += 1
    return state.rounds > 1
