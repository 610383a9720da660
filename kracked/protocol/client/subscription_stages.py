"""The life cycle of a subscription: its stages, and what leads from one to the next.

Rules:

- A subscription never has two requests under way: SUBSCRIBING and UNSUBSCRIBING are entered
  by sending a request, each from its own stage before.
- LIVE is entered from SUBSCRIBING alone, so data of a subscription that was not requested on
  this connection prove nothing.
- What cannot be used goes round by itself: unsubscribe, wait for the answer, subscribe again.
  The other subscriptions of the connection do not notice.
- A lost connection takes every subscription back to TO_SUBSCRIBE.
- A subscription that is dropped is forgotten when its stage is TO_SUBSCRIBE or REFUSED, or as
  soon as the exchange has ended it.

When a step is due, and on which message, `kracked.protocol.client.subscriptions` decides.
"""

from __future__ import annotations

from enum import StrEnum


class SubscriptionStage(StrEnum):
    TO_SUBSCRIBE = "to subscribe"
    """Waits for its time to send a request."""
    SUBSCRIBING = "subscribing"
    """The request is out; no answer yet, or no snapshot."""
    LIVE = "live"
    TO_UNSUBSCRIBE = "to unsubscribe"
    UNSUBSCRIBING = "unsubscribing"
    REFUSED = "refused"
    """The exchange refused it for good."""


class Occasion(StrEnum):
    """An event in the life of a subscription."""

    SENT = "sent"
    """Its request went out."""
    GRANTED = "granted"
    """Acknowledged; with a snapshot, where updates mean nothing without one."""
    UNUSABLE = "unusable"
    """What came is wrong or incomplete, or nothing came in time."""
    POSTPONED = "postponed"
    """Refused or unanswered for now: the same request goes again later."""
    REFUSED = "refused"
    """Refused for good."""
    ENDED = "ended"
    """The exchange has ended it, or knew nothing of it."""
    CHANGED = "changed"
    """Other parameters are requested, or none any more."""
    LOST = "lost"
    """The connection is gone."""


_STAGE, _ON = SubscriptionStage, Occasion

TRANSITIONS: dict[SubscriptionStage, dict[Occasion, SubscriptionStage]] = {
    _STAGE.TO_SUBSCRIBE: {
        _ON.SENT: _STAGE.SUBSCRIBING,
        _ON.CHANGED: _STAGE.TO_SUBSCRIBE,
        _ON.LOST: _STAGE.TO_SUBSCRIBE,
    },
    _STAGE.SUBSCRIBING: {
        _ON.GRANTED: _STAGE.LIVE,
        _ON.UNUSABLE: _STAGE.TO_UNSUBSCRIBE,
        _ON.POSTPONED: _STAGE.TO_SUBSCRIBE,
        _ON.REFUSED: _STAGE.REFUSED,
        _ON.LOST: _STAGE.TO_SUBSCRIBE,
    },
    _STAGE.LIVE: {
        _ON.UNUSABLE: _STAGE.TO_UNSUBSCRIBE,
        _ON.CHANGED: _STAGE.TO_UNSUBSCRIBE,
        _ON.LOST: _STAGE.TO_SUBSCRIBE,
    },
    _STAGE.TO_UNSUBSCRIBE: {
        _ON.SENT: _STAGE.UNSUBSCRIBING,
        _ON.LOST: _STAGE.TO_SUBSCRIBE,
    },
    _STAGE.UNSUBSCRIBING: {
        _ON.ENDED: _STAGE.TO_SUBSCRIBE,
        _ON.POSTPONED: _STAGE.TO_UNSUBSCRIBE,
        _ON.LOST: _STAGE.TO_SUBSCRIBE,
    },
    _STAGE.REFUSED: {
        _ON.CHANGED: _STAGE.TO_SUBSCRIBE,
        _ON.LOST: _STAGE.TO_SUBSCRIBE,
    },
}
"""Every legal step."""

SETTLED = frozenset({SubscriptionStage.LIVE, SubscriptionStage.REFUSED})
"""Stages in which nothing is to be sent and no answer is awaited."""
UNREQUESTED = frozenset({SubscriptionStage.TO_SUBSCRIBE, SubscriptionStage.REFUSED})
"""Stages in which the exchange knows nothing of the subscription."""
