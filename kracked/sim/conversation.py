"""One client's connection, minus the connection: what it asked for and what it is told.

Text and the time go in, bytes to send come out through `send`. The rules of requests
and acknowledgements live here; what channels say lives in the exchange.

Sources: docs.kraken.com/api/docs/guides/spot-ws-intro, recordings
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from kracked.protocol import encode, events, requests
from kracked.protocol.requests import Other, Ping, Refused, Subscribe, Unsubscribe
from kracked.sim.account import Accounts
from kracked.sim.channels import (
    CHANNELS,
    TRADING_METHODS,
    Channel,
    Socket,
    Topic,
    Variety,
    misplaced,
)
from kracked.times import NS_PER_S

HEARTBEAT_NS = NS_PER_S
IDLE_NS = 60 * NS_PER_S
"""A connection without subscriptions that says nothing for so long is closed."""
RATE_PER_S = 200
"""Of the level3 counter, for a standard account; also how high it may stand."""
SYMBOLS_PER_CONNECTION = 200
"""Of level3."""

NO_TOKEN = "Token(s) not found"  # noqa: S105 - an error's text
BAD_TOKEN = "ESession:Invalid session"  # noqa: S105 - an error's text
NO_SYMBOL = "Symbol(s) not found"
DUPLICATE = "Already subscribed"
NOT_SUBSCRIBED = "Subscription Not Found"
TOO_FAST = "Exceeded msg rate"

VERSION = "2.0.10"
"""Of the service this one imitates."""

_HEARTBEAT = encode.HEARTBEAT.encode()
_Key = tuple[str, str, Variety]


class Counter:
    """A rate counter: each request adds its cost, time takes it away."""

    def __init__(self, limit: int, per_s: int) -> None:
        self._limit, self._per_s = limit, per_s
        self._level = 0.0
        self._time = 0

    def spend(self, cost: int, now: int) -> bool:
        """Add the cost, unless that would lift the counter above its limit."""
        drained = (now - self._time) * self._per_s / NS_PER_S
        self._level, self._time = max(0.0, self._level - drained), now
        if self._level + cost > self._limit:
            return False
        self._level += cost
        return True


class Venue(Protocol):
    """What a conversation needs of its exchange."""

    accounts: Accounts

    def lists(self, symbol: str) -> bool:
        """Whether the symbol is traded here."""

    def snapshot(self, topic: Topic) -> str:
        """What a new subscriber to the topic starts from."""

    def join(self, topic: Topic, conversation: Conversation) -> None:
        """Tell this conversation of the topic from now on."""

    def leave(self, topic: Topic, conversation: Conversation) -> None:
        """Tell it no more."""


class Conversation:
    """Answers one client's requests and remembers its subscriptions."""

    def __init__(
        self,
        venue: Venue,
        socket: Socket,
        send: Callable[[bytes], None],
        *,
        connection_id: int,
        now: int,
    ) -> None:
        self.send = send
        """Takes one message for the client; must not wait."""
        self.connection_id = connection_id
        self._venue = venue
        self._socket = socket
        self._topics: dict[_Key, Topic] = {}
        self._tokens: set[str] = set()
        self._counter = Counter(RATE_PER_S, RATE_PER_S)
        self._heard = now
        self._next_beat: int | None = None

    def receive(self, data: str | bytes, now: int) -> None:
        """Answer one frame of the client's."""
        self._heard = now
        request, req_id = requests.read(data)
        reply = _Reply(self.send, request.method, req_id, now)
        match request:
            case Ping():
                self.send(encode.pong(req_id, time_in=now, time_out=now).encode())
            case Subscribe():
                self._subscribe(request, reply)
            case Unsubscribe():
                self._unsubscribe(request, reply)
            case Refused():
                reply.refuse(request.error)
            case Other():
                self._other(request, reply)

    @property
    def topics(self) -> tuple[Topic, ...]:
        """What is subscribed."""
        return tuple(self._topics.values())

    def tell_status(self, system: str) -> None:
        """The first message of a connection, and the news of every change."""
        event = events.Status(0, system, VERSION, "v2", self.connection_id)
        self.send(encode.status(event).encode())

    def beat(self, now: int) -> None:
        """Send the heartbeats that are due: one a second, whatever else is sent."""
        while self._next_beat is not None and self._next_beat <= now:
            self.send(_HEARTBEAT)
            self._next_beat += HEARTBEAT_NS

    def idle(self, now: int) -> bool:
        """Whether the exchange would hang up."""
        return not self._topics and now - self._heard >= IDLE_NS

    def end(self) -> None:
        """The connection is gone, and its subscriptions with it."""
        for topic in self._topics.values():
            self._venue.leave(topic, self)
        self._topics.clear()

    # --- subscribing ------------------------------------------------------------------

    def _subscribe(self, request: Subscribe, reply: _Reply) -> None:
        channel = self._channel(request, reply)
        if channel is None:
            return
        if self._next_beat is None:
            self._next_beat = reply.now + HEARTBEAT_NS
        for symbol in self._symbols(channel, request):
            self._subscribe_one(channel, symbol, request, reply)

    def _subscribe_one(
        self, channel: Channel, symbol: str, request: Subscribe, reply: _Reply
    ) -> None:
        topic = Topic(channel.name, symbol, channel.variety(request))
        error = self._objection(channel, topic, reply.now)
        if error is not None:
            reply.refuse(error, symbol=symbol or None)
            return
        self._topics[_key(channel, topic)] = topic
        self._venue.join(topic, self)
        snapshot = channel.wants_snapshot(request)
        terms = {**channel.terms(request, topic), **channel.extras, "snapshot": snapshot}
        if channel.name == "executions":
            terms["snap_orders"] = request.snap_orders is not False
            terms["snap_trades"] = request.snap_trades is True
        reply.grant(terms)
        if snapshot:
            self.send(self._venue.snapshot(topic).encode())

    def _objection(self, channel: Channel, topic: Topic, now: int) -> str | None:
        if channel.by_symbol and not self._venue.lists(topic.symbol):
            return f"Currency pair not supported {topic.symbol}"
        if _key(channel, topic) in self._topics:
            return DUPLICATE
        cost = channel.costs.get(topic.variety, 0)
        if not cost:
            return None
        held = sum(1 for held in self._topics.values() if held.channel == channel.name)
        if held >= SYMBOLS_PER_CONNECTION or not self._counter.spend(cost, now):
            return TOO_FAST
        return None

    def _unsubscribe(self, request: Unsubscribe, reply: _Reply) -> None:
        channel = self._channel(request, reply)
        if channel is None:
            return
        for symbol in self._symbols(channel, request):
            topic = Topic(channel.name, symbol, channel.variety(request))
            if self._topics.get(_key(channel, topic)) != topic:
                reply.refuse(NOT_SUBSCRIBED, symbol=symbol or None)
                continue
            del self._topics[_key(channel, topic)]
            self._venue.leave(topic, self)
            reply.grant(channel.terms(request, topic))

    def _channel(self, request: Subscribe | Unsubscribe, reply: _Reply) -> Channel | None:
        """The channel asked for, if it may be asked for here and in this way."""
        channel = CHANNELS.get(request.channel)
        if channel is None:
            reply.refuse(requests.UNSUPPORTED)
            return None
        if error := misplaced(channel.home, self._socket):
            reply.refuse(error)
        elif channel.variety(request) not in channel.offered:
            reply.refuse(channel.not_offered)
        elif channel.by_symbol and not request.symbol:
            reply.refuse(NO_SYMBOL)
        elif not channel.needs_token or self._admits(request.token, reply):
            return channel
        return None

    def _admits(self, token: str | None, reply: _Reply) -> bool:
        """Check the token; once accepted it stays good for this connection."""
        if token is None:
            reply.refuse(NO_TOKEN)
            return False
        if token in self._tokens or self._venue.accounts.holder(token, reply.now):
            self._tokens.add(token)
            return True
        reply.refuse(BAD_TOKEN, status="error")
        return False

    @staticmethod
    def _symbols(channel: Channel, request: Subscribe | Unsubscribe) -> tuple[str, ...]:
        return (request.symbol or ()) if channel.by_symbol else ("",)

    def _other(self, request: Other, reply: _Reply) -> None:
        error = None
        if request.method in TRADING_METHODS:
            error = misplaced(Socket.PRIVATE, self._socket)
        reply.refuse(error or requests.UNSUPPORTED)


def _key(channel: Channel, topic: Topic) -> _Key:
    """What a connection may have once."""
    return (topic.channel, topic.symbol, topic.variety if channel.several else None)


class _Reply:
    """Answers to one request: they share its method, its id and its times."""

    def __init__(
        self, send: Callable[[bytes], None], method: str, req_id: int | None, now: int
    ) -> None:
        self.now = now
        self._send, self._method, self._req_id = send, method, req_id

    def grant(self, terms: dict[str, object]) -> None:
        terms = dict(sorted(terms.items()))
        text = encode.granted(
            self._method, terms, self._req_id, time_in=self.now, time_out=self.now
        )
        self._send(text.encode())

    def refuse(self, error: str, *, symbol: str | None = None, status: str | None = None) -> None:
        text = encode.refused(
            self._method,
            error,
            self._req_id,
            time_in=self.now,
            time_out=self.now,
            symbol=symbol,
            status=status,
        )
        self._send(text.encode())
