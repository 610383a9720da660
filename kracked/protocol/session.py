"""One connection's conversation with the exchange, minus the connection.

Bytes and the time go in; events, and requests to send, come out. It opens nothing and
waits for nothing, so a test is a list of messages. It outlives its connection: what is
wanted stays wanted, and is asked for again on the next one.

Every subscription walks one path, and never two requests at a time:
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
from kracked.protocol.liveness import Liveness
from kracked.protocol.refusals import Verdict, judge
from kracked.protocol.subscription import (
    ACCOUNT,
    BOOKS,
    INSTRUMENTS,
    NEEDS_SNAPSHOT,
    Key,
    State,
    Subscription,
    Track,
)
from kracked.times import NS_PER_S

ANSWER_NS = 5 * NS_PER_S
"""How long an answer may take; measured: well under a second."""
SNAPSHOT_NS = 10 * NS_PER_S
"""How long a snapshot may take after its answer; measured: 13 to 470 ms."""
RETRY_NS = (0, *(NS_PER_S * halves // 2 for halves in (1, 2, 4, 8, 16)))
"""Waits before the first and the five further attempts at one subscription."""
LONG_WAIT_NS = 60 * NS_PER_S
"""Between attempts at a subscription that a whole new connection did not help either."""
SETTLED_NS = 30 * NS_PER_S
"""Live for this long, a subscription's past failures are forgotten."""
SLOW_DOWN_NS = NS_PER_S
"""Pause of a request that came too fast."""
PATIENCE_NS = NS_PER_S
"""For a snapshot, when something unreadable came in its place."""
HELD = "maintenance"
"""The one engine state in which nothing is asked."""

_CHANNEL_OF: dict[type, str] = {
    events.BookUpdate: "book",
    events.OrdersUpdate: "level3",
    events.Ticker: "ticker",
    events.Trades: "trade",
}
"""Data that only prove a subscription lives: by far the most frequent events."""


class Keeper(Protocol):
    """What decodes the bytes and keeps the books: `kracked.book.keeper.BookKeeper`."""

    def receive(self, raw: bytes, received: int) -> list[Event]: ...
    def apply(self, event: Event) -> Iterable[Event]: ...
    def distrust(self, symbol: str, channel: str) -> bool: ...
    def forget(self, symbol: str, channel: str) -> None: ...


class Session:
    """What is wanted, asked, granted, refused and live on one connection.

    `received` is the wall clock, ns since the Unix epoch, and is stamped on events;
    `now` is any steady clock in ns and measures durations, so a wall clock that jumps
    breaks nothing. Symbols wait until the instruments' precisions are known: from its
    own `instrument` subscription, or by `admit`.
    """

    def __init__(self, keeper: Keeper) -> None:
        self.tracks: dict[Key, Track] = {}
        self.liveness = Liveness()
        self.system: str | None = None
        """The engine's state as last announced on this connection."""
        self.broken: str | None = None
        """Why this connection must be replaced; None while it is good."""
        self.restless = False
        """Whether `to_send` has something new to say."""
        self.productive_since: int | None = None
        """When this connection first made a subscription live, by the steady clock."""
        self.revision = 0
        """Rises whenever a subscription moves to another state."""
        self.messages = 0
        self.bytes = 0
        self._keeper = keeper
        self._open = False
        self._admitted = False
        self._token: str | None = None
        self._pending: dict[Key, Track] = {}
        self._outbox: list[bytes] = []
        self._news: list[Event] = []
        self._heard_at = 0
        self._asking = Asking()
        self._observers: dict[type, Callable[[Any, int], None]] = {
            events.BookSnapshot: self._on_book_snapshot,
            events.OrdersSnapshot: self._on_orders_snapshot,
            events.Candles: self._on_candles,
            events.Instruments: self._on_instruments,
            events.Executions: self._on_executions,
            events.Balances: self._on_balances,
            events.Heartbeat: self._on_heartbeat,
            events.Status: self._on_status,
            events.Pong: self.liveness.pong,
            events.Subscribed: self._on_subscribed,
            events.Unsubscribed: self._on_unsubscribed,
            events.Rejected: self._on_rejected,
            events.Resync: self._on_resync,
            events.Malformed: self._on_malformed,
        }

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

    # --- the connection comes and goes ----------------------------------------------

    def open(self, now: int, token: str | None = None) -> None:
        """A connection is made; nothing is asked before the exchange's `status`."""
        self._open, self._token = True, token
        self.system, self.broken, self.productive_since = None, None, None
        self.liveness.open(now)

    def close(self, reason: str) -> None:
        """The connection is gone, and with it every subscription and the trust in its books."""
        self._open, self._token = False, None
        self.system = None
        self._outbox.clear()
        for track in tuple(self.tracks.values()):
            self._reset(track, reason)
        instruments = self.tracks.get(INSTRUMENTS.key)
        if instruments is not None and instruments.state is State.TO_ASK:
            self._admitted = False  # precisions may change while we are away

    def _reset(self, track: Track, reason: str) -> None:
        if track.wanted is None:
            self._remove(track)
            return
        if track.state is State.LIVE and track.lost_at is None:
            track.lost_at, track.lost_why = self._heard_at, reason
        self._distrust(track)
        final = track.error is not None and judge(track.error) is Verdict.FINAL
        if track.state is State.REFUSED and final:
            return
        track.subscription, track.req_id, track.tries = track.wanted, None, 0
        self._move(track, State.TO_ASK, 0)

    # --- what arrives ---------------------------------------------------------------

    def receive(self, data: bytes, received: int, now: int) -> list[Event]:
        """Take one frame; what it said, and what followed from it. Never raises."""
        liveness = self.liveness
        liveness.heard = now
        liveness.quiet = False
        self._heard_at = received
        self.messages += 1
        self.bytes += len(data)
        happened = self._keeper.receive(data, received)
        for event in happened:
            channel = _CHANNEL_OF.get(type(event))
            if channel is not None:
                self._heard((channel, event.symbol, None), now)  # type: ignore[attr-defined]
            elif (observe := self._observers.get(type(event))) is not None:
                observe(event, now)
        if self._news:
            happened += self._take_news()
        return happened

    def _take_news(self) -> list[Event]:
        news, self._news = self._news, []
        return news

    def inform(self, instruments: events.Instruments, now: int) -> list[Event]:
        """Another connection heard the instruments' rules: books follow, symbols are admitted."""
        self.admit()
        happened = list(self._keeper.apply(instruments))
        for event in happened:
            if isinstance(event, events.Resync):
                self._on_resync(event, now)
        return happened + self._take_news()

    # --- data -----------------------------------------------------------------------

    def _on_candles(self, event: events.Candles, now: int) -> None:
        for interval in {candle.interval for candle in event.candles}:
            self._heard(("ohlc", event.symbol, interval), now)

    def _on_book_snapshot(self, event: events.BookSnapshot, now: int) -> None:
        self._begun(("book", event.symbol, None), event.received, now)

    def _on_orders_snapshot(self, event: events.OrdersSnapshot, now: int) -> None:
        self._begun(("level3", event.symbol, None), event.received, now)

    def _on_instruments(self, event: events.Instruments, now: int) -> None:
        if event.snapshot:
            self._begun(INSTRUMENTS.key, event.received, now)
            self.admit()
        else:
            self._heard(INSTRUMENTS.key, now)

    def _on_executions(self, event: events.Executions, now: int) -> None:
        self._numbered(("executions", None, None), event, now)

    def _on_balances(self, event: events.Balances, now: int) -> None:
        self._numbered(("balances", None, None), event, now)

    def _numbered(self, key: Key, event: events.Executions | events.Balances, now: int) -> None:
        """Account messages are counted by the exchange: a hole is a lost one."""
        track = self.tracks.get(key)
        if track is None:
            return
        last, track.sequence = track.sequence, event.sequence
        if event.snapshot:
            self._begun(key, event.received, now)
            return
        self._heard(key, now)
        whole = last is None or event.sequence is None or event.sequence == last + 1
        if not whole and track.state is State.LIVE:
            detail = f"message {event.sequence} after {last}"
            self._resync(track, "sequence", detail, event.received, now)

    def _heard(self, key: Key, now: int) -> Track | None:
        track = self.tracks.get(key)
        if track is not None:
            track.heard = now
            track.messages += 1
        return track

    def _begun(self, key: Key, received: int, now: int) -> None:
        """A snapshot: proof enough, its acknowledgement may come later or not at all."""
        track = self._heard(key, now)
        if track is not None and track.state is State.ASKED:
            self._go_live(track, received, now)

    # --- the exchange's own state -----------------------------------------------------

    def _on_heartbeat(self, _event: events.Heartbeat, _now: int) -> None:
        self.liveness.beating = True

    def _on_status(self, event: events.Status, _now: int) -> None:
        self.system = event.system
        self.liveness.greet()
        self.restless = True

    # --- answers ------------------------------------------------------------------------

    def _on_subscribed(self, event: events.Subscribed, now: int) -> None:
        track = self.tracks.get((event.channel, event.symbol, event.interval))
        if track is None or track.state is not State.ASKED or not _answers(event, track):
            return
        track.acked = True
        if event.channel in NEEDS_SNAPSHOT:
            track.due = now + SNAPSHOT_NS
        else:
            self._go_live(track, event.received, now)

    def _on_unsubscribed(self, event: events.Unsubscribed, now: int) -> None:
        track = self.tracks.get((event.channel, event.symbol, event.interval))
        if track is not None and track.state is State.LEAVING and _answers(event, track):
            self._left(track, now)

    def _on_rejected(self, event: events.Rejected, now: int) -> None:
        if judge(event.error) is Verdict.RATE:
            self._asking.slow_down(now)
        refused = [track for track in self._pending.values() if _is_about(event, track)]
        for track in refused:
            if track.state is State.LEAVING:
                self._left(track, now)  # there was nothing to leave
            elif len(refused) > 1 and event.symbol is None:
                track.alone = True  # which of them is to blame shows when each is asked alone
                self._move(track, State.TO_ASK, now)
            else:
                self._refused(track, event, now)

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

    def _on_resync(self, event: events.Resync, now: int) -> None:
        """The keeper has stopped trusting a book."""
        track = self.tracks.get((event.channel, event.symbol, None))
        if track is not None and track.state in (State.ASKED, State.LIVE):
            self._go_round(track, event.reason, event.received, now)

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
                self._news.append(_gap(track, event.received, event.received, "unreadable"))

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
        """Set when to ask next, later each time; in the end blame the connection."""
        if track.state is State.LIVE and now - track.live_since >= SETTLED_NS:
            track.tries = track.rounds = 0
        if track.tries < len(RETRY_NS):
            track.resume_at = now + RETRY_NS[track.tries]
            track.tries += 1
            return
        track.resume_at = now + LONG_WAIT_NS
        if track.rounds == 0:
            track.rounds = 1
            self.broken = self.broken or f"{_name(track)} fails again and again"

    # --- time -----------------------------------------------------------------------------

    def elapse(self, received: int, now: int) -> list[Event]:
        """Time has passed: what did not come. To be called every tenth of a second or so."""
        if not self._open:
            return []
        for track in [one for one in self._pending.values() if one.due <= now]:
            self._overdue(track, received, now)
        if self.liveness.dead(now):
            self.broken = self.broken or "silent for 5 s"
        if self.liveness.falls_quiet(now):
            self._tell_stale(received, now)
        if self.liveness.ping_due(now):
            req_id, request = self._asking.ping()
            self._outbox.append(request)
            self.liveness.pinged(req_id, received, now)
        return self._take_news()

    def _overdue(self, track: Track, received: int, now: int) -> None:
        if track.subscription == INSTRUMENTS:
            self.admit()  # better the digits of the snapshots than nothing
        if track.state is State.ASKED:
            missing = "snapshot" if track.acked else "answer"
            self._resync(track, "timeout", f"no {missing}", received, now)
        elif track.state is State.LEAVING:
            self._try_again(track, now)
            self._leave(track, track.resume_at)

    def _tell_stale(self, received: int, now: int) -> None:
        for track in self.tracks.values():
            channel, symbol, _ = track.subscription.key
            if track.state is State.LIVE and symbol is not None:
                silent_ns = now - max(track.heard, track.live_since)
                self._news.append(events.Stale(received, symbol, channel, silent_ns))

    # --- requests -------------------------------------------------------------------------

    def to_send(self, now: int) -> list[bytes]:
        """The requests that may go out now; the rest waits for its time."""
        self.restless = False
        sent, self._outbox = self._outbox, []
        if self._open and self.system not in (None, HELD):
            due = [track for track in self._pending.values() if self._may_go(track)]
            for request, req_id, tracks in self._asking.requests(due, self._token, now):
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
            self._expect(track.subscription)

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
            self._news.append(_gap(track, track.lost_at, received, track.lost_why))
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
        if not self.tracks:
            self.liveness.beating = False  # none come without a subscription

    def _expect(self, subscription: Subscription) -> None:
        """The snapshot may come before its acknowledgement; the depth is known already."""
        channel, symbol, _ = subscription.key
        if channel in BOOKS:
            self._keeper.apply(events.Subscribed(0, channel, symbol, subscription.depth))

    def _distrust(self, track: Track) -> None:
        channel, symbol, _ = track.subscription.key
        if channel in BOOKS and symbol is not None:
            self._keeper.distrust(symbol, channel)


def _answers(event: events.Subscribed | events.Unsubscribed, track: Track) -> bool:
    return event.req_id is None or event.req_id == track.req_id


def _is_about(event: events.Rejected, track: Track) -> bool:
    """By id where there is one; else only a named symbol will do."""
    if track.state is State.ASKED:
        if track.acked or event.method == "unsubscribe":
            return False
    elif track.state is not State.LEAVING or event.method == "subscribe":
        return False
    if event.symbol not in (None, track.subscription.symbol):
        return False
    if event.req_id is not None:
        return event.req_id == track.req_id
    return event.symbol is not None and event.channel in (None, track.subscription.channel)


def _gap(track: Track, start: int, end: int, reason: str) -> events.Gap:
    channel, symbol, _ = track.subscription.key
    return events.Gap(end, channel, (symbol,) if symbol else (), start, end, reason)


def _name(track: Track) -> str:
    channel, symbol, _ = track.subscription.key
    return f"{channel} {symbol}" if symbol else channel
