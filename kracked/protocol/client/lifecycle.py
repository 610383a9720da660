"""The life of every subscription of one connection, step by step.

Each goes one path, and never has two requests under way at a time:
to ask -> asked -> live -> to leave -> leaving -> to ask ... A book that went wrong goes
round once more by itself, and the others do not notice. When a step is due, and on what
occasion, `kracked.protocol.client.subscriptions` knows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from kracked.protocol import events
from kracked.protocol.client.subscription import (
    BOOKS,
    Key,
    SubscriptionStage,
    SubscriptionState,
    gap,
)
from kracked.protocol.client.timeouts import put_off
from kracked.protocol.events import Event


class Keeper(Protocol):
    """What decodes the bytes and keeps the books: `kracked.book.keeper.BookKeeper`."""

    def receive(self, raw: bytes, received: int) -> list[Event]: ...
    def apply(self, event: Event) -> Iterable[Event]: ...
    def expect(self, symbol: str, channel: str, depth: int) -> None: ...
    def distrust(self, symbol: str, channel: str) -> bool: ...
    def forget(self, symbol: str, channel: str) -> None: ...


class Lifecycle:
    """Where each subscription stands, and the steps it can take."""

    def __init__(self, keeper: Keeper) -> None:
        self.states: dict[Key, SubscriptionState] = {}
        self.pending: dict[Key, SubscriptionState] = {}
        """Those with something to ask, or an answer to wait for."""
        self.broken: str | None = None
        """Why the connection must be replaced; None while it is good."""
        self.has_pending_requests = False
        """Whether there may be something new to ask."""
        self.revision = 0
        """Rises whenever a subscription moves to another stage."""
        self.productive_since: int | None = None
        """When this connection first made one live, by the steady clock."""
        self.news: list[Event] = []
        """What has happened on the way and is still to be told."""
        self._keeper = keeper

    def move(self, state: SubscriptionState, stage: SubscriptionStage, due: int) -> None:
        """Enter a stage; at `due`, by the steady clock, it is time to ask, or to stop waiting."""
        state.stage, state.due = stage, due
        self.revision += 1
        if stage in (SubscriptionStage.LIVE, SubscriptionStage.REFUSED):
            self.pending.pop(state.subscription.key, None)
        else:
            self.pending[state.subscription.key] = state
            self.has_pending_requests = True

    def go_live(self, state: SubscriptionState, received: int, now: int) -> None:
        """It has proven itself; what was missed until now is told."""
        self.move(state, SubscriptionStage.LIVE, 0)
        state.live_since, state.error = now, None
        if self.productive_since is None:
            self.productive_since = now
        if state.lost_at is not None:
            if state.subscription.channel != "trade":  # those are numbered: the tape knows
                self.news.append(gap(state, state.lost_at, received, state.lost_why))
            state.lost_at = None
        if state.wanted != state.subscription:
            self.leave(state, now)

    def leave(self, state: SubscriptionState, due: int) -> None:
        """Unsubscribe when it is due."""
        self.distrust(state)
        self.move(state, SubscriptionStage.TO_LEAVE, due)

    def left(self, state: SubscriptionState, now: int) -> None:
        """The exchange has let it go: it is gone, or asked for once more."""
        if state.wanted is None:
            self.remove(state)
            return
        state.subscription = state.wanted
        self.move(state, SubscriptionStage.TO_ASK, max(now, state.resume_at))

    def remove(self, state: SubscriptionState) -> None:
        """Nobody wants it any more, and its book is dropped."""
        channel, symbol, _ = key = state.subscription.key
        self.states.pop(key, None)
        self.pending.pop(key, None)
        self.revision += 1
        if channel in BOOKS and symbol is not None:
            self._keeper.forget(symbol, channel)

    def distrust(self, state: SubscriptionState) -> bool:
        """True when there was a book and it had been trusted."""
        channel, symbol, _ = state.subscription.key
        return channel in BOOKS and symbol is not None and self._keeper.distrust(symbol, channel)

    def resync(
        self, state: SubscriptionState, reason: str, detail: str, received: int, now: int
    ) -> None:
        """Stop trusting it, say so, and send it round."""
        channel, symbol, _ = state.subscription.key
        self.distrust(state)
        self.news.append(events.Resync(received, symbol or "", channel, reason, detail))
        self.go_round(state, reason, received, now)

    def go_round(self, state: SubscriptionState, reason: str, received: int, now: int) -> None:
        """Leave, wait for the answer, ask again: this subscription alone."""
        state.resyncs += 1
        if state.lost_at is None:
            state.lost_at, state.lost_why = received, reason
        self.try_again(state, now)
        self.leave(state, now)

    def try_again(self, state: SubscriptionState, now: int) -> None:
        """Set when to ask next; in the end blame the connection."""
        if not put_off(state, now):
            self.broken = self.broken or f"{state.subscription.name} fails again and again"
