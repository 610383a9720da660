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
        track = self.life.tracks.get(subscription.key)
        if track is None:
            track = self.life.tracks[subscription.key] = SubscriptionState(subscription)
            self.life.move(track, SubscriptionStage.TO_ASK, 0)
            return
        track.wanted = subscription
        if track.state in (SubscriptionStage.TO_ASK, SubscriptionStage.REFUSED):
            track.subscription, track.error, track.tries = subscription, None, 0
            self.life.move(track, SubscriptionStage.TO_ASK, 0)
        elif track.state is SubscriptionStage.LIVE and track.subscription != subscription:
            self.life.leave(track, 0)

    def drop(self, key: Key) -> None:
        """Unsubscribe; nothing happens when it was not wanted."""
        track = self.life.tracks.get(key)
        if track is None:
            return
        track.wanted = None
        if track.state in (SubscriptionStage.TO_ASK, SubscriptionStage.REFUSED):
            self.life.remove(track)
        elif track.state is SubscriptionStage.LIVE:
            self.life.leave(track, 0)

    def admit(self) -> None:
        """The instruments' precisions are known: symbols may be asked for."""
        if not self._admitted:
            self._admitted = self.life.restless = True

    def reset(self, reason: str, heard_at: int) -> None:
        """The connection is gone, last heard at `heard_at`, and every subscription with it."""
        self.life.broken = self.life.productive_since = None
        for track in tuple(self.life.tracks.values()):
            self._reset(track, reason, heard_at)
        instruments = self.life.tracks.get(INSTRUMENTS.key)
        if instruments is not None and instruments.state is SubscriptionStage.TO_ASK:
            self._admitted = False  # precisions may change while we are away

    def _reset(self, track: SubscriptionState, reason: str, heard_at: int) -> None:
        if track.wanted is None:
            self.life.remove(track)
            return
        if track.state is SubscriptionStage.LIVE and track.lost_at is None:
            track.lost_at, track.lost_why = heard_at, reason
        self.life.distrust(track)
        final = track.error is not None and judge(track.error) is RejectionVerdict.FINAL
        if track.state is SubscriptionStage.REFUSED and final:
            return
        track.subscription, track.req_id, track.tries = track.wanted, None, 0
        self.life.move(track, SubscriptionStage.TO_ASK, 0)

    # --- data -----------------------------------------------------------------------

    def heard(self, key: Key, now: int) -> SubscriptionState | None:
        """Something came on this subscription."""
        track = self.life.tracks.get(key)
        if track is not None:
            track.heard = now
            track.messages += 1
        return track

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
        track = self.life.tracks.get(key)
        if track is None:
            return
        last, track.sequence = track.sequence, event.sequence
        if event.snapshot:
            self._begun(key, event.received, now)
            return
        self.heard(key, now)
        whole = last is None or event.sequence is None or event.sequence == last + 1
        if not whole and track.state is SubscriptionStage.LIVE:
            detail = f"message {event.sequence} after {last}"
            self.life.resync(track, "sequence", detail, event.received, now)

    def _begun(self, key: Key, received: int, now: int) -> None:
        """A snapshot: proof enough, its acknowledgement may come later or not at all.

        One that nobody waits for proves nothing: its subscription may have ended already.
        """
        track = self.heard(key, now)
        if track is None:
            channel, symbol, _ = key
            if symbol is not None:
                self._keeper.forget(symbol, channel)
            return
        if track.state is SubscriptionStage.LIVE:
            return
        if track.state is SubscriptionStage.ASKED:
            self.life.go_live(track, received, now)
        elif self.life.distrust(track):
            channel, symbol, _ = key
            self.life.news.append(events.Resync(received, symbol or "", channel, "unasked"))

    # --- answers ------------------------------------------------------------------------

    def _on_subscribed(self, event: events.Subscribed, now: int) -> None:
        track = self.life.tracks.get((event.channel, event.symbol, event.interval))
        if track is None or track.state not in (SubscriptionStage.ASKED, SubscriptionStage.LIVE):
            return
        if event.depth not in (None, track.subscription.depth):
            # The keeper has believed it: a book cut there would pass for whole.
            self.life.resync(track, "unasked", f"depth {event.depth}", event.received, now)
            return
        if track.state is SubscriptionStage.LIVE or not answers(event, track):
            return
        track.acked = True
        if event.channel in NEEDS_SNAPSHOT:
            track.due = now + SNAPSHOT_NS
        else:
            self.life.go_live(track, event.received, now)

    def _on_unsubscribed(self, event: events.Unsubscribed, now: int) -> None:
        track = self.life.tracks.get((event.channel, event.symbol, event.interval))
        if track is None:
            return
        if track.state is SubscriptionStage.LEAVING and answers(event, track):
            self.life.left(track, now)
        elif track.state is SubscriptionStage.LIVE:
            # Late, or not of our doing: either way nobody knows what stands there now.
            self.life.resync(track, "unasked", "unsubscribed", event.received, now)

    def _on_rejected(self, event: events.Rejected, now: int) -> None:
        if judge(event.error) is RejectionVerdict.RATE:
            self._asking.slow_down(now)
        refused = [track for track in self.life.pending.values() if is_refusal_of(event, track)]
        for track in refused:
            if track.state is SubscriptionStage.LEAVING:
                self._not_left(track, event, now)
            elif len(refused) > 1 and event.symbol is None:
                track.alone = True  # which of them is to blame shows when each is asked alone
                self.life.move(track, SubscriptionStage.TO_ASK, now)
            else:
                self._refused(track, event, now)

    def _not_left(self, track: SubscriptionState, event: events.Rejected, now: int) -> None:
        match judge(event.error):
            case RejectionVerdict.RATE:
                self.life.leave(track, now + SLOW_DOWN_NS)
            case RejectionVerdict.TOKEN:
                self.life.broken = self.life.broken or f"token refused: {event.error}"
            case _:
                self.life.left(track, now)  # there was nothing to leave

    def _refused(self, track: SubscriptionState, event: events.Rejected, now: int) -> None:
        verdict = judge(event.error)
        track.error = event.error
        if verdict is RejectionVerdict.DUPLICATE:
            # No snapshot will come: leave what stands there, then ask again.
            self.life.try_again(track, now)
            self.life.leave(track, now)
        elif verdict is RejectionVerdict.RATE:
            self.life.move(track, SubscriptionStage.TO_ASK, now + SLOW_DOWN_NS)
        elif verdict is RejectionVerdict.TOKEN:
            self.life.move(track, SubscriptionStage.TO_ASK, now)
            self.life.broken = self.life.broken or f"token refused: {event.error}"
        elif (
            verdict is RejectionVerdict.FINAL
            or track.tries + 1 >= len(RETRY_NS)
            or track.wanted is None
        ):
            self._give_up(track)
        else:
            self.life.try_again(track, now)
            self.life.move(track, SubscriptionStage.TO_ASK, track.resume_at)

    def _give_up(self, track: SubscriptionState) -> None:
        if track.subscription == INSTRUMENTS:
            self.admit()  # better the digits of the snapshots than nothing
        if track.wanted is None:
            self.life.remove(track)
        elif track.wanted != track.subscription:
            track.subscription, track.error, track.tries = track.wanted, None, 0
            self.life.move(track, SubscriptionStage.TO_ASK, 0)
        else:
            self.life.move(track, SubscriptionStage.REFUSED, 0)

    # --- doubt ----------------------------------------------------------------------------

    def on_resync(self, event: events.Resync, now: int) -> None:
        """The keeper has stopped trusting a book."""
        track = self.life.tracks.get((event.channel, event.symbol, None))
        if track is not None and track.state in (SubscriptionStage.ASKED, SubscriptionStage.LIVE):
            self.life.go_round(track, event.reason, event.received, now)

    def doubt(self, key: Key, detail: str, received: int, now: int) -> None:
        """Somebody who keeps this channel's state cannot make sense of it."""
        track = self.life.tracks.get(key)
        if track is not None and track.state is SubscriptionStage.LIVE:
            self.life.resync(track, "impossible", detail, received, now)

    def _on_malformed(self, event: events.Malformed, now: int) -> None:
        """Something is lost. The keeper sees to live books, this to the rest."""
        for track in tuple(self.life.tracks.values()):
            channel, symbol, _ = track.subscription.key
            if event.channel not in (None, channel) or event.symbol not in (None, symbol):
                continue
            if track.state is SubscriptionStage.ASKED:
                track.due = min(track.due, now + PATIENCE_NS)  # was that its snapshot?
            elif track.state is not SubscriptionStage.LIVE or channel in BOOKS:
                continue
            elif channel in ACCOUNT:
                self.life.resync(track, "impossible", event.reason, event.received, now)
            elif symbol is not None:
                self.life.news.append(gap(track, event.received, event.received, "unreadable"))

    # --- time -----------------------------------------------------------------------------

    def excuse(self, late_ns: int) -> None:
        """Our own process did not run for so long: answers may be waiting to be read."""
        for track in self.life.pending.values():
            track.due += late_ns

    def elapse(self, received: int, now: int) -> None:
        """Time has passed: what did not come."""
        for track in [one for one in self.life.pending.values() if one.due <= now]:
            self._overdue(track, received, now)

    def _overdue(self, track: SubscriptionState, received: int, now: int) -> None:
        if track.subscription == INSTRUMENTS:
            self.admit()  # better the digits of the snapshots than nothing
        if track.state is SubscriptionStage.ASKED:
            missing = "snapshot" if track.acked else "answer"
            self.life.resync(track, "timeout", f"no {missing}", received, now)
        elif track.state is SubscriptionStage.LEAVING:
            self.life.try_again(track, now)
            self.life.leave(track, track.resume_at)

    def tell_stale(self, received: int, now: int) -> None:
        """The connection has fallen quiet."""
        for track in self.life.tracks.values():
            channel, symbol, _ = track.subscription.key
            if track.state is SubscriptionStage.LIVE and symbol is not None:
                silent_ns = now - max(track.heard, track.live_since)
                self.life.news.append(events.Stale(received, symbol, channel, silent_ns))

    def to_ask(self, token: str | None, now: int) -> list[bytes]:
        """The requests that may go out now; the rest waits for its time."""
        sent: list[bytes] = []
        due = [track for track in self.life.pending.values() if self._may_go(track)]
        for request, req_id, tracks in self._asking.requests(due, token, now):
            for track in tracks:
                self._asked(track, req_id, now)
            sent.append(request)
        return sent

    def _may_go(self, track: SubscriptionState) -> bool:
        return self._admitted or track.subscription.symbol is None

    def _asked(self, track: SubscriptionState, req_id: int, now: int) -> None:
        track.req_id, track.acked, track.sequence = req_id, False, None
        if track.state is SubscriptionStage.TO_LEAVE:
            self.life.move(track, SubscriptionStage.LEAVING, now + ANSWER_NS)
        else:
            self.life.move(track, SubscriptionStage.ASKED, now + ANSWER_NS)
            channel, symbol, _ = track.subscription.key
            if symbol is not None and (depth := track.subscription.depth) is not None:
                # The snapshot may come before its acknowledgement.
                self._keeper.expect(symbol, channel, depth)
