"""One connection's conversation with the exchange, minus the connection.

Bytes and the time go in; events, and requests to send, come out. It opens nothing and
waits for nothing, so a test is a list of messages. It outlives its connection: what is
wanted stays wanted, and is asked for again on the next one.

Source: docs.kraken.com/api/docs/guides/spot-ws-intro
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kracked.protocol import events
from kracked.protocol.client.lifecycle import Keeper
from kracked.protocol.client.liveness import SILENCE_NS, Liveness
from kracked.protocol.client.request_scheduler import RequestScheduler
from kracked.protocol.client.subscription import Key, Subscription, SubscriptionState
from kracked.protocol.client.subscriptions import Subscriptions
from kracked.protocol.events import Event
from kracked.protocol.trade_sequence import TradeSequence
from kracked.times import NS_PER_S

STALL_NS = NS_PER_S
"""Time is told ten times a second; told this late, it was this process that stood still."""
GREETING_NS = 2 * NS_PER_S
"""An exchange that has not told its `status` by then is asked all the same."""
HELD = "maintenance"
"""The one engine state in which nothing is asked."""

_CHANNEL_OF: dict[type, str] = {
    events.BookUpdate: "book",
    events.L3Update: "level3",
    events.Ticker: "ticker",
    events.Trades: "trade",
}
"""Data that only prove a subscription lives: by far the most frequent events."""
_ACCOUNT_CHANNEL_OF: dict[type[Event], str] = {
    events.Executions: "executions",
    events.Balances: "balances",
}


class Session:
    """What is said on one connection, and what to say.

    `received` is the wall clock, ns since the Unix epoch, and is stamped on events;
    `now` is any steady clock in ns and measures durations, so a wall clock that jumps
    breaks nothing. Symbols wait until the instruments' precisions are known: from its
    own `instrument` subscription, or by `inform`.
    """

    def __init__(self, keeper: Keeper) -> None:
        self._asking = RequestScheduler()
        self.subscriptions = Subscriptions(keeper, self._asking)
        self.liveness = Liveness()
        self.system: str | None = None
        """The engine's state as last announced on this connection."""
        self.messages = 0
        self.bytes = 0
        self._keeper = keeper
        self._open = False
        self._opened = 0
        self._messages_before = 0
        """Of earlier connections."""
        self._may_ask = False
        self._token: str | None = None
        self._tape = TradeSequence()
        self._outbox: list[bytes] = []
        self._silent: str | None = None
        self._heard_at = 0
        self._elapsed = 0
        self._observers: dict[type, Callable[[Any, int], None]] = {
            **self.subscriptions.observers,
            events.Heartbeat: self._on_heartbeat,
            events.Status: self._on_status,
            events.Pong: self.liveness.pong,
        }

    @property
    def states(self) -> dict[Key, SubscriptionState]:
        """Where each subscription stands."""
        return self.subscriptions.life.states

    @property
    def broken(self) -> str | None:
        """Why this connection must be replaced; None while it is good."""
        if self.subscriptions.life.broken is not None:
            return self.subscriptions.life.broken
        return self._silent

    # --- what is wanted -----------------------------------------------------------

    def want(self, subscription: Subscription) -> None:
        """Subscribe; with other parameters than before, change over to them."""
        self.subscriptions.want(subscription)

    def drop(self, key: Key) -> None:
        """Unsubscribe; nothing happens when it was not wanted."""
        self.subscriptions.drop(key)

    def inform(self, instruments: events.Instruments, now: int) -> list[Event]:
        """Another connection heard the instruments' rules: books follow, symbols may be asked."""
        self.subscriptions.admit()
        happened = list(self._keeper.apply(instruments))
        for event in happened:
            if isinstance(event, events.Resync):
                self.subscriptions.on_resync(event, now)
        return happened + self.subscriptions.take_news()

    def doubt(self, key: Key, detail: str, received: int) -> list[Event]:
        """What was just heard there cannot be: subscribe anew, if that is not under way."""
        self.subscriptions.doubt(key, detail, received, self.liveness.heard)
        return self.subscriptions.take_news()

    # --- the connection comes and goes ----------------------------------------------

    def open(self, now: int, token: str | None = None) -> None:
        """A connection is made; nothing is asked before the exchange's `status`, or two seconds."""
        self._open, self._token = True, token
        self.system = self._silent = None
        self._may_ask = False
        self._elapsed = self._opened = now
        self._messages_before = self.messages
        self.liveness.open(now)

    def close(self, reason: str) -> None:
        """The connection is gone, and with it every subscription and the trust in its books."""
        self._open, self._token = False, None
        self.system = self._silent = None
        self._outbox.clear()
        self.subscriptions.reset(reason, self._heard_at)

    # --- what arrives ---------------------------------------------------------------

    def receive(self, data: bytes, received: int, now: int) -> list[Event]:
        """Take one frame; what it said, and what followed from it. Never raises."""
        liveness, subscriptions = self.liveness, self.subscriptions
        liveness.heard = now
        liveness.quiet = False
        self._heard_at = received
        self.messages += 1
        self.bytes += len(data)
        happened = self._keeper.receive(data, received)
        for event in happened:
            kind = type(event)
            channel = _CHANNEL_OF.get(kind)
            if channel is not None:
                subscriptions.heard((channel, event.symbol, None), now)  # type: ignore[attr-defined]
            elif (observe := self._observers.get(kind)) is not None:
                observe(event, now)
        first = type(happened[0]) if happened else None
        if first is events.Trades:
            happened = self._retell(happened)
        elif first is events.Executions or first is events.Balances:
            happened = [self._account_event(event) for event in happened]
        if subscriptions.has_news:
            happened += subscriptions.take_news()
        return happened

    def _retell(self, happened: list[Event]) -> list[Event]:
        """Trades without repeats, and with the holes between them."""
        told: list[Event] = []
        for event in happened:
            fresh, gap = (
                self._tape.follow(event) if isinstance(event, events.Trades) else (event, None)
            )
            told += (one for one in (gap, fresh) if one is not None)
        return told

    def _account_event(self, event: Event) -> Event:
        """The event, or `Malformed` in its place where this connection never asked for it.

        Such a message belongs to another connection, and may be as old as that.
        """
        channel = _ACCOUNT_CHANNEL_OF.get(type(event))
        if channel is None or (channel, None, None) in self.states:
            return event
        reason = f"{channel} on a connection that is not subscribed to it"
        return events.Malformed(event.received, "", reason, channel=channel)

    def _on_heartbeat(self, _event: events.Heartbeat, _now: int) -> None:
        self.liveness.beating = True

    def _on_status(self, event: events.Status, _now: int) -> None:
        self.system = event.system
        self._may_ask = event.system != HELD
        self.liveness.greet()
        self.subscriptions.life.has_pending_requests = True

    def _go_ungreeted(self) -> None:
        """Ask without a `status`, and take whatever else is said for the first word."""
        if not self._may_ask:
            self._may_ask = self.subscriptions.life.has_pending_requests = True
        if self.messages > self._messages_before:
            self.liveness.greet()

    # --- time and requests ------------------------------------------------------------

    def elapse(self, received: int, now: int) -> list[Event]:
        """Time has passed: what did not come. To be called every tenth of a second or so."""
        if not self._open:
            return []
        liveness = self.liveness
        late_ns, self._elapsed = now - self._elapsed, now
        if late_ns > STALL_NS:
            liveness.excuse(late_ns, now)
            self.subscriptions.excuse(late_ns)
            self._opened += late_ns
        if self.system is None and now - self._opened > GREETING_NS:
            self._go_ungreeted()
        self.subscriptions.elapse(received, now)
        if not self.states:
            liveness.beating = False  # no heartbeat comes without a subscription
        if liveness.dead(now):
            self._silent = f"silent for {SILENCE_NS // NS_PER_S} s"
        if liveness.falls_quiet(now):
            self.subscriptions.tell_stale(received, now)
        if liveness.ping_due(now):
            req_id, request = self._asking.ping()
            self._outbox.append(request)
            liveness.pinged(req_id, received, now)
        return self.subscriptions.take_news()

    def to_send(self, now: int) -> list[bytes]:
        """The requests that may go out now; the rest waits for its time."""
        self.subscriptions.life.has_pending_requests = False
        sent, self._outbox = self._outbox, []
        if self._open and self._may_ask:
            sent += self.subscriptions.to_ask(self._token, now)
        return sent
