"""Decides what each message and each passing second means for a connection's subscriptions.

The stages and the steps between them are those of `kracked.protocol.client.subscription_stages`.

Sources: docs.kraken.com/api/docs/guides/spot-ws-intro, .../guides/spot-ws-book-v2
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kracked.protocol import events
from kracked.protocol.client.lifecycle import Keeper, Lifecycle
from kracked.protocol.client.rejection_policy import RejectionVerdict, judge
from kracked.protocol.client.request_scheduler import RequestScheduler
from kracked.protocol.client.subscription import (
    ACCOUNT,
    BALANCES,
    BOOKS,
    EXECUTIONS,
    INSTRUMENTS,
    NEEDS_SNAPSHOT,
    Key,
    Subscription,
    SubscriptionState,
    answers,
    gap,
    is_refusal_of,
)
from kracked.protocol.client.subscription_stages import (
    UNREQUESTED,
    Occasion,
    SubscriptionStage,
)
from kracked.protocol.client.timeouts import (
    ANSWER_NS,
    HANG_UPS,
    RETRY_NS,
    SLOW_DOWN_NS,
    SNAPSHOT_NS,
    UNREADABLE_NS,
)
from kracked.protocol.events import Event


class Subscriptions:
    """The subscriptions of one connection. Only its session drives it."""

    def __init__(self, keeper: Keeper, scheduler: RequestScheduler) -> None:
        self.lifecycle = Lifecycle(keeper)
        self._keeper, self._scheduler = keeper, scheduler
        self._symbols_allowed = False
        self.observers: dict[type, Callable[[Any, int], None]] = {
            events.BookSnapshot: self._on_book_snapshot,
            events.L3Snapshot: self._on_book_snapshot,
            events.Candles: self._on_candles,
            events.Instruments: self._on_instruments,
            events.Executions: self._on_account,
            events.Balances: self._on_account,
            events.Subscribed: self._on_subscribed,
            events.Unsubscribed: self._on_unsubscribed,
            events.Rejected: self._on_rejected,
            events.Resync: self.on_resync,
            events.Malformed: self._on_malformed,
        }
        """What to call for an event; data that change no state go to `on_data` alone."""

    @property
    def has_events(self) -> bool:
        """Whether `take_events` would return any."""
        return bool(self.lifecycle.events)

    def take_events(self) -> list[Event]:
        """Return the events of the subscriptions since the last call."""
        happened, self.lifecycle.events = self.lifecycle.events, []
        return happened

    # --- what is requested ----------------------------------------------------------

    def want(self, subscription: Subscription) -> None:
        """Subscribe; with other parameters than before, change over to them."""
        state = self.lifecycle.states.get(subscription.key)
        if state is None:
            self.lifecycle.begin(subscription)
            return
        state.target = subscription
        if state.stage in UNREQUESTED:
            state.subscription, state.error, state.attempts = subscription, None, 0
            state.hang_ups = 0
            self.lifecycle.step(state, Occasion.CHANGED)
        elif state.stage is SubscriptionStage.LIVE and state.subscription != subscription:
            self.lifecycle.unsubscribe(state, Occasion.CHANGED)

    def drop(self, key: Key) -> None:
        """Unsubscribe; nothing happens when there is no such subscription."""
        state = self.lifecycle.states.get(key)
        if state is None:
            return
        state.target = None
        if state.stage in UNREQUESTED:
            self.lifecycle.remove(state)
        elif state.stage is SubscriptionStage.LIVE:
            self.lifecycle.unsubscribe(state, Occasion.CHANGED)

    def allow_symbols(self) -> None:
        """Request symbols from now on: the instruments' precisions are known."""
        if not self._symbols_allowed:
            self._symbols_allowed = self.lifecycle.has_pending_requests = True

    def reset(self, reason: str, last_received: int) -> None:
        """Take back every subscription of a lost connection.

        Args:
            reason: Why the connection was lost.
            last_received: When its last frame came, ns since the Unix epoch.
        """
        self.lifecycle.broken = self.lifecycle.productive_since = None
        for state in tuple(self.lifecycle.states.values()):
            if state.target is None:
                self.lifecycle.remove(state)
                continue
            if state.stage is SubscriptionStage.LIVE and state.gap_start is None:
                state.gap_start, state.gap_reason = last_received, reason
            self.lifecycle.distrust(state)
            final = state.error is not None and judge(state.error) is RejectionVerdict.FINAL
            final = final or state.hang_ups >= HANG_UPS
            if state.stage is SubscriptionStage.REFUSED and final:
                continue
            state.subscription, state.req_id, state.attempts = state.target, None, 0
            self.lifecycle.step(state, Occasion.LOST)
        instruments = self.lifecycle.states.get(INSTRUMENTS.key)
        if instruments is not None and instruments.stage is SubscriptionStage.TO_SUBSCRIBE:
            self._symbols_allowed = False  # precisions may change meanwhile

    # --- data -----------------------------------------------------------------------

    def on_data(self, key: Key, now: int) -> SubscriptionState | None:
        """Note a message of a subscription, and return its state; None if there is none."""
        state = self.lifecycle.states.get(key)
        if state is not None:
            state.last_message = now
            state.messages += 1
        return state

    def _on_candles(self, event: events.Candles, now: int) -> None:
        for interval in {candle.interval for candle in event.candles}:
            self.on_data(("ohlc", event.symbol, interval), now)

    def _on_book_snapshot(self, event: events.BookSnapshot | events.L3Snapshot, now: int) -> None:
        channel = "book" if isinstance(event, events.BookSnapshot) else "level3"
        self._on_snapshot((channel, event.symbol, None), event.received, now)

    def _on_instruments(self, event: events.Instruments, now: int) -> None:
        if event.snapshot:
            self._on_snapshot(INSTRUMENTS.key, event.received, now)
            self.allow_symbols()
        else:
            self.on_data(INSTRUMENTS.key, now)

    def _on_account(self, event: events.Executions | events.Balances, now: int) -> None:
        """Check the number of an account message: a gap is a lost message."""
        key = (EXECUTIONS if isinstance(event, events.Executions) else BALANCES).key
        state = self.lifecycle.states.get(key)
        if state is None:
            return
        last, state.sequence = state.sequence, event.sequence
        in_order = last is None or event.sequence is None or event.sequence == last + 1
        if not in_order and state.stage is SubscriptionStage.LIVE:
            # A snapshot out of sequence is an old one delivered again.
            self.on_data(key, now)
            detail = f"message {event.sequence} after {last}"
            self.lifecycle.resync(state, "sequence", detail, event.received, now)
        elif event.snapshot:
            self._on_snapshot(key, event.received, now)
        else:
            self.on_data(key, now)

    def _on_snapshot(self, key: Key, received: int, now: int) -> None:
        """Let a snapshot grant its subscription; the acknowledgement may come later or never.

        A snapshot that nobody waits for proves nothing: its subscription may have ended already.
        """
        state = self.on_data(key, now)
        channel, symbol, _ = key
        if state is None:
            if symbol is not None:
                self._keeper.forget(symbol, channel)
        elif state.stage is SubscriptionStage.SUBSCRIBING:
            self.lifecycle.note_answer(state, now)
            self.lifecycle.go_live(state, received, now)
        elif state.stage is not SubscriptionStage.LIVE and self.lifecycle.distrust(state):
            self.lifecycle.events.append(events.Resync(received, symbol or "", channel, "unasked"))

    # --- answers ------------------------------------------------------------------------

    def _on_subscribed(self, event: events.Subscribed, now: int) -> None:
        state = self.lifecycle.states.get((event.channel, event.symbol, event.interval))
        if state is None or state.stage not in (
            SubscriptionStage.SUBSCRIBING,
            SubscriptionStage.LIVE,
        ):
            return
        if event.depth not in (None, state.subscription.depth):
            # The keeper has believed it: a book cut there would pass for whole.
            self.lifecycle.resync(state, "unasked", f"depth {event.depth}", event.received, now)
            return
        if state.stage is SubscriptionStage.LIVE or not answers(event, state):
            return
        state.acknowledged = True
        self.lifecycle.note_answer(state, now)
        if event.channel in NEEDS_SNAPSHOT:
            state.due = now + SNAPSHOT_NS
        else:
            self.lifecycle.go_live(state, event.received, now)

    def _on_unsubscribed(self, event: events.Unsubscribed, now: int) -> None:
        state = self.lifecycle.states.get((event.channel, event.symbol, event.interval))
        if state is None:
            return
        if state.stage is SubscriptionStage.UNSUBSCRIBING and answers(event, state):
            self.lifecycle.end(state, now)
        elif state.stage is SubscriptionStage.LIVE:
            # Late, or not of our doing: either way the subscription may have ended there.
            self.lifecycle.resync(state, "unasked", "unsubscribed", event.received, now)

    def _on_rejected(self, event: events.Rejected, now: int) -> None:
        verdict = judge(event.error)
        if verdict is RejectionVerdict.RATE:
            self._scheduler.window.fill(now)  # requests come too fast: none for a whole window
        refused = [
            state for state in self.lifecycle.pending.values() if is_refusal_of(event, state)
        ]
        for state in refused:
            self.lifecycle.note_answer(state, now)
            if state.stage is SubscriptionStage.UNSUBSCRIBING:
                match verdict:
                    case RejectionVerdict.RATE:
                        self.lifecycle.unsubscribe(state, Occasion.POSTPONED, now + SLOW_DOWN_NS)
                    case RejectionVerdict.TOKEN:
                        self._blame_token(event.error)
                    case _:
                        self.lifecycle.end(state, now)  # there was nothing to end
            elif len(refused) > 1 and event.symbol is None:
                state.requested_alone = True  # then the refusal shows which of them is meant
                self.lifecycle.step(state, Occasion.POSTPONED, now)
            else:
                self._subscribe_refused(state, verdict, event.error, now)

    def _subscribe_refused(
        self, state: SubscriptionState, verdict: RejectionVerdict, error: str, now: int
    ) -> None:
        state.error = error
        attempts_used = state.attempts + 1 >= len(RETRY_NS)
        if verdict is RejectionVerdict.DUPLICATE:
            # No snapshot will come: end what is live there, then subscribe again.
            self.lifecycle.schedule_retry(state, now)
            self.lifecycle.unsubscribe(state, Occasion.UNUSABLE, now)
        elif verdict is RejectionVerdict.RATE:
            self.lifecycle.step(state, Occasion.POSTPONED, now + SLOW_DOWN_NS)
        elif verdict is RejectionVerdict.TOKEN:
            self.lifecycle.step(state, Occasion.POSTPONED, now)
            self._blame_token(error)
        elif verdict is RejectionVerdict.FINAL or attempts_used or state.target is None:
            self._give_up(state)
        else:
            self.lifecycle.schedule_retry(state, now)
            self.lifecycle.step(state, Occasion.POSTPONED, state.retry_at)

    def _blame_token(self, error: str) -> None:
        self.lifecycle.broken = self.lifecycle.broken or f"token refused: {error}"

    def _give_up(self, state: SubscriptionState) -> None:
        """End a subscription that was refused; changed parameters are tried instead."""
        if state.subscription == INSTRUMENTS:
            self.allow_symbols()  # better the digits of the snapshots than nothing
        if state.target is None:
            self.lifecycle.remove(state)
        elif state.target != state.subscription:
            state.subscription, state.error, state.attempts = state.target, None, 0
            self.lifecycle.step(state, Occasion.POSTPONED)
        else:
            self.lifecycle.step(state, Occasion.REFUSED)

    # --- data that cannot be used -----------------------------------------------------------

    def on_resync(self, event: events.Resync, now: int) -> None:
        """Renew the subscription of a book that the keeper has stopped trusting."""
        state = self.lifecycle.states.get((event.channel, event.symbol, None))
        if state is not None and state.stage in (
            SubscriptionStage.SUBSCRIBING,
            SubscriptionStage.LIVE,
        ):
            self.lifecycle.renew(state, event.reason, event.received, now)

    def resync(self, key: Key, detail: str, received: int, now: int) -> None:
        """Renew a live subscription whose data make no sense to their owner."""
        state = self.lifecycle.states.get(key)
        if state is not None and state.stage is SubscriptionStage.LIVE:
            self.lifecycle.resync(state, "impossible", detail, received, now)

    def renew_stale(self, stale: events.Stale, last_received: int, now: int) -> None:
        """Renew a live subscription whose siblings show that messages of it are missing.

        Args:
            stale: The verdict.
            last_received: Since when they may be missing, ns since the Unix epoch.
            now: The steady clock, ns.
        """
        state = self.lifecycle.states.get((stale.channel, stale.symbol, stale.interval))
        if state is None or state.stage is not SubscriptionStage.LIVE:
            return
        state.gap_start, state.gap_reason = last_received or stale.received, "stale"
        self.lifecycle.resync(state, "stale", stale.reason, stale.received, now)

    def _on_malformed(self, event: events.Malformed, now: int) -> None:
        """Treat an unreadable message as lost. The keeper resyncs live books itself."""
        for state in tuple(self.lifecycle.states.values()):
            channel, symbol, _ = state.subscription.key
            if event.channel not in (None, channel) or event.symbol not in (None, symbol):
                continue
            if state.stage is SubscriptionStage.SUBSCRIBING:
                state.hurried = True  # it may have been the snapshot
                state.due = min(state.due, now + UNREADABLE_NS)
            elif state.stage is not SubscriptionStage.LIVE or channel in BOOKS:
                continue
            elif channel in ACCOUNT:
                self.lifecycle.resync(state, "impossible", event.reason, event.received, now)
            elif symbol is not None:
                lost = gap(state, event.received, event.received, "unreadable")
                self.lifecycle.events.append(lost)

    # --- time -----------------------------------------------------------------------------

    def discount_stall(self, late_ns: int) -> None:
        """Extend every deadline: this process was held up, and answers may be waiting."""
        for state in self.lifecycle.pending.values():
            state.due += late_ns

    def elapse(self, received: int, now: int) -> None:
        """Handle the answers that are overdue."""
        for state in self.lifecycle.states.values():
            resting = state.stage is SubscriptionStage.REFUSED and state.hang_ups >= HANG_UPS
            if resting and state.retry_at <= now:
                state.error, state.attempts = None, 0
                self.lifecycle.step(state, Occasion.CHANGED)
        for state in [one for one in self.lifecycle.pending.values() if one.due <= now]:
            if state.subscription == INSTRUMENTS:
                self.allow_symbols()  # better the digits of the snapshots than nothing
            if state.stage is SubscriptionStage.SUBSCRIBING:
                if self.lifecycle.still_comes(state, now):
                    continue
                missing = "snapshot" if state.acknowledged else "answer"
                self.lifecycle.resync(state, "timeout", f"no {missing}", received, now)
            elif state.stage is SubscriptionStage.UNSUBSCRIBING:
                self.lifecycle.schedule_retry(state, now)
                self.lifecycle.unsubscribe(state, Occasion.POSTPONED, state.retry_at)

    def report_stale(self, received: int, now: int) -> None:
        """Add a `Stale` for every live symbol: the connection has fallen quiet."""
        for state in self.lifecycle.states.values():
            channel, symbol, _ = state.subscription.key
            if state.stage is SubscriptionStage.LIVE and symbol is not None:
                silent_ns = now - max(state.last_message, state.live_since)
                self.lifecycle.events.append(events.Stale(received, symbol, channel, silent_ns))

    def requests_to_send(self, token: str | None, now: int) -> list[bytes]:
        """Return the requests that may go out now; the others wait for their time."""
        sent: list[bytes] = []
        due = [
            state
            for state in self.lifecycle.pending.values()
            if self._symbols_allowed or state.subscription.symbol is None
        ]
        if any(state.hang_ups > 1 for state in due):
            due = self._one_suspect_at_a_time(due)
        for request, req_id, states in self._scheduler.requests(due, token, now):
            for state in states:
                self._sent(state, req_id, now)
            sent.append(request)
        return sent

    def _one_suspect_at_a_time(self, due: list[SubscriptionState]) -> list[SubscriptionState]:
        """Return what may be requested now: what the server may hang up at comes last, alone."""
        to_subscribe = SubscriptionStage.TO_SUBSCRIBE
        suspects = [one for one in due if one.hang_ups > 1 and one.stage is to_subscribe]
        others = [one for one in due if one not in suspects]
        waiting = any(one.stage is to_subscribe for one in others) or self.lifecycle.suspects()
        return others if waiting else [*others, *suspects[:1]]

    def _sent(self, state: SubscriptionState, req_id: int, now: int) -> None:
        state.req_id, state.acknowledged, state.sequence = req_id, False, None
        state.hurried = False
        state.heard_before = state.messages
        self.lifecycle.step(state, Occasion.SENT, now + ANSWER_NS)
        channel, symbol, _ = state.subscription.key
        depth = state.subscription.depth
        subscribing = state.stage is SubscriptionStage.SUBSCRIBING
        if subscribing and symbol is not None and depth is not None:
            self._keeper.expect(symbol, channel, depth)  # a snapshot may precede its answer
