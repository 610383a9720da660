"""What the subscriptions of one connection want, hear and are answered.

Their states and steps are those of `kracked.protocol.client.lifecycle`.

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
    SubscriptionStage,
    SubscriptionState,
    answers,
    gap,
    is_refusal_of,
)
from kracked.protocol.client.timeouts import (
    ANSWER_NS,
    PATIENCE_NS,
    RETRY_NS,
    SLOW_DOWN_NS,
    SNAPSHOT_NS,
)
from kracked.protocol.events import Event


class Subscriptions:
    """What is wanted, asked, granted, refused and live. Only its session drives it."""

    def __init__(self, keeper: Keeper, asking: RequestScheduler) -> None:
        self.life = Lifecycle(keeper)
        self._keeper, self._asking = keeper, asking
        self._admitted = False
        self.observers: dict[type, Callable[[Any, int], None]] = {
            events.BookSnapshot: self._on_snapshot,
            events.L3Snapshot: self._on_snapshot,
            events.Candles: self._on_candles,
            events.Instruments: self._on_instruments,
            events.Executions: self._on_numbered,
            events.Balances: self._on_numbered,
            events.Subscribed: self._on_subscribed,
            events.Unsubscribed: self._on_unsubscribed,
            events.Rejected: self._on_rejected,
            events.Resync: self.on_resync,
            events.Malformed: self._on_malformed,
        }
        """What to do about an event; data that change no state are merely `heard`."""

    @property
    def has_news(self) -> bool:
        return bool(self.life.news)

    def take_news(self) -> list[Event]:
        """What has happened here since the last call."""
        news, self.life.news = self.life.news, []
        return news

    # --- what is wanted -----------------------------------------------------------

    def want(self, subscription: Subscription) -> None:
        """Subscribe; with other parameters than before, change over to them."""
        state = self.life.states.get(subscription.key)
        if state is None:
            state = self.life.states[subscription.key] = SubscriptionState(subscription)
            self.life.move(state, SubscriptionStage.TO_ASK, 0)
            return
        state.wanted = subscription
        if state.stage in (SubscriptionStage.TO_ASK, SubscriptionStage.REFUSED):
            state.subscription, state.error, state.tries = subscription, None, 0
            self.life.move(state, SubscriptionStage.TO_ASK, 0)
        elif state.stage is SubscriptionStage.LIVE and state.subscription != subscription:
            self.life.leave(state, 0)

    def drop(self, key: Key) -> None:
        """Unsubscribe; nothing happens when it was not wanted."""
        state = self.life.states.get(key)
        if state is None:
            return
        state.wanted = None
        if state.stage in (SubscriptionStage.TO_ASK, SubscriptionStage.REFUSED):
            self.life.remove(state)
        elif state.stage is SubscriptionStage.LIVE:
            self.life.leave(state, 0)

    def admit(self) -> None:
        """The instruments' precisions are known: symbols may be asked for."""
        if not self._admitted:
            self._admitted = self.life.has_pending_requests = True

    def reset(self, reason: str, heard_at: int) -> None:
        """The connection is gone, last heard at `heard_at`, and every subscription with it."""
        self.life.broken = self.life.productive_since = None
        for state in tuple(self.life.states.values()):
            self._reset(state, reason, heard_at)
        instruments = self.life.states.get(INSTRUMENTS.key)
        if instruments is not None and instruments.stage is SubscriptionStage.TO_ASK:
            self._admitted = False  # precisions may change while we are away

    def _reset(self, state: SubscriptionState, reason: str, heard_at: int) -> None:
        if state.wanted is None:
            self.life.remove(state)
            return
        if state.stage is SubscriptionStage.LIVE and state.lost_at is None:
            state.lost_at, state.lost_why = heard_at, reason
        self.life.distrust(state)
        final = state.error is not None and judge(state.error) is RejectionVerdict.FINAL
        if state.stage is SubscriptionStage.REFUSED and final:
            return
        state.subscription, state.req_id, state.tries = state.wanted, None, 0
        self.life.move(state, SubscriptionStage.TO_ASK, 0)

    # --- data -----------------------------------------------------------------------

    def heard(self, key: Key, now: int) -> SubscriptionState | None:
        """Something came on this subscription."""
        state = self.life.states.get(key)
        if state is not None:
            state.heard = now
            state.messages += 1
        return state

    def _on_candles(self, event: events.Candles, now: int) -> None:
        for interval in {candle.interval for candle in event.candles}:
            self.heard(("ohlc", event.symbol, interval), now)

    def _on_snapshot(self, event: events.BookSnapshot | events.L3Snapshot, now: int) -> None:
        channel = "book" if isinstance(event, events.BookSnapshot) else "level3"
        self._begun((channel, event.symbol, None), event.received, now)

    def _on_instruments(self, event: events.Instruments, now: int) -> None:
        if event.snapshot:
            self._begun(INSTRUMENTS.key, event.received, now)
            self.admit()
        else:
            self.heard(INSTRUMENTS.key, now)

    def _on_numbered(self, event: events.Executions | events.Balances, now: int) -> None:
        """Account messages are counted by the exchange: a hole is a lost one."""
        key = (EXECUTIONS if isinstance(event, events.Executions) else BALANCES).key
        state = self.life.states.get(key)
        if state is None:
            return
        last, state.sequence = state.sequence, event.sequence
        whole = last is None or event.sequence is None or event.sequence == last + 1
        if not whole and state.stage is SubscriptionStage.LIVE:
            # A snapshot out of sequence is an old one delivered again.
            self.heard(key, now)
            detail = f"message {event.sequence} after {last}"
            self.life.resync(state, "sequence", detail, event.received, now)
        elif event.snapshot:
            self._begun(key, event.received, now)
        else:
            self.heard(key, now)

    def _begun(self, key: Key, received: int, now: int) -> None:
        """A snapshot: proof enough, its acknowledgement may come later or not at all.

        One that nobody waits for proves nothing: its subscription may have ended already.
        """
        state = self.heard(key, now)
        if state is None:
            channel, symbol, _ = key
            if symbol is not None:
                self._keeper.forget(symbol, channel)
            return
        if state.stage is SubscriptionStage.LIVE:
            return
        if state.stage is SubscriptionStage.ASKED:
            self.life.go_live(state, received, now)
        elif self.life.distrust(state):
            channel, symbol, _ = key
            self.life.news.append(events.Resync(received, symbol or "", channel, "unasked"))

    # --- answers ------------------------------------------------------------------------

    def _on_subscribed(self, event: events.Subscribed, now: int) -> None:
        state = self.life.states.get((event.channel, event.symbol, event.interval))
        if state is None or state.stage not in (SubscriptionStage.ASKED, SubscriptionStage.LIVE):
            return
        if event.depth not in (None, state.subscription.depth):
            # The keeper has believed it: a book cut there would pass for whole.
            self.life.resync(state, "unasked", f"depth {event.depth}", event.received, now)
            return
        if state.stage is SubscriptionStage.LIVE or not answers(event, state):
            return
        state.acked = True
        if event.channel in NEEDS_SNAPSHOT:
            state.due = now + SNAPSHOT_NS
        else:
            self.life.go_live(state, event.received, now)

    def _on_unsubscribed(self, event: events.Unsubscribed, now: int) -> None:
        state = self.life.states.get((event.channel, event.symbol, event.interval))
        if state is None:
            return
        if state.stage is SubscriptionStage.LEAVING and answers(event, state):
            self.life.left(state, now)
        elif state.stage is SubscriptionStage.LIVE:
            # Late, or not of our doing: either way nobody knows what stands there now.
            self.life.resync(state, "unasked", "unsubscribed", event.received, now)

    def _on_rejected(self, event: events.Rejected, now: int) -> None:
        if judge(event.error) is RejectionVerdict.RATE:
            self._asking.slow_down(now)
        refused = [state for state in self.life.pending.values() if is_refusal_of(event, state)]
        for state in refused:
            if state.stage is SubscriptionStage.LEAVING:
                self._not_left(state, event, now)
            elif len(refused) > 1 and event.symbol is None:
                state.alone = True  # which of them is to blame shows when each is asked alone
                self.life.move(state, SubscriptionStage.TO_ASK, now)
            else:
                self._refused(state, event, now)

    def _not_left(self, state: SubscriptionState, event: events.Rejected, now: int) -> None:
        match judge(event.error):
            case RejectionVerdict.RATE:
                self.life.leave(state, now + SLOW_DOWN_NS)
            case RejectionVerdict.TOKEN:
                self.life.broken = self.life.broken or f"token refused: {event.error}"
            case _:
                self.life.left(state, now)  # there was nothing to leave

    def _refused(self, state: SubscriptionState, event: events.Rejected, now: int) -> None:
        verdict = judge(event.error)
        state.error = event.error
        if verdict is RejectionVerdict.DUPLICATE:
            # No snapshot will come: leave what stands there, then ask again.
            self.life.try_again(state, now)
            self.life.leave(state, now)
        elif verdict is RejectionVerdict.RATE:
            self.life.move(state, SubscriptionStage.TO_ASK, now + SLOW_DOWN_NS)
        elif verdict is RejectionVerdict.TOKEN:
            self.life.move(state, SubscriptionStage.TO_ASK, now)
            self.life.broken = self.life.broken or f"token refused: {event.error}"
        elif (
            verdict is RejectionVerdict.FINAL
            or state.tries + 1 >= len(RETRY_NS)
            or state.wanted is None
        ):
            self._give_up(state)
        else:
            self.life.try_again(state, now)
            self.life.move(state, SubscriptionStage.TO_ASK, state.resume_at)

    def _give_up(self, state: SubscriptionState) -> None:
        if state.subscription == INSTRUMENTS:
            self.admit()  # better the digits of the snapshots than nothing
        if state.wanted is None:
            self.life.remove(state)
        elif state.wanted != state.subscription:
            state.subscription, state.error, state.tries = state.wanted, None, 0
            self.life.move(state, SubscriptionStage.TO_ASK, 0)
        else:
            self.life.move(state, SubscriptionStage.REFUSED, 0)

    # --- doubt ----------------------------------------------------------------------------

    def on_resync(self, event: events.Resync, now: int) -> None:
        """The keeper has stopped trusting a book."""
        state = self.life.states.get((event.channel, event.symbol, None))
        if state is not None and state.stage in (SubscriptionStage.ASKED, SubscriptionStage.LIVE):
            self.life.go_round(state, event.reason, event.received, now)

    def doubt(self, key: Key, detail: str, received: int, now: int) -> None:
        """Somebody who keeps this channel's state cannot make sense of it."""
        state = self.life.states.get(key)
        if state is not None and state.stage is SubscriptionStage.LIVE:
            self.life.resync(state, "impossible", detail, received, now)

    def _on_malformed(self, event: events.Malformed, now: int) -> None:
        """Something is lost. The keeper sees to live books, this to the rest."""
        for state in tuple(self.life.states.values()):
            channel, symbol, _ = state.subscription.key
            if event.channel not in (None, channel) or event.symbol not in (None, symbol):
                continue
            if state.stage is SubscriptionStage.ASKED:
                state.due = min(state.due, now + PATIENCE_NS)  # was that its snapshot?
            elif state.stage is not SubscriptionStage.LIVE or channel in BOOKS:
                continue
            elif channel in ACCOUNT:
                self.life.resync(state, "impossible", event.reason, event.received, now)
            elif symbol is not None:
                self.life.news.append(gap(state, event.received, event.received, "unreadable"))

    # --- time -----------------------------------------------------------------------------

    def excuse(self, late_ns: int) -> None:
        """Our own process did not run for so long: answers may be waiting to be read."""
        for state in self.life.pending.values():
            state.due += late_ns

    def elapse(self, received: int, now: int) -> None:
        """Time has passed: what did not come."""
        for state in [one for one in self.life.pending.values() if one.due <= now]:
            self._overdue(state, received, now)

    def _overdue(self, state: SubscriptionState, received: int, now: int) -> None:
        if state.subscription == INSTRUMENTS:
            self.admit()  # better the digits of the snapshots than nothing
        if state.stage is SubscriptionStage.ASKED:
            missing = "snapshot" if state.acked else "answer"
            self.life.resync(state, "timeout", f"no {missing}", received, now)
        elif state.stage is SubscriptionStage.LEAVING:
            self.life.try_again(state, now)
            self.life.leave(state, state.resume_at)

    def tell_stale(self, received: int, now: int) -> None:
        """The connection has fallen quiet."""
        for state in self.life.states.values():
            channel, symbol, _ = state.subscription.key
            if state.stage is SubscriptionStage.LIVE and symbol is not None:
                silent_ns = now - max(state.heard, state.live_since)
                self.life.news.append(events.Stale(received, symbol, channel, silent_ns))

    def to_ask(self, token: str | None, now: int) -> list[bytes]:
        """The requests that may go out now; the rest waits for its time."""
        sent: list[bytes] = []
        due = [state for state in self.life.pending.values() if self._may_go(state)]
        for request, req_id, states in self._asking.requests(due, token, now):
            for state in states:
                self._asked(state, req_id, now)
            sent.append(request)
        return sent

    def _may_go(self, state: SubscriptionState) -> bool:
        return self._admitted or state.subscription.symbol is None

    def _asked(self, state: SubscriptionState, req_id: int, now: int) -> None:
        state.req_id, state.acked, state.sequence = req_id, False, None
        if state.stage is SubscriptionStage.TO_LEAVE:
            self.life.move(state, SubscriptionStage.LEAVING, now + ANSWER_NS)
        else:
            self.life.move(state, SubscriptionStage.ASKED, now + ANSWER_NS)
            channel, symbol, _ = state.subscription.key
            if symbol is not None and (depth := state.subscription.depth) is not None:
                # The snapshot may come before its acknowledgement.
                self._keeper.expect(symbol, channel, depth)
