"""One client's connection with faults in it: every message and every request passes through.

It lies between the session and the send queue. While no fault is armed a message costs
one test. Pure: the time comes with `advance` and `receive`, and bytes leave through the
connection below.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple, Protocol

import msgspec

from kracked.gateway.client_session import ClientSession, Send
from kracked.gateway.refusals import INVALID_TOKEN
from kracked.protocol import encode, encode_replies, requests
from kracked.protocol.requests import Subscribe, UnknownMethod, Unsubscribe
from kracked.sim.faults import corrupt
from kracked.sim.faults.corrupt import MessageHead
from kracked.sim.faults.grammar import ANY
from kracked.sim.faults.refusals import REASONS, RefusalWording, refusal_message
from kracked.sim.faults.schedule import ROLES, FaultKind, FaultRule
from kracked.times import NS_PER_S

BOOKS = ("book", "level3")
ACCOUNT = ("executions", "balances")
MUTE_NS = 8 * NS_PER_S
SKEW_NS, SKEWED_NS = 3600 * NS_PER_S, 5 * NS_PER_S
LATE_NS = 3 * NS_PER_S
SILENT_NS = 20 * NS_PER_S
SWAP_NS = NS_PER_S
"""How long a message waits for another one to change places with."""
_HEARTBEAT = encode.HEARTBEAT.encode()

StreamKey = tuple[str, str]
"""Channel and symbol; the symbol of an account's channel is empty."""


class SocketBelow(Protocol):
    """The connection below, as faults use it."""

    def send(self, message: bytes) -> None:
        """Queue one message for the client."""

    def abort(self) -> None:
        """End the connection without a word."""

    def write(self, data: bytes) -> None:
        """Send raw bytes that are no frame of ours."""

    def close(self, reason: str) -> None:
        """Send what is queued, then close the connection with a reason."""


class InjectedFault(msgspec.Struct, frozen=True, kw_only=True):
    """A fault that was injected."""

    kind: FaultKind
    time: int
    """Exchange time, ns since the Unix epoch: nothing sent up to it was touched."""
    role: str = ""
    """The address its connection came to; empty for a fault of the whole exchange."""
    connection: int = 0
    symbol: str = ""
    channel: str = ""
    detail: str = ""


class _HeldMessages(NamedTuple):
    """Messages of one stream that are held back."""

    until: int
    messages: list[bytes]


class FaultyConnection:
    """A connection that faults can be armed on."""

    def __init__(
        self,
        role: str,
        below: SocketBelow,
        connect: Callable[[Send], ClientSession],
        *,
        random: Random,
        note: Callable[[InjectedFault], None],
        chances: Sequence[FaultRule] = (),
        now: int = 0,
    ) -> None:
        """Connect a client.

        Args:
            role: The address it came to: one of `ROLES`, or `ANY`.
            below: The connection that carries its messages.
            connect: Begins its session; called with the function that takes its messages.
            random: Decides what is left to chance.
            note: Takes every fault that is injected here.
            chances: The rules that apply to each book update by chance.
            now: Time, ns since the Unix epoch.
        """
        self.role, self.below = role, below
        self.now = now
        self.dead = False
        """Half-open: nothing flows in either direction."""
        self.tokens_expired = False
        """Whether every token is refused."""
        self._random, self._note = random, note
        other_roles = () if role == ANY else [other for other in ROLES if other != role]
        self._chances = [rule for rule in chances if rule.where not in other_roles]
        self._armed: dict[StreamKey, list[FaultKind]] = {}
        self._swapping: dict[StreamKey, _HeldMessages] = {}
        self._delayed: dict[StreamKey, _HeldMessages] = {}
        self._snapshot_delay_ns: int | None = None
        self._refusal: tuple[RefusalWording, str] | None = None
        self._silent: dict[StreamKey, int] = {}
        """When each silent stream speaks again; an empty symbol is every one."""
        self._mute_until = self._skew_until = self._skew_ns = 0
        self._active = bool(self._chances)
        """Whether any fault may apply to a message."""
        self.session = connect(self.send)

    # --- arming faults ------------------------------------------------------------------

    def arm(self, kind: FaultKind, stream: StreamKey) -> None:
        """Spoil the next update of this stream."""
        self._armed.setdefault(stream, []).append(kind)
        self._active = True

    def delay_snapshot(self, delay_ns: int = LATE_NS) -> None:
        """Hold back the next snapshot, and what follows it on its stream."""
        self._snapshot_delay_ns = delay_ns
        self._active = True

    def refuse_next(self, reason: RefusalWording, symbol: str = "") -> None:
        """Refuse the next subscription; with a symbol, the next one of that symbol."""
        self._refusal = (reason, symbol)

    def mute(self, for_ns: int = MUTE_NS) -> None:
        """Send no heartbeats for a while."""
        self._mute_until = self.now + for_ns
        self._active = True

    def silence(self, stream: StreamKey, for_ns: int = SILENT_NS) -> None:
        """Drop the frames of a stream for a while; an empty symbol is every one."""
        self._silent[stream] = self.now + for_ns
        self._active = True

    def skew(self, by_ns: int) -> None:
        """State wrong times for a while."""
        self._skew_ns, self._skew_until = by_ns, self.now + SKEWED_NS
        self._active = True

    def die(self) -> None:
        """Stay open and carry nothing more, in either direction."""
        self.dead = self._active = True

    def tear(self) -> None:
        """End in the middle of a frame."""
        self.below.write(corrupt.torn_frame(_HEARTBEAT, self._random))
        self.below.abort()

    @property
    def books(self) -> list[StreamKey]:
        """Every subscribed book."""
        return [
            (topic.channel, topic.symbol) for topic in self.session.topics if topic.channel in BOOKS
        ]

    def streams(self, kind: FaultKind) -> list[StreamKey]:
        """Return the streams a kind of fault can spoil; an account's have no checksum."""
        if kind is FaultKind.CHECKSUM:
            return self.books
        topics = self.session.topics
        return self.books + [(topic.channel, "") for topic in topics if topic.channel in ACCOUNT]

    # --- from the exchange to the client ------------------------------------------------

    def send(self, message: bytes) -> None:
        """Send a message, after what a fault may do to it."""
        if not self._active:
            self.below.send(message)
        elif not self.dead:
            for changed in self._after_faults(message):
                self.below.send(changed)

    def _after_faults(self, message: bytes) -> list[bytes]:
        """Return the messages to send in place of one."""
        if message == _HEARTBEAT:
            return [] if self.now < self._mute_until else [message]
        if self.now < self._skew_until:
            message = corrupt.shifted(message, self._skew_ns)
        head = corrupt.read_head(message)
        if head is not None and self._is_silent(head):
            return []
        if head is None or head.channel not in (*BOOKS, *ACCOUNT):
            return [message]
        stream = (head.channel, head.symbol)
        if head.kind == encode.SNAPSHOT:
            self._swapping.pop(stream, None)  # of a subscription that has ended
            if self._snapshot_delay_ns is not None:
                self._delayed[stream] = _HeldMessages(self.now + self._snapshot_delay_ns, [])
                self._snapshot_delay_ns = None
                self._note_message(FaultKind.LATE_SNAPSHOT, head, message)
        if (delayed := self._delayed.get(stream)) is not None:
            delayed.messages.append(message)
            return []
        return self._spoil(head, message) if head.kind == encode.UPDATE else [message]

    def _is_silent(self, head: MessageHead) -> bool:
        streams = ((head.channel, ""), (head.channel, head.symbol))
        return any(self.now < self._silent.get(stream, 0) for stream in streams)

    def _spoil(self, head: MessageHead, message: bytes) -> list[bytes]:
        """Return the messages to send in place of an update: armed faults first, then chance."""
        stream = (head.channel, head.symbol)
        if (swapping := self._swapping.pop(stream, None)) is not None:
            return [message, *swapping.messages]
        kind = self._armed[stream].pop() if self._armed.get(stream) else self._draw(head)
        if kind is None:
            return [message]
        self._note_message(kind, head, message)
        return self._damaged(kind, stream, message)

    def _damaged(self, kind: FaultKind, stream: StreamKey, message: bytes) -> list[bytes]:
        match kind:
            case FaultKind.LOST:
                return []
            case FaultKind.DUPLICATE:
                return [message, message]
            case FaultKind.CHECKSUM:
                return [corrupt.wrong_checksum(message)]
            case FaultKind.JSON:
                return [corrupt.broken_json(message, self._random)]
            case _:
                self._swapping[stream] = _HeldMessages(self.now + SWAP_NS, [message])
                return []

    def _draw(self, head: MessageHead) -> FaultKind | None:
        """Return the fault that chance brings to an update of a book, if any."""
        for rule in self._chances if head.channel in BOOKS else ():
            if rule.where in ("", self.role, head.symbol):
                assert rule.chance is not None
                if self._random.random() < rule.chance:
                    return rule.kind
        return None

    def _note_message(self, kind: FaultKind, head: MessageHead, message: bytes) -> None:
        self._note(
            InjectedFault(
                kind=kind,
                time=corrupt.time_of(message) or self.now,
                role=self.role,
                connection=self.session.connection_id,
                symbol=head.symbol,
                channel=head.channel,
            )
        )

    # --- from the client to the exchange ------------------------------------------------

    def receive(self, data: str | bytes, now: int) -> None:
        """Pass a request on to the session, unless a fault refuses it."""
        if self.dead:
            return
        self.now = max(self.now, now)
        if self.tokens_expired or self._refusal is not None:
            remainder = self._after_refusal(data, now)
            if remainder is None:
                return
            data = remainder
        self.session.receive(data, now)

    def _after_refusal(self, data: str | bytes, now: int) -> str | bytes | None:
        """Refuse what is to be refused of a request; return the rest of it, None for none."""
        request, req_id = requests.read(data)
        if isinstance(request, UnknownMethod) and self._refuse_order(request, req_id, now):
            return None
        if not isinstance(request, Subscribe | Unsubscribe) or req_id is None:
            return data
        if self.tokens_expired and request.token is not None:
            self._refuse(FaultKind.TOKEN, REASONS["session"], request, "", req_id, now)
            return None
        if self._refusal is None or isinstance(request, Unsubscribe):
            return data
        reason, target = self._refusal
        symbols = request.symbol or ()
        if (target and target not in symbols) or (reason.session and request.token is None):
            return data
        self._refusal = None
        symbol = target or (self._random.choice(symbols) if symbols else "")
        self._refuse(FaultKind.REFUSAL, reason, request, symbol, req_id, now)
        others = () if reason.bare else tuple(other for other in symbols if other != symbol)
        rest = msgspec.structs.replace(request, symbol=others)
        return requests.encode(rest, req_id) if others else None

    def _refuse_order(self, request: UnknownMethod, req_id: int | None, now: int) -> bool:
        """Refuse a trading request whose token is no longer good; the socket stays open."""
        if not self.tokens_expired or "token" not in request.params:
            return False
        error = INVALID_TOKEN
        refusal = encode_replies.refused(request.method, error, req_id, time_in=now, time_out=now)
        self.below.send(refusal.encode())
        self._note(
            InjectedFault(
                kind=FaultKind.TOKEN,
                time=now,
                role=self.role,
                connection=self.session.connection_id,
                detail=error,
            )
        )
        return True

    def _refuse(
        self,
        kind: FaultKind,
        reason: RefusalWording,
        request: Subscribe | Unsubscribe,
        symbol: str,
        req_id: int,
        now: int,
    ) -> None:
        self.below.send(refusal_message(reason, request, symbol, req_id, now))
        self._note(
            InjectedFault(
                kind=kind,
                time=now,
                role=self.role,
                connection=self.session.connection_id,
                symbol=symbol,
                channel=request.channel,
                detail=reason.error,
            )
        )

    # --- time -----------------------------------------------------------------------------

    def advance(self, now: int) -> None:
        """Move the time to `now`, and release the messages that were held long enough."""
        self.now = now
        if not self._active or self.dead:
            return
        for held in (self._delayed, self._swapping):
            for stream in [stream for stream, one in held.items() if one.until <= now]:
                for message in held.pop(stream).messages:
                    self.below.send(message)
        self._active = bool(
            self._chances
            or self._delayed
            or self._swapping
            or any(self._armed.values())
            or self._snapshot_delay_ns is not None
            or now < max(self._mute_until, self._skew_until, *self._silent.values(), 0)
        )
