"""The subscriptions of one connection in their stages, and the steps between them.

A step is looked up in `TRANSITIONS` of `kracked.protocol.client.subscription_stages`, so none
happens that is not listed there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from kracked.protocol import events
from kracked.protocol.client.subscription import (
    BOOKS,
    Key,
    Subscription,
    SubscriptionState,
    gap,
)
from kracked.protocol.client.subscription_stages import (
    SETTLED,
    TRANSITIONS,
    Occasion,
    SubscriptionStage,
)
from kracked.protocol.client.timeouts import (
    ANSWER_NS,
    HANG_UPS,
    SET_ASIDE_NS,
    SNAPSHOT_NS,
    schedule_retry,
)
from kracked.protocol.events import Event


class Keeper(Protocol):
    """Decodes bytes and keeps books: `kracked.book.keeper.BookKeeper`, which says more."""

    def receive(self, raw: bytes, received: int) -> list[Event]:
        """Take one message; return its events and what keeping the books brought about."""
        ...

    def apply(self, event: Event) -> Iterable[Event]:
        """Take one decoded event; return what keeping the books brought about."""
        ...

    def expect(self, symbol: str, channel: str, depth: int) -> None:
        """Take the depth that was requested or acknowledged."""
        ...

    def distrust(self, symbol: str, channel: str) -> bool:
        """Stop trusting one book; return whether it had been trusted."""
        ...

    def forget(self, symbol: str, channel: str) -> None:
        """Drop one book and what is known of its subscription."""
        ...


class Lifecycle:
    """Owner of the states; moves them by the table."""

    def __init__(self, keeper: Keeper) -> None:
        self.states: dict[Key, SubscriptionState] = {}
        self.pending: dict[Key, SubscriptionState] = {}
        """States with a request to send or an answer to wait for."""
        self.broken: str | None = None
        """Why the connection must be replaced; None while it is good."""
        self.has_pending_requests = False
        """Whether there may be a new request to send."""
        self._answered = (0, -SNAPSHOT_NS)
        """The request answered last, and when, by the steady clock."""
        self.revision = 0
        """Rises whenever a subscription moves to another stage."""
        self.productive_since: int | None = None
        """When this connection first made a subscription live, by the steady clock."""
        self.events: list[Event] = []
        """Events of these steps that the session has not returned yet."""
        self._keeper = keeper

    def begin(self, subscription: Subscription) -> None:
        """Add a subscription that is to be requested at once."""
        state = self.states[subscription.key] = SubscriptionState(subscription)
        self._entered(state)

    def step(self, state: SubscriptionState, occasion: Occasion, due: int = 0) -> None:
        """Move a subscription by the table.

        Args:
            state: The subscription.
            occasion: What happened to it.
            due: When to send its request or to stop waiting for the answer, by the steady clock.
        """
        state.stage, state.due = TRANSITIONS[state.stage][occasion], due
        self._entered(state)

    def _entered(self, state: SubscriptionState) -> None:
        self.revision += 1
        if state.stage in SETTLED:
            self.pending.pop(state.subscription.key, None)
        else:
            self.pending[state.subscription.key] = state
            self.has_pending_requests = True

    def go_live(self, state: SubscriptionState, received: int, now: int) -> None:
        """Make a granted subscription live, and report the gap that ends here."""
        self.step(state, Occasion.GRANTED)
        state.live_since, state.error, state.hang_ups = now, None, 0
        if self.productive_since is None:
            self.productive_since = now
        if state.gap_start is not None:
            if state.subscription.channel != "trade":  # trade ids show what is missing
                self.events.append(gap(state, state.gap_start, received, state.gap_reason))
            state.gap_start = None
        if state.target != state.subscription:
            self.unsubscribe(state, Occasion.CHANGED, now)

    def note_answer(self, state: SubscriptionState, now: int) -> None:
        """Note that a request was answered, or that the first message came for it."""
        self._answered = (state.req_id or 0, now)

    def still_comes(self, state: SubscriptionState, now: int) -> bool:
        """Return whether an overdue answer is waited for further, and postpone it then.

        The exchange answers in order, and hundreds of snapshots take a slow line longer than one
        answer may: while those requested before it, or with it, still come, it is on its way.
        """
        patience = SNAPSHOT_NS if state.acknowledged else ANSWER_NS
        req_id, at = self._answered
        if state.hurried or req_id > (state.req_id or 0) or now >= at + patience:
            return False
        state.due = at + patience
        return True

    def suspects(self) -> list[SubscriptionState]:
        """Return the subscriptions that are requested and neither granted nor refused."""
        asked = SubscriptionStage.SUBSCRIBING
        return [state for state in self.pending.values() if state.stage is asked]

    def blame(self, received: int, now: int) -> None:
        """Note that the server ended the connection, perhaps at what was requested last.

        At the third time a subscription that was requested alone, on a connection that had
        granted others, is set aside for a while: the others must not be lost with it.

        Args:
            received: When the last frame came, ns since the Unix epoch.
            now: The steady clock, ns.
        """
        suspects = self.suspects()
        for state in suspects:
            state.hang_ups += 1
            alone = len(suspects) == 1 and self.productive_since is not None
            if state.hang_ups < HANG_UPS or not alone or state.target is None:
                continue
            one = state.subscription
            state.error = f"the server hung up {state.hang_ups} times when it was requested"
            state.retry_at = now + SET_ASIDE_NS
            self.step(state, Occasion.REFUSED)
            self.events.append(
                events.Rejected(received, "subscribe", state.error, None, one.symbol, one.channel)
            )

    def unsubscribe(self, state: SubscriptionState, occasion: Occasion, due: int = 0) -> None:
        """Stop trusting its book, and unsubscribe when it is due."""
        self.distrust(state)
        self.step(state, occasion, due)

    def end(self, state: SubscriptionState, now: int) -> None:
        """Drop a subscription that the exchange has ended, or subscribe to its target."""
        if state.target is None:
            self.remove(state)
            return
        state.subscription = state.target
        self.step(state, Occasion.ENDED, max(now, state.retry_at))

    def remove(self, state: SubscriptionState) -> None:
        """Drop a subscription and its book."""
        channel, symbol, _ = key = state.subscription.key
        self.states.pop(key, None)
        self.pending.pop(key, None)
        self.revision += 1
        if channel in BOOKS and symbol is not None:
            self._keeper.forget(symbol, channel)

    def distrust(self, state: SubscriptionState) -> bool:
        """Stop trusting its book; return whether there was one and it had been trusted."""
        channel, symbol, _ = state.subscription.key
        return channel in BOOKS and symbol is not None and self._keeper.distrust(symbol, channel)

    def resync(
        self, state: SubscriptionState, reason: str, detail: str, received: int, now: int
    ) -> None:
        """Report a subscription whose data cannot be used, and renew it."""
        channel, symbol, _ = state.subscription.key
        self.distrust(state)
        self.events.append(events.Resync(received, symbol or "", channel, reason, detail))
        self.renew(state, reason, received, now)

    def renew(self, state: SubscriptionState, reason: str, received: int, now: int) -> None:
        """Unsubscribe and subscribe again; a gap opens in its data until it is live."""
        state.resyncs += 1
        if state.gap_start is None:
            state.gap_start, state.gap_reason = received, reason
        self.schedule_retry(state, now)
        self.unsubscribe(state, Occasion.UNUSABLE, now)

    def schedule_retry(self, state: SubscriptionState, now: int) -> None:
        """Set when to subscribe next; when attempts are used up, blame the connection."""
        if not schedule_retry(state, now):
            self.broken = self.broken or f"{state.subscription.name} fails again and again"
