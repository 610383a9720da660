"""One connection's conversation with the exchange, minus the connection.

Bytes and the time go in; events, and requests to send, come out. It opens nothing and
waits for nothing, so a test is a list of messages. It outlives its connection: requested
subscriptions stay requested, and are subscribed again on the next one.

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
from kracked.protocol.client.trade_sequence import TradeSequence
from kracked.protocol.events import Event
from kracked.times import NS_PER_S

STALL_NS = NS_PER_S
"""`elapse` is due ten times a second; when it comes this late, this process itself was held up."""
GREETING_NS = 2 * NS_PER_S
"""An exchange that has not sent its `status` by then gets requests all the same."""
MAINTENANCE = "maintenance"
"""The one engine state in which nothing is requested."""

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
    """The sans-I/O core of one connection: it decides what to send and what happened.

    Two clocks go in. `received` is the wall clock, ns since the Unix epoch, and is stamped on
    events; `now` is any steady clock in ns and measures durations, so a wall clock that jumps
    breaks nothing. Every method returns at once, and none raises for what the exchange sends.

    The caller's duties:

    - After a connection is made, call `open`, with a fresh token where the socket needs
      one; when it is gone, or an attempt to make it failed, call `close`. A session may be
      opened again afterwards, as often as needed.
    - Call `receive` for every frame, whole and in order, as it arrives; handle the events
      it returns, in this order.
    - Call `elapse` about every 100 ms while the connection is open; handle its events like
      those of `receive`.
    - After calling `open`, `receive`, `elapse`, `want`, `drop` or `inform`,
      call `to_send` and send the requests it returns, in this order. It may be called
      later, but not much: `subscriptions.lifecycle.has_pending_requests` says when to hurry.
    - After any of them, look at `broken`: when it is not None, close the connection
      without a farewell and make another.
    - When another connection received instruments, pass them to `inform`: symbols wait
      until the instruments' precisions are known, from this session's own `instrument`
      subscription or from there.
    """

    def __init__(self, keeper: Keeper) -> None:
        self._scheduler = RequestScheduler()
        self.subscriptions = Subscriptions(keeper, self._scheduler)
        self.liveness = Liveness()
        self.system: str | None = None
        """The engine's state as last announced on this connection."""
        self.messages = 0
        """Frames received, on all connections."""
        self.bytes = 0
        """Bytes received, on all connections."""
        self._keeper = keeper
        self._open = False
        self._opened = 0
        """When the connection was made, by the steady clock."""
        self._messages_before = 0
        """Frames of earlier connections."""
        self._requests_allowed = False
        self._token: str | None = None
        self.trade_sequence = TradeSequence()
        """The ids of the trades, and which of them never came."""
        self._pings: list[bytes] = []
        """Pings to send."""
        self._silence: str | None = None
        """Why the connection is taken for dead; None while it is not."""
        self._last_received = 0
        """When the last frame came, ns since the Unix epoch."""
        self._last_elapsed = 0
        self._observers: dict[type, Callable[[Any, int], None]] = {
            **self.subscriptions.observers,
            events.Heartbeat: self.liveness.heartbeat,
            events.Status: self._on_status,
            events.Pong: self.liveness.pong,
        }

    @property
    def states(self) -> dict[Key, SubscriptionState]:
        """The state of each subscription, by its key."""
        return self.subscriptions.lifecycle.states

    @property
    def broken(self) -> str | None:
        """The reason to replace this connection; None while it is good."""
        if self.subscriptions.lifecycle.broken is not None:
            return self.subscriptions.lifecycle.broken
        return self._silence

    # --- what is requested --------------------------------------------------------

    def want(self, subscription: Subscription) -> None:
        """Subscribe; with other parameters than before, change over to them.

        After calling this method: send what `to_send` returns.
        """
        self.subscriptions.want(subscription)

    def drop(self, key: Key) -> None:
        """Unsubscribe; nothing happens when there is no such subscription.

        After calling this method: send what `to_send` returns.
        """
        self.subscriptions.drop(key)

    def inform(self, instruments: events.Instruments, now: int) -> list[Event]:
        """Take the instruments' rules that another connection received.

        Books follow them, and symbols may be requested from now on.

        After calling this method: handle the events, send what `to_send` returns.
        """
        self.subscriptions.allow_symbols()
        happened = list(self._keeper.apply(instruments))
        for event in happened:
            if isinstance(event, events.Resync):
                self.subscriptions.on_resync(event, now)
        return happened + self.subscriptions.take_events()

    def resync(self, key: Key, detail: str, received: int) -> list[Event]:
        """Renew a subscription whose last message makes no sense to the owner of its data.

        Nothing happens when that is under way already.

        After calling this method: handle the events, send what `to_send` returns.
        """
        self.subscriptions.resync(key, detail, received, self.liveness.last_frame)
        return self.subscriptions.take_events()

    def renew_stale(self, stale: events.Stale, last_received: int, now: int) -> list[Event]:
        """Renew a live subscription that is stale by what its siblings say.

        After calling this method: handle the events, send what `to_send` returns.

        Args:
            stale: The verdict.
            last_received: When its last message came, ns since the Unix epoch.
            now: The steady clock, ns.
        """
        self.subscriptions.renew_stale(stale, last_received, now)
        return self.subscriptions.take_events()

    # --- the connection comes and goes ----------------------------------------------

    def open(self, now: int, token: str | None = None) -> None:
        """Start on a new connection.

        Nothing is requested before the exchange's `status` has come, or two seconds have passed.

        After calling this method: call `receive` for every frame and `elapse` about
        every 100 ms.

        Args:
            now: The steady clock, ns.
            token: A fresh token, for a socket that needs one.
        """
        self._open, self._token = True, token
        self.system = self._silence = None
        self._requests_allowed = False
        self._last_elapsed = self._opened = now
        self._messages_before = self.messages
        self.liveness.open(now)

    def close(self, reason: str, *, hung_up: bool = False) -> None:
        """Take back every subscription: the connection is gone. Its books are not trusted.

        After calling this method: call `open` when there is another connection.

        Args:
            reason: Why it is gone.
            hung_up: Whether the other end ended it.
        """
        if self._open and hung_up:
            self.subscriptions.lifecycle.blame(self._last_received, self.liveness.last_frame)
        self._open, self._token = False, None
        self.system = self._silence = None
        self._pings.clear()
        self.subscriptions.reset(reason, self._last_received)

    # --- what arrives ---------------------------------------------------------------

    def receive(self, data: bytes, received: int, now: int) -> list[Event]:
        """Take one frame; return what it says and what follows from it. Never raises.

        After calling this method: handle the events, look at `broken`, send what
        `to_send` returns.
        """
        liveness, subscriptions = self.liveness, self.subscriptions
        liveness.last_frame = now
        liveness.quiet = False
        self._last_received = received
        self.messages += 1
        self.bytes += len(data)
        happened = self._keeper.receive(data, received)
        for event in happened:
            kind = type(event)
            channel = _CHANNEL_OF.get(kind)
            if channel is not None:
                subscriptions.on_data((channel, event.symbol, None), now)  # type: ignore[attr-defined]
            elif (observe := self._observers.get(kind)) is not None:
                observe(event, now)
        first = type(happened[0]) if happened else None
        if first is events.Trades:
            happened = self._without_repeats(happened)
        elif first is events.Executions or first is events.Balances:
            happened = [self._account_event(event) for event in happened]
        if subscriptions.has_events:
            happened += subscriptions.take_events()
        return happened

    def _without_repeats(self, happened: list[Event]) -> list[Event]:
        """Return the events with each trade once, and with the gaps between trades."""
        result: list[Event] = []
        for event in happened:
            if isinstance(event, events.Trades):
                fresh, gaps = self.trade_sequence.follow(event)
                result += gaps
                result += () if fresh is None else (fresh,)
            else:
                result.append(event)
        return result

    def _account_event(self, event: Event) -> Event:
        """Return the event, or `Malformed` where this connection has not subscribed to it.

        Such a message belongs to another connection, and may be as old as that.
        """
        channel = _ACCOUNT_CHANNEL_OF.get(type(event))
        if channel is None or (channel, None, None) in self.states:
            return event
        reason = f"{channel} on a connection that is not subscribed to it"
        return events.Malformed(event.received, "", reason, channel=channel)

    def _on_status(self, event: events.Status, _now: int) -> None:
        self.system = event.system
        self._requests_allowed = event.system != MAINTENANCE
        self.liveness.greet()
        self.subscriptions.lifecycle.has_pending_requests = True

    # --- time and requests ------------------------------------------------------------

    def elapse(self, received: int, now: int) -> list[Event]:
        """Advance the timers; return the time-outs that fired. Call about every 100 ms.

        After calling this method: handle the events, look at `broken`, send what
        `to_send` returns.
        """
        if not self._open:
            return []
        liveness = self.liveness
        late_ns, self._last_elapsed = now - self._last_elapsed, now
        if late_ns > STALL_NS:
            liveness.discount_stall(late_ns, now)
            self.subscriptions.discount_stall(late_ns)
            self._opened += late_ns
        if self.system is None and now - self._opened > GREETING_NS:
            # Send requests without a `status`, and take any other message for the greeting.
            if not self._requests_allowed:
                self._requests_allowed = True
                self.subscriptions.lifecycle.has_pending_requests = True
            if self.messages > self._messages_before:
                liveness.greet()
        self.subscriptions.elapse(received, now)
        if not self.states:
            liveness.expects_heartbeats = False  # none comes without a subscription
        if liveness.dead(now):
            self._silence = f"silent for {SILENCE_NS // NS_PER_S} s"
        if liveness.falls_quiet(now):
            self.subscriptions.report_stale(received, now)
        if liveness.ping_due(now):
            req_id, request = self._scheduler.ping()
            self._pings.append(request)
            liveness.pinged(req_id, received, now)
        return self.subscriptions.take_events()

    def to_send(self, now: int) -> list[bytes]:
        """Return the requests that may go out now; the others wait for their time.

        After calling this method: send all of them, in this order; they count as sent.
        """
        self.subscriptions.lifecycle.has_pending_requests = False
        sent, self._pings = self._pings, []
        if self._open and self._requests_allowed:
            sent += self.subscriptions.requests_to_send(self._token, now)
        return sent
