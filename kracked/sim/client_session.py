"""One client's connection, minus the connection: what it asked for and what it is told.

Text and the time go in, bytes to send come out through `send`. The rules of requests
and acknowledgements live here; what channels say lives in the exchange.

Sources: docs.kraken.com/api/docs/guides/spot-ws-intro, recordings
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from kracked.gateway.auth import Accounts, ApiKey
from kracked.gateway.channels import (
    CHANNELS,
    TRADING_METHODS,
    Channel,
    Socket,
    Topic,
    Variety,
    misplaced,
)
from kracked.protocol import encode, events, requests
from kracked.protocol.requests import InvalidRequest, Ping, Subscribe, UnknownMethod, Unsubscribe
from kracked.sim import messages
from kracked.sim.faults.order_faults import OrderFault, OrderFaults
from kracked.sim.private_api.stream_subscriptions import StreamSubscriptions
from kracked.sim.private_api.ws_methods import Result, TradingMethods
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


class RequestCounter:
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


class MarketDataExchange(Protocol):
    """What a conversation about the market needs of its exchange."""

    accounts: Accounts

    def objection(self, topic: Topic) -> str | None:
        """Why nobody can subscribe to the topic here, in the exchange's words."""

    def snapshot(self, topic: Topic) -> str:
        """What a new subscriber to the topic starts from; empty when that is yet to come."""

    def join(self, topic: Topic, conversation: ClientSession) -> None:
        """Tell this conversation of the topic from now on."""

    def leave(self, topic: Topic, conversation: ClientSession) -> None:
        """Tell it no more."""


class TradingExchange(Protocol):
    """What a conversation about orders and money needs besides."""

    methods: TradingMethods
    subscriptions: StreamSubscriptions
    order_faults: OrderFaults

    def later(self, time: int, act: Callable[[], None]) -> None:
        """Do something when the market has come to this time."""


class ClientSession:
    """Answers one client's requests and remembers its subscriptions."""

    def __init__(
        self,
        venue: MarketDataExchange,
        socket: Socket,
        send: Callable[[bytes], None],
        *,
        connection_id: int,
        now: int,
        brokers: TradingExchange | None = None,
    ) -> None:
        """Without `brokers` every request about orders and money is denied."""
        self.send = send
        """Takes one message for the client; must not wait."""
        self.connection_id = connection_id
        self._venue, self._brokers = venue, brokers
        self._socket = socket
        self._topics: dict[_Key, Topic] = {}
        self._bare: set[Topic] = set()
        """Those of them whose snapshot was declined."""
        self._tokens: dict[str, ApiKey] = {}
        self._followed: dict[str, str] = {}
        """Whose account each private channel is about."""
        self._counter = RequestCounter(RATE_PER_S, RATE_PER_S)
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
            case InvalidRequest():
                reply.refuse(request.error)
            case UnknownMethod():
                self._other(request, reply)

    @property
    def topics(self) -> tuple[Topic, ...]:
        """What is subscribed."""
        return tuple(self._topics.values())

    def wants_snapshot(self, topic: Topic) -> bool:
        """Whether the topic, which is subscribed, was asked for with a snapshot."""
        return topic not in self._bare

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
            self._leave(topic)
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
        if channel.home is Socket.PRIVATE:
            self._follow(request, reply)
            return
        snapshot = channel.wants_snapshot(request)
        self._bare.discard(topic)
        if not snapshot:
            self._bare.add(topic)
        self._venue.join(topic, self)
        terms = {**channel.terms(request, topic), **channel.extras, "snapshot": snapshot}
        reply.grant(terms)
        if snapshot and (text := self._venue.snapshot(topic)):
            self.send(text.encode())

    def _follow(self, request: Subscribe, reply: _Reply) -> None:
        """Tell a private channel of the account the request's token belongs to."""
        assert request.token is not None
        assert self._brokers is not None
        name = self._followed[request.channel] = self._tokens[request.token].account
        reply.grant(self._brokers.subscriptions.terms(name, request))
        self._brokers.subscriptions.begin(name, request, self, self.send)

    def _leave(self, topic: Topic) -> None:
        name = self._followed.pop(topic.channel, None)
        if name is None or self._brokers is None:
            self._venue.leave(topic, self)
        else:
            self._brokers.subscriptions.end(name, topic.channel, self)

    def _objection(self, channel: Channel, topic: Topic, now: int) -> str | None:
        if error := self._venue.objection(topic):
            return error
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
            self._leave(topic)
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
        elif channel.home is Socket.PRIVATE and self._brokers is None:
            reply.refuse(messages.PERMISSION_DENIED)
        elif not channel.needs_token or self._admits(request.token, reply):
            return channel
        return None

    def _admits(self, token: str | None, reply: _Reply) -> bool:
        """Check the token; once accepted it stays good for this connection."""
        if token is None:
            reply.refuse(NO_TOKEN)
            return False
        if self._holder(token, reply.now) is None:
            reply.refuse(BAD_TOKEN, status="error")
            return False
        return True

    def _holder(self, token: str, now: int) -> ApiKey | None:
        """Whose token it is, if it is good here."""
        holder = self._tokens.get(token) or self._venue.accounts.holder(token, now)
        if holder is not None:
            self._tokens[token] = holder
        return holder

    @staticmethod
    def _symbols(channel: Channel, request: Subscribe | Unsubscribe) -> tuple[str, ...]:
        return (request.symbol or ()) if channel.by_symbol else ("",)

    # --- trading ----------------------------------------------------------------------

    def _other(self, request: UnknownMethod, reply: _Reply) -> None:
        if request.method not in TRADING_METHODS:
            reply.refuse(requests.UNSUPPORTED)
        elif error := misplaced(Socket.PRIVATE, self._socket):
            reply.refuse(error)
        elif self._brokers is None:
            reply.refuse(messages.PERMISSION_DENIED)
        else:
            self._trade(request, reply, self._brokers)

    def _trade(self, request: UnknownMethod, reply: _Reply, brokers: TradingExchange) -> None:
        """Check the token, act, and answer; unless a fault of orders comes between."""
        params = dict(request.params)
        token = params.pop("token", None)
        if not isinstance(token, str):
            reply.refuse(NO_TOKEN)
            return
        key = self._holder(token, reply.now)
        if key is None:
            reply.refuse(BAD_TOKEN)
            return
        methods = brokers.methods
        mishap = brokers.order_faults.strike(methods.rest_name(request.method))
        if mishap is not None and not mishap.kind.acts:
            if mishap.kind is OrderFault.UNAVAILABLE:
                reply.refuse(messages.UNAVAILABLE)
            elif mishap.kind is OrderFault.THROTTLED:
                reply.refuse(messages.throttled(reply.now + mishap.length_ns))
            return  # lost on its way here: no answer ever comes
        answers = methods.answer(request.method, params, key, reply.now)
        if mishap is None or mishap.kind is OrderFault.REST_LAG:
            reply.answer(answers)
        elif mishap.kind is OrderFault.REPLY_LATE:
            late = reply.now + mishap.length_ns
            brokers.later(late, lambda: reply.answer(answers))


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

    def answer(self, answers: list[Result | str]) -> None:
        """What came of a trading request, one message each."""
        for answer in answers:
            if isinstance(answer, str):
                self.refuse(answer)
                continue
            text = encode.granted(
                self._method, answer, self._req_id, time_in=self.now, time_out=self.now
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
