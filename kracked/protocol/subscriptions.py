"""The walk of every subscription of one connection.

Each goes one path, and never has two requests under way at a time:
to ask -> asked -> live -> to leave -> leaving -> to ask ... A book that went wrong goes
round once more by itself, and the others do not notice.

Sources: docs.kraken.com/api/docs/guides/spot-ws-intro, .../guides/spot-ws-book-v2
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from kracked.protocol import events
from kracked.protocol.asking import Asking
from kracked.protocol.events import Event
from kracked.protocol.patience import (
    ANSWER_NS,
    PATIENCE_NS,
    RETRY_NS,
    SLOW_DOWN_NS,
    SNAPSHOT_NS,
    put_off,
)
from kracked.protocol.refusals import Verdict, judge
from kracked.protocol.subscription import (
    ACCOUNT,
    BALANCES,
    BOOKS,
    EXECUTIONS,
    INSTRUMENTS,
    NEEDS_SNAPSHOT,
    Key,
    State,
    Subscription,
    Track,
    answers,
    gap,
    is_refusal_of,
)


class Keeper(Protocol):
    """What decodes the bytes and keeps the books: `kracked.book.keeper.BookKeeper`."""

    def receive(self, raw: bytes, received: int) -> list[Event]: ...
    def apply(self, event: Event) -> Iterable[Event]: ...
    def expect(self, symbol: str, channel: str, depth: int) -> None: ...
    def distrust(self, symbol: str, channel: str) -> bool: ...
    def forget(self, symbol: str, channel: str) -> None: ...


class Subscriptions:
    """What is wanted, asked, granted, refused and live. Only its session drives it."""

    def __init__(self, keeper: Keeper, asking: Asking) -> None:
        self.tracks: dict[Key, Track] = {}
        self.broken: str | None = None
        """Why the connection must be replaced; None while it is good."""
        self.restless = False
        """Whether there may be something new to ask."""
        self.revision = 0
        """Rises whenever a subscription moves to another state."""
        self.productive_since: int | None = None
        """When this connection first made one live, by the steady clock."""
        self._keeper, self._asking = keeper, asking
        self._admitted = False
        self._pending: dict[Key, Track] = {}
        self._news: list[Event] = []
        self.observers: dict[type, Callable[[Any, int], None]] = {
            events.BookSnapshot: self._on_snapshot,
            events.OrdersSnapshot: self._on_snapshot,
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
        return bool(self._news)

    def take_news(self) -> list[Event]:
        """What has happened here since the last call."""
        news, self._news = self._news, []
        return news

    # --- what is wanted -----------------------------------------------------------

    def want(self, subscription: Subscription) -> None:
        """Subscribe; with other parameters than before, change over to them."""
        track = self.tracks.get(subscription.key)
        if track is None:
            track = self.tracks[subscription.key] = Track(subscription)
            self._move(track, State.TO_ASK, 0)
            return
        track.wanted = subscription
        if track.state in (State.TO_ASK, State.REFUSED):
            track.subscription, track.error, track.tries = subscription, None, 0
            self._move(track, State.TO_ASK, 0)
        elif track.state is State.LIVE and track.subscription != subscription:
            self._leave(track, 0)

    def drop(self, key: Key) -> None:
        """Unsubscribe; nothing happens when it was not wanted."""
        track = self.tracks.get(key)
        if track is None:
            return
        track.wanted = None
        if track.state in (State.TO_ASK, State.REFUSED):
            self._remove(track)
        elif track.state is State.LIVE:
            self._leave(track, 0)

    def admit(self) -> None:
        """The instruments' precisions are known: symbols may be asked for."""
        if not self._admitted:
            self._admitted = self.restless = True

    def reset(self, reason: str, heard_at: int) -> None:
        """The connection is gone, last heard at `heard_at`, and every subscription with it."""
        self.broken = self.productive_since = None
        for track in tuple(self.tracks.values()):
            self._reset(track, reason, heard_at)
        instruments = self.tracks.get(INSTRUMENTS.key)
        if instruments is not None and instruments.state is State.TO_ASK:
            self._admitted = False  # precisions may change while we are away

    def _reset(self, track: Track, reason: str, heard_at: int) -> None:
        if track.wanted is None:
            self._remove(track)
            return
        if track.state is State.LIVE and track.lost_at is None:
            track.lost_at, track.lost_why = heard_at, reason
        self._distrust(track)
        final = track.error is not None and judge(track.error) is Verdict.FINAL
        if track.state is State.REFUSED and final:
            return
        track.subscription, track.req_id, track.tries = track.wanted, None, 0
        self._move(track, State.TO_ASK, 0)

    # --- data -----------------------------------------------------------------------

    def heard(self, key: Key, now: int) -> Track | None:
        """Something came on this subscription."""
        track = self.tracks.get(key)
        if track is not None:
            track.heard = now
            track.messages += 1
        return track

    def _on_candles(self, event: events.Candles, now: int) -> None:
        for interval in {candle.interval for candle in event.candles}:
            self.heard(("ohlc", event.symbol, interval), now)

    def _on_snapshot(self, event: events.BookSnapshot | events.OrdersSnapshot, now: int) -> None:
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
        track = self.tracks.get(key)
        if track is None:
            return
        last, track.sequence = track.sequence, event.sequence
        if event.snapshot:
            self._begun(key, event.received, now)
            return
        self.heard(key, now)
        whole = last is None or event.sequence is None or event.sequence == last + 1
        if not whole and track.state is State.LIVE:
            detail = f"message {event.sequence} after {last}"
            self._resync(track, "sequence", detail, event.received, now)

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
        if track.state is State.LIVE:
            return
        if track.state is State.ASKED:
            self._go_live(track, received, now)
        elif self._distrust(track):
            channel, symbol, _ = key
            self._news.append(events.Resync(received, symbol or "", channel, "unasked"))

    # --- answers ------------------------------------------------------------------------

    def _on_subscribed(self, event: events.Subscribed, now: int) -> None:
        track = self.tracks.get((event.channel, event.symbol, event.interval))
        if track is None or track.state not in (State.ASKED, State.LIVE):
            return
        if event.depth not in (None, track.subscription.depth):
            # The keeper has believed it: a book cut there would pass for whole.
            self._resync(track, "unasked", f"depth {event.depth}", event.received, now)
            return
        if track.state is State.LIVE or not answers(event, track):
            return
        track.acked = True
        if event.channel in NEEDS_SNAPSHOT:
            track.due = now + SNAPSHOT_NS
        else:
            self._go_live(track, event.received, now)

    def _on_unsubscribed(self, event: events.Unsubscribed, now: int) -> None:
        track = self.tracks.get((event.channel, event.symbol, event.interval))
        if track is None:
            return
        if track.state is State.LEAVING and answers(event, track):
            self._left(track, now)
        elif track.state is State.LIVE:
            # Late, or not of our doing: either way nobody knows what stands there now.
            self._resync(track, "unasked", "unsubscribed", event.received, now)

    def _on_rejected(self, event: events.Rejected, now: int) -> None:
        if judge(event.error) is Verdict.RATE:
            self._asking.slow_down(now)
        refused = [track for track in self._pending.values() if is_refusal_of(event, track)]
        for track in refused:
            if track.state is State.LEAVING:
                self._not_left(track, event, now)
            elif len(refused) > 1 and event.symbol is None:
                track.alone = True  # which of them is to blame shows when each is asked alone
                self._move(track, State.TO_ASK, now)
            else:
                self._refused(track, event, now)

    def _not_left(self, track: Track, event: events.Rejected, now: int) -> None:
        match judge(event.error):
            case Verdict.RATE:
                self._leave(track, now + SLOW_DOWN_NS)
            case Verdict.TOKEN:
                self.broken = self.broken or f"token refused: {event.error}"
            case _:
                self._left(track, now)  # there was nothing to leave

    def _refused(self, track: Track, event: events.Rejected, now: int) -> None:
        verdict = judge(event.error)
        track.error = event.error
        if verdict is Verdict.DUPLICATE:
            # No snapshot will come: leave what stands there, then ask again.
            self._try_again(track, now)
            self._leave(track, now)
        elif verdict is Verdict.RATE:
            self._move(track, State.TO_ASK, now + SLOW_DOWN_NS)
        elif verdict is Verdict.TOKEN:
            self._move(track, State.TO_ASK, now)
            self.broken = self.broken or f"token refused: {event.error}"
        elif verdict is Verdict.FINAL or track.tries + 1 >= len(RETRY_NS) or track.wanted is None:
            self._give_up(track)
        else:
            self._try_again(track, now)
            self._move(track, State.TO_ASK, track.resume_at)

    def _give_up(self, track: Track) -> None:
        if track.subscription == INSTRUMENTS:
            self.admit()  # better the digits of the snapshots than nothing
        if track.wanted is None:
            self._remove(track)
        elif track.wanted != track.subscription:
            track.subscription, track.error, track.tries = track.wanted, None, 0
            self._move(track, State.TO_ASK, 0)
        else:
            self._move(track, State.REFUSED, 0)

    # --- doubt ----------------------------------------------------------------------------

    def on_resync(self, event: events.Resync, now: int) -> None:
        """The keeper has stopped trusting a book."""
        track = self.tracks.get((event.channel, event.symbol, None))
        if track is not None and track.state in (State.ASKED, State.LIVE):
            self._go_round(track, event.reason, event.received, now)

    def doubt(self, key: Key, detail: str, received: int, now: int) -> None:
        """Somebody who keeps this channel's state cannot make sense of it."""
        track = self.tracks.get(key)
        if track is not None and track.state is State.LIVE:
            self._resync(track, "impossible", detail, received, now)

    def _on_malformed(self, event: events.Malformed, now: int) -> None:
        """Something is lost. The keeper sees to live books, this to the rest."""
        for track in tuple(self.tracks.values()):
            channel, symbol, _ = track.subscription.key
            if event.channel not in (None, channel) or event.symbol not in (None, symbol):
                continue
            if track.state is State.ASKED:
                track.due = min(track.due, now + PATIENCE_NS)  # was that its snapshot?
            elif track.state is not State.LIVE or channel in BOOKS:
                continue
            elif channel in ACCOUNT:
                self._resync(track, "impossible", event.reason, event.received, now)
            elif symbol is not None:
                self._news.append(gap(track, event.received, event.received, "unreadable"))

    def _resync(self, track: Track, reason: str, detail: str, received: int, now: int) -> None:
        channel, symbol, _ = track.subscription.key
        self._distrust(track)
        self._news.append(events.Resync(received, symbol or "", channel, reason, detail))
        self._go_round(track, reason, received, now)

    def _go_round(self, track: Track, reason: str, received: int, now: int) -> None:
        """Leave, wait for the answer, ask again: this subscription alone."""
        track.resyncs += 1
        if track.lost_at is None:
            track.lost_at, track.lost_why = received, reason
        self._try_again(track, now)
        self._leave(track, now)

    def _try_again(self, track: Track, now: int) -> None:
        """Set when to ask next; in the end blame the connection."""
        if not put_off(track, now):
            self.broken = self.broken or f"{track.subscription.name} fails again and again"

    # --- time -----------------------------------------------------------------------------

    def excuse(self, late_ns: int) -> None:
        """Our own process did not run for so long: answers may be waiting to be read."""
        for track in self._pending.values():
            track.due += late_ns

    def elapse(self, received: int, now: int) -> None:
        """Time has passed: what did not come."""
        for track in [one for one in self._pending.values() if one.due <= now]:
            self._overdue(track, received, now)

    def _overdue(self, track: Track, received: int, now: int) -> None:
        if track.subscription == INSTRUMENTS:
            self.admit()  # better the digits of the snapshots than nothing
        if track.state is State.ASKED:
            missing = "snapshot" if track.acked else "answer"
            self._resync(track, "timeout", f"no {missing}", received, now)
        elif track.state is State.LEAVING:
            self._try_again(track, now)
            self._leave(track, track.resume_at)

    def tell_stale(self, received: int, now: int) -> None:
        """The connection has fallen quiet."""
        for track in self.tracks.values():
            channel, symbol, _ = track.subscription.key
            if track.state is State.LIVE and symbol is not None:
                silent_ns = now - max(track.heard, track.live_since)
                self._news.append(events.Stale(received, symbol, channel, silent_ns))

    def to_ask(self, token: str | None, now: int) -> list[bytes]:
        """The requests that may go out now; the rest waits for its time."""
        sent: list[bytes] = []
        due = [track for track in self._pending.values() if self._may_go(track)]
        for request, req_id, tracks in self._asking.requests(due, token, now):
            for track in tracks:
                self._asked(track, req_id, now)
            sent.append(request)
        return sent

    def _may_go(self, track: Track) -> bool:
        return self._admitted or track.subscription.symbol is None

    def _asked(self, track: Track, req_id: int, now: int) -> None:
        track.req_id, track.acked, track.sequence = req_id, False, None
        if track.state is State.TO_LEAVE:
            self._move(track, State.LEAVING, now + ANSWER_NS)
        else:
            self._move(track, State.ASKED, now + ANSWER_NS)
            channel, symbol, _ = track.subscription.key
            if symbol is not None and (depth := track.subscription.depth) is not None:
                # The snapshot may come before its acknowledgement.
                self._keeper.expect(symbol, channel, depth)

    # --- moves ----------------------------------------------------------------------------

    def _move(self, track: Track, state: State, due: int) -> None:
        track.state, track.due = state, due
        self.revision += 1
        if state in (State.LIVE, State.REFUSED):
            self._pending.pop(track.subscription.key, None)
        else:
            self._pending[track.subscription.key] = track
            self.restless = True

    def _go_live(self, track: Track, received: int, now: int) -> None:
        self._move(track, State.LIVE, 0)
        track.live_since, track.error = now, None
        if self.productive_since is None:
            self.productive_since = now
        if track.lost_at is not None:
            if track.subscription.channel != "trade":  # those are numbered: the tape knows
                self._news.append(gap(track, track.lost_at, received, track.lost_why))
            track.lost_at = None
        if track.wanted != track.subscription:
            self._leave(track, now)

    def _leave(self, track: Track, due: int) -> None:
        self._distrust(track)
        self._move(track, State.TO_LEAVE, due)

    def _left(self, track: Track, now: int) -> None:
        if track.wanted is None:
            self._remove(track)
            return
        track.subscription = track.wanted
        self._move(track, State.TO_ASK, max(now, track.resume_at))

    def _remove(self, track: Track) -> None:
        channel, symbol, _ = key = track.subscription.key
        self.tracks.pop(key, None)
        self._pending.pop(key, None)
        self.revision += 1
        if channel in BOOKS and symbol is not None:
            self._keeper.forget(symbol, channel)

    def _distrust(self, track: Track) -> bool:
        """True when there was a book and it had been trusted."""
        channel, symbol, _ = track.subscription.key
        return channel in BOOKS and symbol is not None and self._keeper.distrust(symbol, channel)
