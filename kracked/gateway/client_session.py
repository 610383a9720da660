"""One client's connection, minus the connection: its subscriptions and its requests.

Frames and the time go in; messages come out through `send`. The rules of requests and
acknowledgements live here. What channels carry lives in the exchange behind the session,
and orders live in the trading service it may be given: a session knows neither books nor
accounts.

Sources: docs.kraken.com/api/docs/guides/spot-ws-intro, recordings
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Protocol, TypeAlias

from kracked.gateway import refusals
from kracked.gateway.auth import ApiKey, ApiKeys
from kracked.gateway.channels import (
    CHANNELS,
    TRADING_METHODS,
    Channel,
    Socket,
    Topic,
    Variety,
    misplaced,
)
from kracked.gateway.exchange_state import ExchangeState
from kracked.protocol import encode, encode_replies, requests
from kracked.protocol.requests import InvalidRequest, Ping, Subscribe, UnknownMethod, Unsubscribe
from kracked.times import NS_PER_S

HEARTBEAT_NS = NS_PER_S
IDLE_NS = 60 * NS_PER_S
"""A connection that has no subscriptions and sends nothing for so long is closed."""
RATE_PER_S = 200
"""Decay of the level3 counter for a standard account, and also its limit."""
SYMBOLS_PER_CONNECTION = 200
"""Most level3 symbols of one connection."""

_HEARTBEAT = encode.HEARTBEAT.encode()
_Key = tuple[str, str, Variety]

Send: TypeAlias = Callable[[bytes], None]
"""Takes one message for a client; must not wait."""
Result: TypeAlias = dict[str, object] | list[dict[str, object]]
Answers: TypeAlias = list[Result | str]
"""The answers to one trading request, one message each; a refusal is its text."""


class MarketDataExchange(Protocol):
    """An exchange as a session's public side sees it."""

    keys: ApiKeys

    def refusal(self, topic: Topic) -> str | None:
        """Return why nobody can subscribe to a topic, in the exchange's words; None if all can."""

    def snapshot(self, topic: Topic) -> str:
        """Return what a new subscriber starts from; empty when that is yet to come."""

    def join(self, topic: Topic, session: ClientSession) -> None:
        """Send a topic's messages to a session from now on."""

    def leave(self, topic: Topic, session: ClientSession) -> None:
        """Stop sending a topic's messages to a session."""


class TradingRequests(Protocol):
    """The trading methods, as a session calls them."""

    def request(
        self,
        method: str,
        params: dict[str, object],
        key: ApiKey,
        now: int,
        answer: Callable[[Answers], None],
    ) -> None:
        """Act on one request of a known method.

        Args:
            method: One of `TRADING_METHODS`.
            params: The request's parameters, without its token.
            key: Whose request it is. What the key may do is for the method to check.
            now: Time, ns since the Unix epoch.
            answer: Takes the answers, at once or later. It is not called when the answer is
                lost on its way.
        """


class AccountStreams(Protocol):
    """The private channels, as a session subscribes to them."""

    def terms(self, account: str, request: Subscribe) -> dict[str, object]:
        """Return the parameters in force, as the acknowledgement states them."""

    def begin(self, account: str, request: Subscribe, listener: Hashable, send: Send) -> None:
        """Send the snapshot that was requested, then every change of the account."""

    def end(self, account: str, channel: str, listener: Hashable) -> None:
        """Stop sending a channel's messages to a listener."""


class TradingService(Protocol):
    """Orders and accounts. A session without one denies every request about them."""

    @property
    def requests(self) -> TradingRequests:
        """The trading methods."""

    @property
    def streams(self) -> AccountStreams:
        """The private channels."""


class RequestCounter:
    """A rate counter: each request adds its cost, and time takes it away."""

    def __init__(self, limit: int, per_s: int) -> None:
        self._limit, self._per_s = limit, per_s
        self._count = 0.0
        self._time = 0

    def spend(self, cost: int, now: int) -> bool:
        """Add the cost and return True, unless it would lift the counter above its limit."""
        drained = (now - self._time) * self._per_s / NS_PER_S
        self._count, self._time = max(0.0, self._count - drained), now
        if self._count + cost > self._limit:
            return False
        self._count += cost
        return True


class ClientSession:
    """Answers one client's requests and remembers its subscriptions.

    The owner calls `send_status` first, `receive` with every frame, `send_heartbeats` as
    time passes, and `end` when the connection is gone.
    """

    def __init__(
        self,
        exchange: MarketDataExchange,
        socket: Socket,
        send: Send,
        *,
        connection_id: int,
        now: int,
        trading: TradingService | None = None,
    ) -> None:
        """Begin a session.

        Args:
            exchange: What is behind the public channels and level3.
            socket: The address the client connected to.
            send: Takes one message for the client; must not wait.
            connection_id: Stated in the status.
            now: Time, ns since the Unix epoch.
            trading: What is behind orders and private channels; None denies them.
        """
        self.send = send
        self.connection_id = connection_id
        self._exchange, self._trading = exchange, trading
        self._socket = socket
        self._topics: dict[_Key, Topic] = {}
        self._without_snapshot: set[Topic] = set()
        """Subscribed topics whose snapshot was declined."""
        self._tokens: dict[str, ApiKey] = {}
        self._accounts: dict[str, str] = {}
        """The account that each subscribed private channel is about."""
        self._counter = RequestCounter(RATE_PER_S, RATE_PER_S)
        self._last_received = now
        self._next_heartbeat: int | None = None

    def receive(self, data: str | bytes, now: int) -> None:
        """Answer one frame of the client's."""
        self._last_received = now
        request, req_id = requests.read(data)
        reply = _Reply(self.send, request.method, req_id, now)
        match request:
            case Ping():
                self.send(encode_replies.pong(req_id, time_in=now, time_out=now).encode())
            case Subscribe():
                self._subscribe(request, reply)
            case Unsubscribe():
                self._unsubscribe(request, reply)
            case InvalidRequest():
                reply.refuse(request.error)
            case UnknownMethod():
                self._trade(request, reply)

    def refuse(self, data: str | bytes, error: str, now: int) -> None:
        """Answer one frame of the client's with a refusal."""
        request, req_id = requests.read(data)
        _Reply(self.send, request.method, req_id, now).refuse(error)

    @property
    def topics(self) -> tuple[Topic, ...]:
        """The subscribed topics, oldest first."""
        return tuple(self._topics.values())

    def wants_snapshot(self, topic: Topic) -> bool:
        """Whether a subscribed topic was requested with a snapshot."""
        return topic not in self._without_snapshot

    def send_status(self, state: ExchangeState, now: int) -> None:
        """Send the exchange's state: first of all, and at every change."""
        self.send(encode.status(state.status(self.connection_id, now)).encode())

    def send_heartbeats(self, now: int) -> None:
        """Send the heartbeats that are due: one a second, whatever else is sent."""
        while self._next_heartbeat is not None and self._next_heartbeat <= now:
            self.send(_HEARTBEAT)
            self._next_heartbeat += HEARTBEAT_NS

    def idle(self, now: int) -> bool:
        """Whether the exchange would close the connection."""
        return not self._topics and now - self._last_received >= IDLE_NS

    def end(self) -> None:
        """Drop every subscription: the connection is gone."""
        for topic in self._topics.values():
            self._leave(topic)
        self._topics.clear()

    # --- subscribing ------------------------------------------------------------------

    def _subscribe(self, request: Subscribe, reply: _Reply) -> None:
        channel = self._channel(request, reply)
        if channel is None:
            return
        if self._next_heartbeat is None:
            self._next_heartbeat = reply.now + HEARTBEAT_NS
        for symbol in _symbols(channel, request):
            self._subscribe_one(channel, symbol, request, reply)

    def _subscribe_one(
        self, channel: Channel, symbol: str, request: Subscribe, reply: _Reply
    ) -> None:
        topic = Topic(channel.name, symbol, channel.variety(request))
        error = self._refusal(channel, topic, reply.now)
        if error is not None:
            reply.refuse(error, symbol=symbol or None)
            return
        self._topics[_key(channel, topic)] = topic
        if channel.home is Socket.PRIVATE:
            assert request.token is not None
            assert self._trading is not None
            account = self._accounts[request.channel] = self._tokens[request.token].account
            reply.grant(self._trading.streams.terms(account, request))
            self._trading.streams.begin(account, request, self, self.send)
            return
        snapshot = channel.wants_snapshot(request)
        self._without_snapshot.discard(topic)
        if not snapshot:
            self._without_snapshot.add(topic)
        self._exchange.join(topic, self)
        reply.grant({**channel.terms(request, topic), **channel.extras, "snapshot": snapshot})
        if snapshot and (text := self._exchange.snapshot(topic)):
            self.send(text.encode())

    def _leave(self, topic: Topic) -> None:
        account = self._accounts.pop(topic.channel, None)
        if account is None or self._trading is None:
            self._exchange.leave(topic, self)
        else:
            self._trading.streams.end(account, topic.channel, self)

    def _refusal(self, channel: Channel, topic: Topic, now: int) -> str | None:
        """Return why this topic is refused to this session, if it is; charge for it if not."""
        if channel.by_symbol and not topic.symbol:
            return refusals.unsupported_pair(topic.symbol)
        if error := self._exchange.refusal(topic):
            return error
        if _key(channel, topic) in self._topics:
            return refusals.ALREADY_SUBSCRIBED
        cost = channel.costs.get(topic.variety, 0)
        if not cost:
            return None
        symbols = sum(1 for other in self._topics.values() if other.channel == channel.name)
        if symbols >= SYMBOLS_PER_CONNECTION or not self._counter.spend(cost, now):
            return refusals.MESSAGE_RATE
        return None

    def _unsubscribe(self, request: Unsubscribe, reply: _Reply) -> None:
        channel = self._channel(request, reply)
        if channel is None:
            return
        for symbol in _symbols(channel, request):
            topic = Topic(channel.name, symbol, channel.variety(request))
            if self._topics.get(_key(channel, topic)) != topic:
                reply.refuse(refusals.NOT_SUBSCRIBED, symbol=symbol or None)
                continue
            del self._topics[_key(channel, topic)]
            self._leave(topic)
            reply.grant(channel.terms(request, topic))

    def _channel(self, request: Subscribe | Unsubscribe, reply: _Reply) -> Channel | None:
        """Return the requested channel; None if the request was refused."""
        channel = CHANNELS.get(request.channel)
        if channel is None:
            reply.refuse(requests.UNSUPPORTED)
            return None
        if error := misplaced(channel.home, self._socket):
            reply.refuse(error)
        elif channel.variety(request) not in channel.offered:
            reply.refuse(channel.not_offered)
        elif channel.by_symbol and not request.symbol:
            reply.refuse(refusals.NO_SYMBOL)
        elif channel.home is Socket.PRIVATE and self._trading is None:
            reply.refuse(refusals.PERMISSION_DENIED)
        elif not channel.needs_token:
            return channel
        elif request.token is None:
            reply.refuse(refusals.NO_TOKEN)
        elif self._holder(request.token, reply.now) is None:
            reply.refuse(refusals.INVALID_SESSION, status="error")
        else:
            return channel
        return None

    def _holder(self, token: str, now: int) -> ApiKey | None:
        """Return the key a token belongs to; once accepted, it stays good for this session."""
        holder = self._tokens.get(token) or self._exchange.keys.holder(token, now)
        if holder is not None:
            self._tokens[token] = holder
        return holder

    # --- trading ----------------------------------------------------------------------

    def _trade(self, request: UnknownMethod, reply: _Reply) -> None:
        """Check the address and the token, and pass the request on."""
        params = dict(request.params)
        token = params.pop("token", None)
        if request.method not in TRADING_METHODS:
            reply.refuse(requests.UNSUPPORTED)
        elif error := misplaced(Socket.PRIVATE, self._socket):
            reply.refuse(error)
        elif self._trading is None:
            reply.refuse(refusals.PERMISSION_DENIED)
        elif not isinstance(token, str):
            reply.refuse(refusals.NO_TOKEN)
        elif (key := self._holder(token, reply.now)) is None:
            reply.refuse(refusals.INVALID_SESSION)
        else:
            self._trading.requests.request(request.method, params, key, reply.now, reply.answer)


def _key(channel: Channel, topic: Topic) -> _Key:
    """Return what one connection may be subscribed to once."""
    return (topic.channel, topic.symbol, topic.variety if channel.several else None)


def _symbols(channel: Channel, request: Subscribe | Unsubscribe) -> tuple[str, ...]:
    return (request.symbol or ()) if channel.by_symbol else ("",)


class _Reply:
    """The answers to one request, which share its method, its id and its times."""

    def __init__(self, send: Send, method: str, req_id: int | None, now: int) -> None:
        self.now = now
        self._send, self._method, self._req_id = send, method, req_id

    def grant(self, terms: dict[str, object]) -> None:
        """Acknowledge a subscription, or its end."""
        self._send_result(dict(sorted(terms.items())))

    def answer(self, answers: Answers) -> None:
        """Send the answers to a trading request, one message each."""
        for answer in answers:
            if isinstance(answer, str):
                self.refuse(answer)
            else:
                self._send_result(answer)

    def refuse(self, error: str, *, symbol: str | None = None, status: str | None = None) -> None:
        """Send a refusal."""
        text = encode_replies.refused(
            self._method,
            error,
            self._req_id,
            time_in=self.now,
            time_out=self.now,
            symbol=symbol,
            status=status,
        )
        self._send(text.encode())

    def _send_result(self, result: Result) -> None:
        text = encode_replies.granted(
            self._method, result, self._req_id, time_in=self.now, time_out=self.now
        )
        self._send(text.encode())
